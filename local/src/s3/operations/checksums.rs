//! Whether a body is what its sender says it is.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hyper::HeaderMap;
use hyper::body::Bytes;
use md5::{Digest, Md5};
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Sha1, Sha256};
use s3s::dto::StreamingBlob;
use s3s::{Body, S3Error, S3ErrorCode, S3Result, TrailingHeaders, s3_error};

use crate::s3::object::BODY_LIMIT;

/// A body as it was received, for operations that see only what `s3s` read in it.
#[derive(Clone)]
pub(crate) struct ReceivedBody(pub(crate) Bytes);

/// What the sender says of a body.
pub(crate) struct Sent {
    md5: Option<String>,
    /// By the names of the algorithms.
    checksums: Vec<(&'static str, String)>,
}

impl Sent {
    pub(crate) fn new(headers: &HeaderMap) -> Self {
        let text = |name: &str| Some(headers.get(name)?.to_str().ok()?.to_owned());
        let checksums = ALGORITHMS.into_iter();
        Self {
            md5: text("content-md5"),
            checksums: checksums
                .filter_map(|name| Some((name, text(&header_of(name))?)))
                .collect(),
        }
    }

    pub(crate) fn is_none(&self) -> bool {
        self.md5.is_none() && self.checksums.is_empty()
    }

    /// Those that come after the body. They are there when it has been read.
    pub(crate) fn add_trailers(&mut self, trailers: Option<TrailingHeaders>) {
        for name in ALGORITHMS {
            let sent = trailers.as_ref().and_then(|trailers| {
                trailers
                    .read(|headers| Some(headers.get(header_of(name))?.to_str().ok()?.to_owned()))
            });
            if let Some(sent) = sent.flatten() {
                self.checksums.push((name, sent));
            }
        }
    }

    pub(crate) fn check(&self, bytes: &[u8]) -> S3Result<()> {
        if self
            .md5
            .as_ref()
            .is_some_and(|sent| *sent != BASE64_STANDARD.encode(Md5::digest(bytes)))
        {
            return Err(s3_error!(
                BadDigest,
                "The Content-MD5 you specified did not match what we received."
            ));
        }
        for (name, sent) in &self.checksums {
            if checksum(name, bytes).as_ref() != Some(sent) {
                return Err(S3Error::with_message(
                    S3ErrorCode::BadDigest,
                    format!(
                        "The {} you specified did not match the calculated checksum.",
                        name.to_uppercase()
                    ),
                ));
            }
        }
        Ok(())
    }
}

fn header_of(algorithm: &str) -> String {
    format!("x-amz-checksum-{algorithm}")
}

fn checksum(name: &str, bytes: &[u8]) -> Option<String> {
    let mut hasher = ChecksumHasher {
        crc32: (name == "crc32").then(Crc32::new),
        crc32c: (name == "crc32c").then(Crc32c::new),
        crc64nvme: (name == "crc64nvme").then(Crc64Nvme::new),
        sha1: (name == "sha1").then(Sha1::new),
        sha256: (name == "sha256").then(Sha256::new),
    };
    hasher.update(bytes);
    let checksum = hasher.finalize();
    match name {
        "crc32" => checksum.checksum_crc32,
        "crc32c" => checksum.checksum_crc32c,
        "crc64nvme" => checksum.checksum_crc64nvme,
        "sha1" => checksum.checksum_sha1,
        _ => checksum.checksum_sha256,
    }
}

/// The body is in memory already, so the only thing that can fail is the check of its hash.
pub(crate) async fn read(body: Option<StreamingBlob>) -> S3Result<Vec<u8>> {
    let Some(body) = body else {
        return Ok(Vec::new());
    };
    match Body::from(body).store_all_limited(BODY_LIMIT).await {
        Ok(bytes) => Ok(bytes.to_vec()),
        Err(_) => {
            let code = S3ErrorCode::Custom("XAmzContentSHA256Mismatch".into());
            let message =
                "The provided 'x-amz-content-sha256' header does not match what was computed.";
            let mut error = S3Error::with_message(code, message);
            error.set_status_code(hyper::StatusCode::BAD_REQUEST);
            Err(error)
        }
    }
}

const ALGORITHMS: [&str; 5] = ["crc32", "crc32c", "crc64nvme", "sha1", "sha256"];
