//! Writing the club: the private form with login codes, the public one with their hashes.
//!
//! Nothing else differs between the two (`docs/api.md#public-datajson`).
//!
//! The members come first, because they seldom change: their text, their codes' hashes and the state of SHA-256 after
//! them are kept from version to version. The rest is put together from the kept texts of the sessions.

use std::collections::BTreeMap;

use serde_core::ser::{Serialize, SerializeMap, Serializer};
use sha2::{Digest, Sha256};

use super::Club;
use super::extra::Extra;
use super::kept::{Beginning, Members};
use super::participation::{Intentions, Participation};
use super::session::Session;
use super::user::User;
use crate::json::surrogates;

/// The text of an object: JSON in UTF-8, in two parts, so that what is kept need not be copied.
#[derive(Clone, Debug)]
pub struct Text<'c> {
    /// What is kept with the club.
    pub beginning: &'c [u8],
    /// What was written for this text.
    pub rest: Vec<u8>,
    /// Of both parts together.
    pub sha256: [u8; 32],
}

impl<'c> Text<'c> {
    /// A text as it is.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self {
            beginning: &[],
            sha256: Sha256::digest(&bytes).into(),
            rest: bytes,
        }
    }

    fn of(beginning: &'c Beginning, club: &Club, white_space: &str) -> Self {
        let mut rest = Vec::with_capacity(SESSIONS_BYTES);
        write_rest(&mut rest, club);
        let mut rest = with_surrogates(rest, club.has_stand_ins);
        rest.extend_from_slice(white_space.as_bytes());
        Self {
            beginning: &beginning.json,
            sha256: beginning
                .sha256
                .clone()
                .chain_update(&rest)
                .finalize()
                .into(),
            rest,
        }
    }

    /// The whole text.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        [self.beginning, &self.rest].concat()
    }
}

/// The private `data.json`, ending in `white_space`.
#[must_use]
pub fn private_text<'c>(club: &'c Club, white_space: &str) -> Text<'c> {
    Text::of(&members(club).private, club, white_space)
}

/// The public `data.json`, ending in `white_space`: every login code is replaced by the hex form of its
/// SHA-256.
#[must_use]
pub fn public_text<'c>(club: &'c Club, white_space: &str) -> Text<'c> {
    Text::of(&members(club).public, club, white_space)
}

/// Bytes of the private `data.json`, or a few more. What is written for this is kept.
#[must_use]
pub fn written_bytes(club: &Club) -> usize {
    let sessions = club.sessions.iter();
    let sessions = sessions.map(|(id, session)| id.len() + session.written(to_json).len());
    let extra = club.extra.iter();
    let extra = extra.map(|(key, value)| key.len() + value.get().len());
    let rest = sessions
        .chain(extra)
        .map(|length| length + MEMBER_PUNCTUATION);
    members(club).private.json.len() + rest.sum::<usize>() + REST_BYTES
}

/// The private `data.json`.
#[must_use]
pub fn private_json(club: &Club) -> Vec<u8> {
    private_text(club, "").bytes()
}

/// The public `data.json`.
#[must_use]
pub fn public_json(club: &Club) -> Vec<u8> {
    public_text(club, "").bytes()
}

/// `json` as it is stored.
pub(super) fn with_surrogates(json: Vec<u8>, has_stand_ins: bool) -> Vec<u8> {
    if !has_stand_ins {
        return json;
    }
    let json = String::from_utf8(json).expect("what serde_json wrote is UTF-8");
    surrogates::put_back(&json).into_owned().into_bytes()
}

pub(super) fn to_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("writing string-keyed objects to memory never fails")
}

fn members(club: &Club) -> &Members {
    club.users.written(|users| {
        let room = users.len() * USER_BYTES;
        let (mut private, mut public) = (Vec::with_capacity(room), Vec::with_capacity(room));
        write_members(users, &mut private, &mut public);
        Members {
            private: Beginning::new(with_surrogates(private, club.has_stand_ins)),
            public: Beginning::new(with_surrogates(public, club.has_stand_ins)),
        }
    })
}

