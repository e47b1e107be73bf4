//! The rules, one by one, on the demo club. What is common to all actions comes first.

use serde_json::{Value, json};

use super::*;
use crate::club::demo;
use crate::club::operation::{OperationKey, Secret};
use crate::club::participation::Participation;
use crate::club::session::SessionState;
use crate::club::user::{LoginCode, Role, User};
use crate::json::surrogates;

/// Friday 15 January 2027, 08:00:34 UTC.
const NOW: i64 = 1_800_000_034;
const TEST_SECRET: &str = "test secret";

fn demo_club() -> Club {
    demo::club(TEST_SECRET, NOW, &Club::default())
}

fn id(name: &str) -> String {
    demo::user_id(TEST_SECRET, name)
}

fn code(name: &str) -> String {
    demo::login_code(TEST_SECRET, name).text().to_owned()
}

fn occasion() -> Occasion<'static> {
    let operation = Operation {
        key: OperationKey([1; 32]),
        secret: Secret([2; 16]),
    };
    Occasion {
        now: NOW,
        operation,
        test_secret: Some(TEST_SECRET),
    }
}

fn data(value: &Value) -> RequestData {
    RequestData::read(value.to_string().as_bytes()).expect("a request is an object")
}

/// Decides as `caller`, by name.
fn decide_as(club: &Club, caller: &str, mut request: Value) -> Result<Decision, Refusal> {
    request["auth_token"] = json!(code(caller));
    decide(club, &data(&request), &occasion())
}

fn change_as(club: &Club, caller: &str, request: Value) -> Change {
    match decide_as(club, caller, request) {
        Ok(Decision::Change(change)) => *change,
        other => panic!("expected a change, found {other:?}"),
    }
}

/// The answer to a request that took effect before.
fn repeat_as(club: &Club, caller: &str, request: &Value) -> Result<Value, Refusal> {
    let request = with(request, "auth_token", Some(json!(code(caller))));
    repeat(club, &data(&request), &occasion())
}

fn refused_as(club: &Club, caller: &str, request: Value) -> String {
    match decide_as(club, caller, request.clone()) {
        Err(refusal) => refusal.to_string(),
        Ok(decision) => panic!("expected a refusal of {request}, found {decision:?}"),
    }
}

/// `request` with one key replaced, or removed where `value` is `None`.
fn with(request: &Value, key: &str, value: Option<Value>) -> Value {
    let mut request = request.clone();
    match value {
        Some(value) => request[key] = value,
        None => drop(request.as_object_mut().unwrap().remove(key)),
    }
    request
}

/// Every value that is no string.
fn no_strings() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(7),
        json!(1.5),
        json!([]),
        json!(["x"]),
        json!({}),
    ]
}

fn a_session(club: &Club) -> String {
    let next = club
        .sessions
        .values()
        .filter(|s| s.start_time > NOW)
        .min_by_key(|s| s.start_time);
    next.expect("two sessions lie ahead").session_id.clone()
}

fn present_session(club: &Club) -> String {
    let present = club
        .sessions
        .values()
        .find(|session| session.start_time <= NOW);
    present
        .expect("one session began this hour")
        .session_id
        .clone()
}

#[test]
fn the_action_must_be_named_exactly() {
    let club = demo_club();
    for action in [
        "",
        "_",
        "_any",
        "any",
        "admin",
        "any_",
        "any_x",
        "admin_",
        "Admin_create_user",
        "admin_create_user ",
        " admin_create_user",
        "ADMIN_create_user",
        "student_create",
        "Any_trigger_initialization",
        "coach_create_user",
        "other_create_user",
        "initial",
    ] {
        refused_as(&club, "Grandmaster Oh", json!({"action": action}));
    }
    for action in no_strings() {
        refused_as(&club, "Grandmaster Oh", json!({"action": action}));
    }
    assert!(decide(&club, &data(&json!({})), &occasion()).is_err());
}

#[test]
fn that_there_is_no_such_action_is_told_to_whoever_might_make_it() {
    let club = demo_club();
    let refused = |action: &str, caller: Option<&str>| {
        let code = caller.map(code);
        let request = json!({"action": action, "auth_token": code});
        decide(&club, &data(&request), &occasion())
            .unwrap_err()
            .to_string()
    };
    for (prefix, least) in [
        ("any", None),
        ("Any", None),
        ("student", Some(Role::Student)),
        ("Student", Some(Role::Student)),
        ("coach", Some(Role::Coach)),
        ("Coach", Some(Role::Coach)),
        ("admin", Some(Role::Admin)),
        ("Admin", Some(Role::Admin)),
    ] {
        let action = format!("{prefix}_x");
        let unknown = "There is no such action.";
        let nobody = refused(&action, None);
        assert_eq!(nobody == unknown, least.is_none(), "{action}: {nobody}");
        for caller in ["Amir", "Coach Hana", "Grandmaster Oh"] {
            let role = club.users[&id(caller)].role;
            let text = refused(&action, Some(caller));
            assert_eq!(
                text == unknown,
                Some(role) >= least,
                "{action}, {caller}: {text}"
            );
        }
    }
}

