//! The demo set-up: `any_reset_test_setup` (`docs/api.md#any_reset_test_setup`).

use std::collections::BTreeMap;

use local::S3Options;
use local::setup::{PRIVATE_BUCKET, PUBLIC_BUCKET, TEST_SECRET};
use serde_json::{Value, json};

use crate::expectations::{assert_new_code, assert_new_id, history_key, no_strings, session, with};
use crate::support::{Backend, Counts, answer, code, id, now};

crate::cases! {
    the_secret_must_be_right,
    without_a_secret_there_is_no_set_up,
    codes_depend_on_the_secret,
    the_club_is_replaced,
    codes_are_the_same_after_every_reset,
    the_club_has_all_roles_and_sessions,
    history_of_the_years_concerned_is_replaced,
    data_is_saved_before_the_history,
    direct_invocations_reset_too,
    members_may_do_what_their_roles_permit,
}

fn the_secret_must_be_right(counts: &Counts) {
    let backend = Backend::demo(counts);
    let mut wrong = no_strings();
    wrong.extend([json!([TEST_SECRET]), json!({"test_secret": TEST_SECRET})]);
    for text in ["", " ", "x", "null", "None"] {
        wrong.push(json!(text));
    }
    for text in [
        format!("{TEST_SECRET} "),
        format!(" {TEST_SECRET}"),
        TEST_SECRET.to_uppercase(),
        TEST_SECRET[1..].to_owned(),
        format!("{TEST_SECRET}{TEST_SECRET}"),
    ] {
        wrong.push(json!(text));
    }
    let history = all_history(&backend);
    for caller in ["Nobody", "Grandmaster Oh"] {
        backend.each_refused_as(caller, &reset(), "test_secret", &wrong);
    }
    assert_eq!(all_history(&backend), history);
    backend.ok_as("Nobody", &reset());
}

fn without_a_secret_there_is_no_set_up(counts: &Counts) {
    // `start` takes an empty value for "unset".
    let unset = Backend::start(counts, S3Options::default(), &[("TEST_SECRET", "")]);
    let mut empty = Backend::empty(counts);
    empty.set_variable("TEST_SECRET", "");
    empty.restart();
    for backend in [unset, empty] {
        // The club is made all the same.
        assert_eq!(
            backend
                .call(&json!({"action": "any_trigger_initialization"}))
                .0,
            200
        );
        let mut secrets = no_strings();
        secrets.extend([json!(""), json!(TEST_SECRET), json!(" ")]);
        backend.each_refused_as("Nobody", &reset(), "test_secret", &secrets);
        assert_eq!(backend.published()["users"].as_object().unwrap().len(), 1);
    }
}

fn codes_depend_on_the_secret(counts: &Counts) {
    let other = "another secret, with ünïcode 🥋";
    let backend = Backend::start(counts, S3Options::default(), &[("TEST_SECRET", other)]);
    assert_eq!(
        backend
            .call(&json!({"action": "any_trigger_initialization"}))
            .0,
        200
    );
    backend.refused_as("Nobody", &reset());
    backend.ok_as("Nobody", &with(&reset(), "test_secret", other));
    let users = backend.published()["users"].clone();
    for (user_id, user) in users.as_object().unwrap() {
        let name = user["name"].as_str().unwrap();
        assert_ne!(assert_new_code(&user["auth_token"]), code(name));
        assert_ne!(*user_id, id(name));
    }
}

fn the_club_is_replaced(counts: &Counts) {
    // Over an empty bucket, and over another club.
    let backend = Backend::empty(counts);
    assert_eq!(backend.call(&reset()), (200, json!({})));
    let fresh = backend.published()["users"].clone();
    backend.edit(|club| {
        club["users"] = json!({"u": {"user_id": "u", "name": "Somebody else", "role": "Coach",
            "auth_token": "abcd1234"}});
        club["sessions"] = json!({"s": session("s", 0, 60)});
    });
    assert_eq!(backend.call(&reset()), (200, json!({})));
    let club = backend.published();
    assert_eq!(club["users"], fresh);
    assert_eq!(club["sessions"].get("s"), None);
    let add = json!({"action": "coach_add_training_session", "start_time": 1, "end_time": 2,
        "coach": id("Coach Jonas"), "comment": null, "auth_token": "abcd1234"});
    backend.refused_body(&add.to_string());
}

fn codes_are_the_same_after_every_reset(counts: &Counts) {
    let backend = Backend::demo(counts);
    let users = backend.private()["users"].clone();
    for user in users.as_object().unwrap().values() {
        assert_eq!(user["auth_token"], code(user["name"].as_str().unwrap()));
    }
    for change in [
        json!({"action": "admin_delete_user", "user_id": id("Amir")}),
        json!({"action": "admin_update_user", "user_id": id("Emil"), "role": "Admin",
            "name": "Emilie"}),
        json!({"action": "admin_create_user", "role": "Admin", "name": "Gunhild"}),
        json!({"action": "admin_reset_auth_token", "user_id": id("Grandmaster Oh")}),
    ] {
        backend.ok_as("Grandmaster Oh", &change);
        backend.ok_as("Nobody", &reset());
        assert_eq!(backend.published()["users"], users);
    }
}

