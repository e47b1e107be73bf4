//! Who took part: `coach_register_participation` (`docs/api.md#coach_register_participation`).

use local::setup::PRIVATE_BUCKET;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::expectations::{history_key, members, no_strings, remove, session, with};
use crate::support::{Backend, Counts, answer, code, id, now, url_event};

crate::cases! {
    the_session_is_archived_and_recorded,
    registering_again_replaces_the_entry,
    participants_are_sorted_and_stored_once,
    a_session_long_over_disappears_at_once,
    a_session_over_for_less_than_twelve_hours_stays,
    years_are_those_of_the_start_in_utc,
    everything_else_in_the_history_stays,
    the_copy_is_the_session_as_it_was,
    too_early,
    cancelled_and_unknown_sessions,
    cancelled_by_another_writer,
    participants_must_be_members,
    an_unreadable_history_stops_it,
    sessions_before_the_year_1,
}

const COACH: &str = "Coach Jonas";

fn the_session_is_archived_and_recorded(counts: &Counts) {
    // Nobody, one who did not intend to, those who did, everybody; by coach and admin.
    for (caller, names) in [
        (COACH, vec![]),
        ("Grandmaster Oh", vec!["Fatima"]),
        ("Coach Mette", vec!["Amir", "Carlos", "Coach Mette"]),
        (
            COACH,
            dojang::club::demo::MEMBERS.map(|(name, _)| name).to_vec(),
        ),
    ] {
        let backend = Backend::demo(counts);
        let session_id = backend.present_session();
        let before = backend.private()["sessions"][&session_id].clone();
        let mut history = backend
            .history_if_any(year_of(&before))
            .unwrap_or(json!({}));
        let answer = backend.effect_as(caller, &registration(&session_id, &names), |club, _| {
            club["sessions"][&session_id]["state"] = json!("archived");
        });
        assert_eq!(answer, json!({}));
        history[&session_id] = json!({"session": before, "participants": ascending(&names)});
        assert_eq!(backend.history(year_of(&before)), history);
    }
}

fn registering_again_replaces_the_entry(counts: &Counts) {
    let backend = Backend::demo(counts);
    let session_id = backend.present_session();
    let scheduled = backend.private()["sessions"][&session_id].clone();
    let year = year_of(&scheduled);
    let entry = || backend.history(year)[&session_id].clone();
    backend.ok_as(COACH, &registration(&session_id, &["Amir", "Carlos"]));
    assert_eq!(
        entry(),
        json!({"session": scheduled, "participants": ascending(&["Amir", "Carlos"])})
    );

    let others = backend.history(year);
    let archived = with(&scheduled, "state", "archived");
    let again = registration(&session_id, &["Dagny"]);
    backend.effect_as("Coach Mette", &again, |_, _| ());
    assert_eq!(
        entry(),
        json!({"session": archived, "participants": [id("Dagny")]})
    );
    let mut expected = others;
    expected[&session_id] = entry();
    assert_eq!(backend.history(year), expected);

    // Once more the same.
    backend.effect_as(COACH, &again, |_, _| ());
    assert_eq!(backend.history(year), expected);
    // Nobody after all.
    backend.ok_as(COACH, &registration(&session_id, &[]));
    assert_eq!(entry(), json!({"session": archived, "participants": []}));
    // A session that is opened again is copied as such.
    let open = json!({"action": "coach_update_training_session", "session_id": session_id,
        "session_state": "scheduled"});
    backend.ok_as(COACH, &open);
    backend.ok_as(COACH, &registration(&session_id, &["Emil"]));
    assert_eq!(
        entry(),
        json!({"session": scheduled, "participants": [id("Emil")]})
    );
}

