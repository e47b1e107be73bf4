//! What admins do with members (`docs/api.md#actions`).

use serde_json::{Value, json};

use crate::expectations::{
    assert_new_code, assert_new_id, hash, no_strings, remove, session, with,
};
use crate::support::{Backend, Counts, code, id};

crate::cases! {
    creating_adds_exactly_one_user,
    created_users_may_log_in_at_once,
    creation_needs_role_and_name,
    updating_sets_role_and_name_and_nothing_else,
    updating_needs_role_name_and_user,
    updating_to_the_same_writes_nothing,
    the_last_admin_keeps_the_role,
    deleting_removes_the_user_alone,
    deleting_is_refused,
    showing_a_code_writes_nothing,
    resetting_a_code_ends_the_old_one,
    resetting_the_own_code,
    a_user_id_must_be_one,
}

const ADMIN: &str = "Grandmaster Oh";

fn creating_adds_exactly_one_user(counts: &Counts) {
    let backend = Backend::demo(counts);
    let mut seen = vec![];
    for (role, name) in [("Student", "Gunhild"), ("Coach", "Hugo"), ("Admin", "Ida")] {
        let create = json!({"action": "admin_create_user", "role": role, "name": name});
        let user = backend.effect_as(ADMIN, &create, |club, user| {
            let id = user["user_id"].as_str().unwrap();
            assert_eq!(club["users"].get(id), None);
            club["users"][id] = json!({
                "user_id": id, "role": role, "name": name, "auth_token": user["auth_token"],
            });
        });
        assert_eq!(user.as_object().unwrap().len(), 4);
        assert_eq!((&user["role"], &user["name"]), (&json!(role), &json!(name)));
        assert_new_id(&user["user_id"]);
        let new_code = assert_new_code(&user["auth_token"]);
        let user_id = user["user_id"].as_str().unwrap();
        assert_eq!(
            backend.public()["users"][user_id]["auth_token"],
            hash(new_code)
        );
        seen.extend([user["user_id"].clone(), user["auth_token"].clone()]);
    }
    assert!((1..seen.len()).all(|n| !seen[..n].contains(&seen[n])));
}

fn created_users_may_log_in_at_once(counts: &Counts) {
    let backend = Backend::demo(counts);
    let create = json!({"action": "admin_create_user", "role": "Admin", "name": "Second admin"});
    let second = backend.ok_as(ADMIN, &create);
    let create = with(
        &with(&create, "name", "Third admin"),
        "auth_token",
        second["auth_token"].clone(),
    );
    let (status, third) = backend.call(&create);
    assert_eq!(status, 200, "{third}");
    let delete = json!({"action": "admin_delete_user", "user_id": second["user_id"],
        "auth_token": third["auth_token"]});
    assert_eq!(backend.call(&delete), (200, json!({})));
    // Their codes end with them.
    backend.refused_body(&with(&create, "name", "Fourth admin").to_string());
}

fn bad_roles() -> Vec<Value> {
    let names = [
        "", "admin", "student", "COACH", " Coach", "Coach ", "Any", "Teacher", "Admin\0",
    ];
    no_strings()
        .into_iter()
        .chain(names.map(Value::from))
        .collect()
}

fn creation_needs_role_and_name(counts: &Counts) {
    let backend = Backend::demo(counts);
    let create = json!({"action": "admin_create_user", "role": "Student", "name": "Gunhild"});
    backend.each_refused_as(ADMIN, &create, "role", &bad_roles());
    backend.each_refused_as(ADMIN, &create, "name", &no_strings());
    // What an action does not know is not stored.
    let create = with(&with(&create, "user_id", "mine"), "belt", "black");
    let user = backend.effect_as(ADMIN, &create, |club, user| {
        club["users"][user["user_id"].as_str().unwrap()] = user.clone();
    });
    assert_eq!(user.get("belt"), None);
    assert_ne!(user["user_id"], "mine");
}

fn updating_sets_role_and_name_and_nothing_else(counts: &Counts) {
    let backend = Backend::demo(counts);
    backend.edit(|club| {
        club["users"][id("Amir")]["belt"] = json!({"colour": "brown", "since": [2024, 1.50]});
    });
    for (role, name) in [
        ("Coach", "Amir"),
        ("Admin", "Amir K."),
        ("Student", "Amir"),
        ("Student", "amir"),
    ] {
        let update = json!({"action": "admin_update_user", "user_id": id("Amir"), "role": role,
            "name": name, "auth_token_": "x", "belt": null});
        let answer = backend.effect_as(ADMIN, &update, |club, _| {
            club["users"][id("Amir")]["role"] = json!(role);
            club["users"][id("Amir")]["name"] = json!(name);
        });
        assert_eq!(answer, json!({}));
    }
    // The code is still the same.
    let show = json!({"action": "admin_show_auth_token", "user_id": id("Amir")});
    assert_eq!(
        backend.ok_as(ADMIN, &show),
        json!({"auth_token": code("Amir")})
    );
}