#[test]
fn every_action_asks_for_its_role() {
    let club = demo_club();
    let callers = [
        ("Amir", Role::Student),
        ("Coach Hana", Role::Coach),
        ("Grandmaster Oh", Role::Admin),
    ];
    for action in Action::ALL {
        for (caller, role) in callers {
            let refusal = match decide_as(&club, caller, json!({"action": action.name()})) {
                Err(refusal) => refusal.to_string(),
                Ok(_) => String::new(),
            };
            let is_permitted = action.least_role().is_none_or(|least| role >= least);
            assert_eq!(
                !refusal.contains("role does not permit"),
                is_permitted,
                "{action:?} {role:?}"
            );
        }
    }
}

#[test]
fn login_codes_must_match_exactly() {
    let club = demo_club();
    let good = code("Grandmaster Oh");
    let hash = hex::encode(LoginCode::new(good.clone()).digest());
    let mut wrong = no_strings();
    wrong.extend([
        json!(""),
        json!(format!(" {good}")),
        json!(format!("{good} ")),
        json!(good[1..]),
        json!(hash),
        json!(good.to_lowercase()),
        json!(good.to_uppercase()),
        json!([good]),
    ]);
    for token in wrong {
        let request =
            json!({"action": "admin_show_auth_token", "user_id": id("Amir"), "auth_token": token});
        let refusal = decide(&club, &data(&request), &occasion())
            .unwrap_err()
            .to_string();
        assert!(refusal.contains("log in"), "{refusal}");
    }
    let request = json!({"action": "admin_show_auth_token", "user_id": id("Amir")});
    assert!(decide(&club, &data(&request), &occasion()).is_err());
    assert!(decide_as(&club, "Grandmaster Oh", request).is_ok());
}

#[test]
fn any_actions_take_no_notice_of_a_login_code() {
    for token in [json!("wrong"), json!(null), json!(7)] {
        let request = json!({"action": "any_trigger_initialization", "auth_token": token});
        let decision = decide(&demo_club(), &data(&request), &occasion());
        assert!(matches!(decision, Ok(Decision::Answer(answer)) if answer == json!({})));
    }
}

#[test]
fn keys_of_the_wrong_type_are_refused_and_unknown_keys_are_not() {
    let club = demo_club();
    let session = a_session(&club);
    let coach = id("Coach Hana");
    let times = json!({"start_time": NOW, "end_time": NOW + 60});
    let requests = [
        json!({"action": "admin_create_user", "role": "Student", "name": "New"}),
        json!({"action": "admin_update_user", "user_id": id("Amir"), "role": "Coach", "name": "Amira"}),
        json!({"action": "admin_delete_user", "user_id": id("Amir")}),
        json!({"action": "admin_show_auth_token", "user_id": id("Amir")}),
        json!({"action": "admin_reset_auth_token", "user_id": id("Amir")}),
        json!({"action": "coach_add_training_session", "start_time": 1, "end_time": 2, "coach": coach, "comment": ""}),
        json!({"action": "coach_update_training_session", "session_id": session, "session_state": "cancelled"}),
        json!({"action": "coach_update_training_session", "session_id": session, "start_time": 1, "end_time": 2,
            "coach": coach, "comment": "x"}),
        json!({"action": "coach_register_participation", "session_id": present_session(&club), "participants": []}),
        json!({"action": "coach_get_historical_participation", "start_time": NOW - 9, "end_time": NOW}),
        json!({"action": "any_register_participation", "joining_sessions": {session: "No"},
            "user_auth_tokens": [code("Amir")]}),
    ];
    for request in requests {
        let good = with(&request, "unknown", Some(json!([null, {"x": 1}])));
        assert!(
            decide_as(&club, "Grandmaster Oh", good).is_ok(),
            "{request}"
        );
        for key in request
            .as_object()
            .unwrap()
            .keys()
            .filter(|key| *key != "action")
        {
            let kind = |value: &Value| std::mem::discriminant(value);
            let mut wrong = no_strings();
            wrong.extend([json!("wrong"), json!(""), json!(1e9), json!(-1.0)]);
            let is_wrong = |value: &Value| {
                kind(value) != kind(&request[key]) && !(key == "comment" && value.is_null())
                    || value.is_f64()
            };
            for value in wrong.into_iter().filter(is_wrong) {
                refused_as(&club, "Grandmaster Oh", with(&request, key, Some(value)));
            }
            if key != "session_state" {
                refused_as(&club, "Grandmaster Oh", with(&request, key, None));
            }
        }
    }
    assert!(times.is_object());
}

