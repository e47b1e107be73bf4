//! Who may do what (`docs/api.md#authentication`).

use std::cell::Cell;

use local::setup::TEST_SECRET;
use serde_json::{Value, json};

use crate::expectations::{hash, no_strings, remove, with};
use crate::support::{Backend, Counts, code, id, now, url_event};

crate::cases! {
    every_action_by_every_role,
    members_of_one_role_are_equals,
    login_codes_match_exactly,
    any_actions_take_no_notice_of_a_code,
    action_names_are_exact,
    codes_of_every_form_keep_working,
    count_from_the_next_request,
    changed_by_another_writer_count_from_the_next_request,
    unknown_keys_are_ignored,
}

/// `docs/api.md#actions`: whether Admin, Coach, Student and nobody may.
const PERMITTED: [(&str, [bool; 4]); 12] = [
    ("admin_create_user", [true, false, false, false]),
    ("admin_update_user", [true, false, false, false]),
    ("admin_delete_user", [true, false, false, false]),
    ("admin_show_auth_token", [true, false, false, false]),
    ("admin_reset_auth_token", [true, false, false, false]),
    ("coach_add_training_session", [true, true, false, false]),
    ("coach_update_training_session", [true, true, false, false]),
    ("coach_register_participation", [true, true, false, false]),
    (
        "coach_get_historical_participation",
        [true, true, false, false],
    ),
    ("any_register_participation", [true, true, true, true]),
    ("any_trigger_initialization", [true, true, true, true]),
    ("any_reset_test_setup", [true, true, true, true]),
];

/// One of each role; the code of the last is derived like theirs, but she is no member.
const CALLERS: [&str; 4] = ["Grandmaster Oh", "Coach Hana", "Birgitte", "Nobody"];

fn every_action_by_every_role(counts: &Counts) {
    let backend = Backend::demo(counts);
    for (action, permitted) in PERMITTED {
        // The refused ones first: each is refused for the caller's sake alone.
        for (caller, _) in CALLERS.iter().zip(permitted).filter(|(_, may)| !may) {
            backend.refused_as(caller, &acceptable(&backend, action));
        }
        for (caller, _) in CALLERS.iter().zip(permitted).filter(|(_, may)| *may) {
            backend.ok_as(caller, &acceptable(&backend, action));
            backend.published();
        }
        // Nobody at all: without a code.
        let request = acceptable(&backend, action);
        if permitted[3] {
            assert_eq!(backend.call(&request), (200, json!({})));
        } else {
            backend.count(&request);
            backend.refused_body(&request.to_string());
        }
    }
}

fn members_of_one_role_are_equals(counts: &Counts) {
    let backend = Backend::demo(counts);
    let coach = "coach_add_training_session";
    for name in ["Coach Hana", "Coach Jonas", "Coach Mette"] {
        backend.ok_as(name, &acceptable(&backend, coach));
        backend.refused_as(name, &acceptable(&backend, "admin_create_user"));
    }
    for name in ["Amir", "Birgitte", "Carlos", "Dagny", "Emil", "Fatima"] {
        backend.refused_as(name, &acceptable(&backend, coach));
        backend.refused_as(name, &acceptable(&backend, "admin_create_user"));
    }
}

fn login_codes_match_exactly(counts: &Counts) {
    let backend = Backend::demo(counts);
    let right = code("Grandmaster Oh");
    let mut wrong: Vec<Value> = [
        String::new(),
        format!(" {right}"),
        format!("{right} "),
        format!("{right}\n"),
        format!("{right}{right}"),
        right[..11].to_owned(),
        right.to_lowercase(),
        right.to_uppercase(),
        hash(&right),
        hash(&hash(&right)),
        id("Grandmaster Oh"),
        "Grandmaster Oh".to_owned(),
        format!("{right}\0"),
    ]
    .into_iter()
    .filter(|code| *code != right)
    .map(Value::from)
    .collect();
    wrong.extend(no_strings());
    wrong.extend([json!([right]), json!({"auth_token": right})]);
    for (action, permitted) in PERMITTED {
        if permitted[3] {
            continue;
        }
        let request = acceptable(&backend, action);
        for code in &wrong {
            let request = with(&request, "auth_token", code.clone());
            backend.count(&request);
            backend.refused_body(&request.to_string());
        }
        // The code counts under its own key only.
        let request = with(&request, "token", right.clone());
        backend.count(&request);
        backend.refused_body(&request.to_string());
    }
}

