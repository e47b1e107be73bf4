//! The S3 client alone, against a server on raw sockets that answers as a test tells it.
//!
//! `tests/end_to_end/` has the whole function on servers that check its signatures.

mod answers;
mod connections;
mod early;
mod requests;
mod server;
mod sockets;
mod times;

use std::time::Duration;

use dojang::s3::endpoint::{CustomEndpoint, Endpoint};
use dojang::s3::transport::Roots;
use dojang::s3::{Client, Condition, ETag, Location, S3Error, Upload};
use dojang::sigv4::Credentials;
use sha2::{Digest, Sha256};

use server::Server;

/// A client of this server.
fn client(server: &Server) -> Client {
    client_of(&server.endpoint)
}

fn client_of(endpoint: &str) -> Client {
    let endpoint = CustomEndpoint::parse(endpoint).expect("it is a URL");
    let credentials = Credentials::new("id".into(), "secret".into(), Some("token".into()));
    let endpoint = Endpoint::Custom(endpoint);
    Client::new(endpoint, Roots::BuiltIn, credentials, "eu-north-1", THREADS)
}

fn upload(bytes: &[u8]) -> Upload<'_> {
    Upload {
        parts: [bytes, b""],
        sha256: Sha256::digest(bytes).into(),
        condition: Condition::Always,
        metadata: &[],
        cache_control: None,
    }
}

fn etag(text: &str) -> ETag {
    ETag(text.to_owned())
}

/// Which error it is, in a word.
fn name(error: &S3Error) -> &'static str {
    match error {
        S3Error::Absent => "absent",
        S3Error::PreconditionFailed(_) => "precondition failed",
        S3Error::Conflict(_) => "conflict",
        S3Error::NotNow(_) => "not now",
        S3Error::Refused { .. } => "refused",
        S3Error::Unreachable { .. } => "unreachable",
        S3Error::OutcomeUnknown { .. } => "unknown",
        S3Error::BadAnswer { .. } => "bad answer",
        _ => "another",
    }
}

const DATA: Location<'_> = Location {
    bucket: "club",
    key: "data.json",
};
/// For how many the client keeps connections.
const THREADS: usize = 3;
/// Longer than the limits of the client itself: 3 s to connect, 5 s for each phase.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a request is tried that gets no answer. Long enough to connect and to send it.
const SHORT: Duration = Duration::from_secs(3);
/// More than the buffers of a connection hold: Linux lets a sender's grow to 4 MiB unless told otherwise.
const LARGE: usize = 32 << 20;
