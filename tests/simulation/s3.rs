//! A simulated S3: the whole chain of versions of every object, and conditions as S3 has them.
//!
//! It also has all that can go wrong between S3 and an instance.

use std::collections::BTreeMap;
use std::panic::panic_any;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dojang::s3::{
    Condition, ETag, Fetched, Head, Location, Object, ObjectStore, S3Error, Upload, Written,
};
use sha2::{Digest, Sha256};

use crate::instance::seconds;
use crate::random::Random;
use crate::scheduler::{Micros, Scheduler};

/// What goes wrong, in so many of 1,000 requests.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    /// The connection is cut before the request takes effect.
    pub(crate) cut_before: u64,
    /// The connection is cut after it.
    pub(crate) cut_after: u64,
    /// A write takes effect later than its sender waits for.
    pub(crate) late: u64,
    /// 500, of which S3 does not say whether the request took effect.
    pub(crate) error: u64,
    /// 503 `SlowDown`.
    pub(crate) slow_down: u64,
    /// 409, for conditional writes.
    pub(crate) conflict: u64,
    /// From when to when S3 cannot be reached at all, in µs.
    pub(crate) outage: (Micros, Micros),
    /// The instance is killed before or after the request takes effect, or long before it does.
    pub(crate) kill: u64,
    /// Nothing comes until the client has waited long enough.
    pub(crate) stall: u64,
    /// The instance's clock is set while a request is under way.
    pub(crate) clock_jump: u64,
}

/// A version of an object.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    pub(crate) bytes: Arc<Vec<u8>>,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) etag: ETag,
    pub(crate) written: Micros,
    /// Not written by an instance of ours.
    pub(crate) is_foreign: bool,
    /// The object was deleted; there is nothing.
    pub(crate) is_deleted: bool,
}

impl Version {
    fn head(&self) -> Head {
        Head {
            etag: self.etag.clone(),
            metadata: self.metadata.clone(),
            last_modified: Some(seconds(self.written)),
        }
    }
}

/// What an instance that is killed panics with.
pub(crate) struct Killed;

/// The objects of all buckets.
#[derive(Clone, Default)]
pub(crate) struct S3(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// By bucket and key, the oldest version first.
    chains: BTreeMap<(String, String), Vec<Version>>,
    /// How many requests were made.
    requests: usize,
    /// Writes that take effect later, by time.
    late: Vec<(Micros, Write)>,
}

#[derive(Clone)]
struct Write {
    bucket: String,
    key: String,
    bytes: Arc<Vec<u8>>,
    metadata: BTreeMap<String, String>,
    /// `None`: none; `Some(None)`: the object must be absent.
    condition: Option<Option<ETag>>,
}

impl S3 {
    /// The versions of an object.
    pub(crate) fn chain(&self, bucket: &str, key: &str) -> Vec<Version> {
        let state = self.lock();
        state
            .chains
            .get(&(bucket.to_owned(), key.to_owned()))
            .cloned()
            .unwrap_or_default()
    }

    /// The newest version of an object.
    pub(crate) fn newest(&self, bucket: &str, key: &str) -> Option<Version> {
        self.lock().newest(Location { bucket, key }).ok().cloned()
    }

    /// Writes as somebody who knows nothing of conditions.
    pub(crate) fn write_foreign(
        &self,
        now: Micros,
        bucket: &str,
        key: &str,
        bytes: Vec<u8>,
        metadata: BTreeMap<String, String>,
    ) {
        let mut state = self.lock();
        state.land_late_writes(now);
        let write = Write {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            bytes: Arc::new(bytes),
            metadata,
            condition: None,
        };
        let _ = state.write(now, write, true);
    }

    /// Deletes an object.
    pub(crate) fn delete(&self, now: Micros, bucket: &str, key: &str) {
        self.write_foreign(now, bucket, key, Vec::new(), BTreeMap::new());
        let mut state = self.lock();
        let chain = state.chains.get_mut(&(bucket.to_owned(), key.to_owned()));
        if let Some(newest) = chain.and_then(|chain| chain.last_mut()) {
            newest.is_deleted = true;
        }
    }

