//! One signed request and its answer: the part of the client that touches the network.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use time::OffsetDateTime;
use ureq::http::{Request, Response};
use ureq::{Agent, AsSendBody, Body, Error, SendBody, Timeout};

use super::answer::Answer;
use super::early_answer::{failed_write, forget_failed_write};
use super::endpoint::Endpoint;
use super::resolver::CachingResolver;
use super::transport::{self, Roots};
use super::{Location, S3Error, Upload};
use crate::sigv4::{self, Credentials, Signer};

/// How many requests this thread has made so far, failed ones included. A thread serves one invocation at
/// a time, so the difference is what an invocation has made.
pub(super) fn requests_made() -> u64 {
    REQUESTS.get()
}

/// Counts requests as this thread's.
pub(super) fn note_requests(count: u64) {
    REQUESTS.set(REQUESTS.get() + count);
}

thread_local! {
    static REQUESTS: Cell<u64> = const { Cell::new(0) };
}

/// Makes signed requests.
#[derive(Debug)]
pub(super) struct Exchange {
    agent: Agent,
    resolver: CachingResolver,
    endpoint: Endpoint,
    signer: Signer,
    /// By host: when a connection last brought an answer.
    answered: Mutex<BTreeMap<String, SystemTime>>,
    /// How far S3's clock is ahead of ours, in seconds, once S3 has said so.
    clock_offset: AtomicI64,
}

impl Exchange {
    pub(super) fn new(
        endpoint: Endpoint,
        roots: Roots,
        credentials: Credentials,
        region: &str,
        threads: usize,
    ) -> Self {
        let resolver = CachingResolver::default();
        Self {
            agent: transport::agent(roots, endpoint.is_https(), resolver.clone(), threads),
            resolver,
            endpoint,
            signer: Signer::new(credentials, region),
            answered: Mutex::default(),
            clock_offset: AtomicI64::new(0),
        }
    }

    /// Begins to look up the server of an object, for a request that comes at once.
    pub(super) fn look_up_ahead(&self, location: Location<'_>) {
        let address = self.endpoint.address(location.bucket, location.key);
        self.resolver
            .look_up_ahead(&address.scheme(), &address.host);
    }

    /// The server of an object.
    pub(super) fn host(&self, location: Location<'_>) -> String {
        self.endpoint.address(location.bucket, location.key).host
    }

    /// Makes a signed request, and once more with S3's time if S3 refuses one for the time that it was
    /// signed with: such a request was not applied. Every other answer is a success here, whatever its
    /// status. Both together take no longer than `timeout`.
    pub(super) fn make(
        &self,
        method: &str,
        location: Location<'_>,
        headers: &[(&str, &str)],
        body: Option<&Upload<'_>>,
        timeout: Duration,
    ) -> Result<Answer, S3Error> {
        let begun = Instant::now();
        // Several may be under way at once: each is judged by the time that it was signed with.
        let offset = self.clock_offset.load(Ordering::Relaxed);
        let signed = OffsetDateTime::now_utc().unix_timestamp() + offset;
        let answer = self.make_once(method, location, headers, body, offset, timeout)?;
        let Some(theirs) = answer.time_asked_for(method, signed) else {
            return Ok(answer);
        };
        let offset = theirs - OffsetDateTime::now_utc().unix_timestamp();
        match timeout.checked_sub(begun.elapsed()) {
            Some(left) if !left.is_zero() => {
                let again = self.make_once(method, location, headers, body, offset, left);
                // If it did not help, the time was not the reason, or not S3's own: it is forgotten.
                if again.as_ref().is_ok_and(|again| !again.is_refused()) {
                    self.clock_offset.store(offset, Ordering::Relaxed);
                }
                again
            }
            _ => Ok(answer),
        }
    }

