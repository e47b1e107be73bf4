//! What clients ask for.

use dojang::club::Club;
use dojang::club::demo;
use dojang::club::participation::Intentions;
use dojang::club::session::SessionState;
use dojang::club::user::{Role, User};
use serde_json::{Map, Value, json};

use crate::random::Random;

/// A request that may well change `club`, on whose present state it is based. `kind` is below 100.
pub(crate) fn request(
    random: &mut Random,
    kind: u64,
    club: &Club,
    number: u64,
    now: i64,
) -> Map<String, Value> {
    let users: Vec<_> = club.users.values().collect();
    let sessions: Vec<_> = club.sessions.values().collect();
    let code_of = |random: &mut Random, role: Role| {
        let able: Vec<_> = users.iter().filter(|user| user.role >= role).collect();
        able.get(index(random, able.len()))
            .map_or("none", |user| user.auth_token.text())
            .to_owned()
    };
    let user = users[index(random, users.len())];
    let session = sessions
        .get(index(random, sessions.len()))
        .map(|session| &session.session_id);
    let session = session.map_or("none", |id| id.as_str());
    let begun: Vec<_> = sessions
        .iter()
        .filter(|s| s.start_time <= now && s.state != SessionState::Cancelled)
        .collect();
    let begun = begun
        .get(index(random, begun.len()))
        .map_or(session, |session| &session.session_id);
    let coach = code_of(random, Role::Coach);
    let admin = code_of(random, Role::Admin);
    let role = *random.pick(&["Student", "Coach", "Admin"]);
    let times = (
        now - 600,
        now + 3_000 + i64::try_from(random.below(9)).expect("it is small"),
    );
    let mut request = match kind {
        0..=39 => json!({"action": "any_register_participation",
            "joining_sessions": {session: random.pick(&[json!("Yes"), json!("No"), json!("Maybe"), json!(null)])},
            "user_auth_tokens": [user.auth_token.text()]}),
        40..=49 => json!({"action": "coach_add_training_session", "auth_token": coach,
            "start_time": times.0, "end_time": times.1, "coach": user.user_id, "comment": number}),
        50..=57 => json!({"action": "coach_update_training_session", "auth_token": coach,
            "session_id": session, "start_time": times.0, "end_time": times.1,
            "coach": user.user_id, "comment": format!("change {number}")}),
        58..=66 => json!({"action": "coach_update_training_session", "auth_token": coach,
            "session_id": session,
            "session_state": random.pick(&["scheduled", "cancelled", "deleted", "scheduled"])}),
        67..=78 => json!({"action": "coach_register_participation", "auth_token": coach,
            "session_id": begun, "participants": [user.user_id]}),
        79..=82 if users.len() < 14 => json!({"action": "admin_create_user", "auth_token": admin,
            "role": role, "name": format!("Member {number}")}),
        83..=86 => json!({"action": "admin_update_user", "auth_token": admin,
            "user_id": user.user_id, "role": role, "name": user.name}),
        87 | 88 if users.len() > 7 => json!({"action": "admin_delete_user", "auth_token": admin,
            "user_id": user.user_id}),
        89..=91 => json!({"action": "admin_reset_auth_token", "auth_token": admin,
            "user_id": user.user_id}),
        92..=94 => json!({"action": "admin_show_auth_token", "auth_token": admin,
            "user_id": user.user_id}),
        95 | 96 => json!({"action": "coach_get_historical_participation", "auth_token": coach,
            "start_time": now - 9_000, "end_time": now + 9_000}),
        97 => json!({"action": "admin_delete_user", "auth_token": coach, "user_id": "nobody"}),
        _ => json!({"action": "any_trigger_initialization"}),
    };
    if request["action"] == "coach_add_training_session" {
        request["comment"] = json!(format!("session {number}"));
    }
    object(request)
}

/// A request for the demo club.
pub(crate) fn reset() -> Map<String, Value> {
    object(json!({"action": "any_reset_test_setup", "test_secret": TEST_SECRET}))
}

fn object(request: Value) -> Map<String, Value> {
    let Value::Object(request) = request else {
        unreachable!("it was made as an object")
    };
    request
}

/// A request by whose name its operation is told from others.
pub(crate) fn named(name: &str, request: Value) -> Map<String, Value> {
    let mut request = object(request);
    let id = json!(format!("operation-{name}"));
    request.insert("operation_id".to_owned(), id);
    request
}

/// The member of that name.
pub(crate) fn member<'c>(club: &'c Club, name: &str) -> &'c User {
    let mut users = club.users.values();
    users.find(|user| user.name == name).expect("a member")
}

/// The club that every run begins with: a small one, so that many want the same.
pub(crate) fn initial_club(now: i64) -> Club {
    let mut club = demo::club(TEST_SECRET, now, &Club::default());
    let coach = demo::user_id(TEST_SECRET, "Coach Hana");
    club.users
        .retain(|_, user| user.role != Role::Student || *user.name < *"C");
    for session in club.sessions.values_mut() {
        session.participation = Intentions::default();
        session.coach = Some(Some(coach.clone()));
    }
    club
}

fn index(random: &mut Random, length: usize) -> usize {
    usize::try_from(random.below(length.max(1) as u64)).expect("it is an index")
}

pub(crate) const TEST_SECRET: &str = "simulated secret";
