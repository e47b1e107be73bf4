//! Repeated requests take effect once (`docs/api.md#operations`).

use local::Delivery;
use local::setup::{PRIVATE_BUCKET, TEST_SECRET};
use serde_json::{Value, json};

use crate::expectations::{history_key, no_strings, remove, with};
use crate::support::{Backend, Counts, answer, code, id, url_event};

crate::cases! {
    every_action_takes_effect_once,
    an_operation_is_not_undone_by_its_repetition,
    a_new_own_code_is_answered_again_to_the_old_one,
    the_content_of_a_session_is_answered_as_it_is,
    ids_of_another_form_are_ignored,
    another_body_is_another_operation,
    refused_requests_are_no_operations,
    one_lambda_request_is_one_operation,
    an_operation_id_outlasts_the_lambda_request,
    operations_are_remembered_by_the_club,
    a_hundred_and_fifty_others_make_nothing_forgotten,
    the_set_up_is_reset_once,
    a_reset_that_is_repeated_leaves_the_attendance_taken_since,
}

const ADMIN: &str = "Grandmaster Oh";

fn every_action_takes_effect_once(counts: &Counts) {
    let backend = Backend::demo(counts);
    let (present, next) = (backend.present_session(), backend.next_session());
    for (n, request) in [
        creation("Gunhild"),
        json!({"action": "admin_update_user", "user_id": id("Emil"), "role": "Coach",
            "name": "Emil B."}),
        json!({"action": "admin_reset_auth_token", "user_id": id("Fatima")}),
        json!({"action": "admin_delete_user", "user_id": id("Dagny")}),
        addition(),
        json!({"action": "coach_update_training_session", "session_id": next,
            "start_time": 1, "end_time": 2, "coach": id("Amir"), "comment": ""}),
        json!({"action": "coach_register_participation", "session_id": present,
            "participants": [id("Amir")]}),
        json!({"action": "any_register_participation", "joining_sessions": {&present: null},
            "user_auth_tokens": [code("Amir")]}),
        json!({"action": "coach_update_training_session", "session_id": next,
            "session_state": "cancelled"}),
        json!({"action": "coach_update_training_session", "session_id": next,
            "session_state": "deleted"}),
    ]
    .into_iter()
    .enumerate()
    {
        let request = with(&request, "operation_id", format!("operation-{n}"));
        let before = backend.private();
        let first = backend.ok_as(ADMIN, &request);
        let after = backend.published();
        assert_ne!(before, after, "{request}");
        let private = backend.s3.object(PRIVATE_BUCKET, "data.json");
        for _ in 0..2 {
            assert_eq!(backend.ok_as(ADMIN, &request), first, "{request}");
            assert_eq!(backend.published(), after, "{request}");
            assert_eq!(backend.s3.object(PRIVATE_BUCKET, "data.json"), private);
        }
    }
}

fn an_operation_is_not_undone_by_its_repetition(counts: &Counts) {
    let backend = Backend::demo(counts);
    let (present, next) = (backend.present_session(), backend.next_session());
    let yes = json!({"action": "any_register_participation",
        "joining_sessions": {&present: "Yes"}, "user_auth_tokens": [code("Fatima")]});
    let rename = json!({"action": "admin_update_user", "user_id": id("Emil"), "role": "Student",
        "name": "Emil A."});
    let cancel = json!({"action": "coach_update_training_session", "session_id": next,
        "session_state": "cancelled"});
    let came = json!({"action": "coach_register_participation", "session_id": present,
        "participants": [id("Amir")]});
    for (late, newer) in [
        (
            yes.clone(),
            with(&yes, "joining_sessions", json!({&present: "No"})),
        ),
        (rename.clone(), with(&rename, "name", "Emil B.")),
        (cancel.clone(), with(&cancel, "session_state", "scheduled")),
        (
            came.clone(),
            with(&came, "participants", json!([id("Emil")])),
        ),
        (
            creation("Hugo"),
            json!({"action": "admin_update_user", "user_id": id("Amir"), "role": "Coach",
                "name": "Amir"}),
        ),
    ] {
        let late = with(&late, "operation_id", "the-late-one");
        let first = backend.ok_as(ADMIN, &late);
        backend.ok_as(ADMIN, &newer);
        let after = (backend.published(), all_history(&backend));
        assert_eq!(backend.ok_as(ADMIN, &late), first);
        assert_eq!(
            (backend.published(), all_history(&backend)),
            after,
            "{late}"
        );
    }
    // Who was created and then deleted is not created again; nor is a session added again.
    let create = with(&creation("Ida"), "operation_id", "create-ida");
    let ida = backend.ok_as(ADMIN, &create);
    backend.ok_as(
        ADMIN,
        &json!({"action": "admin_delete_user", "user_id": ida["user_id"]}),
    );
    let add = with(&addition(), "operation_id", "add-session");
    let added = backend.ok_as(ADMIN, &add);
    backend.ok_as(
        ADMIN,
        &json!({"action": "coach_update_training_session",
        "session_id": added["session"]["session_id"], "session_state": "deleted"}),
    );
    let after = backend.published();
    assert_eq!(backend.ok_as(ADMIN, &create), ida);
    assert_eq!(backend.ok_as(ADMIN, &add), added);
    assert_eq!(backend.published(), after);
}

