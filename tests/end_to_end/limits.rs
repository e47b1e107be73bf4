//! Nothing is stored that could not be read, served and published again.

use dojang::limits::{DATA, HISTORY, MAX_COMMENT_CODE_POINTS};
use local::setup::PRIVATE_BUCKET;
use serde_json::{Value, json};

use crate::cases;
use crate::expectations::{history_key, members, session, with};
use crate::support::{Backend, Counts, id, now};
use local::PATIENCE;

cases! {
    a_comment_has_its_limit,
    a_club_grows_to_its_limit_and_stays_usable,
    a_club_that_is_too_large_already_may_shrink,
    a_full_year_refuses_attendance_and_nothing_is_changed,
    a_period_is_answered_in_parts_where_it_is_too_much_at_once,
}

fn a_comment_has_its_limit(counts: &Counts) {
    let backend = Backend::demo(counts);
    let longest = "🥋".repeat(MAX_COMMENT_CODE_POINTS);
    let added = backend.ok_as(COACH, &with(&addition(), "comment", &*longest));
    let session_id = &added["session"]["session_id"];
    let mut update = with(&addition(), "session_id", session_id.clone());
    update["action"] = json!("coach_update_training_session");
    for length in [MAX_COMMENT_CODE_POINTS + 1, 100_000, 5_500_000] {
        for request in [&addition(), &update] {
            let text = backend.refused_as(COACH, &with(request, "comment", "x".repeat(length)));
            assert!(text.contains("comment"), "{text}");
        }
    }
    // What was stored without a limit may stay.
    let old = "x".repeat(50_000);
    let session_id = session_id.as_str().unwrap();
    backend.edit(|club| club["sessions"][session_id]["comment"] = json!(old));
    backend.ok_as(COACH, &with(&update, "comment", &*old));
    backend.refused_as(COACH, &with(&update, "comment", old + "x"));
    backend.published();
}

fn a_club_grows_to_its_limit_and_stays_usable(counts: &Counts) {
    let mut backend = Backend::demo(counts);
    backend.edit(|club| club["notes"] = json!("x".repeat(DATA.most - 100_000)));
    let add = with(&addition(), "comment", "x".repeat(MAX_COMMENT_CODE_POINTS));
    let mut added = vec![];
    loop {
        let (status, body) = backend.call_as(COACH, &add);
        if status != 200 {
            assert_eq!(status, 400, "{body}");
            assert!(body["error"].as_str().unwrap().contains("too much data"));
            break;
        }
        added.push(body["session"]["session_id"].clone());
    }
    assert!((5..10).contains(&added.len()), "{added:?}");
    backend.refused_as(COACH, &add);
    let size = backend.s3.object(PRIVATE_BUCKET, "data.json").unwrap();
    assert!(size.bytes.len() <= DATA.most, "{}", size.bytes.len());
    let warning = backend.log_line(|line| line["level"] == "WARN");
    assert!(warning["message"].as_str().unwrap().contains("80 %"));
    // A new instance reads it, and a caller who deletes something can go on.
    backend.restart();
    backend.refused_as(COACH, &add);
    let mut delete = json!({"action": "coach_update_training_session", "session_state": "deleted"});
    delete["session_id"] = added[0].clone();
    backend.ok_as(COACH, &delete);
    backend.ok_as(COACH, &add);
    backend.refused_as(COACH, &add);
    backend.published();
}

fn a_club_that_is_too_large_already_may_shrink(counts: &Counts) {
    let backend = Backend::demo(counts);
    backend.edit(|club| club["notes"] = json!("x".repeat(2 * DATA.most)));
    backend.refused_as(COACH, &addition());
    let delete = json!({"action": "coach_update_training_session", "session_state": "deleted",
        "session_id": backend.next_session()});
    backend.ok_as(COACH, &delete);
    backend.refused_as(COACH, &addition());
    let reset = json!({"action": "admin_reset_auth_token", "user_id": id("Amir")});
    backend.ok_as("Grandmaster Oh", &reset);
    backend.published();
}

fn a_full_year_refuses_attendance_and_nothing_is_changed(counts: &Counts) {
    let backend = Backend::demo(counts);
    let start = YEAR_2024 + 5;
    backend.put_session("one", start, start + 60);
    let mut history =
        json!({"two": {"session": session("two", start, start + 60), "participants": []}});
    history["two"]["note"] = json!("x".repeat(HISTORY.most - 1_000));
    backend.put_history(2024, &history);
    let key = history_key(2024);
    let before = backend.s3.object(PRIVATE_BUCKET, &key);
    let everybody: Vec<_> = members(&mut backend.private()["users"])
        .keys()
        .cloned()
        .collect();
    let register = |ids: &[String]| json!({"action": "coach_register_participation", "session_id": "one", "participants": ids});
    let text = backend.refused_as(COACH, &register(&everybody));
    assert!(text.contains("full"), "{text}");
    assert!(backend.s3.object(PRIVATE_BUCKET, &key) == before);
    assert_eq!(backend.private()["sessions"]["one"]["state"], "scheduled");
    // The smaller entry has room.
    backend.ok_as(COACH, &register(&[]));
    backend
        .function
        .wait_for_log_line(PATIENCE, |line| line.contains("a year's history"))
        .unwrap();
    assert_eq!(backend.history(2024)["one"]["participants"], json!([]));
}

fn a_period_is_answered_in_parts_where_it_is_too_much_at_once(counts: &Counts) {
    let backend = Backend::demo(counts);
    for (year, start) in [(2024, YEAR_2024), (2025, YEAR_2025)] {
        let entries = (0..100).map(|n| {
            let id = format!("{year} {n}");
            let mut session = session(&id, start + n, start + 60 + n);
            session["comment"] = json!("\"".repeat(10_000));
            (id, json!({"session": session, "participants": []}))
        });
        backend.put_history(year, &Value::Object(entries.collect()));
    }
    let look_back = |start: i64, end: i64| json!({"action": "coach_get_historical_participation", "start_time": start, "end_time": end});
    let text = backend.refused_as(COACH, &look_back(YEAR_2024, YEAR_2025 + 1_000));
    assert!(text.contains("shorter period"), "{text}");
    for start in [YEAR_2024, YEAR_2025] {
        let answer = backend.ok_as(COACH, &look_back(start, start + 1_000));
        assert_eq!(answer.as_object().unwrap().len(), 100);
    }
}

fn addition() -> Value {
    json!({"action": "coach_add_training_session", "start_time": now() + 3_600,
        "end_time": now() + 7_200, "coach": id(COACH), "comment": null})
}

const COACH: &str = "Coach Hana";
/// 1 January, 00:00 UTC.
const YEAR_2024: i64 = 1_704_067_200;
const YEAR_2025: i64 = 1_735_689_600;
