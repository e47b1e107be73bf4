//! Both forms of events, and everything that is none (`docs/api.md#events`, `docs/api.md#corrections`).

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use dojang::actions::Action;
use local::{Delivery, Outcome};
use serde_json::{Value, json};

use crate::cases;
use crate::support::{Backend, Counts, answer, code, url_event};

cases! {
    a_function_url_event_carries_the_request_in_its_body,
    a_direct_event_is_the_request,
    nothing_else_of_a_function_url_event_matters,
    nothing_else_of_a_direct_event_matters,
    bodies_that_hold_no_object_are_refused,
    base64_is_strict,
    json_is_strict,
    events_that_are_no_object_are_refused,
    what_is_nested_too_deeply_or_has_too_many_digits_is_refused,
    bodies_of_6_mb_are_served_or_refused,
    an_answer_that_lambda_would_not_carry_is_a_fault_in_the_contracts_form,
    actions_and_login_codes_of_every_json_type_are_refused,
    null_in_any_place_is_refused,
    an_odd_operation_id_is_ignored,
}

fn a_function_url_event_carries_the_request_in_its_body(counts: &Counts) {
    let backend = Backend::demo(counts);
    let data = create_user("Søren Å").to_string();
    let (status, user) = answer(&backend.event(&url_event(&data)));
    assert_eq!((status, &user["name"]), (200, &json!("Søren Å")));

    let data = create_user("Zoë").to_string();
    let mut event = url_event(&BASE64_STANDARD.encode(data));
    event["isBase64Encoded"] = json!(true);
    let (status, user) = answer(&backend.event(&event));
    assert_eq!((status, &user["name"]), (200, &json!("Zoë")));
    assert_eq!(
        backend.private()["users"].as_object().unwrap().len(),
        12,
        "both were created"
    );
}

fn a_direct_event_is_the_request(counts: &Counts) {
    let backend = Backend::demo(counts);
    let (status, user) = answer(&backend.event(&create_user("Direct")));
    assert_eq!((status, &user["name"]), (200, &json!("Direct")));
    let (status, _) = answer(&backend.event(&create_user("Direct")));
    assert_eq!(status, 400, "the name is in use");

    let mut event = create_user("Null");
    event["isBase64Encoded"] = Value::Null;
    let (status, user) = answer(&backend.event(&event));
    assert_eq!((status, &user["name"]), (200, &json!("Null")));
}

fn nothing_else_of_a_function_url_event_matters(counts: &Counts) {
    let backend = Backend::demo(counts);
    let body = trigger().to_string();
    let private = backend.private();
    let minimal = json!({"isBase64Encoded": false, "body": body});
    assert_eq!(answer(&backend.event(&minimal)), (200, json!({})));
    for (key, value) in [
        ("requestContext", json!(null)),
        ("requestContext", json!(7)),
        ("requestContext", json!([{"http": {"method": "GET"}}])),
        ("requestContext", json!({})),
        ("requestContext", json!({"http": null})),
        ("requestContext", json!({"http": "GET"})),
        ("requestContext", json!({"http": {}})),
        ("requestContext", json!({"http": {"method": null}})),
        ("requestContext", json!({"http": {"method": 7}})),
        (
            "requestContext",
            json!({"http": {"method": "POST"}, "authorizer": [1]}),
        ),
        ("rawPath", json!("/any/other/path")),
        ("rawPath", json!(null)),
        (
            "rawQueryString",
            json!("action=admin_create_user&isBase64Encoded=true"),
        ),
        ("cookies", json!(["auth_token=x"])),
        ("headers", json!(null)),
        ("headers", json!({"content-type": "text/plain; charset=x"})),
        ("version", json!("1.0")),
        ("action", json!("admin_create_user")),
        ("auth_token", json!(7)),
        ("unknown", json!({"deeply": [{"nested": null}]})),
        // Not null, and not true: the body is taken as it is.
        ("isBase64Encoded", json!("yes")),
        ("isBase64Encoded", json!(1)),
        ("isBase64Encoded", json!([])),
    ] {
        let mut event = minimal.clone();
        event[key] = value;
        assert_eq!(answer(&backend.event(&event)), (200, json!({})), "{event}");
    }
    assert_eq!(backend.private(), private);
}