#[test]
fn what_is_too_long_is_told_from_what_is_wrong() {
    let club = demo_club();
    let list = |most: usize| (0..=most).map(|n| n.to_string()).collect::<Value>();
    let answers = (0..=limits::MAX_ANSWERS).map(|n| (n.to_string(), Value::Null));
    let times = json!({"start_time": 1, "end_time": 2, "coach": id("Coach Hana")});
    let text = || json!("x".repeat(limits::MAX_TEXT_BYTES + 1));
    let comment = "x".repeat(limits::MAX_COMMENT_CODE_POINTS + 1);
    let at_most = |most: usize| format!("{most} at most.");
    let characters = format!("{} characters at most.", limits::MAX_COMMENT_CODE_POINTS);
    for (action, key, long, expected) in [
        ("admin_create_user", "name", text(), "is too long."),
        ("admin_delete_user", "user_id", text(), "is too long."),
        ("coach_add_training_session", "comment", text(), &characters),
        (
            "coach_add_training_session",
            "comment",
            json!(comment),
            &characters,
        ),
        (
            "coach_register_participation",
            "participants",
            list(limits::MAX_PARTICIPANTS),
            &at_most(limits::MAX_PARTICIPANTS),
        ),
        (
            "any_register_participation",
            "user_auth_tokens",
            list(limits::MAX_CODES),
            &at_most(limits::MAX_CODES),
        ),
        (
            "any_register_participation",
            "joining_sessions",
            answers.collect(),
            &at_most(limits::MAX_ANSWERS),
        ),
    ] {
        let mut request = times.clone();
        request["action"] = json!(action);
        request["role"] = json!("Student");
        request["session_id"] = json!(present_session(&club));
        request["user_auth_tokens"] = json!([code("Amir")]);
        request["joining_sessions"] = json!({});
        request[key] = long;
        let text = refused_as(&club, "Grandmaster Oh", request);
        assert!(text.ends_with(expected), "{action}: {text}");
    }
}

/// It may be older than today's rules, and hold what a request cannot.
#[test]
fn a_stored_comment_is_accepted_as_it_is_shown() {
    let mut club = demo_club();
    let session_id = a_session(&club);
    let long = "x".repeat(limits::MAX_COMMENT_CODE_POINTS + 1);
    let cut = surrogates::replaced("cut \\ud83d").expect("half a pair");
    for (stored, sent) in [(long.clone(), long), (cut, "cut \u{fffd}".to_owned())] {
        club.has_stand_ins = stored != sent;
        let session = club.sessions.get_mut(&session_id).unwrap();
        session.comment = Some(Some(stored.clone()));
        let request = json!({"action": "coach_update_training_session", "session_id": session_id,
            "start_time": 5, "end_time": 6, "coach": id("Amir"), "comment": sent});
        let change = change_as(&club, "Coach Hana", request.clone());
        let comment = &change.club.sessions[&session_id].comment;
        assert_eq!(*comment, Some(Some(stored)));
        assert_eq!(change.answer["session"]["comment"], sent);
        let longer = "x".repeat(limits::MAX_COMMENT_CODE_POINTS + 2);
        let request = with(&request, "comment", Some(json!(longer)));
        refused_as(&club, "Coach Hana", request);
    }
}

#[test]
fn a_created_user_has_new_id_and_code_and_the_normalised_name() {
    let club = demo_club();
    let request = json!({"action": "admin_create_user", "role": "Coach", "name": "  Jo\u{fb03}  "});
    let change = change_as(&club, "Grandmaster Oh", request.clone());
    let answer = &change.answer;
    assert_eq!(answer["name"], "Joffi");
    assert_eq!(answer["role"], "Coach");
    let user = &change.club.users[answer["user_id"].as_str().unwrap()];
    assert_eq!(user.auth_token.text(), answer["auth_token"]);
    assert_eq!((user.name.as_str(), user.role), ("Joffi", Role::Coach));
    assert_eq!(answer.as_object().unwrap().len(), 4);
    assert_eq!(change.club.users.len(), club.users.len() + 1);
    // Repeated, it gives the same answer, whatever became of the user.
    assert_eq!(
        repeat_as(&club, "Grandmaster Oh", &request),
        Ok(answer.clone())
    );
}

