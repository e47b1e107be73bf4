//! Writing the club: the private form with login codes, the public one with their hashes
//! (`api.md` section 5). Nothing else differs between the two.
//!
//! The members come first: they seldom change, so their text, their codes' hashes and the state of
//! SHA-256 after them are kept from version to version. What follows is put together from the kept
//! texts of the sessions.

use std::collections::BTreeMap;

use serde_core::ser::{Serialize, SerializeMap, Serializer};
use sha2::{Digest, Sha256};

use super::Club;
use super::session::{Participation, Session};
use super::stored::Extra;
use super::user::{CodeDigest, User};

/// The text of an object, and its SHA-256.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// JSON in UTF-8.
    pub bytes: Vec<u8>,
    /// Of all bytes.
    pub sha256: [u8; 32],
}

impl Text {
    /// A text as it is.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        let sha256 = Sha256::digest(&bytes).into();
        Self { bytes, sha256 }
    }

    fn of(beginning: &Beginning, club: &Club, white_space: &str) -> Self {
        let mut bytes = Vec::with_capacity(beginning.json.len() + SESSIONS_BYTES);
        bytes.extend_from_slice(&beginning.json);
        write_rest(&mut bytes, club);
        bytes.extend_from_slice(white_space.as_bytes());
        let sha256 = beginning
            .sha256
            .clone()
            .chain_update(&bytes[beginning.json.len()..])
            .finalize()
            .into();
        Self { bytes, sha256 }
    }
}

/// The private `data.json`, ending in `white_space`.
#[must_use]
pub fn private_text(club: &Club, white_space: &str) -> Text {
    Text::of(&members(club).private, club, white_space)
}

/// The public `data.json`, ending in `white_space`: every login code is replaced by the hex form of its
/// SHA-256.
#[must_use]
pub fn public_text(club: &Club, white_space: &str) -> Text {
    Text::of(&members(club).public, club, white_space)
}

/// The private `data.json`.
#[must_use]
pub fn private_json(club: &Club) -> Vec<u8> {
    private_text(club, "").bytes
}

/// The public `data.json`.
#[must_use]
pub fn public_json(club: &Club) -> Vec<u8> {
    public_text(club, "").bytes
}

pub(super) fn to_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("writing string-keyed objects to memory never fails")
}

/// The written members.
pub struct Members {
    private: Beginning,
    public: Beginning,
}

/// The text of an object up to and including its members.
struct Beginning {
    json: Vec<u8>,
    /// After that text.
    sha256: Sha256,
}

fn members(club: &Club) -> &Members {
    club.users.written(|users| Members {
        private: Beginning::new(users, Codes::Plain),
        public: Beginning::new(users, Codes::Hashed),
    })
}

impl Beginning {
    fn new(users: &BTreeMap<String, User>, codes: Codes) -> Self {
        let mut json = br#"{"users":"#.to_vec();
        json.append(&mut to_json(&View { of: users, codes }));
        let sha256 = Sha256::new_with_prefix(&json);
        Self { json, sha256 }
    }
}

/// All that follows the members.
fn write_rest(bytes: &mut Vec<u8>, club: &Club) {
    bytes.extend_from_slice(br#","sessions":{"#);
    let mut separator: &[u8] = b"";
    for (id, session) in &club.sessions {
        bytes.extend_from_slice(separator);
        bytes.append(&mut to_json(id));
        bytes.push(b':');
        bytes.extend_from_slice(session.written(to_json));
        separator = b",";
    }
    bytes.push(b'}');
    for (key, value) in club.extra.iter() {
        bytes.push(b',');
        bytes.append(&mut to_json(&key));
        bytes.push(b':');
        bytes.extend_from_slice(value.get().as_bytes());
    }
    bytes.push(b'}');
}

/// How login codes are written.
#[derive(Clone, Copy)]
enum Codes {
    Plain,
    Hashed,
}

/// A part of the club as it is written.
struct View<'a, T> {
    of: &'a T,
    codes: Codes,
}

impl Serialize for View<'_, BTreeMap<String, User>> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let codes = self.codes;
        serializer.collect_map(
            self.of
                .iter()
                .map(|(id, user)| (id, View { of: user, codes })),
        )
    }
}

impl Serialize for View<'_, User> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let user = self.of;
        let mut object = serializer.serialize_map(None)?;
        object.serialize_entry("user_id", &user.user_id)?;
        object.serialize_entry("name", &user.name)?;
        object.serialize_entry("role", user.role.name())?;
        match self.codes {
            Codes::Plain => object.serialize_entry("auth_token", user.auth_token.text())?,
            Codes::Hashed => {
                object.serialize_entry(
                    "auth_token",
                    hex_form(user.auth_token.digest(), &mut [0; 64]),
                )?;
            }
        }
        write_extra(&mut object, &user.extra)?;
        object.end()
    }
}

/// Not `hex::encode`, which makes a string character by character: there may be thousands.
fn hex_form<'b>(digest: &CodeDigest, buffer: &'b mut [u8; 64]) -> &'b str {
    hex::encode_to_slice(digest, buffer).expect("a byte has two digits");
    std::str::from_utf8(buffer).expect("digits are ASCII")
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
        write_extra(&mut object, &self.extra)?;
        object.end()
    }
}

impl Serialize for Participation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

fn write_extra<M: SerializeMap>(object: &mut M, extra: &Extra) -> Result<(), M::Error> {
    extra
        .iter()
        .try_for_each(|(key, value)| object.serialize_entry(key, value))
}

/// Room for the sessions of a usual club; more is made if need be.
const SESSIONS_BYTES: usize = 64 * 1024;

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
    fn the_hash_is_that_of_the_text_whatever_was_changed() {
        let mut club = read_club(existing_club().to_string().as_bytes()).unwrap();
        let check = |club: &Club| {
            for text in [private_text(club, " \t"), public_text(club, "\n")] {
                assert_eq!(text, Text::new(text.bytes.clone()));
                assert!(text.bytes.ends_with(b"}\n") || text.bytes.ends_with(b"} \t"));
            }
            let fresh = read_club(&private_json(club)).unwrap();
            assert_eq!(public_text(&fresh, ""), public_text(club, ""));
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
    fn unknown_keys_survive_to_the_letter() {
        let text =
            r#"{"users":{},"sessions":{},"a":1e400,"b":12345678901234567890123456789,"c":[ ]}"#;
        let club = read_club(text.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(private_json(&club)).unwrap(), text);
    }
}
