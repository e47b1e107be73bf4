//! AWS Signature Version 4 for S3, in the `Authorization` header.
//!
//! Amazon S3 API Reference, "Signature Calculations for the Authorization Header".
//!
//! Each step is a pure function of time, credentials, region and request:
//! [`canonical_request`], [`mod@string_to_sign`], [`signing_key`], and what all of them encode by,
//! [`encoding`]. [`Signer`] puts them together and keeps the day's signing key.
//!
//! What S3 does differently from other services is all that is done here: the path is neither
//! normalised nor encoded twice, and the payload's hash is a signed header of its own.

pub mod canonical_request;
pub mod encoding;
pub mod signing_key;
pub mod string_to_sign;

use std::fmt;
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};
use time::{Date, OffsetDateTime, UtcOffset};

use canonical_request::CanonicalRequest;
pub use encoding::{encode_path, encode_query};
use signing_key::SigningKey;
use string_to_sign::{scope, string_to_sign, timestamp};

/// Signs requests to the S3 of one region.
#[derive(Debug)]
pub struct Signer {
    credentials: Credentials,
    region: String,
    /// The signing key of the day that was signed for last.
    key: Mutex<Option<(Date, SigningKey)>>,
}

impl Signer {
    /// A signer. Derives no key yet.
    #[must_use]
    pub fn new(credentials: Credentials, region: &str) -> Self {
        Self {
            credentials,
            region: region.to_owned(),
            key: Mutex::new(None),
        }
    }

    /// The headers that `request` needs besides its own: `x-amz-date`, `x-amz-content-sha256`,
    /// `x-amz-security-token` if there is a session token, and `authorization`.
    #[must_use]
    pub fn sign(&self, now: OffsetDateTime, request: &Request<'_>) -> Vec<(&'static str, String)> {
        let now = now.to_offset(UtcOffset::UTC);
        let mut added = vec![
            ("x-amz-content-sha256", request.payload_sha256.to_owned()),
            ("x-amz-date", timestamp(now)),
        ];
        if let Some(token) = &self.credentials.session_token {
            added.push(("x-amz-security-token", token.clone()));
        }
        let canonical = CanonicalRequest::new(request, &added);
        let string_to_sign = string_to_sign(now, &self.region, &canonical);
        let signature = self.key(now.date()).sign(&string_to_sign);
        added.push((
            "authorization",
            format!(
                "AWS4-HMAC-SHA256 Credential={}/{},SignedHeaders={},Signature={signature}",
                self.credentials.access_key_id,
                scope(now.date(), &self.region),
                canonical.signed_headers,
            ),
        ));
        added
    }

    fn key(&self, date: Date) -> SigningKey {
        let mut cached = self.key.lock().unwrap_or_else(PoisonError::into_inner);
        match &*cached {
            Some((day, key)) if *day == date => key.clone(),
            _ => {
                let secret = &self.credentials.secret_access_key;
                let key = SigningKey::derive(secret, date, &self.region);
                *cached = Some((date, key.clone()));
                key
            }
        }
    }
}

/// Who signs. `Debug` shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
}

impl Credentials {
    /// Credentials; temporary ones come with a session token.
    #[must_use]
    pub fn new(
        access_key_id: String,
        secret_access_key: String,
        session_token: Option<String>,
    ) -> Self {
        Self {
            access_key_id,
            secret_access_key,
            session_token,
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}

/// A request to be signed.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The method, in upper case.
    pub method: &'a str,
    /// The path: with a leading slash, not encoded.
    pub path: &'a str,
    /// Names and values, not encoded, in any order.
    pub query: &'a [(&'a str, &'a str)],
    /// The headers to sign, `host` among them.
    pub headers: &'a [(&'a str, &'a str)],
    /// [`payload_sha256`] of the body.
    pub payload_sha256: &'a str,
}

/// The SHA-256 of a body, in lower-case hex, as requests carry and sign it.
#[must_use]
pub fn payload_sha256(body: &[u8]) -> String {
    hex::encode(Sha256::digest(body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use string_to_sign::tests::AWS_EXAMPLE_TIME;

    fn aws_example(session_token: Option<&str>) -> Signer {
        let credentials = Credentials::new(
            "AKIAIOSFODNN7EXAMPLE".to_owned(),
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
            session_token.map(str::to_owned),
        );
        Signer::new(credentials, "us-east-1")
    }

    fn signature(request: &Request<'_>) -> String {
        let headers = aws_example(None).sign(AWS_EXAMPLE_TIME, request);
        let (_, authorization) = headers
            .iter()
            .find(|(name, _)| *name == "authorization")
            .unwrap();
        authorization
            .rsplit_once("Signature=")
            .unwrap()
            .1
            .to_owned()
    }

    /// The four header examples of S3's documentation (sig-v4-header-based-auth).
    #[test]
    fn aws_examples() {
        let host = ("host", "examplebucket.s3.amazonaws.com");
        let empty = payload_sha256(b"");
        let get = Request {
            method: "GET",
            path: "/test.txt",
            query: &[],
            headers: &[host, ("range", "bytes=0-9")],
            payload_sha256: &empty,
        };
        assert_eq!(
            signature(&get),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        );
        let put = Request {
            method: "PUT",
            path: "/test$file.text",
            headers: &[
                ("date", "Fri, 24 May 2013 00:00:00 GMT"),
                host,
                ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
            ],
            payload_sha256: &payload_sha256(b"Welcome to Amazon S3."),
            ..get
        };
        assert_eq!(
            signature(&put),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
        );
        let lifecycle = Request {
            path: "/",
            query: &[("lifecycle", "")],
            headers: &[host],
            ..get
        };
        assert_eq!(
            signature(&lifecycle),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
        );
        let list = Request {
            query: &[("prefix", "J"), ("max-keys", "2")],
            ..lifecycle
        };
        assert_eq!(
            signature(&list),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
        );
    }

    #[test]
    fn a_session_token_is_sent_and_signed() {
        let request = Request {
            method: "GET",
            path: "/",
            query: &[],
            headers: &[("host", "h")],
            payload_sha256: "x",
        };
        let headers = aws_example(Some("token")).sign(AWS_EXAMPLE_TIME, &request);
        assert!(headers.contains(&("x-amz-security-token", "token".to_owned())));
        let signed =
            "SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token,Signature=";
        assert!(headers.last().unwrap().1.contains(signed));
    }

    #[test]
    fn the_signing_key_is_derived_once_a_day() {
        let signer = aws_example(None);
        let derived = || signing_key::tests::derivations();
        let before = derived();
        for second in 0..1_000 {
            let _ = signer.key((AWS_EXAMPLE_TIME + time::Duration::seconds(second)).date());
        }
        assert_eq!(derived() - before, 1);
        let _ = signer.key((AWS_EXAMPLE_TIME + time::Duration::DAY).date());
        assert_eq!(derived() - before, 2);
    }

    #[test]
    fn debug_shows_no_secret() {
        let shown = format!("{:?}", aws_example(Some("t0ken")));
        assert!(
            !shown.contains("wJalr") && !shown.contains("t0ken"),
            "{shown}"
        );
        assert!(shown.contains("access_key_id: \"AKIA"), "{shown}");
    }
}