fn a_new_own_code_is_answered_again_to_the_old_one(counts: &Counts) {
    let backend = Backend::demo(counts);
    let reset = json!({"action": "admin_reset_auth_token", "user_id": id(ADMIN)});
    let named = with(&reset, "operation_id", "my-own-code");
    let first = backend.ok_as(ADMIN, &named);
    // The caller who did not get the answer has nothing but the old code.
    assert_eq!(backend.ok_as(ADMIN, &named), first);
    assert_eq!(
        backend.published()["users"][id(ADMIN)]["auth_token"],
        first["auth_token"]
    );
    // For anything else the old code has ended, and under the same name too.
    backend.refused_as(ADMIN, &reset);
    backend.refused_as(ADMIN, &with(&named, "operation_id", "my-own-code-2"));
    backend.refused_as(ADMIN, &with(&named, "user_id", id("Amir")));
    backend.refused_as("Nobody", &named);
    backend.refused_as("Coach Hana", &named);
    let (status, _) = backend.call(&with(
        &creation("Ida"),
        "auth_token",
        first["auth_token"].clone(),
    ));
    assert_eq!(status, 200);
}

fn the_content_of_a_session_is_answered_as_it_is(counts: &Counts) {
    let backend = Backend::demo(counts);
    let next = backend.next_session();
    let update = json!({"action": "coach_update_training_session", "session_id": next,
        "start_time": 5, "end_time": 6, "coach": id("Amir"), "comment": null,
        "operation_id": "postpone"});
    backend.ok_as("Coach Hana", &update);
    let answers = json!({"action": "any_register_participation",
        "joining_sessions": {&next: "No"}, "user_auth_tokens": [code("Fatima")]});
    backend.ok_as("Nobody", &answers);
    // A member has answered meanwhile: that shows, and stays.
    let again = backend.ok_as("Coach Hana", &update);
    let club = backend.published();
    assert_eq!(again["session"], club["sessions"][&next]);
    assert_eq!(again["session"]["participation"][id("Fatima")], "No");
}

fn ids_of_another_form_are_ignored(counts: &Counts) {
    let backend = Backend::demo(counts);
    let sessions = || backend.published()["sessions"].as_object().unwrap().len();
    let twice = |operation_id: &Value| {
        let before = sessions();
        let add = with(&addition(), "operation_id", operation_id.clone());
        let (first, second) = (backend.ok_as(ADMIN, &add), backend.ok_as(ADMIN, &add));
        (first == second, sessions() - before)
    };
    let mut ignored = no_strings();
    ignored.extend([json!(12_345_678), json!(["12345678"])]);
    for text in [
        "",
        "1234567",
        &"x".repeat(65),
        "1234 5678",
        "12345678\n",
        " 12345678",
        "1234.5678",
        "12345678+",
        "1234/5678",
        "ünïcödé1",
        "１２３４５６７８",
        "12345678\0",
    ] {
        ignored.push(json!(text));
    }
    for operation_id in &ignored {
        assert_eq!(twice(operation_id), (false, 2), "{operation_id}");
    }
    for text in [
        "12345678",
        "abcDEF_-",
        "--------",
        "________",
        &"x".repeat(64),
        "0190a5f4-7b3c-7def-8123-456789abcdef",
    ] {
        assert_eq!(twice(&json!(text)), (true, 1), "{text}");
    }
}

