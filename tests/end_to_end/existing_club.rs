//! Objects that somebody else has written (`docs/api.md#objects`).
//!
//! A club of older data, and objects that cannot be read.

use local::Delivery;
use local::setup::{PRIVATE_BUCKET, PUBLIC_BUCKET};
use serde_json::{Value, json};

use crate::cases;
use crate::support::{Backend, Counts, answer, error_text, now};

cases! {
    codes_of_any_length_keep_working,
    sessions_without_coach_and_comment_stay_so_until_updated,
    unknown_keys_survive_every_save,
    unknown_values_survive_to_the_letter,
    unknown_keys_survive_in_the_history,
    members_that_no_longer_exist_stay_where_they_are_named,
    a_boolean_stored_as_a_time_is_read,
    white_space_and_order_of_members_are_free,
    requests_that_save_nothing_leave_the_objects_as_they_are,
    unusable_objects_are_never_overwritten,
    an_unusable_history_stops_what_needs_it,
    an_object_of_more_than_32_mb_is_no_clubs,
}

fn codes_of_any_length_keep_working(counts: &Counts) {
    let backend = Backend::empty(counts);
    let mut club = club();
    for (id, code) in [
        ("one", "x"),
        ("long", LONG_CODE),
        ("odd", "ä b\"\\\u{1f94b}"),
    ] {
        club["users"][id] = json!({"user_id": id, "name": id, "role": "Admin", "auth_token": code});
    }
    write(&backend, &club.to_string());
    for code in [ADMIN, "x", LONG_CODE, "ä b\"\\\u{1f94b}"] {
        let (status, body) = backend
            .call(&json!({"action": "admin_show_auth_token", "auth_token": code, "user_id": "u1"}));
        assert_eq!(
            (status, body),
            (200, json!({"auth_token": ADMIN})),
            "{code}"
        );
    }
    for wrong in ["", "X", "adminkod", "AdminKod ", &LONG_CODE[1..]] {
        let (status, _) = backend.call(
            &json!({"action": "admin_show_auth_token", "auth_token": wrong, "user_id": "u1"}),
        );
        assert_eq!(status, 400, "{wrong}");
    }
    save(&backend);
    assert_eq!(backend.private()["users"]["u1"]["auth_token"], ADMIN);
    assert_eq!(
        backend.public()["users"]["u1"]["auth_token"],
        hex::encode(dojang::club::user::digest_of(ADMIN))
    );
}

fn sessions_without_coach_and_comment_stay_so_until_updated(counts: &Counts) {
    let backend = Backend::empty(counts);
    let mut club = club();
    let bare = json!({"session_id": "bare", "start_time": AHEAD, "end_time": AHEAD + 60,
        "state": "scheduled", "participation": {}});
    club["sessions"]["bare"] = bare.clone();
    write(&backend, &club.to_string());
    save(&backend);
    assert_eq!(backend.private()["sessions"]["bare"], bare);
    assert_eq!(backend.public()["sessions"]["bare"], bare);

    ok(
        &backend,
        &json!({"action": "any_register_participation", "joining_sessions": {"bare": "Maybe"},
            "user_auth_tokens": [ADMIN]}),
    );
    let mut answered = bare.clone();
    answered["participation"] = json!({"u1": "Maybe"});
    assert_eq!(backend.private()["sessions"]["bare"], answered);

    let state = json!({"action": "coach_update_training_session", "session_id": "bare",
        "session_state": "cancelled"});
    ok(&backend, &state);
    answered["state"] = json!("cancelled");
    assert_eq!(backend.private()["sessions"]["bare"], answered);

    let mut state = state;
    state["session_state"] = json!("scheduled");
    ok(&backend, &state);
    let updated = ok(
        &backend,
        &json!({"action": "coach_update_training_session", "session_id": "bare",
            "start_time": AHEAD, "end_time": AHEAD + 120, "coach": "u1", "comment": null}),
    );
    let expected = json!({"session_id": "bare", "start_time": AHEAD, "end_time": AHEAD + 120,
        "state": "scheduled", "coach": "u1", "comment": null, "participation": {"u1": "Maybe"}});
    assert_eq!(updated["session"], expected);
    assert_eq!(backend.public()["sessions"]["bare"], expected);
}

