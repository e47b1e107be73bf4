//! What is fuzzed: each function takes any bytes, must not panic, and checks what must hold.
//!
//! `tests/fuzz_corpus.rs` of the main package calls the same functions with every file of `corpus/`.

use dojang::actions::{Decision, Occasion, decide, repeat};
use dojang::answer::Answer;
use dojang::club::Club;
use dojang::club::demo;
use dojang::club::history::History;
use dojang::club::operation::{Operation, OperationKey, Secret};
use dojang::club::projection::{private_json, public_json};
use dojang::club::recordings::Recordings;
use dojang::club::stored::read_club;
use dojang::event::Call;
use dojang::request::RequestData;
use dojang::runtime::address::Address;
use dojang::runtime::api::read_next;
use dojang::s3::S3Error;
use dojang::s3::error::{Said, error_code};
use serde_json::{Map, Value};

/// Lambda events: bad ones are answered with 4xx.
pub fn events(input: &[u8]) {
    match Call::from_event(input) {
        Call::Unreadable(text) => {
            let (answer, payload) = Answer::bad_request(&text).into_payload();
            assert_eq!(answer.status(), 400);
            assert!(serde_json::from_slice::<Value>(&payload).is_ok());
        }
        Call::Request { data, .. } => decided(&data),
        Call::Preflight | Call::MethodNotAllowed => {}
    }
}

/// Request data, tried with every kind of caller.
pub fn bodies(input: &[u8]) {
    let Ok(request) = RequestData::read(input) else {
        return;
    };
    decided(&request);
    // Once more with a login code that is known. What is not read here is not read there.
    let Ok(mut members) = serde_json::from_slice::<Map<String, Value>>(input) else {
        return;
    };
    for name in ["Grandmaster Oh", "Coach Hana", "Amir", "nobody"] {
        let code = demo::login_code(SECRET, name);
        members.insert("auth_token".into(), code.text().into());
        // With one value more there may be one too many.
        if let Ok(request) = RequestData::try_from(&members) {
            decided(&request);
        }
    }
}

fn decided(request: &RequestData) {
    let club = demo::club(SECRET, NOW, &Club::default());
    let operation = Operation {
        key: OperationKey::new(request, "request id"),
        secret: Secret([1; 16]),
    };
    let occasion = Occasion {
        now: NOW,
        operation,
        test_secret: Some(SECRET),
    };
    if let Ok(Decision::Change(change)) = decide(&club, request, &occasion) {
        let stored = private_json(&change.club);
        assert_eq!(
            read_club(&stored).expect("what is written can be read"),
            change.club
        );
        let _ = repeat(&change.club, request, &occasion);
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
        let mut recordings = Recordings::between(i64::MIN, i64::MAX);
        if recordings.add(&history).is_ok() {
            assert!(recordings.answer().is_object());
        }
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
