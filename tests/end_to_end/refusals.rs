//! Every refusal of `docs/api.md#actions`: status 400, a text, and both objects as they were.

use serde_json::{Value, json};

use crate::cases;
use crate::support::{Backend, Counts, code, id, now};

cases!(
    missing_keys_and_wrong_types,
    of_members,
    of_sessions,
    of_attendance,
    of_the_history,
    of_answers,
    of_the_test_set_up,
);

/// For every key of every action: missing, `null` and each wrong JSON type.
fn missing_keys_and_wrong_types(counts: &Counts) {
    let backend = Backend::demo(counts);
    for request in sensible_requests(&backend) {
        for (key, good) in request.as_object().expect("it is an object") {
            let may_be_null = key == "comment";
            let may_be_missing = key == "session_state";
            let mut wrong: Vec<Value> = [
                json!(true),
                json!(7),
                json!(1.5),
                json!("x"),
                json!([]),
                json!([7]),
                json!({}),
                json!({"x": 1}),
                json!(1.0),
                json!(1e9),
            ]
            .into_iter()
            .filter(|value| {
                let is_same_type = std::mem::discriminant(value) == std::mem::discriminant(good);
                !is_same_type || value.is_f64()
            })
            .collect();
            if !may_be_null {
                wrong.push(Value::Null);
            }
            for value in wrong {
                let mut bad = request.clone();
                bad[key] = value;
                backend.refused_as("Grandmaster Oh", &bad);
            }
            if !may_be_missing {
                let mut bad = request.clone();
                bad.as_object_mut().expect("it is an object").remove(key);
                backend.refused_as("Grandmaster Oh", &bad);
            }
        }
    }
}

/// One good request for every action that has keys.
fn sensible_requests(backend: &Backend<'_>) -> Vec<Value> {
    let (next, present) = (backend.next_session(), backend.present_session());
    let coach = id("Coach Mette");
    vec![
        json!({"action": "admin_create_user", "role": "Student", "name": "New one"}),
        json!({"action": "admin_update_user", "user_id": id("Amir"), "role": "Coach", "name": "Amira"}),
        json!({"action": "admin_delete_user", "user_id": id("Amir")}),
        json!({"action": "admin_show_auth_token", "user_id": id("Amir")}),
        json!({"action": "admin_reset_auth_token", "user_id": id("Amir")}),
        json!({"action": "coach_add_training_session", "start_time": 1, "end_time": 2, "coach": coach,
            "comment": "x"}),
        json!({"action": "coach_update_training_session", "session_id": next, "start_time": 1,
            "end_time": 2, "coach": coach, "comment": "x"}),
        json!({"action": "coach_update_training_session", "session_id": next,
            "session_state": "cancelled"}),
        json!({"action": "coach_register_participation", "session_id": present, "participants": []}),
        json!({"action": "coach_get_historical_participation", "start_time": now() - 9,
            "end_time": now()}),
        json!({"action": "any_register_participation", "joining_sessions": {next: "Yes"},
            "user_auth_tokens": [code("Amir")]}),
        json!({"action": "any_reset_test_setup", "test_secret": local::setup::TEST_SECRET}),
    ]
}

fn of_members(counts: &Counts) {
    let backend = Backend::demo(counts);
    let admin = "Grandmaster Oh";
    for role in ["", "student", "ADMIN", "Admin ", "Guest"] {
        for action in ["admin_create_user", "admin_update_user"] {
            backend.refused_as(
                admin,
                &json!({"action": action, "user_id": id("Amir"), "role": role,
                "name": "Amir B"}),
            );
        }
    }
    for name in [
        "",
        "ab",
        "  ab  ",
        "\u{a0}\u{3000}ab\u{2003}",
        "Amir",
        " Amir ",
        "Ａｍｉｒ",
        "a\0b\u{1}c",
        "a\nb c",
        "a\u{2028}b",
        "a\u{9f}bc",
    ] {
        backend.refused_as(
            admin,
            &json!({"action": "admin_create_user", "role": "Coach", "name": name}),
        );
    }
    let long = "x".repeat(61);
    for name in ["ab", "Carlos", "Ｃarlos", "a\tbc", &long] {
        backend.refused_as(
            admin,
            &json!({"action": "admin_update_user", "user_id": id("Amir"),
            "role": "Coach", "name": name}),
        );
    }
    for user_id in [
        "",
        "nobody",
        "Amir",
        &code("Amir"),
        &id("Amir").to_uppercase(),
    ] {
        for action in [
            "admin_update_user",
            "admin_delete_user",
            "admin_show_auth_token",
            "admin_reset_auth_token",
        ] {
            backend.refused_as(
                admin,
                &json!({"action": action, "user_id": user_id, "role": "Coach",
                "name": "Some name"}),
            );
        }
    }
    let own = json!({"action": "admin_delete_user", "user_id": id(admin)});
    assert!(
        backend
            .refused_as(admin, &own)
            .contains("cannot delete yourself")
    );
    let demote = json!({"action": "admin_update_user", "user_id": id(admin), "role": "Coach",
        "name": admin});
    assert!(backend.refused_as(admin, &demote).contains("last admin"));
}

