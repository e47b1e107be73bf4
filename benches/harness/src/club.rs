//! The club that all variants work on, and the events that they get.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// A club with so many members, the same every time.
pub(crate) struct Club {
    pub(crate) members: usize,
    pub(crate) private: Arc<Vec<u8>>,
    pub(crate) public: Arc<Vec<u8>>,
}

impl Club {
    /// 50 sessions with 10 answers each; a login code of 12 characters for each member.
    pub(crate) fn new(members: usize) -> Self {
        let users: Vec<_> = (0..members).map(user).collect();
        let private = club(&users);
        let hashed: Vec<_> = users.into_iter().map(with_hashed_code).collect();
        let public = club(&hashed);
        Self {
            members,
            private: Arc::new(private),
            public: Arc::new(public),
        }
    }

    /// A member's answer: the `number`th event of a process. Each one changes something.
    pub(crate) fn write_event(&self, number: usize) -> Vec<u8> {
        let (session, member, answer) = self.change(number);
        let event = json!({"action": "any_register_participation",
            "joining_sessions": {session: answer}, "user_auth_tokens": [code(member)]});
        event.to_string().into_bytes()
    }

    /// What only reads.
    pub(crate) fn read_event() -> Vec<u8> {
        br#"{"action":"any_trigger_initialization"}"#.to_vec()
    }

    fn change(&self, number: usize) -> (String, usize, &'static str) {
        let session = id(SESSION_IDS, number % SESSIONS);
        // The set-up has `Yes` everywhere.
        let answer = ["No", "Maybe"][(number / SESSIONS) % 2];
        (session, self.members / 2, answer)
    }

    /// Whether the objects show the `number`th event's change, and the codes in the right form.
    pub(crate) fn check(&self, number: usize, private: &[u8], public: &[u8]) -> Result<(), String> {
        let (session, member, answer) = self.change(number);
        for (name, bytes, code) in [
            ("private", private, code(member)),
            ("public", public, hash(&code(member))),
        ] {
            let club: Value =
                serde_json::from_slice(bytes).map_err(|error| format!("{name}: {error}"))?;
            let id = id(USER_IDS, member);
            let found = &club["sessions"][&session]["participation"][&id];
            if found != answer {
                return Err(format!(
                    "{name}: expected the answer {answer}, found {found}"
                ));
            }
            if club["users"][&id]["auth_token"] != code {
                return Err(format!("{name}: the login code is not in its right form"));
            }
            let members = club["users"].as_object().map_or(0, Map::len);
            if members != self.members {
                return Err(format!(
                    "{name}: expected {} members, found {members}",
                    self.members
                ));
            }
        }
        Ok(())
    }
}

fn club(users: &[Value]) -> Vec<u8> {
    let mut by_id = Map::new();
    for user in users {
        by_id.insert(
            user["user_id"].as_str().unwrap_or_default().to_owned(),
            user.clone(),
        );
    }
    let mut sessions = Map::new();
    for number in 0..SESSIONS {
        let start = FIRST_START + 86_400 * number as i64;
        let participation: Map<String, Value> = (0..users.len().min(ANSWERS))
            .map(|place| (id(USER_IDS, (number + place) % users.len()), json!("Yes")))
            .collect();
        sessions.insert(
            id(SESSION_IDS, number),
            json!({"session_id": id(SESSION_IDS, number), "start_time": start, "end_time": start + 5_400,
                "state": "scheduled", "coach": id(USER_IDS, 0), "comment": "Forms and sparring",
                "participation": participation}),
        );
    }
    json!({"users": by_id, "sessions": sessions})
        .to_string()
        .into_bytes()
}

fn user(number: usize) -> Value {
    let role = ["Admin", "Coach", "Coach", "Coach"]
        .get(number)
        .unwrap_or(&"Student");
    json!({"user_id": id(USER_IDS, number), "name": format!("Member Number {number}"), "role": role,
        "auth_token": code(number)})
}

fn with_hashed_code(mut user: Value) -> Value {
    let hashed = hash(user["auth_token"].as_str().unwrap_or_default());
    user["auth_token"] = hashed.into();
    user
}

fn hash(code: &str) -> String {
    hex(&Sha256::digest(code.as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A login code of 12 characters that looks like chance.
fn code(number: usize) -> String {
    hex(&Sha256::digest(format!("code {number}").as_bytes()))[..12].to_owned()
}

/// A random UUID that is the same every time.
fn id(kind: &str, number: usize) -> String {
    let digits = hex(&Sha256::digest(format!("{kind} {number}").as_bytes()));
    let (a, b, c, d, e) = (
        &digits[..8],
        &digits[8..12],
        &digits[13..16],
        &digits[17..20],
        &digits[20..32],
    );
    format!("{a}-{b}-4{c}-8{d}-{e}")
}

const USER_IDS: &str = "user";
const SESSION_IDS: &str = "session";
const SESSIONS: usize = 50;
const ANSWERS: usize = 10;
/// In the year 2100, so that no session is pruned.
const FIRST_START: i64 = 4_102_444_800;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_the_benchmark() {
        for (members, kilobytes) in [(10, 39), (100, 55), (1_000, 222)] {
            let club = Club::new(members);
            let found = club.private.len() / 1_000;
            assert!(
                found.abs_diff(kilobytes) <= kilobytes / 5,
                "{members}: {found} KB"
            );
        }
    }

    #[test]
    fn an_unchanged_club_does_not_pass_as_changed() {
        let club = Club::new(10);
        let error = club.check(0, &club.private, &club.public).unwrap_err();
        assert!(error.contains("expected the answer No"), "{error}");
    }
}
