//! The two objects are told apart: what is configured wrongly is refused before anything is written.

use local::S3Options;
use local::setup::{PRIVATE_BUCKET, PUBLIC_BUCKET};
use serde_json::{Value, json};

use crate::expectations::public_form;
use crate::faults::{assert_fault, create, trigger};
use crate::support::{Backend, Counts};

crate::cases! {
    swapped_names_are_refused,
    swapped_names_of_the_former_services_buckets_are_refused,
    one_bucket_under_two_names_is_refused,
}

/// Lets a process with other names of the buckets serve; whatever it is asked for, it refuses and writes nothing.
fn assert_refused(backend: &mut Backend<'_>, names: [&str; 2]) {
    let objects = |backend: &Backend<'_>| {
        [PRIVATE_BUCKET, PUBLIC_BUCKET].map(|bucket| backend.s3.object(bucket, "data.json"))
    };
    let before = objects(backend);
    backend.set_variable("PRIVATE_BUCKET_NAME", names[0]);
    backend.set_variable("PUBLIC_BUCKET_NAME", names[1]);
    for is_prefetching in ["on", "off"] {
        backend.set_variable("DOJANG_PREFETCH", is_prefetching);
        backend.restart();
        for request in [trigger(), create("Never"), json!({})] {
            assert_fault(&backend.event(&request), 500, "Nothing was changed");
        }
        let line = backend.log_line(|line| line["message"] == "request failed");
        let cause = line["cause"].as_str().unwrap();
        for name in ["PRIVATE_BUCKET_NAME", "PUBLIC_BUCKET_NAME"] {
            assert!(cause.contains(name), "{cause}");
        }
        assert!(objects(backend) == before);
    }
}

fn swapped_names_are_refused(counts: &Counts) {
    let mut backend = Backend::demo(counts);
    assert_refused(&mut backend, [PUBLIC_BUCKET, PRIVATE_BUCKET]);
}

fn swapped_names_of_the_former_services_buckets_are_refused(counts: &Counts) {
    let mut backend = of_the_former_service(counts);
    assert_refused(&mut backend, [PUBLIC_BUCKET, PRIVATE_BUCKET]);
}

fn one_bucket_under_two_names_is_refused(counts: &Counts) {
    for bucket in [PRIVATE_BUCKET, PUBLIC_BUCKET] {
        let mut backend = Backend::demo(counts);
        let object = backend.s3.object(bucket, "data.json").unwrap();
        let other = if bucket == PRIVATE_BUCKET {
            PUBLIC_BUCKET
        } else {
            PRIVATE_BUCKET
        };
        backend.s3.buckets().put_version(other, "data.json", object);
        assert_refused(&mut backend, [PRIVATE_BUCKET, PUBLIC_BUCKET]);
    }
    let mut backend = of_the_former_service(counts);
    let private = backend.private().to_string();
    backend.s3.put_object(PUBLIC_BUCKET, "data.json", private);
    assert_refused(&mut backend, [PRIVATE_BUCKET, PUBLIC_BUCKET]);
}

/// A club without metadata.
fn of_the_former_service(counts: &Counts) -> Backend<'_> {
    let backend = Backend::start(counts, S3Options::default(), &[]);
    let club: Value = json!({"users": {"u": {"user_id": "u", "name": "Kim", "role": "Admin",
        "auth_token": "AbCd1234"}}, "sessions": {}});
    backend
        .s3
        .put_object(PRIVATE_BUCKET, "data.json", club.to_string());
    let public = public_form(&club).to_string();
    backend.s3.put_object(PUBLIC_BUCKET, "data.json", public);
    backend
}
