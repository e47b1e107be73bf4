//! S3 refusing, failing, absent, or answering HTML; lost answers; other writers (`docs/api.md#answers`).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use local::setup::{PRIVATE_BUCKET, PUBLIC_BUCKET, TEST_SECRET, lambda_environment};
use local::{Fault, FaultAnswer, Outcome, RequestHead, RuntimeApi, S3Options};
use serde_json::{Value, json};

use crate::cases;
use crate::support::{
    Backend, Counts, answer, code, error_text, id, now, patient_runtime_api, side_by_side, spawn,
    url_event,
};

cases! {
    a_club_that_cannot_be_read_is_never_made_anew,
    a_read_is_tried_again_on_a_fresh_connection,
    connections_closed_by_s3_go_unnoticed,
    a_wrong_set_up_is_a_fault_that_does_not_pass,
    without_list_bucket_an_absent_object_makes_no_club,
    without_list_bucket_an_existing_club_works,
    an_s3_that_is_not_there_is_a_passing_fault,
    a_refused_commit_changes_nothing,
    no_proxy_stands_before_s3,
    a_lost_answer_to_a_commit_is_found_out,
    a_commit_without_an_answer_takes_effect_once,
    a_commit_that_never_gets_an_answer_is_not_known,
    a_commit_without_time_left_is_not_known,
    a_read_without_time_left_changes_nothing,
    a_publication_is_tried_again,
    not_public_yet_is_made_public_by_a_repetition,
    a_refused_publication_is_a_fault_that_does_not_pass,
    a_first_start_survives_lost_answers,
    a_first_start_that_is_refused_makes_half_a_club_at_most,
    a_first_start_tells_the_truth,
    a_fault_of_the_history_leaves_the_club_alone,
    a_refused_commit_leaves_no_history_entry,
    attendance_survives_a_lost_commit,
    a_reset_whose_answer_was_lost_writes_the_history_too,
    a_reset_without_its_history_is_completed_by_a_repetition,
    another_writers_change_is_kept,
    authentication_counts_at_the_time_of_the_commit,
    checks_count_at_the_time_of_the_commit,
    a_club_deleted_meanwhile_is_made_anew,
    two_instances_lose_nothing,
    faults_show_no_login_code,
}

fn a_club_that_cannot_be_read_is_never_made_anew(counts: &Counts) {
    let rows = [
        (s3_error(500, "InternalError"), 503),
        (s3_error(503, "ServiceUnavailable"), 503),
        (Fault::Answer(FaultAnswer::slow_down()), 503),
        (Fault::Answer(FaultAnswer::bad_gateway()), 503),
        (html(503), 503),
        (long_html(503), 503),
        (Fault::Drop, 503),
        (s3_error(403, "AccessDenied"), 500),
        (s3_error(404, "NoSuchBucket"), 500),
        (html(404), 500),
        (long_html(404), 500),
        (html(403), 500),
        (html(302), 500),
        (html(200), 500),
        (empty(404), 500),
        (empty(200), 500),
        (s3_error(404, "nosuchkey"), 500),
    ];
    side_by_side(counts, &rows, |counts, (fault, status)| {
        // On an empty bucket, where a wrong guess would make a club.
        let backend = Backend::empty(counts);
        assert_unreadable(&backend, fault, *status);
        // On a club, which the process has not seen yet.
        let mut backend = Backend::demo(counts);
        backend.restart_without_prefetch();
        assert_unreadable(&backend, fault, *status);
    });
}

#[track_caller]
fn assert_unreadable(backend: &Backend<'_>, fault: &Fault, status: u64) {
    let before = objects(backend);
    backend.s3.clear_requests();
    always(backend, "GET", PRIVATE_BUCKET, "data.json", fault);
    assert_fault(
        &backend.hurried(&create("Never")),
        status,
        "Nothing was changed",
    );
    if status == 500 {
        assert_fault(&backend.hurried(&trigger()), status, "Nothing was changed");
        assert_fault(&backend.hurried(&json!({})), status, "Nothing was changed");
    }
    assert!(objects(backend) == before, "{fault:?}");
    assert!(put_requests(backend).is_empty(), "{fault:?}");
    let line = backend.log_line(|line| line["message"] == "request failed");
    let cause = line["cause"].as_str().unwrap();
    assert!(cause.contains("private data.json"), "{cause}");
    assert_eq!(line["state"], "nothing changed");

    backend.s3.set_fault(None);
    assert_eq!(backend.call(&trigger()).0, 200, "it has passed");
}