#[test]
fn names_are_unique_and_roles_exact() {
    let club = demo_club();
    let create = json!({"action": "admin_create_user", "role": "Student", "name": "Amir"});
    assert!(refused_as(&club, "Grandmaster Oh", create.clone()).contains("name"));
    change_as(
        &club,
        "Grandmaster Oh",
        with(&create, "name", Some(json!("amir"))),
    );
    for role in ["student", "Admin ", "", "Guest", "ADMIN"] {
        let request = json!({"action": "admin_create_user", "role": role, "name": "New"});
        refused_as(&club, "Grandmaster Oh", request);
    }
    for name in ["ab", "  ab  ", "a\u{7}bc"] {
        let request = json!({"action": "admin_create_user", "role": "Coach", "name": name});
        refused_as(&club, "Grandmaster Oh", request);
    }
}

#[test]
fn updating_keeps_id_and_code_and_what_is_unknown() {
    let club = demo_club();
    let request = json!({"action": "admin_update_user", "user_id": id("Amir"), "role": "Coach", "name": "Amir K"});
    let change = change_as(&club, "Grandmaster Oh", request);
    assert_eq!(change.answer, json!({}));
    let expected = User {
        name: "Amir K".into(),
        role: Role::Coach,
        ..club.users[&id("Amir")].clone()
    };
    assert_eq!(change.club.users[&id("Amir")], expected);
}

#[test]
fn the_stored_name_is_accepted_whatever_todays_rules() {
    let mut club = demo_club();
    for name in ["x", "Birgitte", "e\u{301}mile", "tab\tbed"] {
        club.users.get_mut(&id("Amir")).unwrap().name = name.into();
        let request = json!({"action": "admin_update_user", "user_id": id("Amir"), "role": "Coach", "name": name});
        let change = change_as(&club, "Grandmaster Oh", request.clone());
        assert_eq!(change.club.users[&id("Amir")].name, name);
        refused_as(
            &club,
            "Grandmaster Oh",
            with(&request, "name", Some(json!("Carlos"))),
        );
        refused_as(
            &club,
            "Grandmaster Oh",
            with(&request, "name", Some(json!("yy"))),
        );
    }
}

#[test]
fn the_last_admin_keeps_the_role_and_the_own_role_may_change() {
    let mut club = demo_club();
    let request = json!({"action": "admin_update_user", "user_id": id("Grandmaster Oh"),
        "role": "Coach", "name": "Grandmaster Oh"});
    assert!(refused_as(&club, "Grandmaster Oh", request.clone()).contains("last admin"));
    club.users.get_mut(&id("Amir")).unwrap().role = Role::Admin;
    let change = change_as(&club, "Grandmaster Oh", request);
    assert_eq!(change.club.users[&id("Grandmaster Oh")].role, Role::Coach);
}

#[test]
fn deleting_leaves_sessions_alone_and_never_hits_the_caller() {
    let club = demo_club();
    let request = json!({"action": "admin_delete_user", "user_id": id("Coach Hana")});
    let change = change_as(&club, "Grandmaster Oh", request.clone());
    assert!(!change.club.users.contains_key(&id("Coach Hana")));
    assert_eq!(change.club.sessions, club.sessions);
    refused_as(&change.club, "Grandmaster Oh", request);
    let own = json!({"action": "admin_delete_user", "user_id": id("Grandmaster Oh")});
    assert!(refused_as(&club, "Grandmaster Oh", own).contains("yourself"));
}

#[test]
fn codes_are_shown_and_replaced() {
    let club = demo_club();
    let show = json!({"action": "admin_show_auth_token", "user_id": id("Amir"),
        "auth_token": code("Grandmaster Oh")});
    let decision = decide(&club, &data(&show), &occasion());
    assert!(
        matches!(decision, Ok(Decision::Answer(a)) if a == json!({"auth_token": code("Amir")}))
    );

    for name in ["Amir", "Grandmaster Oh"] {
        let reset = json!({"action": "admin_reset_auth_token", "user_id": id(name)});
        let change = change_as(&club, "Grandmaster Oh", reset.clone());
        let new = change.answer["auth_token"].as_str().unwrap().to_owned();
        assert_eq!(new.len(), LoginCode::NEW_LENGTH);
        assert_ne!(new, code(name));
        assert_eq!(change.club.users[&id(name)].auth_token.text(), new);
        assert_eq!(
            repeat_as(&change.club, "Grandmaster Oh", &reset),
            Ok(change.answer)
        );
    }
}

