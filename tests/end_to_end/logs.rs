//! What the log says, and what it never says.

use local::setup::{
    ACCESS_KEY_ID, PRIVATE_BUCKET, PUBLIC_BUCKET, SECRET_ACCESS_KEY, SESSION_TOKEN, TEST_SECRET,
};
use local::{Delivery, Fault, FaultAnswer, S3Options};
use serde_json::{Value, json};

use crate::cases;
use crate::support::{Backend, Counts, answer, code, expect_next, id, now, url_event};

cases! {
    the_start_tells_how_long_it_took,
    every_request_has_one_summary_line,
    the_summary_counts_the_requests_to_s3,
    the_first_request_of_a_process_is_cold,
    lines_carry_the_ids_of_their_request,
    a_fault_has_a_line_of_its_own,
    what_a_request_was_given_up_for_is_a_field,
    the_text_format_says_the_same,
    a_log_level_leaves_lines_out,
    nothing_secret_is_ever_logged,
}

fn the_start_tells_how_long_it_took(counts: &Counts) {
    let backend = Backend::empty(counts);
    let line = backend.log_line(|line| line.get("client_ms").is_some());
    assert!(line["client_ms"].as_f64().unwrap() >= 0.0);
    assert_eq!(line["level"], "INFO");
    assert_eq!(line.get("requestId"), None);
    assert_timestamp(&line);
}

fn every_request_has_one_summary_line(counts: &Counts) {
    let backend = Backend::demo(counts);
    let mut get = url_event("{}");
    get["requestContext"]["http"]["method"] = json!("GET");
    let mut options = get.clone();
    options["requestContext"]["http"]["method"] = json!("OPTIONS");
    let expected = [
        (options, "preflight", 200),
        (get, "none", 405),
        (url_event("garbage"), "none", 400),
        (json!([]), "none", 400),
        (json!({}), "unknown", 400),
        (json!({"action": "any_Körper"}), "unknown", 400),
        (json!({"action": 7}), "unknown", 400),
        (
            json!({"action": "any_trigger_initialization"}),
            "any_trigger_initialization",
            200,
        ),
        (create("New", ADMIN), "admin_create_user", 200),
        (create("New", ADMIN), "admin_create_user", 400),
        (create("Newer", "Emil"), "admin_create_user", 400),
    ];
    for (number, (event, action, status)) in expected.iter().enumerate() {
        backend.delivered(delivery(number), event);
        let line = summary(&backend, number);
        assert_eq!(
            (&line["action"], &line["status"]),
            (&json!(action), &json!(status)),
            "{line}"
        );
    }
    let lines = backend.last_log_lines();
    for number in 0..expected.len() {
        let of_request = lines.iter().filter(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            line["requestId"] == request_id(number)
        });
        assert_eq!(of_request.count(), 1, "{lines:#?}");
    }
}

fn the_summary_counts_the_requests_to_s3(counts: &Counts) {
    let backend = Backend::demo(counts);
    let session = backend.present_session();
    let requests = [
        url_event("garbage"),
        json!({"requestContext": {"http": {"method": "OPTIONS"}}}),
        json!({"action": "any_trigger_initialization"}),
        create("New", ADMIN),
        create("New", ADMIN),
        json!({"action": "coach_register_participation", "auth_token": code(ADMIN),
            "session_id": session, "participants": [id("Emil")]}),
        json!({"action": "coach_get_historical_participation", "auth_token": code(ADMIN),
            "start_time": 1_700_000_000, "end_time": now()}),
        json!({"action": "any_reset_test_setup", "test_secret": TEST_SECRET}),
    ];
    let mut total = 0;
    for (number, request) in requests.iter().enumerate() {
        backend.s3.clear_requests();
        backend.delivered(delivery(number), request);
        let line = summary(&backend, number);
        let made = backend.s3.requests().len();
        assert_eq!(line["s3_requests"], made, "{line}");
        total += made;
        for step in ["load_ms", "act_ms", "commit_ms", "publish_ms"] {
            assert!(line[step].as_f64().unwrap() >= 0.0, "{line}");
        }
        let wrote = backend
            .s3
            .requests()
            .iter()
            .any(|request| request.method == "PUT" && request.bucket == PUBLIC_BUCKET);
        assert_eq!(line["publish_ms"].as_f64().unwrap() > 0.0, wrote, "{line}");
        if made == 0 {
            assert_eq!(line["load_ms"], 0.0, "{line}");
        }
    }
    assert!(total > requests.len());

    // Failed ones count too.
    backend.s3.clear_requests();
    fail(&backend, "GET", PRIVATE_BUCKET);
    backend.hurried_as(delivery(100), &requests[2]);
    assert_eq!(
        summary(&backend, 100)["s3_requests"],
        backend.s3.requests().len()
    );
    assert_eq!(summary(&backend, 100)["status"], 503);
}

