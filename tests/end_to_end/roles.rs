//! Every action as every role (`api.md` sections 4 and 6).

use dojang::actions::Action;
use local::setup::TEST_SECRET;
use serde_json::{Value, json};

use crate::cases;
use crate::support::{Backend, Counts, code, id, now};

cases!(
    every_action_as_every_role,
    nobody_gets_in_with_something_like_a_code,
    action_names_are_exact
);

/// Who may do what, as the contract's table has it.
const TABLE: [(&str, &[&str]); 12] = [
    ("admin_create_user", &[ADMIN]),
    ("admin_update_user", &[ADMIN]),
    ("admin_delete_user", &[ADMIN]),
    ("admin_show_auth_token", &[ADMIN]),
    ("admin_reset_auth_token", &[ADMIN]),
    ("coach_add_training_session", &[ADMIN, COACH]),
    ("coach_update_training_session", &[ADMIN, COACH]),
    ("coach_register_participation", &[ADMIN, COACH]),
    ("coach_get_historical_participation", &[ADMIN, COACH]),
    (
        "any_register_participation",
        &[ADMIN, COACH, STUDENT, NOBODY],
    ),
    (
        "any_trigger_initialization",
        &[ADMIN, COACH, STUDENT, NOBODY],
    ),
    ("any_reset_test_setup", &[ADMIN, COACH, STUDENT, NOBODY]),
];

fn every_action_as_every_role(counts: &Counts) {
    assert_eq!(
        TABLE.map(|(action, _)| action),
        Action::ALL.map(Action::name)
    );
    let backend = Backend::demo(counts);
    for (action, permitted) in TABLE {
        for caller in [ADMIN, COACH, STUDENT, NOBODY] {
            let request = sensible(&backend, action, caller);
            if permitted.contains(&caller) {
                backend.ok_as(caller, &request);
            } else {
                let text = backend.refused_as(caller, &request);
                let expected = if caller == NOBODY { "log in" } else { "role" };
                assert!(text.contains(expected), "{action} as {caller}: {text}");
            }
        }
    }
}

/// A request that nothing but the role can refuse.
fn sensible(backend: &Backend<'_>, action: &str, caller: &str) -> Value {
    let user = json!({"role": "Student", "name": format!("By {caller}")});
    let mut request = match action {
        "admin_create_user" => user,
        "admin_update_user" => json!({"user_id": id("Amir"), "role": "Student", "name": "Amir B"}),
        "admin_delete_user" => json!({"user_id": id("Fatima")}),
        "admin_show_auth_token" | "admin_reset_auth_token" => json!({"user_id": id("Emil")}),
        "coach_add_training_session" => {
            json!({"start_time": 1, "end_time": 2, "coach": id(COACH), "comment": "x"})
        }
        "coach_update_training_session" => {
            json!({"session_id": backend.next_session(), "session_state": "scheduled"})
        }
        "coach_register_participation" => {
            json!({"session_id": backend.present_session(), "participants": []})
        }
        "coach_get_historical_participation" => {
            json!({"start_time": now() - 9, "end_time": now()})
        }
        "any_register_participation" => json!({"joining_sessions": {backend.next_session(): "No"},
            "user_auth_tokens": [code("Birgitte")]}),
        _ => json!({"test_secret": TEST_SECRET}),
    };
    request["action"] = json!(action);
    request
}

fn nobody_gets_in_with_something_like_a_code(counts: &Counts) {
    let backend = Backend::demo(counts);
    let good = code(ADMIN);
    let hash = backend.public()["users"][id(ADMIN)]["auth_token"].clone();
    for token in [
        json!(null),
        json!(true),
        json!(0),
        json!([good]),
        json!({"x": good}),
        json!(""),
        json!(format!(" {good}")),
        json!(format!("{good}\n")),
        json!(good[..11]),
        json!(good.to_lowercase()),
        hash,
        json!(id(ADMIN)),
    ] {
        let request = json!({"action": "admin_show_auth_token", "user_id": id("Amir"),
            "auth_token": token});
        let (status, body) = backend.call(&request);
        assert_eq!(status, 400, "{token}: {body}");
    }
    let (status, _) =
        backend.call(&json!({"action": "admin_show_auth_token", "user_id": id("Amir")}));
    assert_eq!(status, 400);
    // A code has no effect where none is asked for.
    for token in [json!("wrong"), json!(null), json!(7), json!([])] {
        let request = json!({"action": "any_trigger_initialization", "auth_token": token});
        assert_eq!(backend.call(&request), (200, json!({})));
    }
}

fn action_names_are_exact(counts: &Counts) {
    let backend = Backend::demo(counts);
    for action in [
        json!(null),
        json!(true),
        json!(7),
        json!(1.5),
        json!([]),
        json!(["any_trigger_initialization"]),
        json!({}),
        json!(""),
        json!("_"),
        json!("any"),
        json!("any_"),
        json!("any_x"),
        json!("admin_"),
        json!("_any_trigger_initialization"),
        json!("Any_trigger_initialization"),
        json!("any_trigger_initialization "),
        json!("ANY_TRIGGER_INITIALIZATION"),
        json!("student_create"),
        json!("student_"),
        json!("Admin_create_user"),
        json!("coach_create_user"),
        json!("admin_prune"),
        json!("x".repeat(100_000)),
    ] {
        backend.refused_as(ADMIN, &json!({"action": action}));
    }
    backend.refused_as(ADMIN, &json!({}));
}

const ADMIN: &str = "Grandmaster Oh";
const COACH: &str = "Coach Hana";
const STUDENT: &str = "Amir";
/// Has no code that the club knows.
const NOBODY: &str = "a stranger";
