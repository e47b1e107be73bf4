//! The S3 server, seen through HTTP with AWS's own signer.

#[path = "../common/mod.rs"]
mod common;
mod faults;
mod objects;
mod refusals;

use local::{S3Options, S3Server};

fn server() -> S3Server {
    S3Server::start(S3Options::default()).unwrap()
}

const PRIVATE: &str = "/dojang-local-private/data.json";
const PUBLIC: &str = "/dojang-local-public/data.json";
/// MD5 of `{}`.
const ETAG: &str = "\"99914b932bd37a50b983c5e7c90ae93b\"";
