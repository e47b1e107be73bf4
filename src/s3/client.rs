//! S3 over HTTP: signed requests out, typed answers in.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use time::OffsetDateTime;
use ureq::http::{Request, Response};
use ureq::{Agent, Body, Error, Timeout};

use super::endpoint::Endpoint;
use super::resolver::CachingResolver;
use super::transport::{Roots, agent};
use super::{Condition, ETag, Fetched, Head, Location, Object, ObjectStore, S3Error, Upload};
use crate::sigv4::{self, Credentials, Signer};

/// S3, spoken to over HTTP. Opens its first connection with its first request.
#[derive(Debug)]
pub struct Client {
    agent: Agent,
    resolver: CachingResolver,
    endpoint: Endpoint,
    signer: Signer,
    requests: AtomicU64,
}

impl Client {
    /// A client for the buckets of one region.
    #[must_use]
    pub fn new(endpoint: Endpoint, roots: Roots, credentials: Credentials, region: &str) -> Self {
        let resolver = CachingResolver::default();
        Self {
            agent: agent(roots, endpoint.is_https(), resolver.clone()),
            resolver,
            endpoint,
            signer: Signer::new(credentials, region),
            requests: AtomicU64::new(0),
        }
    }

    /// How many requests were made so far, failed ones included.
    #[must_use]
    pub fn requests_made(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Makes a request that changes nothing, and a second one on a fresh connection if no answer
    /// came: the connection may have been closed while the function was frozen (research 2.7).
    fn read(
        &self,
        method: &str,
        location: Location<'_>,
        headers: &[(&str, &str)],
        timeout: Duration,
    ) -> Result<Response<Body>, S3Error> {
        let begun = Instant::now();
        self.exchange(method, location, headers, None, timeout)
            .or_else(|error| match timeout.checked_sub(begun.elapsed()) {
                Some(left) if error.is_passing() => {
                    self.exchange(method, location, headers, None, left)
                }
                _ => Err(error),
            })
    }

    /// Makes one signed request. Every answer counts as success here, whatever its status.
    fn exchange(
        &self,
        method: &str,
        location: Location<'_>,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
        timeout: Duration,
    ) -> Result<Response<Body>, S3Error> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let address = self.endpoint.address(location.bucket, location.key);
        let payload_sha256 = sigv4::payload_sha256(body.unwrap_or_default());
        let mut headers = headers.to_vec();
        headers.push(("host", &address.host));
        let signed = self.signer.sign(
            OffsetDateTime::now_utc(),
            &sigv4::Request {
                method,
                path: &address.path,
                query: &[],
                headers: &headers,
                payload_sha256: &payload_sha256,
            },
        );
        let scheme = if address.https { "https" } else { "http" };
        let path = sigv4::encode_path(&address.path);
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{scheme}://{}{path}", address.host));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        for (name, value) in signed {
            request = request.header(name, value);
        }
        let answer = match body {
            Some(bytes) => request
                .body(bytes)
                .map_err(Error::from)
                .and_then(|request| self.run(request, timeout)),
            None => request
                .body(())
                .map_err(Error::from)
                .and_then(|request| self.run(request, timeout)),
        };
        answer.map_err(|error| {
            self.resolver.forget();
            no_answer(&error)
        })
    }

    fn run(
        &self,
        request: Request<impl ureq::AsSendBody>,
        timeout: Duration,
    ) -> Result<Response<Body>, Error> {
        let request = self
            .agent
            .configure_request(request)
            .timeout_global(Some(timeout))
            .build();
        self.agent.run(request)
    }
}

impl ObjectStore for Client {
    fn get(
        &self,
        location: Location<'_>,
        unless: Option<&ETag>,
        timeout: Duration,
    ) -> Result<Fetched, S3Error> {
        let condition = unless.map(|etag| ("if-none-match", &*etag.0));
        let answer = self.read("GET", location, condition.as_slice(), timeout)?;
        match answer.status().as_u16() {
            200 => {
                let head = head_of(&answer)?;
                Ok(Fetched::Object(Object {
                    bytes: read_object(answer)?,
                    head,
                }))
            }
            304 => Ok(Fetched::NotModified),
            _ => Err(refusal(answer)),
        }
    }

    fn head(&self, location: Location<'_>, timeout: Duration) -> Result<Head, S3Error> {
        let answer = self.read("HEAD", location, &[], timeout)?;
        match answer.status().as_u16() {
            200 => head_of(&answer),
            // Answers to HEAD have no body, hence no code.
            404 => Err(S3Error::Absent),
            _ => Err(refusal(answer)),
        }
    }

