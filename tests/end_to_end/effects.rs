//! What each action answers and does, on private, public and history objects (`api.md` sections 5 and 7).

use local::setup::{PRIVATE_BUCKET, TEST_SECRET};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::cases;
use crate::support::{Backend, Counts, code, id, now};

cases!(
    members_are_made_changed_and_removed,
    names_are_normalised,
    codes_are_shown_and_replaced,
    sessions_are_made_changed_and_removed,
    attendance_is_recorded,
    sessions_long_over_disappear,
    the_history_is_read_over_years,
    an_unreadable_year_is_no_empty_year,
    answers_are_given_and_taken_back,
    what_changes_nothing_writes_nothing,
    the_test_set_up_is_made_anew,
);

/// The public object is the private one with hashed codes, and nothing else.
#[track_caller]
fn assert_in_line(backend: &Backend<'_>) {
    let mut expected = backend.private();
    for user in expected["users"]
        .as_object_mut()
        .expect("an object")
        .values_mut()
    {
        let code = user["auth_token"].as_str().expect("a string");
        user["auth_token"] = json!(hex::encode(Sha256::digest(code)));
    }
    assert_eq!(backend.public(), expected);
}

fn members_are_made_changed_and_removed(counts: &Counts) {
    let backend = Backend::demo(counts);
    let admin = "Grandmaster Oh";
    let made = backend.ok_as(
        admin,
        &json!({"action": "admin_create_user", "role": "Coach",
        "name": " New Coach "}),
    );
    let (user_id, auth_token) = (made["user_id"].clone(), made["auth_token"].clone());
    let expected = json!({"user_id": user_id, "role": "Coach", "name": "New Coach",
        "auth_token": auth_token});
    assert_eq!(made, expected);
    assert_eq!(auth_token.as_str().expect("a string").len(), 12);
    let key = user_id.as_str().expect("a string");
    assert_eq!(backend.private()["users"][key], expected);
    assert_in_line(&backend);

    // The new coach may do at once what coaches may.
    let session = json!({"action": "coach_add_training_session", "auth_token": auth_token,
        "start_time": 1, "end_time": 2, "coach": user_id, "comment": null});
    assert_eq!(backend.call(&session).0, 200);

    let update = json!({"action": "admin_update_user", "user_id": user_id, "role": "Student",
        "name": "Old Coach"});
    assert_eq!(backend.ok_as(admin, &update), json!({}));
    let stored = backend.private()["users"][key].clone();
    assert_eq!(
        (&stored["role"], &stored["name"]),
        (&json!("Student"), &json!("Old Coach"))
    );
    assert_eq!(stored["auth_token"], auth_token);
    assert_eq!(backend.call(&session).0, 400, "no coach any more");

    let delete = json!({"action": "admin_delete_user", "user_id": user_id});
    let sessions = backend.private()["sessions"].clone();
    assert_eq!(backend.ok_as(admin, &delete), json!({}));
    assert!(backend.private()["users"].get(key).is_none());
    assert_eq!(
        backend.private()["sessions"],
        sessions,
        "sessions keep the id"
    );
    assert_in_line(&backend);
}

fn names_are_normalised(counts: &Counts) {
    let backend = Backend::demo(counts);
    for (sent, stored) in [
        ("\u{fb03}", "ffi".to_owned()),
        (&*"a\u{30a}".repeat(60), "å".repeat(60)),
        ("\u{3000}Kim\u{a0}Lee\n", "Kim Lee".to_owned()),
        (
            "<img src=x onerror=alert(1)>",
            "<img src=x onerror=alert(1)>".to_owned(),
        ),
        ("김태권", "김태권".to_owned()),
    ] {
        let made = backend.ok_as(
            "Grandmaster Oh",
            &json!({"action": "admin_create_user",
            "role": "Student", "name": sent}),
        );
        assert_eq!(made["name"], stored);
    }
    // The stored name sent unchanged is always accepted, also one that is older than today's rules.
    let mut club = backend.private();
    club["users"][id("Amir")]["name"] = json!("X");
    backend
        .s3
        .put_object(PRIVATE_BUCKET, "data.json", club.to_string());
    let update = json!({"action": "admin_update_user", "user_id": id("Amir"), "role": "Coach",
        "name": "X"});
    backend.ok_as("Grandmaster Oh", &update);
    assert_eq!(backend.private()["users"][id("Amir")]["role"], "Coach");
}

