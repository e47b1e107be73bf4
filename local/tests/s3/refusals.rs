//! What S3 refuses, and what the public may do.

use crate::common::{Signer, send_headers, signed, unsigned};
use crate::{ETAG, PRIVATE, PUBLIC, server};
use local::setup::{PRIVATE_BUCKET, PUBLIC_BUCKET};
use local::{S3Options, S3Server};

#[test]
fn signatures_must_be_right() {
    let s3 = server();
    s3.put_object(PRIVATE_BUCKET, "data.json", "{}");
    let refused = |signer: Signer| {
        let answer = signer.send(&s3.endpoint(), "GET", PRIVATE, &[], b"");
        (answer.status, answer.code().to_owned())
    };
    let good = Signer::default;
    for (signer, status, code) in [
        (
            Signer {
                secret: "wrong",
                ..good()
            },
            403,
            "SignatureDoesNotMatch",
        ),
        (
            Signer {
                key_id: "ASIAUNKNOWN",
                ..good()
            },
            403,
            "InvalidAccessKeyId",
        ),
        (
            Signer {
                region: "us-east-1",
                ..good()
            },
            400,
            "AuthorizationHeaderMalformed",
        ),
        (
            Signer {
                token: Some("wrong"),
                ..good()
            },
            400,
            "InvalidToken",
        ),
        (
            Signer {
                token: None,
                ..good()
            },
            403,
            "InvalidAccessKeyId",
        ),
    ] {
        assert_eq!(refused(signer), (status, code.to_owned()));
    }
    let region = Signer {
        region: "us-east-1",
        ..good()
    };
    let answer = region.send(&s3.endpoint(), "GET", PRIVATE, &[], b"");
    assert!(
        answer.text().contains("<Region>eu-central-1</Region>"),
        "{}",
        answer.text()
    );
    assert!(
        answer
            .text()
            .contains("'us-east-1' is wrong; expecting 'eu-central-1'")
    );

    let long_term = S3Options {
        session_token: None,
        ..S3Options::default()
    };
    let s3 = S3Server::start(long_term).unwrap();
    s3.put_object(PRIVATE_BUCKET, "data.json", "{}");
    let with_token = good().send(&s3.endpoint(), "GET", PRIVATE, &[], b"");
    assert_eq!(
        (with_token.status, with_token.code()),
        (400, "InvalidToken")
    );
    let without = Signer {
        token: None,
        ..good()
    };
    assert_eq!(
        without
            .send(&s3.endpoint(), "GET", PRIVATE, &[], b"")
            .status,
        200
    );
}

#[test]
fn headers_that_matter_must_be_signed() {
    let s3 = server();
    s3.put_object(PRIVATE_BUCKET, "data.json", "{}");
    let signed = Signer::default().headers(&s3.endpoint(), "GET", PRIVATE, &[], b"");
    for (name, value) in [
        ("x-amz-meta-a", "b"),
        ("x-amz-expected-bucket-owner", "123456789012"),
    ] {
        let mut headers = signed.clone();
        headers.insert(name.to_owned(), value.to_owned());
        let answer = send_headers(&s3.endpoint(), "GET", PRIVATE, &headers, b"").unwrap();
        assert_eq!((answer.status, answer.code()), (403, "AccessDenied"));
        assert!(
            answer
                .text()
                .contains("headers present in the request which were not signed")
        );
        assert!(
            answer
                .text()
                .contains(&format!("<HeadersNotSigned>{name}</HeadersNotSigned>"))
        );
    }
    for name in ["host", "x-amz-security-token"] {
        let mut headers = signed.clone();
        let authorization = &headers["authorization"];
        assert!(authorization.contains(name), "{authorization}");
        let without = authorization
            .replace(&format!("SignedHeaders={name};"), "SignedHeaders=")
            .replace(&format!(";{name}"), "");
        headers.insert("authorization".to_owned(), without);
        let answer = send_headers(&s3.endpoint(), "GET", PRIVATE, &headers, b"").unwrap();
        assert_eq!(
            (answer.status, answer.code()),
            (403, "AccessDenied"),
            "{name}"
        );
        assert!(
            answer
                .text()
                .contains(&format!("<HeadersNotSigned>{name}</HeadersNotSigned>"))
        );
    }
    // What does not matter may be added on the way.
    let mut headers = signed;
    headers.insert("accept".to_owned(), "*/*".to_owned());
    assert_eq!(
        send_headers(&s3.endpoint(), "GET", PRIVATE, &headers, b"")
            .unwrap()
            .status,
        200
    );
}

#[test]
fn user_metadata_has_a_limit() {
    let s3 = server();
    let put = |value: &str| {
        let answer = signed(
            &s3.endpoint(),
            "PUT",
            PRIVATE,
            &[("x-amz-meta-a", value)],
            b"{}",
        );
        (answer.status, answer.code().to_owned())
    };
    assert_eq!(put(&"v".repeat(2047)), (200, String::new()));
    assert_eq!(put(&"v".repeat(2048)), (400, "MetadataTooLarge".to_owned()));
}