    fn put(
        &self,
        location: Location<'_>,
        upload: &Upload<'_>,
        timeout: Duration,
    ) -> Result<ETag, S3Error> {
        let metadata: Vec<_> = upload
            .metadata
            .iter()
            .map(|(name, value)| (format!("{METADATA_PREFIX}{name}"), *value))
            .collect();
        let mut headers = vec![("content-type", "application/json; charset=utf-8")];
        headers.extend(metadata.iter().map(|(name, value)| (name.as_str(), *value)));
        headers.extend(upload.cache_control.map(|value| ("cache-control", value)));
        match upload.condition {
            Condition::Always => {}
            Condition::Match(etag) => headers.push(("if-match", &etag.0)),
            Condition::Absent => headers.push(("if-none-match", "*")),
        }
        let answer = self.exchange("PUT", location, &headers, Some(upload.bytes), timeout)?;
        if answer.status().as_u16() != 200 {
            return Err(refusal(answer));
        }
        let etag = head_of(&answer)?.etag;
        // A connection is only used again once its answer was read to the end.
        let _ = read_limited(answer, MAX_ERROR_BYTES);
        Ok(etag)
    }
}

/// Why no answer came, told apart by whether the request may have reached S3.
fn no_answer(error: &Error) -> S3Error {
    let cause = error.to_string();
    match error {
        Error::HostNotFound
        | Error::ConnectionFailed
        | Error::BadUri(_)
        | Error::Http(_)
        | Error::RequireHttpsOnly(_)
        | Error::TlsRequired
        | Error::Tls(_)
        | Error::Timeout(Timeout::Resolve | Timeout::Connect) => S3Error::Unreachable { cause },
        Error::Io(io)
            if matches!(
                io.kind(),
                ErrorKind::ConnectionRefused
                    | ErrorKind::HostUnreachable
                    | ErrorKind::NetworkUnreachable
                    | ErrorKind::AddrNotAvailable
            ) =>
        {
            S3Error::Unreachable { cause }
        }
        _ => S3Error::OutcomeUnknown { cause },
    }
}

/// What an answer that is no success means. Reads its body.
fn refusal(answer: Response<Body>) -> S3Error {
    let status = answer.status().as_u16();
    let body = read_limited(answer, MAX_ERROR_BYTES).unwrap_or_default();
    S3Error::from_answer(status, error_code(&body).unwrap_or_default())
}

/// The code in S3's XML error document. Anything else, such as HTML, has none.
fn error_code(body: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(body).ok()?;
    let (_, rest) = text.split_once("<Error>")?.1.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    let is_code = (1..=64).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_alphanumeric());
    is_code.then_some(code)
}

fn head_of(answer: &Response<Body>) -> Result<Head, S3Error> {
    let headers = answer.headers();
    let etag = headers
        .get("etag")
        .and_then(|value| value.to_str().ok())
        .filter(|etag| !etag.is_empty())
        .ok_or_else(|| S3Error::BadAnswer {
            cause: "expected an ETag, found none".to_owned(),
        })?;
    let metadata = headers
        .iter()
        .filter_map(|(name, value)| {
            let name = name.as_str().strip_prefix(METADATA_PREFIX)?;
            Some((name.to_owned(), value.to_str().ok()?.to_owned()))
        })
        .collect::<BTreeMap<_, _>>();
    Ok(Head {
        etag: ETag(etag.to_owned()),
        metadata,
    })
}

fn read_object(answer: Response<Body>) -> Result<Vec<u8>, S3Error> {
    let too_large = || S3Error::BadAnswer {
        cause: format!(
            "expected an object of at most {MAX_OBJECT_BYTES} bytes, found a larger one"
        ),
    };
    if answer
        .body()
        .content_length()
        .is_some_and(|length| length > MAX_OBJECT_BYTES)
    {
        return Err(too_large());
    }
    read_limited(answer, MAX_OBJECT_BYTES).map_err(|error| match error {
        Error::BodyExceedsLimit(_) => too_large(),
        error => S3Error::OutcomeUnknown {
            cause: format!("the object was cut short: {error}"),
        },
    })
}

fn read_limited(answer: Response<Body>, limit: u64) -> Result<Vec<u8>, Error> {
    answer
        .into_body()
        .into_with_config()
        .limit(limit)
        .read_to_vec()
}

/// An object larger than this is no club's.
pub const MAX_OBJECT_BYTES: u64 = 32 * 1024 * 1024;
const MAX_ERROR_BYTES: u64 = 64 * 1024;
const METADATA_PREFIX: &str = "x-amz-meta-";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_read_from_s3s_error_document_and_from_nothing_else() {
        let xml =
            br#"<?xml version="1.0"?><Error><Code>NoSuchKey</Code><Message>m</Message></Error>"#;
        assert_eq!(error_code(xml), Some("NoSuchKey"));
        for body in [
            &b""[..],
            b"<html><Code>NoSuchKey</Code></html>",
            b"<Error><Code></Code></Error>",
            b"<Error><Code>a b</Code></Error>",
            b"<Error><Code>NoSuchKey",
            b"\xff",
        ] {
            assert_eq!(error_code(body), None);
        }
    }
}
