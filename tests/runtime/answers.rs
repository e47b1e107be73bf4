//! What goes out, and what the Runtime API may make of it.

use dojang::runtime::MAX_RESPONSE_BYTES;
use serde_json::json;

use crate::harness::{Function, only};
use crate::server::{Answer, Request};

#[test]
fn the_delivery_is_named_in_the_answer() {
    let function = Function::start("script");
    for (event, call) in [
        (&b"{}"[..], "response"),
        (b"fail", "error"),
        (b"panic", "error"),
        (b"too large", "error"),
    ] {
        let delivery = Answer::event("r1", event).header("Lambda-Runtime-Invocation-Id", "d-1");
        function.expect_next().answer(&delivery);
        let request = function.expect("POST", &format!("invocation/r1/{call}"));
        assert_eq!(request.header("lambda-runtime-invocation-id"), Some("d-1"));
        request.answer(&Answer::status(202));
        let request = function.invoke("r1", event, call);
        assert_eq!(request.header("lambda-runtime-invocation-id"), None);
        request.answer(&Answer::status(202));
    }
}

#[test]
fn a_response_that_is_refused_is_logged_and_the_next_event_served() {
    for status in [400, 403, 404, 410, 413, 503] {
        let function = Function::start("script");
        let response = function.invoke("r1", b"{}", "response");
        response.answer(&Answer::status(status));
        // No `/error` comes after it.
        assert_eq!(function.respond("r2", b"{}"), b"{}");
        let log = function.stop();
        let line = only(&log);
        let beginning = format!("WARN the Runtime API refused the answer ({status}): ");
        assert!(line.starts_with(&beginning), "{line}");
        assert!(line.ends_with(" requestId=r1"), "{line}");
    }
}

#[test]
fn a_report_that_is_refused_is_logged_and_the_next_event_served() {
    for status in [400, 403, 404, 410, 413, 503] {
        let function = Function::start("script");
        let report = function.invoke("r1", b"fail", "error");
        report.answer(&Answer::status(status));
        assert_eq!(function.respond("r2", b"{}"), b"{}");
        let log = function.stop();
        assert_eq!(log.len(), 2, "{log:?}");
        assert!(log[0].starts_with("ERROR not today"), "{log:?}");
        let beginning = format!("WARN the Runtime API refused the answer ({status}): ");
        assert!(log[1].starts_with(&beginning), "{log:?}");
    }
}

#[test]
fn what_is_accepted_is_not_worth_a_line() {
    let function = Function::start("script");
    for status in [202, 200] {
        let response = function.invoke("r1", b"{}", "response");
        response.answer(&Answer::status(status));
    }
    assert_eq!(function.stop(), Vec::<String>::new());
}

#[test]
fn a_500_ends_the_process() {
    for (event, call, lines) in [(&b"{}"[..], "response", 1), (b"fail", "error", 2)] {
        let function = Function::start("script");
        let request = function.invoke("r1", event, call);
        request.answer(&Answer::status(500));
        let (code, log) = function.end();
        assert_eq!(code, Some(1));
        assert_eq!(log.len(), lines, "{log:?}");
        let last = &log[lines - 1];
        assert_eq!(
            last,
            "FATAL the Runtime API cannot go on (500) requestId=r1"
        );
    }
}

#[test]
fn one_connection_serves_all_calls() {
    let function = Function::start("script");
    for status in [202, 400, 403, 410, 413] {
        for (event, call) in [(&b"{}"[..], "response"), (b"fail", "error")] {
            for answer in [Answer::status(status), Answer::status(status).chunked()] {
                let request = function.invoke("r1", event, call);
                assert_eq!(request.connection, 0, "{call} {status}");
                request.answer(&answer);
            }
        }
    }
    assert_eq!(function.expect_next().connection, 0);
}

#[test]
fn redirections_are_not_followed() {
    let function = Function::start("script");
    let elsewhere = Answer::status(307).header("Location", "/elsewhere");
    let response = function.invoke("r1", b"{}", "response");
    response.answer(&elsewhere);
    assert_eq!(function.respond("r2", b"{}"), b"{}");
    assert!(only(&function.stop()).contains("refused the answer (307)"));
}

#[test]
fn the_largest_response_is_sent() {
    assert_eq!(MAX_RESPONSE_BYTES, 6_291_556);
    let function = Function::start("script");
    assert_eq!(function.respond("r1", b"largest").len(), 6_291_556);
    assert!(function.stop().is_empty());
}

#[test]
fn a_larger_response_is_never_sent() {
    let function = Function::start("script");
    let report = function.invoke("r1", b"too large", "error");
    assert_eq!(
        report.header("lambda-runtime-function-error-type"),
        Some("Runtime.ResponseTooLarge")
    );
    assert_eq!(
        report.json(),
        json!({
            "errorType": "Runtime.ResponseTooLarge",
            "errorMessage": "the response has 6291557 bytes, more than 6291556",
            "stackTrace": [],
        })
    );
    report.answer(&Answer::status(202));
    assert_eq!(function.respond("r2", b"{}"), b"{}");
    assert!(only(&function.stop()).starts_with("ERROR the response has 6291557 bytes"));
}

