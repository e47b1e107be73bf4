//! What is asked for.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use dojang::s3::{Condition, Location, ObjectStore, Upload};
use sha2::{Digest, Sha256};

use crate::server::{Asked, Reply, Server};
use crate::{DATA, PATIENCE, client, etag, upload};

#[test]
fn a_request_says_what_is_asked_for_and_signs_it() {
    let server = Server::start(|asked, _| match asked.method() {
        "HEAD" => Reply::raw(200, ["etag: \"a\""], b""),
        _ => Reply::new(200, &["etag: \"a\""], b""),
    });
    let client = client(&server);
    let bytes = b"{\"users\": {}}";
    let known = etag("\"known\"");
    let uploads = [
        upload(bytes),
        Upload {
            condition: Condition::Match(&known),
            metadata: &[("shows", "one"), ("other", "two")],
            cache_control: Some("no-cache"),
            ..upload(bytes)
        },
        Upload {
            parts: [&bytes[..3], &bytes[3..]],
            condition: Condition::Absent,
            ..upload(bytes)
        },
    ];
    client.get(DATA, None, PATIENCE).unwrap();
    client.get(DATA, Some(&known), PATIENCE).unwrap();
    client.head(DATA, PATIENCE).unwrap();
    for upload in &uploads {
        client.put(DATA, upload, PATIENCE).unwrap();
    }
    let odd = Location {
        bucket: "club",
        key: "a b/ø.json",
    };
    client.get(odd, None, PATIENCE).unwrap();

    let (checksum, sha256) = (
        BASE64_STANDARD.encode(Sha256::digest(bytes)),
        hex::encode(Sha256::digest(bytes)),
    );
    let empty = hex::encode(Sha256::digest(b""));
    let put = [
        ("content-length", "13"),
        ("content-type", "application/json; charset=utf-8"),
        ("x-amz-checksum-sha256", &checksum),
        ("x-amz-content-sha256", &sha256),
    ];
    let read = [("x-amz-content-sha256", &*empty)];
    let expected: [(&str, &[_], &[_]); 7] = [
        ("GET /club/data.json HTTP/1.1", &read, &[]),
        (
            "GET /club/data.json HTTP/1.1",
            &read,
            &[("if-none-match", "\"known\"")],
        ),
        ("HEAD /club/data.json HTTP/1.1", &read, &[]),
        ("PUT /club/data.json HTTP/1.1", &put, &[]),
        (
            "PUT /club/data.json HTTP/1.1",
            &put,
            &[
                ("cache-control", "no-cache"),
                ("if-match", "\"known\""),
                ("x-amz-meta-other", "two"),
                ("x-amz-meta-shows", "one"),
            ],
        ),
        (
            "PUT /club/data.json HTTP/1.1",
            &put,
            &[("if-none-match", "*")],
        ),
        ("GET /club/a%20b/%C3%B8.json HTTP/1.1", &read, &[]),
    ];
    let asked = server.asked();
    assert_eq!(asked.len(), expected.len());
    for (asked, (line, always, besides)) in asked.iter().zip(expected) {
        assert_eq!(asked.line, line);
        assert_eq!(asked.body, if always.len() > 1 { &bytes[..] } else { b"" });
        let host = server.endpoint.strip_prefix("http://").unwrap();
        let agent = concat!("dojang/", env!("CARGO_PKG_VERSION"));
        let mut headers = BTreeMap::from([
            ("host", host),
            ("user-agent", agent),
            ("x-amz-security-token", "token"),
        ]);
        headers.extend(always.iter().chain(besides).copied());
        assert_eq!(besides_the_signature(asked), headers, "{line}");
        // The signature lists the names of these headers. `tests/end_to_end/` tests whether it is right. The hash of
        // the body covers the length.
        let signed: Vec<_> = signed(asked).collect();
        for name in headers.keys() {
            let is_signed = !matches!(*name, "content-length" | "user-agent");
            assert_eq!(signed.contains(name), is_signed, "{name} of {line}");
        }
    }
}

#[test]
fn the_server_of_a_bucket_is_named() {
    let server = Server::start(|_, _| Reply::new(200, &[], b""));
    let host = server.endpoint.strip_prefix("http://").unwrap();
    assert_eq!(client(&server).server("club"), host);
}

/// The headers other than the signature and its time.
fn besides_the_signature(asked: &Asked) -> BTreeMap<&str, &str> {
    let headers = asked.headers.iter();
    headers
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .filter(|(name, _)| !matches!(*name, "authorization" | "x-amz-date"))
        .collect()
}

/// The names of the headers that the signature covers.
fn signed(asked: &Asked) -> impl Iterator<Item = &str> {
    let (_, rest) = asked.headers["authorization"]
        .split_once("SignedHeaders=")
        .expect("the signature names them");
    rest.split(',').next().unwrap_or_default().split(';')
}
