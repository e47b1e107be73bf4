//! Somebody restores an earlier version of the private object: the newest commit, which gets published.

use std::time::{Duration, SystemTime};

use local::StoredObject;
use local::setup::{PRIVATE_BUCKET, PUBLIC_BUCKET};
use serde_json::json;

use crate::cases;
use crate::faults::{assert_consistent, create, trigger};
use crate::instances::Second;
use crate::support::{Backend, Counts};

cases!(
    a_version_restored_after_it_was_read_gets_published,
    a_version_restored_after_it_was_written_gets_published,
    what_somebody_else_did_to_the_public_object_is_mended_by_the_next_change,
);

fn a_version_restored_after_it_was_read_gets_published(counts: &Counts) {
    let mut backend = Backend::demo(counts);
    backend.restart_without_prefetch();
    assert_eq!(backend.call(&trigger()).0, 200);
    assert_is_followed(&backend);
}

fn a_version_restored_after_it_was_written_gets_published(counts: &Counts) {
    let backend = Backend::demo(counts);
    assert_eq!(backend.call(&create("New")).0, 200);
    assert_is_followed(&backend);
}

fn what_somebody_else_did_to_the_public_object_is_mended_by_the_next_change(counts: &Counts) {
    let backend = Backend::demo(counts);
    let earlier = backend.s3.object(PUBLIC_BUCKET, "data.json");
    let earlier = earlier.expect("it is there");
    assert_eq!(backend.call(&create("Nora")).0, 200);
    let meddlers: [(&str, &dyn Fn()); 4] = [
        ("Olga", &|| {
            assert!(backend.s3.delete_object(PUBLIC_BUCKET, "data.json"));
        }),
        ("Pia", &|| {
            backend.s3.put_object(PUBLIC_BUCKET, "data.json", "{}");
        }),
        ("Quinn", &|| {
            backend.s3.put_object(PUBLIC_BUCKET, "data.json", "<html>");
        }),
        ("Rosa", &|| {
            let buckets = backend.s3.buckets();
            buckets.put_version(PUBLIC_BUCKET, "data.json", earlier.clone());
        }),
    ];
    for (name, meddle) in meddlers {
        meddle();
        assert_eq!(backend.call(&create(name)).0, 200, "{name}");
        assert_consistent(&backend);
        assert!(backend.public().to_string().contains(name), "{name}");
    }
}

/// The process knows the newest version. Another one writes a newer one, then somebody restores that.
#[track_caller]
fn assert_is_followed(backend: &Backend<'_>) {
    let known = backend
        .s3
        .object(PRIVATE_BUCKET, "data.json")
        .expect("it is there");
    let public = backend.public();
    let other = Second::beside(backend);
    let (status, body) = other.call_as(backend, "Grandmaster Oh", &create("Another"));
    assert_eq!(status, 200, "{body}");
    assert_ne!(backend.public(), public);
    // Later than it was written, by more than the second that `Last-Modified` tells.
    let last_modified = SystemTime::now() + Duration::from_secs(2);
    let restored = StoredObject {
        last_modified,
        ..known
    };
    backend
        .s3
        .buckets()
        .put_version(PRIVATE_BUCKET, "data.json", restored);
    assert_eq!(backend.call(&trigger()), (200, json!({})));
    assert_eq!(backend.public(), public);
    assert_consistent(backend);
}
