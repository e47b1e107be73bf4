//! The calls of the Runtime API (developer guide, "Using the Lambda runtime API for custom runtimes").

use std::fmt;
use std::time::Duration;

use ureq::http::{HeaderValue, Response};
use ureq::{Agent, Body, Error};

use super::address::Address;
pub use super::invocation::Invocation;
use super::invocation::LONGEST_INVOCATION;
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
            Some(invocation),
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
        self.post(&call, Some(invocation), Some(&error.category), &body)
    }

    /// Reports that the function could not start.
    ///
    /// # Errors
    /// If no answer of the Runtime API's came.
    pub fn report_init_error(&self, error: &InitError) -> Result<Sent, SendError> {
        let body = report(&error.category, &error.message);
        self.post("init/error", None, Some(&error.category), &body)
    }

    fn post(
        &self,
        call: &str,
        invocation: Option<&Invocation>,
        error_type: Option<&str>,
        body: &[u8],
    ) -> Result<Sent, SendError> {
        let mut request = self
            .agent
            .post(self.address.url(call))
            .header("content-type", "application/json");
        if let Some(id) = invocation.and_then(|invocation| invocation.invocation_id.as_deref()) {
            request = request.header("lambda-runtime-invocation-id", id);
        }
        // A category that no header can hold must not keep the report from being sent.
        if let Some(Ok(error_type)) = error_type.map(HeaderValue::from_str) {
            request = request.header("lambda-runtime-function-error-type", error_type);
        }
        let answer = request
            .config()
            .timeout_send_request(Some(POST_TIMEOUT))
            .timeout_send_body(Some(POST_TIMEOUT))
            .timeout_recv_response(Some(POST_TIMEOUT))
            .timeout_recv_body(Some(POST_TIMEOUT))
            .build()
            .send(body)
            .map_err(SendError)?;
        let status = answer.status().as_u16();
        drain(answer);
        Ok(Sent::from_status(status))
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
            400 => "it does not know this request id, or found the request malformed",
            403 => "it does not wait for this now",
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

/// A connection is only used again once its answer was read to the end.
fn drain(answer: Response<Body>) {
    let _ = answer
        .into_body()
        .into_with_config()
        .limit(MAX_ANSWER_BYTES)
        .read_to_vec();
}

const MAX_ANSWER_BYTES: u64 = 64 * 1024;
const BUFFER_BYTES: usize = 16 * 1024;
/// The Runtime API is on this machine.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const POST_TIMEOUT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_for_an_event_has_no_timeout() {
        let api = RuntimeApi::new(&Address::parse("127.0.0.1:9001").unwrap(), 1);
        let timeouts = api.agent.config().timeouts();
        assert_eq!(timeouts.connect, Some(CONNECT_TIMEOUT));
        for timeout in [
            timeouts.global,
            timeouts.per_call,
            timeouts.recv_response,
            timeouts.recv_body,
        ] {
            assert_eq!(timeout, None);
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