fn nothing_else_of_a_direct_event_matters(counts: &Counts) {
    let backend = Backend::demo(counts);
    for (key, value) in [
        (
            "body",
            json!("{\"action\":\"admin_create_user\",\"name\":\"Nobody\"}"),
        ),
        ("body", json!(null)),
        ("headers", json!(7)),
        ("requestContext", json!(7)),
        ("requestContext", json!([])),
        ("requestContext", json!({"http": null})),
        ("requestContext", json!({"http": {"method": "GET"}})),
        ("source", json!("aws.scheduler")),
        ("auth_token", json!("nobody's")),
        ("isBase64Encoded", json!(null)),
    ] {
        let mut event = trigger();
        event[key] = value;
        assert_eq!(answer(&backend.event(&event)), (200, json!({})), "{event}");
    }
}

fn bodies_that_hold_no_object_are_refused(counts: &Counts) {
    let backend = Backend::demo(counts);
    let code = code(ADMIN);
    let event = |body: Value| json!({"isBase64Encoded": false, "body": body});
    let mut bad = vec![
        json!({"isBase64Encoded": false}),
        json!({"isBase64Encoded": true}),
        event(Value::Null),
        event(json!({})),
        event(trigger()),
        event(json!([trigger()])),
        event(json!(7)),
        event(json!(true)),
    ];
    bad.extend(
        [
            "",
            " ",
            "x",
            "[]",
            "[{\"action\":\"any_trigger_initialization\"}]",
            "\"any_trigger_initialization\"",
            "0",
            "-1.5e3",
            "true",
            "false",
            "null",
            "{",
            "{]",
            "{\"action\"}",
            "{'action': 'any_trigger_initialization'}",
            "action=any_trigger_initialization",
            "{} {}",
            "{}x",
            "<html></html>",
            "\0",
        ]
        .map(|body| event(json!(body))),
    );
    bad.push(event(json!(format!("{code} {{"))));
    for event in bad {
        let text = refused(&backend, event.to_string().as_bytes());
        assert!(!text.contains(&code), "{text}");
    }
    assert_serves(&backend);
}

fn base64_is_strict(counts: &Counts) {
    let backend = Backend::demo(counts);
    let event = |body: &str| json!({"isBase64Encoded": true, "body": body}).to_string();
    let good = BASE64_STANDARD.encode(trigger().to_string());
    assert_eq!(good.len() % 4, 0);
    let (status, _) = answer(&backend.raw_event(event(&good).as_bytes()));
    assert_eq!(status, 200);
    let padded = BASE64_STANDARD.encode("{}");
    assert!(padded.ends_with('='));
    for body in [
        padded.trim_end_matches('=').to_owned(),
        format!("{padded}="),
        format!("{good}\n"),
        format!(" {good}"),
        good.replace('J', "-"),
        good[1..].to_owned(),
        trigger().to_string(),
        "====".to_owned(),
        String::new(),
        "é".to_owned(),
        BASE64_STANDARD.encode(b"\xff\xfe{}"),
        BASE64_STANDARD.encode(b"{\"action\":\"any_\xff\"}"),
        BASE64_STANDARD.encode(b"[]"),
        BASE64_STANDARD.encode(b"null"),
        BASE64_STANDARD.encode(b""),
    ] {
        refused(&backend, event(&body).as_bytes());
    }
    assert_serves(&backend);
}

