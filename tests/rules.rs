//! What holds for the rules, whatever the request is.
//!
//! Random requests, sensible and not, one after the other on one club.

use std::collections::BTreeSet;

use dojang::actions::{Action, Change, Decision, HistoryChange, Occasion, decide, repeat};
use dojang::club::Club;
use dojang::club::demo;
use dojang::club::operation::{Operation, OperationKey, Secret};
use dojang::club::projection::{private_json, public_json};
use dojang::club::session::SessionState;
use dojang::club::stored::read_club;
use dojang::club::user::Role;
use dojang::request::RequestData;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_club_stays_sound(requests in prop::collection::vec(request(), 1..40)) {
        let mut club = demo::club(SECRET, NOW, &Club::default());
        for (n, request) in requests.iter().enumerate() {
            let occasion = occasion(n);
            let request = complete(&club, request);
            let before = club.clone();
            match decide(&club, &request, &occasion) {
                Ok(Decision::Change(change)) => {
                    // The same request decides the same on the same club.
                    let again = decide(&club, &request, &occasion);
                    prop_assert!(matches!(again, Ok(Decision::Change(c)) if c.club == change.club));
                    check_repeat(&change, &request, &occasion)?;
                    check_history(&before, &change)?;
                    club = change.club;
                    check_club(&club)?;
                }
                Ok(Decision::Answer(answer)) => prop_assert!(answer.is_object()),
                Ok(Decision::ReadHistory(range)) => prop_assert!(range.start_time < range.end_time),
                Err(refusal) => prop_assert!(!refusal.to_string().is_empty()),
            }
        }
    }

    #[test]
    fn what_is_stored_is_read_again(requests in prop::collection::vec(request(), 1..20)) {
        let mut club = demo::club(SECRET, NOW, &Club::default());
        for (n, request) in requests.iter().enumerate() {
            if let Ok(Decision::Change(change)) = decide(&club, &complete(&club, request), &occasion(n)) {
                club = change.club;
            }
        }
        let stored = private_json(&club);
        prop_assert_eq!(&read_club(&stored).expect("what was written can be read"), &club);
        // No login code is in the public form; apart from them the two are the same.
        let public = String::from_utf8(public_json(&club)).expect("JSON is UTF-8");
        let mut private: Value = serde_json::from_slice(&stored).expect("it is JSON");
        for (id, user) in &*club.users {
            prop_assert!(!public.contains(user.auth_token.text()));
            private["users"][id]["auth_token"] = json!(hex::encode(user.auth_token.digest()));
        }
        prop_assert_eq!(serde_json::from_str::<Value>(&public).expect("it is JSON"), private);
    }

    #[test]
    fn no_stored_text_makes_the_reader_panic(text in "\\PC*", cut in 0..2_000_usize) {
        let _ = read_club(text.as_bytes());
        let stored = private_json(&demo::club(SECRET, NOW, &Club::default()));
        prop_assert!(read_club(&stored[..cut.min(stored.len() - 1)]).is_err());
    }
}

fn check_club(after: &Club) -> Result<(), TestCaseError> {
    prop_assert!(
        after.users.values().any(|user| user.role == Role::Admin),
        "no admin is left"
    );
    let codes: BTreeSet<_> = after
        .users
        .values()
        .map(|user| user.auth_token.text())
        .collect();
    prop_assert_eq!(codes.len(), after.users.len(), "login codes are unique");
    let names: BTreeSet<_> = after.users.values().map(|user| &user.name).collect();
    prop_assert_eq!(names.len(), after.users.len(), "names are unique");
    for (id, user) in &*after.users {
        prop_assert_eq!(id, &user.user_id);
        prop_assert!((3..=60).contains(&user.name.chars().count()));
    }
    for (id, session) in &after.sessions {
        prop_assert_eq!(id, &session.session_id);
        prop_assert!(session.start_time < session.end_time);
        prop_assert!(
            !session.is_over(NOW),
            "an archived session stays for 12 hours only"
        );
    }
    Ok(())
}

fn check_history(before: &Club, change: &Change) -> Result<(), TestCaseError> {
    if let HistoryChange::Record(record) = &change.history {
        prop_assert_eq!(
            Some(&record.session),
            before
                .sessions
                .get(&record.session_id)
                .map(|session| &**session)
        );
        prop_assert!(record.participants.is_sorted());
        prop_assert!(
            record
                .participants
                .iter()
                .all(|id| before.users.contains_key(id))
        );
        let after = change.club.sessions.get(&record.session.session_id);
        prop_assert!(after.is_none_or(|session| session.state == SessionState::Archived));
    }
    Ok(())
}

