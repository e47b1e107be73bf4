//! S3 over HTTP: what requests are made, and what their answers mean.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::answer::{Answer, unix_time};
use super::endpoint::Endpoint;
use super::exchange::{Exchange, note_requests, requests_made};
use super::meaning::Meaning;
use super::transport::Roots;
use super::{
    Condition, ETag, Fetched, Head, Location, Object, ObjectStore, S3Error, Upload, Written,
};
use crate::sigv4::Credentials;

/// S3, spoken to over HTTP. Opens its first connection with its first request, and makes each request
/// once: whether to try again is for the caller to say.
#[derive(Debug)]
pub struct Client {
    exchange: Exchange,
    /// Whether S3 refused the token, and has granted nothing since.
    is_token_refused: AtomicBool,
}

impl Client {
    /// A client for the buckets of one region, for so many threads at once.
    #[must_use]
    pub fn new(
        endpoint: Endpoint,
        roots: Roots,
        credentials: Credentials,
        region: &str,
        threads: usize,
    ) -> Self {
        Self {
            exchange: Exchange::new(endpoint, roots, credentials, region, threads),
            is_token_refused: AtomicBool::new(false),
        }
    }

    /// Host and port of the server that has this bucket, for the log.
    #[must_use]
    pub fn server(&self, bucket: &str) -> String {
        self.exchange.host(Location { bucket, key: "" })
    }

    /// Begins to look up the servers of these buckets, for requests that come at once.
    pub fn look_up_ahead(&self, buckets: [&str; 2]) {
        for bucket in buckets {
            self.exchange.look_up_ahead(Location { bucket, key: "" });
        }
    }

    /// Whether S3 refuses the session token. This process has no other token, and a new process gets a new one.
    #[must_use]
    pub fn is_token_refused(&self) -> bool {
        self.is_token_refused.load(Ordering::Relaxed)
    }

    /// An answer that does not refuse the caller: a success, or an answer about the object.
    fn granted(&self, answer: &Answer) {
        if answer.is_success() || matches!(answer.status, 304 | 404 | 409 | 412) {
            self.is_token_refused.store(false, Ordering::Relaxed);
        }
    }

    /// What an answer that is no success means.
    fn refusal(&self, answer: &Answer) -> S3Error {
        let said = answer.said();
        if said.meaning() == Meaning::Credentials {
            self.is_token_refused.store(true, Ordering::Relaxed);
        }
        S3Error::from_answer(said)
    }

    /// How many requests the calling thread has had made so far, failed ones included.
    #[must_use]
    pub fn requests_made(&self) -> u64 {
        requests_made()
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
        let answer = self
            .exchange
            .make("GET", location, condition.as_slice(), None, timeout)?;
        self.granted(&answer);
        match answer.status {
            200 => Ok(Fetched::Object(Object {
                head: head(&answer)?,
                bytes: answer.body,
            })),
            304 => Ok(Fetched::NotModified {
                last_modified: time_of(&answer, "last-modified"),
            }),
            _ => Err(self.refusal(&answer)),
        }
    }

    fn head(&self, location: Location<'_>, timeout: Duration) -> Result<Head, S3Error> {
        let answer = self.exchange.make("HEAD", location, &[], None, timeout)?;
        self.granted(&answer);
        match answer.status {
            200 => head(&answer),
            // Answers to HEAD have no body, and so no code.
            404 => Err(S3Error::Absent),
            _ => Err(self.refusal(&answer)),
        }
    }

    fn get_beside_head(
        &self,
        get: Location<'_>,
        head: Location<'_>,
        timeout: Duration,
    ) -> (Result<Fetched, S3Error>, Result<Head, S3Error>) {
        if self.exchange.host(get) != self.exchange.host(head) {
            return thread::scope(|scope| {
                let looking = scope.spawn(|| (self.head(head, timeout), requests_made()));
                let fetched = self.get(get, None, timeout);
                (fetched, joined(looking))
            });
        }
        // One server: a second connection and its TLS handshake would take more time than a second
        // request on the first one (`benches/NOTES.md`).
        let begun = Instant::now();
        let fetched = self.get(get, None, timeout);
        let looked = match &fetched {
            Err(error) => Err(error.clone()),
            Ok(_) => self.head(head, timeout.saturating_sub(begun.elapsed())),
        };
        (fetched, looked)
    }