#[test]
fn a_new_session_is_scheduled_and_its_coach_comes() {
    let club = demo_club();
    let coach = id("Amir");
    for (start, end, comment) in [
        (0_i64, 1_i64, json!(null)),
        (-5, 0, json!("")),
        (1 << 33, (1 << 33) + 1, json!("\u{1f94b}".repeat(10_000))),
        (-62_135_596_800, 99_999_999_999, json!("한글")),
    ] {
        let request = json!({"action": "coach_add_training_session", "start_time": start,
            "end_time": end, "coach": coach, "comment": comment});
        let change = change_as(&club, "Coach Hana", request.clone());
        let session = &change.answer["session"];
        let session_id = session["session_id"].as_str().unwrap();
        let expected = json!({"session_id": session_id, "start_time": start, "end_time": end,
            "state": "scheduled", "coach": coach, "comment": comment, "participation": {&coach: "Yes"}});
        assert_eq!(*session, expected);
        assert!(change.club.sessions.contains_key(session_id));
        assert_eq!(repeat_as(&club, "Coach Hana", &request), Ok(change.answer));
    }
}

#[test]
fn sessions_need_a_coach_and_sensible_times() {
    let club = demo_club();
    let session = a_session(&club);
    let content = json!({"start_time": 1, "end_time": 2, "coach": id("Amir"), "comment": "x"});
    let mut add = content.clone();
    add["action"] = json!("coach_add_training_session");
    let mut update = content;
    update["action"] = json!("coach_update_training_session");
    update["session_id"] = json!(session);
    for request in [add, update] {
        for (key, value) in [
            ("coach", json!("nobody")),
            ("coach", json!("Amir")),
            ("end_time", json!(1)),
            ("end_time", json!(0)),
            ("end_time", json!(100_000_000_000_i64)),
            ("start_time", json!(-62_135_596_801_i64)),
            ("start_time", json!(u64::MAX)),
            ("start_time", json!(true)),
            ("comment", json!("x".repeat(10_001))),
            ("comment", json!("x".repeat(1_000_000))),
        ] {
            refused_as(&club, "Coach Hana", with(&request, key, Some(value)));
        }
    }
}

#[test]
fn content_is_replaced_in_scheduled_sessions_only() {
    let mut club = demo_club();
    let session_id = a_session(&club);
    let request = json!({"action": "coach_update_training_session", "session_id": session_id,
        "start_time": 5, "end_time": 6, "coach": id("Amir"), "comment": null});
    let change = change_as(&club, "Coach Hana", request.clone());
    let expected = Session {
        start_time: 5,
        end_time: 6,
        coach: Some(Some(id("Amir"))),
        comment: Some(None),
        ..(*club.sessions[&session_id]).clone()
    };
    assert_eq!(*change.club.sessions[&session_id], expected);
    assert_eq!(change.answer, json!({"session": expected}));
    assert_eq!(
        repeat_as(&change.club, "Coach Hana", &request),
        Ok(change.answer)
    );
    assert!(repeat_as(&Club::default(), "Coach Hana", &request).is_err());
    for state in [SessionState::Cancelled, SessionState::Archived] {
        club.sessions.get_mut(&session_id).unwrap().state = state;
        refused_as(&club, "Coach Hana", request.clone());
    }
    refused_as(
        &club,
        "Coach Hana",
        with(&request, "session_id", Some(json!("nobody"))),
    );
}

#[test]
fn every_state_follows_every_state() {
    let mut club = demo_club();
    let session_id = a_session(&club);
    for from in ["scheduled", "cancelled", "archived"] {
        club.sessions.get_mut(&session_id).unwrap().state = SessionState::from_name(from).unwrap();
        for to in ["scheduled", "cancelled", "archived", "deleted"] {
            // Other keys are ignored, whatever they hold.
            let request = json!({"action": "coach_update_training_session", "session_id": session_id,
                "session_state": to, "start_time": "x", "coach": null});
            match decide_as(&club, "Coach Hana", request).unwrap() {
                Decision::Answer(answer) => assert_eq!((answer, from), (json!({}), to)),
                Decision::Change(change) => {
                    assert_eq!(change.answer, json!({}));
                    let state = change
                        .club
                        .sessions
                        .get(&session_id)
                        .map(|s| s.state.name());
                    assert_eq!(state, (to != "deleted").then_some(to));
                }
                Decision::ReadHistory(_) => unreachable!(),
            }
        }
    }
    for state in [json!(null), json!(""), json!("Scheduled"), json!(1)] {
        refused_as(
            &club,
            "Coach Hana",
            json!({"action": "coach_update_training_session",
            "session_id": session_id, "session_state": state, "start_time": 1, "end_time": 2,
            "coach": id("Amir"), "comment": null}),
        );
    }
}