fn the_first_request_of_a_process_is_cold(counts: &Counts) {
    let mut backend = Backend::empty(counts);
    for (number, start) in ["cold", "warm", "warm"].into_iter().enumerate() {
        backend.delivered(delivery(number), &json!({}));
        assert_eq!(summary(&backend, number)["start"], start);
    }
    backend.restart();
    // A preflight is a request as well.
    let options = json!({"requestContext": {"http": {"method": "OPTIONS"}}});
    for (number, start) in [(10, "cold"), (11, "warm")] {
        backend.delivered(delivery(number), &options);
        assert_eq!(summary(&backend, number)["start"], start);
    }
}

fn lines_carry_the_ids_of_their_request(counts: &Counts) {
    let backend = Backend::empty(counts);
    let delivery = Delivery {
        trace_id: Some("Root=1-5759e988-bd862e3fe1be46a994272793".to_owned()),
        tenant_id: Some("club-7".to_owned()),
        ..delivery(0)
    };
    backend.delivered(delivery, &json!({}));
    let line = summary(&backend, 0);
    assert_eq!(line["traceId"], "Root=1-5759e988-bd862e3fe1be46a994272793");
    assert_eq!(line["tenantId"], "club-7");
    assert_timestamp(&line);
}

fn a_fault_has_a_line_of_its_own(counts: &Counts) {
    let backend = Backend::demo(counts);
    fail(&backend, "PUT", PUBLIC_BUCKET);
    backend.hurried_as(delivery(0), &create("New", ADMIN));
    let line = backend.log_line(|line| line["level"] == "ERROR");
    assert_eq!(line["requestId"], request_id(0));
    assert_eq!(line["state"], "changed, not public");
    assert!(line["cause"].as_str().unwrap().contains("public data.json"));
    assert_eq!(summary(&backend, 0)["status"], 503);
}

/// The template's metric filter counts `conflicts`, and only those.
fn what_a_request_was_given_up_for_is_a_field(counts: &Counts) {
    let refusal = |status, code| Fault::Answer(FaultAnswer::s3_error(status, code, "refused"));
    let template = include_str!("../../bootstrap/template.yaml");
    let pattern = template
        .lines()
        .find_map(|line| line.trim().strip_prefix("FilterPattern: "))
        .expect("a FilterPattern in the template");
    let (field, counted) = pattern
        .strip_prefix("'{ $.")
        .and_then(|rest| rest.strip_suffix("\" }'"))
        .and_then(|rest| rest.split_once(" = \""))
        .expect("a pattern that asks for one field's value");
    for (fault, given_up) in [
        (refusal(412, "PreconditionFailed"), json!("conflicts")),
        (
            refusal(409, "ConditionalRequestConflict"),
            json!("conflicts"),
        ),
        (refusal(503, "SlowDown"), json!("errors")),
        (refusal(403, "AccessDenied"), Value::Null),
    ] {
        let backend = Backend::demo(counts);
        let answer = fault.clone();
        backend.s3.set_fault(Some(Box::new(move |head| {
            (head.method == "PUT" && head.bucket == PRIVATE_BUCKET).then(|| answer.clone())
        })));
        backend.hurried_as(delivery(0), &create("New", ADMIN));
        let line = backend.log_line(|line| line["message"] == "request failed");
        assert_eq!(line["given_up"], given_up, "{fault:?}: {line}");
        let conflict = given_up == "conflicts";
        assert_eq!(line[field] == counted, conflict, "{pattern}: {line}");
    }
}

