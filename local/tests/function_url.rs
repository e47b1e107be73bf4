//! The Function URL: events as the function sees them, responses as the caller does.

mod common;

use std::thread;

use common::{Answer, Client};
use local::{FunctionUrl, Outcome, RuntimeApi, RuntimeApiOptions};
use serde_json::{Value, json};

const NEXT: &str = "/2018-06-01/runtime/invocation/next";

/// Sends a request to a Function URL whose function answers with `answer`; what the function was given
/// and what came back.
fn exchange(
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
    answer: &Value,
) -> (Value, Answer) {
    let api = RuntimeApi::start(RuntimeApiOptions::default()).unwrap();
    let url = FunctionUrl::start(0, api.invoker()).unwrap();
    thread::scope(|scope| {
        let function = scope.spawn(|| {
            let mut client = Client::connect(&api.address());
            let next = client.send("GET", NEXT, &[], b"");
            let event: Value = serde_json::from_slice(&next.body).unwrap();
            let id = next.header("lambda-runtime-aws-request-id").unwrap();
            assert_eq!(event["requestContext"]["requestId"], id);
            let path = format!("/2018-06-01/runtime/invocation/{id}/response");
            assert_eq!(
                client
                    .send("POST", &path, &[], answer.to_string().as_bytes())
                    .status,
                202
            );
            event
        });
        let response = Client::connect(&url.url()).send(method, path, headers, body);
        (function.join().unwrap(), response)
    })
}