#[test]
fn attendance_records_the_session_as_it_was_and_archives_it() {
    let club = demo_club();
    let session_id = present_session(&club);
    let request = json!({"action": "coach_register_participation", "session_id": session_id,
        "participants": [id("Emil"), id("Amir"), id("Emil")]});
    let change = change_as(&club, "Coach Hana", request.clone());
    assert_eq!(
        change.club.sessions[&session_id].state,
        SessionState::Archived
    );
    let HistoryChange::Record(record) = &change.history else {
        panic!("no record")
    };
    assert_eq!(record.session, *club.sessions[&session_id]);
    let mut expected = vec![id("Amir"), id("Emil")];
    expected.sort();
    assert_eq!((record.year, &record.participants), (2027, &expected));

    // Registered again, the copy is the archived session.
    let again = change_as(
        &change.club,
        "Coach Hana",
        with(&request, "participants", Some(json!([]))),
    );
    let HistoryChange::Record(record) = &again.history else {
        panic!("no record")
    };
    assert_eq!(record.session.state, SessionState::Archived);
    assert_eq!(again.club, change.club);
}

#[test]
fn attendance_of_a_session_long_over_removes_it_at_once() {
    let mut club = demo_club();
    let session_id = present_session(&club);
    let session = club.sessions.get_mut(&session_id).unwrap();
    (session.start_time, session.end_time) = (NOW - 50_000, NOW - 43_201);
    let request = json!({"action": "coach_register_participation", "session_id": session_id,
        "participants": []});
    assert!(
        !change_as(&club, "Coach Hana", request)
            .club
            .sessions
            .contains_key(&session_id)
    );
}

#[test]
fn attendance_is_refused_too_early_and_for_who_does_not_exist() {
    let mut club = demo_club();
    let session_id = present_session(&club);
    let request = json!({"action": "coach_register_participation", "session_id": session_id,
        "participants": [id("Amir")]});
    for participants in [
        json!(["nobody"]),
        json!([id("Amir"), null]),
        json!([7]),
        json!({}),
    ] {
        refused_as(
            &club,
            "Coach Hana",
            with(&request, "participants", Some(participants)),
        );
    }
    refused_as(
        &club,
        "Coach Hana",
        with(&request, "session_id", Some(json!("nobody"))),
    );
    for (start_time, is_early) in [(NOW + 600, false), (NOW + 601, true)] {
        club.sessions.get_mut(&session_id).unwrap().start_time = start_time;
        assert_eq!(
            decide_as(&club, "Coach Hana", request.clone()).is_err(),
            is_early
        );
    }
    club.sessions.get_mut(&session_id).unwrap().start_time = -62_135_596_801;
    assert!(refused_as(&club, "Coach Hana", request.clone()).contains("year 1"));
    club.sessions.get_mut(&session_id).unwrap().state = SessionState::Cancelled;
    assert!(refused_as(&club, "Coach Hana", request).contains("cancelled"));
}

#[test]
fn the_history_is_read_for_the_years_of_the_period() {
    let request = |start: i64, end: i64| {
        json!({"action": "coach_get_historical_participation",
        "start_time": start, "end_time": end})
    };
    let new_year = 1_798_761_600;
    let good = [
        (new_year - 1, new_year, 2026..=2026),
        (new_year - 1, new_year + 1, 2026..=2027),
        (1_700_000_000, NOW + 31 * 86_400, 2023..=2027),
    ];
    for (start_time, end_time, years) in good {
        match decide_as(&demo_club(), "Coach Hana", request(start_time, end_time)) {
            Ok(Decision::ReadHistory(range)) => {
                assert_eq!(
                    range,
                    HistoryRange {
                        start_time,
                        end_time,
                        years
                    }
                );
            }
            other => panic!("{other:?}"),
        }
    }
    for (start, end) in [
        (NOW, NOW),
        (NOW, NOW - 1),
        (1_699_999_999, NOW),
        (NOW, NOW + 31 * 86_400 + 1),
    ] {
        refused_as(&demo_club(), "Coach Hana", request(start, end));
    }
}

#[test]
fn answers_are_stored_for_everybody_whose_code_is_given() {
    let club = demo_club();
    let (one, other) = (a_session(&club), present_session(&club));
    let request = json!({"action": "any_register_participation",
        "joining_sessions": {&one: "Maybe", &other: null},
        "user_auth_tokens": [code("Amir"), code("Fatima"), code("Amir"), "unknown", ""]});
    let Ok(Decision::Change(change)) = decide(&club, &data(&request), &occasion()) else {
        panic!("no change");
    };
    assert_eq!(change.answer, json!({}));
    for name in ["Amir", "Fatima"] {
        let of = |session: &str| change.club.sessions[session].participation.get(&id(name));
        assert_eq!((of(&one), of(&other)), (Some(Participation::Maybe), None));
    }
    let others = |club: &Club| club.sessions[&one].participation.len();
    assert!((others(&club)..=others(&club) + 2).contains(&others(&change.club)));
}

