//! The data protocol: how a request takes effect on the objects in S3.
//!
//! It works on any number of instances, whatever fails.
//!
//! `docs/protocol.md#promises` says what a caller may rely on, and `docs/protocol.md#how-it-is-shown` how that is
//! shown.
//!
//! # How the promises are kept
//!
//! Private `data.json` is the club. A change is a PUT of it with `If-Match`. So of several instances that start from
//! one version only one succeeds, and the others run their request again on what that one left. Its metadata are the
//! [`journal`] of the last operations. A request whose write landed, but whose answer was lost, finds itself there,
//! even if somebody has already written over its version.
//!
//! Public `data.json` says in its metadata which private version it shows. It is replaced with `If-Match` too, and only
//! if its ETag was read before the private version to be published was seen to be the newest. So a newer public
//! object is never replaced (see `publish`).
//!
//! An ETag may be a digest of the bytes, and members change their minds: Yes, No, Yes. No version may have the ETag of
//! an earlier one, so every object that we write ends in white space (see `nonce`). In the private object it spells
//! the operation, the club's secret and the whole list: a commit that is sent again has the same bytes. In the others
//! it was never there before.
//!
//! * `attempt`: a request from the first look at the club to its answer, on `decide`: what it does to a version;
//!   `commit`: writing the private object; `publish`: bringing the public one in line; `history`: entries, and
//!   putting them back
//! * `run`: what these share; `outcome`: what became of the change, and `patience`: pauses and the end of them, both
//!   pure
//! * `server`: whether an S3-compatible server keeps what all this rests on
//! * `objects`: the objects and their forms; `cache`: what is known of them; [`journal`]: the list of operations
//! * [`fault`]: what a caller is told of a fault

mod attempt;
mod cache;
mod commit;
mod decide;
pub mod fault;
mod history;
pub mod journal;
mod nonce;
mod objects;
mod outcome;
mod patience;
mod publish;
mod run;
mod server;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::actions::Refusal;
use crate::club::operation::Secret;
use crate::request::RequestData;
use crate::s3::ObjectStore;
use cache::{Known, Modified};
pub use fault::{Fault, Obstacle, State};
use objects::{Objects, Unread};
use run::Run;
use server::Flaw;
pub use server::Trust;

/// The club's objects in S3. May serve several requests at once, from several threads.
#[derive(Debug)]
pub struct Store<S, W> {
    objects: Objects<S>,
    world: W,
    test_secret: Option<String>,
    cache: Mutex<Option<Known>>,
    trust: Trust,
    /// What the server was found not to keep; `None` until it is tried.
    flaws: Mutex<Option<Vec<Flaw>>>,
}

impl<S: ObjectStore, W: World> Store<S, W> {
    /// A store in two buckets. `test_secret` enables `any_reset_test_setup`.
    pub fn new(
        s3: S,
        world: W,
        private_bucket: String,
        public_bucket: String,
        test_secret: Option<String>,
    ) -> Self {
        Self {
            objects: Objects {
                s3,
                private_bucket,
                public_bucket,
            },
            world,
            test_secret,
            cache: Mutex::new(None),
            trust: Trust::Full,
            flaws: Mutex::new(None),
        }
    }

    /// The same on a server that is trusted only so far.
    #[must_use]
    pub fn with_trust(self, trust: Trust) -> Self {
        Self { trust, ..self }
    }

    /// The S3 that the store is in.
    pub fn s3(&self) -> &S {
        &self.objects.s3
    }

    /// The bucket that the club is in.
    pub fn private_bucket(&self) -> &str {
        &self.objects.private_bucket
    }

    /// Reads the club ahead of the first request, within `timeout`. Whether a request may rest on this
    /// copy is for that request to see. A club that does not exist yet is not made.
    ///
    /// # Errors
    /// Why it could not be read, for the log. The first request reads it then.
    pub fn prefetch(&self, timeout: Duration) -> Result<(), String> {
        match self.read_both(timeout) {
            Ok(known) => {
                self.remember(Some(known));
                Ok(())
            }
            Err(Unread::Absent) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Carries a request out and gives the body of its answer. `trace` is filled with how it went,
    /// whatever the outcome.
    ///
    /// # Errors
    /// A refusal, or a fault that says what became of the change.
    pub fn apply(&self, request: &Request<'_>, trace: &mut Trace) -> Result<Value, Failure> {
        Run::new(self, request, trace).complete()
    }

    fn read_both(&self, timeout: Duration) -> Result<Known, Unread> {
        let requested = self.world.now();
        let (private, last_modified, public) = self.objects.read_both(timeout)?;
        Ok(Known {
            private: Arc::new(private),
            public,
            requested,
            last_modified: last_modified.map(Modified::At),
        })
    }

    fn known_flaws(&self) -> Option<Vec<Flaw>> {
        self.flaws
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Another thread may have tried it at the same moment, and have found more.
    fn remember_flaws(&self, flaws: &[Flaw]) {
        let mut known = self.flaws.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.get_or_insert_default();
        for flaw in flaws {
            if !known.contains(flaw) {
                known.push(*flaw);
            }
        }
    }

    fn known(&self) -> Option<Known> {
        self.cache
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn remember(&self, known: Option<Known>) {
        *self.cache.lock().unwrap_or_else(PoisonError::into_inner) = known;
    }
}

/// A request as it comes to the store.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The request data.
    pub data: &'a RequestData,
    /// Lambda's id of the request; the same when Lambda repeats it.
    pub id: &'a str,
    /// When it came in, if that is known: what was read later needs no confirmation.
    pub arrived: Option<SystemTime>,
    /// When the invocation ends.
    pub deadline: SystemTime,
}

/// What the protocol needs from outside besides S3.
pub trait World {
    /// The wall clock: the invocation's deadline is given by it.
    fn now(&self) -> SystemTime;

    /// The time since some moment, by a clock that is never set: what is left of an invocation is measured
    /// by it.
    fn monotonic(&self) -> Duration;

    /// Random bytes from a secure generator; `None` if the system has none to give.
    fn random(&self) -> Option<[u8; Secret::BYTES]>;

    /// Lets time pass before another try.
    fn pause(&self, duration: Duration);
}

/// Why a request was not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It is against the rules. Nothing was changed.
    Refused(Refusal),
    /// S3's fault, or ours.
    Fault(Fault),
}

/// How a request went, over all its attempts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// Time spent on reading the club.
    pub load: Duration,
    /// Time spent on deciding what to do, and on reading and writing history.
    pub act: Duration,
    /// Time spent on writing the private object.
    pub commit: Duration,
    /// Time spent on writing the public object.
    pub publish: Duration,
    /// Time spent on waiting before another try.
    pub wait: Duration,
    /// How often the request was run: more than once where another instance was faster.
    pub attempts: u32,
    /// What somebody should know who runs the function.
    pub warnings: Vec<&'static str>,
}

impl Trace {
    /// Adds a warning, unless there is none, or it is there already.
    fn warn(&mut self, warning: Option<&'static str>) {
        if let Some(warning) = warning.filter(|warning| !self.warnings.contains(warning)) {
            self.warnings.push(warning);
        }
    }
}