fn unknown_keys_survive_every_save(counts: &Counts) {
    let backend = Backend::empty(counts);
    let mut stored = club();
    stored["version"] = json!({"major": 3, "tags": [null, true]});
    stored["users"]["u1"]["belt"] = json!({"dan": 2, "auth_token": "not one"});
    stored["users"]["u2"]["email"] = json!(null);
    stored["sessions"]["s1"]["room"] = json!(["A", {"b": []}]);
    write(&backend, &stored.to_string());
    for request in [
        json!({"action": "admin_update_user", "user_id": "u2", "role": "Coach", "name": "Robin"}),
        json!({"action": "admin_reset_auth_token", "user_id": "u2"}),
        json!({"action": "coach_update_training_session", "session_id": "s1",
            "start_time": AHEAD, "end_time": AHEAD + 60, "coach": "u2", "comment": "new"}),
        json!({"action": "coach_update_training_session", "session_id": "s1",
            "session_state": "cancelled"}),
        json!({"action": "any_register_participation", "joining_sessions": {"s1": "No"},
            "user_auth_tokens": [ADMIN]}),
        json!({"action": "admin_create_user", "role": "Student", "name": "Third"}),
    ] {
        ok(&backend, &request);
        for object in [backend.private(), backend.public()] {
            assert_eq!(object["version"], stored["version"]);
            assert_eq!(object["users"]["u1"]["belt"], stored["users"]["u1"]["belt"]);
            let second = object["users"]["u2"].as_object().unwrap();
            assert_eq!(second.get("email"), Some(&Value::Null));
            assert_eq!(
                object["sessions"]["s1"]["room"],
                stored["sessions"]["s1"]["room"]
            );
        }
    }
    // The answer about a session shows the whole object.
    ok(
        &backend,
        &json!({"action": "coach_update_training_session", "session_id": "s1",
            "session_state": "scheduled"}),
    );
    let updated = ok(
        &backend,
        &json!({"action": "coach_update_training_session", "session_id": "s1",
            "start_time": AHEAD, "end_time": AHEAD + 90, "coach": "u2", "comment": "newer"}),
    );
    assert_eq!(updated["session"], backend.private()["sessions"]["s1"]);
}

fn unknown_values_survive_to_the_letter(counts: &Counts) {
    let backend = Backend::empty(counts);
    let values = [
        "1e400",
        "12345678901234567890123456789",
        "-0.0",
        "1.10",
        "\"\\u00e4\\ud83e\\udd4b\\/\"",
        "{\"b\":1,\"a\":[1 , 2],\"b\":2}",
        "[[[]]]",
    ];
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    for value in values.iter().copied().chain([&*deep]) {
        let text = format!(
            "{{\"club\":{value},\"users\":{{\"u1\":{{\"user_id\":\"u1\",\"name\":\"Kim\",\
             \"role\":\"Admin\",\"auth_token\":\"{ADMIN}\",\"user\":{value}}}}},\
             \"sessions\":{{\"s1\":{{\"session_id\":\"s1\",\"start_time\":{AHEAD},\
             \"end_time\":{AHEAD},\"state\":\"scheduled\",\"participation\":{{}},\
             \"session\":{value}}}}}}}"
        );
        write(&backend, &text);
        let (status, _) = backend.call(&create());
        assert_eq!(status, 200);
        for bucket in [PRIVATE_BUCKET, PUBLIC_BUCKET] {
            let object = backend.s3.object(bucket, "data.json").unwrap();
            let text = String::from_utf8(object.bytes).unwrap();
            for key in ["club", "user", "session"] {
                let member = format!("\"{key}\":{value}");
                assert!(
                    text.contains(&member),
                    "{bucket} lost {}",
                    &member[..20.min(member.len())]
                );
            }
        }
    }
}

