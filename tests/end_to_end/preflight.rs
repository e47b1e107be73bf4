//! Methods: preflights, and those that are not served (`docs/api.md#answers`).

use local::setup::{PRIVATE_BUCKET, PUBLIC_BUCKET};
use serde_json::{Value, json};

use crate::cases;
use crate::support::{Backend, Counts, answer, expect_next, url_event};

cases! {
    a_preflight_is_answered_whatever_its_body,
    a_preflight_touches_nothing,
    other_methods_are_405,
    a_missing_method_counts_as_post,
    direct_events_have_no_method,
}

fn a_preflight_is_answered_whatever_its_body(counts: &Counts) {
    let backend = Backend::demo(counts);
    let private = backend.private();
    for event in preflights() {
        assert_preflight(&backend.event(&event));
    }
    assert_eq!(backend.private(), private);
}

fn a_preflight_touches_nothing(counts: &Counts) {
    let backend = Backend::empty(counts);
    settle(&backend);
    for event in preflights() {
        backend.event(&event);
    }
    assert_untouched(&backend);
}

fn other_methods_are_405(counts: &Counts) {
    let backend = Backend::empty(counts);
    settle(&backend);
    for method in [
        "GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "post", "options", "Get", "",
        "POST ", "é",
    ] {
        for body in [json!("{}"), json!("garbage"), Value::Null] {
            let mut event = url_event("");
            event["requestContext"]["http"]["method"] = json!(method);
            event["body"] = body;
            let payload = backend.event(&event);
            assert_eq!(answer(&payload).0, 405, "{method}");
            assert_eq!(payload["headers"]["Allow"], "OPTIONS,POST", "{payload}");
        }
    }
    assert_untouched(&backend);
}

fn a_missing_method_counts_as_post(counts: &Counts) {
    let backend = Backend::demo(counts);
    let body = json!({"action": "any_trigger_initialization"}).to_string();
    let mut event = url_event(&body);
    let http = event["requestContext"]["http"].as_object_mut().unwrap();
    http.remove("method");
    assert_eq!(answer(&backend.event(&event)), (200, json!({})));
    event.as_object_mut().unwrap().remove("requestContext");
    assert_eq!(answer(&backend.event(&event)), (200, json!({})));
}

fn direct_events_have_no_method(counts: &Counts) {
    let backend = Backend::demo(counts);
    for method in ["GET", "PUT", "HEAD"] {
        let event = json!({"action": "any_trigger_initialization",
            "requestContext": {"http": {"method": method}}});
        assert_eq!(answer(&backend.event(&event)), (200, json!({})), "{method}");
    }
}

/// Preflights with every kind of body, or none.
fn preflights() -> Vec<Value> {
    let reset = json!({"action": "any_reset_test_setup",
        "test_secret": local::setup::TEST_SECRET})
    .to_string();
    let mut events = vec![
        json!({"requestContext": {"http": {"method": "OPTIONS"}}}),
        json!({"requestContext": {"http": {"method": "OPTIONS"}},
            "action": "any_trigger_initialization"}),
    ];
    for body in [
        Value::Null,
        json!(""),
        json!(reset),
        json!("garbage"),
        json!("[".repeat(100_000)),
        json!({}),
        json!(7),
    ] {
        for is_base64 in [json!(false), json!(true), json!(null), json!("x")] {
            let mut event = url_event("");
            event["requestContext"]["http"]["method"] = json!("OPTIONS");
            event["body"] = body.clone();
            event["isBase64Encoded"] = is_base64;
            events.push(event);
        }
    }
    events
}

#[track_caller]
fn assert_preflight(payload: &Value) {
    assert_eq!(payload["statusCode"], 200, "{payload}");
    assert_eq!(payload.get("body"), None, "{payload}");
    let headers = &payload["headers"];
    assert_eq!(headers["Access-Control-Allow-Origin"], "*");
    assert_eq!(headers["Access-Control-Allow-Headers"], "Content-Type");
    assert_eq!(headers["Access-Control-Allow-Methods"], "OPTIONS,POST");
    let age: u32 = headers["Access-Control-Max-Age"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!(age > 0);
}

/// Waits for the end of INIT and forgets the requests that were made for it.
fn settle(backend: &Backend<'_>) {
    expect_next(&backend.runtime_api);
    backend.s3.clear_requests();
}

#[track_caller]
fn assert_untouched(backend: &Backend<'_>) {
    assert_eq!(backend.s3.requests(), []);
    for bucket in [PRIVATE_BUCKET, PUBLIC_BUCKET] {
        assert_eq!(backend.s3.object(bucket, "data.json"), None);
    }
}