#[test]
fn any_number_of_codes_may_be_given() {
    let club = demo_club();
    let session = a_session(&club);
    let mut codes: Vec<_> = (0..5_000).map(|n| json!(format!("unknown {n}"))).collect();
    codes.push(json!(code("Amir")));
    let request = json!({"action": "any_register_participation",
        "joining_sessions": {&session: "Maybe"}, "user_auth_tokens": codes});
    assert!(matches!(
        decide(&club, &data(&request), &occasion()),
        Ok(Decision::Change(_))
    ));
}

/// A file edited by hand may say another id inside than the one that it stands under, which counts.
#[test]
fn what_is_asked_for_by_id_is_what_stands_under_it() {
    let mut club = demo_club();
    let (amir, emil) = (id("Amir"), id("Emil"));
    club.users.get_mut(&amir).unwrap().user_id = emil.clone();
    let session_id = present_session(&club);
    club.sessions.get_mut(&session_id).unwrap().session_id = "another".to_owned();
    let change = |request| change_as(&club, "Grandmaster Oh", request);

    let deleted = change(json!({"action": "admin_delete_user", "user_id": amir})).club;
    assert!(!deleted.users.contains_key(&amir) && deleted.users.contains_key(&emil));
    let updated = change(
        json!({"action": "admin_update_user", "user_id": amir, "role": "Coach",
        "name": "Someone"}),
    );
    assert_eq!(updated.club.users[&amir].name, "Someone");
    assert_eq!(updated.club.users[&emil], club.users[&emil]);
    let reset = change(json!({"action": "admin_reset_auth_token", "user_id": amir}));
    assert_eq!(
        reset.club.users[&amir].auth_token.text(),
        reset.answer["auth_token"]
    );
    let attendance = change(json!({"action": "coach_register_participation",
        "session_id": session_id, "participants": [amir]}));
    let HistoryChange::Record(record) = attendance.history else {
        panic!("no record")
    };
    assert_eq!(record.session_id, session_id);
}

#[test]
fn one_fault_refuses_all_answers() {
    let club = demo_club();
    let session = a_session(&club);
    let good = json!({"action": "any_register_participation",
        "joining_sessions": {&session: "Yes"}, "user_auth_tokens": [code("Amir")]});
    let mut bad_answers = no_strings();
    bad_answers.retain(|value| !value.is_null());
    bad_answers.extend([json!("yes"), json!(""), json!("YES"), json!("Yes ")]);
    for answer in bad_answers {
        let joining = json!({&session: answer});
        refused_as(
            &club,
            "Amir",
            with(&good, "joining_sessions", Some(joining)),
        );
    }
    let unknown = json!({&session: "Yes", "nobody": "No"});
    refused_as(
        &club,
        "Amir",
        with(&good, "joining_sessions", Some(unknown)),
    );
    for codes in [
        json!([code("Amir"), 7]),
        json!([null]),
        json!([]),
        json!(["unknown"]),
    ] {
        refused_as(&club, "Amir", with(&good, "user_auth_tokens", Some(codes)));
    }
}

#[test]
fn what_changes_nothing_writes_nothing_and_pruning_counts() {
    let mut club = demo_club();
    let request = json!({"action": "any_register_participation", "joining_sessions": {},
        "user_auth_tokens": [code("Amir")]});
    assert!(matches!(
        decide(&club, &data(&request), &occasion()),
        Ok(Decision::Answer(_))
    ));
    let session_id = present_session(&club);
    let session = club.sessions.get_mut(&session_id).unwrap();
    (session.state, session.end_time) = (SessionState::Archived, NOW - 43_201);
    let Ok(Decision::Change(change)) = decide(&club, &data(&request), &occasion()) else {
        panic!("no change");
    };
    assert!(!change.club.sessions.contains_key(&session_id));
    // An action that does not save leaves such sessions alone.
    let read = json!({"action": "any_trigger_initialization"});
    assert!(matches!(
        decide(&club, &data(&read), &occasion()),
        Ok(Decision::Answer(_))
    ));
}

#[test]
fn the_test_set_up_needs_its_secret() {
    let club = Club::default();
    let request = json!({"action": "any_reset_test_setup", "test_secret": TEST_SECRET});
    let Ok(Decision::Change(change)) = decide(&club, &data(&request), &occasion()) else {
        panic!("no change");
    };
    assert_eq!(change.club, demo_club());
    let HistoryChange::Replace(years) = &change.history else {
        panic!("no history");
    };
    assert_eq!(years.len(), 2);
    // Who repeats it may have to write them.
    let text = |years: &BTreeMap<i32, History>| -> Vec<_> {
        let years = years.iter();
        years.map(|(year, it)| (*year, it.to_json())).collect()
    };
    let repeated = replaced_history(&data(&request), &occasion());
    assert_eq!(text(&repeated), text(years));
    let other = json!({"action": "any_trigger_initialization"});
    assert!(replaced_history(&data(&other), &occasion()).is_empty());
    let mut wrong = no_strings();
    wrong.extend([json!(""), json!("test"), json!("test secret ")]);
    for secret in wrong {
        let request = with(&request, "test_secret", Some(secret));
        assert!(
            decide(&club, &data(&request), &occasion()).is_err(),
            "{request}"
        );
    }
    let disabled = Occasion {
        test_secret: None,
        ..occasion()
    };
    for request in [request, json!({"action": "any_reset_test_setup"})] {
        assert!(decide(&club, &data(&request), &disabled).is_err());
    }
}

