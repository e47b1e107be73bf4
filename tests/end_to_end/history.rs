//! Looking back: `coach_get_historical_participation` (`docs/api.md#coach_get_historical_participation`).

use local::setup::PRIVATE_BUCKET;
use serde_json::{Value, json};

use crate::expectations::{NO_TIMES, body_with, history_key, remove, session, with};
use crate::support::{Backend, Counts, code, id, now};

crate::cases! {
    the_range_is_half_open,
    entries_have_exactly_four_keys,
    entries_without_coach_and_comment,
    years_without_an_object_are_empty,
    the_years_of_the_range_are_read_and_no_others,
    the_later_year_counts,
    an_unreadable_year_is_no_success,
    the_period_is_checked,
    what_was_registered_is_found,
    the_demo_history_is_found,
}

const COACH: &str = "Coach Mette";
/// 1 January, 00:00 UTC.
const YEAR_2024: i64 = 1_704_067_200;
const YEAR_2025: i64 = 1_735_689_600;
const YEAR_2026: i64 = 1_767_225_600;

fn the_range_is_half_open(counts: &Counts) {
    let backend = Backend::demo(counts);
    let starts = [YEAR_2024, YEAR_2024 + 1, YEAR_2024 + 500, YEAR_2025 - 1];
    let mut history = json!({});
    for start in starts {
        history[start.to_string()] = entry(&start.to_string(), start);
    }
    backend.put_history(2024, &history);
    backend.put_history(2025, &json!({"next": entry("next", YEAR_2025)}));
    backend.put_history(2023, &json!({"before": entry("before", YEAR_2024 - 1)}));
    for (start_time, end_time, found) in [
        (YEAR_2024, YEAR_2024 + 1, vec![YEAR_2024]),
        (YEAR_2024 - 1, YEAR_2024, vec![YEAR_2024 - 1]),
        (YEAR_2024 + 1, YEAR_2024 + 500, vec![YEAR_2024 + 1]),
        (YEAR_2024 + 2, YEAR_2024 + 500, vec![]),
        (YEAR_2024 + 2, YEAR_2024 + 501, vec![YEAR_2024 + 500]),
        (YEAR_2024, YEAR_2025, starts.to_vec()),
        (YEAR_2025 - 1, YEAR_2025 + 1, vec![YEAR_2025 - 1, YEAR_2025]),
        (YEAR_2025, YEAR_2025 + 1, vec![YEAR_2025]),
        (YEAR_2025 + 1, YEAR_2026, vec![]),
        (1_700_000_000, 1_700_000_001, vec![]),
    ] {
        let answer = look_back(&backend, start_time, end_time);
        let mut starts: Vec<_> = answer
            .as_object()
            .unwrap()
            .values()
            .map(|entry| entry["session"]["start_time"].as_i64().unwrap())
            .collect();
        starts.sort_unstable();
        assert_eq!(starts, found, "[{start_time}, {end_time})");
    }
}

fn entries_have_exactly_four_keys(counts: &Counts) {
    let backend = Backend::demo(counts);
    let mut stored = entry("s", YEAR_2024 + 10);
    stored["session"]["room"] = json!("big");
    stored["weather"] = json!({"rain": true});
    // Participants and coach as stored: they may be no members any more, in any order.
    stored["participants"] = json!(["z", "a", id("Amir")]);
    stored["session"]["coach"] = json!("gone");
    stored["session"]["comment"] = json!("Å\n\"🥋\"");
    let mut no_comment = entry("t", YEAR_2024 + 11);
    no_comment["session"]["comment"] = json!(null);
    no_comment["session"]["state"] = json!("archived");
    no_comment["participants"] = json!([]);
    backend.put_history(2024, &json!({"s": stored, "t": no_comment}));
    assert_eq!(
        look_back(&backend, YEAR_2024, YEAR_2025),
        json!({
            "s": {
                "session": {"start_time": YEAR_2024 + 10, "end_time": YEAR_2024 + 3_610,
                    "coach": "gone", "comment": "Å\n\"🥋\""},
                "participants": ["z", "a", id("Amir")],
            },
            "t": {
                "session": {"start_time": YEAR_2024 + 11, "end_time": YEAR_2024 + 3_611,
                    "coach": id("Coach Hana"), "comment": null},
                "participants": [],
            },
        })
    );
}

