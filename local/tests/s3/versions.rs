//! Versions, and what deleting means where there are some.

use crate::common::{signed, unsigned};
use crate::{
    BUCKET, Case, ETAG, PRIVATE, PUBLIC, PUBLIC_BUCKET_PATH, UNKNOWN, check, get, put, server,
    values,
};
use local::setup::PUBLIC_BUCKET;

#[test]
fn every_version_can_be_read() {
    let s3 = server();
    let first = put(&s3, PRIVATE, b"{}");
    let second = put(&s3, PRIVATE, b"two");
    assert_ne!(first, second);
    let now = get(&s3, PRIVATE);
    assert_eq!(
        (&*now.body, now.header("x-amz-version-id")),
        (&b"two"[..], Some(&*second))
    );
    let earlier = format!("{PRIVATE}?versionId={first}");
    assert_eq!(get(&s3, &earlier).body, b"{}");
    let unknown = format!("{PRIVATE}?versionId={UNKNOWN}");
    let malformed = format!("{PRIVATE}?versionId=VERSION_ID");
    let elsewhere = format!("{BUCKET}/other.json?versionId={first}");
    let version = [("x-amz-version-id", &*first), ("etag", ETAG)];
    check(
        &s3,
        &[
            Case("GET", &earlier, &[], 200, "", &version),
            Case("HEAD", &earlier, &[], 200, "", &version),
            Case("GET", &earlier, &[("if-none-match", ETAG)], 304, "", &[]),
            Case(
                "GET",
                &earlier,
                &[("if-match", "\"x\"")],
                412,
                "PreconditionFailed",
                &[],
            ),
            Case("GET", &unknown, &[], 404, "NoSuchVersion", &[]),
            Case("HEAD", &unknown, &[], 404, "", &[]),
            Case("GET", &elsewhere, &[], 404, "NoSuchVersion", &[]),
            Case("GET", &malformed, &[], 400, "InvalidArgument", &[]),
            Case("DELETE", &malformed, &[], 400, "InvalidArgument", &[]),
        ],
    );
}

#[test]
fn a_deleted_object_leaves_a_marker() {
    let s3 = server();
    let first = put(&s3, PRIVATE, b"{}");
    let deleted = signed(&s3.endpoint(), "DELETE", PRIVATE, &[], b"");
    assert_eq!(
        (deleted.status, deleted.header("x-amz-delete-marker")),
        (204, Some("true"))
    );
    let marker = deleted.header("x-amz-version-id").unwrap().to_owned();
    let (by_id, earlier) = (
        format!("{PRIVATE}?versionId={marker}"),
        format!("{PRIVATE}?versionId={first}"),
    );
    let is_marker = [
        ("x-amz-delete-marker", "true"),
        ("x-amz-version-id", &*marker),
    ];
    let no_marker = [("x-amz-delete-marker", ""), ("x-amz-version-id", &*first)];
    check(
        &s3,
        &[
            Case("GET", PRIVATE, &[], 404, "NoSuchKey", &is_marker),
            Case("HEAD", PRIVATE, &[], 404, "", &is_marker),
            Case("GET", &by_id, &[], 405, "MethodNotAllowed", &is_marker),
            Case("HEAD", &by_id, &[], 405, "", &is_marker),
            Case(
                "GET",
                &by_id,
                &[],
                405,
                "MethodNotAllowed",
                &[("allow", "DELETE")],
            ),
            Case("GET", &earlier, &[], 200, "", &no_marker),
            // A condition is one on an object, and there is none.
            Case("PUT", PRIVATE, &[("if-match", ETAG)], 404, "NoSuchKey", &[]),
            // Without its marker the object is there again.
            Case("DELETE", &by_id, &[], 204, "", &is_marker),
            Case("GET", PRIVATE, &[], 200, "", &no_marker),
            // A version is deleted for good, and once more is as well.
            Case("DELETE", &earlier, &[], 204, "", &no_marker),
            Case("DELETE", &earlier, &[], 204, "", &no_marker),
            Case(
                "GET",
                PRIVATE,
                &[],
                404,
                "NoSuchKey",
                &[("x-amz-delete-marker", "")],
            ),
            Case("PUT", PRIVATE, &[("if-none-match", "*")], 200, "", &[]),
        ],
    );
}

