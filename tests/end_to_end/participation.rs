//! Who intends to take part: `any_register_participation` (`docs/api.md#any_register_participation`).

use serde_json::{Value, json};

use crate::expectations::{body_with, hash, members, no_strings, remove, with};
use crate::support::{Backend, Counts, code, id, url_event};

crate::cases! {
    answers_are_stored_for_everybody_named,
    null_takes_an_answer_back,
    unknown_and_repeated_codes_are_skipped,
    none_of_the_codes_is_known,
    every_answer_must_be_one,
    every_session_must_exist,
    every_code_must_be_a_string,
    one_fault_refuses_everything,
    an_empty_request_writes_nothing,
    the_same_answer_writes_nothing,
    state_and_times_do_not_matter,
    answers_of_others_stay,
    bodies_are_strict_json,
}

fn answers_are_stored_for_everybody_named(counts: &Counts) {
    let backend = Backend::demo(counts);
    let (present, next) = (backend.present_session(), backend.next_session());
    for (names, answers) in [
        (vec!["Fatima"], json!({&present: "Yes"})),
        (vec!["Fatima"], json!({&present: "No"})),
        (vec!["Amir", "Emil", "Fatima"], json!({&present: "Maybe"})),
        (
            vec!["Coach Jonas", "Grandmaster Oh"],
            json!({&present: "Yes", &next: "No"}),
        ),
        (
            vec!["Birgitte", "Dagny"],
            json!({&next: "Maybe", &present: "Yes"}),
        ),
    ] {
        let answer =
            backend.effect_as("Nobody", &answers_of(&names, answers.clone()), |club, _| {
                for (session_id, answer) in answers.as_object().unwrap() {
                    for name in &names {
                        club["sessions"][session_id]["participation"][id(name)] = answer.clone();
                    }
                }
            });
        assert_eq!(answer, json!({}));
    }
}

fn null_takes_an_answer_back(counts: &Counts) {
    let backend = Backend::demo(counts);
    let (present, next) = (backend.present_session(), backend.next_session());
    // Amir and Carlos have answered for the present session.
    let take_back = answers_of(&["Amir", "Carlos"], json!({&present: null}));
    let answer = backend.effect_as("Nobody", &take_back, |club, _| {
        for name in ["Amir", "Carlos"] {
            remove(&mut club["sessions"][&present]["participation"], &id(name));
        }
    });
    assert_eq!(answer, json!({}));
    // There is none any more: no error.
    assert_eq!(backend.writes_nothing_as("Nobody", &take_back), json!({}));
    // Some have one and some have not; another session is answered at the same time.
    let mixed = answers_of(&["Amir", "Dagny"], json!({&present: null, &next: "Yes"}));
    backend.effect_as("Nobody", &mixed, |club, _| {
        remove(
            &mut club["sessions"][&present]["participation"],
            &id("Dagny"),
        );
        for name in ["Amir", "Dagny"] {
            club["sessions"][&next]["participation"][id(name)] = json!("Yes");
        }
    });
    backend.ok_as("Nobody", &answers_of(&["Amir"], json!({&present: "No"})));
    assert_eq!(
        backend.published()["sessions"][&present]["participation"][id("Amir")],
        "No"
    );
}

fn unknown_and_repeated_codes_are_skipped(counts: &Counts) {
    let backend = Backend::demo(counts);
    let present = backend.present_session();
    let codes = json!([
        "",
        "unknown",
        code("Nobody"),
        code("Fatima"),
        code("Fatima"),
        code("Emil").to_lowercase() + "x",
        format!(" {}", code("Birgitte")),
        hash(&code("Birgitte")),
        id("Birgitte"),
        code("Fatima"),
        code("Coach Hana"),
        "🥋",
    ]);
    for answer in [json!("Yes"), json!("Maybe"), json!(null)] {
        let request = with(
            &answers_of(&[], json!({&present: answer})),
            "user_auth_tokens",
            codes.clone(),
        );
        backend.effect_as("Nobody", &request, |club, _| {
            let participation = &mut club["sessions"][&present]["participation"];
            for name in ["Fatima", "Coach Hana"] {
                if answer.is_null() {
                    remove(participation, &id(name));
                } else {
                    participation[id(name)] = answer.clone();
                }
            }
        });
    }
}

fn none_of_the_codes_is_known(counts: &Counts) {
    let backend = Backend::demo(counts);
    let request = answers_of(&["Amir"], json!({backend.present_session(): "Maybe"}));
    for codes in [
        json!([]),
        json!([""]),
        json!(["unknown"]),
        json!(["unknown", "unknown", "other"]),
        json!([hash(&code("Amir"))]),
        json!([id("Amir")]),
        json!([code("Nobody")]),
        json!([format!("{} ", code("Amir"))]),
    ] {
        backend.refused_as("Nobody", &with(&request, "user_auth_tokens", codes.clone()));
        // The caller's own code is not among them, and an empty request is no exception.
        backend.refused_as("Amir", &with(&request, "user_auth_tokens", codes.clone()));
        let empty = answers_of(&[], json!({}));
        backend.refused_as("Amir", &with(&empty, "user_auth_tokens", codes));
    }
    backend.ok_as("Nobody", &request);
}

