//! What coaches do with training sessions (`docs/api.md#actions`).

use serde_json::{Value, json};

use crate::expectations::{NO_TIMES, assert_new_id, body_with, members, no_strings, remove, with};
use crate::support::{Backend, Counts, answer, code, id, now, url_event};

crate::cases! {
    adding_stores_exactly_the_answer,
    times_may_lie_anywhere,
    times_are_integers,
    times_have_limits,
    sessions_end_after_their_start,
    the_coach_exists,
    the_comment_is_any_text_or_null,
    all_keys_are_needed,
    content_is_replaced,
    content_of_scheduled_sessions_only,
    the_session_exists,
    every_state_follows_every_state,
    a_state_must_be_one,
    a_state_alone_counts,
    deleting_removes_the_session_alone,
    what_changes_nothing_writes_nothing,
    saving_leaves_out_what_is_long_over,
    refused_and_reading_requests_prune_nothing,
}

const COACH: &str = "Coach Hana";

fn adding_stores_exactly_the_answer(counts: &Counts) {
    let backend = Backend::demo(counts);
    let now = now();
    // The coach may be a member of any role, and another one than the caller.
    for (caller, coach) in [
        ("Coach Hana", "Coach Hana"),
        ("Coach Hana", "Coach Jonas"),
        ("Coach Mette", "Amir"),
        ("Grandmaster Oh", "Grandmaster Oh"),
    ] {
        let add = json!({"action": "coach_add_training_session", "start_time": now + 60,
            "end_time": now + 3_660, "coach": id(coach), "comment": "Bring a towel",
            "state": "cancelled", "session_id": "mine", "participation": {}});
        let answer = backend.effect_as(caller, &add, |club, answer| {
            let session_id = answer["session"]["session_id"].as_str().unwrap();
            assert_eq!(club["sessions"].get(session_id), None);
            club["sessions"][session_id] = json!({
                "session_id": session_id,
                "start_time": now + 60,
                "end_time": now + 3_660,
                "state": "scheduled",
                "coach": id(coach),
                "comment": "Bring a towel",
                "participation": {id(coach): "Yes"},
            });
        });
        let session_id = &answer["session"]["session_id"];
        assert_new_id(session_id);
        let stored = &backend.private()["sessions"][session_id.as_str().unwrap()];
        assert_eq!(answer, json!({"session": stored}));
    }
    // Four equal requests but for the caller are four sessions, and so are equal ones.
    let add = addition();
    let first = backend.ok_as(COACH, &add);
    assert_ne!(backend.ok_as(COACH, &add), first);
    assert_eq!(
        backend.published()["sessions"].as_object().unwrap().len(),
        3 + 4 + 2
    );
}

fn times_may_lie_anywhere(counts: &Counts) {
    let backend = Backend::demo(counts);
    let session_id = backend.next_session();
    for (start_time, end_time) in [
        (0_i64, 1_i64),
        (-5, 0),
        (-5, -4),
        (-62_135_596_800, 0),
        (1, 1_700_000_000),
        (1 << 33, (1 << 33) + 1),
        (4_102_444_800, 99_999_999_999),
        (99_999_999_998, 99_999_999_999),
    ] {
        let times = |session: &mut Value| {
            session["start_time"] = json!(start_time);
            session["end_time"] = json!(end_time);
        };
        let mut add = addition();
        times(&mut add);
        backend.effect_as(COACH, &add, |club, answer| {
            let session = &answer["session"];
            assert_eq!(session["start_time"], json!(start_time));
            assert_eq!(session["end_time"], json!(end_time));
            club["sessions"][session["session_id"].as_str().unwrap()] = session.clone();
        });
        let mut update = content(&session_id);
        times(&mut update);
        backend.effect_as(COACH, &update, |club, answer| {
            let session = &mut club["sessions"][&session_id];
            times(session);
            session["coach"] = update["coach"].clone();
            session["comment"] = update["comment"].clone();
            assert_eq!(*answer, json!({"session": session}));
        });
    }
}

fn times_are_integers(counts: &Counts) {
    let backend = Backend::demo(counts);
    for request in [addition(), content(&backend.next_session())] {
        for key in ["start_time", "end_time"] {
            for text in NO_TIMES {
                backend.count(&with(&request, "auth_token", code(COACH)));
                backend.refused_body(&body_with(COACH, &request, key, text));
            }
            // Digits without end, and integers beyond 64 bits.
            for text in ["9".repeat(5_000), format!("-{}", "9".repeat(30))] {
                backend.refused_body(&body_with(COACH, &request, key, &text));
            }
            backend.each_refused_as(COACH, &request, key, &[json!(null)]);
        }
    }
    // The same number as an integer, with white space around, is fine.
    let add = with(&addition(), "start_time", 1);
    let body = body_with(COACH, &add, "end_time", " 1800000000\n");
    assert_eq!(answer(&backend.event(&url_event(&body))).0, 200);
}

