//! A request that is repeated takes effect once and gets the same answer (`api.md` section 2).

use local::Delivery;
use serde_json::{Value, json};

use crate::cases;
use crate::support::{Backend, Counts, answer, code, id, spawn, url_event};

cases!(
    a_named_request_takes_effect_once,
    the_own_code_can_be_replaced_and_asked_for_again,
    the_lambda_request_id_names_a_request_without_a_name,
    another_request_under_the_same_name_is_another_operation,
    an_operation_is_remembered_by_every_instance,
    a_long_past_operation_is_forgotten,
);

fn a_named_request_takes_effect_once(counts: &Counts) {
    let backend = Backend::demo(counts);
    let session = backend.next_session();
    for request in [
        json!({"action": "admin_create_user", "role": "Student", "name": "Only once"}),
        json!({"action": "admin_reset_auth_token", "user_id": id("Amir")}),
        json!({"action": "coach_add_training_session", "start_time": 1, "end_time": 2,
            "coach": id("Amir"), "comment": null}),
        json!({"action": "coach_update_training_session", "session_id": session,
            "start_time": 7, "end_time": 8, "coach": id("Emil"), "comment": "x"}),
        json!({"action": "admin_delete_user", "user_id": id("Dagny")}),
    ] {
        let named = |name: &str| {
            let mut request = request.clone();
            request["operation_id"] = json!(name);
            request
        };
        let first = backend.ok_as("Grandmaster Oh", &named("operation-1"));
        let stored = backend.private();
        for _ in 0..2 {
            backend.s3.clear_requests();
            assert_eq!(
                backend.ok_as("Grandmaster Oh", &named("operation-1")),
                first
            );
            assert!(
                backend
                    .s3
                    .requests()
                    .iter()
                    .all(|made| made.method != "PUT")
            );
        }
        assert_eq!(backend.private(), stored);
    }
}

fn the_own_code_can_be_replaced_and_asked_for_again(counts: &Counts) {
    let backend = Backend::demo(counts);
    let admin = "Grandmaster Oh";
    let request = json!({"action": "admin_reset_auth_token", "user_id": id(admin),
        "operation_id": "my-own-code"});
    let first = backend.ok_as(admin, &request);
    // The code that the request carries has ended with it; its answer was perhaps lost.
    assert_eq!(backend.ok_as(admin, &request), first);
    let stranger = "a stranger";
    backend.refused_as(stranger, &request);
}

fn the_lambda_request_id_names_a_request_without_a_name(counts: &Counts) {
    let backend = Backend::demo(counts);
    let add = |operation_id: Value| {
        json!({"action": "coach_add_training_session", "auth_token": code("Coach Hana"),
            "start_time": 1, "end_time": 2, "coach": id("Amir"), "comment": null,
            "operation_id": operation_id})
    };
    let deliver = |request_id: &str, request: &Value| {
        let request_id = Some(request_id.to_owned());
        let delivery = Delivery {
            request_id,
            ..Delivery::default()
        };
        answer(&backend.delivered(delivery, &url_event(&request.to_string())))
    };
    let count = || {
        backend.private()["sessions"]
            .as_object()
            .expect("an object")
            .len()
    };
    // Names that do not have the contract's form are ignored.
    let long = "x".repeat(65);
    let ignored = [
        json!(null),
        json!("1234567"),
        json!(long),
        json!("12345 678"),
        json!(12_345_678),
    ];
    for (n, operation_id) in ignored.into_iter().enumerate() {
        let request = add(operation_id);
        let before = count();
        let first = deliver(&format!("request-{n}"), &request);
        assert_eq!(first.0, 200);
        assert_eq!(deliver(&format!("request-{n}"), &request), first);
        assert_eq!(count(), before + 1);
        assert_ne!(deliver(&format!("other-{n}"), &request), first);
        assert_eq!(count(), before + 2);
    }
}

fn another_request_under_the_same_name_is_another_operation(counts: &Counts) {
    let backend = Backend::demo(counts);
    for name in ["First one", "Second one"] {
        let made = backend.ok_as(
            "Grandmaster Oh",
            &json!({"action": "admin_create_user",
            "role": "Student", "name": name, "operation_id": "same-name"}),
        );
        assert_eq!(made["name"], name);
    }
    // A stranger who knows the name learns nothing and spoils nothing.
    let request = json!({"action": "admin_create_user", "role": "Student", "name": "First one",
        "operation_id": "same-name"});
    backend.refused_as("Coach Hana", &request);
}

fn an_operation_is_remembered_by_every_instance(counts: &Counts) {
    let mut backend = Backend::demo(counts);
    let request = json!({"action": "admin_create_user", "role": "Student", "name": "Only once",
        "operation_id": "operation-1"});
    let first = backend.ok_as("Grandmaster Oh", &request);
    backend.restart();
    assert_eq!(backend.ok_as("Grandmaster Oh", &request), first);

    // Two instances that know different versions, in turns: nothing is lost.
    let other_api = local::RuntimeApi::start(local::RuntimeApiOptions::default()).expect("a port");
    let environment =
        local::setup::lambda_environment(&other_api.address(), &backend.s3.endpoint());
    let _other = spawn(&environment);
    let before = backend.private()["sessions"]
        .as_object()
        .expect("an object")
        .len();
    for n in 0..20 {
        let request = json!({"action": "coach_add_training_session",
            "auth_token": code("Coach Hana"), "start_time": n, "end_time": 99,
            "coach": id("Amir"), "comment": null});
        let event = url_event(&request.to_string());
        let api = if n % 2 == 0 {
            &backend.runtime_api
        } else {
            &other_api
        };
        let local::Outcome::Response(payload) = api.invoke(event.to_string().as_bytes()) else {
            panic!("no answer");
        };
        let payload = serde_json::from_slice(&payload).expect("answers are JSON");
        assert_eq!(answer(&payload).0, 200);
    }
    let after = backend.private()["sessions"]
        .as_object()
        .expect("an object")
        .len();
    assert_eq!(after, before + 20);
    assert_eq!(backend.public()["sessions"], backend.private()["sessions"]);
}

/// The metadata stays within S3's 2 KB, which the server here enforces.
fn a_long_past_operation_is_forgotten(counts: &Counts) {
    let backend = Backend::demo(counts);
    let session = backend.next_session();
    for n in 0..200 {
        let answer = ["Yes", "No"][n % 2];
        let request = json!({"action": "any_register_participation",
            "joining_sessions": {&session: answer}, "user_auth_tokens": [code("Dagny")]});
        assert_eq!(backend.call(&request).0, 200);
    }
    let object = backend
        .s3
        .object(local::setup::PRIVATE_BUCKET, "data.json")
        .expect("the club");
    let bytes: usize = object
        .metadata
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    assert!((1_000..2_048).contains(&bytes), "{bytes}");
}