fn every_answer_must_be_one(counts: &Counts) {
    let backend = Backend::demo(counts);
    let (present, next) = (backend.present_session(), backend.next_session());
    let mut wrong: Vec<_> = no_strings().into_iter().filter(|v| !v.is_null()).collect();
    for text in [
        "", "yes", "YES", "no", "maybe", " Yes", "Yes ", "null", "Yes\0", "true", "Perhaps",
    ] {
        wrong.push(json!(text));
    }
    for answer in wrong {
        backend.refused_as("Nobody", &answers_of(&["Amir"], json!({&present: answer})));
        let second = json!({&present: "Maybe", &next: answer});
        backend.refused_as("Nobody", &answers_of(&["Amir"], second));
    }
    let wrong = [
        json!("Yes"),
        json!([]),
        json!([[&present, "Yes"]]),
        json!(7),
        json!(true),
        json!(null),
    ];
    let request = answers_of(&["Amir"], json!({&present: "Maybe"}));
    backend.each_refused_as("Nobody", &request, "joining_sessions", &wrong);
}

fn every_session_must_exist(counts: &Counts) {
    let backend = Backend::demo(counts);
    let present = backend.present_session();
    for session_id in [
        "",
        "00000000-0000-4000-8000-000000000000",
        &present.to_uppercase(),
        &format!("{present} "),
        &id("Amir"),
        "__proto__",
    ] {
        for answer in [json!("Yes"), json!(null)] {
            backend.refused_as(
                "Nobody",
                &answers_of(&["Amir"], json!({session_id: answer})),
            );
            let second = json!({&present: "Maybe", session_id: answer});
            backend.refused_as("Nobody", &answers_of(&["Amir"], second));
        }
    }
    let delete = json!({"action": "coach_update_training_session", "session_id": present,
        "session_state": "deleted"});
    backend.ok_as("Coach Hana", &delete);
    backend.refused_as("Nobody", &answers_of(&["Amir"], json!({&present: null})));
}

fn every_code_must_be_a_string(counts: &Counts) {
    let backend = Backend::demo(counts);
    let request = answers_of(&["Amir"], json!({backend.present_session(): "Maybe"}));
    let mut wrong = vec![
        json!(null),
        json!(true),
        json!(7),
        json!({}),
        json!(code("Amir")),
        json!({code("Amir"): true}),
    ];
    for code_of_a_kind in no_strings() {
        wrong.push(json!([code_of_a_kind]));
        wrong.push(json!([code("Amir"), code_of_a_kind]));
        wrong.push(json!([code_of_a_kind, "unknown", code("Amir")]));
    }
    backend.each_refused_as("Nobody", &request, "user_auth_tokens", &wrong);
}

fn one_fault_refuses_everything(counts: &Counts) {
    let backend = Backend::demo(counts);
    let (present, next) = (backend.present_session(), backend.next_session());
    let good = answers_of(&["Amir", "Emil"], json!({&present: "No", &next: "No"}));
    for (path, wrong) in [
        ("/joining_sessions", json!({&present: "No", &next: "no"})),
        (
            "/joining_sessions",
            json!({&present: "No", &next: "No", "x": "No"}),
        ),
        ("/user_auth_tokens", json!([code("Amir"), code("Emil"), 7])),
    ] {
        let mut request = good.clone();
        *request.pointer_mut(path).unwrap() = wrong;
        backend.refused_as("Nobody", &request);
    }
    backend.ok_as("Nobody", &good);
}

fn an_empty_request_writes_nothing(counts: &Counts) {
    let backend = Backend::demo(counts);
    let empty = answers_of(&["Amir"], json!({}));
    assert_eq!(backend.writes_nothing_as("Nobody", &empty), json!({}));
}

fn the_same_answer_writes_nothing(counts: &Counts) {
    let backend = Backend::demo(counts);
    let present = backend.present_session();
    for answer in [json!("Yes"), json!("No"), json!("Maybe"), json!(null)] {
        let request = answers_of(&["Fatima", "Dagny"], json!({&present: answer}));
        backend.ok_as("Nobody", &request);
        assert_eq!(backend.writes_nothing_as("Nobody", &request), json!({}));
    }
}

