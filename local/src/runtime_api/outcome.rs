//! What becomes of an invocation.

use serde_json::{Value, json};

/// What the caller of the function gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The function's answer.
    Response(Vec<u8>),
    /// The function's error report, or one in its name because it ended.
    Error(ErrorReport),
    /// No answer before the deadline, or no function that took the event.
    TimedOut,
    /// The function's answer was larger than Lambda takes. The function was told so with 413.
    ResponseTooLarge,
}

impl Outcome {
    pub(crate) fn stopped() -> Self {
        Self::Error(ErrorReport::new(
            "Runtime.Unknown",
            "The Runtime API has ended",
            None,
        ))
    }
}

/// An error report of the function (AWS documentation, "Invocation error", "Initialization error").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorReport {
    /// The header `Lambda-Runtime-Function-Error-Type`, if it was sent.
    pub error_type: Option<String>,
    /// The invocation that failed; `None` for an initialization.
    pub request_id: Option<String>,
    /// The body as sent.
    pub body: Vec<u8>,
}

impl ErrorReport {
    /// A report that Lambda makes itself.
    pub(crate) fn new(error_type: &str, message: &str, request_id: Option<String>) -> Self {
        let body = json!({ "errorType": error_type, "errorMessage": message });
        Self {
            error_type: Some(error_type.to_owned()),
            request_id,
            body: body.to_string().into_bytes(),
        }
    }

    /// `errorMessage` of the body; `None` if the body is not as it should be.
    pub fn message(&self) -> Option<String> {
        let body: Value = serde_json::from_slice(&self.body).ok()?;
        Some(body.get("errorMessage")?.as_str()?.to_owned())
    }
}

impl std::fmt::Display for ErrorReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.request_id {
            Some(id) => write!(f, "invocation {id} failed")?,
            None => write!(f, "initialization failed")?,
        }
        let error_type = self.error_type.as_deref().unwrap_or("no error type");
        match self.message() {
            Some(message) => write!(f, ": {error_type}: {message}"),
            None => write!(f, ": {error_type}: {}", String::from_utf8_lossy(&self.body)),
        }
    }
}

/// Something that went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The function could not start.
    InitError(ErrorReport),
    /// The function reported that an invocation failed.
    InvocationError(ErrorReport),
    /// The function did not answer in time.
    TimedOut {
        /// Of the invocation.
        request_id: String,
    },
    /// No function asked for the event for as long as the options' patience lasts.
    NotTaken {
        /// Of the invocation.
        request_id: String,
    },
    /// The answer had more than 6 MiB + 100 bytes.
    ResponseTooLarge {
        /// Of the invocation.
        request_id: String,
    },
    /// A request was refused.
    Refused {
        /// The path of the request.
        path: String,
        /// The status it was answered with.
        status: u16,
    },
}

impl std::fmt::Display for Notice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::InitError(report) | Self::InvocationError(report) => report.fmt(f),
            Self::TimedOut { request_id } => write!(f, "invocation {request_id} timed out"),
            Self::NotTaken { request_id } => {
                write!(f, "invocation {request_id} was not taken by any function")
            }
            Self::ResponseTooLarge { request_id } => {
                write!(f, "the answer to invocation {request_id} is too large")
            }
            Self::Refused { path, status } => {
                write!(f, "the Runtime API refused {path} with {status}")
            }
        }
    }
}
