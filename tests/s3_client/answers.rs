//! What an answer means.

use std::collections::BTreeMap;

use dojang::s3::{Fetched, Head, Object, ObjectStore, S3Error, Written};

use crate::server::{Reply, Server, Then, closed_port};
use crate::{DATA, PATIENCE, SHORT, client, client_of, etag, name, upload};

#[test]
fn an_object_comes_with_what_is_known_of_it() {
    const HEADERS: [&str; 4] = [
        "ETag: \"a\"",
        "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT",
        "x-amz-meta-Shows: one",
        "x-amz-other: two",
    ];
    let server = Server::start(|asked, _| match asked.method() {
        "HEAD" => Reply::raw(200, HEADERS, b""),
        _ => Reply::new(200, &HEADERS, b"{}"),
    });
    let client = client(&server);
    let head = Head {
        etag: etag("\"a\""),
        metadata: BTreeMap::from([("shows".to_owned(), "one".to_owned())]),
        last_modified: Some(784_111_777),
    };
    assert_eq!(client.head(DATA, PATIENCE), Ok(head.clone()));
    let object = Object {
        bytes: b"{}".to_vec(),
        head,
    };
    assert_eq!(
        client.get(DATA, None, PATIENCE),
        Ok(Fetched::Object(object))
    );
}

#[test]
fn an_object_that_is_still_the_same_is_not_sent_again() {
    let server = Server::start(|_, number| match number {
        0 => Reply::new(304, &["last-modified: Sun, 06 Nov 1994 08:49:37 GMT"], b""),
        _ => Reply::new(304, &[], b""),
    });
    let client = client(&server);
    for last_modified in [Some(784_111_777), None] {
        let fetched = client.get(DATA, Some(&etag("\"a\"")), PATIENCE);
        assert_eq!(fetched, Ok(Fetched::NotModified { last_modified }));
    }
}

#[test]
fn a_write_succeeds_with_any_2xx() {
    const STATUSES: [u16; 5] = [200, 201, 202, 204, 299];
    let server = Server::start(|_, number| {
        let date = "date: Sun, 06 Nov 1994 08:49:37 GMT";
        Reply::new(STATUSES[number], &["etag: \"b\"", date], b"")
    });
    let client = client(&server);
    for status in STATUSES {
        let written = client.put(DATA, &upload(b"{}"), PATIENCE);
        let expected = Written {
            etag: etag("\"b\""),
            answered: Some(784_111_777),
        };
        assert_eq!(written, Ok(expected), "{status}");
    }
}

#[test]
fn a_success_without_an_etag_cannot_be_used() {
    let server =
        Server::start(|_, number| Reply::new(200, [&[][..], &["etag: "]][number / 2], b""));
    let client = client(&server);
    for _ in 0..2 {
        let fetched = client.get(DATA, None, PATIENCE).unwrap_err();
        assert!(fetched.to_string().contains("expected an ETag"));
        assert_eq!(name(&fetched), "bad answer");
        let written = client.put(DATA, &upload(b"{}"), PATIENCE).unwrap_err();
        assert_eq!(name(&written), "bad answer");
    }
}

#[test]
fn a_refusal_is_an_error_with_all_that_s3_says() {
    for (status, code, expected) in [
        (404, "NoSuchKey", "absent"),
        (404, "NoSuchBucket", "refused"),
        (403, "AccessDenied", "refused"),
        (301, "PermanentRedirect", "refused"),
        (307, "TemporaryRedirect", "not now"),
        (503, "SlowDown", "not now"),
        (409, "ConditionalRequestConflict", "conflict"),
        (412, "PreconditionFailed", "precondition failed"),
        (500, "InternalError", "unknown"),
        (300, "", "refused"),
    ] {
        let server = Server::start(move |asked, _| {
            let headers = [
                "x-amz-request-id: R",
                "x-amz-id-2: H",
                "location: http://127.0.0.1:1/",
            ];
            match asked.method() {
                "HEAD" => Reply::raw(status, headers, b""),
                _ => Reply::error(status, code, &headers),
            }
        });
        let client = client(&server);
        let errors = [
            client.get(DATA, None, PATIENCE).unwrap_err(),
            client.put(DATA, &upload(b"{}"), PATIENCE).unwrap_err(),
        ];
        for error in errors {
            assert_eq!(name(&error), expected, "{status} {code}");
            let shown = error.to_string();
            let is_whole = shown.contains(&format!(
                "{status} {code}, x-amz-request-id R, x-amz-id-2 H"
            ));
            assert!(
                is_whole || matches!(error, S3Error::Absent) || code.is_empty(),
                "{shown}"
            );
        }
        // There is no code, so any 404 says that nothing is there.
        let looked = client.head(DATA, PATIENCE).unwrap_err();
        let expected = match status {
            404 => "absent",
            409 => "refused",
            503 => "unknown",
            _ => expected,
        };
        assert_eq!(name(&looked), expected, "HEAD: {status}");
        assert_eq!(server.asked().len(), 3, "no redirect is followed");
    }
}