    fn put(
        &self,
        location: Location<'_>,
        upload: &Upload<'_>,
        timeout: Duration,
    ) -> Result<Written, S3Error> {
        let metadata: Vec<_> = upload
            .metadata
            .iter()
            .map(|(name, value)| (format!("{METADATA_PREFIX}{name}"), *value))
            .collect();
        // S3 asks for a checksum where Object Lock keeps versions (AmazonS3 API reference, PutObject).
        let checksum = BASE64_STANDARD.encode(upload.sha256);
        let mut headers = vec![
            ("content-type", "application/json; charset=utf-8"),
            ("x-amz-checksum-sha256", &*checksum),
        ];
        headers.extend(metadata.iter().map(|(name, value)| (name.as_str(), *value)));
        headers.extend(upload.cache_control.map(|value| ("cache-control", value)));
        match upload.condition {
            Condition::Always => {}
            Condition::Match(etag) => headers.push(("if-match", &etag.0)),
            Condition::Absent => headers.push(("if-none-match", "*")),
        }
        let answer = self
            .exchange
            .make("PUT", location, &headers, Some(upload), timeout)?;
        self.granted(&answer);
        match answer.status {
            // S3-compatible servers have said 201, 202 and 204 too (RFC 9110, section 9.3.4).
            200..=299 => Ok(Written {
                etag: head(&answer)?.etag,
                answered: time_of(&answer, "date"),
            }),
            _ => Err(self.refusal(&answer)),
        }
    }

    fn put_at_once(
        &self,
        location: Location<'_>,
        uploads: &[Upload<'_>],
        timeout: Duration,
    ) -> Vec<Result<Written, S3Error>> {
        let put = |upload| move || (self.put(location, upload, timeout), requests_made());
        thread::scope(|scope| {
            let writers: Vec<_> = uploads
                .iter()
                .map(|upload| scope.spawn(put(upload)))
                .collect();
            writers.into_iter().map(joined).collect()
        })
    }
}

/// What a thread of ours brought. Its requests count as those of the thread that waits for it.
fn joined<T>(thread: thread::ScopedJoinHandle<'_, (T, u64)>) -> T {
    match thread.join() {
        Ok((brought, made)) => {
            note_requests(made);
            brought
        }
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

fn head(answer: &Answer) -> Result<Head, S3Error> {
    let etag = answer
        .header("etag")
        .filter(|etag| !etag.is_empty())
        .ok_or_else(|| S3Error::BadAnswer {
            cause: "expected an ETag, found none".to_owned(),
        })?;
    let metadata = answer
        .headers
        .iter()
        .filter_map(|(name, value)| {
            let name = name.as_str().strip_prefix(METADATA_PREFIX)?;
            // Whatever it is, what reads it is to see that something is there.
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            Some((name.to_owned(), value))
        })
        .collect::<BTreeMap<_, _>>();
    Ok(Head {
        etag: ETag(etag.to_owned()),
        metadata,
        last_modified: time_of(answer, "last-modified"),
    })
}

fn time_of(answer: &Answer, header: &str) -> Option<i64> {
    answer.header(header).and_then(unix_time)
}

const METADATA_PREFIX: &str = "x-amz-meta-";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::endpoint::CustomEndpoint;

    #[test]
    fn the_servers_of_buckets_are_looked_up_ahead() {
        let endpoint = CustomEndpoint::parse("http://localhost:9").unwrap();
        let credentials = Credentials::new("id".into(), "secret".into(), None);
        let endpoint = Endpoint::Custom(endpoint);
        let client = Client::new(endpoint, Roots::BuiltIn, credentials, "eu-north-1", 1);
        let times_named = || format!("{client:?}").matches("\"localhost:9\"").count();
        let before = times_named();
        client.look_up_ahead(["private", "public"]);
        assert!(times_named() > before);
    }
}