fn any_actions_take_no_notice_of_a_code(counts: &Counts) {
    let backend = Backend::demo(counts);
    let mut codes = no_strings();
    codes.extend([json!(""), json!("wrong"), json!(code("Amir"))]);
    for action in ["any_register_participation", "any_trigger_initialization"] {
        for code in &codes {
            let request = with(&acceptable(&backend, action), "auth_token", code.clone());
            assert_eq!(backend.call(&request), (200, json!({})), "{request}");
        }
    }
}

fn action_names_are_exact(counts: &Counts) {
    let backend = Backend::demo(counts);
    // All that any action needs, so that only the name can be the reason.
    let mut request = json!({});
    for (action, _) in PERMITTED {
        let acceptable = acceptable(&backend, action);
        for (key, value) in acceptable.as_object().unwrap() {
            request[key] = value.clone();
        }
    }
    for name in [
        "",
        "_",
        "__",
        "a",
        "admin",
        "any",
        "admin_",
        "coach_",
        "student_",
        "any_",
        "any_x",
        "any__",
        "student_create",
        "student_register_participation",
        "student_create_user",
        "Admin_create_user",
        "ADMIN_create_user",
        "aDMIN_create_user",
        "admin_Create_user",
        "admin_create_user ",
        " admin_create_user",
        "admin_create_user\n",
        "admin_create_user\0",
        "admin create_user",
        "admin create user",
        "admin-create-user",
        "admincreate_user",
        "admin__create_user",
        "_admin_create_user",
        "admin_create_users",
        "admin_add_training_session",
        "coach_create_user",
        "any_create_user",
        "any_show_auth_token",
        "Any_trigger_initialization",
        "Coach_add_training_session",
        "admin_register_participation",
        "student_get_historical_participation",
        "any_get_historical_participation",
        "root_create_user",
        "__init___x",
        "any___class__",
        "admin_save",
        "any_save",
        "any_handler",
    ] {
        backend.refused_as("Grandmaster Oh", &with(&request, "action", name));
    }
    backend.each_refused_as("Grandmaster Oh", &request, "action", &no_strings());
    request["action"] = json!("any_trigger_initialization");
    backend.ok_as("Grandmaster Oh", &request);
}

fn codes_of_every_form_keep_working(counts: &Counts) {
    let backend = Backend::demo(counts);
    for code in ["abcd1234", "x", "Ab-_9", "Ærø 🥋", &"Zz9_".repeat(16)] {
        backend.edit(|club| club["users"][id("Coach Hana")]["auth_token"] = json!(code));
        let add = acceptable(&backend, "coach_add_training_session");
        let (status, body) = backend.call(&with(&add, "auth_token", code));
        assert_eq!(status, 200, "{body}");
        assert_eq!(
            backend.published()["users"][id("Coach Hana")]["auth_token"],
            json!(code)
        );
        backend.refused_as("Coach Hana", &add);
    }
}

fn count_from_the_next_request(counts: &Counts) {
    let backend = Backend::demo(counts);
    let update = json!({"action": "admin_update_user", "user_id": id("Amir"), "name": "Amir"});
    let allowed = |role: &str| {
        let may = [role == "Admin", role != "Student"];
        for (action, may) in [
            ("admin_create_user", may[0]),
            ("coach_add_training_session", may[1]),
        ] {
            let request = acceptable(&backend, action);
            if may {
                backend.ok_as("Amir", &request);
            } else {
                backend.refused_as("Amir", &request);
            }
        }
    };
    for role in ["Student", "Coach", "Admin", "Coach", "Admin", "Student"] {
        backend.ok_as("Grandmaster Oh", &with(&update, "role", role));
        allowed(role);
    }
    backend.ok_as("Grandmaster Oh", &with(&update, "role", "Admin"));
    let delete = json!({"action": "admin_delete_user", "user_id": id("Amir")});
    backend.ok_as("Grandmaster Oh", &delete);
    backend.refused_as("Amir", &acceptable(&backend, "admin_create_user"));
}