#[test]
fn deleting_the_latest_version_brings_back_the_one_before() {
    let s3 = server();
    put(&s3, PRIVATE, b"one");
    let second = put(&s3, PRIVATE, b"two");
    let path = format!("{PRIVATE}?versionId={second}");
    assert_eq!(
        signed(&s3.endpoint(), "DELETE", &path, &[], b"").status,
        204
    );
    assert_eq!(get(&s3, PRIVATE).body, b"one");
    // What was never there gets a marker too.
    let absent = format!("{BUCKET}/absent");
    let deleted = signed(&s3.endpoint(), "DELETE", &absent, &[], b"");
    assert_eq!(deleted.header("x-amz-delete-marker"), Some("true"));
}

#[test]
fn the_public_bucket_has_no_versions() {
    let s3 = server();
    for body in [&b"one"[..], b"{}"] {
        assert_eq!(put(&s3, PUBLIC, body), "");
    }
    let listed = get(&s3, &format!("{PUBLIC_BUCKET_PATH}?versions"));
    assert_eq!(values(&listed, "VersionId"), ["null"]);
    let null = format!("{PUBLIC}?versionId=null");
    assert_eq!(get(&s3, &null).body, b"{}");
    // To read it is another permission than the one that everybody has.
    assert_eq!(unsigned(&s3.endpoint(), "GET", PUBLIC, &[]).status, 200);
    assert_eq!(
        unsigned(&s3.endpoint(), "GET", &null, &[]).code(),
        "AccessDenied"
    );
    let gone = [("x-amz-delete-marker", ""), ("x-amz-version-id", "")];
    check(
        &s3,
        &[
            Case("DELETE", PUBLIC, &[], 204, "", &gone),
            Case("DELETE", PUBLIC, &[], 204, "", &gone),
            Case("GET", PUBLIC, &[], 404, "NoSuchKey", &gone),
        ],
    );
    assert_eq!(s3.object(PUBLIC_BUCKET, "data.json"), None);
}

#[test]
fn versions_begin_and_pause_when_the_owner_says_so() {
    let s3 = server();
    let set = |status: &str| {
        let body =
            format!("<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>");
        let path = format!("{PUBLIC_BUCKET_PATH}?versioning");
        signed(&s3.endpoint(), "PUT", &path, &[], body.as_bytes())
    };
    let ids = || {
        let listed = get(&s3, &format!("{PUBLIC_BUCKET_PATH}?versions"));
        let ids = values(&listed, "VersionId").into_iter();
        ids.map(str::to_owned).collect::<Vec<_>>()
    };
    put(&s3, PUBLIC, b"before");
    assert_eq!(set("Enabled").status, 200);
    let first = put(&s3, PUBLIC, b"first");
    assert_eq!(ids(), [&*first, "null"]);
    assert_eq!(set("Suspended").status, 200);
    // The one version without an id is replaced; those with one stay.
    assert_eq!(put(&s3, PUBLIC, b"paused"), "null");
    assert_eq!(ids(), ["null", &*first]);
    let deleted = signed(&s3.endpoint(), "DELETE", PUBLIC, &[], b"");
    assert_eq!(deleted.header("x-amz-version-id"), Some("null"));
    assert_eq!(ids().len(), 2);
    assert_eq!(set("Enabled").status, 200);
    let second = put(&s3, PUBLIC, b"second");
    assert!(ids().len() == 3 && ids().contains(&second));
    assert_eq!(
        set("Never").code(),
        "IllegalVersioningConfigurationException"
    );
}

#[test]
fn old_versions_end_before_memory_does() {
    let s3 = server();
    let body = vec![b'x'; 8 << 20];
    let ids: Vec<_> = (0..12).map(|_| put(&s3, PRIVATE, &body)).collect();
    let listed = get(&s3, &format!("{BUCKET}?versions"));
    // 64 MiB of earlier versions, and the one that is there now.
    let newest_first: Vec<_> = ids.iter().rev().take(9).map(String::as_str).collect();
    assert_eq!(values(&listed, "VersionId"), newest_first);
}
