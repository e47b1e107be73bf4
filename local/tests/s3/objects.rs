//! What is written can be read, under the conditions that S3 knows.

use std::sync::{Arc, Barrier};
use std::thread;

use crate::common::{Signer, place, send_headers, signed};
use crate::{ETAG, PRIVATE, server};
use local::setup::{PRIVATE_BUCKET, PUBLIC_BUCKET};
use local::{S3Options, S3Server};

#[test]
fn an_object_comes_back_as_it_was_written() {
    let s3 = server();
    let headers = [
        ("content-type", "application/json"),
        ("cache-control", "no-cache"),
        ("content-disposition", "attachment"),
        ("content-encoding", "br"),
        ("content-language", "da"),
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
fn objects_survive_a_restart() {
    let dir = place("s3-restart");
    let options = || S3Options {
        data_dir: Some(dir.clone()),
        ..S3Options::default()
    };
    let s3 = S3Server::start(options()).unwrap();
    let headers = [
        ("x-amz-meta-write-id", "abc"),
        ("content-type", "application/json"),
        ("cache-control", "no-cache"),
        ("content-language", "da"),
    ];
    assert_eq!(
        signed(&s3.endpoint(), "PUT", PRIVATE, &headers, b"1\n2\r\n\0").status,
        200
    );
    let history = "sessions/participation_data_2026.json";
    s3.put_object(PRIVATE_BUCKET, history, "{}");
    s3.put_object(PUBLIC_BUCKET, "../.hidden", "{}");
    s3.put_object(PUBLIC_BUCKET, "..", "{}");
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
        (&after.etag, &after.metadata, &after.headers),
        (&before.etag, &before.metadata, &before.headers)
    );
    assert_eq!(
        (after.content_type, after.cache_control),
        (before.content_type, before.cache_control)
    );
    assert!(s3.object(PRIVATE_BUCKET, history).is_some());
    assert!(s3.object(PUBLIC_BUCKET, "../.hidden").is_some());
    assert!(s3.object(PUBLIC_BUCKET, "..").is_some());
    assert_eq!(s3.object(PUBLIC_BUCKET, "gone"), None);
    let file = std::fs::read(dir.join(PRIVATE_BUCKET).join("data.json")).unwrap();
    assert!(
        file.ends_with(b"}\n1\n2\r\n\0"),
        "attributes in the first line, then the content"
    );
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
