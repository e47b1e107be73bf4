//! What a run leaves behind: the chains of versions in S3, and what became of every request.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use dojang::club::operation::OperationKey;
use dojang::request::RequestData;
use dojang::store::State;
use serde_json::{Map, Value};

use crate::instance::data;
use crate::s3::S3;
use crate::scheduler::Micros;

/// All that a run left behind.
pub(crate) struct Record {
    pub(crate) s3: S3,
    pub(crate) operations: BTreeMap<OperationKey, Operation>,
    /// What somebody saw who read the public object over and over.
    pub(crate) looks: Vec<Look>,
}

/// What happened to one request, in all its invocations.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    pub(crate) request: Map<String, Value>,
    pub(crate) invocations: Vec<Invocation>,
    data: OnceCell<RequestData>,
}

impl Operation {
    pub(crate) fn new(request: Map<String, Value>) -> Self {
        Self {
            request,
            invocations: Vec::new(),
            data: OnceCell::new(),
        }
    }

    /// The request as the function reads it.
    pub(crate) fn data(&self) -> &RequestData {
        self.data.get_or_init(|| data(&self.request))
    }
}

/// One invocation.
#[derive(Clone, Debug)]
pub(crate) struct Invocation {
    /// By which versions name their author.
    pub(crate) id: u64,
    /// When Lambda took the request: before the instance was started, if it was started for it.
    pub(crate) arrived: Micros,
    pub(crate) start: Micros,
    pub(crate) end: Micros,
    /// How long it may take, in µs.
    pub(crate) limit: Micros,
    /// The instance's clock at its start: seconds since 1970.
    pub(crate) now: i64,
    /// The server refuses to be tried by its process.
    pub(crate) is_probe_refused: bool,
    pub(crate) outcome: Outcome,
}

#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    Answer(Value),
    Refused(String),
    Fault(State),
    /// A fault, for which the server is blamed.
    BadServer(State),
    Killed,
}

/// A version of the public object that a reader got.
pub(crate) struct Look {
    pub(crate) at: Micros,
    pub(crate) bytes: Arc<Vec<u8>>,
}

pub(crate) const PRIVATE: &str = "private";
pub(crate) const PUBLIC: &str = "public";
pub(crate) const DATA: &str = "data.json";
/// On which a server is tried.
pub(crate) const PROBE: &str = "dojang-probe.json";