fn a_read_is_tried_again_on_a_fresh_connection(counts: &Counts) {
    let backend = Backend::demo(counts);
    once(&backend, "GET", PRIVATE_BUCKET, "data.json", Fault::Drop);
    assert_eq!(backend.call(&trigger()), (200, json!({})));
    assert_eq!(backend.s3.requests().len(), 2);
}

fn connections_closed_by_s3_go_unnoticed(counts: &Counts) {
    let backend = Backend::demo(counts);
    for number in 0..3 {
        backend.s3.close_connections();
        assert_eq!(
            backend.event(&create(&format!("Number {number}")))["statusCode"],
            200
        );
    }
    assert_eq!(user_count(&backend), 13);
}

fn a_wrong_set_up_is_a_fault_that_does_not_pass(counts: &Counts) {
    for (name, value, hint) in [
        ("PRIVATE_BUCKET_NAME", "absent-bucket", "NoSuchBucket"),
        ("AWS_REGION", "us-east-1", "AWS_REGION"),
        ("AWS_SESSION_TOKEN", "", "InvalidAccessKeyId"),
        ("AWS_ACCESS_KEY_ID", "ASIANOTHER", "InvalidAccessKeyId"),
        ("AWS_SECRET_ACCESS_KEY", "anothers", "SignatureDoesNotMatch"),
    ] {
        let backend = Backend::start(counts, S3Options::default(), &[(name, value)]);
        for _ in 0..2 {
            assert_fault(&backend.event(&trigger()), 500, "Nothing was changed");
        }
        assert!(objects(&backend) == [None, None]);
        let line = backend.log_line(|line| line["message"] == "request failed");
        assert!(line["cause"].as_str().unwrap().contains(hint), "{line}");
        assert!(
            value.is_empty() || !line.to_string().contains("anothers"),
            "{line}"
        );
    }
    // Only the public bucket is missing.
    let absent = [("PUBLIC_BUCKET_NAME", "absent-bucket")];
    let backend = Backend::start(counts, S3Options::default(), &absent);
    let (status, body) = answer(&backend.event(&trigger()));
    assert_eq!(status, 500);
    let is_made = backend.s3.object(PRIVATE_BUCKET, "data.json").is_some();
    assert_eq!(
        error_text(&body).contains("not public yet"),
        is_made,
        "{body}"
    );
    let line = backend.log_line(|line| line["message"] == "request failed");
    let cause = line["cause"].as_str().unwrap();
    assert!(cause.contains("public data.json"), "{cause}");
}

fn without_list_bucket_an_absent_object_makes_no_club(counts: &Counts) {
    let options = S3Options {
        list_bucket: false,
        ..S3Options::default()
    };
    let backend = Backend::start(counts, options, &[]);
    for data in [trigger(), json!({})] {
        assert_fault(&backend.event(&data), 500, "Nothing was changed");
    }
    assert!(objects(&backend) == [None, None]);
    let line = backend.log_line(|line| line["message"] == "request failed");
    assert!(
        line["cause"].as_str().unwrap().contains("s3:ListBucket"),
        "{line}"
    );
}

fn without_list_bucket_an_existing_club_works(counts: &Counts) {
    let options = S3Options {
        list_bucket: false,
        ..S3Options::default()
    };
    let backend = Backend::start(counts, options, &[]);
    let club = json!({"users": {"u": {"user_id": "u", "name": "Kim", "role": "Admin",
        "auth_token": "Kim12345"}}, "sessions": {}});
    backend
        .s3
        .put_object(PRIVATE_BUCKET, "data.json", club.to_string());
    backend
        .s3
        .put_object(PUBLIC_BUCKET, "data.json", club.to_string());
    let mut data = create("Robin");
    data["auth_token"] = json!("Kim12345");
    assert_eq!(backend.call(&data).0, 200);
}

fn an_s3_that_is_not_there_is_a_passing_fault(counts: &Counts) {
    // Nobody listens there.
    let nowhere = [("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")];
    let backend = Backend::start(counts, S3Options::default(), &nowhere);
    for data in [trigger(), create("Never")] {
        assert_fault(&backend.hurried(&data), 503, "Nothing was changed");
    }
    let line = backend.log_line(|line| line["message"] == "request failed");
    assert!(
        line["cause"].as_str().unwrap().contains("not reached"),
        "{line}"
    );
    let preflight = json!({"requestContext": {"http": {"method": "OPTIONS"}}});
    assert_eq!(backend.event(&preflight)["statusCode"], 200);
}

/// Whatever the environment says: nobody listens there.
fn no_proxy_stands_before_s3(counts: &Counts) {
    let proxies = [
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "all_proxy",
    ]
    .map(|name| (name, "http://127.0.0.1:1"));
    let backend = Backend::start(counts, S3Options::default(), &proxies);
    assert_eq!(backend.call(&trigger()).0, 200);
}