fn entries_without_coach_and_comment(counts: &Counts) {
    let backend = Backend::demo(counts);
    for absent in [vec!["coach"], vec!["comment"], vec!["coach", "comment"]] {
        let mut stored = entry("s", YEAR_2024);
        for key in &absent {
            remove(&mut stored["session"], key);
        }
        backend.put_history(2024, &json!({"s": stored}));
        let mut answer = look_back(&backend, YEAR_2024, YEAR_2025);
        let shown = &mut answer["s"]["session"];
        for key in ["coach", "comment"] {
            // `null` or absent, both are fine.
            assert_eq!(shown[key], stored["session"][key], "{key} of {stored}");
        }
    }
}

fn years_without_an_object_are_empty(counts: &Counts) {
    let backend = Backend::empty(counts);
    let (status, _) = backend.call(&json!({"action": "any_trigger_initialization"}));
    assert_eq!(status, 200);
    let users = backend.private()["users"].clone();
    let admin = users.as_object().unwrap().values().next().unwrap();
    let request = with(
        &request(1_700_000_000, now()),
        "auth_token",
        admin["auth_token"].clone(),
    );
    assert_eq!(backend.call(&request), (200, json!({})));
    // One with an object between two without.
    backend.put_history(2024, &json!({"s": entry("s", YEAR_2024)}));
    let (status, body) = backend.call(&request);
    assert_eq!((status, body), (200, json!({"s": shown(YEAR_2024)})));
    backend.put_history(2025, &json!({}));
    let (status, body) = backend.call(&request);
    assert_eq!((status, body), (200, json!({"s": shown(YEAR_2024)})));
}

fn the_years_of_the_range_are_read_and_no_others(counts: &Counts) {
    let backend = Backend::demo(counts);
    for (start_time, end_time, years) in [
        (YEAR_2024, YEAR_2025, vec![2024]),
        (YEAR_2024 - 1, YEAR_2024, vec![2023]),
        (YEAR_2024 - 1, YEAR_2024 + 1, vec![2023, 2024]),
        (YEAR_2024 + 7, YEAR_2024 + 8, vec![2024]),
        (1_700_000_000, YEAR_2026, vec![2023, 2024, 2025]),
        (1_700_000_000, YEAR_2026 + 1, vec![2023, 2024, 2025, 2026]),
    ] {
        look_back(&backend, start_time, end_time);
        let mut read: Vec<_> = backend
            .s3
            .requests()
            .into_iter()
            .map(|request| request.key)
            .filter(|key| key != "data.json")
            .collect();
        read.sort();
        let keys: Vec<_> = years.into_iter().map(history_key).collect();
        assert_eq!(read, keys, "[{start_time}, {end_time})");
    }
}

fn the_later_year_counts(counts: &Counts) {
    let backend = Backend::demo(counts);
    // A session that was postponed into the next year after attendance had been taken.
    backend.put_history(2024, &json!({"s": entry("s", YEAR_2025 - 100)}));
    backend.put_history(2025, &json!({"s": entry("s", YEAR_2025 + 100)}));
    let range = |start, end| look_back(&backend, start, end);
    let later = json!({"s": shown(YEAR_2025 + 100)});
    assert_eq!(range(YEAR_2024, YEAR_2026), later);
    assert_eq!(range(YEAR_2025 - 100, YEAR_2025 + 101), later);
    assert_eq!(range(YEAR_2025, YEAR_2026), later);
    assert_eq!(
        range(YEAR_2024, YEAR_2025),
        json!({"s": shown(YEAR_2025 - 100)})
    );
    // The later entry counts even where it lies outside the range.
    assert_eq!(range(YEAR_2024, YEAR_2025 + 100), json!({}));
}

fn an_unreadable_year_is_no_success(counts: &Counts) {
    let backend = Backend::demo(counts);
    backend.put_history(2024, &json!({"s": entry("s", YEAR_2024)}));
    for text in [
        "",
        "{",
        "[]",
        "null",
        "\"x\"",
        "{\"s\":5}",
        "{\"s\":{}}",
        "{\"s\":{\"session\":{},\"participants\":[]}}",
        "{\"s\":{\"session\":{\"start_time\":\"x\",\"end_time\":1},\"participants\":[]}}",
        "{\"s\":{\"session\":{\"start_time\":1,\"end_time\":1},\"participants\":null}}",
    ] {
        backend
            .s3
            .put_object(PRIVATE_BUCKET, &history_key(2025), text);
        for (start_time, end_time) in [(YEAR_2024, YEAR_2026), (YEAR_2025, YEAR_2025 + 1)] {
            let (status, body) = backend.call_as(COACH, &request(start_time, end_time));
            assert!(status >= 500, "{status} {body} with {text:?}");
        }
        // Who does not ask for that year is not concerned.
        assert_eq!(
            look_back(&backend, YEAR_2024, YEAR_2025),
            json!({"s": shown(YEAR_2024)})
        );
    }
}