/// Whoever sends a request again is asked for the same as the first time.
#[test]
fn a_repetition_is_authenticated() {
    let club = demo_club();
    let reset = json!({"action": "admin_reset_auth_token", "user_id": id("Grandmaster Oh")});
    let create = json!({"action": "admin_create_user", "role": "Coach", "name": "Joffi"});
    let add = json!({"action": "coach_add_training_session", "start_time": 1, "end_time": 2,
        "coach": id("Amir"), "comment": null});
    let demote = json!({"action": "admin_update_user", "user_id": id("Amir"), "role": "Coach",
        "name": "Amir"});
    for (request, callers) in [
        (&reset, &["Coach Hana", "Amir", "Nobody"][..]),
        (&create, &["Coach Hana", "Amir", "Nobody"]),
        (&demote, &["Coach Hana", "Amir", "Nobody"]),
        (&add, &["Amir", "Nobody"]),
    ] {
        for caller in callers {
            assert!(
                repeat_as(&club, caller, request).is_err(),
                "{caller} {request}"
            );
        }
        assert!(
            repeat(&club, &data(request), &occasion()).is_err(),
            "no code at all"
        );
    }
    let answer = json!({"action": "any_register_participation", "joining_sessions": {},
        "user_auth_tokens": ["nobody's"]});
    assert!(repeat(&club, &data(&answer), &occasion()).is_err());
    for wrong in [json!("wrong"), json!(null)] {
        let setup = json!({"action": "any_reset_test_setup", "test_secret": wrong});
        assert!(repeat(&club, &data(&setup), &occasion()).is_err());
    }
    let setup = json!({"action": "any_reset_test_setup", "test_secret": TEST_SECRET});
    assert!(repeat(&club, &data(&setup), &occasion()).is_ok());
}

/// An admin who took another code, or gave up the role, is answered once more; after that, nobody is.
#[test]
fn what_the_operation_took_from_its_caller_is_not_asked_for_again() {
    let oh = "Grandmaster Oh";
    let club = demo_club();
    let second = json!({"action": "admin_update_user", "user_id": id("Coach Hana"), "role": "Admin",
        "name": "Coach Hana"});
    let club = change_as(&club, oh, second).club;
    let reset = json!({"action": "admin_reset_auth_token", "user_id": id(oh)});
    let change = change_as(&club, oh, reset.clone());
    assert_eq!(repeat_as(&change.club, oh, &reset), Ok(change.answer));
    let mut later = change.club.clone();
    later.users.get_mut(&id(oh)).unwrap().role = Role::Student;
    assert!(repeat_as(&later, oh, &reset).is_err(), "no admin any more");
    let mut later = change.club;
    later.users.get_mut(&id(oh)).unwrap().auth_token = LoginCode::new("another".into());
    assert!(repeat_as(&later, oh, &reset).is_err(), "replaced once more");

    let resign =
        json!({"action": "admin_update_user", "user_id": id(oh), "role": "Student", "name": oh});
    let change = change_as(&club, oh, resign.clone());
    assert_eq!(repeat_as(&change.club, oh, &resign), Ok(json!({})));
    let mut later = change.club;
    later.users.get_mut(&id(oh)).unwrap().role = Role::Coach;
    assert!(repeat_as(&later, oh, &resign).is_err(), "changed once more");
}

/// Who replaced somebody else's code, and is no member any more, does not get that code.
#[test]
fn a_removed_admin_does_not_get_the_code_that_was_replaced() {
    let oh = "Grandmaster Oh";
    let promote = json!({"action": "admin_update_user", "user_id": id("Coach Hana"), "role": "Admin",
        "name": "Coach Hana"});
    let club = change_as(&demo_club(), oh, promote).club;
    let reset = json!({"action": "admin_reset_auth_token", "user_id": id("Coach Hana")});
    let change = change_as(&club, oh, reset.clone());
    assert_eq!(repeat_as(&change.club, oh, &reset), Ok(change.answer));
    let mut later = change.club;
    later.users.remove(&id(oh));
    assert!(repeat_as(&later, oh, &reset).is_err());
}