fn unknown_keys_survive_in_the_history(counts: &Counts) {
    let backend = Backend::empty(counts);
    let mut stored = club();
    let start = now() - 60;
    stored["sessions"]["s1"]["start_time"] = json!(start);
    stored["sessions"]["s1"]["end_time"] = json!(start + 3_600);
    stored["sessions"]["s1"]["room"] = json!({"floor": 2});
    write(&backend, &stored.to_string());
    let year = dojang::club::history::year_of(start).unwrap();
    let others = json!({
        "other": {"session": {"session_id": "other", "start_time": start, "end_time": start + 1,
            "state": "scheduled", "participation": {}, "more": [1]},
            "participants": ["gone"], "weather": {"rain": true}},
    });
    let key = dojang::club::history::object_key(year);
    backend
        .s3
        .put_object(PRIVATE_BUCKET, &key, others.to_string());

    ok(
        &backend,
        &json!({"action": "coach_register_participation", "session_id": "s1",
            "participants": ["u2", "u1"]}),
    );
    let history = backend.history(year);
    assert_eq!(history["other"], others["other"]);
    assert_eq!(
        history["s1"],
        json!({"session": stored["sessions"]["s1"], "participants": ["u1", "u2"]})
    );
    let mut archived = stored["sessions"]["s1"].clone();
    archived["state"] = json!("archived");
    assert_eq!(backend.private()["sessions"]["s1"], archived);

    // Entries of older data lack coach and comment.
    let shown = ok(
        &backend,
        &json!({"action": "coach_get_historical_participation", "start_time": start,
            "end_time": start + 1}),
    );
    let other = &shown["other"];
    assert_eq!(other["participants"], json!(["gone"]));
    assert_eq!(other["session"]["coach"], Value::Null);
    assert_eq!(other["session"]["comment"], Value::Null);
    assert_eq!(shown.as_object().unwrap().len(), 2);
}

fn members_that_no_longer_exist_stay_where_they_are_named(counts: &Counts) {
    let backend = Backend::empty(counts);
    let mut stored = club();
    stored["sessions"]["s1"]["coach"] = json!("gone");
    stored["sessions"]["s1"]["participation"] = json!({"gone": "Yes", "u2": "Maybe", "": "No"});
    write(&backend, &stored.to_string());
    save(&backend);
    ok(
        &backend,
        &json!({"action": "any_register_participation", "joining_sessions": {"s1": "No"},
            "user_auth_tokens": [ADMIN]}),
    );
    for object in [backend.private(), backend.public()] {
        assert_eq!(object["sessions"]["s1"]["coach"], "gone");
        assert_eq!(
            object["sessions"]["s1"]["participation"],
            json!({"gone": "Yes", "u2": "Maybe", "": "No", "u1": "No"})
        );
    }
}

/// The service that dojang replaces stored `true` and `false` where a client sent them for a time.
fn a_boolean_stored_as_a_time_is_read(counts: &Counts) {
    let backend = Backend::empty(counts);
    let mut stored = club();
    stored["sessions"]["s1"]["start_time"] = json!(false);
    stored["sessions"]["s1"]["end_time"] = json!(true);
    write(&backend, &stored.to_string());
    save(&backend);
    let session = &backend.private()["sessions"]["s1"];
    assert_eq!(session["start_time"], 0);
    assert_eq!(session["end_time"], 1);

    // And in the history.
    let stored = json!({"s": {"session": {"start_time": true, "end_time": true},
        "participants": []}});
    backend.s3.put_object(
        PRIVATE_BUCKET,
        "sessions/participation_data_2023.json",
        stored.to_string(),
    );
    ok(
        &backend,
        &json!({"action": "coach_get_historical_participation",
            "start_time": 1_700_000_000, "end_time": 1_700_000_100}),
    );
}

fn white_space_and_order_of_members_are_free(counts: &Counts) {
    let backend = Backend::empty(counts);
    let club = club();
    let text = format!(
        "\r\n\t {{ \"sessions\" : {:#} ,\n \"users\" : {:#} }} \n",
        club["sessions"], club["users"]
    );
    write(&backend, &text);
    save(&backend);
    assert_eq!(backend.private()["sessions"], club["sessions"]);
    assert_eq!(backend.private()["users"]["u1"], club["users"]["u1"]);
    // Escapes in keys are the same keys.
    let text = club.to_string().replace("\"users\"", "\"\\u0075sers\"");
    write(&backend, &text);
    save(&backend);
}

