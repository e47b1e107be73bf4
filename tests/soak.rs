//! A long life: one process serves warm invocations and stays as small as it was.
//!
//! 2,000 invocations; `DOJANG_INVOCATIONS=200000 cargo test --release --test soak -- --nocapture` makes more.
//! `DOJANG_EXECUTABLE` names another executable than what Cargo has built, such as a packaged one.

use std::fs;

use dojang::club::demo;
use local::setup::{TEST_SECRET, lambda_environment};
use local::{Function, Outcome, RuntimeApi, RuntimeApiOptions, S3Options, S3Server};
use serde_json::{Value, json};

#[test]
fn memory_and_file_descriptors_stay_flat() {
    let invocations: u64 = std::env::var("DOJANG_INVOCATIONS")
        .ok()
        .and_then(|number| number.parse().ok())
        .unwrap_or(2_000);
    let s3 = S3Server::start(S3Options::default()).expect("a loopback port is free");
    let api = RuntimeApi::start(RuntimeApiOptions::default()).expect("a loopback port is free");
    let mut environment = lambda_environment(&api.address(), &s3.endpoint());
    // The log is not what is measured here.
    environment.insert("AWS_LAMBDA_LOG_FORMAT".to_owned(), "JSON".to_owned());
    environment.insert("AWS_LAMBDA_LOG_LEVEL".to_owned(), "ERROR".to_owned());
    let packaged = std::env::var("DOJANG_EXECUTABLE").ok();
    let program = packaged
        .as_deref()
        .unwrap_or(env!("CARGO_BIN_EXE_bootstrap"));
    let function = Function::spawn(program, &[], &environment).expect("bootstrap starts");
    invoke(
        &api,
        &json!({"action": "any_reset_test_setup", "test_secret": TEST_SECRET}),
    );
    let club = s3
        .object(local::setup::PRIVATE_BUCKET, "data.json")
        .expect("there is a club");
    let club: Value = serde_json::from_slice(&club.bytes).expect("it is JSON");
    let session = club["sessions"]
        .as_object()
        .expect("an object")
        .keys()
        .next()
        .expect("a session");

    let warm_up = invocations / 10;
    let mut first = None;
    for n in 0..invocations {
        if n == warm_up {
            first = Some(size(&function));
        }
        if n % 1_000 == 0 {
            s3.clear_requests();
        }
        let answer = ["Yes", "No", "Maybe"][usize::try_from(n % 3).expect("it is small")];
        let request = match n % 10 {
            0 => json!({"action": "any_trigger_initialization"}),
            1 => json!({"action": "admin_show_auth_token", "user_id": "nobody",
                "auth_token": demo::login_code(TEST_SECRET, "Grandmaster Oh").text()}),
            _ => json!({"action": "any_register_participation",
                "joining_sessions": {session: answer},
                "user_auth_tokens": [demo::login_code(TEST_SECRET, "Amir").text()]}),
        };
        invoke(&api, &request);
    }
    let (first, last) = (first.expect("it was measured"), size(&function));
    println!(
        "{invocations} invocations: resident {} KB, then {} KB; file descriptors {}, then {}",
        first.resident_kb, last.resident_kb, first.descriptors, last.descriptors
    );
    assert_eq!(first.descriptors, last.descriptors);
    assert!(
        last.resident_kb <= first.resident_kb + MOST_GROWTH_KB,
        "it grows"
    );
}

fn invoke(api: &RuntimeApi, request: &Value) {
    let event = json!({"isBase64Encoded": false, "body": request.to_string()}).to_string();
    let outcome = api.invoke(event.as_bytes());
    assert!(matches!(outcome, Outcome::Response(_)), "{outcome:?}");
}

struct Size {
    resident_kb: u64,
    descriptors: usize,
}

fn size(function: &Function) -> Size {
    let process = format!("/proc/{}", function.id());
    let status = fs::read_to_string(format!("{process}/status")).expect("the process runs");
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let resident = resident.and_then(|text| text.trim().strip_suffix(" kB"));
    let descriptors = fs::read_dir(format!("{process}/fd"))
        .expect("the process is ours")
        .count();
    Size {
        resident_kb: resident
            .and_then(|kb| kb.parse().ok())
            .expect("Linux says so"),
        descriptors,
    }
}

/// What the allocator may still settle into.
const MOST_GROWTH_KB: u64 = 512;
