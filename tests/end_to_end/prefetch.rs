//! What is read from S3 before the first event, and when an answer may rest on it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use local::setup::{PRIVATE_BUCKET, PUBLIC_BUCKET};
use local::{Delivery, Fault, FaultAnswer};
use serde_json::{Value, json};

use crate::cases;
use crate::support::{self, Backend, Counts, code, url_event};

cases! {
    a_change_starts_from_what_was_prefetched,
    an_event_older_than_the_prefetch_needs_no_confirmation,
    any_other_event_does,
    by_a_clock_that_is_ahead_no_event_is_older_than_the_prefetch,
    another_writer_between_prefetch_and_event_is_noticed,
    a_prefetch_can_be_switched_off,
    a_failed_prefetch_is_logged_and_no_more,
    a_prefetch_makes_no_club,
    a_broken_club_is_no_reason_not_to_start,
}

const READ: [&str; 2] = ["GET private data.json 200", "HEAD public data.json 200"];
const WRITTEN: [&str; 2] = ["PUT private data.json 200", "PUT public data.json 200"];
const CONFIRMED: [&str; 1] = ["GET private data.json 304"];

/// A backend whose process has just been started on the demo club.
fn started(counts: &Counts) -> Backend<'_> {
    let mut backend = Backend::demo(counts);
    backend.restart();
    backend
}

fn a_change_starts_from_what_was_prefetched(counts: &Counts) {
    let backend = started(counts);
    assert_eq!(backend.s3_requests(), READ);
    let session = backend.next_session();
    let (status, _) = backend.call(&json!({"action": "any_register_participation",
        "joining_sessions": {&session: "Yes"}, "user_auth_tokens": [code("Emil")]}));
    assert_eq!(status, 200);
    assert_eq!(backend.s3_requests()[2..], WRITTEN);
}

/// As when the instance was started for it.
fn an_event_older_than_the_prefetch_needs_no_confirmation(counts: &Counts) {
    let mut backend = Backend::demo(counts);
    let arrived = SystemTime::now() - Duration::from_secs(2);
    backend.restart();
    assert_eq!(backend.s3_requests(), READ);
    let event = arrived_at(&secrets(), arrived);
    // On a slow machine the copy may have become too old to be believed.
    let was_slow = SystemTime::now() > arrived + Duration::from_millis(2_500);
    assert_eq!(support::answer(&backend.event(&event)).0, 200);
    assert!(
        was_slow || backend.s3_requests() == READ,
        "{:?}",
        backend.s3_requests()
    );
}

fn any_other_event_does(counts: &Counts) {
    let backend = started(counts);
    backend.s3.clear_requests();
    let later = SystemTime::now() + Duration::from_secs(3_600);
    for event in [
        secrets(),
        url_event(&secrets().to_string()),
        arrived_at(&secrets(), later),
    ] {
        assert_eq!(support::answer(&backend.event(&event)).0, 200);
        assert_eq!(backend.s3_requests(), CONFIRMED);
        backend.s3.clear_requests();
    }
}

/// By our clock, the club was read after the event came in; by Lambda's, which tells the truth, before.
fn by_a_clock_that_is_ahead_no_event_is_older_than_the_prefetch(counts: &Counts) {
    let backend = started(counts);
    backend.s3.clear_requests();
    let lambdas_now = SystemTime::now() - Duration::from_secs(11);
    let delivery = Delivery {
        deadline: Some(lambdas_now + Duration::from_secs(10)),
        ..Delivery::default()
    };
    let event = arrived_at(&secrets(), lambdas_now);
    let payload = backend.delivered(delivery, &event);
    assert_eq!(support::answer(&payload).0, 200);
    assert_eq!(backend.s3_requests(), CONFIRMED);
}

fn another_writer_between_prefetch_and_event_is_noticed(counts: &Counts) {
    let backend = started(counts);
    let mut club = backend.private();
    let session = backend.next_session();
    club["sessions"].as_object_mut().unwrap().remove(&session);
    backend
        .s3
        .put_object(PRIVATE_BUCKET, "data.json", club.to_string());
    let answer = json!({"action": "any_register_participation",
        "joining_sessions": {&session: "Yes"}, "user_auth_tokens": [code("Emil")]});
    let (status, body) = backend.call(&answer);
    assert_eq!(status, 400, "{body}");
    assert_eq!(backend.s3_requests()[2], "PUT private data.json 412");
    assert_eq!(backend.public()["sessions"], club["sessions"]);
}

fn a_prefetch_can_be_switched_off(counts: &Counts) {
    let mut backend = Backend::demo(counts);
    backend.restart_without_prefetch();
    assert_eq!(backend.s3_requests(), [""; 0]);
    assert_eq!(backend.call(&secrets()).0, 200);
    assert_eq!(backend.s3_requests(), READ);
}

fn a_failed_prefetch_is_logged_and_no_more(counts: &Counts) {
    let refused = FaultAnswer::s3_error(403, "AccessDenied", "Access Denied");
    for (fault, cause) in [
        (Fault::Answer(FaultAnswer::slow_down()), "SlowDown"),
        (Fault::Answer(refused), "AccessDenied"),
        (Fault::Answer(FaultAnswer::bad_gateway()), "502"),
        (Fault::Drop, "private data.json"),
    ] {
        let mut backend = Backend::demo(counts);
        backend
            .s3
            .set_fault(Some(Box::new(move |_| Some(fault.clone()))));
        backend.restart();
        backend.s3.set_fault(None);
        let line = backend.log_line(|line| line["level"] == "WARN");
        assert_eq!(line["message"], "the club could not be prefetched");
        assert!(line["cause"].as_str().unwrap().contains(cause), "{line}");
        assert_eq!(backend.call(&secrets()).0, 200);
    }
}

fn a_prefetch_makes_no_club(counts: &Counts) {
    let backend = Backend::empty(counts);
    assert_eq!(backend.s3.object(PRIVATE_BUCKET, "data.json"), None);
    assert_eq!(backend.s3.object(PUBLIC_BUCKET, "data.json"), None);
    let (status, _) = backend.call(&json!({"action": "any_trigger_initialization"}));
    assert_eq!(status, 200);
    assert!(backend.s3.object(PUBLIC_BUCKET, "data.json").is_some());
}

fn a_broken_club_is_no_reason_not_to_start(counts: &Counts) {
    let mut backend = Backend::demo(counts);
    backend
        .s3
        .put_object(PRIVATE_BUCKET, "data.json", r#"{"users": 7}"#.to_owned());
    backend.restart();
    let line = backend.log_line(|line| line["level"] == "WARN");
    assert!(line["cause"].as_str().unwrap().contains("/users"), "{line}");
    assert_eq!(backend.call(&secrets()).0, 500);
}

/// A request that changes nothing.
fn secrets() -> Value {
    json!({"action": "admin_show_auth_token", "auth_token": code("Grandmaster Oh"),
        "user_id": support::id("Amir")})
}

fn arrived_at(data: &Value, arrived: SystemTime) -> Value {
    let mut event = url_event(&data.to_string());
    let ms = arrived.duration_since(UNIX_EPOCH).unwrap().as_millis();
    event["requestContext"]["timeEpoch"] = json!(u64::try_from(ms).unwrap());
    event
}