fn times_have_limits(counts: &Counts) {
    let backend = Backend::demo(counts);
    for request in [addition(), content(&backend.next_session())] {
        for late in [
            100_000_000_000_i64,
            100_000_000_001,
            1_800_000_000_000,
            i64::MAX,
        ] {
            backend.refused_as(COACH, &with(&request, "end_time", late));
            let both = with(&request, "start_time", late - 1);
            backend.refused_as(COACH, &with(&both, "end_time", late));
        }
        // Before the year 1: it could not be filed.
        for early in [-62_135_596_801_i64, i64::MIN] {
            backend.refused_as(COACH, &with(&request, "start_time", early));
        }
    }
}

fn sessions_end_after_their_start(counts: &Counts) {
    let backend = Backend::demo(counts);
    for request in [addition(), content(&backend.next_session())] {
        let start_time = request["start_time"].as_i64().unwrap();
        for end_time in [start_time, start_time - 1, 0, -start_time] {
            backend.refused_as(COACH, &with(&request, "end_time", end_time));
        }
        backend.ok_as(COACH, &with(&request, "end_time", start_time + 1));
    }
}

fn the_coach_exists(counts: &Counts) {
    let backend = Backend::demo(counts);
    let ids = [
        String::new(),
        "Coach Hana".to_owned(),
        code(COACH),
        id("Nobody"),
        id(COACH).to_uppercase(),
        format!(" {}", id(COACH)),
        backend.next_session(),
    ];
    let ids: Vec<_> = no_strings()
        .into_iter()
        .chain(ids.map(Value::from))
        .collect();
    for request in [addition(), content(&backend.next_session())] {
        backend.each_refused_as(COACH, &request, "coach", &ids);
    }
    backend.ok_as(
        "Grandmaster Oh",
        &json!({"action": "admin_delete_user", "user_id": id("Coach Mette")}),
    );
    for request in [addition(), content(&backend.next_session())] {
        backend.refused_as(COACH, &with(&request, "coach", id("Coach Mette")));
    }
    // A session whose coach has been deleted can still be given another one.
    backend.ok_as(COACH, &content(&backend.present_session()));
}