fn a_refused_commit_changes_nothing(counts: &Counts) {
    let backend = Backend::demo(counts);
    let before = objects(&backend);
    for (fault, status, is_tried_again) in [
        (s3_error(403, "AccessDenied"), 500, false),
        (html(404), 500, false),
        (html(413), 500, false),
        (long_html(403), 500, false),
        (Fault::Answer(FaultAnswer::slow_down()), 503, true),
        (s3_error(412, "PreconditionFailed"), 503, true),
        (s3_error(409, "ConditionalRequestConflict"), 503, true),
    ] {
        always(&backend, "PUT", PRIVATE_BUCKET, "data.json", &fault);
        let payload = backend.hurried(&create("Never"));
        // Some are tried again until time is up, which may cut the last try short: then it is not
        // known what became of it.
        let words = if is_tried_again {
            ""
        } else {
            "Nothing was changed"
        };
        assert_fault(&payload, status, words);
        assert!(objects(&backend) == before, "{fault:?}");
        assert!(
            put_requests(&backend)
                .iter()
                .all(|(bucket, _)| bucket == PRIVATE_BUCKET),
            "nothing was published"
        );
    }
    backend.s3.set_fault(None);
    assert_eq!(backend.call(&create("Never")).0, 200);
}

fn a_lost_answer_to_a_commit_is_found_out(counts: &Counts) {
    for fault in [
        Fault::ApplyThenDrop,
        Fault::ApplyThenAnswer(FaultAnswer::s3_error(500, "InternalError", "")),
        Fault::ApplyThenAnswer(FaultAnswer::bad_gateway()),
        Fault::ApplyThenAnswer(FaultAnswer {
            status: 200,
            content_type: "text/html".into(),
            body: b"<html>".to_vec(),
        }),
    ] {
        let backend = Backend::demo(counts);
        once(&backend, "PUT", PRIVATE_BUCKET, "data.json", fault.clone());
        let (status, user) = answer(&backend.event(&create("New")));
        assert_eq!(status, 200, "{fault:?}: {user}");
        assert_eq!(user_count(&backend), 11, "once");
        let stored = &backend.private()["users"][user["user_id"].as_str().unwrap()];
        assert_eq!(*stored, user, "the answer tells what was stored");
        assert_eq!(
            backend.public()["users"].as_object().unwrap().len(),
            11,
            "and it is public"
        );
        let commits = put_requests(&backend);
        let private = commits
            .iter()
            .filter(|(bucket, _)| bucket == PRIVATE_BUCKET);
        assert_eq!(private.count(), 1, "{fault:?}");
    }
}

fn a_commit_without_an_answer_takes_effect_once(counts: &Counts) {
    for fault in [
        Fault::Drop,
        s3_error(500, "InternalError"),
        html(502),
        html(200),
        s3_error(412, "PreconditionFailed"),
        s3_error(409, "ConditionalRequestConflict"),
        s3_error(404, "NoSuchKey"),
    ] {
        let backend = Backend::demo(counts);
        once(&backend, "PUT", PRIVATE_BUCKET, "data.json", fault.clone());
        let (status, user) = answer(&backend.event(&create("New")));
        assert_eq!(status, 200, "{fault:?}: {user}");
        assert_eq!(user_count(&backend), 11);
        assert_eq!(
            backend.private()["users"][user["user_id"].as_str().unwrap()],
            user
        );
    }
}

fn a_commit_that_never_gets_an_answer_is_not_known(counts: &Counts) {
    for fault in [Fault::Drop, s3_error(500, "InternalError"), html(502)] {
        let backend = Backend::demo(counts);
        let before = objects(&backend);
        always(&backend, "PUT", PRIVATE_BUCKET, "data.json", &fault);
        assert_fault(&backend.hurried(&create("Never")), 503, "not known");
        assert!(objects(&backend) == before);
        let line = backend.log_line(|line| line["message"] == "request failed");
        assert_eq!(line["state"], "not known");
        assert!(
            line["cause"]
                .as_str()
                .unwrap()
                .contains("private data.json"),
            "{line}"
        );
        backend.s3.set_fault(None);
        assert_eq!(backend.call(&create("Never")).0, 200);
    }
}

