//! What a handler is given: the event as it is, and its context.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::harness::{Function, hello, only};
use crate::server::{Answer, Request};

#[test]
fn an_event_is_answered() {
    let function = Function::start("echo");
    let next = function.expect_next();
    assert!(next.body.is_empty());
    next.answer(&Answer::event("r1", br#"{"a": [1, "\u00e4"]}"#));
    let response = function.expect("POST", "invocation/r1/response");
    assert_eq!(response.body, br#"{"a": [1, "\u00e4"]}"#);
    let length = response.body.len().to_string();
    assert_eq!(response.header("content-length"), Some(length.as_str()));
    assert_eq!(response.header("transfer-encoding"), None);
    assert_eq!(response.header("lambda-runtime-function-error-type"), None);
    response.answer(&Answer::status(202));
    assert_eq!(function.stop(), Vec::<String>::new());
}

#[test]
fn events_come_one_after_the_other() {
    let function = Function::start("echo");
    for n in 0..20 {
        let (id, event) = (format!("r{n}"), format!("{{\"n\":{n}}}"));
        assert_eq!(function.respond(&id, event.as_bytes()), event.as_bytes());
    }
    assert!(function.stop().is_empty());
}

#[test]
fn an_event_in_chunks_is_put_together() {
    let function = Function::start("echo");
    let event = format!("[\"{}\"]", "ab".repeat(100_000));
    function
        .expect_next()
        .answer(&Answer::event("r1", event.as_bytes()).chunked());
    let response = function.expect("POST", "invocation/r1/response");
    assert!(response.body == event.as_bytes());
    response.answer(&Answer::status(202).chunked());
    let next = function.expect_next();
    assert_eq!(next.connection, 0);
    next.answer(&Answer::event("r2", b"").chunked());
    assert_eq!(function.expect("POST", "invocation/r2/response").body, b"");
}

#[test]
fn what_is_no_json_is_the_handlers_business() {
    let function = Function::start("echo");
    for event in [&b"{"[..], b"", b"\xff\xfe\x00", b"null"] {
        assert_eq!(function.respond("r1", event), event);
    }
    assert!(function.stop().is_empty());
}

#[test]
fn every_call_says_who_asks_and_what_it_sends() {
    let function = Function::start("script");
    let response = function.invoke("r1", b"{}", "response");
    check_headers(&response);
    response.answer(&Answer::status(202));
    let error = function.invoke("r2", b"fail", "error");
    check_headers(&error);
    error.answer(&Answer::status(202));
    let next = function.expect_next();
    assert_eq!(next.header("user-agent"), Some(USER_AGENT));
    drop(next);

    let init = Function::start("init-error").expect("POST", "init/error");
    check_headers(&init);
}

#[test]
fn the_context_is_handed_over() {
    let function = Function::start("context");
    let event = Answer::event("r1", b"\"the event\"")
        .header("Lambda-Runtime-Deadline-Ms", "4102444800123")
        .header("Lambda-Runtime-Invoked-Function-Arn", ARN)
        .header("Lambda-Runtime-Trace-Id", "Root=1-2-3;Sampled=0")
        .header("Lambda-Runtime-Aws-Tenant-Id", "tenant-7")
        .header("Lambda-Runtime-Client-Context", r#"{"client":"Häuser"}"#)
        .header("Lambda-Runtime-Cognito-Identity", r#"{"id":"i"}"#);
    function.expect_next().answer(&event);
    let response = function.expect("POST", "invocation/r1/response");
    let mut context = response.json();
    context["now_ms"].take();
    assert_eq!(
        context,
        json!({
            "event": "\"the event\"",
            "request_id": "r1",
            "deadline_ms": 4_102_444_800_123_u64,
            "now_ms": null,
            "remaining_ms": 0,
            "invoked_function_arn": ARN,
            "trace_id": "Root=1-2-3;Sampled=0",
            "tenant_id": "tenant-7",
            "client_context": r#"{"client":"Häuser"}"#,
            "cognito_identity": r#"{"id":"i"}"#,
            "cold": true,
            "trace_variable": null,
        })
    );
    response.answer(&Answer::status(202));

    // Nothing of it stays for the next event, which says nothing about itself.
    let response = function.invoke("r2", b"x", "response");
    let context = response.json();
    for name in [
        "invoked_function_arn",
        "trace_id",
        "tenant_id",
        "client_context",
        "cognito_identity",
    ] {
        assert_eq!(context[name], Value::Null, "{name}");
    }
    assert_eq!(context["request_id"], "r2");
    assert_eq!(context["cold"], false);
}

#[test]
fn only_the_first_invocation_is_cold() {
    let function = Function::start("context");
    for (id, is_cold) in [("r1", true), ("r2", false), ("r3", false)] {
        let context: Value = serde_json::from_slice(&function.respond(id, b"{}")).unwrap();
        assert_eq!(context["cold"], is_cold, "{id}");
    }
}

#[test]
fn without_a_deadline_lambdas_default_time_is_left() {
    let function = Function::start("context");
    let odd = ["", "soon", "-1", "99999999999999999999999"];
    let events = odd.map(|ms| Answer::event("r", b"{}").header("Lambda-Runtime-Deadline-Ms", ms));
    for event in [Answer::event("r", b"{}")].into_iter().chain(events) {
        let before = SystemTime::now();
        function.expect_next().answer(&event);
        let response = function.expect("POST", "invocation/r/response");
        let context = response.json();
        let ms = |name: &str| Duration::from_millis(context[name].as_u64().unwrap());
        assert!(
            ms("deadline_ms") >= whole_ms(before) + LAMBDAS_DEFAULT,
            "{context}"
        );
        assert!(
            ms("deadline_ms") <= ms("now_ms") + LAMBDAS_DEFAULT,
            "{context}"
        );
        response.answer(&Answer::status(202));
    }
}

#[test]
fn an_event_beyond_the_limit_is_reported_and_survived() {
    let function = Function::start("echo");
    let event = Answer::event("r1", &vec![b' '; 64 * 1024 * 1024 + 1]);
    function.expect_next().answer_in_vain(&event);
    let error = function.expect("POST", "invocation/r1/error");
    assert_eq!(error.json()["errorType"], "Runtime.BadEvent");
    error.answer(&Answer::status(202));
    assert_eq!(function.respond("r2", b"{}"), b"{}");
    assert!(only(&function.stop()).starts_with("ERROR the event could not be read: "));
}

#[test]
fn an_event_that_is_cut_short_is_reported_and_survived() {
    let function = Function::start("echo");
    let event = Answer::event("r1", b"{\"half\":").declaring(100);
    function.expect_next().answer_in_vain(&event);
    let error = function.expect("POST", "invocation/r1/error");
    assert_eq!(error.json()["errorType"], "Runtime.BadEvent");
    error.answer(&Answer::status(202));
    assert_eq!(function.respond("r2", b"{}"), b"{}");
}

#[test]
fn the_example_greets() {
    let address = |address: std::net::SocketAddr| address.to_string();
    let function = Function::start_at("127.0.0.1", address, hello()).unwrap();
    let greeting: Value =
        serde_json::from_slice(&function.respond("r1", br#"{"name":"Kim"}"#)).unwrap();
    assert_eq!(
        greeting,
        json!({"greeting": "Hello, Kim!", "requestId": "r1"})
    );
    let error = function.invoke("r2", b"no json", "error");
    assert_eq!(
        error.json(),
        json!({"errorType": "Function.BadEvent", "errorMessage": "expected JSON", "stackTrace": []})
    );
    error.answer(&Answer::status(202));
    let log = function.stop();
    assert_eq!(
        only(&log),
        "ERROR expected JSON requestId=r2 errorType=Function.BadEvent"
    );
}

fn whole_ms(time: SystemTime) -> Duration {
    let ms = time.duration_since(UNIX_EPOCH).unwrap().as_millis();
    Duration::from_millis(ms.try_into().unwrap())
}

fn check_headers(request: &Request) {
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.header("user-agent"), Some(USER_AGENT));
    assert_eq!(request.header("expect"), None);
}

const LAMBDAS_DEFAULT: Duration = Duration::from_secs(3);
const ARN: &str = "arn:aws:lambda:eu-central-1:123456789012:function:dojang:live";
const USER_AGENT: &str = concat!("dojang/", env!("CARGO_PKG_VERSION"));