fn updating_needs_role_name_and_user(counts: &Counts) {
    let backend = Backend::demo(counts);
    let update = json!({"action": "admin_update_user", "user_id": id("Emil"), "role": "Coach",
        "name": "Emil"});
    backend.each_refused_as(ADMIN, &update, "role", &bad_roles());
    backend.each_refused_as(ADMIN, &update, "name", &no_strings());
    backend.each_refused_as(ADMIN, &update, "user_id", &no_strings());
}

fn updating_to_the_same_writes_nothing(counts: &Counts) {
    let backend = Backend::demo(counts);
    for (name, role) in [
        ("Emil", "Student"),
        ("Coach Hana", "Coach"),
        (ADMIN, "Admin"),
    ] {
        let update = json!({"action": "admin_update_user", "user_id": id(name), "role": role,
            "name": name});
        assert_eq!(backend.writes_nothing_as(ADMIN, &update), json!({}));
        let padded = with(&update, "name", format!(" {name}\u{a0}"));
        assert_eq!(backend.writes_nothing_as(ADMIN, &padded), json!({}));
    }
}

fn the_last_admin_keeps_the_role(counts: &Counts) {
    let backend = Backend::demo(counts);
    let step_down = json!({"action": "admin_update_user", "user_id": id(ADMIN), "role": "Coach",
        "name": ADMIN});
    backend.refused_as(ADMIN, &step_down);
    backend.refused_as(ADMIN, &with(&step_down, "role", "Student"));
    backend.refused_as(ADMIN, &with(&step_down, "name", "Another name"));
    // The last admin may still change the name.
    let rename = with(&with(&step_down, "role", "Admin"), "name", "Master Oh");
    backend.effect_as(ADMIN, &rename, |club, _| {
        club["users"][id(ADMIN)]["name"] = json!("Master Oh");
    });
    let promote = json!({"action": "admin_update_user", "user_id": id("Amir"), "role": "Admin",
        "name": "Amir"});
    backend.ok_as(ADMIN, &promote);
    let answer = backend.effect_as(ADMIN, &step_down, |club, _| {
        club["users"][id(ADMIN)]["role"] = json!("Coach");
        club["users"][id(ADMIN)]["name"] = json!(ADMIN);
    });
    assert_eq!(answer, json!({}));
    backend.refused_as(ADMIN, &promote);
    // Now Amir is the last one, also if somebody else tries.
    backend.refused_as("Amir", &with(&promote, "role", "Student"));
    let delete = json!({"action": "admin_delete_user", "user_id": id("Amir")});
    backend.refused_as("Amir", &delete);
}

fn deleting_removes_the_user_alone(counts: &Counts) {
    let backend = Backend::demo(counts);
    backend.put_history(
        2024,
        &json!({"old": {"session": session("old", 1_720_000_000,
        1_720_003_600), "participants": [id("Amir"), id("Coach Hana")]}}),
    );
    let history = backend.history(2024);
    // Hana coaches a session and takes part in it; Amir is in two.
    for name in ["Amir", "Coach Hana"] {
        let delete = json!({"action": "admin_delete_user", "user_id": id(name)});
        let answer = backend.effect_as(ADMIN, &delete, |club, _| {
            remove(&mut club["users"], &id(name));
        });
        assert_eq!(answer, json!({}));
        assert!(
            backend.private()["sessions"]
                .to_string()
                .contains(&id(name))
        );
        backend.refused_as(ADMIN, &delete);
        let answer = json!({"action": "coach_add_training_session", "start_time": 1, "end_time": 2,
            "coach": id("Coach Jonas"), "comment": null});
        backend.refused_as(name, &answer);
    }
    assert_eq!(backend.history(2024), history);
    let answers = json!({"action": "any_register_participation", "joining_sessions": {},
        "user_auth_tokens": [code("Amir")]});
    backend.refused_as(ADMIN, &answers);
}