fn a_commit_without_time_left_is_not_known(counts: &Counts) {
    let backend = Backend::demo(counts);
    for (fault, users) in [(Fault::Stall, 10), (Fault::ApplyThenStall, 11)] {
        once(&backend, "PUT", PRIVATE_BUCKET, "data.json", fault);
        let mut data = create("New");
        data["operation_id"] = json!("a-new-member");
        assert_fault(&backend.hurried(&data), 503, "not known");
        assert_eq!(user_count(&backend), users);
        if users == 11 {
            // Now it can be told: the same request is answered as it would have been.
            let (status, user) = answer(&backend.event(&data));
            assert_eq!(status, 200);
            assert_eq!(user_count(&backend), 11);
            assert_eq!(
                backend.private()["users"][user["user_id"].as_str().unwrap()],
                user
            );
            assert_eq!(backend.public()["users"].as_object().unwrap().len(), 11);
        }
    }
}

fn a_read_without_time_left_changes_nothing(counts: &Counts) {
    let mut backend = Backend::demo(counts);
    backend.restart_without_prefetch();
    always(&backend, "GET", PRIVATE_BUCKET, "data.json", &Fault::Stall);
    assert_fault(
        &backend.hurried(&create("Never")),
        503,
        "Nothing was changed",
    );
    assert_eq!(user_count(&backend), 10);
}

fn a_publication_is_tried_again(counts: &Counts) {
    for fault in [
        Fault::Drop,
        Fault::ApplyThenDrop,
        s3_error(500, "InternalError"),
        Fault::Answer(FaultAnswer::slow_down()),
        html(502),
    ] {
        let backend = Backend::demo(counts);
        once(&backend, "PUT", PUBLIC_BUCKET, "data.json", fault.clone());
        let (status, user) = answer(&backend.event(&create("New")));
        assert_eq!(status, 200, "{fault:?}: {user}");
        let id = user["user_id"].as_str().unwrap();
        assert_eq!(backend.public()["users"][id]["name"], "New");
    }
}

fn not_public_yet_is_made_public_by_a_repetition(counts: &Counts) {
    let faults = [
        Fault::Drop,
        s3_error(500, "InternalError"),
        Fault::Answer(FaultAnswer::slow_down()),
        html(502),
    ];
    side_by_side(counts, &faults, |counts, fault| {
        let backend = Backend::demo(counts);
        always(&backend, "PUT", PUBLIC_BUCKET, "data.json", fault);
        let mut data = create("New");
        data["operation_id"] = json!("a-new-member");
        assert_fault(&backend.hurried(&data), 503, "not public yet");
        assert_eq!(user_count(&backend), 11);
        assert_eq!(backend.public()["users"].as_object().unwrap().len(), 10);
        let line = backend.log_line(|line| line["message"] == "request failed");
        assert_eq!(line["state"], "changed, not public");
        assert!(line["cause"].as_str().unwrap().contains("public data.json"));
        // Still not: the same words again.
        assert_fault(&backend.hurried(&data), 503, "not public yet");

        backend.s3.set_fault(None);
        let (status, user) = answer(&backend.event(&data));
        assert_eq!(status, 200, "{user}");
        let id = user["user_id"].as_str().unwrap();
        assert_eq!(backend.private()["users"][id], user);
        assert_eq!(backend.public()["users"][id]["name"], "New");
        assert_eq!(user_count(&backend), 11, "once");
        assert_eq!(answer(&backend.event(&data)), (200, user), "and again");
    });
}

fn a_refused_publication_is_a_fault_that_does_not_pass(counts: &Counts) {
    let backend = Backend::demo(counts);
    for fault in [s3_error(403, "AccessDenied"), html(404)] {
        always(&backend, "PUT", PUBLIC_BUCKET, "data.json", &fault);
        let name = format!("New {}", user_count(&backend));
        assert_fault(&backend.event(&create(&name)), 500, "not public yet");
    }
    assert_eq!(user_count(&backend), 12);
    assert_eq!(backend.public()["users"].as_object().unwrap().len(), 10);
    // The next change makes everything public.
    backend.s3.set_fault(None);
    assert_eq!(backend.call(&create("Last")).0, 200);
    assert_eq!(backend.public()["users"].as_object().unwrap().len(), 13);
}

fn a_first_start_survives_lost_answers(counts: &Counts) {
    for fault in [
        Fault::Drop,
        Fault::ApplyThenDrop,
        s3_error(500, "InternalError"),
    ] {
        for bucket in [PRIVATE_BUCKET, PUBLIC_BUCKET] {
            let backend = Backend::empty(counts);
            once(&backend, "PUT", bucket, "data.json", fault.clone());
            assert_eq!(backend.call(&trigger()), (200, json!({})), "{fault:?}");
            assert_eq!(user_count(&backend), 1);
            assert_consistent(&backend);
        }
    }
}