/// Both forms at once: all but the codes is written once and copied.
fn write_members(users: &BTreeMap<String, User>, private: &mut Vec<u8>, public: &mut Vec<u8>) {
    private.extend_from_slice(br#"{"users":{"#);
    public.extend_from_slice(br#"{"users":{"#);
    let mut separator: &[u8] = b"";
    for (id, user) in users {
        let begun = private.len();
        private.extend_from_slice(separator);
        write_json(private, id);
        private.extend_from_slice(br#":{"user_id":"#);
        write_json(private, &user.user_id);
        private.extend_from_slice(br#","name":"#);
        write_json(private, &user.name);
        private.extend_from_slice(br#","role":"#);
        write_json(private, user.role.name());
        private.extend_from_slice(br#","auth_token":"#);
        public.extend_from_slice(&private[begun..]);
        write_json(private, user.auth_token.text());
        let mut hash = [0; 64];
        hex::encode_to_slice(user.auth_token.digest(), &mut hash).expect("a byte has two digits");
        public.push(b'"');
        public.extend_from_slice(&hash);
        public.push(b'"');
        let rest = private.len();
        write_extra(private, &user.extra);
        private.push(b'}');
        public.extend_from_slice(&private[rest..]);
        separator = b",";
    }
    private.push(b'}');
    public.push(b'}');
}

/// All that follows the members.
fn write_rest(bytes: &mut Vec<u8>, club: &Club) {
    bytes.extend_from_slice(br#","sessions":{"#);
    let mut separator: &[u8] = b"";
    for (id, session) in &club.sessions {
        bytes.extend_from_slice(separator);
        write_json(bytes, id);
        bytes.push(b':');
        bytes.extend_from_slice(session.written(to_json));
        separator = b",";
    }
    bytes.push(b'}');
    write_extra(bytes, &club.extra);
    bytes.push(b'}');
}

/// Further members of an object, each after a comma.
fn write_extra(bytes: &mut Vec<u8>, extra: &Extra) {
    for (key, value) in extra.iter() {
        bytes.push(b',');
        write_json(bytes, key);
        bytes.push(b':');
        bytes.extend_from_slice(value.get().as_bytes());
    }
}

fn write_json(bytes: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    serde_json::to_writer(bytes, value).expect("writing strings to memory never fails");
}

impl Serialize for Session {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        object.serialize_entry("session_id", &self.session_id)?;
        object.serialize_entry("start_time", &self.start_time)?;
        object.serialize_entry("end_time", &self.end_time)?;
        object.serialize_entry("state", self.state.name())?;
        if let Some(coach) = &self.coach {
            object.serialize_entry("coach", coach)?;
        }
        if let Some(comment) = &self.comment {
            object.serialize_entry("comment", comment)?;
        }
        object.serialize_entry("participation", &self.participation)?;
        for (key, value) in self.extra.iter() {
            object.serialize_entry(key, value)?;
        }
        object.end()
    }
}

impl Serialize for Intentions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl Serialize for Participation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Two quotation marks, a colon and a comma.
const MEMBER_PUNCTUATION: usize = 4;
/// What stands around the sessions, and the white space at the end.
const REST_BYTES: usize = 64;
/// Room for the sessions of a usual club; more is made if need be.
const SESSIONS_BYTES: usize = 64 * 1024;
/// Room for a usual member.
const USER_BYTES: usize = 256;

#[cfg(test)]
mod tests {
    use super::super::stored::read_club;
    use super::*;
    use serde_json::{Value, json};

    fn existing_club() -> Value {
        json!({
            "users": {"u1": {
                "user_id": "u1", "name": "Kim", "role": "Admin", "auth_token": "AbCd1234",
                "belt": {"colour": "black", "dan": [1, 2]},
            }},
            "sessions": {
                "s1": {"session_id": "s1", "start_time": -5, "end_time": 8_589_934_592_i64,
                    "state": "scheduled", "participation": {"u1": "Yes", "gone": "Maybe"}},
                "s2": {"session_id": "s2", "start_time": 1, "end_time": 2, "state": "cancelled",
                    "coach": null, "comment": null, "participation": {}, "room": "A"},
            },
            "version": 3,
        })
    }

    #[test]
    fn what_was_read_is_written_again() {
        let stored = existing_club();
        let club = read_club(stored.to_string().as_bytes()).unwrap();
        assert_eq!(
            serde_json::from_slice::<Value>(&private_json(&club)).unwrap(),
            stored
        );
    }

    #[test]
    fn the_public_form_differs_in_the_codes_only() {
        let mut stored = existing_club();
        let club = read_club(stored.to_string().as_bytes()).unwrap();
        stored["users"]["u1"]["auth_token"] =
            json!("70bb9fc41a5b8f05b90c13ab30bd4df9c9b1b49e7c2f9a7e3d3d4b1e5c7dd4f6");
        let public: Value = serde_json::from_slice(&public_json(&club)).unwrap();
        let hash = public["users"]["u1"]["auth_token"].as_str().unwrap();
        assert_eq!(hash, hex::encode(crate::club::user::digest_of("AbCd1234")));
        stored["users"]["u1"]["auth_token"] = json!(hash);
        assert_eq!(public, stored);
    }

    #[test]
    fn the_size_is_told_with_a_few_bytes_more() {
        for (key, value) in [(1, 1), (1, 900), (900, 1), (900, 900)] {
            let mut stored = existing_club();
            stored["k".repeat(key)] = json!("v".repeat(value));
            stored["sessions"]["s1"]["session_id"] = json!("s".repeat(key));
            stored["sessions"]["s".repeat(key)] = stored["sessions"]["s1"].take();
            stored["sessions"].as_object_mut().unwrap().remove("s1");
            let club = read_club(stored.to_string().as_bytes()).unwrap();
            let length = private_json(&club).len();
            let told = written_bytes(&club);
            assert!((length..length + 100).contains(&told), "{told}: {length}");
        }
    }

    #[test]
    fn the_hash_is_that_of_the_text_whatever_was_changed() {
        let mut club = read_club(existing_club().to_string().as_bytes()).unwrap();
        let check = |club: &Club| {
            for text in [private_text(club, " \t"), public_text(club, "\n")] {
                let bytes = text.bytes();
                assert_eq!(text.sha256, Text::new(bytes.clone()).sha256);
                assert!(bytes.ends_with(b"}\n") || bytes.ends_with(b"} \t"));
            }
            let fresh = read_club(&private_json(club)).unwrap();
            assert_eq!(public_json(&fresh), public_json(club));
        };
        check(&club);
        club.sessions.get_mut("s1").unwrap().state = super::super::session::SessionState::Archived;
        check(&club);
        club.users.get_mut("u1").unwrap().name = "Lee".to_owned();
        check(&club);
        club.sessions.clear();
        check(&club);
    }

    #[test]
    fn the_size_is_that_of_the_text() {
        for club in [
            read_club(existing_club().to_string().as_bytes()).unwrap(),
            read_club(br#"{"users":{},"sessions":{}}"#).unwrap(),
            super::super::demo::club("secret", 0, &Club::default()),
        ] {
            let text = private_text(&club, &" ".repeat(40)).bytes().len();
            assert!((text..=text + 32).contains(&written_bytes(&club)), "{text}");
        }
    }

    #[test]
    fn sessions_are_written_as_they_were_read_until_they_are_changed() {
        let session = "{ \"session_id\":\"s\\u0031\",\r\n\"room\" : [ 1e1 ], \"participation\":{}, \"comment\":null,\
            \"end_time\":7200,\"start_time\":3600, \"state\":\"scheduled\" }";
        let text = format!(r#"{{"users":{{}},"sessions":{{"s1":{session}}}}}"#);
        let mut club = read_club(text.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(private_json(&club)).unwrap(), text);
        assert_eq!(String::from_utf8(public_json(&club)).unwrap(), text);
        club.sessions.get_mut("s1").unwrap().comment = Some(Some("new".into()));
        let expected = r#"{"users":{},"sessions":{"s1":{"session_id":"s1","start_time":3600,"end_time":7200,"state":"scheduled","comment":"new","participation":{},"room":[ 1e1 ]}}}"#;
        assert_eq!(String::from_utf8(private_json(&club)).unwrap(), expected);
        assert_eq!(String::from_utf8(public_json(&club)).unwrap(), expected);
    }

    #[test]
    fn a_time_that_is_no_integer_is_written_as_the_one_it_was_read_as() {
        for (stored, read) in [("true", 1), ("3600.0", 3600), ("1e30", i64::MAX)] {
            let text = format!(
                r#"{{"users":{{}},"sessions":{{"s1":{{"session_id":"s1","start_time":{stored},"end_time":7,"state":"scheduled","participation":{{}}}},"s2":{{ "session_id":"s2","start_time":1,"end_time":7,"state":"scheduled","participation":{{}}}}}}}}"#
            );
            let club = read_club(text.as_bytes()).unwrap();
            let expected = text.replace(stored, &read.to_string());
            assert_eq!(String::from_utf8(private_json(&club)).unwrap(), expected);
        }
    }

    #[test]
    fn halves_of_characters_are_written_as_they_were_read() {
        // Wherever a string may be, with one half, with another one, and with both of a character.
        let text = r#"{"users":{"u\ud83d":{"user_id":"u\ud83d","name":"Stu \ud83d","role":"Admin","auth_token":"c","\udd4b":"\udd4b"}},"sessions":{"s1":{"session_id":"s1","start_time":1,"end_time":2,"state":"scheduled","coach":"u\ud83d","comment":"\ud83d!","participation":{"a\ud83d":"Yes","a\ud83e":"No","b":"Maybe"},"room":"\ud800"}},"\udfff":["\udfff"]}"#
            .to_owned();
        let mut club = read_club(text.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(private_json(&club)).unwrap(), text);
        let public = String::from_utf8(public_json(&club)).unwrap();
        let hash = hex::encode(crate::club::user::digest_of("c"));
        assert_eq!(public, text.replace("\"c\"", &format!("\"{hash}\"")));
        let session = club.sessions.get_mut("s1").unwrap();
        session.participation.insert("b", Participation::Yes);
        let text = text.replace("Maybe", "Yes");
        assert_eq!(String::from_utf8(private_json(&club)).unwrap(), text);
        club.users.values_mut().next().unwrap().name = "Stu".to_owned();
        let text = text.replace("Stu \\ud83d", "Stu");
        assert_eq!(String::from_utf8(private_json(&club)).unwrap(), text);
    }

    #[test]
    fn unknown_keys_survive_to_the_letter() {
        let text =
            r#"{"users":{},"sessions":{},"a":1e400,"b":12345678901234567890123456789,"c":[ ]}"#;
        let club = read_club(text.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(private_json(&club)).unwrap(), text);
    }
}
