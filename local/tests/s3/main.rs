//! The S3 server, seen through HTTP with AWS's own signer.

#[path = "../common/mod.rs"]
mod common;
mod copies;
mod deletions;
mod faults;
mod listing;
mod objects;
mod on_disk;
mod payloads;
mod presigned;
mod refusals;
mod settings;
mod uploads;
mod versions;

use local::{S3Options, S3Server};

use common::{Answer, signed};

fn server() -> S3Server {
    S3Server::start(S3Options::default()).unwrap()
}

/// What all elements of this name hold.
fn values<'a>(answer: &'a Answer, name: &str) -> Vec<&'a str> {
    let (start, end) = (format!("<{name}>"), format!("</{name}>"));
    let parts = answer.text().split(&*start).skip(1);
    parts
        .filter_map(|part| Some(part.split_once(&*end)?.0))
        .collect()
}

/// What a GET with a good signature brings.
fn get(s3: &S3Server, path: &str) -> Answer {
    signed(&s3.endpoint(), "GET", path, &[], b"")
}

/// Writes an object; the id of its version.
fn put(s3: &S3Server, path: &str, body: &[u8]) -> String {
    let answer = signed(&s3.endpoint(), "PUT", path, &[], body);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer
        .header("x-amz-version-id")
        .unwrap_or_default()
        .to_owned()
}

/// Sends requests one after the other, and compares status, code and some headers of their answers.
fn check(s3: &S3Server, cases: &[Case<'_>]) {
    for Case(method, path, headers, status, code, expected) in cases {
        let answer = signed(&s3.endpoint(), method, path, headers, b"");
        assert_eq!(
            (answer.status, answer.code()),
            (*status, *code),
            "{method} {path} {headers:?}: {}",
            answer.text()
        );
        for (name, value) in *expected {
            let found = answer.header(name).unwrap_or_default();
            assert_eq!(found, *value, "{method} {path} {headers:?}: {name}");
        }
    }
}

type Headers<'a> = &'a [(&'a str, &'a str)];
/// Method, path and headers of a request; status, code and headers of its answer (empty: none such).
struct Case<'a>(&'a str, &'a str, Headers<'a>, u16, &'a str, Headers<'a>);

const BUCKET: &str = "/dojang-local-private";
const PUBLIC_BUCKET_PATH: &str = "/dojang-local-public";

const PRIVATE: &str = "/dojang-local-private/data.json";
const PUBLIC: &str = "/dojang-local-public/data.json";
/// MD5 of `{}`.
const ETAG: &str = "\"99914b932bd37a50b983c5e7c90ae93b\"";
/// A version that there is not.
const UNKNOWN: &str = "0123456789abcdef0123456789abcdef";
