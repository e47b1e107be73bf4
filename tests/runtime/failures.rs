//! Errors and panics of handlers.

use serde_json::json;

use crate::child::SECRET;
use crate::harness::{Function, only, place_of_panic};
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
        let message = place_of_panic(&report);
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
