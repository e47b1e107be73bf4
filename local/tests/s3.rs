//! The S3 server, seen through HTTP with AWS's own signer.

mod common;

use std::sync::{Arc, Barrier};
use std::thread;

use common::{Client, Signer, send_headers, signed, unsigned};
use local::setup::{PRIVATE_BUCKET, PUBLIC_BUCKET};
use local::{Fault, FaultAnswer, S3Options, S3Server};

const PRIVATE: &str = "/dojang-local-private/data.json";
const PUBLIC: &str = "/dojang-local-public/data.json";
/// MD5 of `{}`.
const ETAG: &str = "\"99914b932bd37a50b983c5e7c90ae93b\"";

fn server() -> S3Server {
    S3Server::start(S3Options::default()).unwrap()
}

#[test]
fn an_object_comes_back_as_it_was_written() {
    let s3 = server();
    let headers = [
        ("content-type", "application/json"),
        ("cache-control", "no-cache"),
        ("x-amz-meta-write-id", "abc-1"),
    ];
    let put = signed(&s3.endpoint(), "PUT", PRIVATE, &headers, b"{}");
    assert_eq!(
        (put.status, put.header("etag")),
        (200, Some(ETAG)),
        "{}",
        put.text()
    );

    for method in ["GET", "HEAD"] {
        let got = signed(&s3.endpoint(), method, PRIVATE, &[], b"");
        assert_eq!(got.status, 200, "{method}");
        assert_eq!(got.body, if method == "GET" { &b"{}"[..] } else { b"" });
        for (name, value) in headers
            .into_iter()
            .chain([("etag", ETAG), ("content-length", "2")])
        {
            assert_eq!(got.header(name), Some(value), "{method} {name}");
        }
        assert!(
            got.header("last-modified")
                .is_some_and(|date| date.ends_with(" GMT"))
        );
        assert!(got.header("x-amz-request-id").is_some());
    }

    let object = s3.object(PRIVATE_BUCKET, "data.json").unwrap();
    assert_eq!(
        (&object.bytes[..], object.etag.as_str()),
        (&b"{}"[..], ETAG)
    );
    assert_eq!(
        object.metadata,
        [("write-id".to_owned(), "abc-1".to_owned())].into()
    );
    assert_eq!(object.content_type.as_deref(), Some("application/json"));
    assert_eq!(object.cache_control.as_deref(), Some("no-cache"));
    assert!(s3.delete_object(PRIVATE_BUCKET, "data.json"));
    assert!(!s3.delete_object(PRIVATE_BUCKET, "data.json"));
    assert_eq!(s3.object(PRIVATE_BUCKET, "data.json"), None);
}

#[test]
fn keys_need_not_be_plain() {
    let s3 = server();
    let path = "/dojang-local-private/sessions/a%20b%2Bc%3D%25%C3%A4.json";
    assert_eq!(signed(&s3.endpoint(), "PUT", path, &[], b"x").status, 200);
    assert!(
        s3.object(PRIVATE_BUCKET, "sessions/a b+c=%ä.json")
            .is_some()
    );
    assert_eq!(signed(&s3.endpoint(), "GET", path, &[], b"").body, b"x");
}

#[test]
fn absent_objects_and_buckets() {
    let s3 = server();
    let absent = signed(&s3.endpoint(), "GET", PRIVATE, &[], b"");
    assert_eq!((absent.status, absent.code()), (404, "NoSuchKey"));
    assert_eq!(
        signed(&s3.endpoint(), "HEAD", PRIVATE, &[], b"").status,
        404
    );
    for method in ["GET", "PUT"] {
        let absent = signed(
            &s3.endpoint(),
            method,
            "/no-such-bucket/data.json",
            &[],
            b"",
        );
        assert_eq!(
            (absent.status, absent.code()),
            (404, "NoSuchBucket"),
            "{method}"
        );
    }

    let s3 = S3Server::start(S3Options {
        list_bucket: false,
        ..S3Options::default()
    })
    .unwrap();
    let absent = signed(&s3.endpoint(), "GET", PRIVATE, &[], b"");
    assert_eq!((absent.status, absent.code()), (403, "AccessDenied"));
    s3.put_object(PRIVATE_BUCKET, "data.json", "{}");
    assert_eq!(signed(&s3.endpoint(), "GET", PRIVATE, &[], b"").status, 200);
}

#[test]
fn conditional_reads() {
    let s3 = server();
    s3.put_object(PRIVATE_BUCKET, "data.json", "{}");
    for method in ["GET", "HEAD"] {
        for (name, value, status) in [
            ("if-none-match", ETAG, 304),
            ("if-none-match", "\"other\"", 200),
            ("if-match", ETAG, 200),
            ("if-match", "\"other\"", 412),
        ] {
            let got = signed(&s3.endpoint(), method, PRIVATE, &[(name, value)], b"");
            assert_eq!(got.status, status, "{method} {name} {value}");
            if status < 400 {
                assert_eq!(got.header("etag"), Some(ETAG), "{method} {name} {value}");
            }
            if status == 304 {
                assert!(got.body.is_empty());
            }
        }
    }
}

