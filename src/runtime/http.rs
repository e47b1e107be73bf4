//! HTTP/1.1 as far as the Runtime API needs it: one request at a time over plain TCP to this machine.
//!
//! Not `ureq`, which S3 is spoken to with: its agent, pool and buffers are a good part of the start of
//! a process that does nothing else yet (`benches/NOTES.md`). Proxies, redirects and encodings, which
//! the Runtime API has no use for, do not exist here.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use super::address::Address;
use super::event::{GATE, Gate, LARGE_BYTES, Permit};

/// A client of one server. Threads may share it: each request has a connection to itself.
#[derive(Debug)]
pub(super) struct Client {
    address: Address,
    idle: Mutex<Vec<TcpStream>>,
}

impl Client {
    /// Opens no connection yet.
    pub(super) fn new(address: &Address) -> Self {
        Self {
            address: address.clone(),
            idle: Mutex::default(),
        }
    }

    /// Makes a request, and reads its answer to the end. A POST whose connection is cut is sent once more:
    /// the server may have closed it while the handler was at work, and the ids in it keep it from
    /// counting twice. A GET takes an event, and what was taken is not given again.
    pub(super) fn make(&self, request: &Request<'_>) -> Result<Answer, HttpError> {
        let bytes = self.to_bytes(request);
        let idle = self.idle().pop();
        let stream = idle.map_or_else(|| self.connect(), Ok)?;
        match self.exchange(stream, request, &bytes) {
            Err(HttpError::Cut(_)) if request.body.is_some() => {
                self.exchange(self.connect()?, request, &bytes)
            }
            done => done,
        }
    }

    fn exchange(
        &self,
        mut stream: TcpStream,
        request: &Request<'_>,
        bytes: &[u8],
    ) -> Result<Answer, HttpError> {
        stream.set_read_timeout(request.timeout)?;
        stream.set_write_timeout(request.timeout)?;
        let sent = stream.write_all(bytes);
        let is_sent = sent.is_ok();
        // A server that was too slow once is not waited for again.
        let is_late =
            |error: &io::Error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
        let sent = match sent {
            Err(error) if is_late(&error) => return Err(error.into()),
            sent => sent,
        };
        let mut reader = AnswerReader::new(&mut stream);
        // What comes in answer to a POST is small.
        reader.gate = request.body.is_none().then_some(&GATE);
        let read = reader.read();
        // A server may answer, and close, before it has read all of a request (RFC 9112, section 9.6).
        let (answer, goes_on) = match (sent, read) {
            (_, Ok(read)) => read,
            (Err(error), Err(_)) => return Err(HttpError::Cut(error)),
            (Ok(()), Err(error)) => return Err(error),
        };
        if goes_on && is_sent {
            self.idle().push(stream);
        }
        Ok(answer)
    }

    fn connect(&self) -> Result<TcpStream, HttpError> {
        let mut last = io::Error::from(ErrorKind::NotFound);
        for address in (self.address.host(), self.address.port()).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
                Ok(stream) => {
                    // A request is written as a whole; nothing is to wait for more.
                    stream.set_nodelay(true)?;
                    return Ok(stream);
                }
                Err(error) => last = error,
            }
        }
        Err(last.into())
    }

    /// Head and body at once: one packet, if they fit.
    fn to_bytes(&self, request: &Request<'_>) -> Vec<u8> {
        let method = if request.body.is_some() {
            "POST"
        } else {
            "GET"
        };
        let body = request.body.unwrap_or_default();
        let mut bytes = Vec::with_capacity(HEAD_BYTES + body.len());
        let mut line = |parts: &[&[u8]]| {
            for part in parts {
                bytes.extend_from_slice(part);
            }
            bytes.extend_from_slice(b"\r\n");
        };
        let path = self.address.path(request.call);
        line(&[method.as_bytes(), b" ", path.as_bytes(), b" HTTP/1.1"]);
        line(&[b"host: ", self.address.authority().as_bytes()]);
        line(&[b"user-agent: dojang/", env!("CARGO_PKG_VERSION").as_bytes()]);
        for (name, value) in request.headers {
            // What no header can hold must not keep the request from being made.
            if !value.bytes().any(|b| b.is_ascii_control()) {
                line(&[name.as_bytes(), b": ", value.as_bytes()]);
            }
        }
        if request.body.is_some() {
            line(&[b"content-length: ", body.len().to_string().as_bytes()]);
        }
        line(&[]);
        bytes.extend_from_slice(body);
        bytes
    }

    fn idle(&self) -> MutexGuard<'_, Vec<TcpStream>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request: a POST if it has a body, else a GET.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Request<'a> {
    /// Such as `invocation/next`.
    pub(super) call: &'a str,
    /// Names and values.
    pub(super) headers: &'a [(&'a str, &'a str)],
    pub(super) body: Option<&'a [u8]>,
    /// For each write and read; `None` waits for ever.
    pub(super) timeout: Option<Duration>,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// When the head was there.
    pub(super) received: SystemTime,
    /// Names as they came, values without white space around them.
    headers: Vec<(String, Vec<u8>)>,
    /// The body, or why it could not be read.
    pub(super) body: Result<Vec<u8>, String>,
    /// For a large body, if the reader had a gate.
    pub(super) permit: Option<Permit>,
}

