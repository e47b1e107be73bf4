//! Copies, which is also how a version is restored.

use std::time::{Duration, SystemTime};

use crate::common::signed;
use crate::{BUCKET, Case, ETAG, PRIVATE, PUBLIC, check, get, put, server, values};
use local::S3Server;
use local::setup::{PRIVATE_BUCKET, PUBLIC_BUCKET};

const SOURCE: &str = "dojang-local-private/data.json";

/// A server with one object that has all that an object can have.
fn filled() -> S3Server {
    let s3 = server();
    let headers = [
        ("content-type", "application/json"),
        ("cache-control", "no-cache"),
        ("x-amz-meta-list", "abc"),
    ];
    let answer = signed(&s3.endpoint(), "PUT", PRIVATE, &headers, b"{}");
    assert_eq!(answer.status, 200);
    s3
}

#[test]
fn a_copy_has_all_that_the_source_has_or_what_is_sent() {
    let s3 = filled();
    let source = ("x-amz-copy-source", SOURCE);
    let copied = signed(&s3.endpoint(), "PUT", PUBLIC, &[source], b"");
    assert_eq!(values(&copied, "ETag"), [ETAG], "{}", copied.text());
    assert!(copied.header("x-amz-copy-source-version-id").is_some());
    assert_eq!(copied.header("x-amz-version-id"), None);
    let (original, copy) = (
        s3.object(PRIVATE_BUCKET, "data.json").unwrap(),
        s3.object(PUBLIC_BUCKET, "data.json").unwrap(),
    );
    assert_eq!(
        (copy.bytes, copy.metadata),
        (original.bytes, original.metadata)
    );
    assert_eq!(
        (copy.content_type, copy.cache_control),
        (original.content_type, original.cache_control)
    );

    let replaced = [
        source,
        ("x-amz-metadata-directive", "REPLACE"),
        ("x-amz-meta-other", "1"),
        ("content-type", "text/plain"),
    ];
    assert_eq!(
        signed(&s3.endpoint(), "PUT", PRIVATE, &replaced, b"").status,
        200
    );
    let now = s3.object(PRIVATE_BUCKET, "data.json").unwrap();
    assert_eq!(now.metadata, [("other".to_owned(), "1".to_owned())].into());
    assert_eq!(
        (now.content_type.as_deref(), now.cache_control),
        (Some("text/plain"), None)
    );
}

#[test]
fn a_version_copied_onto_its_object_restores_it() {
    let s3 = filled();
    let before = s3.object(PRIVATE_BUCKET, "data.json").unwrap();
    let head = signed(&s3.endpoint(), "HEAD", PRIVATE, &[], b"");
    let first = head.header("x-amz-version-id").unwrap();
    put(&s3, PRIVATE, b"damaged");
    let source = format!("{SOURCE}?versionId={first}");
    let restored = signed(
        &s3.endpoint(),
        "PUT",
        PRIVATE,
        &[("x-amz-copy-source", &source)],
        b"",
    );
    assert_eq!(restored.status, 200, "{}", restored.text());
    assert_eq!(restored.header("x-amz-copy-source-version-id"), Some(first));
    assert_ne!(restored.header("x-amz-version-id"), Some(first));
    let after = s3.object(PRIVATE_BUCKET, "data.json").unwrap();
    assert_eq!(
        (after.bytes, after.metadata),
        (before.bytes, before.metadata)
    );
    let listed = get(&s3, &format!("{BUCKET}?versions"));
    assert_eq!(values(&listed, "VersionId").len(), 3);
}

