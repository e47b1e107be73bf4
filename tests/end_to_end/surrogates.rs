//! Stored texts that hold half of a surrogate pair, since the old service cut them there.
//!
//! They are read, and stay as they were until they are changed.

use local::setup::{PRIVATE_BUCKET, PUBLIC_BUCKET};
use serde_json::{Value, json};

use crate::cases;
use crate::support::{Backend, Counts};

cases! {
    a_club_with_halves_of_characters_is_served,
    a_name_with_half_of_a_character_can_be_mended,
    a_history_with_halves_of_characters_is_read_and_written,
}

/// In every place where a string may be.
const CLUB: &str = r#"{"users":{"u1":{"user_id":"u1","name":"Stu \ud83d","role":"Admin","auth_token":"code","nick":"\ude00"}},"sessions":{"s1":{"session_id":"s1","start_time":5,"end_time":8000000000,"state":"scheduled","coach":"u\ud83d","comment":"half \ud83d here","participation":{"a\ud83d":"Yes","a\ud83e":"No"},"\ud800":1},"s2":{"session_id":"s2","start_time":5,"end_time":6,"state":"scheduled","participation":{"u1":"No"}}}}"#;

fn a_club_with_halves_of_characters_is_served(counts: &Counts) {
    let backend = with_club(counts);
    for (request, stored) in [
        // Another session, the same session, and what saves nothing.
        (
            answer_to("s2", "Yes"),
            CLUB.replace(r#"{"u1":"No"}"#, r#"{"u1":"Yes"}"#),
        ),
        (
            answer_to("s1", "No"),
            CLUB.replace(r#"{"u1":"No"}"#, r#"{"u1":"Yes"}"#)
                .replace(r#""a\ud83e":"No"}"#, r#""a\ud83e":"No","u1":"No"}"#),
        ),
        (
            json!({"action": "any_trigger_initialization"}),
            String::new(),
        ),
        (
            json!({"action": "admin_show_auth_token", "auth_token": "code", "user_id": "u1"}),
            String::new(),
        ),
    ] {
        let (status, body) = backend.call(&request);
        assert_eq!(status, 200, "{body}");
        if !stored.is_empty() {
            // White space apart, and the order of an object's members.
            assert_eq!(sorted(&text(&backend, PRIVATE_BUCKET)), sorted(&stored));
            let public = text(&backend, PUBLIC_BUCKET);
            let hash = hex::encode(dojang::club::user::digest_of("code"));
            assert_eq!(
                sorted(&public),
                sorted(&stored.replace("\"code\"", &format!("\"{hash}\"")))
            );
        }
    }
    let update = json!({"action": "coach_update_training_session", "auth_token": "code",
        "session_id": "s1", "start_time": 5, "end_time": 8_000_000_000_i64, "coach": "u1",
        "comment": "half \u{fffd} here"});
    let (status, body) = backend.call(&update);
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["session"]["comment"], "half \u{fffd} here");
    assert!(text(&backend, PRIVATE_BUCKET).contains(r#""comment":"half \ud83d here""#));
    let mut mend = update;
    mend["comment"] = json!("whole");
    assert_eq!(backend.call(&mend).0, 200);
    assert!(text(&backend, PUBLIC_BUCKET).contains(r#""comment":"whole""#));
}

fn a_name_with_half_of_a_character_can_be_mended(counts: &Counts) {
    let backend = with_club(counts);
    let named = |name: &str| {
        json!({"action": "admin_update_user", "auth_token": "code", "user_id": "u1",
            "role": "Admin", "name": name})
    };
    // As it is shown.
    assert_eq!(backend.call(&named("Stu \u{fffd}")).0, 200);
    assert_eq!(backend.call(&answer_to("s2", "Yes")).0, 200);
    assert!(text(&backend, PRIVATE_BUCKET).contains(r#""name":"Stu \ud83d""#));
    assert_eq!(backend.call(&named("Stuart")).0, 200);
    for bucket in [PRIVATE_BUCKET, PUBLIC_BUCKET] {
        let text = text(&backend, bucket);
        assert!(text.contains(r#""name":"Stuart""#) && text.contains(r#""nick":"\ude00""#));
    }
}

fn a_history_with_halves_of_characters_is_read_and_written(counts: &Counts) {
    let backend = with_club(counts);
    let (start, key) = (1_704_067_200, dojang::club::history::object_key(1970));
    let entry = r#""\ud83d":{"session":{"start_time":1704067200,"end_time":1704067201,"coach":"\ud83e","comment":"\ud83d"},"participants":["\ud83d"]}"#;
    let other = dojang::club::history::object_key(2024);
    for key in [&key, &other] {
        backend
            .s3
            .put_object(PRIVATE_BUCKET, key, format!("{{{entry}}}"));
    }
    let (status, body) = backend.call(&json!({"action": "coach_get_historical_participation",
        "auth_token": "code", "start_time": start, "end_time": start + 1}));
    assert_eq!(status, 200, "{body}");
    let half = "\u{fffd}";
    let session =
        json!({"start_time": start, "end_time": start + 1, "coach": half, "comment": half});
    assert_eq!(
        body,
        json!({half: {"session": session, "participants": [half]}})
    );
    // The session brings halves of its own along.
    let register = json!({"action": "coach_register_participation", "auth_token": "code",
        "session_id": "s1", "participants": ["u1"]});
    let (status, body) = backend.call(&register);
    assert_eq!(status, 200, "{body}");
    let stored = backend.s3.object(PRIVATE_BUCKET, &key).unwrap();
    let stored = String::from_utf8(stored.bytes.clone()).unwrap();
    assert!(stored.contains(entry), "{stored}");
    for part in [
        r#""comment":"half \ud83d here""#,
        r#""a\ud83e":"No""#,
        r#""participants":["u1"]"#,
    ] {
        assert!(stored.contains(part), "{stored}");
    }
}

fn with_club(counts: &Counts) -> Backend<'_> {
    let backend = Backend::empty(counts);
    backend.s3.put_object(PRIVATE_BUCKET, "data.json", CLUB);
    backend
}

fn answer_to(session_id: &str, answer: &str) -> Value {
    json!({"action": "any_register_participation", "joining_sessions": {session_id: answer},
        "user_auth_tokens": ["code"]})
}

fn text(backend: &Backend<'_>, bucket: &str) -> String {
    let object = backend.s3.object(bucket, "data.json").unwrap();
    String::from_utf8(object.bytes.clone()).unwrap()
}

/// The text with halves of characters spelt otherwise, as a value that compares by content.
fn sorted(text: &str) -> Value {
    serde_json::from_str(&text.replace("\\ud", "half ud")).unwrap()
}
