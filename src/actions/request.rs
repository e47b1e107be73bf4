//! The members of a request, read with the contract's strictness (`docs/api.md#values`).
//!
//! A missing key, a value of the wrong JSON type and `null` are all refused.

use std::borrow::Cow;
use std::fmt;

use crate::club::participation::Participation;
use crate::club::user::CodeDigest;
use crate::json::surrogates;
use crate::limits::{MAX_ANSWERS, MAX_CODES, MAX_COMMENT_CODE_POINTS, MAX_PARTICIPANTS};
use crate::request::{Member, RequestData};

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
pub(super) struct Request<'a>(&'a RequestData);

impl<'a> Request<'a> {
    pub(super) fn new(data: &'a RequestData) -> Self {
        Self(data)
    }

    pub(super) fn has(self, key: &str) -> bool {
        self.0.member(key).is_some()
    }

    /// A string that may be missing, or something else.
    pub(super) fn text(self, key: &str) -> Option<&'a str> {
        self.0.text(key)
    }

    pub(super) fn string(self, key: &str) -> Result<&'a str, Refusal> {
        match self.0.member(key) {
            Some(Member::Text(text)) => Ok(text),
            Some(Member::LongText) => Err(Refusal::new(format!("`{key}` is too long."))),
            _ => Err(expected(key, "a string")),
        }
    }

    /// The comment on a session: a string or `null`; the key must be there. The `stored` one sent unchanged
    /// is always accepted: it may be older than today's rules.
    pub(super) fn comment(self, stored: Option<&str>) -> Result<Option<String>, Refusal> {
        match self.0.member("comment") {
            Some(Member::Null) => Ok(None),
            Some(Member::Text(text)) => match stored {
                Some(stored) if surrogates::is_shown_as(stored, text) => {
                    Ok(Some(stored.to_owned()))
                }
                _ if text.chars().count() <= MAX_COMMENT_CODE_POINTS => Ok(Some(text.clone())),
                _ => Err(long_comment()),
            },
            Some(Member::LongText) => Err(long_comment()),
            _ => Err(expected("comment", "a string or null")),
        }
    }

    /// The ids of those who took part.
    pub(super) fn participants(self) -> Result<&'a [String], Refusal> {
        match self.0.member("participants") {
            Some(Member::Ids(ids)) => Ok(ids),
            Some(Member::TooMany) => Err(too_many("participants", MAX_PARTICIPANTS)),
            _ => Err(expected("participants", "a list of user ids")),
        }
    }

    /// The digests of the login codes of those who answer.
    pub(super) fn codes(self) -> Result<&'a [CodeDigest], Refusal> {
        match self.0.member("user_auth_tokens") {
            Some(Member::Codes(codes)) => Ok(codes),
            Some(Member::TooMany) => Err(too_many("user_auth_tokens", MAX_CODES)),
            _ => Err(expected("user_auth_tokens", "a list of login codes")),
        }
    }

    /// Answers by session id; `None` takes an answer back.
    pub(super) fn answers(self) -> Result<&'a [(String, Option<Participation>)], Refusal> {
        match self.0.member("joining_sessions") {
            Some(Member::Answers(answers)) => Ok(answers),
            Some(Member::TooMany) => Err(too_many("joining_sessions", MAX_ANSWERS)),
            _ => Err(expected(
                "joining_sessions",
                "an object of sessions, each with Yes, No, Maybe, or null to take the answer back",
            )),
        }
    }

    /// An integer; whether it is an acceptable time is another question.
    pub(super) fn integer(self, key: &str) -> Result<i64, Refusal> {
        match self.0.member(key) {
            Some(Member::Integer(number)) => Ok(*number),
            _ => Err(expected(key, "an integer (seconds since 1970)")),
        }
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

fn too_many(key: &str, most: usize) -> Refusal {
    Refusal::new(format!("`{key}` may hold {most} at most."))
}

fn long_comment() -> Refusal {
    Refusal::new(format!(
        "A comment may have {MAX_COMMENT_CODE_POINTS} characters at most."
    ))
}

/// The first second of the year 1: histories are filed by year.
const EARLIEST: i64 = -62_135_596_800;
/// Milliseconds given for seconds end up beyond this (`docs/api.md#deviations`).
const LATEST: i64 = 100_000_000_000;