fn the_comment_is_any_text_or_null(counts: &Counts) {
    let backend = Backend::demo(counts);
    let session_id = backend.next_session();
    for comment in [
        json!(null),
        json!(""),
        json!(" "),
        json!("a\0\n\t\u{7f}\u{2028}b"),
        json!("  Å A\u{30a} \u{fb03} 🥋  "),
        json!("\"}],{\\"),
        json!("<script>alert(1)</script>"),
        json!("🥋".repeat(10_000)),
    ] {
        backend.effect_as(
            COACH,
            &with(&addition(), "comment", comment.clone()),
            |club, answer| {
                let session = &answer["session"];
                assert_eq!(session["comment"], comment);
                club["sessions"][session["session_id"].as_str().unwrap()] = session.clone();
            },
        );
        let update = with(&content(&session_id), "comment", comment.clone());
        let answer = backend.ok_as(COACH, &update);
        assert_eq!(answer["session"]["comment"], comment);
        assert_eq!(
            backend.published()["sessions"][&session_id]["comment"],
            comment
        );
    }
    for request in [addition(), content(&session_id)] {
        let no_texts: Vec<_> = no_strings().into_iter().filter(|v| !v.is_null()).collect();
        backend.each_refused_as(COACH, &request, "comment", &no_texts);
        backend.refused_body(&body_with(COACH, &request, "comment", r#""\ud800""#));
    }
}

fn all_keys_are_needed(counts: &Counts) {
    let backend = Backend::demo(counts);
    for request in [addition(), content(&backend.next_session())] {
        for key in request.as_object().unwrap().keys() {
            let mut request = request.clone();
            remove(&mut request, key);
            backend.refused_as(COACH, &request);
        }
    }
}

fn content_is_replaced(counts: &Counts) {
    let backend = Backend::demo(counts);
    let session_id = backend.next_session();
    backend.edit(|club| {
        club["sessions"][&session_id]["room"] = json!({"number": 1.50, "floors": [null]});
    });
    for (coach, comment) in [("Coach Mette", json!("Now outside")), ("Amir", json!(null))] {
        let mut update = content(&session_id);
        update["coach"] = json!(id(coach));
        update["comment"] = comment.clone();
        update["state"] = json!("archived");
        update["participation"] = json!({});
        let answer = backend.effect_as(COACH, &update, |club, _| {
            let session = &mut club["sessions"][&session_id];
            for key in ["start_time", "end_time", "coach", "comment"] {
                session[key] = update[key].clone();
            }
        });
        let session = &backend.private()["sessions"][&session_id];
        assert_eq!(answer, json!({"session": session}));
        // Who intended to come still does; the new coach has not said so.
        assert_eq!(session["participation"].get(id("Coach Mette")), None);
        assert_eq!(session["participation"][id("Amir")], "Yes");
    }
}

fn content_of_scheduled_sessions_only(counts: &Counts) {
    let backend = Backend::demo(counts);
    let session_id = backend.next_session();
    for state in ["cancelled", "archived"] {
        backend.ok_as(COACH, &state_of(&session_id, state));
        backend.refused_as(COACH, &content(&session_id));
        backend.refused_as("Grandmaster Oh", &content(&session_id));
    }
    backend.ok_as(COACH, &state_of(&session_id, "scheduled"));
    backend.ok_as(COACH, &content(&session_id));
}

fn the_session_exists(counts: &Counts) {
    let backend = Backend::demo(counts);
    let session_id = backend.next_session();
    let ids = [
        String::new(),
        id(COACH),
        session_id.to_uppercase(),
        format!("{session_id} "),
        "00000000-0000-4000-8000-000000000000".to_owned(),
    ];
    let ids: Vec<_> = no_strings()
        .into_iter()
        .chain(ids.map(Value::from))
        .collect();
    for request in [
        content(&session_id),
        state_of(&session_id, "cancelled"),
        state_of(&session_id, "deleted"),
    ] {
        backend.each_refused_as(COACH, &request, "session_id", &ids);
    }
}

fn every_state_follows_every_state(counts: &Counts) {
    let backend = Backend::demo(counts);
    let session_id = backend.next_session();
    let states = ["scheduled", "cancelled", "archived"];
    for before in states {
        for after in states {
            backend.ok_as(COACH, &state_of(&session_id, before));
            let answer = backend.effect_as(COACH, &state_of(&session_id, after), |club, _| {
                assert_eq!(club["sessions"][&session_id]["state"], before);
                club["sessions"][&session_id]["state"] = json!(after);
            });
            assert_eq!(answer, json!({}));
        }
    }
    for before in states {
        let added = backend.ok_as(COACH, &addition());
        let added = added["session"]["session_id"].as_str().unwrap();
        backend.ok_as(COACH, &state_of(added, before));
        backend.effect_as(COACH, &state_of(added, "deleted"), |club, _| {
            remove(&mut club["sessions"], added);
        });
    }
    // No history is written by a state.
    assert_eq!(backend.history_if_any(2100), None);
}

fn a_state_must_be_one(counts: &Counts) {
    let backend = Backend::demo(counts);
    let session_id = backend.next_session();
    let mut states = no_strings();
    for state in [
        "",
        "Scheduled",
        "deleted ",
        "canceled",
        "DELETED",
        "open",
        "archived\0",
    ] {
        states.push(json!(state));
    }
    // Also when all that the other form needs is there: the key alone tells the forms apart.
    for state in states {
        backend.refused_as(
            COACH,
            &with(&state_of(&session_id, ""), "session_state", state.clone()),
        );
        backend.refused_as(COACH, &with(&content(&session_id), "session_state", state));
    }
}

fn a_state_alone_counts(counts: &Counts) {
    let backend = Backend::demo(counts);
    let session_id = backend.next_session();
    let both = with(&content(&session_id), "session_state", "cancelled");
    let answer = backend.effect_as(COACH, &both, |club, _| {
        club["sessions"][&session_id]["state"] = json!("cancelled");
    });
    assert_eq!(answer, json!({}));
    let mut wrong = both;
    for key in ["start_time", "end_time", "coach", "comment"] {
        wrong[key] = json!([false]);
    }
    let answer = backend.writes_nothing_as(COACH, &wrong);
    assert_eq!(answer, json!({}));
}

fn deleting_removes_the_session_alone(counts: &Counts) {
    let backend = Backend::demo(counts);
    let session_id = backend.next_session();
    let delete = state_of(&session_id, "deleted");
    let answer = backend.effect_as("Coach Mette", &delete, |club, _| {
        remove(&mut club["sessions"], &session_id);
    });
    assert_eq!(answer, json!({}));
    backend.refused_as(COACH, &delete);
    backend.refused_as(COACH, &state_of(&session_id, "scheduled"));
    backend.refused_as(COACH, &content(&session_id));
}

fn what_changes_nothing_writes_nothing(counts: &Counts) {
    let backend = Backend::demo(counts);
    let session_id = backend.next_session();
    for state in ["scheduled", "cancelled", "archived", "scheduled"] {
        backend.ok_as(COACH, &state_of(&session_id, state));
        let answer = backend.writes_nothing_as(COACH, &state_of(&session_id, state));
        assert_eq!(answer, json!({}));
    }
    let update = content(&session_id);
    let first = backend.ok_as(COACH, &update);
    assert_eq!(backend.writes_nothing_as(COACH, &update), first);
}

/// Sessions that ended long ago in every state, and one that ended less than 12 hours ago.
fn with_old_sessions(backend: &Backend<'_>) -> Vec<String> {
    let mut ids = vec![];
    for (n, state) in ["scheduled", "cancelled", "archived"]
        .into_iter()
        .enumerate()
    {
        for (age, end_time) in [
            ("ancient", 1_000),
            ("yesterday", now() - 43_200 - 60),
            ("recent", now() - 43_200 + 600),
            ("ahead", now() + 86_400),
        ] {
            let session_id = format!("{age} {n}");
            backend.put_session(&session_id, end_time - 900, end_time);
            backend.edit(|club| club["sessions"][&session_id]["state"] = json!(state));
            ids.push(session_id);
        }
    }
    ids
}

fn saving_leaves_out_what_is_long_over(counts: &Counts) {
    let backend = Backend::demo(counts);
    let prune = |club: &mut Value| {
        for over in ["ancient 2", "yesterday 2"] {
            remove(&mut club["sessions"], over);
        }
    };
    // Every action that saves prunes, for whatever it is called.
    with_old_sessions(&backend);
    backend.effect_as(COACH, &addition(), |club, answer| {
        prune(club);
        let session = &answer["session"];
        club["sessions"][session["session_id"].as_str().unwrap()] = session.clone();
    });
    with_old_sessions(&backend);
    let create = json!({"action": "admin_create_user", "role": "Student", "name": "Gunhild"});
    backend.effect_as("Grandmaster Oh", &create, |club, user| {
        prune(club);
        club["users"][user["user_id"].as_str().unwrap()] = user.clone();
    });
    // Even one that changes nothing else.
    with_old_sessions(&backend);
    let same = json!({"action": "admin_update_user", "user_id": id("Emil"), "role": "Student",
        "name": "Emil"});
    backend.effect_as("Grandmaster Oh", &same, |club, _| prune(club));
    with_old_sessions(&backend);
    let answers = json!({"action": "any_register_participation", "joining_sessions": {},
        "user_auth_tokens": [code("Amir")]});
    backend.effect_as("Amir", &answers, |club, _| prune(club));
    // Archiving what ended long ago removes it with the same save.
    let ids = with_old_sessions(&backend);
    backend.effect_as(COACH, &state_of("ancient 0", "archived"), |club, _| {
        prune(club);
        remove(&mut club["sessions"], "ancient 0");
    });
    assert_eq!(ids.len(), 12);
    assert_eq!(
        members(&mut backend.published()["sessions"]).len(),
        3 + 1 + 9
    );
    // Until a save does so, such a session can be brought back.
    with_old_sessions(&backend);
    backend.effect_as(COACH, &state_of("yesterday 2", "scheduled"), |club, _| {
        club["sessions"]["yesterday 2"]["state"] = json!("scheduled");
        remove(&mut club["sessions"], "ancient 2");
    });
}

fn refused_and_reading_requests_prune_nothing(counts: &Counts) {
    let backend = Backend::demo(counts);
    with_old_sessions(&backend);
    let before = backend.published();
    backend.refused_as(COACH, &with(&addition(), "coach", "nobody"));
    backend.refused_as("Amir", &addition());
    for (caller, request) in [
        (
            "Grandmaster Oh",
            json!({"action": "admin_show_auth_token", "user_id": id("Amir")}),
        ),
        (
            COACH,
            json!({"action": "coach_get_historical_participation",
            "start_time": 1_700_000_000, "end_time": now()}),
        ),
        ("Nobody", json!({"action": "any_trigger_initialization"})),
    ] {
        backend.writes_nothing_as(caller, &request);
    }
    assert_eq!(backend.published(), before);
}

/// A request for a session of Coach Jonas's far ahead.
fn addition() -> Value {
    json!({"action": "coach_add_training_session", "start_time": 4_102_444_800_i64,
        "end_time": 4_102_448_400_i64, "coach": id("Coach Jonas"), "comment": "New year"})
}

/// A request for other content of a session.
fn content(session_id: &str) -> Value {
    json!({"action": "coach_update_training_session", "session_id": session_id,
        "start_time": 4_102_444_800_i64, "end_time": 4_102_448_400_i64,
        "coach": id("Coach Jonas"), "comment": "Postponed"})
}

/// A request for another state of a session.
fn state_of(session_id: &str, state: &str) -> Value {
    json!({"action": "coach_update_training_session", "session_id": session_id,
        "session_state": state})
}