#[test]
fn what_is_not_kept_is_refused() {
    let s3 = server();
    for (name, value, status, code) in [
        (
            "x-amz-acl",
            "public-read",
            400,
            "AccessControlListNotSupported",
        ),
        (
            "x-amz-grant-read",
            "id=1",
            400,
            "AccessControlListNotSupported",
        ),
        ("x-amz-tagging", "a=b", 501, "NotImplemented"),
        ("x-amz-storage-class", "GLACIER", 501, "NotImplemented"),
        (
            "x-amz-server-side-encryption",
            "aws:kms",
            501,
            "NotImplemented",
        ),
        (
            "x-amz-object-lock-mode",
            "GOVERNANCE",
            501,
            "NotImplemented",
        ),
        (
            "expires",
            "Wed, 21 Oct 2026 07:28:00 GMT",
            501,
            "NotImplemented",
        ),
        // What means the same as nothing passes.
        ("x-amz-acl", "bucket-owner-full-control", 200, ""),
        ("x-amz-storage-class", "STANDARD", 200, ""),
        ("x-amz-server-side-encryption", "AES256", 200, ""),
    ] {
        let put = signed(&s3.endpoint(), "PUT", PRIVATE, &[(name, value)], b"{}");
        assert_eq!((put.status, put.code()), (status, code), "{name}: {value}");
    }
}

#[test]
fn other_kinds_of_requests_are_refused() {
    let s3 = server();
    let old = unsigned(
        &s3.endpoint(),
        "GET",
        PRIVATE,
        &[("authorization", "AWS AKID:c2lnbmF0dXJl")],
    );
    assert_eq!((old.status, old.code()), (400, "InvalidRequest"));
    let scope = "AWS4-HMAC-SHA256 Credential=AKID/x, SignedHeaders=host, Signature=00";
    let malformed = unsigned(&s3.endpoint(), "GET", PRIVATE, &[("authorization", scope)]);
    assert_eq!(
        (malformed.status, malformed.code()),
        (400, "AuthorizationHeaderMalformed")
    );
    for (method, path) in [
        ("POST", PRIVATE),
        ("POST", "/dojang-local-private"),
        ("PATCH", PRIVATE),
    ] {
        let refused = signed(&s3.endpoint(), method, path, &[], b"");
        assert_eq!(
            (refused.status, refused.code()),
            (405, "MethodNotAllowed"),
            "{method} {path}"
        );
    }
}

#[test]
fn the_public_may_read_the_public_bucket_only() {
    let s3 = server();
    for bucket in [PRIVATE_BUCKET, PUBLIC_BUCKET] {
        s3.put_object(bucket, "data.json", "{}");
    }
    let endpoint = s3.endpoint();
    assert_eq!(unsigned(&endpoint, "GET", PUBLIC, &[]).body, b"{}");
    assert_eq!(
        unsigned(&endpoint, "GET", &format!("{PUBLIC}?t=1700000000123"), &[]).body,
        b"{}"
    );
    assert_eq!(
        unsigned(&endpoint, "HEAD", PUBLIC, &[]).header("etag"),
        Some(ETAG)
    );
    assert_eq!(
        unsigned(&endpoint, "GET", PUBLIC, &[("if-none-match", ETAG)]).status,
        304
    );
    for (method, path) in [
        ("GET", PRIVATE),
        ("GET", "/dojang-local-private/absent"),
        ("GET", "/dojang-local-public/absent"),
        ("GET", "/dojang-local-public/"),
        ("GET", "/dojang-local-public/data.json?acl"),
        ("PUT", PUBLIC),
        ("PUT", PRIVATE),
    ] {
        let refused = unsigned(&endpoint, method, path, &[]);
        assert_eq!(
            (refused.status, refused.code()),
            (403, "AccessDenied"),
            "{method} {path}"
        );
    }
    assert_eq!(unsigned(&endpoint, "HEAD", PRIVATE, &[]).status, 403);
}

#[test]
fn browsers_may_read_the_public_bucket() {
    let s3 = server();
    s3.put_object(PUBLIC_BUCKET, "data.json", "{}");
    let origin = ("origin", "https://club.example");
    for (path, status) in [(PUBLIC, 200), ("/dojang-local-public/absent", 403)] {
        let got = unsigned(&s3.endpoint(), "GET", path, &[origin]);
        assert_eq!(got.status, status);
        assert_eq!(
            got.header("access-control-allow-origin"),
            Some("*"),
            "{path}"
        );
        assert_eq!(
            got.header("access-control-expose-headers"),
            Some("ETag"),
            "{path}"
        );
    }
    let private = unsigned(&s3.endpoint(), "GET", PRIVATE, &[origin]);
    assert_eq!(private.header("access-control-allow-origin"), None);

    let asks = |path, method| {
        let method = ("access-control-request-method", method);
        let headers = ("access-control-request-headers", "if-none-match");
        unsigned(&s3.endpoint(), "OPTIONS", path, &[origin, method, headers])
    };
    let preflight = asks(PUBLIC, "GET");
    assert_eq!(preflight.status, 200);
    assert_eq!(preflight.header("access-control-allow-origin"), Some("*"));
    assert_eq!(
        preflight.header("access-control-allow-headers"),
        Some("if-none-match")
    );
    assert_eq!(asks(PUBLIC, "PUT").status, 403);
    assert_eq!(asks(PRIVATE, "GET").status, 403);
}