fn the_text_format_says_the_same(counts: &Counts) {
    for format in ["Text", "nonsense"] {
        let variables = [("AWS_LAMBDA_LOG_FORMAT", format)];
        let backend = Backend::start(counts, S3Options::default(), &variables);
        fail(&backend, "GET", PRIVATE_BUCKET);
        let request = json!({"action": "any_trigger_initialization"});
        assert_eq!(answer(&backend.hurried_as(delivery(0), &request)).0, 503);
        let lines = backend.last_log_lines();
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(
            lines[0].starts_with("INFO ") && lines[0].contains(" client_ms="),
            "{lines:?}"
        );
        let id = format!(" requestId={} ", request_id(0));
        assert!(
            lines[1].starts_with("ERROR ") && lines[1].contains(&id) && lines[1].contains("cause="),
            "{lines:?}"
        );
        assert!(
            lines[2].starts_with("INFO ") && lines[2].contains(&id),
            "{lines:?}"
        );
        for field in [
            " action=any_trigger_initialization",
            " status=503",
            " load_ms=",
            " act_ms=",
            " commit_ms=",
            " publish_ms=",
            " s3_requests=",
            " start=cold",
        ] {
            assert!(lines[2].contains(field), "{field}: {lines:?}");
        }
    }
}

fn a_log_level_leaves_lines_out(counts: &Counts) {
    let variables = [("AWS_LAMBDA_LOG_LEVEL", "ERROR")];
    let backend = Backend::start(counts, S3Options::default(), &variables);
    backend.call(&json!({"action": "any_trigger_initialization"}));
    fail(&backend, "GET", PRIVATE_BUCKET);
    backend.hurried(&json!({"action": "any_trigger_initialization"}));
    let lines = backend.last_log_lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("\"ERROR\""), "{lines:?}");
}

/// A whole scenario, in both formats: all that can be told of it, and none of what must not.
fn nothing_secret_is_ever_logged(counts: &Counts) {
    for format in ["JSON", "Text"] {
        let variables = [
            ("AWS_LAMBDA_LOG_FORMAT", format),
            ("AWS_LAMBDA_LOG_LEVEL", "TRACE"),
        ];
        let mut backend = Backend::start(counts, S3Options::default(), &variables);
        let mut secrets = vec![
            ACCESS_KEY_ID.to_owned(),
            SECRET_ACCESS_KEY.to_owned(),
            SESSION_TOKEN.to_owned(),
            TEST_SECRET.to_owned(),
            MARK.to_owned(),
        ];
        secrets.extend(dojang::club::demo::MEMBERS.map(|(name, _)| code(name)));
        backend.call(&json!({"action": "any_trigger_initialization"}));
        let first = backend.private()["users"].clone();
        secrets.extend(codes(&first));
        backend.call(&json!({"action": "any_reset_test_setup", "test_secret": TEST_SECRET}));
        backend.call(&json!({"action": "any_reset_test_setup", "test_secret": MARK}));
        let session = backend.next_session();
        scenario(&backend, &session);
        secrets.extend(codes(&backend.private()["users"]));

        // What goes wrong is logged with its cause.
        for (method, bucket) in [
            ("GET", PRIVATE_BUCKET),
            ("PUT", PRIVATE_BUCKET),
            ("PUT", PUBLIC_BUCKET),
        ] {
            fail(&backend, method, bucket);
            backend.hurried(&create(&format!("{MARK} {method}"), ADMIN));
        }
        backend.s3.set_fault(None);
        let mut broken = backend.private();
        broken["users"][id(ADMIN)]["role"] = json!(MARK);
        backend
            .s3
            .put_object(PRIVATE_BUCKET, "data.json", broken.to_string());
        backend.event(&create("New", ADMIN));
        let mut lines = backend.last_log_lines();
        for (name, value) in [("AWS_SESSION_TOKEN", MARK), ("AWS_REGION", "us-east-1")] {
            backend.set_variable(name, value);
            backend.restart();
            backend.event(&create("New", ADMIN));
            lines.extend(backend.last_log_lines());
        }

        assert!(lines.len() > 30, "{lines:#?}");
        for secret in secrets {
            assert!(secret.len() >= 5);
            let shown = lines.iter().find(|line| line.contains(&secret));
            assert_eq!(shown, None, "the log shows a secret");
            let hash = hex::encode(dojang::club::user::digest_of(&secret));
            assert!(
                !lines.iter().any(|line| line.contains(&hash)),
                "the log shows a hash"
            );
        }
    }
}

