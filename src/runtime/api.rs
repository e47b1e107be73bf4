//! The calls of the Runtime API (developer guide, "Using the Lambda runtime API for custom runtimes").

use std::fmt;
use std::io::Read;
use std::time::Duration;

use super::address::Address;
use super::http::{Answer, Client, HttpError, Request};
pub use super::invocation::Invocation;
use super::report::{HandlerError, InitError, report};

/// The Runtime API. Threads may share it.
#[derive(Debug)]
pub struct RuntimeApi {
    client: Client,
}

impl RuntimeApi {
    /// A client of the Runtime API. Opens no connection yet.
    #[must_use]
    pub fn new(address: &Address) -> Self {
        Self {
            client: Client::new(address),
        }
    }

    /// Waits for the next event, and marks the previous invocation as complete.
    ///
    /// # Errors
    /// If there is no event to be had.
    pub fn next(&self) -> Result<Invocation, NextError> {
        let request = Request {
            call: "invocation/next",
            // It blocks for as long as no event comes, and the process may be frozen meanwhile.
            timeout: None,
            ..Request::default()
        };
        to_invocation(self.client.make(&request))
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
        let mut headers = vec![("content-type", "application/json")];
        let invocation_id = invocation.and_then(|invocation| invocation.invocation_id.as_deref());
        headers.extend(invocation_id.map(|id| ("lambda-runtime-invocation-id", id)));
        headers.extend(error_type.map(|name| ("lambda-runtime-function-error-type", name)));
        let request = Request {
            call,
            headers: &headers,
            body: Some(body),
            timeout: Some(POST_TIMEOUT),
        };
        let answer = self.client.make(&request).map_err(SendError)?;
        Ok(Sent::from_status(answer.status))
    }
}

/// Reads an answer to `/next` from the bytes of a connection.
///
/// # Errors
/// As [`RuntimeApi::next`].
pub fn read_next(connection: impl Read) -> Result<Invocation, NextError> {
    to_invocation(Answer::read(connection))
}

fn to_invocation(answer: Result<Answer, HttpError>) -> Result<Invocation, NextError> {
    let answer = answer.map_err(|error| NextError::NoAnswer(error.to_string()))?;
    if answer.status != 200 {
        return Err(NextError::Status(answer.status));
    }
    Invocation::new(answer).ok_or(NextError::NoRequestId)
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

/// What the Runtime API made of an answer (AWS Lambda Developer Guide, "Using the Lambda
/// runtime API for custom runtimes", invocation response).
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
pub struct SendError(HttpError);

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for SendError {}

const POST_TIMEOUT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

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