impl Answer {
    /// Reads the only answer of a connection.
    pub(super) fn read(connection: impl Read) -> Result<Self, HttpError> {
        AnswerReader::new(connection)
            .read()
            .map(|(answer, _)| answer)
    }

    /// The first header of that name.
    pub(super) fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| &**value)
    }

    fn has(&self, name: &str, value: &str) -> bool {
        self.header(name)
            .is_some_and(|found| found.eq_ignore_ascii_case(value.as_bytes()))
    }
}

/// Reads one answer from a connection.
struct AnswerReader<R> {
    stream: R,
    /// Read, but not taken yet.
    bytes: Vec<u8>,
    /// Through which large bodies come.
    gate: Option<&'static Gate>,
    /// For the body that is being read, if it is large.
    permit: Option<Permit>,
}

impl<R: Read> AnswerReader<R> {
    fn new(stream: R) -> Self {
        Self {
            stream,
            bytes: Vec::with_capacity(HEAD_BYTES),
            gate: None,
            permit: None,
        }
    }

    /// The answer, and whether the connection can be used for another request.
    fn read(mut self) -> Result<(Answer, bool), HttpError> {
        let (mut answer, is_http_11) = loop {
            let (answer, is_http_11) = self.head()?;
            // Interim answers (RFC 9110, section 15.2) precede the answer itself.
            if !(100..200).contains(&answer.status) {
                break (answer, is_http_11);
            }
        };
        let framing = self.framing(&answer);
        answer.body = match framing {
            Framing::Length(length) => {
                self.make_room(length);
                self.take(length)
            }
            Framing::Chunks => self.chunks(),
            Framing::UntilEnd => self.rest(),
        }
        .map_err(|error| error.to_string());
        answer.permit = self.permit.take();
        let goes_on = answer.body.is_ok()
            && is_http_11
            && self.bytes.is_empty()
            && !matches!(framing, Framing::UntilEnd)
            && !answer.has("connection", "close");
        Ok((answer, goes_on))
    }

    /// A body that is getting large waits for others to be gone.
    fn make_room(&mut self, length: usize) {
        if length >= LARGE_BYTES && self.permit.is_none() {
            self.permit = self.gate.map(Gate::enter);
        }
    }

