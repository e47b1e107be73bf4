//! A bucket, how much is kept of all, and why something is not.

use std::collections::BTreeMap;
use std::io;
use std::time::SystemTime;

use super::history::{self, History, Version};
use super::settings::Settings;

/// A bucket as it is at one moment.
pub(super) struct Bucket {
    pub(super) settings: Settings,
    pub(super) objects: BTreeMap<String, History>,
    /// When the server found or made it.
    pub(super) since: SystemTime,
}

impl Bucket {
    pub(super) fn new() -> Self {
        Self {
            settings: Settings::default(),
            objects: BTreeMap::new(),
            since: SystemTime::now(),
        }
    }
}

/// How many bytes of content are kept.
pub(super) struct Bytes {
    pub(super) now: usize,
    pub(super) earlier: usize,
}

impl Bytes {
    pub(super) fn of(buckets: &BTreeMap<String, Bucket>) -> Self {
        let mut bytes = Self { now: 0, earlier: 0 };
        for history in buckets.values().flat_map(|bucket| bucket.objects.values()) {
            bytes.now += history.latest().map_or(0, Version::size);
            bytes.earlier += history::bytes(history.earlier());
        }
        bytes
    }

    pub(super) fn without(self, history: &History) -> Self {
        Self {
            now: self.now - history.latest().map_or(0, Version::size),
            earlier: self.earlier - history::bytes(history.earlier()),
        }
    }
}

/// Why nothing was changed.
#[derive(Debug)]
pub(super) enum ChangeError<E> {
    /// The caller's condition did not hold.
    Refused(E),
    /// There is no such bucket.
    NoSuchBucket,
    /// More would be kept than [`Limits`] permit.
    Full,
    /// The disk refused.
    Io(io::Error),
}

/// How much is kept. S3 has no such limits.
pub(super) struct Limits {
    /// Of one key. The oldest go first.
    pub(super) earlier_versions: usize,
    /// Of all keys together. Those of the key that is written go, the oldest first.
    pub(super) earlier_bytes: usize,
    /// Of all objects as they are now.
    pub(super) bytes: usize,
}

pub(super) const LIMITS: Limits = Limits {
    earlier_versions: 1_000,
    earlier_bytes: 64 << 20,
    bytes: 1 << 30,
};
