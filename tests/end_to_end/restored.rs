//! Somebody restores an earlier version of the private object: the newest commit, which gets published.

use std::time::{Duration, SystemTime};

use local::StoredObject;
use local::setup::PRIVATE_BUCKET;
use serde_json::json;

use crate::cases;
use crate::faults::{assert_consistent, create, trigger};
use crate::instances::Second;
use crate::support::{Backend, Counts};

cases!(
    a_version_restored_after_it_was_read_gets_published,
    a_version_restored_after_it_was_written_gets_published,
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
