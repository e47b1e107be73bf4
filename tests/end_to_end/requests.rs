//! What each kind of request costs, counted in S3 requests. Nothing more without a reason.

use serde_json::{Value, json};

use crate::cases;
use crate::support::{Backend, Counts, code};

cases!(
    a_cold_change,
    a_cold_read,
    warm_requests,
    another_writers_change_is_noticed
);

/// GET of the private object, HEAD of the public one, PUT, PUT.
fn a_cold_change(counts: &Counts) {
    let mut backend = Backend::demo(counts);
    let session = backend.next_session();
    backend.restart_without_prefetch();
    assert_eq!(cost(&backend, &answer(&session, "Yes")).len(), 4);
}

/// GET and HEAD.
fn a_cold_read(counts: &Counts) {
    let mut backend = Backend::demo(counts);
    backend.restart_without_prefetch();
    let mut made = cost(&backend, &json!({"action": "any_trigger_initialization"}));
    made.sort();
    assert_eq!(
        made,
        ["GET private data.json 200", "HEAD public data.json 200"]
    );
}

fn warm_requests(counts: &Counts) {
    let backend = Backend::demo(counts);
    let (next, present) = (backend.next_session(), backend.present_session());
    for change in ["Yes", "No", "Maybe"] {
        assert_eq!(
            cost(&backend, &answer(&next, change)),
            ["PUT private data.json 200", "PUT public data.json 200"]
        );
    }
    let confirmed = ["GET private data.json 304"];
    // Nothing to change, a read, and refusals.
    assert_eq!(cost(&backend, &answer(&next, "Maybe")), confirmed);
    let coach = code("Coach Hana");
    let admin = code("Grandmaster Oh");
    for request in [
        json!({"action": "admin_show_auth_token", "auth_token": admin, "user_id": crate::support::id("Amir")}),
        json!({"action": "admin_show_auth_token", "auth_token": coach}),
        json!({"action": "no_action"}),
    ] {
        assert_eq!(cost(&backend, &request), confirmed, "{request}");
    }
    let attendance = json!({"action": "coach_register_participation", "auth_token": coach,
        "session_id": present, "participants": []});
    let made = cost(&backend, &attendance);
    assert_eq!(made.len(), 5, "{made:?}");
    // The history is written before the commit's condition is tried, so the cached copy is confirmed first.
    assert_eq!(made[..1], confirmed);
    assert!(made[1].starts_with("GET private sessions/"), "{made:?}");
    assert!(made[2].starts_with("PUT private sessions/"), "{made:?}");
    assert_eq!(
        made[3..],
        ["PUT private data.json 200", "PUT public data.json 200"]
    );
}

/// A change on a cached copy that is old: its condition fails, then it is run again.
fn another_writers_change_is_noticed(counts: &Counts) {
    let backend = Backend::demo(counts);
    let session = backend.next_session();
    let object = backend.private().to_string();
    backend
        .s3
        .put_object(local::setup::PRIVATE_BUCKET, "data.json", object);
    let made = cost(&backend, &answer(&session, "Yes"));
    assert_eq!(made[0], "PUT private data.json 412");
    assert!(made.len() <= 6, "{made:?}");
    assert_eq!(cost(&backend, &answer(&session, "No")).len(), 2);
}

fn answer(session: &str, answer: &str) -> Value {
    json!({"action": "any_register_participation", "joining_sessions": {session: answer},
        "user_auth_tokens": [code("Emil")]})
}

/// The S3 requests that `request` leads to.
#[track_caller]
fn cost(backend: &Backend<'_>, request: &Value) -> Vec<String> {
    backend.s3.clear_requests();
    let (status, body) = backend.call(request);
    assert!(status == 200 || status == 400, "{body}");
    backend.s3_requests()
}
