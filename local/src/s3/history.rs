//! All versions of one object.

use std::sync::Arc;
use std::time::SystemTime;

use super::object::StoredObject;

/// One version, or the mark that the object was deleted.
#[derive(Clone, Debug)]
pub(super) struct Version {
    /// [`NULL`] for what was written while the bucket kept no versions.
    pub(super) id: String,
    /// Later ones have a higher one, whatever the clock says.
    pub(super) sequence: u64,
    pub(super) content: Content,
}

#[derive(Clone, Debug)]
pub(super) enum Content {
    Object(Arc<StoredObject>),
    DeleteMarker(SystemTime),
}

impl Version {
    pub(super) fn object(&self) -> Option<&Arc<StoredObject>> {
        match &self.content {
            Content::Object(object) => Some(object),
            Content::DeleteMarker(_) => None,
        }
    }

    pub(super) fn last_modified(&self) -> SystemTime {
        match &self.content {
            Content::Object(object) => object.last_modified,
            Content::DeleteMarker(time) => *time,
        }
    }

    pub(super) fn size(&self) -> usize {
        self.object().map_or(0, |object| object.bytes.len())
    }
}

/// What there is of one key, the newest last.
#[derive(Clone, Debug, Default)]
pub(super) struct History(Vec<Version>);

impl History {
    pub(super) fn new(mut versions: Vec<Version>) -> Self {
        versions.sort_by_key(|version| version.sequence);
        Self(versions)
    }

    pub(super) fn latest(&self) -> Option<&Version> {
        self.0.last()
    }

    /// The object as a reader sees it: none if it was deleted.
    pub(super) fn object(&self) -> Option<&Arc<StoredObject>> {
        self.latest()?.object()
    }

    pub(super) fn version(&self, id: &str) -> Option<&Version> {
        self.0.iter().find(|version| version.id == id)
    }

    pub(super) fn newest_first(&self) -> impl Iterator<Item = &Version> {
        self.0.iter().rev()
    }

    /// All but the latest, the oldest first.
    pub(super) fn earlier(&self) -> &[Version] {
        self.0.split_last().map_or(&[], |(_, earlier)| earlier)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// With a newer version; there is only one of the id [`NULL`].
    pub(super) fn with(&self, version: Version) -> Self {
        let mut history = self.without(&version.id);
        history.0.push(version);
        history
    }

    pub(super) fn without(&self, id: &str) -> Self {
        let versions = self.0.iter().filter(|version| version.id != id);
        Self(versions.cloned().collect())
    }

    /// Drops earlier versions, the oldest first, while there are more than `count` or while `too_many` says
    /// so of the bytes that they have.
    pub(super) fn trim(&mut self, count: usize, too_many: impl Fn(usize) -> bool) {
        let earlier = self.earlier();
        let mut bytes = bytes(earlier);
        let mut dropped = 0;
        for version in earlier {
            if earlier.len() - dropped <= count && !too_many(bytes) {
                break;
            }
            bytes -= version.size();
            dropped += 1;
        }
        self.0.drain(..dropped);
    }

    /// Drops earlier versions that `expired` says so of: of when the next one took its place, and of how
    /// many earlier versions are newer.
    pub(super) fn expire(&mut self, expired: impl Fn(SystemTime, usize) -> bool) {
        let count = self.earlier().len();
        let replaced: Vec<SystemTime> = self.0.iter().skip(1).map(Version::last_modified).collect();
        let mut place = 0;
        self.0.retain(|_| {
            let newer = count.saturating_sub(place + 1);
            let keep = replaced
                .get(place)
                .is_none_or(|replaced| !expired(*replaced, newer));
            place += 1;
            keep
        });
    }
}

pub(super) fn bytes(versions: &[Version]) -> usize {
    versions.iter().map(Version::size).sum()
}

/// The id of the one version in a bucket without versions.
pub(super) const NULL: &str = "null";
