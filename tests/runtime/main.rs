//! The runtime loop in real processes, against a scripted Runtime API (developer guide, "Using the Lambda
//! runtime API"; research 1).

mod child;
mod server;

use child::{Function, SECRET};
use serde_json::json;
use server::{Received, Reply, Server};

#[test]
fn an_event_is_answered_and_the_next_one_asked_for() {
    let (server, _function) = start(vec![
        event("{\"a\":1}"),
        accepted(),
        event("[2]"),
        accepted(),
    ]);
    let next = server.call();
    assert_eq!((&*next.method, &*next.path), ("GET", NEXT));
    let response = server.call();
    assert_eq!(response.method, "POST");
    assert_eq!(response.path, "/2018-06-01/runtime/invocation/r1/response");
    assert_eq!(response.body, b"{\"a\":1}");
    assert_eq!(server.call().path, NEXT);
    let response = server.call();
    assert_eq!(response.body, b"[2]");
    // Answers are read to their end, so one connection serves for all calls.
    assert_eq!((next.connection, response.connection), (0, 0));
    for call in [next, response] {
        assert!(
            call.header("user-agent")
                .is_some_and(|agent| agent.starts_with("dojang/"))
        );
        if call.method == "POST" {
            assert_eq!(call.header("content-type"), Some("application/json"));
        }
    }
}

#[test]
fn chunked_events_are_read_to_their_end() {
    let body = format!("\"{}\"", "x".repeat(100_000));
    let script = vec![Reply::chunked_event(&ID, body.as_bytes()), accepted()];
    let (server, _function) = start(script);
    server.call();
    assert_eq!(server.call().body, body.as_bytes());
}

#[test]
fn the_invocation_id_is_sent_back_if_there_was_one() {
    let headers = [ID[0], ("Lambda-Runtime-Invocation-Id", "nonce-1")];
    let (server, _function) = start(vec![
        Reply::event(&headers, b"1"),
        accepted(),
        Reply::event(&headers, b"\"fail\""),
        accepted(),
        event("1"),
        accepted(),
    ]);
    let posts = posts(&server, 3);
    let ids: Vec<_> = posts
        .iter()
        .map(|p| p.header("lambda-runtime-invocation-id"))
        .collect();
    assert_eq!(ids, [Some("nonce-1"), Some("nonce-1"), None]);
}

#[test]
fn no_answer_but_a_500_ends_the_process() {
    for what in ["1", "\"fail\""] {
        for status in [400, 403, 410, 413, 502] {
            let script = vec![event(what), Reply::status(status), event("2"), accepted()];
            let (server, mut function) = start(script);
            let posts = posts(&server, 2);
            // In particular no `/error` comes after a refused `/response`.
            assert!(posts[1].path.ends_with("/response"), "{status}");
            assert_eq!(posts[1].body, b"2");
            if what != "1" {
                assert_eq!(function.json_line()["message"], "it went wrong");
            }
            let line = function.json_line();
            assert_eq!(
                (&line["level"], &line["requestId"]),
                (&json!("WARN"), &json!("r1"))
            );
            assert!(
                line["message"]
                    .as_str()
                    .unwrap()
                    .contains(&status.to_string()),
                "{line}"
            );
        }
        let (_server, function) = start(vec![event(what), Reply::status(500)]);
        let (is_success, log) = function.end();
        assert!(
            !is_success && log.last().unwrap().contains("500"),
            "{log:?}"
        );
    }
}

#[test]
fn a_panic_is_reported_by_its_place_and_survived() {
    let (server, function) = start(vec![event("\"panic\""), accepted(), event("2"), accepted()]);
    let posts = posts(&server, 2);
    assert!(posts[0].path.ends_with("/invocation/r1/error"));
    assert_eq!(
        posts[0].header("lambda-runtime-function-error-type"),
        Some("Runtime.Panic")
    );
    let report = posts[0].json();
    assert_eq!(
        (&report["errorType"], &report["stackTrace"]),
        (&json!("Runtime.Panic"), &json!([]))
    );
    let message = report["errorMessage"].as_str().unwrap();
    assert!(
        message.contains("child.rs:") && !message.contains(SECRET),
        "{message}"
    );
    assert_eq!(posts[1].body, b"2");
    let log = function.kill().join("\n");
    assert!(log.contains("child.rs:") && !log.contains(SECRET), "{log}");
}

#[test]
fn a_handlers_error_is_reported() {
    let (server, _function) = start(vec![event("\"fail\""), accepted()]);
    let report = &posts(&server, 1)[0];
    assert_eq!(
        report.header("lambda-runtime-function-error-type"),
        Some("Function.Wrong")
    );
    assert_eq!(report.header("content-type"), Some("application/json"));
    let expected =
        json!({"errorType": "Function.Wrong", "errorMessage": "it went wrong", "stackTrace": []});
    assert_eq!(report.json(), expected);
}