fn codes_are_shown_and_replaced(counts: &Counts) {
    let backend = Backend::demo(counts);
    let admin = "Grandmaster Oh";
    let show = |who: &str| json!({"action": "admin_show_auth_token", "user_id": id(who)});
    let reset = |who: &str| json!({"action": "admin_reset_auth_token", "user_id": id(who)});
    assert_eq!(
        backend.ok_as(admin, &show("Amir")),
        json!({"auth_token": code("Amir")})
    );
    let new = backend.ok_as(admin, &reset("Coach Hana"))["auth_token"].clone();
    let hour = json!({"action": "coach_get_historical_participation", "start_time": now() - 3600,
        "end_time": now()});
    backend.refused_as("Coach Hana", &hour);
    let mut as_new = hour;
    as_new["auth_token"] = new;
    assert_eq!(backend.call(&as_new).0, 200);
    assert_in_line(&backend);
    // The own one too: the old one ends with that.
    let new = backend.ok_as(admin, &reset(admin))["auth_token"].clone();
    backend.refused_as(admin, &show("Amir"));
    let mut request = show("Amir");
    request["auth_token"] = new;
    assert_eq!(backend.call(&request).0, 200);
}

fn sessions_are_made_changed_and_removed(counts: &Counts) {
    let backend = Backend::demo(counts);
    let coach = "Coach Hana";
    for (start_time, end_time, comment) in [
        (0, 1, json!(null)),
        (-5, 0, json!("")),
        (1_i64 << 33, (1_i64 << 33) + 1, json!("한글 🥋")),
    ] {
        let made = backend.ok_as(coach, &json!({"action": "coach_add_training_session",
            "start_time": start_time, "end_time": end_time, "coach": id("Amir"), "comment": comment}));
        let session_id = made["session"]["session_id"]
            .as_str()
            .expect("a string")
            .to_owned();
        let expected = json!({"session_id": session_id, "start_time": start_time,
            "end_time": end_time, "state": "scheduled", "coach": id("Amir"), "comment": comment,
            "participation": {id("Amir"): "Yes"}});
        assert_eq!(made, json!({"session": expected}));
        assert_eq!(backend.private()["sessions"][&session_id], expected);
        assert_in_line(&backend);

        let update = json!({"action": "coach_update_training_session", "session_id": session_id,
            "start_time": 7, "end_time": 8, "coach": id(coach), "comment": "other"});
        let mut expected = expected;
        for key in ["start_time", "end_time", "coach", "comment"] {
            expected[key] = update[key].clone();
        }
        // The participation stays; the new coach is not added.
        assert_eq!(backend.ok_as(coach, &update), json!({"session": expected}));
        assert_eq!(backend.private()["sessions"][&session_id], expected);

        for state in [
            "cancelled",
            "scheduled",
            "scheduled",
            "cancelled",
            "deleted",
        ] {
            let request = json!({"action": "coach_update_training_session",
                "session_id": session_id, "session_state": state});
            assert_eq!(backend.ok_as(coach, &request), json!({}));
            let stored = backend.private()["sessions"].get(&session_id).cloned();
            let expected = (state != "deleted").then(|| json!(state));
            assert_eq!(stored.map(|session| session["state"].clone()), expected);
            assert_in_line(&backend);
        }
    }
}