fn the_period_is_checked(counts: &Counts) {
    let backend = Backend::demo(counts);
    let now = now();
    let good = request(1_700_000_000, now + 31 * 86_400);
    backend.ok_as(COACH, &good);
    for (start_time, end_time) in [
        (now, now),
        (now + 1, now),
        (now, -now),
        (1_699_999_999, now),
        (0, now),
        (-1, now),
        (i64::MIN, now),
        (i64::MIN, i64::MAX),
        (now, now + 31 * 86_400 + 3_600),
        (now, 100_000_000_000),
        (now, i64::MAX),
        (i64::MAX - 1, i64::MAX),
        (0, 1),
    ] {
        backend.refused_as(COACH, &request(start_time, end_time));
    }
    for key in ["start_time", "end_time"] {
        for text in NO_TIMES {
            backend.count(&with(&good, "auth_token", code(COACH)));
            backend.refused_body(&body_with(COACH, &good, key, text));
        }
        backend.each_refused_as(COACH, &good, key, &[json!(null)]);
    }
}

fn what_was_registered_is_found(counts: &Counts) {
    let backend = Backend::demo(counts);
    for (session_id, start_time) in [("a", YEAR_2025 - 60), ("b", YEAR_2025), ("c", YEAR_2024)] {
        backend.put_session(session_id, start_time, start_time + 3_600);
        let register = json!({"action": "coach_register_participation", "session_id": session_id,
            "participants": [id("Amir")]});
        backend.ok_as(COACH, &register);
    }
    // Those recorded long ago have left the club, but not the history.
    assert_eq!(
        backend.published()["sessions"].as_object().unwrap().len(),
        3
    );
    let all = json!({
        "a": shown(YEAR_2025 - 60),
        "b": shown(YEAR_2025),
        "c": shown(YEAR_2024),
    });
    assert_eq!(look_back(&backend, YEAR_2024, YEAR_2025 + 1), all);
    // Deleting who took part changes nothing of it.
    let delete = json!({"action": "admin_delete_user", "user_id": id("Amir")});
    backend.ok_as("Grandmaster Oh", &delete);
    assert_eq!(look_back(&backend, YEAR_2024, YEAR_2025 + 1), all);
}

fn the_demo_history_is_found(counts: &Counts) {
    let backend = Backend::demo(counts);
    let week = 7 * 86_400;
    let now = now();
    let past = look_back(&backend, now - 21 * week, now + 31 * 86_400);
    assert_eq!(past.as_object().unwrap().len(), 38);
    let members = backend.private()["users"].clone();
    for entry in past.as_object().unwrap().values() {
        let session = entry["session"].as_object().unwrap();
        let mut keys: Vec<_> = session.keys().collect();
        keys.sort();
        assert_eq!(keys, ["coach", "comment", "end_time", "start_time"]);
        let participants = entry["participants"].as_array().unwrap();
        assert!(!participants.is_empty());
        assert!(participants.contains(&session["coach"]));
        assert!(participants.is_sorted_by_key(|id| id.as_str()));
        for participant in participants {
            assert!(members.get(participant.as_str().unwrap()).is_some());
        }
    }
    // Any two weeks inside it have four of them.
    let some = look_back(&backend, now - 10 * week, now - 8 * week);
    assert_eq!(some.as_object().unwrap().len(), 4);
}

fn request(start_time: i64, end_time: i64) -> Value {
    json!({"action": "coach_get_historical_participation", "start_time": start_time,
        "end_time": end_time})
}

/// Asks for a period as a coach. Nothing may be written.
#[track_caller]
fn look_back(backend: &Backend<'_>, start_time: i64, end_time: i64) -> Value {
    backend.writes_nothing_as(COACH, &request(start_time, end_time))
}

/// A recorded session of an hour.
fn entry(session_id: &str, start_time: i64) -> Value {
    json!({"session": session(session_id, start_time, start_time + 3_600),
        "participants": [id("Amir")]})
}

/// How it is shown.
fn shown(start_time: i64) -> Value {
    json!({
        "session": {"start_time": start_time, "end_time": start_time + 3_600,
            "coach": id("Coach Hana"), "comment": "As stored"},
        "participants": [id("Amir")],
    })
}
