//! The data protocol: how a request takes effect on the objects in S3, whatever else is going on.
//!
//! Private `data.json` is the club. A change is a conditional PUT of it (`If-Match`), so of several
//! instances that start from the same version only one succeeds; the others run their request again
//! on what it left, authentication included. The object's metadata (see [`journal`]) remembers the
//! last operations: a request that is repeated, or whose write landed although its answer was lost, is
//! recognised and not applied a second time. Public `data.json` is written after the private one.
//!
//! * [`run`]: one request on its way; [`objects`]: the objects and their forms
//! * [`journal`]: the operations that are remembered; [`fault`]: what a caller is told of a fault

pub mod fault;
pub mod journal;
mod objects;
mod run;

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

use crate::actions::Refusal;
use crate::club::operation::Secret;
use crate::s3::ObjectStore;
pub use fault::{Fault, State};
use objects::Objects;
use run::Run;

/// The club's objects in S3.
#[derive(Debug)]
pub struct Store<S, W> {
    objects: Objects<S>,
    world: W,
    test_secret: Option<String>,
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
        }
    }

    /// The S3 that the store is in.
    pub fn s3(&self) -> &S {
        &self.objects.s3
    }

    /// Carries a request out and gives the body of its answer.
    ///
    /// `request_id` is Lambda's; `deadline` is the invocation's. `steps` is filled with how long
    /// each step took, whatever the outcome.
    ///
    /// # Errors
    /// A refusal, or a fault that says what became of the change.
    pub fn serve(
        &self,
        request: &Map<String, Value>,
        request_id: &str,
        deadline: SystemTime,
        steps: &mut Steps,
    ) -> Result<Value, Failure> {
        Run::new(self, request, request_id, deadline, steps).serve()
    }
}

/// What the protocol needs from outside besides S3.
pub trait World {
    /// The wall clock: the invocation's deadline is given by it.
    fn now(&self) -> SystemTime;

    /// Random bytes from a secure generator; `None` if the system has none to give.
    fn random(&self) -> Option<[u8; Secret::BYTES]>;
}

/// Why a request was not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It is against the rules. Nothing was changed.
    Refused(Refusal),
    /// S3's fault, or ours.
    Fault(Fault),
}

/// How long the steps of a request took, over all its attempts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Steps {
    /// Reading the club.
    pub load: Duration,
    /// Deciding what to do, and reading and writing history.
    pub act: Duration,
    /// Writing the private object.
    pub commit: Duration,
    /// Writing the public object.
    pub publish: Duration,
}
