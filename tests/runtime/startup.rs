//! Before the first event: the environment, and starts that fail.

use std::net::SocketAddr;
use std::process::Command;

use serde_json::json;

use crate::harness::{Function, only, place_of_panic, test_child};
use crate::server::Answer;

#[test]
fn an_error_at_start_is_reported_and_ends_the_process() {
    let function = Function::start("init-error");
    let report = function.expect("POST", "init/error");
    let message = "TABLE: expected a name, found nothing";
    assert_eq!(
        report.header("lambda-runtime-function-error-type"),
        Some("Runtime.ConfigInvalid")
    );
    assert_eq!(report.header("lambda-runtime-invocation-id"), None);
    assert_eq!(
        report.json(),
        json!({"errorType": "Runtime.ConfigInvalid", "errorMessage": message, "stackTrace": []})
    );
    report.answer(&Answer::status(202));
    let (code, log) = function.end();
    assert_eq!(code, Some(1));
    assert_eq!(
        only(&log),
        format!("FATAL {message} errorType=Runtime.ConfigInvalid")
    );
}

#[test]
fn a_report_of_the_start_that_is_refused_is_logged() {
    for status in [403, 500, 503] {
        let function = Function::start("init-error");
        let report = function.expect("POST", "init/error");
        report.answer(&Answer::status(status));
        let (code, log) = function.end();
        assert_eq!(code, Some(1));
        assert_eq!(log.len(), 2, "{log:?}");
        let beginning = format!("WARN the report of the init error was refused ({status})");
        assert!(log[1].starts_with(&beginning), "{log:?}");
    }
}

#[test]
fn a_report_of_the_start_that_is_not_delivered_is_logged() {
    let function = Function::start("init-error");
    for _ in 0..2 {
        function.expect("POST", "init/error").drop_connection();
    }
    let (code, log) = function.end();
    assert_eq!(code, Some(1));
    assert_eq!(log.len(), 2, "{log:?}");
    let beginning = "WARN the report of the init error was not delivered: ";
    assert!(log[1].starts_with(beginning), "{log:?}");
}

#[test]
fn a_category_that_no_header_can_hold_is_reported_all_the_same() {
    let function = Function::start("init-error-odd-category");
    let report = function.expect("POST", "init/error");
    assert_eq!(report.header("lambda-runtime-function-error-type"), None);
    assert_eq!(report.json()["errorType"], "two\nlines");
}

#[test]
fn a_panic_at_start_is_reported_by_its_place_and_ends_the_process() {
    let function = Function::start("init-panic");
    let report = function.expect("POST", "init/error");
    let message = place_of_panic(&report);
    report.answer(&Answer::status(202));
    let (code, log) = function.end();
    assert_eq!(code, Some(1));
    assert_eq!(
        only(&log),
        format!("FATAL {message} errorType=Runtime.Panic")
    );
}

#[test]
fn without_an_address_the_process_ends() {
    let expected = "FATAL environment variable AWS_LAMBDA_RUNTIME_API: \
        expected host:port, as Lambda sets it, or an http:// URL, found ";
    for (value, found) in [
        (None, "nothing"),
        (Some(""), "nothing"),
        (Some("127.0.0.1:port"), "something else"),
        (Some("https://127.0.0.1:9001"), "something else"),
        (Some("a\nb"), "something else"),
    ] {
        let mut child = test_child("echo", &[]);
        child.envs(value.map(|value| ("AWS_LAMBDA_RUNTIME_API", value)));
        let (code, log) = run_alone(child);
        assert_eq!(code, Some(1), "{value:?}");
        assert_eq!(log, format!("{expected}{found}\n"));
    }
}

#[test]
fn without_a_runtime_api_the_process_ends() {
    let mut child = test_child("echo", &[("AWS_LAMBDA_LOG_FORMAT", "JSON")]);
    child.env("AWS_LAMBDA_RUNTIME_API", DEAD);
    let (code, log) = run_alone(child);
    assert_eq!(code, Some(1));
    assert_eq!(log.matches(r#""level":"FATAL""#).count(), 1, "{log}");
    assert_eq!(log.lines().count(), 3, "{log}");
}

#[test]
fn an_address_may_be_a_url_with_ipv6_and_a_path() {
    let url = |address: SocketAddr| format!("http://[::1]:{}/.rt/dojang", address.port());
    let Ok(function) = Function::start_at("::1", url, test_child("echo", &[])) else {
        eprintln!("skipped: this machine has no IPv6 loopback address");
        return;
    };
    let next = function.expect_any();
    assert_eq!(next.path, "/.rt/dojang/2018-06-01/runtime/invocation/next");
    assert!(next.header("host").unwrap().starts_with("[::1]:"));
    next.answer(&Answer::event("r1", b"{}"));
    let response = function.expect_any();
    assert_eq!(
        response.path,
        "/.rt/dojang/2018-06-01/runtime/invocation/r1/response"
    );
    assert_eq!(response.body, b"{}");
}

#[test]
fn proxies_have_no_say() {
    // Nobody listens on port 9 (discard) of the loopback addresses.
    let (http, socks) = (format!("http://{DEAD}"), format!("socks5://{DEAD}"));
    for proxy in [&*http, &*socks, "no proxy at all"] {
        let variables = [
            "HTTP_PROXY",
            "HTTPS_PROXY",
            "ALL_PROXY",
            "http_proxy",
            "https_proxy",
            "all_proxy",
        ];
        let function = Function::start_with("echo", &variables.map(|name| (name, proxy)));
        assert_eq!(function.respond("r1", b"{}"), b"{}");
        assert!(function.stop().is_empty());
    }
}

fn run_alone(mut child: Command) -> (Option<i32>, String) {
    let output = child.output().unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

/// Nobody listens there: the port for discarding data.
const DEAD: &str = "127.0.0.1:9";