fn attendance_is_recorded(counts: &Counts) {
    let backend = Backend::demo(counts);
    let session_id = backend.present_session();
    let before = backend.private()["sessions"][&session_id].clone();
    let start_time = before["start_time"].as_i64().expect("an integer");
    let year = dojang::club::history::year_of(start_time).expect("a year");
    let history_before = backend.history(year);
    let mut participants = vec![id("Emil"), id("Amir"), id("Coach Mette"), id("Amir")];
    let request = json!({"action": "coach_register_participation", "session_id": session_id,
        "participants": participants});
    assert_eq!(backend.ok_as("Coach Hana", &request), json!({}));
    participants.sort();
    participants.dedup();
    let mut expected = history_before;
    expected[&session_id] = json!({"session": before, "participants": participants});
    assert_eq!(backend.history(year), expected, "other entries stay");
    assert_eq!(
        backend.private()["sessions"][&session_id]["state"],
        "archived"
    );
    assert_in_line(&backend);

    // Registered again: the copy is the archived session, and the entry is replaced.
    let again = json!({"action": "coach_register_participation", "session_id": session_id,
        "participants": []});
    backend.ok_as("Coach Hana", &again);
    expected[&session_id]["session"]["state"] = json!("archived");
    expected[&session_id]["participants"] = json!([]);
    assert_eq!(backend.history(year), expected);
    let shown = backend.ok_as(
        "Coach Hana",
        &json!({"action": "coach_get_historical_participation",
        "start_time": start_time, "end_time": start_time + 1}),
    );
    let session = json!({"start_time": before["start_time"], "end_time": before["end_time"],
        "coach": before["coach"], "comment": before["comment"]});
    assert_eq!(
        shown,
        json!({session_id: {"session": session, "participants": []}})
    );
}

fn sessions_long_over_disappear(counts: &Counts) {
    let backend = Backend::demo(counts);
    let coach = "Coach Hana";
    let session_id = backend.present_session();
    let update = json!({"action": "coach_update_training_session", "session_id": session_id,
        "start_time": 1_700_000_000, "end_time": 1_700_000_001, "coach": id(coach), "comment": null});
    backend.ok_as(coach, &update);
    let taken = json!({"action": "coach_register_participation", "session_id": session_id,
        "participants": [id("Amir")]});
    assert_eq!(backend.ok_as(coach, &taken), json!({}));
    assert!(backend.private()["sessions"].get(&session_id).is_none());
    assert_eq!(
        backend.history(2023)[&session_id]["participants"],
        json!([id("Amir")])
    );
    assert_in_line(&backend);

    // An archived session of yesterday: reading leaves it alone, the next save removes it.
    let mut club = backend.private();
    let old = json!({"session_id": "old", "start_time": 1, "end_time": now() - 43_300,
        "state": "archived", "participation": {}});
    club["sessions"]["old"] = old;
    backend
        .s3
        .put_object(PRIVATE_BUCKET, "data.json", club.to_string());
    backend.ok_as(coach, &json!({"action": "any_trigger_initialization"}));
    assert!(backend.private()["sessions"].get("old").is_some());
    let nothing = json!({"action": "any_register_participation", "joining_sessions": {},
        "user_auth_tokens": [code("Amir")]});
    backend.ok_as(coach, &nothing);
    assert!(backend.private()["sessions"].get("old").is_none());
    assert_in_line(&backend);
}

