//! The members of a request, read with the contract's strictness (`docs/api.md#values`): a missing
//! key, a value of the wrong JSON type and `null` are all refused.

use std::borrow::Cow;
use std::fmt;

use serde_json::{Map, Value};

/// Why a request is refused: a text for people. It quotes nothing of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(Cow<'static, str>);

impl Refusal {
    /// Refuses with a text.
    pub fn new(text: impl Into<Cow<'static, str>>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refusal {}

/// The request data of an action.
#[derive(Clone, Copy)]
pub(super) struct Request<'a>(&'a Map<String, Value>);

impl<'a> Request<'a> {
    pub(super) fn new(data: &'a Map<String, Value>) -> Self {
        Self(data)
    }

    pub(super) fn has(self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    pub(super) fn value(self, key: &str) -> Option<&'a Value> {
        self.0.get(key)
    }

    pub(super) fn string(self, key: &str) -> Result<&'a str, Refusal> {
        self.value(key)
            .and_then(Value::as_str)
            .ok_or_else(|| expected(key, "a string"))
    }

    /// A string or `null`; the key must be there.
    pub(super) fn string_or_null(self, key: &str) -> Result<Option<&'a str>, Refusal> {
        match self.value(key) {
            Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            _ => Err(expected(key, "a string or null")),
        }
    }

    pub(super) fn list(self, key: &str) -> Result<&'a [Value], Refusal> {
        match self.value(key) {
            Some(Value::Array(items)) => Ok(items),
            _ => Err(expected(key, "a list")),
        }
    }

    pub(super) fn object(self, key: &str) -> Result<&'a Map<String, Value>, Refusal> {
        match self.value(key) {
            Some(Value::Object(members)) => Ok(members),
            _ => Err(expected(key, "an object")),
        }
    }

    /// An integer; whether it is an acceptable time is another question.
    pub(super) fn integer(self, key: &str) -> Result<i64, Refusal> {
        self.value(key)
            .and_then(Value::as_i64)
            .ok_or_else(|| expected(key, "an integer (seconds since 1970)"))
    }

    /// The start and end of a session.
    pub(super) fn times(self) -> Result<(i64, i64), Refusal> {
        let (start_time, end_time) = (self.integer("start_time")?, self.integer("end_time")?);
        if !(EARLIEST..LATEST).contains(&start_time) || !(EARLIEST..LATEST).contains(&end_time) {
            return Err(Refusal::new(
                "A time must lie between the year 1 and 10^11 s after 1970.",
            ));
        }
        if end_time <= start_time {
            return Err(Refusal::new("A session must end after its start."));
        }
        Ok((start_time, end_time))
    }
}

fn expected(key: &str, what: &str) -> Refusal {
    Refusal::new(format!("`{key}` must be given as {what}."))
}

/// The first second of the year 1: histories are filed by year.
const EARLIEST: i64 = -62_135_596_800;
/// Milliseconds given for seconds end up beyond this (`docs/api.md#deviations`).
const LATEST: i64 = 100_000_000_000;