fn participants_are_sorted_and_stored_once(counts: &Counts) {
    let backend = Backend::demo(counts);
    let session_id = backend.present_session();
    let year = year_of(&backend.private()["sessions"][&session_id]);
    let sorted = ascending(&["Amir", "Birgitte", "Carlos", "Dagny", "Emil"]);
    let orders = [
        sorted.clone(),
        sorted.iter().rev().cloned().collect(),
        sorted.iter().chain(&sorted).cloned().collect(),
        sorted
            .iter()
            .flat_map(|id| [id.clone(), id.clone(), sorted[0].clone()])
            .collect(),
    ];
    for order in orders {
        let register = with(
            &registration(&session_id, &[]),
            "participants",
            json!(order),
        );
        backend.ok_as(COACH, &register);
        assert_eq!(
            backend.history(year)[&session_id]["participants"],
            json!(sorted)
        );
    }
}

fn a_session_long_over_disappears_at_once(counts: &Counts) {
    let backend = Backend::demo(counts);
    for end_time in [1_720_003_600, now() - 43_200 - 60] {
        let old = session("old", end_time - 3_600, end_time);
        let year = year_of(&old);
        let mut history = backend.history_if_any(year).unwrap_or(json!({}));
        backend.put_session("old", end_time - 3_600, end_time);
        let register = registration("old", &["Emil", "Amir"]);
        let answer = backend.effect_as(COACH, &register, |club, _| {
            remove(&mut club["sessions"], "old");
        });
        assert_eq!(answer, json!({}));
        history["old"] = json!({"session": old, "participants": ascending(&["Amir", "Emil"])});
        assert_eq!(backend.history(year), history);
        backend.refused_as(COACH, &register);
    }
}

fn a_session_over_for_less_than_twelve_hours_stays(counts: &Counts) {
    let backend = Backend::demo(counts);
    let end_time = now() - 43_200 + 600;
    // It may have begun whenever.
    for start_time in [end_time - 60, 1_000_000_000] {
        backend.put_session("recent", start_time, end_time);
        backend.effect_as(COACH, &registration("recent", &["Amir"]), |club, _| {
            club["sessions"]["recent"]["state"] = json!("archived");
        });
    }
    assert_eq!(members(&mut backend.history(2001)).len(), 1);
}

fn years_are_those_of_the_start_in_utc(counts: &Counts) {
    let backend = Backend::demo(counts);
    for (start_time, year) in [
        (1_704_067_199, 2023),
        (1_704_067_200, 2024),
        (1_709_208_000, 2024),
        (1_735_689_599, 2024),
        (1_735_689_600, 2025),
        (1_767_225_599, 2025),
        (951_782_400, 2000),
        (0, 1970),
        (-1, 1969),
        (-2_208_988_800, 1900),
        (-62_135_596_800, 1),
        (-62_104_060_801, 1),
    ] {
        let mut history = backend.history_if_any(year).unwrap_or(json!({}));
        let session_id = format!("session {start_time}");
        // The end may well lie in the next year.
        backend.put_session(&session_id, start_time, start_time + 7_200);
        backend.s3.clear_requests();
        backend.ok_as(COACH, &registration(&session_id, &["Amir"]));
        assert_eq!(
            backend.puts(),
            [
                format!("{PRIVATE_BUCKET}/{}", history_key(year)),
                format!("{PRIVATE_BUCKET}/data.json"),
                format!("{}/data.json", local::setup::PUBLIC_BUCKET),
            ],
            "the history must be written first"
        );
        history[&session_id] = json!({
            "session": session(&session_id, start_time, start_time + 7_200),
            "participants": [id("Amir")],
        });
        assert_eq!(backend.history(year), history);
    }
}

fn everything_else_in_the_history_stays(counts: &Counts) {
    let backend = Backend::demo(counts);
    let mut history = json!({
        "other": {
            "session": with(&session("other", 1_720_000_000, 1_720_003_600), "room", "big"),
            "participants": ["somebody who left", "and another"],
            "weather": {"rain": [1.50, null]},
        },
        "of an unknown kind": [1, 2, {"x": "y"}],
    });
    backend.put_history(2024, &history);
    backend.put_session("old", 1_720_000_000, 1_720_003_600);
    backend.ok_as(COACH, &registration("old", &["Amir"]));
    history["old"] = json!({
        "session": session("old", 1_720_000_000, 1_720_003_600),
        "participants": [id("Amir")],
    });
    assert_eq!(backend.history(2024), history);
    for year in [2023, 2025] {
        assert_eq!(backend.history_if_any(year), None);
    }
}