fn state_and_times_do_not_matter(counts: &Counts) {
    let backend = Backend::demo(counts);
    for (session_id, start_time, state) in [
        ("long ago", 0, "scheduled"),
        ("long ago too", 0, "cancelled"),
        ("ahead", 1_i64 << 33, "cancelled"),
        ("archived", 1_i64 << 33, "archived"),
    ] {
        backend.put_session(session_id, start_time, start_time + 60);
        backend.edit(|club| club["sessions"][session_id]["state"] = json!(state));
        for answer in ["No", "Yes"] {
            let request = answers_of(&["Emil"], json!({session_id: answer}));
            backend.effect_as("Nobody", &request, |club, _| {
                club["sessions"][session_id]["participation"][id("Emil")] = json!(answer);
            });
        }
    }
    // Of a session that this save leaves out, no answer is left.
    backend.put_session("over", 1_000, 2_000);
    backend.edit(|club| club["sessions"]["over"]["state"] = json!("archived"));
    let request = answers_of(&["Emil"], json!({"over": "Yes"}));
    backend.effect_as("Nobody", &request, |club, _| {
        remove(&mut club["sessions"], "over");
    });
    backend.refused_as("Nobody", &request);
}

fn answers_of_others_stay(counts: &Counts) {
    let backend = Backend::demo(counts);
    let present = backend.present_session();
    let participation = || backend.private()["sessions"][&present]["participation"].clone();
    // Of one who is no member any more, too.
    backend.ok_as(
        "Grandmaster Oh",
        &json!({"action": "admin_delete_user", "user_id": id("Carlos")}),
    );
    let mut expected = participation();
    assert_eq!(expected[id("Carlos")], "Yes");
    for (name, answer) in [
        ("Amir", "No"),
        ("Dagny", "Yes"),
        ("Birgitte", "Maybe"),
        ("Amir", "Yes"),
    ] {
        backend.ok_as("Nobody", &answers_of(&[name], json!({&present: answer})));
        expected[id(name)] = json!(answer);
        assert_eq!(participation(), expected);
    }
    assert_eq!(members(&mut expected).len(), 6);
    // A deleted member's code is an unknown one.
    backend.refused_as("Nobody", &answers_of(&["Carlos"], json!({&present: null})));
    backend.published();
}

fn bodies_are_strict_json(counts: &Counts) {
    let backend = Backend::demo(counts);
    let present = backend.present_session();
    let good = answers_of(&["Amir"], json!({&present: "Maybe"}));
    for (key, text) in [
        (
            "joining_sessions",
            format!(r#"{{"{present}":"Yes","{present}":"Maybe"}}"#),
        ),
        ("joining_sessions", format!(r#"{{"{present}":"Yes",}}"#)),
        ("joining_sessions", format!(r"{{'{present}':'Yes'}}")),
        ("user_auth_tokens", format!(r#"["{}",]"#, code("Amir"))),
        (
            "user_auth_tokens",
            format!(r#"["{}","\ud800"]"#, code("Amir")),
        ),
        ("ignored", "NaN".to_owned()),
        ("ignored", "-Infinity".to_owned()),
        ("ignored", "1e400".to_owned()),
        ("ignored", "01".to_owned()),
        ("ignored", "tru".to_owned()),
        ("ignored", "'x'".to_owned()),
        ("ignored", "\"\t\"".to_owned()),
        ("ignored", r#"{"a":1,"a":1}"#.to_owned()),
        ("ignored", r#"[{"a":1,"\u0061":2}]"#.to_owned()),
        ("ignored", "1 /* one */".to_owned()),
        (
            "ignored",
            r#""x","action":"any_trigger_initialization""#.to_owned(),
        ),
        ("ignored", "9".repeat(5_000)),
        ("ignored", "[".repeat(100_000)),
        (
            "ignored",
            format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)),
        ),
    ] {
        backend.count(&good);
        backend.refused_body(&body_with("Amir", &good, key, &text));
    }
    let body = good.to_string();
    for wrong in [
        format!("\u{feff}{body}"),
        format!("{body}{body}"),
        format!("{body}x"),
        body[..body.len() - 1].to_owned(),
        format!("[{body}]"),
        json!(body).to_string(),
    ] {
        backend.count(&good);
        backend.refused_body(&wrong);
    }
    // White space and escapes are JSON.
    let escaped = format!(" \r\n\t{} \n", body.replace("Maybe", r"\u004d\u0061ybe"));
    assert_eq!(backend.event(&url_event(&escaped))["statusCode"], 200);
    assert_eq!(
        backend.published()["sessions"][&present]["participation"][id("Amir")],
        "Maybe"
    );
}

/// The request by which these members answer.
fn answers_of(names: &[&str], answers: Value) -> Value {
    let codes: Vec<_> = names.iter().map(|name| code(name)).collect();
    json!({"action": "any_register_participation", "joining_sessions": answers,
        "user_auth_tokens": codes})
}