#[test]
fn a_response_is_measured_before_it_is_sent() {
    let script = vec![
        event("\"large\""),
        accepted(),
        event("\"largest\""),
        accepted(),
    ];
    let (server, _function) = start(script);
    let posts = posts(&server, 2);
    assert!(posts[0].path.ends_with("/error"));
    assert_eq!(posts[0].json()["errorType"], "Runtime.ResponseTooLarge");
    assert!(posts[1].path.ends_with("/response"));
    assert_eq!(posts[1].body.len(), 6_291_556);
}

#[test]
fn an_event_that_is_no_json_is_the_handlers_affair() {
    let (server, _function) = start(vec![Reply::event(&ID, b"\xff{"), accepted()]);
    assert_eq!(posts(&server, 1)[0].body, b"\xff{");
}

#[test]
fn an_event_that_cannot_be_read_is_reported_and_survived() {
    let cut = b"HTTP/1.1 200 OK\r\nlambda-runtime-aws-request-id: r1\r\n\
        transfer-encoding: chunked\r\n\r\nnonsense\r\n";
    let script = vec![
        Reply::Text(cut.to_vec()),
        accepted(),
        event("2"),
        accepted(),
    ];
    let (server, _function) = start(script);
    let posts = posts(&server, 2);
    assert_eq!(posts[0].json()["errorType"], "Runtime.BadEvent");
    assert_eq!(posts[1].body, b"2");
}

#[test]
fn the_context_has_what_the_headers_say() {
    let all = [
        ID[0],
        ("Lambda-Runtime-Deadline-Ms", "1800000000123"),
        ("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:x"),
        ("Lambda-Runtime-Trace-Id", "Root=1-2-3"),
        ("Lambda-Runtime-Aws-Tenant-Id", "t1"),
        ("Lambda-Runtime-Client-Context", "{\"c\":1}"),
        ("Lambda-Runtime-Cognito-Identity", "{\"i\":1}"),
    ];
    let (server, mut function) = start(vec![
        Reply::event(&all, b"\"context\""),
        accepted(),
        event("\"context\""),
        accepted(),
    ]);
    let posts = posts(&server, 2);
    let expected = json!({"requestId": "r1", "deadlineMs": 1_800_000_000_123_u64,
        "arn": "arn:aws:lambda:x", "traceId": "Root=1-2-3", "tenantId": "t1",
        "clientContext": "{\"c\":1}", "cognitoIdentity": "{\"i\":1}", "cold": true});
    assert_eq!(posts[0].json(), expected);
    let bare = posts[1].json();
    assert_eq!(
        (&bare["cold"], &bare["traceId"], &bare["arn"]),
        (&json!(false), &json!(null), &json!(null))
    );
    assert!(bare["deadlineMs"].as_u64().is_some());

    let line = function.json_line();
    assert_eq!(line["message"], "in the handler");
    assert_eq!(
        (
            &line["requestId"],
            &line["traceId"],
            &line["tenantId"],
            &line["n"]
        ),
        (&json!("r1"), &json!("Root=1-2-3"), &json!("t1"), &json!(7))
    );
    assert!(function.json_line().get("traceId").is_none());
}

#[test]
fn log_format_and_level_are_heeded() {
    let script = || {
        vec![
            event("\"context\""),
            accepted(),
            event("\"context\""),
            accepted(),
        ]
    };
    let (_server, mut function) = start_with(
        script(),
        &[
            ("AWS_LAMBDA_LOG_FORMAT", "Text"),
            ("AWS_LAMBDA_LOG_LEVEL", "DEBUG"),
        ],
    );
    for _ in 0..2 {
        assert_eq!(function.line(), "INFO in the handler requestId=r1 n=7\n");
    }
    let (_server, mut function) = start_with(script(), &[("AWS_LAMBDA_LOG_LEVEL", "DEBUG")]);
    assert_eq!(function.json_line()["level"], "INFO");
    assert_eq!(function.json_line()["level"], "DEBUG");
    let (server, function) = start_with(script(), &[("AWS_LAMBDA_LOG_LEVEL", "ERROR")]);
    posts(&server, 2);
    assert_eq!(function.kill(), [""; 0]);
}

#[test]
fn a_function_that_cannot_start_says_why() {
    for (behaviour, error_type, text) in [
        ("init error", "Runtime.ConfigInvalid", "no X"),
        ("init panic", "Runtime.Panic", "child.rs:"),
    ] {
        let (server, function) = start_as(behaviour, vec![accepted()], &[]);
        let call = server.call();
        assert_eq!(
            (&*call.method, &*call.path),
            ("POST", "/2018-06-01/runtime/init/error")
        );
        assert_eq!(
            call.header("lambda-runtime-function-error-type"),
            Some(error_type)
        );
        let report = call.json();
        assert_eq!(
            (&report["errorType"], &report["stackTrace"]),
            (&json!(error_type), &json!([]))
        );
        assert!(
            report["errorMessage"].as_str().unwrap().contains(text),
            "{report}"
        );
        let (is_success, log) = function.end();
        assert!(!is_success);
        assert!(
            log.len() == 1 && log[0].contains(text) && log[0].contains("FATAL"),
            "{log:?}"
        );
        assert!(!log[0].contains(SECRET));
        assert!(server.rest().is_empty());
    }
}

