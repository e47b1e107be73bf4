//! The first request on empty buckets (`docs/api.md#initialisation`).

use local::Fault;
use local::setup::{PRIVATE_BUCKET, PUBLIC_BUCKET, TEST_SECRET};
use serde_json::{Value, json};

use crate::cases;
use crate::support::{Backend, Counts, answer, expect_next, url_event};

cases! {
    any_trigger_initialization_makes_the_club,
    the_objects_have_the_headers_that_clients_need,
    every_request_makes_the_club_refused_ones_too,
    what_is_no_request_makes_no_club,
    a_club_is_made_once,
    two_clubs_have_nothing_in_common,
    another_instance_may_be_faster,
    a_missing_public_object_makes_no_new_club,
    a_stale_public_object_gives_way_to_the_new_club,
}

fn any_trigger_initialization_makes_the_club(counts: &Counts) {
    let backend = Backend::empty(counts);
    assert_eq!(backend.call(&trigger()), (200, json!({})));
    let admin = sole_admin(&backend);
    let (status, shown) = backend.call(&json!({"action": "admin_show_auth_token",
        "auth_token": admin["auth_token"], "user_id": admin["user_id"]}));
    assert_eq!((status, &shown["auth_token"]), (200, &admin["auth_token"]));
}

fn the_objects_have_the_headers_that_clients_need(counts: &Counts) {
    let backend = Backend::empty(counts);
    backend.call(&trigger());
    for bucket in [PRIVATE_BUCKET, PUBLIC_BUCKET] {
        let object = backend.s3.object(bucket, "data.json").unwrap();
        assert_eq!(
            object.content_type.as_deref(),
            Some("application/json; charset=utf-8")
        );
    }
    let public = backend.s3.object(PUBLIC_BUCKET, "data.json").unwrap();
    assert_eq!(public.cache_control.as_deref(), Some("no-cache"));
    let private = backend.s3.object(PRIVATE_BUCKET, "data.json").unwrap();
    for secret in private.metadata.values().filter(|value| !value.is_empty()) {
        assert!(
            public
                .metadata
                .values()
                .all(|value| !value.contains(&**secret))
        );
    }
}

fn every_request_makes_the_club_refused_ones_too(counts: &Counts) {
    for (data, status) in [
        (json!({}), 400),
        (json!({"action": null}), 400),
        (json!({"action": "nonsense"}), 400),
        (json!({"action": "any_nonsense"}), 400),
        (json!({"action": "_admin_create_user"}), 400),
        (
            json!({"action": "admin_create_user", "role": "Admin", "name": "Nobody"}),
            400,
        ),
        (
            json!({"action": "coach_add_training_session", "auth_token": "AAAAAAAA"}),
            400,
        ),
        (
            json!({"action": "any_register_participation", "joining_sessions": {},
            "user_auth_tokens": []}),
            400,
        ),
        (
            json!({"action": "any_reset_test_setup", "test_secret": "wrong"}),
            400,
        ),
    ] {
        let backend = Backend::empty(counts);
        assert_eq!(backend.call(&data).0, status, "{data}");
        sole_admin(&backend);
    }
    // The same as a direct event.
    let backend = Backend::empty(counts);
    assert_eq!(answer(&backend.event(&json!({}))).0, 400);
    sole_admin(&backend);

    let backend = Backend::empty(counts);
    let reset = json!({"action": "any_reset_test_setup", "test_secret": TEST_SECRET});
    assert_eq!(backend.call(&reset).0, 200);
    assert_eq!(backend.private()["users"].as_object().unwrap().len(), 10);
}

fn what_is_no_request_makes_no_club(counts: &Counts) {
    let backend = Backend::empty(counts);
    expect_next(&backend.runtime_api);
    backend.s3.clear_requests();
    let mut preflight = url_event("{}");
    preflight["requestContext"]["http"]["method"] = json!("OPTIONS");
    let mut get = url_event("{}");
    get["requestContext"]["http"]["method"] = json!("GET");
    for event in [
        preflight,
        get,
        url_event(""),
        url_event("[]"),
        url_event("null"),
        url_event("garbage"),
        json!({"isBase64Encoded": true, "body": "{}"}),
        json!({"isBase64Encoded": false}),
        json!([]),
        json!(null),
    ] {
        backend.event(&event);
    }
    backend.raw_event(b"\xff");
    assert_eq!(backend.s3.requests(), []);
    for bucket in [PRIVATE_BUCKET, PUBLIC_BUCKET] {
        assert_eq!(backend.s3.object(bucket, "data.json"), None);
    }
}