fn another_body_is_another_operation(counts: &Counts) {
    let backend = Backend::demo(counts);
    let named = |request: &Value| with(request, "operation_id", "one-and-the-same");
    let add = named(&addition());
    let mut seen = vec![];
    for request in [
        add.clone(),
        with(&add, "comment", "another"),
        with(&add, "comment", json!(null)),
        with(&add, "coach", id("Amir")),
        with(&add, "start_time", 7),
        with(&add, "unknown", 7),
    ] {
        seen.push(backend.ok_as("Coach Hana", &request)["session"]["session_id"].clone());
    }
    // The same from somebody else is another one, too.
    seen.push(backend.ok_as("Coach Jonas", &add)["session"]["session_id"].clone());
    assert!(
        (1..seen.len()).all(|n| !seen[..n].contains(&seen[n])),
        "{seen:?}"
    );
    assert_eq!(
        backend.published()["sessions"].as_object().unwrap().len(),
        3 + seen.len()
    );
    // A stranger gets nothing out of knowing the name.
    backend.refused_as("Nobody", &add);
    backend.refused_as("Amir", &add);
    let first = backend.ok_as("Coach Hana", &add);
    assert_eq!(first["session"]["session_id"], seen[0]);
    // Nor can he keep its owner's operation from taking effect.
    let reset = named(&json!({"action": "admin_reset_auth_token", "user_id": id("Amir")}));
    backend.refused_as("Amir", &reset);
    let answer = backend.ok_as(ADMIN, &reset);
    assert_eq!(
        backend.private()["users"][id("Amir")]["auth_token"],
        answer["auth_token"]
    );
}

fn refused_requests_are_no_operations(counts: &Counts) {
    let backend = Backend::demo(counts);
    let create = with(&creation("Amir"), "operation_id", "create-amir");
    backend.refused_as(ADMIN, &create);
    backend.refused_as(ADMIN, &create);
    backend.ok_as(
        ADMIN,
        &json!({"action": "admin_delete_user", "user_id": id("Amir")}),
    );
    let amir = backend.ok_as(ADMIN, &create);
    assert_eq!(backend.ok_as(ADMIN, &create), amir);
    assert_eq!(backend.published()["users"].as_object().unwrap().len(), 10);
}

fn one_lambda_request_is_one_operation(counts: &Counts) {
    let backend = Backend::demo(counts);
    let delivered = |lambda_request_id: &str, request: &Value| {
        let request = with(request, "auth_token", code(ADMIN));
        backend.count(&request);
        let delivery = Delivery {
            request_id: Some(lambda_request_id.to_owned()),
            ..Delivery::default()
        };
        let (status, body) = answer(&backend.delivered(delivery, &url_event(&request.to_string())));
        assert_eq!(status, 200, "{body}");
        body
    };
    let (one, two) = (
        "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
        "8476a536-e9f4-11e8-9739-2dfe598c3fce",
    );
    for request in [
        creation("Gunhild"),
        addition(),
        json!({"action": "admin_reset_auth_token", "user_id": id("Amir")}),
        json!({"action": "admin_delete_user", "user_id": id("Emil")}),
        json!({"action": "admin_reset_auth_token", "user_id": id("Fatima"), "operation_id": "short"}),
    ] {
        let first = delivered(one, &request);
        let after = backend.published();
        assert_eq!(delivered(one, &request), first);
        assert_eq!(backend.published(), after);
    }
    // The same body under another id is another operation; so is another body under the same id.
    let first = delivered(one, &addition());
    assert_ne!(delivered(two, &addition()), first);
    let other = delivered(one, &with(&addition(), "comment", "another"));
    assert_ne!(
        other["session"]["session_id"],
        first["session"]["session_id"]
    );
    assert_eq!(delivered(one, &addition()), first);
    assert_eq!(
        backend.published()["sessions"].as_object().unwrap().len(),
        3 + 3
    );
}

fn an_operation_id_outlasts_the_lambda_request(counts: &Counts) {
    let backend = Backend::demo(counts);
    let add = with(
        &with(&addition(), "operation_id", "add-session"),
        "auth_token",
        code("Coach Hana"),
    );
    let mut answers = vec![];
    for request_id in ["a", "b", "b", "c"] {
        backend.count(&add);
        let delivery = Delivery {
            request_id: Some(format!("8476a536-e9f4-11e8-9739-{request_id:0>12}")),
            ..Delivery::default()
        };
        answers.push(answer(
            &backend.delivered(delivery, &url_event(&add.to_string())),
        ));
    }
    // A direct invocation of the same request is the same operation.
    backend.count(&add);
    answers.push(answer(&backend.event(&add)));
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:?}"
    );
    assert_eq!(answers[0].0, 200);
    assert_eq!(
        backend.published()["sessions"].as_object().unwrap().len(),
        3 + 1
    );
}