fn changed_by_another_writer_count_from_the_next_request(counts: &Counts) {
    let backend = Backend::demo(counts);
    let add = || acceptable(&backend, "coach_add_training_session");
    // Each request is the first to meet the change, whatever the instance has in memory.
    let refused = |name: &str, request: &Value| {
        let before = backend.private();
        assert_eq!(backend.call_as(name, request).0, 400, "{request}");
        assert_eq!(backend.published(), before);
    };
    backend.refused_as("Emil", &add());
    backend.edit_unnoticed(|club| club["users"][id("Emil")]["role"] = json!("Coach"));
    backend.ok_as("Emil", &add());
    backend.edit_unnoticed(|club| club["users"][id("Emil")]["role"] = json!("Student"));
    refused("Emil", &add());
    backend.ok_as("Coach Jonas", &add());
    let deletion = |club: &mut Value| {
        remove(&mut club["users"], &id("Coach Jonas"));
    };
    let add_with_jonas = add();
    backend.edit_unnoticed(deletion);
    refused("Coach Jonas", &add_with_jonas);
    let show = json!({"action": "admin_show_auth_token", "user_id": id("Amir")});
    backend.ok_as("Grandmaster Oh", &show);
    backend.edit_unnoticed(|club| {
        club["users"][id("Grandmaster Oh")]["auth_token"] = json!("another1");
    });
    refused("Grandmaster Oh", &show);
    backend.edit_unnoticed(|club| {
        club["users"][id("Grandmaster Oh")]["auth_token"] = json!("another2");
    });
    let (status, body) = backend.call(&with(&show, "auth_token", "another2"));
    assert_eq!((status, body), (200, json!({"auth_token": code("Amir")})));
}

fn unknown_keys_are_ignored(counts: &Counts) {
    let backend = Backend::demo(counts);
    for (action, _) in PERMITTED {
        let mut request = acceptable(&backend, action);
        for (key, value) in [
            ("", json!(null)),
            ("body", json!("{}")),
            ("headers", json!([1])),
            ("isBase64Encoded", json!(true)),
            ("requestContext", json!({"http": {"method": "OPTIONS"}})),
            ("a b\u{0}", json!({"deep": [[[{}]]]})),
            ("state", json!("archived")),
            ("id", json!(7)),
        ] {
            request[key] = value;
        }
        backend.ok_as("Grandmaster Oh", &request);
        backend.published();
    }
    // A Function URL event takes nothing from anywhere but its body.
    let mut event = url_event(&json!({"action": "admin_create_user"}).to_string());
    event["auth_token"] = json!(code("Grandmaster Oh"));
    event["queryStringParameters"] = json!({"auth_token": code("Grandmaster Oh")});
    assert_eq!(backend.event(&event)["statusCode"], 400);
}

/// A request that the action accepts from everybody who may do it, as the club is now.
fn acceptable(backend: &Backend<'_>, action: &str) -> Value {
    thread_local! {
        static NAMES: Cell<u32> = const { Cell::new(0) };
    }
    let name = NAMES.with(|names| {
        names.set(names.get() + 1);
        format!("Member {}", names.get())
    });
    let now = now();
    let mut request = match action {
        "admin_create_user" => json!({"role": "Student", "name": name}),
        "admin_update_user" => json!({"user_id": id("Emil"), "role": "Student", "name": name}),
        "admin_delete_user" => {
            let create = json!({"action": "admin_create_user", "role": "Student", "name": name});
            json!({"user_id": backend.ok_as("Grandmaster Oh", &create)["user_id"]})
        }
        "admin_show_auth_token" | "admin_reset_auth_token" => json!({"user_id": id("Fatima")}),
        "coach_add_training_session" => json!({
            "start_time": now + 1_000,
            "end_time": now + 2_000,
            "coach": id("Coach Jonas"),
            "comment": null,
        }),
        "coach_update_training_session" => json!({
            "session_id": backend.next_session(),
            "start_time": now + 500_000,
            "end_time": now + 600_000,
            "coach": id("Coach Mette"),
            "comment": name,
        }),
        "coach_register_participation" => {
            json!({"session_id": backend.present_session(), "participants": [id("Amir")]})
        }
        "coach_get_historical_participation" => {
            json!({"start_time": now - 1_000_000, "end_time": now})
        }
        "any_register_participation" => json!({
            "joining_sessions": {backend.present_session(): "Maybe"},
            "user_auth_tokens": [code("Amir")],
        }),
        "any_reset_test_setup" => json!({"test_secret": TEST_SECRET}),
        _ => json!({}),
    };
    request["action"] = json!(action);
    request
}
