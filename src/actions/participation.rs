//! Who intends to take part: `any_register_participation`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::request::{Refusal, Request};
use crate::club::Club;
use crate::club::session::Participation;
use crate::club::user::{CodeDigest, digest_of};

/// Stores the answers of everybody whose code is given. `null` takes an answer back.
pub(super) fn register(club: &mut Club, request: Request<'_>) -> Result<Value, Refusal> {
    let mut answers = Vec::new();
    for (session_id, answer) in request.object("joining_sessions")? {
        let answer = match answer {
            Value::Null => None,
            answer => Some(
                answer
                    .as_str()
                    .and_then(Participation::from_name)
                    .ok_or_else(|| {
                        Refusal::new("An answer must be Yes, No, Maybe, or null to take it back.")
                    })?,
            ),
        };
        if !club.sessions.contains_key(session_id) {
            return Err(Refusal::new("This session does not exist (any more)."));
        }
        answers.push((session_id, answer));
    }
    let user_ids = known_users(club, request.list("user_auth_tokens")?)?;
    for (session_id, answer) in answers {
        let Some(session) = club.sessions.get_mut(session_id) else {
            continue;
        };
        for user_id in &user_ids {
            match answer {
                Some(answer) => session.participation.insert(user_id.clone(), answer),
                None => session.participation.remove(user_id),
            };
        }
    }
    Ok(json!({}))
}

/// The ids of the users whose codes are in the list; unknown and repeated codes are skipped. Every user is
/// visited once, however many codes there are.
fn known_users(club: &Club, codes: &[Value]) -> Result<Vec<String>, Refusal> {
    let digests: BTreeSet<CodeDigest> = codes
        .iter()
        .map(|code| code.as_str().map(digest_of))
        .collect::<Option<_>>()
        .ok_or_else(|| Refusal::new("`user_auth_tokens` must be a list of login codes."))?;
    let user_ids: Vec<_> = club
        .users
        .iter()
        .filter(|(_, user)| digests.contains(user.auth_token.digest()))
        .map(|(id, _)| id.clone())
        .collect();
    if user_ids.is_empty() {
        return Err(Refusal::new(
            "Please log in: none of these login codes is known.",
        ));
    }
    Ok(user_ids)
}
