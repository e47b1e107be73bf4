//! Errors and panics of handlers.

use serde_json::json;

use crate::child::SECRET;
use crate::harness::{Function, only};
use crate::server::Answer;

#[test]
fn an_error_is_reported() {
    let function = Function::start("script");
    let report = function.invoke("r1", b"fail", "error");
    assert_eq!(
        report.header("lambda-runtime-function-error-type"),
        Some("Function.Unwilling")
    );
    assert_eq!(
        report.json(),
        json!({"errorType": "Function.Unwilling", "errorMessage": "not today", "stackTrace": []})
    );
    report.answer(&Answer::status(202));
    assert_eq!(function.respond("r2", b"{}"), b"{}");
    assert_eq!(
        only(&function.stop()),
        "ERROR not today requestId=r1 errorType=Function.Unwilling"
    );
}

#[test]
fn a_category_that_no_header_can_hold_is_reported_all_the_same() {
    let function = Function::start("script");
    let report = function.invoke("r1", b"fail oddly", "error");
    assert_eq!(report.header("lambda-runtime-function-error-type"), None);
    assert_eq!(report.json()["errorType"], "two\nlines");
    report.answer(&Answer::status(202));
    assert_eq!(only(&function.stop()).matches("not today").count(), 1);
}

#[test]
fn a_panic_is_reported_by_its_place_and_survived() {
    for event in [&b"panic"[..], b"panic with a value"] {
        let function = Function::start("script");
        let report = function.invoke("r1", event, "error");
        assert_eq!(
            report.header("lambda-runtime-function-error-type"),
            Some("Runtime.Panic")
        );
        let body = report.json();
        assert_eq!(body["errorType"], "Runtime.Panic");
        let message = body["errorMessage"].as_str().unwrap().to_owned();
        assert!(
            message.starts_with("panicked at tests/runtime/child.rs:"),
            "{message}"
        );
        assert!(!String::from_utf8_lossy(&report.body).contains(SECRET));
        assert!(
            report
                .headers
                .iter()
                .all(|(_, value)| !value.contains(SECRET))
        );
        report.answer(&Answer::status(202));
        assert_eq!(function.respond("r2", b"{}"), b"{}");

        let log = function.stop();
        let line = only(&log);
        assert!(line.starts_with(&format!("ERROR {message} ")), "{line}");
        assert!(line.contains(" requestId=r1 "), "{line}");
        assert!(!line.contains(SECRET), "{line}");
    }
}

#[test]
fn panics_do_not_add_up() {
    let function = Function::start("script");
    for n in 0..10 {
        let id = format!("r{n}");
        let report = function.invoke(&id, b"panic", "error");
        assert_eq!(report.connection, 0);
        report.answer(&Answer::status(202));
        assert_eq!(function.respond(&id, b"{}"), b"{}");
    }
    assert_eq!(function.stop().len(), 10);
}