fn json_is_strict(counts: &Counts) {
    let backend = Backend::demo(counts);
    for body in [
        r#"{"action":"any_trigger_initialization","action":"any_trigger_initialization"}"#,
        r#"{"action":"any_trigger_initialization","x":[{"a":1,"\u0061":1}]}"#,
        r#"{"action":"any_trigger_initialization","x":NaN}"#,
        r#"{"action":"any_trigger_initialization","x":-Infinity}"#,
        r#"{"action":"any_trigger_initialization","x":1e999}"#,
        r#"{"action":"any_trigger_initialization","x":01}"#,
        r#"{"action":"any_trigger_initialization","x":"\ud800"}"#,
        r#"{"action":"any_trigger_initialization","x":"\udc00\ud800"}"#,
        r#"{"action":"any_trigger_initialization","\ud800":1}"#,
        "{\"action\":\"any_trigger_initialization\",\"x\":\"\t\"}",
        r#"{"action":"any_trigger_initialization",}"#,
        r#"{"action":"any_trigger_initialization"} // comment"#,
        "\u{feff}{\"action\":\"any_trigger_initialization\"}",
    ] {
        refused(&backend, url_event(body).to_string().as_bytes());
        // The same as a direct event.
        refused(&backend, body.as_bytes());
    }
    let utf16: Vec<u8> = trigger()
        .to_string()
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    refused(&backend, &utf16);
    let event = json!({"isBase64Encoded": true, "body": BASE64_STANDARD.encode(&utf16)});
    refused(&backend, event.to_string().as_bytes());
    assert_serves(&backend);
}

fn events_that_are_no_object_are_refused(counts: &Counts) {
    let backend = Backend::demo(counts);
    let inner = trigger().to_string();
    for event in [
        &b""[..],
        b" ",
        b"[]",
        b"0",
        b"-1e5",
        b"true",
        b"null",
        b"\"text\"",
        b"x",
        b"{",
        b"\xff\xfe",
        b"{\"action\":\"\xc3\x28\"}",
        b"{\"\xff\":1}",
        b"\xef\xbb\xbf{}",
        b"\0\0\0",
        format!("[{inner}]").as_bytes(),
        format!("{inner}{inner}").as_bytes(),
        Value::from(inner.clone()).to_string().as_bytes(),
    ] {
        refused(&backend, event);
    }
    assert_serves(&backend);
}

fn what_is_nested_too_deeply_or_has_too_many_digits_is_refused(counts: &Counts) {
    let backend = Backend::demo(counts);
    let deep = [
        "[".repeat(100_000) + &"]".repeat(100_000),
        "{\"a\":".repeat(100_000) + "1" + &"}".repeat(100_000),
        "[".repeat(100_000),
        "{\"a\":".repeat(100_000),
    ];
    let digits = ["9".repeat(5_000), format!("-{}", "1".repeat(5_000))];
    for value in deep.iter().chain(&digits) {
        for body in [
            value.clone(),
            format!("{{\"action\":\"any_trigger_initialization\",\"x\":{value}}}"),
            format!("{{\"action\":{value}}}"),
        ] {
            refused(&backend, body.as_bytes());
            refused(&backend, url_event(&body).to_string().as_bytes());
            let base64 = BASE64_STANDARD.encode(&body);
            let event = json!({"isBase64Encoded": true, "body": base64});
            refused(&backend, event.to_string().as_bytes());
        }
        // Beside the body.
        let event = format!("{{\"isBase64Encoded\":false,\"body\":\"{{}}\",\"headers\":{value}}}");
        refused(&backend, event.as_bytes());
    }
    assert_serves(&backend);
}