fn requests_that_save_nothing_leave_the_objects_as_they_are(counts: &Counts) {
    let backend = Backend::empty(counts);
    let mut stored = club();
    // A save would leave this one out.
    stored["sessions"]["old"] = json!({"session_id": "old", "start_time": 1, "end_time": 2,
        "state": "archived", "coach": "u1", "comment": null, "participation": {}});
    write(&backend, &format!(" {stored:#}"));
    let before = backend.s3.object(PRIVATE_BUCKET, "data.json");
    for request in [
        json!({"action": "any_trigger_initialization"}),
        json!({"action": "admin_show_auth_token", "user_id": "u1"}),
        json!({"action": "coach_get_historical_participation", "start_time": 1_700_000_000,
            "end_time": 1_700_000_001}),
    ] {
        ok(&backend, &request);
    }
    assert!(backend.s3.object(PRIVATE_BUCKET, "data.json") == before);
    save(&backend);
    assert_eq!(backend.private()["sessions"].get("old"), None);
    assert_eq!(backend.public()["sessions"].get("old"), None);
}

fn unusable_objects_are_never_overwritten(counts: &Counts) {
    let backend = Backend::empty(counts);
    for (number, (text, place)) in unusable_clubs().into_iter().enumerate() {
        write(&backend, &text);
        let before = backend.s3.object(PRIVATE_BUCKET, "data.json");
        let shown = &text[..text.len().min(120)];
        for (name, request) in [
            ("trigger", json!({"action": "any_trigger_initialization"})),
            ("create", create()),
            (
                "reset",
                json!({"action": "any_reset_test_setup",
                    "test_secret": local::setup::TEST_SECRET}),
            ),
            ("nothing", json!({})),
        ] {
            let id = format!("{name}-{number}");
            let delivery = Delivery {
                request_id: Some(id.clone()),
                ..Delivery::default()
            };
            let (status, body) = answer(&backend.delivered(delivery, &request));
            assert_eq!(status, 500, "{body} for {shown}");
            let told = error_text(&body);
            assert!(told.contains("Nothing was changed"), "{told}");
            let line =
                backend.log_line(|line| line["requestId"] == *id && line["level"] == "ERROR");
            let cause = line["cause"].as_str().unwrap();
            assert!(
                cause.contains("private data.json") && cause.contains(place),
                "{cause} for {shown}"
            );
            assert_eq!(line["state"], "nothing changed");
        }
        assert!(backend.s3.object(PRIVATE_BUCKET, "data.json") == before);
    }
    assert!(
        backend
            .s3
            .requests()
            .iter()
            .all(|request| request.method != "PUT")
    );
    backend.function.kill();
    backend.function.wait();
    for line in backend.function.log_lines() {
        assert!(!line.contains("Kod") && !line.contains("KOD"), "{line}");
    }
}