fn the_copy_is_the_session_as_it_was(counts: &Counts) {
    let backend = Backend::demo(counts);
    // With keys that the contract does not name, and people who are no members any more.
    let mut whole = session("whole", 1_720_000_000, 1_720_003_600);
    whole["room"] = json!({"floors": [1, 2.50]});
    whole["coach"] = json!(id("Nobody"));
    whole["participation"][id("Nobody")] = json!("Maybe");
    // And of older data.
    let mut bare = session("bare", 1_720_000_000, 1_720_003_600);
    remove(&mut bare, "coach");
    remove(&mut bare, "comment");
    bare["participation"] = json!({});
    for stored in [whole, with(&bare, "session_id", "bare")] {
        let session_id = stored["session_id"].as_str().unwrap();
        backend.edit(|club| club["sessions"][session_id] = stored.clone());
        backend.ok_as(COACH, &registration(session_id, &[]));
        let entry = backend.history(2024)[session_id].clone();
        assert_eq!(entry, json!({"session": stored, "participants": []}));
    }
}

fn too_early(counts: &Counts) {
    let backend = Backend::demo(counts);
    let next = backend.next_session();
    for start_time in [now() + 600 + 300, now() + 86_400, 1 << 33] {
        backend.put_session(&next, start_time, start_time + 60);
        for state in ["scheduled", "archived"] {
            backend.edit(|club| club["sessions"][&next]["state"] = json!(state));
            refused(&backend, &registration(&next, &["Amir"]));
        }
    }
    // From 10 minutes before on; whether it has begun or ended does not matter.
    for start_time in [now() + 600, now() + 300, now() - 60, now() - 40_000] {
        backend.put_session(&next, start_time, start_time + 60);
        backend.effect_as(COACH, &registration(&next, &["Amir"]), |club, _| {
            club["sessions"][&next]["state"] = json!("archived");
        });
    }
}

fn cancelled_and_unknown_sessions(counts: &Counts) {
    let backend = Backend::demo(counts);
    let session_id = backend.present_session();
    let register = registration(&session_id, &["Amir"]);
    let ids = [
        String::new(),
        id(COACH),
        session_id.to_uppercase(),
        format!(" {session_id}"),
        "00000000-0000-4000-8000-000000000000".to_owned(),
    ];
    let ids = no_strings().into_iter().chain(ids.map(Value::from));
    for session_id in ids {
        refused(&backend, &with(&register, "session_id", session_id));
    }
    for key in ["session_id", "participants"] {
        let mut register = register.clone();
        remove(&mut register, key);
        refused(&backend, &register);
    }
    backend.edit(|club| club["sessions"][&session_id]["state"] = json!("cancelled"));
    refused(&backend, &register);
    backend.edit(|club| club["sessions"][&session_id]["state"] = json!("scheduled"));
    backend.ok_as(COACH, &register);
}

fn cancelled_by_another_writer(counts: &Counts) {
    let backend = Backend::demo(counts);
    backend.put_session("old", 1_720_000_000, now());
    let there = backend.present_session();
    for session_id in [&there, "old"] {
        let year = year_of(&backend.private()["sessions"][session_id]);
        for had_attendance in [false, true] {
            if had_attendance {
                backend.edit(|club| club["sessions"][session_id]["state"] = json!("scheduled"));
                backend.ok_as(COACH, &registration(session_id, &["Amir"]));
            }
            // The instance has not seen this when the request arrives.
            backend.edit_unnoticed(|club| {
                club["sessions"][session_id]["state"] = json!("cancelled");
            });
            let before = (backend.private(), backend.history_if_any(year));
            let register = registration(session_id, &["Emil", "Fatima"]);
            assert_eq!(backend.call_as(COACH, &register).0, 400);
            assert_eq!(backend.published(), before.0);
            // An object without entries is as good as none.
            let entries = |history: Option<Value>| history.unwrap_or(json!({}));
            assert_eq!(entries(backend.history_if_any(year)), entries(before.1));
        }
    }
}