fn a_first_start_that_is_refused_makes_half_a_club_at_most(counts: &Counts) {
    let backend = Backend::empty(counts);
    let refusal = s3_error(403, "AccessDenied");
    always(&backend, "PUT", PRIVATE_BUCKET, "data.json", &refusal);
    assert_fault(&backend.event(&trigger()), 500, "Nothing was changed");
    assert!(objects(&backend) == [None, None]);

    let backend = Backend::empty(counts);
    always(&backend, "PUT", PUBLIC_BUCKET, "data.json", &Fault::Drop);
    assert_fault(&backend.hurried(&trigger()), 503, "The change was made");
    let private = backend.private();
    backend.s3.set_fault(None);
    assert_eq!(backend.call(&trigger()).0, 200);
    assert_eq!(backend.private(), private, "no second club is made");
}

fn a_first_start_tells_the_truth(counts: &Counts) {
    // A club is made, which nobody hears of, and then S3 is away.
    let requests = [trigger(), reset(), create("Never")];
    side_by_side(counts, &requests, |counts, request| {
        let backend = Backend::empty(counts);
        let writes = AtomicUsize::new(0);
        backend.s3.set_fault(Some(Box::new(move |head| {
            if head.method == "PUT" && writes.fetch_add(1, Ordering::Relaxed) == 0 {
                return Some(Fault::ApplyThenDrop);
            }
            (writes.load(Ordering::Relaxed) > 0).then_some(Fault::Drop)
        })));
        assert_fault(&backend.hurried(request), 503, "not known");
        assert_eq!(user_count(&backend), 1, "there is a club");
    });
    // It is known that a club was made, and that what was asked for was not done.
    side_by_side(counts, &requests[1..], |counts, request| {
        let backend = Backend::empty(counts);
        always(&backend, "PUT", PUBLIC_BUCKET, "data.json", &Fault::Drop);
        assert_fault(&backend.hurried(request), 503, "not known");
        assert_eq!(user_count(&backend), 1, "there is a club");
    });
}

fn a_fault_of_the_history_leaves_the_club_alone(counts: &Counts) {
    let rows = [
        ("GET", s3_error(500, "InternalError"), 503),
        ("GET", s3_error(403, "AccessDenied"), 500),
        ("GET", html(404), 500),
        ("GET", html(200), 500),
        ("GET", Fault::Drop, 503),
        ("PUT", s3_error(403, "AccessDenied"), 500),
        ("PUT", Fault::Answer(FaultAnswer::slow_down()), 503),
        ("PUT", s3_error(500, "InternalError"), 503),
        ("PUT", html(502), 503),
        ("PUT", Fault::Drop, 503),
    ];
    side_by_side(counts, &rows, |counts, (method, fault, status)| {
        let backend = Backend::demo(counts);
        let key = history_key(&backend);
        let before = (objects(&backend), backend.s3.object(PRIVATE_BUCKET, &key));
        always(&backend, method, PRIVATE_BUCKET, &key, fault);
        let payload = backend.hurried(&attendance(&backend));
        assert_eq!(answer(&payload).0, *status, "{method} {fault:?}: {payload}");
        let after = (objects(&backend), backend.s3.object(PRIVATE_BUCKET, &key));
        assert!(after == before, "{method} {fault:?}");
        if *method == "GET" {
            let read = json!({"action": "coach_get_historical_participation",
                "auth_token": code(ADMIN), "start_time": now() - 3_600,
                "end_time": now()});
            assert_fault(&backend.hurried(&read), *status, "Nothing was changed");
        }
        backend.s3.set_fault(None);
        assert_eq!(answer(&backend.event(&attendance(&backend))).0, 200);
    });
}

fn a_refused_commit_leaves_no_history_entry(counts: &Counts) {
    // As in the first weeks of a year: nothing has been recorded in it yet.
    for has_entries in [true, false] {
        a_refused_commit_puts_history_back(counts, has_entries);
    }
}

fn a_refused_commit_puts_history_back(counts: &Counts, has_entries: bool) {
    let backend = Backend::demo(counts);
    let (year, key) = (history_year(&backend), history_key(&backend));
    let entry =
        json!({"earlier": {"session": {"start_time": 1, "end_time": 2}, "participants": []}});
    if has_entries {
        backend.put_history(year, &entry);
    } else {
        backend.s3.delete_object(PRIVATE_BUCKET, &key);
    }
    let refusal = s3_error(403, "AccessDenied");
    always(&backend, "PUT", PRIVATE_BUCKET, "data.json", &refusal);
    let payload = backend.hurried(&attendance(&backend));
    assert_fault(&payload, 500, "Nothing was changed");
    let before = if has_entries { entry } else { json!({}) };
    assert_eq!(backend.history(year), before);
    let writes = put_requests(&backend).into_iter();
    let history = writes.filter(|(_, written)| *written == key);
    assert_eq!(history.count(), 2, "written, and put back");
}