#[test]
fn without_an_address_there_is_one_clear_line() {
    for variables in [
        &[][..],
        &[("AWS_LAMBDA_RUNTIME_API", "")],
        &[("AWS_LAMBDA_RUNTIME_API", "a b")],
    ] {
        let (is_success, log) = Function::start("echo", variables).end();
        assert!(!is_success && log.len() == 1, "{log:?}");
        assert!(
            log[0].contains("AWS_LAMBDA_RUNTIME_API") && log[0].contains("host:port"),
            "{log:?}"
        );
    }
}

#[test]
fn the_form_of_cargo_lambdas_emulator_is_understood() {
    let script = vec![event("1"), accepted()];
    let Ok(server) = Server::start("[::1]:0", script) else {
        println!("skipped: this machine has no IPv6");
        return;
    };
    let address = format!("http://[::1]:{}/.rt/dojang", server.port);
    let _function = Function::start("echo", &[("AWS_LAMBDA_RUNTIME_API", &address)]);
    assert_eq!(
        server.call().path,
        "/.rt/dojang/2018-06-01/runtime/invocation/next"
    );
    assert_eq!(
        server.call().path,
        "/.rt/dojang/2018-06-01/runtime/invocation/r1/response"
    );
}

#[test]
fn proxies_of_the_environment_are_not_used() {
    let dead = "http://127.0.0.1:1";
    let proxies = [
        "HTTP_PROXY",
        "http_proxy",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "all_proxy",
    ];
    let (server, _function) = start_with(
        vec![event("1"), accepted()],
        &proxies.map(|name| (name, dead)),
    );
    assert_eq!(posts(&server, 1)[0].body, b"1");
}

#[test]
fn a_broken_runtime_api_ends_the_process_soon() {
    for (script, tries) in [
        (vec![Reply::status(500)], 1),
        (vec![Reply::status(403)], 1),
        (vec![Reply::Cut, Reply::Cut, Reply::Cut], 3),
        (
            vec![
                Reply::event(&[], b"1"),
                Reply::event(&[], b"1"),
                Reply::event(&[], b"1"),
            ],
            3,
        ),
    ] {
        let (server, function) = start(script);
        let (is_success, log) = function.end();
        assert!(
            !is_success && log.last().unwrap().contains("FATAL"),
            "{log:?}"
        );
        assert_eq!((server.rest().len(), log.len()), (tries, tries), "{log:?}");
    }
    let gone = Function::start("echo", &[("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1")]);
    assert!(!gone.end().0);
}

#[test]
fn a_cut_connection_is_survived() {
    let (server, mut function) = start(vec![
        Reply::Cut,
        event("1"),
        Reply::Cut,
        event("2"),
        accepted(),
    ]);
    let posts = posts(&server, 2);
    assert_eq!(
        (&posts[0].body[..], &posts[1].body[..]),
        (&b"1"[..], &b"2"[..])
    );
    assert!(
        function.json_line()["message"]
            .as_str()
            .unwrap()
            .contains("asking again")
    );
    assert!(
        function.json_line()["message"]
            .as_str()
            .unwrap()
            .contains("not delivered")
    );
}

#[test]
fn the_example_greets() {
    let server =
        Server::start("127.0.0.1:0", vec![event("{\"name\":\"Kim\"}"), accepted()]).unwrap();
    let address = format!("127.0.0.1:{}", server.port);
    let variables = [("AWS_LAMBDA_RUNTIME_API", &*address)];
    let Some(_function) = Function::example("hello", &variables) else {
        println!("skipped: the example is built by `cargo test` without `--test`");
        return;
    };
    let answer = posts(&server, 1)[0].json();
    assert_eq!(
        answer,
        json!({"greeting": "Hello, Kim!", "requestId": "r1"})
    );
}

fn start(script: Vec<Reply>) -> (Server, Function) {
    start_with(script, &[])
}

fn start_with(script: Vec<Reply>, variables: &[(&str, &str)]) -> (Server, Function) {
    start_as("echo", script, variables)
}

fn start_as(behaviour: &str, script: Vec<Reply>, variables: &[(&str, &str)]) -> (Server, Function) {
    let server = Server::start("127.0.0.1:0", script).expect("a loopback port is free");
    let address = format!("127.0.0.1:{}", server.port);
    let all = [
        &[
            ("AWS_LAMBDA_RUNTIME_API", &*address),
            ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
        ],
        variables,
    ]
    .concat();
    (server, Function::start(behaviour, &all))
}

/// The next `count` calls that are no `/next`.
#[track_caller]
fn posts(server: &Server, count: usize) -> Vec<Received> {
    let mut posts = Vec::new();
    while posts.len() < count {
        let call = server.call();
        if call.method == "POST" {
            posts.push(call);
        }
    }
    posts
}

fn event(body: &str) -> Reply {
    Reply::event(&ID, body.as_bytes())
}

fn accepted() -> Reply {
    Reply::status(202)
}

const ID: [(&str, &str); 1] = [("Lambda-Runtime-Aws-Request-Id", "r1")];
const NEXT: &str = "/2018-06-01/runtime/invocation/next";
