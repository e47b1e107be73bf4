//! Who intends to take part: `any_register_participation`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::request::{Refusal, Request};
use crate::club::Club;
use crate::club::user::CodeDigest;

/// Stores the answers of everybody whose code is given. `null` takes an answer back.
pub(super) fn register(club: &mut Club, request: Request<'_>) -> Result<Value, Refusal> {
    let answers = request.answers()?;
    if !answers.iter().all(|(id, _)| club.sessions.contains_key(id)) {
        return Err(Refusal::new("This session does not exist (any more)."));
    }
    let user_ids = known_users(club, request.codes()?)?;
    for (session_id, answer) in answers {
        let Some(session) = club.sessions.get_mut(session_id) else {
            continue;
        };
        for user_id in &user_ids {
            match answer {
                Some(answer) => session.participation.insert(user_id, *answer),
                None => session.participation.remove(user_id),
            }
        }
    }
    Ok(json!({}))
}

/// The ids of the users whose codes are in the list; unknown and repeated codes are skipped. Every user is
/// visited once, however many codes there are.
pub(super) fn known_users(club: &Club, codes: &[CodeDigest]) -> Result<Vec<String>, Refusal> {
    let digests: BTreeSet<&CodeDigest> = codes.iter().collect();
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
