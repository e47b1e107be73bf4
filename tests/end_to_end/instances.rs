//! Two instances of the function on the same objects, as when Lambda replaces one.
//!
//! Each sees what the other has done, and nothing is lost.

use std::thread;

use local::setup::lambda_environment;
use local::{Function, Outcome, RuntimeApi};
use serde_json::{Value, json};

use crate::expectations::with;
use crate::support::{Backend, Counts, answer, code, id, patient_runtime_api, spawn, url_event};

crate::cases! {
    writing_in_turn_loses_nothing,
    writing_at_once_loses_nothing,
    what_one_did_counts_for_the_other,
    an_operation_of_one_is_known_to_the_other,
}

const ADMIN: &str = "Grandmaster Oh";

/// A second instance.
pub(crate) struct Second {
    runtime_api: RuntimeApi,
    _function: Function,
}

impl Second {
    pub(crate) fn beside(first: &Backend<'_>) -> Self {
        let runtime_api =
            RuntimeApi::start(patient_runtime_api()).expect("a loopback port is free");
        let environment = lambda_environment(&runtime_api.address(), &first.s3.endpoint());
        Self {
            _function: spawn(&environment),
            runtime_api,
        }
    }

    pub(crate) fn call_as(&self, counter: &Backend<'_>, name: &str, data: &Value) -> (u64, Value) {
        let data = with(data, "auth_token", code(name));
        counter.count(&data);
        called(&self.runtime_api, &data)
    }
}

fn writing_in_turn_loses_nothing(counts: &Counts) {
    let first = Backend::demo(counts);
    let second = Second::beside(&first);
    let present = first.present_session();
    let mut expected = first.private();
    for n in 0..20 {
        let create = creation(&format!("Member {n}"));
        let answers = json!({"action": "any_register_participation",
            "joining_sessions": {&present: (["Yes", "No", "Maybe"][n % 3])},
            "user_auth_tokens": [code("Fatima")]});
        let call = |by_first: bool, data: &Value| {
            let (status, body) = if by_first {
                first.call_as(ADMIN, data)
            } else {
                second.call_as(&first, ADMIN, data)
            };
            assert_eq!(status, 200, "{body}");
            body
        };
        let user = call(n % 2 == 0, &create);
        call(n % 2 != 0, &answers);
        expected["users"][user["user_id"].as_str().unwrap()] = user.clone();
        expected["sessions"][&present]["participation"][id("Fatima")] =
            answers["joining_sessions"][&present].clone();
        assert_eq!(first.published(), expected);
    }
}

fn writing_at_once_loses_nothing(counts: &Counts) {
    let first = Backend::demo(counts);
    let second = Second::beside(&first);
    let before = first.private()["users"].as_object().unwrap().len();
    let request = |instance: &str, n: usize| {
        with(
            &creation(&format!("{instance} {n}")),
            "auth_token",
            code(ADMIN),
        )
    };
    for instance in ["First", "Second"] {
        (0..EACH).for_each(|n| first.count(&request(instance, n)));
    }
    let answers: Vec<Value> = thread::scope(|scope| {
        let apis = [
            ("First", &first.runtime_api),
            ("Second", &second.runtime_api),
        ];
        let threads = apis.map(|(instance, api)| {
            scope.spawn(move || {
                (0..EACH)
                    .map(|n| called(api, &request(instance, n)))
                    .collect::<Vec<_>>()
            })
        });
        threads
            .into_iter()
            .flat_map(|thread| thread.join().expect("no thread panics"))
            .map(|(status, body)| {
                assert_eq!(status, 200, "{body}");
                body
            })
            .collect()
    });
    let users = first.private()["users"].clone();
    assert_eq!(users.as_object().unwrap().len(), before + 2 * EACH);
    for user in answers {
        assert_eq!(users[user["user_id"].as_str().unwrap()], user);
    }
    first.ok_as(ADMIN, &creation("The last one"));
    first.published();
}

fn what_one_did_counts_for_the_other(counts: &Counts) {
    let first = Backend::demo(counts);
    let second = Second::beside(&first);
    let role = |role: &str| {
        let update = json!({"action": "admin_update_user", "user_id": id("Amir"), "role": role,
            "name": "Amir"});
        first.ok_as(ADMIN, &update);
    };
    for n in 0..3 {
        let create = creation(&format!("Member {n}"));
        assert_eq!(second.call_as(&first, "Amir", &create).0, 400);
        role("Admin");
        assert_eq!(second.call_as(&first, "Amir", &create).0, 200);
        // A name that one has given away is taken for the other.
        first.refused_as(ADMIN, &create);
        role("Student");
    }
    // A new code: the old one ends everywhere.
    let reset = json!({"action": "admin_reset_auth_token", "user_id": id(ADMIN)});
    let (status, _) = second.call_as(&first, ADMIN, &reset);
    assert_eq!(status, 200);
    first.refused_as(ADMIN, &creation("Ida"));
    assert_eq!(second.call_as(&first, ADMIN, &creation("Ida")).0, 400);
}

fn an_operation_of_one_is_known_to_the_other(counts: &Counts) {
    let first = Backend::demo(counts);
    let second = Second::beside(&first);
    for (n, request) in [
        creation("Gunhild"),
        json!({"action": "coach_add_training_session", "start_time": 1, "end_time": 2,
            "coach": id("Amir"), "comment": null}),
        json!({"action": "admin_reset_auth_token", "user_id": id("Emil")}),
        json!({"action": "admin_reset_auth_token", "user_id": id(ADMIN)}),
    ]
    .into_iter()
    .enumerate()
    {
        let request = with(&request, "operation_id", format!("operation-{n}"));
        let (status, body) = second.call_as(&first, ADMIN, &request);
        assert_eq!(status, 200, "{body}");
        let after = first.published();
        assert_eq!(first.ok_as(ADMIN, &request), body);
        assert_eq!(second.call_as(&first, ADMIN, &request), (200, body));
        assert_eq!(first.published(), after);
    }
}

fn called(api: &RuntimeApi, data: &Value) -> (u64, Value) {
    match api.invoke(url_event(&data.to_string()).to_string().as_bytes()) {
        Outcome::Response(payload) => {
            answer(&serde_json::from_slice(&payload).expect("answers are JSON"))
        }
        other => panic!("expected an answer, found {other:?}"),
    }
}

fn creation(name: &str) -> Value {
    json!({"action": "admin_create_user", "role": "Student", "name": name})
}

/// Requests to each instance.
const EACH: usize = 25;