#[test]
fn a_connection_that_breaks_during_an_answer_is_survived() {
    for (event, call) in [(&b"{}"[..], "response"), (b"fail", "error")] {
        let function = Function::start("script");
        function.invoke("r1", event, call).drop_connection();
        // Once more on a connection that was not idle while the handler was at work.
        let again = function.expect("POST", &format!("invocation/r1/{call}"));
        assert_eq!(again.connection, 1);
        again.drop_connection();
        let next = function.expect_next();
        assert_eq!(next.connection, 2);
        next.answer(&Answer::event("r2", b"{}"));
        let response = function.expect("POST", "invocation/r2/response");
        response.answer(&Answer::status(202));
        let log = function.stop();
        let last = log.last().unwrap();
        assert!(
            last.starts_with("ERROR the answer was not delivered: "),
            "{log:?}"
        );
        assert!(last.ends_with(" requestId=r1"), "{log:?}");
    }
}

#[test]
fn an_answer_whose_connection_was_closed_meanwhile_is_sent_on_another() {
    let function = Function::start("script");
    let lost = function.invoke("r1", b"{}", "response");
    let body = lost.body.clone();
    lost.drop_connection();
    let again = function.expect("POST", "invocation/r1/response");
    assert_eq!(again.body, body);
    again.answer(&Answer::status(202));
    assert_eq!(function.respond("r2", b"{}"), b"{}");
    assert_eq!(function.stop(), [""; 0]);
}

#[test]
fn an_answer_that_is_cut_on_a_fresh_connection_is_sent_once_more() {
    let cuts: [fn(Request); 4] = [
        Request::drop_connection,
        |request| request.answer_raw_in_vain(b"H"),
        |request| request.answer_raw_in_vain(b"HTTP/1.1 202 Accepted\r\nContent-"),
        |request| request.answer_raw_in_vain(b"HTTP/1.1 100 Continue\r\n\r\n"),
    ];
    for (event, call) in [
        (&b"{}"[..], "response"),
        (b"fail", "error"),
        (b"largest", "response"),
    ] {
        for cut in cuts {
            let function = Function::start("script");
            // No connection is left to send the answer on.
            let event = Answer::event("r1", event).header("Connection", "close");
            function.expect_next().answer(&event);
            let first = function.expect("POST", &format!("invocation/r1/{call}"));
            assert_eq!(first.connection, 1);
            let body = first.body.clone();
            cut(first);
            let again = function.expect("POST", &format!("invocation/r1/{call}"));
            assert_eq!(again.connection, 2);
            assert!(again.body == body);
            again.answer(&Answer::status(202));
            assert_eq!(function.respond("r2", b"{}"), b"{}");
            let log = function.stop();
            assert!(!log.iter().any(|line| line.contains("deliver")), "{log:?}");
        }
    }
}

#[test]
fn an_answer_is_sent_twice_at_most() {
    let function = Function::start("script");
    let event = Answer::event("r1", b"{}").header("Connection", "close");
    function.expect_next().answer(&event);
    for connection in [1, 2] {
        let request = function.expect("POST", "invocation/r1/response");
        assert_eq!(request.connection, connection);
        request.drop_connection();
    }
    assert_eq!(function.respond("r2", b"{}"), b"{}");
    assert!(only(&function.stop()).starts_with("ERROR the answer was not delivered: "));
}

#[test]
fn an_event_is_never_asked_for_again_unseen() {
    // What was taken from a connection that broke would be lost; asking is for the loop to do, in its log.
    let function = Function::start("script");
    assert_eq!(function.respond("r1", b"{}"), b"{}");
    function.expect_next().drop_connection();
    assert_eq!(function.respond("r2", b"{}"), b"{}");
    assert!(only(&function.stop()).starts_with("WARN no event: "));
}

#[test]
fn after_its_last_answer_the_process_ends() {
    let function = Function::start("last");
    assert_eq!(function.respond("r1", b"{}"), b"{}");
    for status in [202, 413] {
        let function = Function::start("last");
        let response = function.invoke("r1", b"last", "response");
        assert_eq!(response.body, b"last");
        response.answer(&Answer::status(status));
        let (code, log) = function.end();
        assert_eq!(code, Some(1));
        assert!(log[0].starts_with("WARN the process ends, "), "{log:?}");
    }
}

#[test]
fn the_last_answer_waits_for_those_that_are_under_way() {
    let function = Function::start_with("last", &[("AWS_LAMBDA_MAX_CONCURRENCY", "3")]);
    let (first, second, _third) = (
        function.expect_next(),
        function.expect_next(),
        function.expect_next(),
    );
    first.answer(&Answer::event("r1", b"wait"));
    second.answer(&Answer::event("r2", b"last"));
    // In either order.
    let mut answers = [function.expect_any(), function.expect_any()];
    answers.sort_by(|a, b| a.path.cmp(&b.path));
    for (request, body) in answers.into_iter().zip([&b"wait"[..], b"last"]) {
        assert_eq!(request.body, body);
        request.answer(&Answer::status(202));
    }
    assert_eq!(function.end().0, Some(1));
}

#[test]
fn a_connection_that_is_closed_after_an_answer_is_replaced() {
    let function = Function::start("script");
    let response = function.invoke("r1", b"{}", "response");
    response.answer_in_vain(&Answer::status(202).header("Connection", "close"));
    let next = function.expect_next();
    assert_eq!(next.connection, 1);
    next.answer(&Answer::event("r2", b"{}"));
    drop(function.expect("POST", "invocation/r2/response"));
}