fn event(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Value {
    exchange(method, path, headers, body, &json!({ "statusCode": 200 })).0
}

fn response(answer: &Value) -> Answer {
    exchange("GET", "/", &[], b"", answer).1
}

#[test]
fn the_shape_of_an_event() {
    let headers = [
        ("Host", "club.lambda-url.eu-central-1.on.aws"),
        ("User-Agent", "test/1"),
        ("Content-Type", "application/json; charset=utf-8"),
        ("X-Twice", "a"),
        ("X-Twice", "b"),
        ("Cookie", "one=1; two=2"),
        ("Cookie", "three=3"),
    ];
    let path = "/some/p%C3%A4th?a=1&b=x%20y&a=2&c";
    let mut event = event("POST", path, &headers, "{\"ä\":1}".as_bytes());

    let context = event["requestContext"].as_object_mut().unwrap();
    let request_id = context.remove("requestId").unwrap();
    assert_eq!(request_id.as_str().unwrap().len(), 36);
    assert!(context.remove("timeEpoch").unwrap().as_u64().unwrap() > 1_700_000_000_000);
    let time = context.remove("time").unwrap();
    // As in 12/Mar/2020:19:03:58 +0000.
    let shape: String = time.as_str().unwrap().chars().map(shape_of).collect();
    assert_eq!(shape, "00/Aaa/0000:00:00:00 +0000");

    assert_eq!(
        event,
        json!({
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": "/some/p%C3%A4th",
            "rawQueryString": "a=1&b=x%20y&a=2&c",
            "cookies": ["one=1", "two=2", "three=3"],
            "headers": {
                "host": "club.lambda-url.eu-central-1.on.aws",
                "user-agent": "test/1",
                "content-type": "application/json; charset=utf-8",
                "content-length": "8",
                "x-twice": "a,b",
                "x-forwarded-for": "127.0.0.1",
                "x-forwarded-proto": "http",
            },
            "queryStringParameters": { "a": "1,2", "b": "x y", "c": "" },
            "requestContext": {
                "accountId": "anonymous",
                "apiId": "dojang-local",
                "domainName": "club.lambda-url.eu-central-1.on.aws",
                "domainPrefix": "club",
                "http": {
                    "method": "POST",
                    "path": "/some/p%C3%A4th",
                    "protocol": "HTTP/1.1",
                    "sourceIp": "127.0.0.1",
                    "userAgent": "test/1",
                },
                "routeKey": "$default",
                "stage": "$default",
            },
            "body": "{\"ä\":1}",
            "isBase64Encoded": false,
        })
    );
}

fn shape_of(character: char) -> char {
    match character {
        '0'..='9' => '0',
        'A'..='Z' => 'A',
        'a'..='z' => 'a',
        other => other,
    }
}

#[test]
fn what_is_not_there_is_absent() {
    let event = event("GET", "/", &[], b"");
    for key in ["body", "cookies", "queryStringParameters"] {
        assert_eq!(event.get(key), None, "{key}");
    }
    assert_eq!(
        (&event["isBase64Encoded"], &event["rawQueryString"]),
        (&json!(false), &json!(""))
    );
    assert_eq!(event["requestContext"]["http"]["userAgent"], "");
}

#[test]
fn text_arrives_as_text_and_the_rest_as_base64() {
    for (content_type, body, expected, is_base64) in [
        (Some("application/json"), &b"{}"[..], "{}", false),
        (Some("Application/JSON;charset=utf-8"), b"{}", "{}", false),
        (Some("text/plain"), b"{}", "{}", false),
        (Some("application/problem+json"), b"{}", "{}", false),
        (Some("application/xml"), b"<a/>", "<a/>", false),
        (Some("application/json"), b"\xff\x00", "/wA=", true),
        (
            Some("application/x-www-form-urlencoded"),
            b"{}",
            "e30=",
            true,
        ),
        (Some("application/octet-stream"), b"{}", "e30=", true),
        (None, b"{}", "e30=", true),
    ] {
        let headers: Vec<_> = content_type
            .map(|value| ("content-type", value))
            .into_iter()
            .collect();
        let event = event("POST", "/", &headers, body);
        assert_eq!(event["body"], expected, "{content_type:?}");
        assert_eq!(event["isBase64Encoded"], is_base64, "{content_type:?}");
    }
}

#[test]
fn every_method_reaches_the_function() {
    for method in ["GET", "POST", "PUT", "HEAD", "OPTIONS", "PATCH", "DELETE"] {
        let answer = json!({ "statusCode": 405, "headers": { "Allow": "POST" }, "body": "no" });
        let (event, response) = exchange(method, "/", &[("origin", "https://a")], b"", &answer);
        assert_eq!(event["requestContext"]["http"]["method"], method);
        assert_eq!(
            (response.status, response.header("allow")),
            (405, Some("POST")),
            "{method}"
        );
        assert_eq!(
            response.header("access-control-allow-origin"),
            None,
            "no CORS of its own"
        );
        assert_eq!(
            response.body,
            if method == "HEAD" { &b""[..] } else { b"no" },
            "{method}"
        );
    }
}

#[test]
fn the_function_says_what_to_answer() {
    let answered = response(&json!({
        "statusCode": 201,
        "headers": { "Content-Type": "text/plain", "X-Number": 5, "Content-Length": "99" },
        "cookies": ["a=1; Secure", "b=2"],
        "body": "YWJj/w==",
        "isBase64Encoded": true,
    }));
    assert_eq!(
        (answered.status, &answered.body[..]),
        (201, &b"abc\xff"[..])
    );
    assert_eq!(answered.header("content-type"), Some("text/plain"));
    assert_eq!(answered.header("x-number"), Some("5"));
    assert_eq!(answered.header("content-length"), Some("4"));
    assert_eq!(answered.header("x-amzn-requestid").map(str::len), Some(36));
    let cookies: Vec<_> = answered
        .headers
        .iter()
        .filter(|(name, _)| name == "set-cookie")
        .map(|(_, v)| v)
        .collect();
    assert_eq!(cookies, ["a=1; Secure", "b=2"]);

    let plain = response(&json!({ "statusCode": 200, "body": "{}" }));
    assert_eq!(plain.header("content-type"), Some("application/json"));
    assert_eq!(response(&json!({ "statusCode": 204 })).status, 204);
}

#[test]
fn an_answer_without_status_is_the_body() {
    for answer in [
        json!({ "message": "hello" }),
        json!("hello"),
        json!([1]),
        json!(null),
    ] {
        let response = response(&answer);
        assert_eq!(
            (response.status, response.text()),
            (200, answer.to_string().as_str())
        );
        assert_eq!(response.header("content-type"), Some("application/json"));
    }
}

#[test]
fn an_answer_that_makes_no_sense_is_a_bad_gateway() {
    for answer in [
        json!({ "statusCode": "x" }),
        json!({ "statusCode": 99 }),
        json!({ "statusCode": 200, "headers": { "a b": "c" } }),
        json!({ "statusCode": 200, "headers": { "a": "b\nc" } }),
        json!({ "statusCode": 200, "body": "!", "isBase64Encoded": true }),
    ] {
        let response = response(&answer);
        assert_eq!(
            (response.status, response.text()),
            (502, "Internal Server Error"),
            "{answer}"
        );
    }
}

#[test]
fn outcomes_without_an_answer() {
    use local::function_url::answer::response;

    let report = local::ErrorReport {
        error_type: None,
        request_id: None,
        body: b"{}".to_vec(),
    };
    for (outcome, status) in [
        (Outcome::Error(report), 502),
        (Outcome::ResponseTooLarge, 502),
        (Outcome::Response(b"no JSON".to_vec()), 502),
        (Outcome::TimedOut, 504),
    ] {
        assert_eq!(response(outcome).status(), status);
    }
}

#[test]
fn requests_can_be_too_large() {
    let api = RuntimeApi::start(RuntimeApiOptions::default()).unwrap();
    let url = FunctionUrl::start(0, api.invoker()).unwrap();
    let mut client = Client::connect(&url.url());
    let json = [("content-type", "application/json")];
    let body = vec![b'1'; 6_291_457];
    assert_eq!(client.send("POST", "/", &json, &body).status, 413);
    // The event must fit, in which this body is a third longer.
    assert_eq!(
        client.send("POST", "/", &[], &body[..5_000_000]).status,
        413
    );
    assert_eq!(api.next_calls() + api.delivered(), 0);
}