fn attendance_survives_a_lost_commit(counts: &Counts) {
    for (of_history, fault) in [
        (true, Fault::ApplyThenDrop),
        (true, Fault::Drop),
        (true, s3_error(412, "PreconditionFailed")),
        (false, Fault::ApplyThenDrop),
        (false, Fault::Drop),
    ] {
        let backend = Backend::demo(counts);
        let key = history_key(&backend);
        let place = if of_history { &*key } else { "data.json" };
        let session = backend.present_session();
        let scheduled = backend.private()["sessions"][&session].clone();
        once(&backend, "PUT", PRIVATE_BUCKET, place, fault.clone());
        let payload = backend.event(&attendance(&backend));
        assert_eq!(answer(&payload), (200, json!({})), "{place} {fault:?}");
        let entry = &backend.history(history_year(&backend))[&session];
        assert_eq!(entry["session"], scheduled, "as it was before");
        assert_eq!(entry["participants"], json!([id("Emil")]));
        assert_eq!(backend.private()["sessions"][&session]["state"], "archived");
        assert_eq!(backend.public()["sessions"][&session]["state"], "archived");
    }
}

fn a_reset_whose_answer_was_lost_writes_the_history_too(counts: &Counts) {
    for fault in [Fault::ApplyThenDrop, Fault::Drop] {
        let backend = Backend::empty(counts);
        backend.call(&trigger());
        once(&backend, "PUT", PRIVATE_BUCKET, "data.json", fault.clone());
        assert_eq!(backend.call(&reset()), (200, json!({})), "{fault:?}");
        let written = put_requests(&backend).into_iter();
        let mut history = written.filter(|(_, key)| key.starts_with("sessions/"));
        assert!(history.next().is_some(), "{fault:?}");
    }
}

fn a_reset_without_its_history_is_completed_by_a_repetition(counts: &Counts) {
    let backend = Backend::empty(counts);
    backend.call(&trigger());
    backend.s3.set_fault(Some(Box::new(|head| {
        (head.method == "PUT" && head.key != "data.json").then_some(Fault::Drop)
    })));
    let mut data = reset();
    data["operation_id"] = json!("hourly-reset");
    assert_fault(&backend.hurried(&data), 503, "not public yet");
    assert_eq!(user_count(&backend), 10);
    backend.s3.set_fault(None);
    backend.s3.clear_requests();
    assert_eq!(answer(&backend.event(&data)), (200, json!({})));
    assert!(
        put_requests(&backend)
            .iter()
            .any(|(_, key)| key.starts_with("sessions/")),
        "the history was written"
    );
}

fn another_writers_change_is_kept(counts: &Counts) {
    let backend = Backend::demo(counts);
    meanwhile(&backend, |club| {
        club["users"]["foreign"] = json!({"user_id": "foreign", "name": "Foreign",
            "role": "Student", "auth_token": "Foreign1"});
        club["note"] = json!("by hand");
    });
    let (status, user) = answer(&backend.event(&create("New")));
    assert_eq!(status, 200, "{user}");
    let private = backend.private();
    assert_eq!(user_count(&backend), 12);
    assert_eq!(private["users"]["foreign"]["auth_token"], "Foreign1");
    assert_eq!(private["users"][user["user_id"].as_str().unwrap()], user);
    assert_eq!(private["note"], "by hand");
    assert_consistent(&backend);
}

fn authentication_counts_at_the_time_of_the_commit(counts: &Counts) {
    let changes: [fn(&mut Value); 3] = [
        |club| {
            club["users"].as_object_mut().unwrap().remove(&id(ADMIN));
        },
        |club| club["users"][id(ADMIN)]["role"] = json!("Coach"),
        |club| club["users"][id(ADMIN)]["auth_token"] = json!("Another1"),
    ];
    for change in changes {
        let backend = Backend::demo(counts);
        meanwhile(&backend, change);
        let (status, body) = answer(&backend.event(&create("Never")));
        assert_eq!(status, 400, "{body}");
        let mut expected = backend.private();
        assert!(
            expected["users"]
                .as_object_mut()
                .unwrap()
                .values()
                .all(|user| user["name"] != "Never")
        );
    }
}