fn of_sessions(counts: &Counts) {
    let backend = Backend::demo(counts);
    let coach = "Coach Hana";
    let session_id = backend.next_session();
    let good = json!({"session_id": session_id, "start_time": 100, "end_time": 200, "coach": id(coach),
        "comment": "x"});
    let bad = [
        ("coach", json!("nobody")),
        ("coach", json!(coach)),
        ("end_time", json!(100)),
        ("end_time", json!(99)),
        ("start_time", json!(true)),
        ("end_time", json!(false)),
        ("start_time", json!(99.5)),
        ("end_time", json!(100_000_000_000_i64)),
        ("start_time", json!(-62_135_596_801_i64)),
        ("end_time", json!(u64::MAX)),
    ];
    for action in [
        "coach_add_training_session",
        "coach_update_training_session",
    ] {
        for (key, value) in &bad {
            let mut request = good.clone();
            request["action"] = json!(action);
            request[*key] = value.clone();
            backend.refused_as(coach, &request);
        }
    }
    let mut update = good;
    update["action"] = json!("coach_update_training_session");
    update["session_id"] = json!("nobody");
    backend.refused_as(coach, &update);
    // With the key `session_state`, even `null`, the other keys do not count.
    update["session_id"] = json!(session_id);
    for state in [
        json!(null),
        json!(""),
        json!("Scheduled"),
        json!("deleted "),
        json!(1),
    ] {
        update["session_state"] = state;
        backend.refused_as(coach, &update);
    }
    for state in ["cancelled", "archived"] {
        backend.ok_as(
            coach,
            &json!({"action": "coach_update_training_session",
            "session_id": session_id, "session_state": state}),
        );
        update
            .as_object_mut()
            .expect("it is an object")
            .remove("session_state");
        backend.refused_as(coach, &update);
    }
}

fn of_attendance(counts: &Counts) {
    let backend = Backend::demo(counts);
    let coach = "Coach Hana";
    let (next, present) = (backend.next_session(), backend.present_session());
    let request = |session_id: &str, participants: Value| {
        json!({"action": "coach_register_participation", "session_id": session_id,
            "participants": participants})
    };
    assert!(
        backend
            .refused_as(coach, &request(&next, json!([])))
            .contains("10 minutes")
    );
    backend.refused_as(coach, &request("nobody", json!([])));
    for participants in [
        json!(["nobody"]),
        json!([id("Amir"), 7]),
        json!([null]),
        json!("x"),
        json!({"a": 1}),
    ] {
        backend.refused_as(coach, &request(&present, participants));
    }
    backend.ok_as(
        coach,
        &json!({"action": "coach_update_training_session", "session_id": present,
        "session_state": "cancelled"}),
    );
    backend.refused_as(coach, &request(&present, json!([])));
    let history = backend.s3.requests();
    let wrote_history = history
        .iter()
        .any(|made| made.method == "PUT" && made.key.starts_with("sessions/"));
    assert!(!wrote_history, "a refused attendance leaves no entry");
}

fn of_the_history(counts: &Counts) {
    let backend = Backend::demo(counts);
    for (start_time, end_time) in [
        (now(), now()),
        (now(), now() - 1),
        (1_699_999_999, now()),
        (now(), now() + 32 * 86_400),
    ] {
        backend.refused_as(
            "Coach Hana",
            &json!({"action": "coach_get_historical_participation",
            "start_time": start_time, "end_time": end_time}),
        );
    }
}

fn of_answers(counts: &Counts) {
    let backend = Backend::demo(counts);
    let session = backend.next_session();
    let (amir, caller) = (code("Amir"), "Amir");
    let request = |joining: Value, codes: Value| {
        json!({"action": "any_register_participation", "joining_sessions": joining,
            "user_auth_tokens": codes})
    };
    for answer in [
        json!("yes"),
        json!("YES"),
        json!(""),
        json!("Yes "),
        json!(true),
        json!(1),
        json!([]),
    ] {
        backend.refused_as(caller, &request(json!({&session: answer}), json!([amir])));
    }
    // One fault refuses the whole request.
    backend.refused_as(
        caller,
        &request(json!({&session: "Yes", "nobody": "No"}), json!([amir])),
    );
    backend.refused_as(caller, &request(json!({&session: "Yes"}), json!([amir, 7])));
    backend.refused_as(
        caller,
        &request(json!({&session: "Yes"}), json!([amir, null])),
    );
    for unknown in [json!([]), json!([""]), json!(["unknown", id("Amir")])] {
        backend.refused_as(caller, &request(json!({&session: "Yes"}), unknown));
    }
}

fn of_the_test_set_up(counts: &Counts) {
    let backend = Backend::demo(counts);
    for secret in [
        json!("wrong"),
        json!(""),
        json!(null),
        json!(7),
        json!([local::setup::TEST_SECRET]),
    ] {
        backend.refused_as(
            "Amir",
            &json!({"action": "any_reset_test_setup", "test_secret": secret}),
        );
    }
    // Unset and empty both mean disabled.
    let disabled = Backend::start(counts, local::S3Options::default(), &[("TEST_SECRET", "")]);
    for secret in [json!(local::setup::TEST_SECRET), json!("")] {
        let request = json!({"action": "any_reset_test_setup", "test_secret": secret});
        assert_eq!(disabled.call(&request).0, 400);
    }
}
