//! What is fuzzed: each function takes any bytes, must not panic, and checks what must hold.
//!
//! `tests/fuzz_corpus.rs` of the main package calls the same functions with every file of `corpus/`.

use dojang::actions::{Decision, Occasion, decide, repeat};
use dojang::answer::Answer;
use dojang::club::Club;
use dojang::club::demo;
use dojang::club::history::{History, recorded_between};
use dojang::club::operation::{Operation, OperationKey, Secret};
use dojang::club::projection::{private_json, public_json};
use dojang::club::stored::read_club;
use dojang::event::Call;
use dojang::json;
use dojang::runtime::address::Address;
use dojang::runtime::api::read_next;
use dojang::s3::S3Error;
use dojang::s3::error::{Said, error_code};
use serde_json::Value;

/// Lambda events: bad ones are answered with 4xx.
pub fn events(input: &[u8]) {
    match Call::from_event(input) {
        Call::Unreadable(text) => {
            let (answer, payload) = Answer::bad_request(&text).into_payload();
            assert_eq!(answer.status(), 400);
            assert!(serde_json::from_slice::<Value>(&payload).is_ok());
        }
        Call::Request { data, .. } => bodies(Value::Object(data).to_string().as_bytes()),
        Call::Preflight | Call::MethodNotAllowed => {}
    }
}

/// Request data, tried with every kind of caller.
pub fn bodies(input: &[u8]) {
    let Ok(Value::Object(mut request)) = json::parse(input) else {
        return;
    };
    let club = demo::club(SECRET, NOW, &Club::default());
    for name in ["Grandmaster Oh", "Coach Hana", "Amir", "nobody"] {
        request.insert(
            "auth_token".into(),
            demo::login_code(SECRET, name).text().into(),
        );
        let key = OperationKey::new(&request, "request id");
        let operation = Operation {
            key,
            secret: Secret([1; 16]),
        };
        let occasion = Occasion {
            now: NOW,
            operation,
            test_secret: Some(SECRET),
        };
        if let Ok(Decision::Change(change)) = decide(&club, &request, &occasion) {
            let stored = private_json(&change.club);
            assert_eq!(
                read_club(&stored).expect("what is written can be read"),
                change.club
            );
            let _ = repeat(&change.club, &request, &occasion);
        }
    }
}

/// Stored objects: what can be read is written again the same.
pub fn stored(input: &[u8]) {
    if let Ok(club) = read_club(input) {
        let written = private_json(&club);
        assert_eq!(
            read_club(&written).expect("what is written can be read"),
            club
        );
        assert!(read_club(&public_json(&club)).is_ok());
    }
    if let Ok(history) = History::read(input) {
        let _ = recorded_between([&history], i64::MIN, i64::MAX);
        assert!(History::read(&history.to_json()).is_ok());
    }
}

/// S3's error answers: absence is only believed when S3 says so.
pub fn s3_errors(input: &[u8]) {
    let Some((status, body)) = input.split_first_chunk::<2>() else {
        return;
    };
    let status = u16::from_be_bytes(*status) % 400 + 200;
    let code = error_code(body);
    let error = S3Error::from_answer(Said::new(status, body, None, None));
    assert_eq!(
        error == S3Error::Absent,
        status == 404 && code == Some("NoSuchKey")
    );
    // A message, two ids, a code and a hint, of characters of up to four bytes.
    let shown = error.to_string();
    assert!(shown.len() < 4 * 1_200 && !shown.contains(char::is_control));
}

/// The Runtime API's answers, and its address.
pub fn runtime_api(input: &[u8]) {
    if let Ok(text) = std::str::from_utf8(input) {
        let _ = Address::parse(text);
    }
    if let Ok(invocation) = read_next(input) {
        assert!(!invocation.request_id.is_empty());
    }
}

const SECRET: &str = "fuzzed secret";
const NOW: i64 = 1_800_000_000;