fn an_unusable_history_stops_what_needs_it(counts: &Counts) {
    let backend = Backend::empty(counts);
    let mut stored = club();
    let start = now() - 60;
    stored["sessions"]["s1"]["start_time"] = json!(start);
    stored["sessions"]["s1"]["end_time"] = json!(start + 3_600);
    write(&backend, &stored.to_string());
    let private = backend.s3.object(PRIVATE_BUCKET, "data.json");
    let year = dojang::club::history::year_of(start).unwrap();
    let key = dojang::club::history::object_key(year);
    for text in [
        "",
        "AdminKod",
        "[]",
        "null",
        "{\"a\":1,\"a\":2}",
        "{\"a\":",
        "\u{feff}{}",
    ] {
        backend.s3.put_object(PRIVATE_BUCKET, &key, text);
        for request in [
            json!({"action": "coach_register_participation", "session_id": "s1",
                "participants": []}),
            json!({"action": "coach_get_historical_participation", "start_time": start - 1,
                "end_time": start + 1}),
        ] {
            let (status, body) = call(&backend, &request);
            assert_eq!(status, 500, "{text}: {body}");
            assert!(
                body["error"]
                    .as_str()
                    .unwrap()
                    .contains("Nothing was changed"),
                "{body}"
            );
        }
        let object = backend.s3.object(PRIVATE_BUCKET, &key).unwrap();
        assert_eq!(object.bytes, text.as_bytes());
        assert!(backend.s3.object(PRIVATE_BUCKET, "data.json") == private);
    }
    // An entry that is no entry does not keep others from being recorded, but is not passed over.
    let stored = json!({"odd": {"session": {"start_time": "AdminKod"}}});
    backend
        .s3
        .put_object(PRIVATE_BUCKET, &key, stored.to_string());
    let (status, _) = call(
        &backend,
        &json!({"action": "coach_get_historical_participation", "start_time": start - 1,
            "end_time": start + 1}),
    );
    assert_eq!(status, 500);
    let line = backend.log_line(|line| {
        line["cause"]
            .as_str()
            .is_some_and(|cause| cause.contains("start_time"))
    });
    assert!(!line.to_string().contains("AdminKod"), "{line}");
    backend.log_line(|line| {
        line["cause"]
            .as_str()
            .is_some_and(|cause| cause.contains(&key))
    });
}

fn an_object_of_more_than_32_mb_is_no_clubs(counts: &Counts) {
    let backend = Backend::empty(counts);
    let club = club().to_string();
    let limit = 32 * 1024 * 1024;
    let padded = |length: usize| {
        let mut text = club.clone();
        text.extend(std::iter::repeat_n(' ', length - club.len()));
        text
    };
    write(&backend, &padded(limit));
    let trigger = json!({"action": "any_trigger_initialization"});
    assert_eq!(backend.call(&trigger).0, 200);
    write(&backend, &padded(limit + 1));
    let before = backend.s3.object(PRIVATE_BUCKET, "data.json");
    let (status, body) = backend.call(&trigger);
    assert_eq!(status, 500, "{body}");
    assert!(backend.s3.object(PRIVATE_BUCKET, "data.json") == before);
    backend.log_line(|line| {
        line["cause"]
            .as_str()
            .is_some_and(|cause| cause.contains("data.json") && cause.contains(&limit.to_string()))
    });
}