    /// How many requests were made so far.
    pub(crate) fn requests(&self) -> usize {
        self.lock().requests
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn land_late_writes(&mut self, now: Micros) {
        self.late.sort_by_key(|(due, _)| *due);
        while self.late.first().is_some_and(|(due, _)| *due <= now) {
            let (due, write) = self.late.remove(0);
            let _ = self.write(due, write, false);
        }
    }

    fn write(&mut self, now: Micros, write: Write, is_foreign: bool) -> Result<ETag, S3Error> {
        let chain = self.chains.entry((write.bucket, write.key)).or_default();
        let newest = chain.last().filter(|newest| !newest.is_deleted);
        match (&write.condition, newest) {
            (Some(Some(_)), None) => return Err(S3Error::Absent),
            (Some(Some(etag)), Some(newest)) if *etag != newest.etag => {
                return Err(S3Error::PreconditionFailed(Box::default()));
            }
            (Some(None), Some(_)) => return Err(S3Error::PreconditionFailed(Box::default())),
            _ => {}
        }
        // As MD5 does under SSE-S3, the ETag depends on the bytes only.
        let etag = ETag(format!(
            "\"{}\"",
            &hex::encode(Sha256::digest(&*write.bytes))[..32]
        ));
        chain.push(Version {
            bytes: write.bytes,
            metadata: write.metadata,
            etag: etag.clone(),
            written: now,
            is_foreign,
            is_deleted: false,
        });
        Ok(etag)
    }

    fn newest(&self, location: Location<'_>) -> Result<&Version, S3Error> {
        let chain = self
            .chains
            .get(&(location.bucket.to_owned(), location.key.to_owned()));
        chain
            .and_then(|chain| chain.last())
            .filter(|newest| !newest.is_deleted)
            .ok_or(S3Error::Absent)
    }
}

/// S3 as one instance reaches it.
pub(crate) struct Connection {
    pub(crate) s3: S3,
    pub(crate) scheduler: Scheduler,
    pub(crate) faults: Faults,
    /// One way, in µs: the least, and what may come on top.
    pub(crate) latency: (Micros, Micros),
    pub(crate) random: Mutex<Random>,
    /// How far the instance's clock is off, in seconds.
    pub(crate) skew: Arc<AtomicI64>,
}

impl Connection {
    fn draw<T>(&self, draw: impl FnOnce(&mut Random) -> T) -> T {
        draw(&mut self.random.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn sleep(&self, duration: Micros) {
        self.scheduler.sleep(duration);
    }

    /// Brings a request to S3 and its answer back; `serve` makes it take effect.
    fn exchange<T>(
        &self,
        legs: Legs,
        timeout: Duration,
        write: Option<&Write>,
        serve: impl FnOnce(&mut State, Micros) -> Result<T, S3Error>,
    ) -> Result<T, S3Error> {
        let (least, more) = self.latency;
        let [there, back] = self.draw(|random| {
            [(); 2].map(|()| least + if more == 0 { 0 } else { random.below(more) })
        });
        let there = if legs.there { there } else { 0 };
        let back = if legs.back { back } else { 0 };
        let faults = self.faults;
        let happens = |per_mille| self.draw(|random| random.happens(per_mille));
        let lost = |what: &str| S3Error::OutcomeUnknown {
            cause: what.to_owned(),
        };
        let timeout = Micros::try_from(timeout.as_micros()).unwrap_or(Micros::MAX);
        if there + back > timeout {
            self.sleep(timeout);
            return Err(lost("time is up"));
        }
        if (faults.outage.0..faults.outage.1).contains(&self.scheduler.now()) {
            self.sleep(there);
            return Err(S3Error::Unreachable {
                cause: "an outage".to_owned(),
            });
        }
        if happens(faults.kill) {
            match (self.draw(|random| random.below(3)), write) {
                (0, _) => {}
                (1, Some(write)) => self.send_late(write),
                _ => {
                    self.sleep(there);
                    let _ = self.serve(serve);
                }
            }
            panic_any(Killed);
        }
        if happens(faults.clock_jump) {
            let skew = self.draw(|random| random.below(7_200));
            let skew = i64::try_from(skew).expect("it is small") - 3_600;
            self.skew.store(skew, Ordering::Relaxed);
        }
        self.sleep(there);
        if happens(faults.stall) {
            if happens(500) {
                let _ = self.serve(serve);
            }
            self.sleep((timeout - there).min(MOST_PATIENCE));
            return Err(lost("stalled"));
        }
        if happens(faults.cut_before) {
            return Err(lost("cut before"));
        }
        if happens(faults.slow_down) {
            return Err(S3Error::NotNow(Box::default()));
        }
        if let Some(write) = write {
            if happens(faults.late) {
                self.send_late(write);
                self.sleep(back);
                return Err(lost("no answer"));
            }
            if write.condition.is_some() && happens(faults.conflict) {
                return Err(S3Error::Conflict(Box::default()));
            }
        }
        if happens(faults.error) {
            if happens(500) {
                let _ = self.serve(serve);
            }
            self.sleep(back);
            return Err(lost("500"));
        }
        let answer = self.serve(serve);
        self.sleep(back);
        if happens(faults.cut_after) {
            return Err(lost("cut after"));
        }
        answer
    }

    /// A write that takes effect when nobody waits for it any more.
    fn send_late(&self, write: &Write) {
        let due = self.scheduler.now() + self.draw(|random| random.below(MOST_LATE));
        self.s3.lock().late.push((due, write.clone()));
    }

    fn serve<T>(
        &self,
        serve: impl FnOnce(&mut State, Micros) -> Result<T, S3Error>,
    ) -> Result<T, S3Error> {
        let now = self.scheduler.now();
        let mut state = self.s3.lock();
        state.requests += 1;
        state.land_late_writes(now);
        serve(&mut state, now)
    }
}

impl ObjectStore for Connection {
    fn get(
        &self,
        location: Location<'_>,
        unless: Option<&ETag>,
        timeout: Duration,
    ) -> Result<Fetched, S3Error> {
        self.get_within(Legs::BOTH, location, unless, timeout)
    }

    fn head(&self, location: Location<'_>, timeout: Duration) -> Result<Head, S3Error> {
        self.head_within(Legs::BOTH, location, timeout)
    }

    /// Both on their way at once; either may come first.
    fn get_beside_head(
        &self,
        get: Location<'_>,
        head: Location<'_>,
        timeout: Duration,
    ) -> (Result<Fetched, S3Error>, Result<Head, S3Error>) {
        let (first, second) = (
            Legs {
                there: true,
                back: false,
            },
            Legs {
                there: false,
                back: true,
            },
        );
        // The second has set out with the first: both have the same time.
        let begun = self.scheduler.now();
        let left = || timeout.saturating_sub(Duration::from_micros(self.scheduler.now() - begun));
        if self.draw(|random| random.happens(500)) {
            let looked = self.head_within(first, head, timeout);
            return (self.get_within(second, get, None, left()), looked);
        }
        let fetched = self.get_within(first, get, None, timeout);
        (fetched, self.head_within(second, head, left()))
    }

    fn put(
        &self,
        location: Location<'_>,
        upload: &Upload<'_>,
        timeout: Duration,
    ) -> Result<Written, S3Error> {
        let metadata = upload
            .metadata
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let write = Write {
            bucket: location.bucket.to_owned(),
            key: location.key.to_owned(),
            bytes: Arc::new(upload.parts.concat()),
            metadata: metadata.collect(),
            condition: match upload.condition {
                Condition::Always => None,
                Condition::Absent => Some(None),
                Condition::Match(etag) => Some(Some(etag.clone())),
            },
        };
        let copy = write.clone();
        self.exchange(Legs::BOTH, timeout, Some(&copy), |state, now| {
            Ok(Written {
                etag: state.write(now, write, false)?,
                answered: Some(seconds(now)),
            })
        })
    }
}

impl Connection {
    fn get_within(
        &self,
        legs: Legs,
        location: Location<'_>,
        unless: Option<&ETag>,
        timeout: Duration,
    ) -> Result<Fetched, S3Error> {
        self.exchange(legs, timeout, None, |state, _| {
            let version = state.newest(location)?;
            if unless == Some(&version.etag) {
                let last_modified = Some(seconds(version.written));
                return Ok(Fetched::NotModified { last_modified });
            }
            Ok(Fetched::Object(Object {
                bytes: version.bytes.to_vec(),
                head: version.head(),
            }))
        })
    }

    fn head_within(
        &self,
        legs: Legs,
        location: Location<'_>,
        timeout: Duration,
    ) -> Result<Head, S3Error> {
        self.exchange(legs, timeout, None, |state, _| {
            Ok(state.newest(location)?.head())
        })
    }
}

/// Which ways of a request take time: of two that are under way at once, one each.
#[derive(Clone, Copy)]
struct Legs {
    there: bool,
    back: bool,
}

impl Legs {
    const BOTH: Self = Self {
        there: true,
        back: true,
    };
}

/// How much later than sent a write may take effect.
pub(crate) const MOST_LATE: Micros = 3_000_000;
/// How long a client waits for a sign of life (`src/s3/transport.rs`).
const MOST_PATIENCE: Micros = 5_000_000;
