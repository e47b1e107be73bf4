//! Whether an S3-compatible server keeps what the promises rest on (`docs/protocol.md#what-the-server-must-keep`).
//!
//! AWS does, and is not asked. At a configured endpoint each instance tries it before its first change or repair, on an
//! object that is there for that.

use std::sync::LazyLock;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::journal::Journal;
use super::nonce::Nonce;
use super::objects::{Objects, Unread};
use super::run::{Run, Stop};
use super::{Fault, Obstacle, World};
use crate::club::operation::{OperationKey, Secret};
use crate::s3::meaning::Meaning;
use crate::s3::{Condition, ETag, Fetched, ObjectStore, S3Error, Upload, Written};

/// How far the server is trusted to keep what the promises rest on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// It is AWS, or somebody said that it is as good: nothing is tried.
    #[default]
    Full,
    /// It is tried. If it does not keep something, changes are refused.
    Probed,
    /// It is tried. If it does not keep something, a warning says so: there is one instance at a time, and
    /// somebody answers for that.
    SingleInstance,
}

/// What a server does not keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    Conditions,
    Metadata,
    IfNoneMatch,
    IfMatch,
    Atomicity,
}

impl Flaw {
    /// What is wrong, and what is lost by it. For the log.
    fn text(self) -> &'static str {
        match self {
            Self::Conditions => {
                "the S3 server does not know conditional writes (501): it cannot be written to"
            }
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

impl<S: ObjectStore, W: World> Run<'_, S, W> {
    /// Before a change: refuses it if the server does not keep what the promises rest on.
    pub(super) fn see_to_server(&mut self) -> Result<(), Stop> {
        match self.tried_server()? {
            Server::Keeps => Ok(()),
            Server::Unfit(why) => Err(self.unfit(why)),
        }
    }

    /// The end of a request that needs another server; `why` is for the log.
    pub(super) fn unfit(&self, why: String) -> Stop {
        Stop::from(Fault {
            given_up: Some(Obstacle::Server),
            ..self.fault(false, why)
        })
    }

    /// Whether the server keeps what changes cannot do without. It is tried once an instance.
    pub(super) fn tried_server(&mut self) -> Result<Server, Stop> {
        if self.store.trust == Trust::Full {
            return Ok(Server::Keeps);
        }
        let flaws = loop {
            if let Some(flaws) = self.store.known_flaws() {
                break flaws;
            }
            let end = self.store.world.monotonic() + self.timeout()?;
            let mut probe = Probe {
                objects: &self.store.objects,
                nonce: self.fresh_nonce(),
                written: 0,
                left: || end.saturating_sub(self.store.world.monotonic()),
            };
            match probe.flaws() {
                Ok(flaws) => self.store.remember_flaws(&flaws),
                Err(error) if is_about_the_server(&error) => {
                    return Ok(Server::Unfit(cannot_be_tried(&error)));
                }
                Err(error) => self.later(&Unread::S3(PROBE.into(), error))?,
            }
        };
        if self.store.trust == Trust::SingleInstance && !flaws.contains(&Flaw::Conditions) {
            for flaw in &flaws {
                self.trace.warn(Some(flaw.text()));
            }
            return Ok(Server::Keeps);
        }
        Ok(if flaws.is_empty() {
            Server::Keeps
        } else {
            Server::Unfit(said_of(&flaws))
        })
    }
}

/// What a trial says.
pub(super) enum Server {
    Keeps,
    /// It lacks something, or cannot be tried until somebody mends the set-up. Says so to the log.
    Unfit(String),
}

/// What is wrong with the server, and what can be done about it.
fn said_of(flaws: &[Flaw]) -> String {
    let texts: Vec<_> = flaws.iter().map(|flaw| flaw.text()).collect();
    let cause = texts.join("; ");
    if flaws.contains(&Flaw::Conditions) {
        cause
    } else {
        format!("{cause}. {WAY_OUT}")
    }
}

/// Why it cannot be tried, and what can be done about it.
fn cannot_be_tried(error: &S3Error) -> String {
    match error {
        // What gives such answers is not to be trusted either.
        S3Error::BadAnswer { .. } => format!("{PROBE}: {error}"),
        _ => format!("{PROBE}: {error}. {WITHOUT_PROBE}"),
    }
}

/// Whether an error says that the server cannot be tried as it is. The others pass by themselves, or with the next
/// process: its credentials or clock are wrong.
fn is_about_the_server(error: &S3Error) -> bool {
    let is_about_this_process = matches!(error, S3Error::Refused { said, .. }
        if matches!(said.meaning(), Meaning::Credentials | Meaning::Skewed));
    !error.is_passing() && !is_about_this_process
}

/// Tries a server. What it writes has `nonce` in it, so that no two versions are equal.
struct Probe<'a, S, L> {
    objects: &'a Objects<S>,
    nonce: Nonce,
    written: u32,
    /// The time that is left.
    left: L,
}

