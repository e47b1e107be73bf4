//! Whether an S3-compatible server keeps what the promises rest on (`docs/protocol.md#what-the-server-must-keep`).
//!
//! AWS does, and is not asked. At a configured endpoint each instance tries it on an object of its own, before its
//! first change.

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::nonce::Nonce;
use super::objects::Objects;
use crate::s3::{Condition, ETag, Fetched, ObjectStore, S3Error, Upload, Written};

/// How far the server is trusted to keep what the promises rest on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// It is AWS, or somebody said that it is as good: nothing is tried.
    #[default]
    Full,
    /// It is tried. Where it does not keep something, changes are refused.
    Probed,
    /// It is tried. Where it does not keep something, a warning says so: there is one instance at a time, and
    /// somebody answers for that.
    SingleInstance,
}

/// What a server does not keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    Metadata,
    IfNoneMatch,
    IfMatch,
    Atomicity,
}

impl Flaw {
    /// What is wrong, and what is lost by it. For the log.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Metadata => {
                "the S3 server drops x-amz-meta-* headers: a request that is repeated takes effect twice"
            }
            Self::IfNoneMatch => {
                "the S3 server ignores If-None-Match: where two instances begin a club or a year of history at \
                 once, one is lost"
            }
            Self::IfMatch => {
                "the S3 server ignores If-Match: of several changes made at once, all but one are lost"
            }
            Self::Atomicity => {
                "the S3 server lets several writes pass one If-Match: of several changes made at once, some are \
                 lost"
            }
        }
    }
}

/// Tries the server. What is tried anew each time has `nonce` in it. Takes no longer than `timeout`, or little
/// longer.
///
/// # Errors
/// The first request that failed for another reason than its condition.
pub(super) fn probe<S: ObjectStore>(
    objects: &Objects<S>,
    nonce: Nonce,
    timeout: Duration,
) -> Result<Vec<Flaw>, S3Error> {
    let mut probe = Probe {
        objects,
        nonce,
        written: 0,
        timeout: timeout / STEPS,
    };
    let mut flaws = Vec::new();
    probe.write(Condition::Always)?;
    if !probe.are_metadata_kept()? {
        flaws.push(Flaw::Metadata);
    }
    if !is_heeded(probe.write(Condition::Absent))? {
        flaws.push(Flaw::IfNoneMatch);
    }
    let nobody = ETag("\"00000000000000000000000000000000\"".to_owned());
    if !is_heeded(probe.write(Condition::Match(&nobody)))? {
        flaws.push(Flaw::IfMatch);
    } else if !probe.is_atomic()? {
        flaws.push(Flaw::Atomicity);
    }
    Ok(flaws)
}

/// Whether a condition that does not hold kept a write from being made. A server that does not know it may say so
/// (501): then it does not heed it either.
fn is_heeded(written: Result<Written, S3Error>) -> Result<bool, S3Error> {
    match written {
        Ok(_) => Ok(false),
        Err(S3Error::Absent) => Ok(true),
        Err(error) if error.is_conflict() => Ok(true),
        Err(S3Error::Refused { said, .. }) if said.status == NOT_IMPLEMENTED => Ok(false),
        Err(error) => Err(error),
    }
}

struct Probe<'a, S> {
    objects: &'a Objects<S>,
    nonce: Nonce,
    /// How many versions were made to be written: no two of them are equal.
    written: u32,
    timeout: Duration,
}

impl<S: ObjectStore> Probe<'_, S> {
    fn write(&mut self, condition: Condition<'_>) -> Result<Written, S3Error> {
        let content = self.content();
        let metadata = metadata();
        let metadata = [(NAME, &*metadata)];
        let upload = upload(&content, &metadata, condition);
        self.objects
            .s3
            .put(self.objects.probe(), &upload, self.timeout)
    }

    /// Whether GET and HEAD bring the metadata. Other instances write the same.
    fn are_metadata_kept(&self) -> Result<bool, S3Error> {
        let location = self.objects.probe();
        let Fetched::Object(object) = self.objects.s3.get(location, None, self.timeout)? else {
            return Ok(false);
        };
        let head = self.objects.s3.head(location, self.timeout)?;
        let expected = metadata();
        Ok([object.head, head]
            .iter()
            .all(|head| head.metadata.get(NAME) == Some(&expected)))
    }

    /// Whether of several writes at the same moment, each over the same version, no more than one is made. None is
    /// where another instance wrote in between.
    fn is_atomic(&mut self) -> Result<bool, S3Error> {
        let metadata = metadata();
        let metadata = [(NAME, &*metadata)];
        for _ in 0..RACES {
            let start = self.write(Condition::Always)?.etag;
            let contents: Vec<_> = (0..RACERS).map(|_| self.content()).collect();
            let uploads: Vec<_> = contents
                .iter()
                .map(|content| upload(content, &metadata, Condition::Match(&start)))
                .collect();
            let written = self
                .objects
                .s3
                .put_at_once(self.objects.probe(), &uploads, self.timeout);
            if written.iter().filter(|written| written.is_ok()).count() > 1 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn content(&mut self) -> Vec<u8> {
        self.written += 1;
        let nonce = hex::encode(self.nonce);
        format!("\"{ABOUT} {nonce}-{}\"", self.written).into_bytes()
    }
}

fn metadata() -> String {
    "0123456789_abcdef-".repeat(METADATA_BYTES / 18)
}

fn upload<'a>(
    content: &'a [u8],
    metadata: &'a [(&'a str, &'a str)],
    condition: Condition<'a>,
) -> Upload<'a> {
    Upload {
        parts: [content, b""],
        sha256: Sha256::digest(content).into(),
        condition,
        metadata,
        cache_control: None,
    }
}

/// What the owner can do.
pub(super) const WAY_OUT: &str = "Changes are refused, unless DOJANG_S3_SERVER says that a single instance \
    is enough";

const NAME: &str = "dojang-probe";
const ABOUT: &str =
    "dojang tries here whether this S3 server keeps conditions and metadata. It can be deleted.";
/// As long as the journal gets.
const METADATA_BYTES: usize = 1_944;
/// How many writes are made at once, and how often.
const RACERS: usize = 8;
const RACES: usize = 2;
/// How many answers are waited for one after the other, at most.
const STEPS: u32 = 9;
const NOT_IMPLEMENTED: u16 = 501;