fn bodies_of_6_mb_are_served_or_refused(counts: &Counts) {
    let backend = Backend::demo(counts);
    let long = "x".repeat(6_000_000);
    refused(&backend, long.as_bytes());
    refused(&backend, &vec![0xff; 6_000_000]);
    refused(&backend, url_event(&long).to_string().as_bytes());
    let event = json!({"isBase64Encoded": true, "body": long});
    refused(&backend, event.to_string().as_bytes());
    let event =
        json!({"isBase64Encoded": true, "body": BASE64_STANDARD.encode(&long[..4_500_000])});
    refused(&backend, event.to_string().as_bytes());

    let mut named = create_user(&long);
    refused(&backend, named.to_string().as_bytes());
    named["name"] = json!("Short");
    named["auth_token"] = json!(long);
    refused(&backend, named.to_string().as_bytes());
    let zeroes = |count: usize| {
        let zeroes = ",0".repeat(count - 1);
        format!("{{\"action\":\"any_trigger_initialization\",\"x\":[0{zeroes}]}}")
    };
    assert_eq!(
        answer(&backend.raw_event(zeroes(90_000).as_bytes())),
        (200, json!({}))
    );
    refused(&backend, zeroes(3_000_000 - 100).as_bytes());
    assert_serves(&backend);
}

fn an_answer_that_lambda_would_not_carry_is_a_fault_in_the_contracts_form(counts: &Counts) {
    let backend = Backend::demo(counts);
    // Somebody stored something large beside a session. Two bytes each in the object, four in the answer's
    // body within the answer.
    let mut club = backend.private();
    let session = backend.next_session();
    club["sessions"][&session]["notes"] = json!("\"".repeat(2_500_000));
    let club = club.to_string();
    backend
        .s3
        .put_object(local::setup::PRIVATE_BUCKET, "data.json", club);
    let (status, body) = answer(&backend.delivered(
        patient(),
        &json!({"action": "coach_update_training_session", "auth_token": code(ADMIN),
            "session_id": session, "start_time": 8_000_000_000_i64,
            "end_time": 8_000_003_600_i64, "coach": crate::support::id(ADMIN), "comment": "new"}),
    ));
    assert_eq!(status, 500, "{body}");
    let text = body["error"].as_str().unwrap();
    assert!(
        text.contains("too large") && text.contains("was made"),
        "{text}"
    );
    let stored = &backend.private()["sessions"][&session];
    assert_eq!(stored["comment"], "new", "it was made");
    assert_serves(&backend);
}

fn actions_and_login_codes_of_every_json_type_are_refused(counts: &Counts) {
    let backend = Backend::demo(counts);
    let odd = [
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(-1.5),
        json!(u64::MAX),
        json!([]),
        json!(["any_trigger_initialization"]),
        json!({}),
        json!({"action": "any_trigger_initialization"}),
        json!(""),
        json!("_"),
        json!("any_\u{0}"),
    ];
    for value in odd {
        for key in ["action", "auth_token"] {
            let mut data = create_user("Never");
            data[key] = value.clone();
            refused(&backend, data.to_string().as_bytes());
            refused(
                &backend,
                url_event(&data.to_string()).to_string().as_bytes(),
            );
        }
    }
    refused(&backend, b"{}");
    refused(&backend, url_event("{}").to_string().as_bytes());
    assert_serves(&backend);
}

