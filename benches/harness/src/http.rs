//! A small blocking HTTP/1.1 server that notes when each request came.
//!
//! It adds as little to the measured times as it can: threads that already wait in `accept`, no executor, one write for
//! an answer.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// How a server listens.
pub(crate) struct Listening {
    /// The addresses; all get the same port.
    pub(crate) hosts: Vec<std::net::IpAddr>,
    /// 0: any that is free.
    pub(crate) port: u16,
    /// With a certificate, or without TLS.
    pub(crate) tls: Option<Arc<ServerConfig>>,
    pub(crate) delays: Delays,
}

/// What a server waits for before it goes on, as if it were far away and had something to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Delays {
    /// The handshake of TCP.
    pub(crate) tcp: Duration,
    /// That of TLS.
    pub(crate) tls: Duration,
    /// The first byte of an answer to a GET or HEAD.
    pub(crate) read: Duration,
    /// The same of all others.
    pub(crate) write: Duration,
}

impl Delays {
    /// Nothing but one network round trip for TCP, TLS and each answer.
    pub(crate) fn round_trips(length: Duration) -> Self {
        Self {
            tcp: length,
            tls: length,
            read: length,
            write: length,
        }
    }
}

/// When a server was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wait {
    pub(crate) from: Instant,
    pub(crate) to: Instant,
    /// For an answer, and not for a connection.
    pub(crate) is_answer: bool,
}

/// A running server. Dropping it closes all its connections.
pub(crate) struct Server {
    addresses: Vec<SocketAddr>,
    shared: Arc<Shared>,
}

struct Shared {
    tls: Option<Arc<ServerConfig>>,
    delays: Delays,
    handler: Box<Handler>,
    is_stopping: AtomicBool,
    connections: AtomicU64,
    events: Mutex<Vec<(Instant, Event)>>,
    waits: Mutex<Vec<Wait>>,
    open: Mutex<Vec<TcpStream>>,
}

/// Makes the answer to a request.
pub(crate) type Handler = dyn Fn(&Request) -> Response + Send + Sync;

/// What happened on a connection, for the timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Connected,
    Handshaken,
    Received(String),
    Answered(String),
}

/// A request, read to its end.
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Arc<Vec<u8>>,
    /// Request line and headers as they came.
    pub(crate) head: Vec<u8>,
    /// When its last byte had been read.
    pub(crate) at: Instant,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(known, _)| known == name)
            .map(|(_, value)| &**value)
    }
}

pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Arc<Vec<u8>>,
    /// The length to announce for a HEAD, which gets no body.
    pub(crate) length: usize,
}

impl Response {
    pub(crate) fn new(status: u16, headers: Vec<(String, String)>, body: Arc<Vec<u8>>) -> Self {
        let length = body.len();
        Self {
            status,
            headers,
            body,
            length,
        }
    }

    pub(crate) fn without_body(status: u16, headers: Vec<(String, String)>) -> Self {
        Self::new(status, headers, Arc::default())
    }
}

impl Server {
    pub(crate) fn start(listening: Listening, handler: Box<Handler>) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            tls: listening.tls,
            delays: listening.delays,
            handler,
            is_stopping: AtomicBool::new(false),
            connections: AtomicU64::new(0),
            events: Mutex::default(),
            waits: Mutex::default(),
            open: Mutex::default(),
        });
        let mut addresses: Vec<SocketAddr> = Vec::new();
        for host in listening.hosts {
            let port = addresses.first().map_or(listening.port, SocketAddr::port);
            let listener = TcpListener::bind((host, port))
                .map_err(|error| io::Error::new(error.kind(), format!("{host}:{port}: {error}")))?;
            let listener = Arc::new(listener);
            addresses.push(listener.local_addr()?);
            for _ in 0..WORKERS {
                let (listener, shared) = (Arc::clone(&listener), Arc::clone(&shared));
                thread::spawn(move || shared.accept(&listener));
            }
        }
        Ok(Self { addresses, shared })
    }

    pub(crate) fn port(&self) -> u16 {
        self.addresses[0].port()
    }

    /// Connections that brought at least a first byte.
    pub(crate) fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// For what this server was waited for so far.
    pub(crate) fn waits(&self) -> Vec<Wait> {
        lock(&self.shared.waits).clone()
    }

    /// What happened so far, in order.
    pub(crate) fn events(&self) -> Vec<(Instant, Event)> {
        let mut events = lock(&self.shared.events).clone();
        events.sort_by_key(|(at, _)| *at);
        events
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.is_stopping.store(true, Ordering::SeqCst);
        for stream in lock(&self.shared.open).drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        // Wakes the threads that wait in `accept`; an error means that none does.
        for address in &self.addresses {
            for _ in 0..WORKERS {
                let _ = TcpStream::connect_timeout(address, Duration::from_millis(100));
            }
        }
    }
}

impl Shared {
    fn accept(&self, listener: &TcpListener) {
        while let Ok((stream, _)) = listener.accept() {
            if self.is_stopping.load(Ordering::SeqCst) {
                return;
            }
            let accepted = Instant::now();
            let _ = stream.set_nodelay(true);
            if let Ok(handle) = stream.try_clone() {
                lock(&self.open).push(handle);
            }
            // An error is a client that was killed, or does not trust the certificate.
            let _ = self.serve(stream, accepted);
        }
    }

    fn serve(&self, stream: TcpStream, accepted: Instant) -> io::Result<()> {
        if stream.peek(&mut [0])? == 0 {
            return Ok(());
        }
        self.connections.fetch_add(1, Ordering::Relaxed);
        self.note(accepted, Event::Connected);
        let begun = Instant::now();
        wait(self.delays.tcp);
        let Some(config) = &self.tls else {
            return self.exchange(BufReader::new(stream));
        };
        wait(self.delays.tls);
        // What follows is computing, on both sides, and not waiting.
        self.waited(begun, Instant::now(), false);
        let connection = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(connection, stream);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        self.note(Instant::now(), Event::Handshaken);
        self.exchange(BufReader::with_capacity(BUFFER_BYTES, stream))
    }

