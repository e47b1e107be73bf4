//! The calls of the Runtime API (developer guide, "Using the Lambda runtime API for custom runtimes").

use std::fmt;
use std::time::{Duration, SystemTime};

use ureq::http::{HeaderMap, Response};
use ureq::{Agent, Body, Error};

use super::address::Address;
use super::report::{HandlerError, InitError, report};

/// The Runtime API.
#[derive(Debug)]
pub struct RuntimeApi {
    agent: Agent,
    address: Address,
}

impl RuntimeApi {
    /// A client of the Runtime API for so many threads. Opens no connection yet.
    #[must_use]
    pub fn new(address: &Address, threads: usize) -> Self {
        let config = Agent::config_builder()
            // Every answer means something, see below.
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            // A proxy variable in the environment must not swallow calls within the machine.
            .proxy(None)
            .user_agent(concat!("dojang/", env!("CARGO_PKG_VERSION")))
            .accept("")
            .accept_encoding("")
            .timeout_connect(Some(CONNECT_TIMEOUT))
            // No other timeout here: `/next` blocks for as long as no event comes, and the process
            // may be frozen meanwhile.
            .input_buffer_size(BUFFER_BYTES)
            .output_buffer_size(BUFFER_BYTES)
            .max_idle_connections(threads)
            .max_idle_connections_per_host(threads)
            // The connection waits for as long as the handler takes.
            .max_idle_age(LONGEST_INVOCATION)
            .build();
        Self {
            agent: config.into(),
            address: address.clone(),
        }
    }

    /// Waits for the next event, and marks the previous invocation as complete.
    ///
    /// # Errors
    /// If there is no event to be had.
    pub fn next(&self) -> Result<Invocation, NextError> {
        let answer = self
            .agent
            .get(self.address.url("invocation/next"))
            .call()
            .map_err(|error| NextError::NoAnswer(error.to_string()))?;
        let status = answer.status().as_u16();
        if status != 200 {
            return Err(NextError::Status(status));
        }
        Invocation::new(answer).ok_or(NextError::NoRequestId)
    }

    /// Posts the answer to an invocation.
    ///
    /// # Errors
    /// If no answer of the Runtime API's came.
    pub fn respond(&self, invocation: &Invocation, payload: &[u8]) -> Result<Sent, SendError> {
        self.post(
            &format!("invocation/{}/response", invocation.request_id),
            invocation,
            None,
            payload,
        )
    }

    /// Reports that a handler failed.
    ///
    /// # Errors
    /// If no answer of the Runtime API's came.
    pub fn report_error(
        &self,
        invocation: &Invocation,
        error: &HandlerError,
    ) -> Result<Sent, SendError> {
        let call = format!("invocation/{}/error", invocation.request_id);
        let body = report(&error.category, &error.message);
        self.post(&call, invocation, Some(&error.category), &body)
    }

    /// Reports that the function could not start.
    ///
    /// # Errors
    /// If no answer of the Runtime API's came.
    pub fn report_init_error(&self, error: &InitError) -> Result<(), SendError> {
        let body = report(&error.category, &error.message);
        let answer = self.send("init/error", None, Some(&error.category), &body)?;
        drain(answer);
        Ok(())
    }

    fn post(
        &self,
        call: &str,
        invocation: &Invocation,
        error_type: Option<&str>,
        body: &[u8],
    ) -> Result<Sent, SendError> {
        let id = invocation.invocation_id.as_deref();
        let answer = self.send(call, id, error_type, body)?;
        let status = answer.status().as_u16();
        drain(answer);
        Ok(Sent::from_status(status))
    }

    fn send(
        &self,
        call: &str,
        invocation_id: Option<&str>,
        error_type: Option<&str>,
        body: &[u8],
    ) -> Result<Response<Body>, SendError> {
        let mut request = self
            .agent
            .post(self.address.url(call))
            .header("content-type", "application/json");
        if let Some(id) = invocation_id {
            request = request.header("lambda-runtime-invocation-id", id);
        }
        if let Some(error_type) = error_type {
            request = request.header("lambda-runtime-function-error-type", error_type);
        }
        request
            .config()
            .timeout_send_request(Some(POST_TIMEOUT))
            .timeout_send_body(Some(POST_TIMEOUT))
            .timeout_recv_response(Some(POST_TIMEOUT))
            .timeout_recv_body(Some(POST_TIMEOUT))
            .build()
            .send(body)
            .map_err(SendError)
    }
}

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
    fn new(answer: Response<Body>) -> Option<Self> {
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
            deadline: deadline(
                header("lambda-runtime-deadline-ms").as_deref(),
                SystemTime::now(),
            ),
            invoked_function_arn: header("lambda-runtime-invoked-function-arn"),
            trace_id: header("lambda-runtime-trace-id"),
            tenant_id: header("lambda-runtime-aws-tenant-id"),
            client_context: header("lambda-runtime-client-context"),
            cognito_identity: header("lambda-runtime-cognito-identity"),
            event,
        })
    }
}