#[test]
fn an_object_is_read_up_to_the_limit() {
    // As many bytes as are held to be an object's at most.
    const MOST: usize = 32 << 20;
    let server = Server::start(|_, number| {
        let length = MOST + number / 2;
        let bytes = vec![b'x'; length];
        if number % 2 == 0 {
            Reply::new(200, &["etag: \"a\""], &bytes)
        } else {
            // Its length is not announced.
            Reply::raw(200, ["etag: \"a\"", "connection: close"], &bytes).then(Then::Closes)
        }
    });
    let client = client(&server);
    for _ in 0..2 {
        match client.get(DATA, None, PATIENCE) {
            Ok(Fetched::Object(object)) => assert_eq!(object.bytes.len(), MOST),
            other => panic!("{other:?}"),
        }
    }
    for _ in 0..2 {
        let error = client.get(DATA, None, PATIENCE).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("S3's answer cannot be used: expected at most {MOST} bytes, found more")
        );
    }
}

#[test]
fn an_answer_that_is_cut_short_is_none() {
    let server = Server::start(|_, _| {
        let headers = ["etag: \"a\"", "content-length: 100"];
        Reply::raw(200, headers, b"{}").then(Then::Closes)
    });
    let client = client(&server);
    let error = client.get(DATA, None, PATIENCE).unwrap_err();
    assert_eq!(name(&error), "unknown");
    assert!(error.to_string().contains("cut short"), "{error}");
}

#[test]
fn an_error_counts_even_if_its_text_is_long_or_cut() {
    let padding = "x".repeat(60 * 1024);
    let begins = format!("<Error><Message>{padding}</Message><Code>SlowDown</Code>");
    let long = format!("{begins}{}", padding.repeat(100));
    let server = Server::start(move |_, number| match number {
        0 => Reply::new(400, &[], long.as_bytes()),
        1 => Reply::raw(400, ["content-length: 1000000"], begins.as_bytes()).then(Then::Closes),
        _ => Reply::raw(412, ["content-length: 1000"], b"<Err").then(Then::Closes),
    });
    let client = client(&server);
    for expected in ["not now", "not now", "precondition failed"] {
        let error = client.get(DATA, None, PATIENCE).unwrap_err();
        assert_eq!(name(&error), expected);
    }
}

#[test]
fn no_answer_is_told_apart_by_whether_the_request_may_have_arrived() {
    let (_kept, closed) = closed_port();
    let nobody = client_of(&format!("http://{closed}"));
    assert_eq!(
        name(&nobody.get(DATA, None, PATIENCE).unwrap_err()),
        "unreachable"
    );
    for (then, timeout) in [(Then::Closes, PATIENCE), (Then::Stalls, SHORT)] {
        let server = Server::start(move |_, _| Reply::none(then));
        let client = client(&server);
        let error = client.put(DATA, &upload(b"{}"), timeout).unwrap_err();
        assert_eq!(name(&error), "unknown", "{then:?}");
    }
    let server = Server::start(|_, _| Reply::raw(200, ["what is this"], b""));
    let error = client(&server).get(DATA, None, PATIENCE).unwrap_err();
    assert_eq!(name(&error), "unknown");
}

#[test]
fn whether_the_token_is_refused_is_known() {
    for (status, code, is_forgiven) in [
        (200, "", true),
        (204, "", true),
        (304, "", true),
        (404, "NoSuchKey", true),
        (409, "ConditionalRequestConflict", true),
        (412, "PreconditionFailed", true),
        (400, "InvalidRequest", false),
        (403, "AccessDenied", false),
        (500, "InternalError", false),
        (503, "SlowDown", false),
    ] {
        let server = Server::start(move |asked, number| match (number % 2, asked.method()) {
            (0, _) => Reply::error(400, "ExpiredToken", &[]),
            (_, "HEAD") => Reply::raw(status, ["etag: \"a\""], b""),
            _ => Reply::error(status, code, &["etag: \"a\""]),
        });
        let client = client(&server);
        assert!(!client.is_token_refused());
        for method in ["PUT", "GET", "HEAD"] {
            client.put(DATA, &upload(b"{}"), PATIENCE).unwrap_err();
            assert!(client.is_token_refused());
            match method {
                "PUT" => drop(client.put(DATA, &upload(b"{}"), PATIENCE)),
                "GET" => drop(client.get(DATA, Some(&etag("\"a\"")), PATIENCE)),
                _ => drop(client.head(DATA, PATIENCE)),
            }
            let is_refused = client.is_token_refused();
            assert_eq!(is_refused, !is_forgiven, "{method}: {status} {code}");
        }
        assert_eq!(server.asked().len(), 6);
    }
}