    /// Status and headers, and whether it is HTTP/1.1.
    fn head(&mut self) -> Result<(Answer, bool), HttpError> {
        loop {
            let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
            let mut head = httparse::Response::new(&mut headers);
            match head.parse(&self.bytes) {
                Ok(httparse::Status::Complete(length)) => {
                    let answer = Answer {
                        status: head.code.unwrap_or_default(),
                        headers: head
                            .headers
                            .iter()
                            .map(|header| (header.name.to_owned(), header.value.to_vec()))
                            .collect(),
                        received: SystemTime::now(),
                        body: Ok(Vec::new()),
                        permit: None,
                    };
                    let is_http_11 = head.version == Some(1);
                    self.bytes.drain(..length);
                    return Ok((answer, is_http_11));
                }
                Ok(httparse::Status::Partial) if self.bytes.len() < MAX_HEAD_BYTES => {}
                Ok(httparse::Status::Partial) => {
                    return Err(HttpError::NotHttp("a head too large"));
                }
                Err(_) => return Err(HttpError::NotHttp("something else")),
            }
            match self.more() {
                Ok(0) => return Err(HttpError::Cut(ErrorKind::UnexpectedEof.into())),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                    return Err(HttpError::Cut(error));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// RFC 9112, section 6.3.
    fn framing(&self, answer: &Answer) -> Framing {
        if matches!(answer.status, 204 | 304) {
            return Framing::Length(0);
        }
        if answer.has("transfer-encoding", "chunked") {
            return Framing::Chunks;
        }
        answer
            .header("content-length")
            .and_then(|value| std::str::from_utf8(value).ok()?.parse().ok())
            .map_or(Framing::UntilEnd, Framing::Length)
    }

    fn take(&mut self, length: usize) -> Result<Vec<u8>, HttpError> {
        if length > MAX_BODY_BYTES {
            return Err(HttpError::TooLarge);
        }
        self.bytes
            .reserve_exact(length.saturating_sub(self.bytes.len()));
        while self.bytes.len() < length {
            if self.more()? == 0 {
                return Err(io::Error::from(ErrorKind::UnexpectedEof).into());
            }
        }
        let rest = self.bytes.split_off(length);
        Ok(std::mem::replace(&mut self.bytes, rest))
    }

    /// RFC 9112, section 7.1. Extensions and trailers are passed over.
    fn chunks(&mut self) -> Result<Vec<u8>, HttpError> {
        let mut body = Vec::new();
        loop {
            let (line, size) = loop {
                match httparse::parse_chunk_size(&self.bytes) {
                    Ok(httparse::Status::Complete(found)) => break found,
                    Ok(httparse::Status::Partial) if self.bytes.len() < MAX_HEAD_BYTES => {}
                    _ => return Err(HttpError::NotHttp("something else than a chunk")),
                }
                if self.more()? == 0 {
                    return Err(io::Error::from(ErrorKind::UnexpectedEof).into());
                }
            };
            self.bytes.drain(..line);
            if size == 0 {
                return self.trailers().map(|()| body);
            }
            let size = usize::try_from(size).unwrap_or(usize::MAX);
            if size > MAX_BODY_BYTES - body.len() {
                return Err(HttpError::TooLarge);
            }
            self.make_room(body.len() + size);
            let mut chunk = self.take(size)?;
            if body.is_empty() {
                body = chunk;
            } else {
                body.append(&mut chunk);
            }
            if self.take(2)? != b"\r\n" {
                return Err(HttpError::NotHttp("a chunk of another length"));
            }
        }
    }

    /// Passes over everything up to the empty line.
    fn trailers(&mut self) -> Result<(), HttpError> {
        loop {
            while let Some(end) = self.bytes.windows(2).position(|pair| pair == b"\r\n") {
                self.bytes.drain(..end + 2);
                if end == 0 {
                    return Ok(());
                }
            }
            if self.bytes.len() > MAX_HEAD_BYTES || self.more()? == 0 {
                return Err(HttpError::NotHttp("no end of the trailers"));
            }
        }
    }

    fn rest(&mut self) -> Result<Vec<u8>, HttpError> {
        while self.more()? > 0 {
            if self.bytes.len() > MAX_BODY_BYTES {
                return Err(HttpError::TooLarge);
            }
            self.make_room(self.bytes.len());
        }
        Ok(std::mem::take(&mut self.bytes))
    }

    /// Reads what there is; 0 at the end of the connection.
    fn more(&mut self) -> io::Result<usize> {
        let length = self.bytes.len();
        let room = (self.bytes.capacity() - length).clamp(HEAD_BYTES, READ_BYTES);
        self.bytes.resize(length + room, 0);
        let read = loop {
            match self.stream.read(&mut self.bytes[length..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        self.bytes
            .truncate(length + read.as_ref().copied().unwrap_or_default());
        read
    }
}

/// How the end of a body is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Length(usize),
    Chunks,
    UntilEnd,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum HttpError {
    /// The connection ended before the answer's head did.
    Cut(io::Error),
    /// It could not be opened, was too slow, or broke midway.
    Io(io::Error),
    /// What was found where an HTTP answer was expected.
    NotHttp(&'static str),
    /// The body has more than [`MAX_BODY_BYTES`].
    TooLarge,
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut(error) | Self::Io(error) => error.fmt(f),
            Self::NotHttp(found) => write!(f, "expected an HTTP answer, found {found}"),
            Self::TooLarge => write!(f, "expected at most {MAX_BODY_BYTES} bytes, found more"),
        }
    }
}

impl std::error::Error for HttpError {}

impl From<io::Error> for HttpError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// The Runtime API is on this machine.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Room for a usual head, and for a small event behind it.
const HEAD_BYTES: usize = 4 * 1024;
/// What is read at once of a large body.
const READ_BYTES: usize = 256 * 1024;
/// Client contexts are up to 3,583 bytes long; all else is short.
const MAX_HEAD_BYTES: usize = 64 * 1024;
const MAX_HEADERS: usize = 64;
/// An event has 6 MB at most; what Lambda wraps around a body, and its escapes, come on top.
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time: every boundary is met.
    struct Slowly<'a>(&'a [u8]);

    impl Read for Slowly<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let Some((first, rest)) = self.0.split_first() else {
                return Ok(0);
            };
            buffer[0] = *first;
            self.0 = rest;
            Ok(1)
        }
    }

    fn both_ways(bytes: &[u8]) -> Result<(Answer, bool), HttpError> {
        // Not at the same time.
        let read = |read: Result<(Answer, bool), HttpError>| {
            read.map(|(answer, goes_on)| {
                let received = SystemTime::UNIX_EPOCH;
                (Answer { received, ..answer }, goes_on)
            })
        };
        let slowly = read(AnswerReader::new(Slowly(bytes)).read());
        let at_once = read(AnswerReader::new(bytes).read());
        assert_eq!(format!("{slowly:?}"), format!("{at_once:?}"));
        at_once
    }

    #[test]
    fn bodies_end_where_the_head_says() {
        for (bytes, body, goes_on) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "{}", true),
            (
                "HTTP/1.1 200\r\ncontent-length:2\r\nConnection: close\r\n\r\n{}",
                "{}",
                false,
            ),
            (
                "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
                "{}",
                false,
            ),
            ("HTTP/1.1 200 OK\r\n\r\n{}", "{}", false),
            ("HTTP/1.1 204 No\r\n\r\n", "", true),
            (
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1",
                "1",
                true,
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1;x=y\r\n}\r\n0\r\nA: b\r\n\r\n",
                "{}",
                true,
            ),
        ] {
            let (answer, may) = both_ways(bytes.as_bytes()).unwrap();
            assert_eq!(answer.body.unwrap(), body.as_bytes(), "{bytes}");
            assert_eq!(may, goes_on, "{bytes}");
        }
    }

    #[test]
    fn headers_are_found_in_any_case_and_keep_their_bytes() {
        let (answer, _) =
            both_ways(b"HTTP/1.1 200 OK\r\nX-Name:  \xe4\xbd\xa0 \r\nx-name: 2\r\n\r\n").unwrap();
        assert_eq!(answer.header("x-NAME"), Some("你".as_bytes()));
        assert_eq!(answer.header("y"), None);
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        for bytes in [&b""[..], b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\nA: b\r\n"] {
            assert!(matches!(both_ways(bytes), Err(HttpError::Cut(_))));
        }
        for bytes in [
            &b"SSH-2.0-whatever\r\n\r\n"[..],
            b"HTTP/1.1 200 OK\r\nno header\r\n\r\n",
        ] {
            assert!(matches!(both_ways(bytes), Err(HttpError::NotHttp(_))));
        }
        let endless = [
            b"HTTP/1.1 200 OK\r\nA: ".as_slice(),
            &[b'a'; 2 * MAX_HEAD_BYTES],
        ]
        .concat();
        assert!(AnswerReader::new(&*endless).read().is_err());
    }

    #[test]
    fn a_broken_body_leaves_the_head() {
        for rest in [
            "Content-Length: 3\r\n\r\n{}",
            "Content-Length: 99999999999\r\n\r\n{}",
            "Transfer-Encoding: chunked\r\n\r\n5\r\n{}",
            "Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n",
            "Transfer-Encoding: chunked\r\n\r\nfffffffff\r\n{}\r\n",
            "Transfer-Encoding: chunked\r\n\r\nx\r\n",
        ] {
            let bytes = format!("HTTP/1.1 200 OK\r\nA: b\r\n{rest}");
            let (answer, goes_on) = both_ways(bytes.as_bytes()).unwrap();
            assert!(answer.body.is_err() && !goes_on, "{rest}");
            assert_eq!(answer.header("a"), Some(&b"b"[..]));
        }
    }
}