    fn make_once(
        &self,
        method: &str,
        location: Location<'_>,
        headers: &[(&str, &str)],
        body: Option<&Upload<'_>>,
        clock_offset: i64,
        timeout: Duration,
    ) -> Result<Answer, S3Error> {
        note_requests(1);
        let address = self.endpoint.address(location.bucket, location.key);
        let payload_sha256 = match body {
            Some(upload) => hex::encode(upload.sha256),
            None => sigv4::payload_sha256(b""),
        };
        let mut headers = headers.to_vec();
        headers.push(("host", &address.host));
        let signed = self.signer.sign(
            OffsetDateTime::now_utc().saturating_add(time::Duration::seconds(clock_offset)),
            &sigv4::Request {
                method,
                path: &address.path,
                query: &[],
                headers: &headers,
                payload_sha256: &payload_sha256,
            },
        );
        let path = sigv4::encode_path(&address.path);
        let mut request = Request::builder().method(method).uri(format!(
            "{}://{}{path}",
            address.scheme(),
            address.host
        ));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        for (name, value) in signed {
            request = request.header(name, value);
        }
        let is_fresh = !self.has_live_connection(&address.host);
        forget_failed_write();
        let answer = match body {
            Some(upload) => request
                // Without it the body would go in chunks, and S3 does not take those.
                .header(
                    "content-length",
                    upload.parts.map(<[u8]>::len).iter().sum::<usize>(),
                )
                .body(SendBody::from_reader(&mut InRecords(upload.parts)))
                .map_err(Error::from)
                .and_then(|request| self.run(request, is_fresh, timeout)),
            None => request
                .body(())
                .map_err(Error::from)
                .and_then(|request| self.run(request, is_fresh, timeout)),
        };
        let answer = answer
            .map_err(|error| no_answer(&error))
            .and_then(Answer::read)
            .and_then(|answer| match failed_write() {
                // S3 cannot have stored what it has not been sent.
                Some(cause) if answer.is_success() => Err(S3Error::OutcomeUnknown {
                    cause: format!("{} before the request was sent: {cause}", answer.status),
                }),
                _ => Ok(answer),
            });
        let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        match &answer {
            Ok(_) => drop(answered.insert(address.host, SystemTime::now())),
            // Whatever was wrong with this connection may be wrong with the others. A retry is to use
            // a new one, and a fresh address (Amazon S3 User Guide, "Performance guidelines", on retries).
            Err(_) => {
                answered.clear();
                self.resolver.forget();
            }
        }
        answer
    }

    fn run(
        &self,
        request: Request<impl AsSendBody>,
        is_fresh: bool,
        timeout: Duration,
    ) -> Result<Response<Body>, Error> {
        let request = self
            .agent
            .configure_request(request)
            .timeout_global(Some(timeout));
        let request = if is_fresh {
            request.max_idle_age(Duration::ZERO)
        } else {
            request
        };
        self.agent.run(request.build())
    }

    /// Whether a pooled connection to `host` may still be good. By the wall clock: while a function is
    /// frozen, the clock that ureq goes by may stand still.
    fn has_live_connection(&self, host: &str) -> bool {
        let now = SystemTime::now();
        let answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        answered
            .get(host)
            .and_then(|at| now.duration_since(*at).ok())
            .is_some_and(|idle| idle < transport::IDLE_AGE)
    }
}

/// A body in pieces that each become one TLS record of the size of ureq's buffer. Larger pieces would
/// become records that go beyond it by some bytes, which then are sent on their own.
struct InRecords<'a>([&'a [u8]; 2]);

impl Read for InRecords<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(transport::BUFFER_BYTES - RECORD_OVERHEAD);
        let mut length = 0;
        for part in &mut self.0 {
            length += part.read(&mut buffer[length..most])?;
        }
        Ok(length)
    }
}

