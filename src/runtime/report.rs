//! Errors as Lambda is told of them (developer guide, "Initialization error" and "Invocation error").

use std::borrow::Cow;

use serde_json::json;

/// Why a function could not start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitError {
    /// `category.reason`, such as `Runtime.ConfigInvalid`.
    pub category: Cow<'static, str>,
    /// For people. Must not hold secrets.
    pub message: String,
}

impl InitError {
    /// An error of this category.
    pub fn new(category: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            category: category.into(),
            message: message.into(),
        }
    }
}

/// Why an invocation failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandlerError {
    /// `category.reason`, such as `Function.BadInput`.
    pub category: Cow<'static, str>,
    /// For people. Must not hold secrets.
    pub message: String,
}

impl HandlerError {
    /// An error of this category.
    pub fn new(category: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            category: category.into(),
            message: message.into(),
        }
    }
}

/// The body of an error report.
pub(super) fn report(category: &str, message: &str) -> Vec<u8> {
    json!({"errorType": category, "errorMessage": message, "stackTrace": []})
        .to_string()
        .into_bytes()
}
