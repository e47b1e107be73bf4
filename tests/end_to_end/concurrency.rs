//! `AWS_LAMBDA_MAX_CONCURRENCY` (Lambda Managed Instances): one process serves several events at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use local::S3Options;
use local::setup::TEST_SECRET;
use serde_json::json;

use crate::cases;
use crate::support::{Backend, Counts, answer, code, id, url_event};

cases!(
    several_events_are_in_the_works_at_once,
    threads_lose_nothing,
    requests_are_counted_for_the_invocation_that_made_them,
    an_odd_number_is_one_and_logged,
);

/// The first S3 request is held until the second event has led to one too: with a single thread, that
/// would never come.
fn several_events_are_in_the_works_at_once(counts: &Counts) {
    // Without a prefetched copy each event begins with a request of its own.
    let variables = [
        ("AWS_LAMBDA_MAX_CONCURRENCY", "2"),
        ("DOJANG_PREFETCH", "off"),
    ];
    let backend = Backend::start(counts, S3Options::default(), &variables);
    let meeting = Arc::new((Mutex::new(0), Condvar::new()));
    let arrived = AtomicUsize::new(0);
    backend.s3.set_fault(Some(Box::new(move |head| {
        if head.method == "GET" && arrived.fetch_add(1, Ordering::Relaxed) < 2 {
            let (count, changed) = &*meeting;
            let mut count = count.lock().expect("nobody panics with it");
            *count += 1;
            changed.notify_all();
            drop(changed.wait_while(count, |count| *count < 2));
        }
        None
    })));
    let event = url_event(r#"{"action":"any_trigger_initialization"}"#).to_string();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let outcome = backend.runtime_api.invoke(event.as_bytes());
                assert!(
                    matches!(outcome, local::Outcome::Response(_)),
                    "{outcome:?}"
                );
            });
        }
    });
}

fn requests_are_counted_for_the_invocation_that_made_them(counts: &Counts) {
    let variables = [
        ("AWS_LAMBDA_MAX_CONCURRENCY", "4"),
        ("DOJANG_PREFETCH", "off"),
    ];
    let backend = Backend::start(counts, S3Options::default(), &variables);
    let reset = json!({"action": "any_reset_test_setup", "test_secret": TEST_SECRET});
    assert_eq!(backend.call(&reset), (200, json!({})));
    backend.s3.clear_requests();
    let event = url_event(r#"{"action":"any_trigger_initialization"}"#).to_string();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| drop(backend.runtime_api.invoke(event.as_bytes())));
        }
    });
    let made = backend.s3.requests().len();
    let counted: u64 = backend
        .last_log_lines()
        .iter()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|line| line["action"] == "any_trigger_initialization")
        .filter_map(|line| line["s3_requests"].as_u64())
        .sum();
    assert_eq!(counted, made as u64);
}

fn an_odd_number_is_one_and_logged(counts: &Counts) {
    for odd in ["many", "0", "257"] {
        let variables = [("AWS_LAMBDA_MAX_CONCURRENCY", odd)];
        let backend = Backend::start(counts, S3Options::default(), &variables);
        let line = backend.log_line(|line| line["level"] == "WARN");
        let message = line["message"].as_str().unwrap_or_default();
        assert!(message.contains("from 1 to 256"), "{message}");
    }
}

fn threads_lose_nothing(counts: &Counts) {
    let backend = Backend::start(
        counts,
        S3Options::default(),
        &[("AWS_LAMBDA_MAX_CONCURRENCY", "4")],
    );
    let reset = json!({"action": "any_reset_test_setup", "test_secret": TEST_SECRET});
    assert_eq!(backend.call(&reset), (200, json!({})));
    let runtime_api = &backend.runtime_api;
    let before = backend.private()["sessions"]
        .as_object()
        .expect("an object")
        .len();
    thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                for n in 0..10 {
                    let request = json!({"action": "coach_add_training_session", "comment": "x",
                        "auth_token": code("Coach Hana"), "coach": id("Amir"),
                        "start_time": thread, "end_time": thread + n + 1});
                    let event = url_event(&request.to_string()).to_string();
                    let local::Outcome::Response(payload) = runtime_api.invoke(event.as_bytes())
                    else {
                        panic!("no answer");
                    };
                    let payload = serde_json::from_slice(&payload).expect("answers are JSON");
                    assert_eq!(answer(&payload).0, 200);
                }
            });
        }
    });
    let after = backend.private()["sessions"]
        .as_object()
        .expect("an object")
        .len();
    assert_eq!(after, before + 40);
    assert_eq!(backend.public()["sessions"], backend.private()["sessions"]);
}