fn deleting_is_refused(counts: &Counts) {
    let backend = Backend::demo(counts);
    let delete = json!({"action": "admin_delete_user", "user_id": id(ADMIN)});
    let text = backend.refused_as(ADMIN, &delete);
    assert!(
        text.contains("delete") && text.contains("yourself"),
        "{text}"
    );
    let ids = ["", "Amir", "00000000-0000-4000-8000-000000000000"].map(Value::from);
    let ids: Vec<_> = no_strings().into_iter().chain(ids).collect();
    backend.each_refused_as(ADMIN, &delete, "user_id", &ids);
    // Another admin may be deleted, and then not delete any more.
    backend.edit(|club| club["users"][id("Amir")]["role"] = json!("Admin"));
    backend.ok_as(ADMIN, &with(&delete, "user_id", id("Amir")));
    backend.refused_as("Amir", &delete);
}

fn showing_a_code_writes_nothing(counts: &Counts) {
    let backend = Backend::demo(counts);
    // Not even for the sake of a session that a save would leave out.
    backend.put_session("long over", 1_000, 2_000);
    backend.edit(|club| club["sessions"]["long over"]["state"] = json!("archived"));
    for name in ["Amir", "Coach Jonas", ADMIN] {
        let show = json!({"action": "admin_show_auth_token", "user_id": id(name)});
        let answer = backend.writes_nothing_as(ADMIN, &show);
        assert_eq!(answer, json!({"auth_token": code(name)}));
    }
    assert_ne!(backend.published()["sessions"].get("long over"), None);
}

fn resetting_a_code_ends_the_old_one(counts: &Counts) {
    let backend = Backend::demo(counts);
    let add = json!({"action": "coach_add_training_session", "start_time": 1, "end_time": 2,
        "coach": id("Coach Jonas"), "comment": null});
    let reset = json!({"action": "admin_reset_auth_token", "user_id": id("Coach Hana")});
    let mut codes = vec![json!(code("Coach Hana"))];
    for _ in 0..3 {
        let answer = backend.effect_as(ADMIN, &reset, |club, answer| {
            club["users"][id("Coach Hana")]["auth_token"] = answer["auth_token"].clone();
        });
        let new = answer["auth_token"].clone();
        assert_new_code(&new);
        assert_eq!(answer, json!({"auth_token": new}));
        assert_eq!(
            backend.public()["users"][id("Coach Hana")]["auth_token"],
            hash(new.as_str().unwrap())
        );
        for old in &codes {
            assert_ne!(*old, new);
            backend.refused_body(&with(&add, "auth_token", old.clone()).to_string());
        }
        assert_eq!(backend.call(&with(&add, "auth_token", new.clone())).0, 200);
        codes.push(new);
    }
    // As a member who answers, too.
    let answers = |code: &Value| {
        json!({"action": "any_register_participation", "joining_sessions": {},
            "user_auth_tokens": [code]})
    };
    backend.refused_body(&answers(&codes[0]).to_string());
    assert_eq!(backend.call(&answers(&codes[3])), (200, json!({})));
}

fn resetting_the_own_code(counts: &Counts) {
    let backend = Backend::demo(counts);
    let reset = json!({"action": "admin_reset_auth_token", "user_id": id(ADMIN)});
    let answer = backend.effect_as(ADMIN, &reset, |club, answer| {
        club["users"][id(ADMIN)]["auth_token"] = answer["auth_token"].clone();
    });
    backend.refused_as(ADMIN, &reset);
    let again = with(&reset, "auth_token", answer["auth_token"].clone());
    let (status, second) = backend.call(&again);
    assert_eq!(status, 200, "{second}");
    assert_ne!(second, answer);
    backend.refused_body(&again.to_string());
    backend.published();
}

fn a_user_id_must_be_one(counts: &Counts) {
    let backend = Backend::demo(counts);
    let ids = [
        String::new(),
        "Amir".to_owned(),
        code("Amir"),
        id("Amir").to_uppercase(),
        format!("{} ", id("Amir")),
        format!(" {}", id("Amir")),
        id("Nobody"),
        backend.next_session(),
        "__proto__".to_owned(),
    ];
    let ids: Vec<_> = no_strings()
        .into_iter()
        .chain(ids.map(Value::from))
        .collect();
    for action in [
        "admin_update_user",
        "admin_delete_user",
        "admin_show_auth_token",
        "admin_reset_auth_token",
    ] {
        let request = json!({"action": action, "user_id": id("Amir"), "role": "Student",
            "name": "Amir B."});
        backend.each_refused_as(ADMIN, &request, "user_id", &ids);
    }
}