fn checks_count_at_the_time_of_the_commit(counts: &Counts) {
    // Somebody else takes the name.
    let backend = Backend::demo(counts);
    meanwhile(&backend, |club| {
        club["users"]["foreign"] = json!({"user_id": "foreign", "name": "New",
            "role": "Student", "auth_token": "Foreign1"});
    });
    assert_eq!(answer(&backend.event(&create("New"))).0, 400);
    assert_eq!(user_count(&backend), 11);

    // Somebody else deletes the session; what was recorded of it is not shown.
    let backend = Backend::demo(counts);
    let (session, data) = (backend.present_session(), attendance(&backend));
    let gone = session.clone();
    meanwhile(&backend, move |club| {
        club["sessions"].as_object_mut().unwrap().remove(&gone);
    });
    assert_eq!(answer(&backend.event(&data)).0, 400);
    assert_eq!(backend.private()["sessions"].get(&session), None);
}

fn a_club_deleted_meanwhile_is_made_anew(counts: &Counts) {
    let backend = Backend::demo(counts);
    let buckets = backend.s3.buckets();
    let done = AtomicUsize::new(0);
    backend.s3.set_fault(Some(Box::new(move |head| {
        if is_commit(head) && done.fetch_add(1, Ordering::Relaxed) == 0 {
            buckets.delete_object(PRIVATE_BUCKET, "data.json");
        }
        None
    })));
    // Nobody has this code in the new club.
    assert_eq!(answer(&backend.event(&create("Never"))).0, 400);
    assert_eq!(user_count(&backend), 1);
    assert_consistent(&backend);
}

/// Two processes on the same buckets, each with requests of its own at the same time.
fn two_instances_lose_nothing(counts: &Counts) {
    let backend = Backend::demo(counts);
    let other_api = RuntimeApi::start(patient_runtime_api()).unwrap();
    let environment = lambda_environment(&other_api.address(), &backend.s3.endpoint());
    let _other = spawn(&environment);
    thread::scope(|scope| {
        for (api, prefix) in [(&backend.runtime_api, "First"), (&other_api, "Second")] {
            scope.spawn(move || {
                for number in 0..MANY {
                    let event = url_event(&create(&format!("{prefix} {number}")).to_string());
                    let Outcome::Response(payload) = api.invoke(event.to_string().as_bytes())
                    else {
                        panic!("no answer")
                    };
                    let payload = serde_json::from_slice(&payload).unwrap();
                    assert_eq!(answer(&payload).0, 200);
                }
            });
        }
    });
    assert_eq!(user_count(&backend), 10 + 2 * MANY);
    let private = backend.private();
    let names: std::collections::BTreeSet<_> = private["users"]
        .as_object()
        .unwrap()
        .values()
        .map(|user| user["name"].as_str().unwrap())
        .collect();
    assert_eq!(names.len(), 10 + 2 * MANY);
}

fn faults_show_no_login_code(counts: &Counts) {
    let backend = Backend::demo(counts);
    let echo = Fault::Answer(FaultAnswer {
        status: 500,
        content_type: "application/xml".into(),
        body: format!(
            "<Error><Code>InternalError</Code><Message>{}</Message></Error>",
            code(ADMIN)
        )
        .into_bytes(),
    });
    let mut texts = Vec::new();
    for (method, bucket) in [
        ("GET", PRIVATE_BUCKET),
        ("PUT", PRIVATE_BUCKET),
        ("PUT", PUBLIC_BUCKET),
    ] {
        always(&backend, method, bucket, "data.json", &echo);
        texts.push(
            backend
                .hurried(&create(&format!("New {method} {bucket}")))
                .to_string(),
        );
    }
    backend.function.kill();
    backend.function.wait();
    texts.extend(backend.function.log_lines());
    assert!(
        texts.iter().all(|text| !text.contains(&code(ADMIN))),
        "{texts:?}"
    );
}

/// Expects a fault's answer in the form of `docs/api.md#answers`, with these words in it.
#[track_caller]
pub(crate) fn assert_fault(payload: &Value, status: u64, words: &str) {
    let (found, body) = answer(payload);
    let text = error_text(&body);
    assert_eq!(found, status, "{text}");
    assert!(text.contains(words), "{text}");
    let headers = payload["headers"].as_object().unwrap();
    let seconds = headers.get("Retry-After").and_then(Value::as_str);
    if status == 503 {
        assert!(seconds.unwrap().parse::<u32>().unwrap() > 0);
        assert_eq!(headers["Access-Control-Expose-Headers"], "Retry-After");
    } else {
        assert_eq!(seconds, None);
    }
}

/// The public object is the private one with hashes for codes.
#[track_caller]
pub(crate) fn assert_consistent(backend: &Backend<'_>) {
    let mut expected = backend.private();
    for user in expected["users"].as_object_mut().unwrap().values_mut() {
        let digest = dojang::club::user::digest_of(user["auth_token"].as_str().unwrap());
        user["auth_token"] = json!(hex::encode(digest));
    }
    assert_eq!(backend.public(), expected);
}

