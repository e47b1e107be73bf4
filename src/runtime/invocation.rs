//! An event and what the Runtime API says about it.

use std::time::{Duration, SystemTime};

use ureq::Body;
use ureq::http::{HeaderMap, Response};

/// An event that is to be served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// `Lambda-Runtime-Aws-Request-Id`, the only header that must be there.
    pub request_id: String,
    /// `Lambda-Runtime-Invocation-Id`: names the delivery, and is sent back with the answer.
    pub invocation_id: Option<String>,
    /// `Lambda-Runtime-Deadline-Ms`.
    pub deadline: SystemTime,
    /// `Lambda-Runtime-Invoked-Function-Arn`.
    pub invoked_function_arn: Option<String>,
    /// `Lambda-Runtime-Trace-Id`.
    pub trace_id: Option<String>,
    /// `Lambda-Runtime-Aws-Tenant-Id`.
    pub tenant_id: Option<String>,
    /// `Lambda-Runtime-Client-Context`.
    pub client_context: Option<String>,
    /// `Lambda-Runtime-Cognito-Identity`.
    pub cognito_identity: Option<String>,
    /// The event, or why it could not be read.
    pub event: Result<Vec<u8>, String>,
}

impl Invocation {
    pub(super) fn new(answer: Response<Body>) -> Option<Self> {
        let (head, body) = answer.into_parts();
        let event = body
            .into_with_config()
            .limit(MAX_EVENT_BYTES)
            .read_to_vec()
            .map_err(|error| format!("the event could not be read: {error}"));
        let header = |name: &str| header(&head.headers, name);
        Some(Self {
            request_id: header("lambda-runtime-aws-request-id").filter(|id| !id.is_empty())?,
            invocation_id: header("lambda-runtime-invocation-id"),
            deadline: header("lambda-runtime-deadline-ms")
                .and_then(|ms| ms.parse().ok())
                .and_then(|ms| SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(ms)))
                .unwrap_or_else(|| SystemTime::now() + DEFAULT_TIMEOUT),
            invoked_function_arn: header("lambda-runtime-invoked-function-arn"),
            trace_id: header("lambda-runtime-trace-id"),
            tenant_id: header("lambda-runtime-aws-tenant-id"),
            client_context: header("lambda-runtime-client-context"),
            cognito_identity: header("lambda-runtime-cognito-identity"),
            event,
        })
    }
}

/// A header's value. Client contexts may hold text beyond ASCII.
fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    String::from_utf8(headers.get(name)?.as_bytes().to_vec()).ok()
}

/// An event has 6 MB at most; what Lambda wraps around a body, and its escapes, come on top.
const MAX_EVENT_BYTES: u64 = 64 * 1024 * 1024;
/// Lambda's own default, for an emulator that names no deadline.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(3);