#[test]
fn conditional_writes() {
    let s3 = server();
    let put = |name, value, body: &[u8]| {
        let answer = signed(&s3.endpoint(), "PUT", PRIVATE, &[(name, value)], body);
        (answer.status, answer.code().to_owned())
    };
    assert_eq!(put("if-match", ETAG, b"1"), (404, "NoSuchKey".to_owned()));
    assert_eq!(put("if-none-match", "*", b"{}"), (200, String::new()));
    assert_eq!(
        put("if-none-match", "*", b"2"),
        (412, "PreconditionFailed".to_owned())
    );
    assert_eq!(
        put("if-match", "\"other\"", b"3"),
        (412, "PreconditionFailed".to_owned())
    );
    assert_eq!(
        put("if-none-match", ETAG, b"4"),
        (501, "NotImplemented".to_owned())
    );
    assert_eq!(s3.object(PRIVATE_BUCKET, "data.json").unwrap().bytes, b"{}");
    assert_eq!(put("if-match", ETAG, b"5"), (200, String::new()));
    assert_eq!(s3.object(PRIVATE_BUCKET, "data.json").unwrap().bytes, b"5");
}

#[test]
fn of_sixteen_conditional_writers_exactly_one_wins() {
    const WRITERS: usize = 16;
    const ROUNDS: usize = 20;

    let s3 = server();
    let endpoint = s3.endpoint();
    let mut condition = ("if-none-match", "*".to_owned());
    for round in 0..ROUNDS {
        let start = Arc::new(Barrier::new(WRITERS));
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (endpoint, start) = (endpoint.clone(), Arc::clone(&start));
                let condition = condition.clone();
                thread::spawn(move || {
                    let body = format!("{round} {writer}").into_bytes();
                    let headers = [(condition.0, condition.1.as_str())];
                    let headers =
                        Signer::default().headers(&endpoint, "PUT", PRIVATE, &headers, &body);
                    start.wait();
                    let answer = send_headers(&endpoint, "PUT", PRIVATE, &headers, &body).unwrap();
                    (answer.status, body)
                })
            })
            .collect();
        let answers: Vec<_> = writers
            .into_iter()
            .map(|writer| writer.join().unwrap())
            .collect();
        let winners: Vec<_> = answers
            .iter()
            .filter(|(status, _)| *status == 200)
            .collect();
        assert_eq!(winners.len(), 1, "round {round}: {answers:?}");
        assert!(
            answers
                .iter()
                .all(|(status, _)| matches!(status, 200 | 412)),
            "{answers:?}"
        );
        let object = s3.object(PRIVATE_BUCKET, "data.json").unwrap();
        assert_eq!(object.bytes, winners[0].1, "what the winner wrote is there");
        condition = ("if-match", object.etag);
    }
}

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
    let presigned = unsigned(
        &s3.endpoint(),
        "GET",
        &format!("{PRIVATE}?X-Amz-Signature=0"),
        &[],
    );
    assert_eq!(
        (presigned.status, presigned.code()),
        (501, "NotImplemented")
    );
    let delete = signed(&s3.endpoint(), "DELETE", PRIVATE, &[], b"");
    assert_eq!((delete.status, delete.code()), (405, "MethodNotAllowed"));
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