/// Requests of every kind, good and bad, each with the mark somewhere in its body.
fn scenario(backend: &Backend<'_>, session: &str) {
    let created = backend.ok_as(ADMIN, &create(MARK, ADMIN));
    let user = created["user_id"].as_str().unwrap();
    for request in [
        json!({"action": "admin_show_auth_token", "user_id": user}),
        json!({"action": "admin_reset_auth_token", "user_id": user, "operation_id": MARK}),
        json!({"action": "admin_update_user", "user_id": user, "role": "Coach",
            "name": format!("{MARK} new")}),
        json!({"action": "coach_update_training_session", "session_id": session,
            "start_time": 8_000_000_000_i64, "end_time": 8_000_000_001_i64, "coach": user,
            "comment": MARK}),
        json!({"action": "any_register_participation", "joining_sessions": {session: "Yes"},
            "user_auth_tokens": [code(ADMIN), MARK]}),
        json!({"action": "coach_get_historical_participation", "start_time": 1_700_000_000,
            "end_time": now()}),
        json!({"action": "admin_delete_user", "user_id": user, "note": MARK}),
    ] {
        backend.ok_as(ADMIN, &request);
    }
    for request in [
        json!({"action": MARK}),
        json!({"action": format!("admin_{MARK}")}),
        json!({"action": "admin_delete_user", "user_id": MARK}),
        json!({"action": "admin_create_user", "role": MARK, "name": MARK}),
        json!({"action": "coach_add_training_session", "start_time": MARK, "end_time": MARK}),
        json!({"action": "any_register_participation", "joining_sessions": {MARK: MARK},
            "user_auth_tokens": [MARK]}),
    ] {
        backend.refused_as(ADMIN, &request);
    }
    for event in [
        url_event(MARK),
        url_event(&format!("{{\"action\":\"{MARK}")),
        json!(MARK),
        json!({"isBase64Encoded": true, "body": MARK}),
        json!({"isBase64Encoded": MARK, "body": {"x": MARK}}),
        json!({"isBase64Encoded": false, "body": "{}",
            "requestContext": {"http": {"method": MARK}}}),
        json!({"action": "admin_create_user", "auth_token": MARK, "x": {MARK: MARK}}),
    ] {
        let status = answer(&backend.event(&event)).0;
        assert!((400..500).contains(&status));
    }
    backend.raw_event(MARK.as_bytes());
    expect_next(&backend.runtime_api);
}

fn codes(users: &Value) -> Vec<String> {
    users
        .as_object()
        .unwrap()
        .values()
        .map(|user| user["auth_token"].as_str().unwrap().to_owned())
        .collect()
}

/// Cuts the connection of every such request from now on.
fn fail(backend: &Backend<'_>, method: &'static str, bucket: &'static str) {
    backend.s3.set_fault(Some(Box::new(move |head| {
        (head.method == method && head.bucket == bucket && head.key == "data.json")
            .then_some(Fault::Drop)
    })));
}

/// The summary line of a request.
#[track_caller]
fn summary(backend: &Backend<'_>, number: usize) -> Value {
    let id = request_id(number);
    backend.log_line(|line| line["requestId"] == *id && line.get("s3_requests").is_some())
}

/// As in 2026-10-30T12:34:56.789Z.
#[track_caller]
fn assert_timestamp(line: &Value) {
    let text = line["timestamp"].as_str().unwrap();
    let shape: String = text
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    assert_eq!(shape, "0000-00-00T00:00:00.000Z");
}

fn delivery(number: usize) -> Delivery {
    Delivery {
        request_id: Some(request_id(number)),
        ..Delivery::default()
    }
}

fn request_id(number: usize) -> String {
    format!("5f1c7c5e-0000-4000-8000-{number:012}")
}

fn create(name: &str, caller: &str) -> Value {
    json!({"action": "admin_create_user", "auth_token": code(caller), "role": "Student",
        "name": name})
}

const ADMIN: &str = "Grandmaster Oh";
/// Stands in every request for what a log must not show.
const MARK: &str = "Unspeakable0815";