fn the_history_is_read_over_years(counts: &Counts) {
    let backend = Backend::empty(counts);
    let reset = json!({"action": "any_reset_test_setup", "test_secret": TEST_SECRET});
    assert_eq!(backend.call(&reset).0, 200);
    let new_year = 1_735_689_600; // 2025-01-01
    let entry = |start_time: i64, who: &str| {
        json!({"session": {"start_time": start_time, "end_time": start_time + 1, "state": "scheduled",
            "session_id": "whatever", "coach": "k", "comment": "c"}, "participants": [who]})
    };
    let bare =
        json!({"session": {"start_time": new_year, "end_time": new_year + 9}, "participants": []});
    let put = |year: i32, history: &Value| {
        let key = dojang::club::history::object_key(year);
        backend
            .s3
            .put_object(PRIVATE_BUCKET, &key, history.to_string());
    };
    put(
        2024,
        &json!({"a": entry(new_year - 2, "u"), "b": entry(new_year - 1, "v"), "x": entry(new_year - 1, "old")}),
    );
    put(
        2025,
        &json!({"c": bare, "d": entry(new_year + 5, "w"), "x": entry(new_year + 1, "new")}),
    );
    let read = |start_time: i64, end_time: i64| {
        backend.ok_as(
            "Coach Hana",
            &json!({"action": "coach_get_historical_participation",
            "start_time": start_time, "end_time": end_time}),
        )
    };
    let shown = |start_time: i64, coach: Value, comment: Value, end_time: i64, who: Value| {
        json!({"session": {"start_time": start_time, "end_time": end_time, "coach": coach,
            "comment": comment}, "participants": who})
    };
    let full = |start_time: i64, who: &str| {
        shown(
            start_time,
            json!("k"),
            json!("c"),
            start_time + 1,
            json!([who]),
        )
    };
    // From the first second to just before the last; absent years are empty ones.
    assert_eq!(
        read(new_year - 1, new_year + 5),
        json!({"b": full(new_year - 1, "v"), "x": full(new_year + 1, "new"),
            "c": shown(new_year, json!(null), json!(null), new_year + 9, json!([]))})
    );
    let all = read(1_700_000_000, new_year + 6);
    assert_eq!(all.as_object().expect("an object").len(), 5);
    assert_eq!(read(1_700_000_000, 1_700_000_001), json!({}));
    // Up to the first second of a year, that year is not read.
    assert_eq!(read(new_year - 1, new_year)["x"], full(new_year - 1, "old"));
}

fn an_unreadable_year_is_no_empty_year(counts: &Counts) {
    let backend = Backend::demo(counts);
    let request = json!({"action": "coach_get_historical_participation", "start_time": 1_735_689_600,
        "end_time": 1_735_689_700});
    for broken in [
        "",
        "[]",
        "{",
        "{\"a\":1}",
        "{\"a\":{\"session\":{},\"participants\":[]}}",
    ] {
        let key = dojang::club::history::object_key(2025);
        backend.s3.put_object(PRIVATE_BUCKET, &key, broken);
        let (status, body) = backend.call_as("Coach Hana", &request);
        assert_eq!(status, 500, "{broken}: {body}");
    }
    // Nor is it written over: attendance of a session in a broken year changes nothing at all.
    let session_id = backend.present_session();
    let update = json!({"action": "coach_update_training_session", "session_id": session_id,
        "start_time": 1_735_689_600, "end_time": 1_735_689_700, "coach": id("Amir"), "comment": null});
    backend.ok_as("Coach Hana", &update);
    backend.s3.put_object(
        PRIVATE_BUCKET,
        &dojang::club::history::object_key(2025),
        "broken",
    );
    let before = backend.private();
    let taken = json!({"action": "coach_register_participation", "session_id": session_id,
        "participants": []});
    assert_eq!(backend.call_as("Coach Hana", &taken).0, 500);
    assert_eq!(backend.private(), before);
}

fn answers_are_given_and_taken_back(counts: &Counts) {
    let backend = Backend::demo(counts);
    let (one, other) = (backend.next_session(), backend.present_session());
    let answer = |joining: Value, codes: Value| {
        let request = json!({"action": "any_register_participation", "joining_sessions": joining,
            "user_auth_tokens": codes});
        assert_eq!(backend.call(&request), (200, json!({})));
        assert_in_line(&backend);
        backend.private()["sessions"].clone()
    };
    let others = |sessions: &Value| {
        let mut participation = sessions[&one]["participation"].clone();
        let members = participation.as_object_mut().expect("an object");
        members.remove(&id("Amir"));
        members.remove(&id("Emil"));
        participation
    };
    let before = others(&backend.private()["sessions"]);
    let sessions = answer(
        json!({&one: "Maybe", &other: "No"}),
        json!([code("Amir"), code("Emil"), code("Amir"), "unknown"]),
    );
    for session in [&one, &other] {
        let expected = if session == &one { "Maybe" } else { "No" };
        assert_eq!(sessions[session]["participation"][id("Amir")], expected);
        assert_eq!(sessions[session]["participation"][id("Emil")], expected);
    }
    let sessions = answer(json!({&one: null}), json!([code("Amir")]));
    assert!(sessions[&one]["participation"].get(id("Amir")).is_none());
    assert_eq!(sessions[&one]["participation"][id("Emil")], "Maybe");
    assert_eq!(others(&sessions), before, "nobody else is touched");
    // Nothing to take back is no error, and a session's state does not matter.
    answer(json!({&one: null}), json!([code("Amir")]));
    backend.ok_as(
        "Coach Hana",
        &json!({"action": "coach_update_training_session",
        "session_id": one, "session_state": "cancelled"}),
    );
    let sessions = answer(json!({&one: "Yes"}), json!([code("Amir")]));
    assert_eq!(sessions[&one]["participation"][id("Amir")], "Yes");
}