#[test]
fn objects_survive_a_restart() {
    let dir = std::env::temp_dir().join(format!("dojang-local-s3-{}", std::process::id()));
    let options = || S3Options {
        data_dir: Some(dir.clone()),
        ..S3Options::default()
    };
    let s3 = S3Server::start(options()).unwrap();
    let headers = [
        ("x-amz-meta-write-id", "abc"),
        ("content-type", "application/json"),
        ("cache-control", "no-cache"),
    ];
    assert_eq!(
        signed(&s3.endpoint(), "PUT", PRIVATE, &headers, b"1\n2\r\n\0").status,
        200
    );
    let history = "sessions/participation_data_2026.json";
    s3.put_object(PRIVATE_BUCKET, history, "{}");
    s3.put_object(PUBLIC_BUCKET, "../.hidden", "{}");
    s3.put_object(PUBLIC_BUCKET, "gone", "{}");
    s3.delete_object(PUBLIC_BUCKET, "gone");
    let before = s3.object(PRIVATE_BUCKET, "data.json").unwrap();

    let second = S3Server::start(options()).map(|_| ()).unwrap_err();
    assert_eq!(second.kind(), std::io::ErrorKind::ResourceBusy, "{second}");
    drop(s3);

    let s3 = S3Server::start(options()).unwrap();
    let after = s3.object(PRIVATE_BUCKET, "data.json").unwrap();
    assert_eq!(after.bytes, b"1\n2\r\n\0");
    assert_eq!(
        (&after.etag, &after.metadata),
        (&before.etag, &before.metadata)
    );
    assert_eq!(
        (after.content_type, after.cache_control),
        (before.content_type, before.cache_control)
    );
    assert!(s3.object(PRIVATE_BUCKET, history).is_some());
    assert!(s3.object(PUBLIC_BUCKET, "../.hidden").is_some());
    assert_eq!(s3.object(PUBLIC_BUCKET, "gone"), None);
    assert!(
        !dir.parent().unwrap().join(".hidden").exists(),
        "no key leads out of the directory"
    );
    drop(s3);

    std::fs::write(dir.join(PRIVATE_BUCKET).join("broken"), "no object").unwrap();
    let broken = S3Server::start(options()).map(|_| ()).unwrap_err();
    assert!(
        broken
            .to_string()
            .ends_with("broken is not a stored object"),
        "{broken}"
    );
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn faults_take_the_place_of_answers() {
    let s3 = server();
    let endpoint = s3.endpoint();
    let put = |body: &'static [u8]| {
        let headers = Signer::default().headers(&endpoint, "PUT", PRIVATE, &[], body);
        send_headers(&endpoint, "PUT", PRIVATE, &headers, body)
    };
    let stored = || {
        s3.object(PRIVATE_BUCKET, "data.json")
            .map(|object| object.bytes)
    };
    let fail_puts = |fault: Fault| {
        s3.set_fault(Some(Box::new(move |head| {
            (head.method == "PUT").then(|| fault.clone())
        })));
    };

    fail_puts(Fault::Answer(FaultAnswer::slow_down()));
    let answer = put(b"1").unwrap();
    assert_eq!(
        (answer.status, answer.code(), stored()),
        (503, "SlowDown", None)
    );
    fail_puts(Fault::Answer(FaultAnswer::bad_gateway()));
    let answer = put(b"2").unwrap();
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (502, Some("text/html"))
    );
    fail_puts(Fault::Drop);
    assert!(put(b"3").is_err());
    assert_eq!(stored(), None);
    fail_puts(Fault::ApplyThenDrop);
    assert!(put(b"4").is_err());
    assert_eq!(stored().unwrap(), b"4");
    fail_puts(Fault::ApplyThenAnswer(FaultAnswer::s3_error(
        500,
        "InternalError",
        "Oops",
    )));
    assert_eq!(put(b"5").unwrap().code(), "InternalError");
    assert_eq!(stored().unwrap(), b"5");
    s3.set_fault(None);
    assert_eq!(put(b"6").unwrap().status, 200);

    let statuses: Vec<_> = s3
        .requests()
        .into_iter()
        .map(|request| request.status)
        .collect();
    assert_eq!(
        statuses,
        [Some(503), Some(502), None, None, Some(500), Some(200)]
    );
}

#[test]
fn a_stalled_request_has_no_answer() {
    let s3 = server();
    s3.set_fault(Some(Box::new(|_| Some(Fault::ApplyThenStall))));
    let endpoint = s3.endpoint();
    let headers = Signer::default().headers(&endpoint, "PUT", PRIVATE, &[], b"1");
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    let mut client = Client::connect(&endpoint);
    client.write("PUT", PRIVATE, &headers, b"1").unwrap();
    // Ending the server is what ends the wait.
    drop(s3);
    assert!(client.read("PUT").is_err());
}

#[test]
fn another_writer_comes_in_between() {
    let s3 = server();
    s3.put_object(PRIVATE_BUCKET, "data.json", "{}");
    let buckets = s3.buckets();
    s3.set_fault(Some(Box::new(move |head| {
        if head.method == "PUT" {
            buckets.put_object(PRIVATE_BUCKET, "data.json", "theirs");
        }
        None
    })));
    let put = signed(
        &s3.endpoint(),
        "PUT",
        PRIVATE,
        &[("if-match", ETAG)],
        b"ours",
    );
    assert_eq!(put.status, 412);
    assert_eq!(
        s3.object(PRIVATE_BUCKET, "data.json").unwrap().bytes,
        b"theirs"
    );
}

#[test]
fn requests_are_recorded() {
    let s3 = server();
    unsigned(
        &s3.endpoint(),
        "GET",
        "/dojang-local-public/a%20b?t=1",
        &[("x-one", "1"), ("x-one", "2")],
    );
    let requests = s3.requests();
    assert_eq!(requests.len(), 1);
    let request = &requests[0];
    assert_eq!(
        (request.method.as_str(), request.status),
        ("GET", Some(403))
    );
    assert_eq!(
        (request.bucket.as_str(), request.key.as_str()),
        (PUBLIC_BUCKET, "a b")
    );
    assert_eq!(
        (request.query.as_str(), request.headers["x-one"].as_str()),
        ("t=1", "1,2")
    );
    s3.clear_requests();
    assert!(s3.requests().is_empty());
}

#[test]
fn a_connection_serves_many_requests() {
    let s3 = server();
    s3.put_object(PUBLIC_BUCKET, "data.json", "{}");
    let mut client = Client::connect(&s3.endpoint());
    for _ in 0..3 {
        assert_eq!(client.send("GET", PUBLIC, &[], b"").body, b"{}");
        assert_eq!(client.send("GET", PRIVATE, &[], b"").status, 403);
        assert_eq!(client.send("HEAD", PUBLIC, &[], b"").status, 200);
        assert_eq!(
            client
                .send("GET", PUBLIC, &[("if-none-match", ETAG)], b"")
                .status,
            304
        );
    }
}