/// Why there is no event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextError {
    /// The Runtime API was not reached, or cut the connection.
    NoAnswer(String),
    /// It answered with another status than 200.
    Status(u16),
    /// It answered without saying which request this is.
    NoRequestId,
}

impl NextError {
    /// Whether asking again may help.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        !matches!(self, Self::Status(_))
    }
}

impl fmt::Display for NextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAnswer(cause) => write!(f, "no answer of the Runtime API: {cause}"),
            Self::Status(status) => write!(f, "expected 200 of the Runtime API, found {status}"),
            Self::NoRequestId => {
                f.write_str("expected Lambda-Runtime-Aws-Request-Id of the Runtime API, found none")
            }
        }
    }
}

impl std::error::Error for NextError {}

/// What the Runtime API made of an answer (research 1.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Taken.
    Accepted,
    /// Not taken; there may well be a next event.
    Refused {
        /// The HTTP status.
        status: u16,
        /// What the status means.
        meaning: &'static str,
    },
    /// The environment is beyond repair: the process is to end.
    Broken,
}

impl Sent {
    fn from_status(status: u16) -> Self {
        let meaning = match status {
            200..=299 => return Self::Accepted,
            500 => return Self::Broken,
            400 => "it does not know this request id",
            403 => "this invocation does not wait for an answer",
            410 => "the invocation has timed out and the event was given to another delivery",
            413 => "it is too large; the caller has been told so",
            _ => "an unknown status",
        };
        Self::Refused { status, meaning }
    }
}

/// Why the Runtime API could not be told something.
#[derive(Debug)]
pub struct SendError(Error);

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for SendError {}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// When Lambda gives up: `ms` is in Unix milliseconds. An emulator's may be missing, or a duration:
/// `cargo lambda watch` sends 600000, for ten minutes. No invocation ends that soon after 1970.
fn deadline(ms: Option<&str>, now: SystemTime) -> SystemTime {
    let Some(ms) = ms.and_then(|ms| ms.parse().ok()).map(Duration::from_millis) else {
        return now + DEFAULT_TIMEOUT;
    };
    let begin = if ms <= LONGEST_INVOCATION {
        now
    } else {
        SystemTime::UNIX_EPOCH
    };
    begin.checked_add(ms).unwrap_or(now + DEFAULT_TIMEOUT)
}

/// A connection is only used again once its answer was read to the end.
fn drain(answer: Response<Body>) {
    let _ = answer
        .into_body()
        .into_with_config()
        .limit(MAX_ANSWER_BYTES)
        .read_to_vec();
}

/// An event has 6 MB at most; what Lambda wraps around a body, and its escapes, come on top.
const MAX_EVENT_BYTES: u64 = 64 * 1024 * 1024;
const MAX_ANSWER_BYTES: u64 = 64 * 1024;
const BUFFER_BYTES: usize = 16 * 1024;
/// The Runtime API is on this machine.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const POST_TIMEOUT: Duration = Duration::from_secs(10);
/// A Lambda function may take 15 minutes.
const LONGEST_INVOCATION: Duration = Duration::from_secs(15 * 60);
/// Lambda's own default, for an emulator that names no deadline.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_a_time_of_day_or_an_emulators_duration() {
        let epoch = |ms| SystemTime::UNIX_EPOCH + Duration::from_millis(ms);
        let now = epoch(1_700_000_000_000);
        for (ms, expected) in [
            (Some("1700000003000"), 1_700_000_003_000),
            // Passed already, and stays so.
            (Some("1699999999999"), 1_699_999_999_999),
            (Some("900001"), 900_001),
            (Some("900000"), 1_700_000_900_000),
            (Some("600000"), 1_700_000_600_000),
            (Some("soon"), 1_700_000_003_000),
            (None, 1_700_000_003_000),
        ] {
            assert_eq!(deadline(ms, now), epoch(expected), "{ms:?}");
        }
    }

    #[test]
    fn only_a_500_ends_the_process() {
        assert_eq!(Sent::from_status(202), Sent::Accepted);
        assert_eq!(Sent::from_status(500), Sent::Broken);
        for status in [400, 403, 404, 410, 413, 502] {
            assert!(
                matches!(Sent::from_status(status), Sent::Refused { .. }),
                "{status}"
            );
        }
    }
}