fn the_club_has_all_roles_and_sessions(counts: &Counts) {
    let backend = Backend::demo(counts);
    let club = backend.published();
    let mut roles = BTreeMap::<&str, usize>::new();
    for (user_id, user) in club["users"].as_object().unwrap() {
        assert_new_id(&user["user_id"]);
        assert_eq!(user["user_id"], json!(user_id));
        assert_new_code(&user["auth_token"]);
        *roles.entry(user["role"].as_str().unwrap()).or_default() += 1;
    }
    assert_eq!(
        roles,
        BTreeMap::from([("Admin", 1), ("Coach", 3), ("Student", 6)])
    );
    let sessions = club["sessions"].as_object().unwrap();
    assert_eq!(sessions.len(), 3);
    for (session_id, session) in sessions {
        assert_new_id(&session["session_id"]);
        assert_eq!(session["session_id"], json!(session_id));
        assert_eq!(session["state"], "scheduled");
        let coach = &club["users"][session["coach"].as_str().unwrap()];
        assert_eq!(coach["role"], "Coach");
        let intentions: Vec<_> = session["participation"]
            .as_object()
            .unwrap()
            .values()
            .collect();
        for intention in ["Yes", "No", "Maybe"] {
            assert!(intentions.contains(&&json!(intention)), "{session}");
        }
    }
    let present = &sessions[&backend.present_session()];
    let start_time = present["start_time"].as_i64().unwrap();
    assert_eq!(start_time % 3_600, 0);
    assert!(start_time <= now());
    let ahead = sessions
        .values()
        .filter(|session| session["start_time"].as_i64().unwrap() > start_time);
    assert_eq!(ahead.count(), 2);
}

fn history_of_the_years_concerned_is_replaced(counts: &Counts) {
    let backend = Backend::demo(counts);
    let written = all_history(&backend);
    assert!(!written.is_empty());
    let entries: usize = written
        .values()
        .map(|year| year.as_object().unwrap().len())
        .sum();
    assert_eq!(entries, 38);
    // Objects of other years are left alone, down to the last byte.
    let others: Vec<i32> = (1999..=2101)
        .filter(|year| !written.contains_key(year))
        .collect();
    for year in &others {
        let text = format!(" {{\n\"of {year}\" : 1.50 }} ");
        backend
            .s3
            .put_object(PRIVATE_BUCKET, &history_key(*year), text);
    }
    for year in written.keys() {
        backend.put_history(
            *year,
            &json!({"old": {"session": session("old", 0, 60),
            "participants": []}}),
        );
    }
    backend.ok_as("Nobody", &reset());
    for year in &others {
        let object = backend
            .s3
            .object(PRIVATE_BUCKET, &history_key(*year))
            .unwrap();
        assert_eq!(
            object.bytes,
            format!(" {{\n\"of {year}\" : 1.50 }} ").into_bytes()
        );
    }
    for year in written.keys() {
        let history = backend.history(*year);
        assert_eq!(history.get("old"), None);
        for (session_id, entry) in history.as_object().unwrap() {
            assert_eq!(entry["session"]["session_id"], json!(session_id));
            assert_eq!(entry["session"]["state"], "scheduled");
        }
    }
    // Even one that cannot be read.
    for year in written.keys() {
        backend
            .s3
            .put_object(PRIVATE_BUCKET, &history_key(*year), "no JSON");
    }
    backend.ok_as("Nobody", &reset());
    for year in written.keys() {
        assert!(backend.history(*year).is_object());
    }
}

fn data_is_saved_before_the_history(counts: &Counts) {
    let backend = Backend::empty(counts);
    assert_eq!(
        backend
            .call(&json!({"action": "any_trigger_initialization"}))
            .0,
        200
    );
    backend.s3.clear_requests();
    backend.ok_as("Nobody", &reset());
    let puts = backend.puts();
    let (data, history) = puts.split_at(2);
    assert_eq!(
        data,
        [
            format!("{PRIVATE_BUCKET}/data.json"),
            format!("{PUBLIC_BUCKET}/data.json")
        ]
    );
    assert!(!history.is_empty());
    let prefix = format!("{PRIVATE_BUCKET}/sessions/participation_data_");
    assert!(
        history.iter().all(|key| key.starts_with(&prefix)),
        "{history:?}"
    );
}

fn direct_invocations_reset_too(counts: &Counts) {
    let backend = Backend::empty(counts);
    backend.count(&reset());
    let answered = answer(&backend.event(&reset()));
    assert_eq!(answered, (200, json!({})));
    let club = backend.published();
    backend.ok_as("Nobody", &reset());
    assert_eq!(backend.published()["users"], club["users"]);
    backend.count(&reset());
    let wrong = with(&reset(), "test_secret", "wrong");
    assert_eq!(answer(&backend.event(&wrong)).0, 400);
}

fn members_may_do_what_their_roles_permit(counts: &Counts) {
    let backend = Backend::demo(counts);
    let users = backend.private()["users"].clone();
    for user in users.as_object().unwrap().values() {
        let role = user["role"].as_str().unwrap();
        for (request, roles) in [
            (
                json!({"action": "admin_show_auth_token", "user_id": user["user_id"]}),
                "Admin",
            ),
            (
                json!({"action": "coach_get_historical_participation",
                "start_time": now() - 9, "end_time": now()}),
                "Admin Coach",
            ),
        ] {
            let request = with(&request, "auth_token", user["auth_token"].clone());
            let (status, _) = backend.call(&request);
            assert_eq!(status == 200, roles.contains(role), "{role} {request}");
        }
    }
}

fn reset() -> Value {
    json!({"action": "any_reset_test_setup", "test_secret": TEST_SECRET})
}

/// The history objects there are, by year.
fn all_history(backend: &Backend<'_>) -> BTreeMap<i32, Value> {
    (1999..=2101)
        .filter_map(|year| Some((year, backend.history_if_any(year)?)))
        .collect()
}