fn null_in_any_place_is_refused(counts: &Counts) {
    let backend = Backend::demo(counts);
    let (user, session) = (crate::support::id("Emil"), backend.present_session());
    let requests = [
        json!({"action": "admin_create_user", "role": "Student", "name": "Never"}),
        json!({"action": "admin_update_user", "user_id": user, "role": "Coach", "name": "Never"}),
        json!({"action": "admin_delete_user", "user_id": user}),
        json!({"action": "admin_show_auth_token", "user_id": user}),
        json!({"action": "admin_reset_auth_token", "user_id": user}),
        json!({"action": "coach_add_training_session", "start_time": 1, "end_time": 2,
            "coach": user}),
        json!({"action": "coach_update_training_session", "session_id": session,
            "session_state": "cancelled"}),
        json!({"action": "coach_update_training_session", "session_id": session,
            "start_time": 1, "end_time": 2, "coach": user}),
        json!({"action": "coach_register_participation", "session_id": session,
            "participants": [user]}),
        json!({"action": "coach_get_historical_participation", "start_time": 1_700_000_000,
            "end_time": 1_700_000_001}),
        json!({"action": "any_register_participation", "joining_sessions": {&session: "Yes"},
            "user_auth_tokens": [code("Emil")]}),
        json!({"action": "any_reset_test_setup", "test_secret": "x"}),
    ];
    let named: std::collections::BTreeSet<_> = requests
        .iter()
        .filter_map(|request| Action::from_name(request["action"].as_str()?))
        .map(Action::name)
        .collect();
    assert_eq!(
        named.len(),
        Action::ALL.len() - 1,
        "all but the one without input"
    );
    for request in requests {
        let mut request = request;
        request["auth_token"] = json!(code(ADMIN));
        let action = Action::from_name(request["action"].as_str().unwrap()).unwrap();
        for key in request.as_object().unwrap().keys() {
            if key == "auth_token" && action.least_role().is_none() {
                continue;
            }
            let mut without = request.clone();
            without[key] = Value::Null;
            refused(&backend, without.to_string().as_bytes());
        }
        if let Some(list) = request
            .get("participants")
            .or(request.get("user_auth_tokens"))
        {
            let key = if request.get("participants") == Some(list) {
                "participants"
            } else {
                "user_auth_tokens"
            };
            let mut holed = request.clone();
            holed[key] = json!([list[0], null]);
            refused(&backend, holed.to_string().as_bytes());
        }
    }
    assert_serves(&backend);
}

fn an_odd_operation_id_is_ignored(counts: &Counts) {
    let backend = Backend::demo(counts);
    for (number, operation_id) in [
        json!(null),
        json!(7),
        json!([]),
        json!({}),
        json!("short"),
        json!("with space"),
        json!("x".repeat(65)),
        json!("x".repeat(100_000)),
        json!("ümlauts-here"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut data = create_user(&format!("Number {number}"));
        data["operation_id"] = operation_id;
        let (status, _) = answer(&backend.event(&data));
        assert_eq!(status, 200);
        // No name for the operation: the second is another one, and the name is in use.
        let (status, _) = answer(&backend.event(&data));
        assert_eq!(status, 400);
    }
}

/// Expects a 4xx with everything that belongs to it, and no change; its text.
#[track_caller]
fn refused(backend: &Backend<'_>, event: &[u8]) -> String {
    let objects = || {
        [local::setup::PRIVATE_BUCKET, local::setup::PUBLIC_BUCKET]
            .map(|bucket| backend.s3.object(bucket, "data.json"))
    };
    let before = objects();
    let shown = String::from_utf8_lossy(&event[..event.len().min(200)]).into_owned();
    let Outcome::Response(payload) = backend.runtime_api.invoke_with(patient(), event) else {
        panic!("no answer to {shown}")
    };
    let payload: Value = serde_json::from_slice(&payload).unwrap();
    let (status, body) = answer(&payload);
    assert!((400..500).contains(&status), "{payload} to {shown}");
    assert!(objects() == before, "{shown} changed something");
    body["error"].as_str().unwrap().to_owned()
}

/// The process that was started first still serves.
#[track_caller]
fn assert_serves(backend: &Backend<'_>) {
    assert!(backend.function.is_running());
    assert_eq!(backend.call(&trigger()), (200, json!({})));
    assert!(backend.runtime_api.init_errors().is_empty());
}

/// Unoptimised, megabytes take their time on a busy machine.
fn patient() -> Delivery {
    Delivery {
        timeout: Some(local::PATIENCE),
        ..Delivery::default()
    }
}

fn trigger() -> Value {
    json!({"action": "any_trigger_initialization"})
}

fn create_user(name: &str) -> Value {
    json!({"action": "admin_create_user", "auth_token": code(ADMIN), "role": "Student",
        "name": name})
}

const ADMIN: &str = "Grandmaster Oh";