fn operations_are_remembered_by_the_club(counts: &Counts) {
    let mut backend = Backend::demo(counts);
    let create = with(&creation("Gunhild"), "operation_id", "create-gunhild");
    let gunhild = backend.ok_as(ADMIN, &create);
    // By the club in S3, not by the process.
    backend.restart();
    assert_eq!(backend.ok_as(ADMIN, &create), gunhild);
    assert_eq!(backend.published()["users"].as_object().unwrap().len(), 11);
    // Also where the club was made by the first request.
    let mut backend = Backend::empty(counts);
    assert_eq!(
        backend
            .call(&json!({"action": "any_trigger_initialization"}))
            .0,
        200
    );
    let (admin, user) = backend.private()["users"]
        .as_object()
        .unwrap()
        .iter()
        .next()
        .map(|(id, user)| (id.clone(), user.clone()))
        .unwrap();
    let reset = json!({"action": "admin_reset_auth_token", "user_id": admin,
        "auth_token": user["auth_token"], "operation_id": "first-reset"});
    let first = backend.call(&reset);
    assert_eq!(first.0, 200);
    backend.restart();
    assert_eq!(backend.call(&reset), first);
    assert_eq!(
        backend.published()["users"][&admin]["auth_token"],
        first.1["auth_token"]
    );
}

fn a_hundred_and_fifty_others_make_nothing_forgotten(counts: &Counts) {
    let backend = Backend::demo(counts);
    let create = with(&creation("Gunhild"), "operation_id", "create-gunhild");
    let gunhild = backend.ok_as(ADMIN, &create);
    let next = backend.next_session();
    for n in 0..150 {
        let answers = json!({"action": "any_register_participation",
            "joining_sessions": {&next: (["Yes", "No"][n % 2])},
            "user_auth_tokens": [code("Dagny"), code("Fatima"), code("Carlos")]});
        backend.ok_as("Nobody", &answers);
    }
    assert_eq!(backend.ok_as(ADMIN, &create), gunhild);
    assert_eq!(backend.published()["users"].as_object().unwrap().len(), 11);
}

fn the_set_up_is_reset_once(counts: &Counts) {
    let backend = Backend::demo(counts);
    backend.ok_as(ADMIN, &creation("Gunhild"));
    let reset = json!({"action": "any_reset_test_setup", "test_secret": TEST_SECRET,
        "operation_id": "reset-once"});
    backend.ok_as("Nobody", &reset);
    assert_eq!(backend.published()["users"].as_object().unwrap().len(), 10);
    backend.effect_as(
        ADMIN,
        &json!({"action": "admin_delete_user", "user_id": id("Amir")}),
        |club, _| {
            remove(&mut club["users"], &id("Amir"));
        },
    );
    assert_eq!(backend.ok_as("Nobody", &reset), json!({}));
    assert_eq!(backend.published()["users"].as_object().unwrap().len(), 9);
    backend.ok_as("Nobody", &with(&reset, "operation_id", "reset-twice"));
    assert_eq!(backend.published()["users"].as_object().unwrap().len(), 10);
}

fn a_reset_that_is_repeated_leaves_the_attendance_taken_since(counts: &Counts) {
    let backend = Backend::demo(counts);
    let reset = json!({"action": "any_reset_test_setup", "test_secret": TEST_SECRET,
        "operation_id": "reset-once"});
    backend.ok_as("Nobody", &reset);
    // Right after it, history that is missing is put there again.
    for year in 2000..2100 {
        backend.s3.delete_object(PRIVATE_BUCKET, &history_key(year));
    }
    assert!(all_history(&backend).iter().all(Option::is_none));
    backend.ok_as("Nobody", &reset);
    let written = all_history(&backend);
    assert!(written.iter().any(Option::is_some));
    // Once something else took effect, what is missing is somebody else's doing.
    backend.ok_as(
        ADMIN,
        &json!({"action": "coach_register_participation",
            "session_id": backend.present_session(), "participants": [id("Amir")]}),
    );
    let taken = all_history(&backend);
    assert!(taken != written);
    let club = backend.private();
    backend.ok_as("Nobody", &reset);
    assert!(club == backend.private(), "took effect twice");
    let after = all_history(&backend);
    assert!(after != written, "attendance is lost");
    assert!(after == taken, "history has changed");
}

fn creation(name: &str) -> Value {
    json!({"action": "admin_create_user", "role": "Student", "name": name})
}

fn addition() -> Value {
    json!({"action": "coach_add_training_session", "start_time": 1, "end_time": 1_i64 << 33,
        "coach": id("Coach Jonas"), "comment": "A long one"})
}

fn all_history(backend: &Backend<'_>) -> Vec<Option<Value>> {
    (2000..2100)
        .map(|year| backend.history_if_any(year))
        .collect()
}
