//! Deletions with conditions, and of many at once.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use md5::{Digest, Md5};

use crate::common::signed;
use crate::{BUCKET, Case, ETAG, PRIVATE, UNKNOWN, check, get, put, server, values};
use local::setup::PRIVATE_BUCKET;

#[test]
fn deletions_may_have_conditions() {
    let s3 = server();
    check(
        &s3,
        &[
            Case(
                "DELETE",
                PRIVATE,
                &[("if-match", ETAG)],
                404,
                "NoSuchKey",
                &[],
            ),
            Case("PUT", PRIVATE, &[], 200, "", &[]),
            Case(
                "DELETE",
                PRIVATE,
                &[("if-match", ETAG)],
                412,
                "PreconditionFailed",
                &[],
            ),
            Case("DELETE", PRIVATE, &[("if-match", "*")], 204, "", &[]),
            Case("DELETE", "/no-such-bucket/x", &[], 404, "NoSuchBucket", &[]),
        ],
    );
}

#[test]
fn many_are_deleted_at_once() {
    let s3 = server();
    let first = put(&s3, PRIVATE, b"{}");
    let second = put(&s3, PRIVATE, b"two");
    put(&s3, &format!("{BUCKET}/a&b"), b"x");
    let path = format!("{BUCKET}?delete");
    let object = |key: &str, more: &str| format!("<Object><Key>{key}</Key>{more}</Object>");
    let send = |body: &str, headers: &[(&str, &str)]| {
        signed(&s3.endpoint(), "POST", &path, headers, body.as_bytes())
    };
    // S3 asks for a checksum.
    let delete = |objects: &str| {
        let body = format!("<Delete>{objects}</Delete>");
        let md5 = BASE64_STANDARD.encode(Md5::digest(&body));
        send(&body, &[("content-md5", &md5)])
    };
    let version = |id: &str| format!("<VersionId>{id}</VersionId>");
    let done = delete(
        &[
            object("data.json", &version(&first)),
            object("data.json", &version("VERSION_ID")),
            object("data.json", &format!("<ETag>{}</ETag>", "other")),
            object("a&amp;b", ""),
            object("absent", &version(UNKNOWN)),
        ]
        .concat(),
    );
    assert_eq!(done.status, 200, "{}", done.text());
    assert_eq!(
        values(&done, "Code"),
        ["InvalidArgument", "PreconditionFailed"]
    );
    assert_eq!(values(&done, "DeleteMarker"), ["true"]);
    assert_eq!(values(&done, "Deleted").len(), 3);
    let left = get(&s3, &format!("{BUCKET}?versions"));
    assert_eq!(values(&left, "VersionId").len(), 3);
    assert!(left.text().contains(&second) && !left.text().contains(&first));
    assert_eq!(s3.object(PRIVATE_BUCKET, "a&b"), None);

    let quiet = delete(&format!("<Quiet>true</Quiet>{}", object("data.json", "")));
    assert_eq!((quiet.status, values(&quiet, "Deleted").len()), (200, 0));
    for objects in [
        object("x", "").repeat(1001),
        "<Object></Object>".to_owned(),
        "<".to_owned(),
    ] {
        let refused = delete(&objects);
        assert_eq!(
            (refused.status, refused.code()),
            (400, "MalformedXML"),
            "{}",
            refused.text()
        );
    }
    let body = format!("<Delete>{}</Delete>", object("x", ""));
    for (headers, code) in [
        (&[][..], "InvalidRequest"),
        (&[("content-md5", "mZFLkyvTelC5g8XnyQrpOw==")], "BadDigest"),
        (&[("x-amz-checksum-crc32", "AAAAAA==")], "BadDigest"),
    ] {
        let refused = send(&body, headers);
        assert_eq!(
            (refused.status, refused.code()),
            (400, code),
            "{}",
            refused.text()
        );
    }
}