/// From now on, every such request meets the fault.
pub(crate) fn always(backend: &Backend<'_>, method: &str, bucket: &str, key: &str, fault: &Fault) {
    let (method, bucket, key) = (method.to_owned(), bucket.to_owned(), key.to_owned());
    let fault = fault.clone();
    backend.s3.set_fault(Some(Box::new(move |head| {
        (head.method == method && head.bucket == bucket && head.key == key).then(|| fault.clone())
    })));
}

/// The next such request meets the fault.
fn once(backend: &Backend<'_>, method: &str, bucket: &str, key: &str, fault: Fault) {
    let (method, bucket, key) = (method.to_owned(), bucket.to_owned(), key.to_owned());
    let met = AtomicUsize::new(0);
    backend.s3.set_fault(Some(Box::new(move |head| {
        (head.method == method
            && head.bucket == bucket
            && head.key == key
            && met.fetch_add(1, Ordering::Relaxed) == 0)
            .then(|| fault.clone())
    })));
    backend.s3.clear_requests();
}

/// Just before the next commit another writer changes the private object.
fn meanwhile(backend: &Backend<'_>, change: impl Fn(&mut Value) + Send + Sync + 'static) {
    let buckets = backend.s3.buckets();
    let done = Arc::new(AtomicUsize::new(0));
    backend.s3.set_fault(Some(Box::new(move |head| {
        if is_commit(head) && done.fetch_add(1, Ordering::Relaxed) == 0 {
            let object = buckets.object(PRIVATE_BUCKET, "data.json").unwrap();
            let mut club = serde_json::from_slice(&object.bytes).unwrap();
            change(&mut club);
            buckets.put_object(PRIVATE_BUCKET, "data.json", club.to_string());
        }
        None
    })));
}

pub(crate) fn is_commit(head: &RequestHead) -> bool {
    head.method == "PUT" && head.bucket == PRIVATE_BUCKET && head.key == "data.json"
}

/// Bucket and key of all writes so far.
fn put_requests(backend: &Backend<'_>) -> Vec<(String, String)> {
    let requests = backend.s3.requests().into_iter();
    requests
        .filter(|request| request.method == "PUT")
        .map(|request| (request.bucket, request.key))
        .collect()
}

fn objects(backend: &Backend<'_>) -> [Option<local::StoredObject>; 2] {
    [PRIVATE_BUCKET, PUBLIC_BUCKET].map(|bucket| backend.s3.object(bucket, "data.json"))
}

pub(crate) fn user_count(backend: &Backend<'_>) -> usize {
    backend.private()["users"].as_object().unwrap().len()
}

fn s3_error(status: u16, code: &str) -> Fault {
    Fault::Answer(FaultAnswer::s3_error(status, code, "words"))
}

fn html(status: u16) -> Fault {
    Fault::Answer(FaultAnswer {
        status,
        content_type: "text/html".into(),
        body: b"<html><body><h1>Something else</h1></body></html>".to_vec(),
    })
}

/// An error page larger than what is read of one.
fn long_html(status: u16) -> Fault {
    Fault::Answer(FaultAnswer {
        status,
        content_type: "text/html".into(),
        body: "<p>Something else</p>".repeat(10_000).into_bytes(),
    })
}

fn empty(status: u16) -> Fault {
    Fault::Answer(FaultAnswer {
        status,
        content_type: String::from("text/plain"),
        body: Vec::new(),
    })
}

fn attendance(backend: &Backend<'_>) -> Value {
    json!({"action": "coach_register_participation", "auth_token": code(ADMIN),
        "session_id": backend.present_session(), "participants": [id("Emil")]})
}

/// The year under which the attendance of the session that has begun is filed.
fn history_year(backend: &Backend<'_>) -> i32 {
    let session = &backend.private()["sessions"][backend.present_session()];
    dojang::club::history::year_of(session["start_time"].as_i64().unwrap()).unwrap()
}

fn history_key(backend: &Backend<'_>) -> String {
    dojang::club::history::object_key(history_year(backend))
}

pub(crate) fn trigger() -> Value {
    json!({"action": "any_trigger_initialization"})
}

pub(crate) fn reset() -> Value {
    json!({"action": "any_reset_test_setup", "test_secret": TEST_SECRET})
}

pub(crate) fn create(name: &str) -> Value {
    json!({"action": "admin_create_user", "auth_token": code(ADMIN), "role": "Student",
        "name": name})
}

const ADMIN: &str = "Grandmaster Oh";
/// Requests of each of two instances.
const MANY: usize = 15;