fn what_changes_nothing_writes_nothing(counts: &Counts) {
    let backend = Backend::demo(counts);
    let session = backend.next_session();
    let stored = backend.private()["sessions"][&session].clone();
    let user = backend.private()["users"][id("Amir")].clone();
    for request in [
        json!({"action": "any_register_participation", "joining_sessions": {},
            "user_auth_tokens": [code("Amir")]}),
        json!({"action": "coach_update_training_session", "session_id": session,
            "session_state": "scheduled"}),
        json!({"action": "coach_update_training_session", "session_id": session,
            "start_time": stored["start_time"], "end_time": stored["end_time"],
            "coach": stored["coach"], "comment": stored["comment"]}),
        json!({"action": "admin_update_user", "user_id": id("Amir"), "role": user["role"],
            "name": user["name"]}),
    ] {
        backend.s3.clear_requests();
        backend.ok_as("Grandmaster Oh", &request);
        assert!(
            backend
                .s3
                .requests()
                .iter()
                .all(|made| made.method != "PUT"),
            "{request}"
        );
    }
}

fn the_test_set_up_is_made_anew(counts: &Counts) {
    let backend = Backend::demo(counts);
    let codes = |club: &Value| -> Vec<Value> {
        club["users"]
            .as_object()
            .expect("an object")
            .values()
            .map(|u| u["auth_token"].clone())
            .collect()
    };
    let before = codes(&backend.private());
    backend.ok_as(
        "Grandmaster Oh",
        &json!({"action": "admin_create_user", "role": "Admin", "name": "Guest"}),
    );
    backend.ok_as(
        "Grandmaster Oh",
        &json!({"action": "admin_delete_user", "user_id": id("Amir")}),
    );
    let far = dojang::club::history::object_key(1999);
    backend.s3.put_object(PRIVATE_BUCKET, &far, "{}");
    let reset = json!({"action": "any_reset_test_setup", "test_secret": TEST_SECRET});
    assert_eq!(backend.call(&reset), (200, json!({})));
    let club = backend.private();
    assert_eq!(codes(&club), before);
    let roles = |role: &str| {
        club["users"]
            .as_object()
            .expect("an object")
            .values()
            .filter(|u| u["role"] == role)
            .count()
    };
    assert_eq!(
        (roles("Admin"), roles("Coach"), roles("Student")),
        (1, 3, 6)
    );
    let sessions: Vec<&Value> = club["sessions"]
        .as_object()
        .expect("an object")
        .values()
        .collect();
    assert_eq!(sessions.len(), 3);
    assert_eq!(
        sessions
            .iter()
            .filter(|s| s["start_time"].as_i64() > Some(now()))
            .count(),
        2
    );
    assert_in_line(&backend);
    assert_eq!(
        backend
            .s3
            .object(PRIVATE_BUCKET, &far)
            .expect("left alone")
            .bytes,
        b"{}"
    );
    let shown = backend.ok_as(
        "Coach Hana",
        &json!({"action": "coach_get_historical_participation",
        "start_time": now() - 200 * 86_400, "end_time": now()}),
    );
    assert_eq!(shown.as_object().expect("an object").len(), 38);
}