/// Texts that are no club, each with what the log must say about the place or the problem. The login
/// code contains `Kod`.
fn unusable_clubs() -> Vec<(String, &'static str)> {
    let good = club().to_string();
    let with = |change: fn(&mut Value)| {
        let mut club = club();
        change(&mut club);
        club.to_string()
    };
    let mut texts = vec![
        (String::new(), "EOF"),
        (" \n".to_owned(), "EOF"),
        ("AdminKod".to_owned(), "line 1 column 1"),
        (
            "<html><body>AdminKod</body></html>".to_owned(),
            "line 1 column 1",
        ),
        (
            "\"AdminKod\"".to_owned(),
            "an object with users and sessions",
        ),
        ("null".to_owned(), "an object with users and sessions"),
        ("7".to_owned(), "an object with users and sessions"),
        (format!("[{good}]"), "an object with users and sessions"),
        ("{}".to_owned(), "the key users is missing"),
        ("{\"users\":{}}".to_owned(), "the key sessions is missing"),
        ("{\"sessions\":{}}".to_owned(), "the key users is missing"),
        (good[..good.len() - 1].to_owned(), "EOF"),
        (format!("{good}{good}"), "trailing characters"),
        (format!("\u{feff}{good}"), "line 1 column 1"),
        (good.replacen('{', "{\"users\":{},", 1), "repeated key"),
        (good.replacen('{', "{\"x\":1,\"x\":1,", 1), "repeated key"),
        (
            good.replacen("\"u1\":{", "\"u2\":{\"KOD\":1},\"u1\":{", 1),
            "/users/u2",
        ),
        (
            good.replacen("\"name\"", "\"name\":\"AdminKod\",\"name\"", 1),
            "repeated key",
        ),
    ];
    for (change, place) in [
        (
            (|club| club["users"] = json!([])) as fn(&mut Value),
            "/users",
        ),
        (|club| club["users"] = json!("AdminKod"), "/users"),
        (|club| club["users"] = json!(null), "/users"),
        (|club| club["sessions"] = json!(null), "/sessions"),
        (|club| club["users"]["u1"] = json!("AdminKod"), "/users/u1"),
        (
            |club| remove(&mut club["users"]["u1"], "auth_token"),
            "auth_token",
        ),
        (
            |club| remove(&mut club["users"]["u1"], "user_id"),
            "user_id",
        ),
        (|club| remove(&mut club["users"]["u1"], "name"), "/users/u1"),
        (|club| remove(&mut club["users"]["u1"], "role"), "role"),
        (
            |club| club["users"]["u1"]["auth_token"] = json!(["AdminKod"]),
            "/users/u1/auth_token",
        ),
        (
            |club| club["users"]["u1"]["auth_token"] = json!(null),
            "/users/u1/auth_token",
        ),
        (
            |club| club["users"]["u1"]["role"] = json!("AdminKod"),
            "/users/u1/role",
        ),
        (
            |club| club["users"]["u1"]["name"] = json!({"AdminKod": 1}),
            "/users/u1/name",
        ),
        (
            |club| club["sessions"]["s1"]["start_time"] = json!("AdminKod"),
            "/sessions/s1/start_time",
        ),
        (
            |club| club["sessions"]["s1"]["end_time"] = json!(1.5),
            "/sessions/s1/end_time",
        ),
        (
            |club| club["sessions"]["s1"]["state"] = json!("AdminKod"),
            "/sessions/s1/state",
        ),
        (
            |club| club["sessions"]["s1"]["coach"] = json!(["AdminKod"]),
            "/sessions/s1/coach",
        ),
        (
            |club| club["sessions"]["s1"]["participation"]["u1"] = json!("AdminKod"),
            "/sessions/s1/participation/u1",
        ),
        (
            |club| club["sessions"]["s1"]["participation"] = json!([]),
            "/sessions/s1/participation",
        ),
        (
            |club| remove(&mut club["sessions"]["s1"], "participation"),
            "participation is missing",
        ),
    ] {
        texts.push((with(change), place));
    }
    texts
}

fn remove(object: &mut Value, key: &str) {
    object.as_object_mut().unwrap().remove(key);
}

/// A club as the service that dojang replaces has written it.
fn club() -> Value {
    json!({
        "users": {
            "u1": {"user_id": "u1", "name": "Kim", "role": "Admin", "auth_token": ADMIN},
            "u2": {"user_id": "u2", "name": "Robin", "role": "Student", "auth_token": "ElevKod1"},
        },
        "sessions": {
            "s1": {"session_id": "s1", "start_time": AHEAD, "end_time": AHEAD + 3_600,
                "state": "scheduled", "coach": "u1", "comment": null, "participation": {}},
        },
    })
}

/// Writes the private object as a foreign writer would.
fn write(backend: &Backend<'_>, text: &str) {
    backend.s3.put_object(PRIVATE_BUCKET, "data.json", text);
}

/// Makes a change that concerns none of the stored members.
#[track_caller]
fn save(backend: &Backend<'_>) {
    let (status, body) = backend.call(&create());
    assert_eq!(status, 200, "{body}");
    let id = body["user_id"].as_str().unwrap();
    ok(
        backend,
        &json!({"action": "admin_delete_user", "user_id": id}),
    );
}

fn create() -> Value {
    json!({"action": "admin_create_user", "auth_token": ADMIN, "role": "Student",
        "name": "Somebody new"})
}

#[track_caller]
fn ok(backend: &Backend<'_>, request: &Value) -> Value {
    let (status, body) = call(backend, request);
    assert_eq!(status, 200, "{body} to {request}");
    body
}

fn call(backend: &Backend<'_>, request: &Value) -> (u64, Value) {
    let mut request = request.clone();
    request["auth_token"] = json!(ADMIN);
    backend.call(&request)
}

const ADMIN: &str = "AdminKod";
const LONG_CODE: &str = "0123456789012345678901234567890123456789012345678901234567890123456789";
/// Far ahead.
const AHEAD: i64 = 8_000_000_000;
