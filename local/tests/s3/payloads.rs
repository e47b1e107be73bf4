//! Bodies, and what their senders say of them.

use crate::common::{Signer, send_headers, signed};
use crate::{PRIVATE, server};
use local::setup::PRIVATE_BUCKET;

#[test]
fn payloads_must_be_what_was_signed() {
    let s3 = server();
    let headers = Signer::default().headers(&s3.endpoint(), "PUT", PRIVATE, &[], b"{}");
    let answer = send_headers(&s3.endpoint(), "PUT", PRIVATE, &headers, b"[]").unwrap();
    assert_eq!(
        (answer.status, answer.code()),
        (400, "XAmzContentSHA256Mismatch")
    );
    let answer = signed(
        &s3.endpoint(),
        "PUT",
        PRIVATE,
        &[("content-md5", "AAAA")],
        b"{}",
    );
    assert_eq!(
        (answer.status, answer.code()),
        (400, "BadDigest"),
        "{}",
        answer.text()
    );
    assert_eq!(s3.object(PRIVATE_BUCKET, "data.json"), None);
    let md5 = ("content-md5", "mZFLkyvTelC5g8XnyQrpOw==");
    assert_eq!(
        signed(&s3.endpoint(), "PUT", PRIVATE, &[md5], b"{}").status,
        200
    );
}

#[test]
fn a_payload_may_be_unsigned() {
    let s3 = server();
    let signer = Signer {
        payload: Some("UNSIGNED-PAYLOAD"),
        ..Signer::default()
    };
    assert_eq!(
        signer
            .send(&s3.endpoint(), "PUT", PRIVATE, &[], b"{}")
            .status,
        200
    );
    assert_eq!(s3.object(PRIVATE_BUCKET, "data.json").unwrap().bytes, b"{}");
}

#[test]
fn checksums_must_be_right() {
    let s3 = server();
    for (name, right) in CHECKSUMS {
        let put = |value: &str| {
            let header = format!("x-amz-checksum-{name}");
            signed(&s3.endpoint(), "PUT", PRIVATE, &[(&header, value)], b"{}")
        };
        assert_eq!(put(right).status, 200, "{name}");
        let wrong = right.to_lowercase();
        let refused = put(&wrong);
        assert_eq!(
            (refused.status, refused.code()),
            (400, "BadDigest"),
            "{name} {wrong}"
        );
    }
}

#[test]
fn a_checksum_may_come_after_the_body() {
    let s3 = server();
    let signer = Signer {
        payload: Some("STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
        ..Signer::default()
    };
    let headers = [
        ("content-encoding", "aws-chunked"),
        ("x-amz-decoded-content-length", "2"),
        ("x-amz-trailer", "x-amz-checksum-crc32"),
    ];
    let put = |crc32: &str| {
        let body = format!("2\r\n{{}}\r\n0\r\nx-amz-checksum-crc32:{crc32}\r\n\r\n");
        signer.send(&s3.endpoint(), "PUT", PRIVATE, &headers, body.as_bytes())
    };
    let refused = put("AAAAAA==");
    assert_eq!((refused.status, refused.code()), (400, "BadDigest"));
    assert_eq!(s3.object(PRIVATE_BUCKET, "data.json"), None);
    assert_eq!(put(CHECKSUMS[0].1).status, 200);
    let object = s3.object(PRIVATE_BUCKET, "data.json").unwrap();
    // How the body was sent is no part of the object.
    assert_eq!((&*object.bytes, object.headers.len()), (&b"{}"[..], 0));
}

/// Of `{}`.
const CHECKSUMS: [(&str, &str); 5] = [
    ("crc32", "o6a/Qw=="),
    ("crc32c", "KXvQqg=="),
    ("crc64nvme", "Sv1wpwepjTw="),
    ("sha1", "vyGp6PvFo4RvsFtPoIWeCReyIC8="),
    ("sha256", "RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o="),
];