fn a_club_is_made_once(counts: &Counts) {
    let mut backend = Backend::empty(counts);
    backend.call(&trigger());
    let objects = |backend: &Backend<'_>| {
        [PRIVATE_BUCKET, PUBLIC_BUCKET].map(|bucket| backend.s3.object(bucket, "data.json"))
    };
    let before = objects(&backend);
    backend.call(&trigger());
    backend.call(&json!({}));
    backend.restart();
    backend.call(&trigger());
    assert!(objects(&backend) == before);
}

fn two_clubs_have_nothing_in_common(counts: &Counts) {
    let clubs = [(); 2].map(|()| {
        let backend = Backend::empty(counts);
        backend.call(&trigger());
        let admin = sole_admin(&backend);
        let object = backend.s3.object(PRIVATE_BUCKET, "data.json").unwrap();
        (admin, object.metadata)
    });
    let [(a, a_metadata), (b, b_metadata)] = clubs;
    assert_ne!(a["user_id"], b["user_id"]);
    assert_ne!(a["auth_token"], b["auth_token"]);
    assert_ne!(a_metadata, b_metadata);
}

/// Between our GET that found nothing and our PUT another writer makes a club: it stays.
fn another_instance_may_be_faster(counts: &Counts) {
    let backend = Backend::empty(counts);
    let others = json!({"users": {"u": {"user_id": "u", "name": "Kim", "role": "Admin",
        "auth_token": "Kim12345"}}, "sessions": {}});
    let (buckets, bytes) = (backend.s3.buckets(), others.to_string());
    backend.s3.set_fault(Some(Box::new(move |head| {
        let is_making = head.method == "PUT" && head.headers.contains_key("if-none-match");
        if is_making && buckets.object(PRIVATE_BUCKET, "data.json").is_none() {
            buckets.put_object(PRIVATE_BUCKET, "data.json", bytes.clone());
        }
        None::<Fault>
    })));
    let (status, user) = backend.call(&json!({"action": "admin_create_user", "role": "Coach",
        "name": "New", "auth_token": "Kim12345"}));
    assert_eq!((status, &user["name"]), (200, &json!("New")));
    let users = backend.private()["users"].clone();
    assert_eq!(users.as_object().unwrap().len(), 2);
    assert_eq!(users["u"], others["users"]["u"]);
    assert_eq!(backend.public()["users"].as_object().unwrap().len(), 2);
}

fn a_missing_public_object_makes_no_new_club(counts: &Counts) {
    let backend = Backend::empty(counts);
    backend.call(&trigger());
    let admin = sole_admin(&backend);
    backend.s3.delete_object(PUBLIC_BUCKET, "data.json");
    backend.call(&trigger());
    assert_eq!(backend.private()["users"].as_object().unwrap().len(), 1);
    // At the latest the next save makes it public again.
    let create = json!({"action": "admin_create_user", "role": "Coach", "name": "New",
        "auth_token": admin["auth_token"]});
    assert_eq!(backend.call(&create).0, 200);
    assert_eq!(backend.public()["users"].as_object().unwrap().len(), 2);
}

fn a_stale_public_object_gives_way_to_the_new_club(counts: &Counts) {
    let backend = Backend::empty(counts);
    backend
        .s3
        .put_object(PUBLIC_BUCKET, "data.json", *b"<html>");
    backend.call(&trigger());
    sole_admin(&backend);
}

/// The club's only user, which must be the one that initialisation makes, in both objects.
#[track_caller]
fn sole_admin(backend: &Backend<'_>) -> Value {
    let (private, public) = (backend.private(), backend.public());
    assert_eq!(private["sessions"], json!({}));
    assert_eq!(public["sessions"], json!({}));
    let users = private["users"].as_object().unwrap();
    assert_eq!(users.len(), 1);
    let (id, admin) = users.iter().next().unwrap();
    let code = admin["auth_token"].as_str().unwrap();
    assert_eq!(
        *admin,
        json!({"user_id": id, "name": "Default admin", "role": "Admin", "auth_token": code})
    );
    // A random UUID, lower-case, hyphenated.
    let groups: Vec<_> = id.split('-').map(str::len).collect();
    assert_eq!(groups, [8, 4, 4, 4, 12]);
    assert!(
        id.bytes()
            .all(|b| b == b'-' || b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    );
    assert!(code.len() == 12 && code.bytes().all(|b| b.is_ascii_alphanumeric()));
    let hash = hex::encode(dojang::club::user::digest_of(code));
    let mut published = admin.clone();
    published["auth_token"] = json!(hash);
    assert_eq!(public["users"], json!({ id: published }));
    admin.clone()
}

fn trigger() -> Value {
    json!({"action": "any_trigger_initialization"})
}