fn check_repeat(
    change: &Change,
    request: &RequestData,
    occasion: &Occasion<'_>,
) -> Result<(), TestCaseError> {
    prop_assert_eq!(
        repeat(&change.club, request, occasion),
        Ok(change.answer.clone())
    );
    Ok(())
}

/// A request whose values may be placeholders: `#user N`, `#session N`, `#code N`.
fn request() -> impl Strategy<Value = Vec<(&'static str, Value)>> {
    let keys = [
        "role",
        "name",
        "user_id",
        "coach",
        "comment",
        "session_id",
        "session_state",
        "start_time",
        "end_time",
        "participants",
        "joining_sessions",
        "user_auth_tokens",
    ];
    let action = prop::sample::select(Action::ALL.map(Action::name).to_vec());
    // Sensible values for all keys, of which some then go wrong.
    let wrong = prop::collection::vec((prop::sample::select(keys.to_vec()), junk()), 0..2);
    let (user, session) = (reference("#user"), reference("#session"));
    let sensible = (
        (
            prop::sample::select(vec!["Admin", "Coach", "Student"]),
            "[A-Za-z]{3,5}",
            user.clone(),
        ),
        (user.clone(), prop::option::of("\\PC{0,5}"), session.clone()),
        (
            prop::option::of(prop::sample::select(STATES.to_vec())),
            -5_000..5_000_i64,
            1..9_000_i64,
        ),
        (
            prop::collection::vec(user, 0..4),
            session,
            prop::option::of(prop::sample::select(ANSWERS.to_vec())),
        ),
        (
            prop::collection::vec(reference("#code"), 0..3),
            reference("#code"),
        ),
    );
    (action, sensible, wrong).prop_map(|(action, sensible, wrong)| {
        let ((role, name, user), (coach, comment, session), (state, start, length), rest, codes) =
            sensible;
        let (participants, joined, answer) = rest;
        let mut request = vec![
            ("action", json!(action)),
            ("auth_token", json!(codes.1)),
            ("role", json!(role)),
            ("name", json!(name)),
            ("user_id", json!(user)),
            ("coach", json!(coach)),
            ("comment", json!(comment)),
            ("session_id", json!(session)),
            ("start_time", json!(NOW + start)),
            ("end_time", json!(NOW + start + length)),
            ("participants", json!(participants)),
            ("joining_sessions", json!({joined: answer})),
            ("user_auth_tokens", json!(codes.0)),
            ("test_secret", json!(SECRET)),
        ];
        request.extend(state.map(|state| ("session_state", json!(state))));
        request.extend(wrong);
        request
    })
}

fn reference(kind: &'static str) -> BoxedStrategy<String> {
    (0..12_u8).prop_map(move |n| format!("{kind} {n}")).boxed()
}

fn junk() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,70}".prop_map(Value::from),
        Just(json!([])),
        Just(json!({})),
        Just(json!({"#session 1": "Yes", "#session 2": 7})),
        Just(json!(["#user 1", null])),
    ]
}

/// Puts ids and codes of the club in place of the placeholders.
fn complete(club: &Club, request: &[(&'static str, Value)]) -> RequestData {
    let nth = |text: &str| -> Option<String> {
        let (kind, n) = text.split_once(' ')?;
        let n = n.parse().ok()?;
        match kind {
            "#user" => club.users.keys().nth(n).cloned(),
            "#session" => club.sessions.keys().nth(n).cloned(),
            "#code" => club
                .users
                .values()
                .nth(n)
                .map(|user| user.auth_token.text().to_owned()),
            _ => None,
        }
    };
    let text = |text: &str| nth(text).unwrap_or_else(|| text.to_owned());
    let value = |value: &Value| match value {
        Value::String(string) => json!(text(string)),
        Value::Array(items) => items
            .iter()
            .map(|item| item.as_str().map_or(item.clone(), |s| json!(text(s))))
            .collect(),
        Value::Object(members) => members
            .iter()
            .map(|(key, answer)| (text(key), answer.clone()))
            .collect(),
        other => other.clone(),
    };
    let members: Map<String, Value> = request
        .iter()
        .map(|(key, given)| ((*key).to_owned(), value(given)))
        .collect();
    RequestData::try_from(&members).expect("it is request data")
}

fn occasion(n: usize) -> Occasion<'static> {
    let mut key = [0; OperationKey::BYTES];
    key[..8].copy_from_slice(&(n as u64).to_be_bytes());
    let operation = Operation {
        key: OperationKey(key),
        secret: Secret([3; 16]),
    };
    Occasion {
        now: NOW,
        operation,
        test_secret: Some(SECRET),
    }
}

const SECRET: &str = "test secret";
const NOW: i64 = 1_800_000_000;
const STATES: [&str; 4] = ["scheduled", "cancelled", "archived", "deleted"];
const ANSWERS: [&str; 3] = ["Yes", "No", "Maybe"];
