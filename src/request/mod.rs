//! The data of a request: the members that some action knows, within limits.
//!
//! All other members were checked and skipped when the request was read, and are gone.
//!
//! * `read`: reading it; what it means is [`crate::actions`]' part
//! * `key`: which operation it is

mod key;
mod read;

use std::fmt;

use serde_json::{Map, Value};

pub(crate) use read::MembersRead;

use crate::club::participation::Participation;
use crate::club::user::CodeDigest;
use crate::json::JsonError;
use crate::json::read::read;

/// The data of a request. `Debug` shows nothing of it: it holds login codes.
#[derive(Clone, PartialEq)]
pub struct RequestData {
    members: Vec<(&'static str, Member)>,
    /// The SHA-256 of the whole text, unknown members and all.
    digest: [u8; 32],
}

impl RequestData {
    /// Reads request data: a JSON object.
    ///
    /// # Errors
    /// Says what is wrong, without showing any of the text.
    pub fn read(text: &[u8]) -> Result<Self, NoRequest> {
        let members: MembersRead = read(text).map_err(NoRequest::NotJson)?;
        members.of(text).ok_or(NoRequest::NoObject)
    }

    /// What names the whole request: requests that differ in anything have different ones.
    #[must_use]
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// The member of that name, if the request has it and any action knows it.
    pub(crate) fn member(&self, name: &str) -> Option<&Member> {
        let found = self.members.iter().find(|(known, _)| *known == name);
        found.map(|(_, member)| member)
    }

    /// The member of that name, if it is a string.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.member(name) {
            Some(Member::Text(text)) => Some(text),
            _ => None,
        }
    }
}

impl TryFrom<&Map<String, Value>> for RequestData {
    type Error = NoRequest;

    fn try_from(object: &Map<String, Value>) -> Result<Self, NoRequest> {
        let text =
            serde_json::to_vec(object).map_err(|e| NoRequest::NotJson(JsonError::new(&e)))?;
        Self::read(&text)
    }
}

impl fmt::Debug for RequestData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestData(…)")
    }
}

/// A member of a request that some action knows.
#[derive(Clone, PartialEq)]
pub(crate) enum Member {
    Null,
    Text(String),
    /// A string of more than `MAX_TEXT_BYTES`.
    LongText,
    Integer(i64),
    /// A list of strings: the participants.
    Ids(Vec<String>),
    /// A list of strings: login codes, by their digests. What is longer than any code is left out.
    Codes(Vec<CodeDigest>),
    /// An object of answers by session; `None` takes an answer back.
    Answers(Vec<(String, Option<Participation>)>),
    /// A list or an object with more in it than there may be.
    TooMany,
    /// Something that no action has use for there.
    Other,
}

/// Why a text is no request data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoRequest {
    /// It is not acceptable as JSON.
    NotJson(JsonError),
    /// It is something else than an object.
    NoObject,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::club::user::digest_of;
    use crate::limits::{MAX_ANSWERS, MAX_CODES, MAX_PARTICIPANTS, MAX_TEXT_BYTES};
    use serde_json::json;

    fn data(value: &Value) -> RequestData {
        RequestData::read(value.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn members_are_read_as_what_they_are() {
        let read = data(&json!({
            "action": "x", "comment": null, "start_time": -5, "end_time": 1.0, "coach": true,
            "participants": ["a", "\u{e6}"], "user_auth_tokens": ["code", "code"],
            "joining_sessions": {"s": "Yes", "t": null, "\n": "Maybe"}, "unknown": {"action": "y"},
        }));
        let text = |text: &str| Member::Text(text.to_owned());
        for (name, member) in [
            ("action", Some(text("x"))),
            ("comment", Some(Member::Null)),
            ("start_time", Some(Member::Integer(-5))),
            ("end_time", Some(Member::Other)),
            ("coach", Some(Member::Other)),
            (
                "participants",
                Some(Member::Ids(vec!["a".into(), "æ".into()])),
            ),
            (
                "user_auth_tokens",
                Some(Member::Codes(vec![digest_of("code"); 2])),
            ),
            (
                "joining_sessions",
                Some(Member::Answers(vec![
                    ("\n".into(), Some(Participation::Maybe)),
                    ("s".into(), Some(Participation::Yes)),
                    ("t".into(), None),
                ])),
            ),
            ("unknown", None),
            ("session_id", None),
        ] {
            assert!(read.member(name) == member.as_ref(), "{name}");
        }
    }

    #[test]
    fn what_is_no_member_of_its_kind_is_skipped() {
        for odd in [
            json!({"participants": [["a"]], "user_auth_tokens": [1], "joining_sessions": {"a": 1}}),
            json!({"participants": ["a", null], "user_auth_tokens": ["a", {}], "joining_sessions": {"a": "yes"}}),
            json!({"participants": {"a": "a"}, "user_auth_tokens": {}, "joining_sessions": ["a"]}),
            json!({"participants": 7, "user_auth_tokens": 1e300, "joining_sessions": false}),
        ] {
            let read = data(&odd);
            for name in ["participants", "user_auth_tokens", "joining_sessions"] {
                assert!(read.member(name) == Some(&Member::Other), "{name} of {odd}");
            }
        }
    }

    #[test]
    fn lists_and_strings_have_their_limits() {
        let many = |count: usize| (0..count).map(|n| n.to_string());
        let answers = |count| many(count).map(|n| (n, json!(null))).collect::<Value>();
        let list = |count| many(count).collect::<Value>();
        for (name, most, larger) in [
            (
                "participants",
                list(MAX_PARTICIPANTS),
                list(MAX_PARTICIPANTS + 1),
            ),
            ("user_auth_tokens", list(MAX_CODES), list(MAX_CODES + 1)),
            (
                "joining_sessions",
                answers(MAX_ANSWERS),
                answers(MAX_ANSWERS + 1),
            ),
        ] {
            let read = data(&json!({name: most}));
            assert!(!matches!(
                read.member(name),
                None | Some(Member::TooMany | Member::Other)
            ));
            let read = data(&json!({name: larger}));
            assert!(read.member(name) == Some(&Member::TooMany), "{name}");
        }
        let long = "x".repeat(MAX_TEXT_BYTES);
        assert_eq!(
            data(&json!({"comment": long})).text("comment"),
            Some(&*long)
        );
        let read = data(&json!({"comment": long.clone() + "x"}));
        assert!(read.member("comment") == Some(&Member::LongText));
        let read = data(&json!({"user_auth_tokens": ["a", long + "x"]}));
        assert!(read.member("user_auth_tokens") == Some(&Member::Codes(vec![digest_of("a")])));
    }

    #[test]
    fn every_part_of_a_request_is_part_of_its_digest() {
        let texts = [
            r#"{"action":"x"}"#,
            r#"{"action":"y"}"#,
            r#"{"action":"x","unknown":[1]}"#,
            r#"{"action":"x","unknown":[2]}"#,
        ];
        for (n, text) in texts.iter().enumerate() {
            let digest = |text: &str| *RequestData::read(text.as_bytes()).unwrap().digest();
            assert_eq!(digest(text), digest(text));
            assert!(texts[..n].iter().all(|other| digest(other) != digest(text)));
        }
        assert_eq!(RequestData::read(b"[]"), Err(NoRequest::NoObject));
    }
}
