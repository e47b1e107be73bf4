//! Uploads in parts.

use crate::common::{Answer, place, signed};
use crate::{BUCKET, Case, ETAG, PRIVATE, check, get, put, server, values};
use local::setup::PRIVATE_BUCKET;
use local::{S3Options, S3Server};

/// As small as a part may be that is not the last.
const PART: usize = 5 << 20;

fn begin(s3: &S3Server) -> String {
    let headers = [("content-type", "application/json"), ("x-amz-meta-a", "b")];
    let begun = signed(
        &s3.endpoint(),
        "POST",
        &format!("{PRIVATE}?uploads"),
        &headers,
        b"",
    );
    assert_eq!(begun.status, 200, "{}", begun.text());
    values(&begun, "UploadId")[0].to_owned()
}

/// Uploads a part; its ETag.
fn upload(s3: &S3Server, id: &str, number: usize, body: &[u8]) -> String {
    let path = format!("{PRIVATE}?partNumber={number}&uploadId={id}");
    let answer = signed(&s3.endpoint(), "PUT", &path, &[], body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.header("etag").unwrap().to_owned()
}

fn complete(s3: &S3Server, id: &str, parts: &[(usize, &str)], headers: &[(&str, &str)]) -> Answer {
    let parts: String = parts
        .iter()
        .map(|(number, etag)| {
            format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>")
        })
        .collect();
    let body = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
    let path = format!("{PRIVATE}?uploadId={id}");
    signed(&s3.endpoint(), "POST", &path, headers, body.as_bytes())
}

#[test]
fn an_object_is_made_of_parts() {
    let s3 = server();
    let id = begin(&s3);
    upload(&s3, &id, 1, b"replaced");
    let first = upload(&s3, &id, 1, &vec![b'x'; PART]);
    let last = upload(&s3, &id, 7, b"{}");
    assert_eq!(last, ETAG);
    assert_eq!(
        s3.object(PRIVATE_BUCKET, "data.json"),
        None,
        "not before it is complete"
    );

    let list = |query: &str| {
        let path = format!("{PRIVATE}?uploadId={id}{query}");
        let listed = get(&s3, &path);
        let numbers: Vec<_> = values(&listed, "PartNumber")
            .into_iter()
            .map(str::to_owned)
            .collect();
        (
            numbers.join(" "),
            values(&listed, "IsTruncated")[0].to_owned(),
        )
    };
    assert_eq!(list(""), ("1 7".to_owned(), "false".to_owned()));
    assert_eq!(list("&max-parts=1"), ("1".to_owned(), "true".to_owned()));
    assert_eq!(
        list("&part-number-marker=1"),
        ("7".to_owned(), "false".to_owned())
    );
    let begun = get(&s3, &format!("{BUCKET}?uploads"));
    assert_eq!(values(&begun, "UploadId"), [&*id]);

    let done = complete(&s3, &id, &[(1, &first), (7, &last)], &[]);
    assert_eq!(done.status, 200, "{}", done.text());
    assert!(done.header("x-amz-version-id").is_some());
    let object = s3.object(PRIVATE_BUCKET, "data.json").unwrap();
    assert_eq!(object.bytes.len(), PART + 2);
    assert!(object.etag.ends_with("-2\""), "{}", object.etag);
    assert_eq!(
        (object.content_type.as_deref(), &*object.metadata["a"]),
        (Some("application/json"), "b")
    );
    // A range of it, as the AWS CLI reads large objects.
    let range = format!("bytes={}-", PART - 1);
    let got = signed(&s3.endpoint(), "GET", PRIVATE, &[("range", &range)], b"");
    assert_eq!((got.status, &*got.body), (206, &b"x{}"[..]));
    let shown = format!("bytes {}-{}/{}", PART - 1, PART + 1, PART + 2);
    assert_eq!(got.header("content-range"), Some(&*shown));
    let none = [("range", "bytes=99999999-")];
    check(
        &s3,
        &[Case("GET", PRIVATE, &none, 416, "InvalidRange", &[])],
    );
}

#[test]
fn parts_that_do_not_fit_are_refused() {
    let s3 = server();
    let id = begin(&s3);
    let (small, last) = (upload(&s3, &id, 1, b"small"), upload(&s3, &id, 2, b"{}"));
    for (parts, code) in [
        (&[(1, &*small), (3, &*last)][..], "InvalidPart"),
        (&[(1, &*last), (2, &*last)], "InvalidPart"),
        (&[(2, &*last), (1, &*small)], "InvalidPartOrder"),
        (&[(1, &*small), (1, &*small)], "InvalidPartOrder"),
        (&[(1, &*small), (2, &*last)], "EntityTooSmall"),
        (&[], "MalformedXML"),
    ] {
        let refused = complete(&s3, &id, parts, &[]);
        assert_eq!((refused.status, refused.code()), (400, code), "{parts:?}");
    }
    let wrong = format!("{PRIVATE}?partNumber=0&uploadId={id}");
    check(
        &s3,
        &[Case("PUT", &wrong, &[], 400, "InvalidArgument", &[])],
    );
    // A condition that does not hold leaves the upload as it is.
    put(&s3, PRIVATE, b"{}");
    let refused = complete(&s3, &id, &[(2, &last)], &[("if-none-match", "*")]);
    assert_eq!(
        (refused.status, refused.code()),
        (412, "PreconditionFailed")
    );
    assert_eq!(
        complete(&s3, &id, &[(2, &last)], &[("if-match", ETAG)]).status,
        200
    );
}

#[test]
fn an_upload_ends_once() {
    let s3 = server();
    let (done, aborted) = (begin(&s3), begin(&s3));
    let etag = upload(&s3, &done, 1, b"{}");
    assert_eq!(complete(&s3, &done, &[(1, &etag)], &[]).status, 200);
    upload(&s3, &aborted, 1, b"{}");
    let path = |id: &str| format!("{PRIVATE}?uploadId={id}");
    let aborting = signed(&s3.endpoint(), "DELETE", &path(&aborted), &[], b"");
    assert_eq!(aborting.status, 204);
    let elsewhere = format!("{BUCKET}/other?uploadId={}", begin(&s3));
    for id in [&*done, &*aborted, "unknown"] {
        let part = format!("{PRIVATE}?partNumber=1&uploadId={id}");
        check(
            &s3,
            &[
                Case("GET", &path(id), &[], 404, "NoSuchUpload", &[]),
                Case("DELETE", &path(id), &[], 404, "NoSuchUpload", &[]),
                Case("PUT", &part, &[], 404, "NoSuchUpload", &[]),
                Case("GET", &elsewhere, &[], 404, "NoSuchUpload", &[]),
            ],
        );
        let refused = complete(&s3, id, &[(1, &etag)], &[]);
        assert_eq!((refused.status, refused.code()), (404, "NoSuchUpload"));
    }
}

#[test]
fn an_object_of_parts_keeps_its_etag() {
    let dir = place("s3-parts");
    let options = S3Options {
        data_dir: Some(dir.clone()),
        ..S3Options::default()
    };
    let s3 = S3Server::start(options.clone()).unwrap();
    let (id, unfinished) = (begin(&s3), begin(&s3));
    let etag = upload(&s3, &id, 1, b"{}");
    assert_eq!(complete(&s3, &id, &[(1, &etag)], &[]).status, 200);
    let before = s3.object(PRIVATE_BUCKET, "data.json").unwrap().etag;
    assert_ne!(before, etag);
    drop(s3);
    let s3 = S3Server::start(options).unwrap();
    assert_eq!(s3.object(PRIVATE_BUCKET, "data.json").unwrap().etag, before);
    // What was not completed is gone.
    let path = format!("{PRIVATE}?uploadId={unfinished}");
    check(&s3, &[Case("GET", &path, &[], 404, "NoSuchUpload", &[])]);
    drop(s3);
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_part_may_be_copied() {
    let s3 = server();
    put(&s3, &format!("{BUCKET}/source"), b"0123456789");
    let id = begin(&s3);
    let path = format!("{PRIVATE}?partNumber=1&uploadId={id}");
    let copy = |range| {
        let headers = [
            ("x-amz-copy-source", "dojang-local-private/source"),
            ("x-amz-copy-source-range", range),
        ];
        signed(&s3.endpoint(), "PUT", &path, &headers, b"")
    };
    let copied = copy("bytes=2-4");
    assert_eq!(copied.status, 200, "{}", copied.text());
    assert_eq!(
        complete(&s3, &id, &[(1, values(&copied, "ETag")[0])], &[]).status,
        200
    );
    assert_eq!(
        s3.object(PRIVATE_BUCKET, "data.json").unwrap().bytes,
        b"234"
    );
    assert_eq!(copy("2-4").code(), "InvalidArgument");
    assert_eq!(copy("bytes=20-30").code(), "InvalidRange");
}

#[test]
fn there_is_an_end_to_what_is_kept() {
    let s3 = server();
    // 64 MiB each, which is as much as an object may have; 128 MiB of parts fit.
    let body = vec![b'x'; 64 << 20];
    let id = begin(&s3);
    for number in 1..=2 {
        upload(&s3, &id, number, &body);
    }
    let path = format!("{PRIVATE}?partNumber=3&uploadId={id}");
    let full = signed(&s3.endpoint(), "PUT", &path, &[], b"x");
    assert_eq!((full.status, full.code()), (507, "InsufficientStorage"));
    for _ in 1..100 {
        begin(&s3);
    }
    let full = signed(
        &s3.endpoint(),
        "POST",
        &format!("{PRIVATE}?uploads"),
        &[],
        b"",
    );
    assert_eq!((full.status, full.code()), (507, "InsufficientStorage"));
}