fn participants_must_be_members(counts: &Counts) {
    let backend = Backend::demo(counts);
    let register = registration(&backend.present_session(), &[]);
    backend.ok_as(
        "Grandmaster Oh",
        &json!({"action": "admin_delete_user", "user_id": id("Fatima")}),
    );
    let mut wrong = vec![
        json!(null),
        json!(true),
        json!(0),
        json!(""),
        json!({}),
        json!(id("Amir")),
        json!({id("Amir"): "Yes"}),
        json!([[id("Amir")]]),
        json!([{"user_id": id("Amir")}]),
    ];
    for member in no_strings() {
        wrong.push(json!([member]));
        wrong.push(json!([id("Amir"), member]));
    }
    for unknown in [
        "",
        "Amir",
        &code("Amir"),
        &id("Nobody"),
        &id("Amir").to_uppercase(),
        &format!("{} ", id("Amir")),
        &id("Fatima"),
    ] {
        wrong.push(json!([unknown]));
        wrong.push(json!([id("Emil"), unknown, id("Amir")]));
    }
    for participants in wrong {
        refused(&backend, &with(&register, "participants", participants));
    }
    backend.ok_as(COACH, &register);
}

fn an_unreadable_history_stops_it(counts: &Counts) {
    let backend = Backend::demo(counts);
    for (text, good) in [
        ("", false),
        ("{", false),
        ("[]", false),
        ("null", false),
        ("\u{feff}{}", false),
        ("{\"a\":{},\"a\":{}}", false),
        (" {\n} ", true),
    ] {
        backend.put_session("old", 1_720_000_000, 1_720_003_600);
        backend
            .s3
            .put_object(PRIVATE_BUCKET, &history_key(2024), text);
        backend.s3.clear_requests();
        let register = registration("old", &["Amir"]);
        let (status, body) = backend.call_as(COACH, &register);
        if good {
            assert_eq!((status, body), (200, json!({})));
        } else {
            assert!(status >= 500, "{status} {body} with {text:?}");
            assert_eq!(backend.puts(), [""; 0]);
        }
    }
    assert_eq!(members(&mut backend.history(2024)).len(), 1);
}

fn sessions_before_the_year_1(counts: &Counts) {
    let backend = Backend::demo(counts);
    backend.put_session("ancient", -62_135_596_801, 0);
    refused(&backend, &registration("ancient", &["Amir"]));
}

/// Expects a refusal that writes nothing at all.
#[track_caller]
fn refused(backend: &Backend<'_>, data: &Value) {
    backend.s3.clear_requests();
    let data = with(data, "auth_token", code(COACH));
    backend.count(&data);
    let (status, body) = answer(&backend.event(&url_event(&data.to_string())));
    assert_eq!(status, 400, "{body} to {data}");
    assert_eq!(backend.puts(), [""; 0], "{data} wrote");
}

fn registration(session_id: &str, names: &[&str]) -> Value {
    let ids: Vec<_> = names.iter().map(|name| id(name)).collect();
    json!({"action": "coach_register_participation", "session_id": session_id,
        "participants": ids})
}

/// The ids of these members in ascending order.
fn ascending(names: &[&str]) -> Vec<String> {
    let mut ids: Vec<_> = names.iter().map(|name| id(name)).collect();
    ids.sort();
    ids
}

/// The UTC year of a session's start.
fn year_of(session: &Value) -> i32 {
    let start_time = session["start_time"].as_i64().unwrap();
    OffsetDateTime::from_unix_timestamp(start_time)
        .unwrap()
        .year()
}
