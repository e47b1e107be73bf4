//! A simulated S3: the whole chain of versions of every object, and conditions as S3 has them.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dojang::s3::{
    Condition, ETag, Fetched, Head, Location, Object, S3Error, Said, Upload, Written,
};
use sha2::{Digest, Sha256};

use crate::scheduler::Micros;
use crate::world::seconds;

/// A version of an object.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    pub(crate) bytes: Arc<Vec<u8>>,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) etag: ETag,
    pub(crate) written: Micros,
    /// The invocation that wrote it.
    pub(crate) author: u64,
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

/// What a server does not keep (`docs/protocol.md#what-the-server-must-keep`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lack {
    Metadata,
    IfMatch,
    IfNoneMatch,
}

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
    /// What happened, and how often.
    happened: BTreeMap<String, usize>,
    lacks: Option<Lack>,
    /// The ETags that each invocation named in a GET, and when: of versions that it knew by then.
    known: BTreeMap<u64, Vec<(Micros, ETag)>>,
}

/// A write as it is sent.
#[derive(Clone)]
pub(crate) struct Write {
    bucket: String,
    key: String,
    bytes: Arc<Vec<u8>>,
    metadata: BTreeMap<String, String>,
    /// `None`: none; `Some(None)`: the object must be absent.
    condition: Option<Option<ETag>>,
    author: u64,
}

impl Write {
    /// By the invocation that the calling thread serves.
    pub(crate) fn new(location: Location<'_>, upload: &Upload<'_>) -> Self {
        let metadata = upload
            .metadata
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self {
            bucket: location.bucket.to_owned(),
            key: location.key.to_owned(),
            bytes: Arc::new(upload.parts.concat()),
            metadata: metadata.collect(),
            condition: match upload.condition {
                Condition::Always => None,
                Condition::Absent => Some(None),
                Condition::Match(etag) => Some(Some(etag.clone())),
            },
            author: INVOCATION.get(),
        }
    }

    pub(crate) fn has_condition(&self) -> bool {
        self.condition.is_some()
    }
}

thread_local! {
    static INVOCATION: Cell<u64> = const { Cell::new(0) };
}

/// From now on the calling thread serves this invocation.
pub(crate) fn serve(invocation: u64) {
    INVOCATION.set(invocation);
}

/// What an answer of S3's means.
pub(crate) fn answered(status: u16, code: &str) -> S3Error {
    S3Error::from_answer(Said {
        status,
        code: code.to_owned(),
        ..Said::default()
    })
}

impl S3 {
    pub(crate) fn lacking(lack: Lack) -> Self {
        let s3 = Self::default();
        s3.lock().lacks = Some(lack);
        s3
    }

    pub(crate) fn get(
        &self,
        now: Micros,
        location: Location<'_>,
        unless: Option<&ETag>,
    ) -> Result<Fetched, S3Error> {
        let state = self.at(now);
        let version = state.newest(location)?;
        if unless == Some(&version.etag) {
            let last_modified = Some(seconds(version.written));
            return Ok(Fetched::NotModified { last_modified });
        }
        Ok(Fetched::Object(Object {
            bytes: version.bytes.to_vec(),
            head: version.head(),
        }))
    }

    pub(crate) fn head(&self, now: Micros, location: Location<'_>) -> Result<Head, S3Error> {
        Ok(self.at(now).newest(location)?.head())
    }

    pub(crate) fn put(&self, now: Micros, write: &Write) -> Result<Written, S3Error> {
        Ok(Written {
            etag: self.at(now).write(now, write.clone(), false)?,
            answered: Some(seconds(now)),
        })
    }

    /// A write that takes effect when nobody waits for it any more.
    pub(crate) fn put_later(&self, due: Micros, write: &Write) {
        self.lock().late.push((due, write.clone()));
    }

    /// Counts what happens.
    pub(crate) fn note(&self, what: impl Into<String>) {
        *self.lock().happened.entry(what.into()).or_default() += 1;
    }

    pub(crate) fn happened(&self) -> BTreeMap<String, usize> {
        self.lock().happened.clone()
    }

    /// The invocation that the calling thread serves knows this version.
    pub(crate) fn is_known(&self, now: Micros, etag: &ETag) {
        let mut state = self.lock();
        let known = state.known.entry(INVOCATION.get()).or_default();
        known.push((now, etag.clone()));
    }

    /// What an invocation knew by which time, by ETag.
    pub(crate) fn known(&self, invocation: u64) -> Vec<(Micros, ETag)> {
        self.lock()
            .known
            .get(&invocation)
            .cloned()
            .unwrap_or_default()
    }

    /// The versions of an object.
    pub(crate) fn chain(&self, bucket: &str, key: &str) -> Vec<Version> {
        let state = self.lock();
        state
            .chains
            .get(&(bucket.to_owned(), key.to_owned()))
            .cloned()
            .unwrap_or_default()
    }

    /// The objects that are or were there.
    pub(crate) fn objects(&self) -> Vec<(String, String)> {
        self.lock().chains.keys().cloned().collect()
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
            author: 0,
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

    /// What serves a request at that time.
    fn at(&self, now: Micros) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        state.requests += 1;
        state.land_late_writes(now);
        state
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

    fn write(&mut self, now: Micros, mut write: Write, is_foreign: bool) -> Result<ETag, S3Error> {
        match self.lacks {
            Some(Lack::Metadata) => write.metadata.clear(),
            Some(Lack::IfMatch) => write.condition = write.condition.filter(Option::is_none),
            Some(Lack::IfNoneMatch) => write.condition = write.condition.filter(Option::is_some),
            None => {}
        }
        let chain = self.chains.entry((write.bucket, write.key)).or_default();
        let newest = chain.last().filter(|newest| !newest.is_deleted);
        let failed = || Err(answered(412, "PreconditionFailed"));
        match (&write.condition, newest) {
            (Some(Some(_)), None) => return Err(answered(404, "NoSuchKey")),
            (Some(Some(etag)), Some(newest)) if *etag != newest.etag => return failed(),
            (Some(None), Some(_)) => return failed(),
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
            author: write.author,
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
            .ok_or_else(|| answered(404, "NoSuchKey"))
    }
}