/// Header, type and authentication tag of TLS 1.3 (RFC 8446, section 5.2); TLS 1.2 adds 29 bytes.
const RECORD_OVERHEAD: usize = 32;

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
                // Nothing else: a host or network may become unreachable while a request is under way.
                ErrorKind::ConnectionRefused | ErrorKind::AddrNotAvailable
            ) =>
        {
            S3Error::Unreachable { cause }
        }
        _ => S3Error::OutcomeUnknown { cause },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::endpoint::CustomEndpoint;

    #[test]
    fn all_of_both_parts_is_sent_in_pieces_that_are_one_record() {
        let most = transport::BUFFER_BYTES - RECORD_OVERHEAD;
        let text: Vec<u8> = (0..3 * most).map(|at| (at % 251) as u8).collect();
        for length in [0, 1, most - 1, most, most + 1, 3 * most] {
            for middle in [0, 1, most - 1, most, most + 1, 3 * most] {
                let middle = middle.min(length);
                let mut body = InRecords([&text[..middle], &text[middle..length]]);
                let mut buffer = [0; transport::BUFFER_BYTES];
                let mut sent = Vec::new();
                loop {
                    let read = body.read(&mut buffer).unwrap();
                    assert!(read == most || sent.len() + read == length, "{read}");
                    if read == 0 {
                        break;
                    }
                    sent.extend_from_slice(&buffer[..read]);
                }
                assert_eq!(sent, text[..length]);
            }
        }
    }

    #[test]
    fn a_connection_is_taken_for_live_while_it_has_brought_an_answer_lately() {
        let exchange = exchange();
        let idle = |age: Duration| {
            let at = SystemTime::now() - age;
            exchange
                .answered
                .lock()
                .unwrap()
                .insert(HOST.to_owned(), at);
            exchange.has_live_connection(HOST)
        };
        assert!(!exchange.has_live_connection(HOST));
        assert!(idle(transport::IDLE_AGE / 2));
        assert!(!idle(transport::IDLE_AGE));
        assert!(!idle(transport::IDLE_AGE * 1_000));
        exchange.answered.lock().unwrap().clear();
        // The clock was set back.
        let later = SystemTime::now() + transport::IDLE_AGE;
        exchange
            .answered
            .lock()
            .unwrap()
            .insert(HOST.to_owned(), later);
        assert!(!exchange.has_live_connection(HOST));
        assert!(!exchange.has_live_connection("another"));
    }

    #[test]
    fn the_server_is_looked_up_ahead() {
        let exchange = exchange();
        let location = Location {
            bucket: "club",
            key: "",
        };
        exchange.look_up_ahead(location);
        assert!(format!("{:?}", exchange.resolver).contains("\"localhost:9\""));
    }

    fn exchange() -> Exchange {
        let endpoint = CustomEndpoint::parse(&format!("http://{HOST}")).unwrap();
        let credentials = Credentials::new("id".into(), "secret".into(), None);
        Exchange::new(
            Endpoint::Custom(endpoint),
            Roots::BuiltIn,
            credentials,
            "eu-north-1",
            1,
        )
    }

    const HOST: &str = "localhost:9";

    #[test]
    fn without_an_answer_a_request_that_was_sent_may_have_arrived() {
        let io = |kind: ErrorKind| Error::Io(kind.into());
        for error in [
            Error::HostNotFound,
            Error::ConnectionFailed,
            Error::BadUri(String::new()),
            Error::RequireHttpsOnly(String::new()),
            Error::TlsRequired,
            Error::Tls("a reason"),
            Error::Timeout(Timeout::Resolve),
            Error::Timeout(Timeout::Connect),
            io(ErrorKind::ConnectionRefused),
            io(ErrorKind::AddrNotAvailable),
        ] {
            assert!(
                matches!(no_answer(&error), S3Error::Unreachable { .. }),
                "{error}"
            );
        }
        for error in [
            Error::Timeout(Timeout::Global),
            Error::Timeout(Timeout::SendBody),
            Error::Timeout(Timeout::RecvResponse),
            Error::BodyStalled,
            io(ErrorKind::ConnectionReset),
            io(ErrorKind::BrokenPipe),
            io(ErrorKind::UnexpectedEof),
            io(ErrorKind::TimedOut),
            io(ErrorKind::HostUnreachable),
            io(ErrorKind::NetworkUnreachable),
        ] {
            assert!(
                matches!(no_answer(&error), S3Error::OutcomeUnknown { .. }),
                "{error}"
            );
        }
    }
}