#[test]
fn copies_may_have_conditions() {
    let s3 = filled();
    let source = ("x-amz-copy-source", SOURCE);
    let date = |time: SystemTime| {
        let head = |name: &str, path: &str| {
            signed(&s3.endpoint(), "HEAD", path, &[], b"")
                .header(name)
                .unwrap()
                .to_owned()
        };
        let mut object = s3.object(PRIVATE_BUCKET, "data.json").unwrap();
        object.last_modified = time;
        s3.buckets().put_version(PRIVATE_BUCKET, "dated", object);
        head("last-modified", &format!("{BUCKET}/dated"))
    };
    let written = s3
        .object(PRIVATE_BUCKET, "data.json")
        .unwrap()
        .last_modified;
    let hour = Duration::from_secs(3_600);
    let (earlier, same, later) = (date(written - hour), date(written), date(written + hour));
    for (name, value, status) in [
        ("x-amz-copy-source-if-match", ETAG, 200),
        ("x-amz-copy-source-if-match", "\"other\"", 412),
        ("x-amz-copy-source-if-none-match", ETAG, 412),
        ("x-amz-copy-source-if-none-match", "\"other\"", 200),
        ("x-amz-copy-source-if-modified-since", &earlier, 200),
        ("x-amz-copy-source-if-modified-since", &same, 412),
        ("x-amz-copy-source-if-unmodified-since", &earlier, 412),
        ("x-amz-copy-source-if-unmodified-since", &same, 200),
        ("x-amz-copy-source-if-unmodified-since", &later, 200),
        // On what the copy takes the place of.
        ("if-match", ETAG, 200),
        ("if-match", "\"other\"", 412),
        ("if-none-match", "*", 412),
    ] {
        let copied = signed(&s3.endpoint(), "PUT", PUBLIC, &[source, (name, value)], b"");
        assert_eq!(copied.status, status, "{name} {value}: {}", copied.text());
    }
    let absent = format!("{BUCKET}/absent");
    check(
        &s3,
        &[
            Case(
                "PUT",
                &absent,
                &[source, ("if-match", ETAG)],
                404,
                "NoSuchKey",
                &[],
            ),
            Case(
                "PUT",
                &absent,
                &[source, ("if-none-match", "*")],
                200,
                "",
                &[],
            ),
            // The same conditions are those of one who reads.
            Case(
                "GET",
                PRIVATE,
                &[("if-modified-since", &same)],
                304,
                "",
                &[],
            ),
            Case(
                "GET",
                PRIVATE,
                &[("if-modified-since", &earlier)],
                200,
                "",
                &[],
            ),
            Case(
                "GET",
                PRIVATE,
                &[("if-unmodified-since", &earlier)],
                412,
                "PreconditionFailed",
                &[],
            ),
            // Those on ETags come first.
            Case(
                "GET",
                PRIVATE,
                &[("if-match", ETAG), ("if-unmodified-since", &earlier)],
                200,
                "",
                &[],
            ),
            Case(
                "GET",
                PRIVATE,
                &[("if-none-match", "\"x\""), ("if-modified-since", &same)],
                200,
                "",
                &[],
            ),
        ],
    );
}

#[test]
fn what_cannot_be_copied() {
    let s3 = filled();
    let deleted = signed(
        &s3.endpoint(),
        "DELETE",
        &format!("{BUCKET}/gone"),
        &[],
        b"",
    );
    let marker = deleted.header("x-amz-version-id").unwrap();
    let marker = format!("dojang-local-private/gone?versionId={marker}");
    let unknown = format!("{SOURCE}?versionId=0123456789abcdef0123456789abcdef");
    let (long, many) = ("v".repeat(2048), ("x-amz-metadata-directive", "REPLACE"));
    let from = |source| ("x-amz-copy-source", source);
    check(
        &s3,
        &[
            Case("PUT", PRIVATE, &[from(SOURCE)], 400, "InvalidRequest", &[]),
            Case(
                "PUT",
                PUBLIC,
                &[from("dojang-local-private/absent")],
                404,
                "NoSuchKey",
                &[],
            ),
            Case(
                "PUT",
                PUBLIC,
                &[from("dojang-local-private/gone")],
                404,
                "NoSuchKey",
                &[],
            ),
            Case("PUT", PUBLIC, &[from(&marker)], 400, "InvalidRequest", &[]),
            Case("PUT", PUBLIC, &[from(&unknown)], 404, "NoSuchVersion", &[]),
            Case(
                "PUT",
                PUBLIC,
                &[from("no-such-bucket/x")],
                404,
                "NoSuchBucket",
                &[],
            ),
            Case(
                "PUT",
                "/no-such-bucket/x",
                &[from(SOURCE)],
                404,
                "NoSuchBucket",
                &[],
            ),
            Case(
                "PUT",
                PUBLIC,
                &[from(SOURCE), many, ("x-amz-meta-a", &long)],
                400,
                "MetadataTooLarge",
                &[],
            ),
        ],
    );
    assert_eq!(s3.object(PUBLIC_BUCKET, "data.json"), None);
}
