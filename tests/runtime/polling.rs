//! When no event is to be had.

use crate::harness::{Function, only};
use crate::server::Answer;

#[test]
fn a_status_other_than_200_ends_the_process() {
    for status in [204, 307, 400, 403, 404, 500, 503] {
        let function = Function::start("echo");
        function.expect_next().answer(&Answer::status(status));
        let (code, log) = function.end();
        assert_eq!(code, Some(1));
        assert_eq!(
            only(&log),
            format!("FATAL no event: expected 200 of the Runtime API, found {status}")
        );
    }
}

#[test]
fn after_an_event_too() {
    let function = Function::start("echo");
    assert_eq!(function.respond("r1", b"{}"), b"{}");
    function.expect_next().answer(&Answer::status(500));
    let (code, log) = function.end();
    assert_eq!(code, Some(1));
    assert!(only(&log).starts_with("FATAL no event: "));
}

#[test]
fn the_third_cut_connection_ends_the_process() {
    let function = Function::start("echo");
    for n in 0..3 {
        let next = function.expect_next();
        assert_eq!(next.connection, n);
        next.drop_connection();
    }
    let (code, log) = function.end();
    assert_eq!(code, Some(1));
    assert_eq!(log.len(), 3, "{log:?}");
    let no_answer = "no event: no answer of the Runtime API: ";
    for line in &log[..2] {
        assert!(line.starts_with(&format!("WARN {no_answer}")), "{log:?}");
        assert!(line.ends_with("; asking again"), "{log:?}");
    }
    assert!(log[2].starts_with(&format!("FATAL {no_answer}")), "{log:?}");
}

#[test]
fn an_event_starts_the_count_again() {
    let function = Function::start("echo");
    for _ in 0..3 {
        function.expect_next().drop_connection();
        function.expect_next().drop_connection();
        assert_eq!(function.respond("r1", b"{}"), b"{}");
    }
    assert_eq!(function.stop().len(), 6);
}

#[test]
fn events_without_a_request_id_are_not_served() {
    let function = Function::start("echo");
    for event in [
        Answer::bare_event(b"{}"),
        Answer::bare_event(b"{}").chunked(),
        Answer::event("", b"{}"),
    ] {
        function.expect_next().answer(&event);
    }
    let (code, log) = function.end();
    assert_eq!(code, Some(1));
    assert_eq!(
        log[2],
        "FATAL no event: expected Lambda-Runtime-Aws-Request-Id of the Runtime API, found none"
    );
}

#[test]
fn what_is_no_http_ends_the_process() {
    let function = Function::start("echo");
    for _ in 0..3 {
        function
            .expect_next()
            .answer_raw(b"SSH-2.0-whatever\r\n\r\n");
    }
    let (code, log) = function.end();
    assert_eq!(code, Some(1));
    assert_eq!(log.len(), 3, "{log:?}");
}

#[test]
fn an_event_may_be_long_in_coming() {
    // One function waits while the other does all its work; nothing but the event ends the wait. That
    // no timeout is set at all is tested where the client is made.
    let waiting = Function::start("echo");
    let next = waiting.expect_next();
    let busy = Function::start("echo");
    for n in 0..200 {
        let id = format!("r{n}");
        assert_eq!(busy.respond(&id, b"{}"), b"{}");
    }
    next.answer(&Answer::event("late", b"{}"));
    let response = waiting.expect("POST", "invocation/late/response");
    assert_eq!(response.connection, 0);
    response.answer(&Answer::status(202));
    assert!(waiting.stop().is_empty());
}