impl<S: ObjectStore, L: Fn() -> Duration> Probe<'_, S, L> {
    /// What the server does not keep.
    ///
    /// # Errors
    /// The first request that failed for another reason than its condition.
    fn flaws(&mut self) -> Result<Vec<Flaw>, S3Error> {
        let mut flaws = Vec::new();
        self.write(Condition::Always)?;
        let are_kept = match self.are_metadata_kept() {
            // Somebody may have deleted the object since. Nobody does so twice.
            Err(S3Error::Absent) => {
                self.write(Condition::Always)?;
                self.are_metadata_kept()?
            }
            are_kept => are_kept?,
        };
        if !are_kept {
            flaws.push(Flaw::Metadata);
        }
        let nobody = ETag("\"00000000000000000000000000000000\"".to_owned());
        // Twice: before the first, somebody may have deleted the object.
        let absent = [self.write(Condition::Absent), self.write(Condition::Absent)];
        let matching = self.write(Condition::Match(&nobody));
        if absent.iter().chain([&matching]).any(is_unknown) {
            flaws.push(Flaw::Conditions);
            return Ok(flaws);
        }
        let [_, absent] = absent;
        if !is_heeded(absent)? {
            flaws.push(Flaw::IfNoneMatch);
        }
        if !is_heeded(matching)? {
            flaws.push(Flaw::IfMatch);
        } else if !self.is_atomic()? {
            flaws.push(Flaw::Atomicity);
        }
        Ok(flaws)
    }

    fn write(&mut self, condition: Condition<'_>) -> Result<Written, S3Error> {
        let content = self.content();
        let metadata = [(NAME, METADATA.as_str())];
        let upload = upload(&content, &metadata, condition);
        self.objects
            .s3
            .put(self.objects.probe(), &upload, (self.left)())
    }

    /// Whether GET and HEAD bring the metadata. Other instances write the same.
    fn are_metadata_kept(&self) -> Result<bool, S3Error> {
        let location = self.objects.probe();
        let Fetched::Object(object) = self.objects.s3.get(location, None, (self.left)())? else {
            return Ok(false);
        };
        let head = self.objects.s3.head(location, (self.left)())?;
        Ok([object.head, head].iter().all(|head| {
            head.metadata
                .get(NAME)
                .is_some_and(|found| *found == *METADATA)
        }))
    }

    /// Whether of several writes at once, each over the same version, no more than one is made. None is where
    /// another instance wrote in between.
    fn is_atomic(&mut self) -> Result<bool, S3Error> {
        for _ in 0..RACES {
            let start = self.write(Condition::Always)?.etag;
            let contents: Vec<_> = (0..RACERS).map(|_| self.content()).collect();
            let metadata = [(NAME, METADATA.as_str())];
            let uploads: Vec<_> = contents
                .iter()
                .map(|content| upload(content, &metadata, Condition::Match(&start)))
                .collect();
            let location = self.objects.probe();
            let written = self
                .objects
                .s3
                .put_at_once(location, &uploads, (self.left)());
            let mut made = 0;
            for written in written {
                made += usize::from(!is_heeded(written)?);
            }
            if made > 1 {
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

/// Whether a condition that does not hold kept a write from being made.
fn is_heeded(written: Result<Written, S3Error>) -> Result<bool, S3Error> {
    match written {
        Ok(_) => Ok(false),
        Err(S3Error::Absent) => Ok(true),
        Err(error) if error.is_conflict() => Ok(true),
        Err(error) => Err(error),
    }
}

/// Whether the server says that it does not know the condition.
fn is_unknown(written: &Result<Written, S3Error>) -> bool {
    matches!(written, Err(S3Error::Refused { said, .. }) if said.status == NOT_IMPLEMENTED)
}

/// The value that is to come back: as long as a list of operations gets, and of the same letters.
static METADATA: LazyLock<String> = LazyLock::new(|| {
    let secret = Secret([0; Secret::BYTES]);
    let full = (0..Journal::CAPACITY).fold(Journal::new(secret), |journal, n| {
        let mut key = [0; OperationKey::BYTES];
        key[..8].copy_from_slice(&(n as u64).to_le_bytes());
        journal.with(secret, OperationKey(key))
    });
    let value = full.to_metadata().map(|(_, value)| value);
    value.unwrap_or_default()
});

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

const PROBE: &str = "private dojang-probe.json (on which the S3 server is tried)";
/// What the owner can do about a flaw.
const WAY_OUT: &str =
    "Changes are refused, unless DOJANG_S3_SERVER says that a single instance is enough";
/// What the owner can do if it cannot be tried.
const WITHOUT_PROBE: &str =
    "The object must be readable and writable, or DOJANG_S3_SERVER say that the server is trusted";
/// Not the journal's own name: the object is no club.
const NAME: &str = "dojang-probed";
const ABOUT: &str =
    "dojang tries here whether this S3 server keeps conditions and metadata. It can be deleted.";
/// How many writes are made at once, and how often.
const RACERS: usize = 8;
const RACES: usize = 2;
const NOT_IMPLEMENTED: u16 = 501;