    fn exchange<S: Read + Write>(&self, mut stream: BufReader<S>) -> io::Result<()> {
        while let Some(request) = read(&mut stream)? {
            let name = request.name();
            self.note(request.at, Event::Received(name.clone()));
            let response = (self.handler)(&request);
            wait(match &*request.method {
                "GET" | "HEAD" => self.delays.read,
                _ => self.delays.write,
            });
            let is_last = request
                .header("connection")
                .is_some_and(|value| value == "close");
            // Before the answer goes out: the next request may come before this thread goes on.
            self.waited(request.at, Instant::now(), true);
            write(stream.get_mut(), &response, request.method == "HEAD")?;
            self.note(Instant::now(), Event::Answered(name));
            if is_last {
                break;
            }
        }
        Ok(())
    }

    fn note(&self, at: Instant, event: Event) {
        lock(&self.events).push((at, event));
    }

    fn waited(&self, from: Instant, to: Instant, is_answer: bool) {
        lock(&self.waits).push(Wait {
            from,
            to,
            is_answer,
        });
    }
}

impl Request {
    /// Method and path, for people.
    fn name(&self) -> String {
        let path = self.target.split('?').next().unwrap_or_default();
        let short = path.strip_prefix("/2018-06-01/runtime").unwrap_or(path);
        let short = match short.split('/').collect::<Vec<_>>()[..] {
            ["", "invocation", _, "response"] => "response",
            _ => short,
        };
        format!("{} {short}", self.method)
    }
}

/// Reads a request; `None` at the end of the connection.
fn read<S: Read + Write>(stream: &mut BufReader<S>) -> io::Result<Option<Request>> {
    let mut head = Vec::new();
    loop {
        let start = head.len();
        match stream.read_until(b'\n', &mut head) {
            Ok(0) => return Ok(None),
            Ok(_) => {}
            // TLS ends without a goodbye when a process is killed.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error),
        }
        if matches!(&head[start..], b"\r\n" | b"\n") {
            break;
        }
    }
    let text = String::from_utf8_lossy(&head);
    let mut lines = text.lines();
    let mut first = lines.next().unwrap_or_default().split(' ');
    let method = first.next().unwrap_or_default().to_owned();
    let target = first.next().unwrap_or_default().to_owned();
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let header = |wanted: &str| {
        let found = headers.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.to_ascii_lowercase())
    };
    if header("expect").is_some_and(|value| value == "100-continue") {
        stream
            .get_mut()
            .write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        stream.get_mut().flush()?;
    }
    let mut body = Vec::new();
    if header("transfer-encoding").is_some_and(|value| value.contains("chunked")) {
        read_chunks(stream, &mut body)?;
    } else if let Some(length) = header("content-length") {
        body.resize(length.parse().map_err(io::Error::other)?, 0);
        stream.read_exact(&mut body)?;
    }
    let at = Instant::now();
    Ok(Some(Request {
        method,
        target,
        headers,
        body: Arc::new(body),
        head,
        at,
    }))
}

/// Reads chunks (RFC 9112, section 7.1), with their extensions and trailers thrown away.
pub(crate) fn read_chunks(stream: &mut impl BufRead, body: &mut Vec<u8>) -> io::Result<()> {
    let mut line = String::new();
    loop {
        line.clear();
        stream.read_line(&mut line)?;
        let size = line.trim_end().split(';').next().unwrap_or_default();
        let size = usize::from_str_radix(size, 16).map_err(io::Error::other)?;
        if size == 0 {
            break;
        }
        let start = body.len();
        body.resize(start + size, 0);
        stream.read_exact(&mut body[start..])?;
        stream.read_exact(&mut [0; 2])?;
    }
    while line.trim_end() != "" {
        line.clear();
        if stream.read_line(&mut line)? == 0 {
            break;
        }
    }
    Ok(())
}

fn write(stream: &mut impl Write, response: &Response, is_head: bool) -> io::Result<()> {
    let mut bytes = format!(
        "HTTP/1.1 {} {}\r\n",
        response.status,
        reason(response.status)
    );
    for (name, value) in &response.headers {
        bytes.push_str(&format!("{name}: {value}\r\n"));
    }
    // 304 has no body, and says nothing about its length.
    if response.status != 304 {
        bytes.push_str(&format!("Content-Length: {}\r\n", response.length));
    }
    bytes.push_str("\r\n");
    let mut bytes = bytes.into_bytes();
    if !is_head && response.body.len() < BUFFER_BYTES {
        bytes.extend_from_slice(&response.body);
        stream.write_all(&bytes)?;
    } else {
        stream.write_all(&bytes)?;
        if !is_head {
            stream.write_all(&response.body)?;
        }
    }
    stream.flush()
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        202 => "Accepted",
        304 => "Not Modified",
        404 => "Not Found",
        412 => "Precondition Failed",
        _ => "Status",
    }
}

fn wait(time: Duration) {
    if !time.is_zero() {
        thread::sleep(time);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// No variant holds more connections than this to one address at once.
const WORKERS: usize = 4;
const BUFFER_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_joined() {
        let mut body = Vec::new();
        let mut stream = &b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nx-amz-checksum: 1\r\n\r\nrest"[..];
        read_chunks(&mut stream, &mut body).unwrap();
        assert_eq!((&*body, stream), (&b"abcde"[..], &b"rest"[..]));
    }
}
