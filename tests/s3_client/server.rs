//! A server on raw sockets: it keeps what it is asked, and answers what a test tells it.

use std::collections::BTreeMap;
use std::io::{BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use socket2::{Domain, Socket, Type};

use crate::PATIENCE;
use crate::sockets::{listen, read_head};

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Such as `GET /club/data.json HTTP/1.1`.
    pub(crate) line: String,
    /// Names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    /// Empty if the answer came before it.
    pub(crate) body: Vec<u8>,
    /// On which connection it came, counted from 0.
    pub(crate) connection: usize,
}

impl Asked {
    pub(crate) fn method(&self) -> &str {
        self.line.split(' ').next().unwrap_or_default()
    }
}

/// What to answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    text: Vec<u8>,
    /// Before the request's body is read.
    is_early: bool,
    then: Then,
}

/// What becomes of the connection after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// It serves the next request.
    GoesOn,
    Closes,
    /// It stays open, and nothing more is read or written.
    Stalls,
}

impl Reply {
    /// An answer with this status, these headers (`name: value`), and a body, the length of which is announced. A
    /// status that has no body (RFC 9110, sections 15.3.5 and 15.4.5) gets neither.
    pub(crate) fn new(status: u16, headers: &[&str], body: &[u8]) -> Self {
        let headers = headers.iter().copied();
        if matches!(status, 204 | 304) {
            return Self::raw(status, headers, b"");
        }
        let length = format!("content-length: {}", body.len());
        Self::raw(status, headers.chain([&*length]), body)
    }

    /// The same without a length.
    pub(crate) fn raw<'h>(
        status: u16,
        headers: impl IntoIterator<Item = &'h str>,
        body: &[u8],
    ) -> Self {
        let mut text = format!("HTTP/1.1 {status} X\r\n");
        for header in headers {
            text.push_str(header);
            text.push_str("\r\n");
        }
        text.push_str("\r\n");
        Self {
            text: [text.as_bytes(), body].concat(),
            is_early: false,
            then: Then::GoesOn,
        }
    }

    /// An error of S3's.
    pub(crate) fn error(status: u16, code: &str, headers: &[&str]) -> Self {
        let body = format!("<Error><Code>{code}</Code></Error>");
        Self::new(status, headers, body.as_bytes())
    }

    /// No answer.
    pub(crate) fn none(then: Then) -> Self {
        Self {
            text: Vec::new(),
            is_early: false,
            then,
        }
    }

    pub(crate) fn then(self, then: Then) -> Self {
        Self { then, ..self }
    }

    /// Before the request's body is read, none of which is read after that either.
    pub(crate) fn early(self, then: Then) -> Self {
        Self {
            is_early: true,
            then,
            ..self
        }
    }
}

/// Its threads end with the test's process.
pub(crate) struct Server {
    /// Its URL.
    pub(crate) endpoint: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    /// A message for each connection that is closed.
    closed: Receiver<()>,
}

impl Server {
    /// `answer` gets each request's head, and how many came before it.
    pub(crate) fn start(answer: impl Fn(&Asked, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = listen();
        let (closes, closed) = mpsc::channel();
        let server = Self {
            endpoint: format!("http://{}", listener.local_addr().expect("it is bound")),
            asked: Arc::default(),
            closed,
        };
        let (asked, answer) = (Arc::clone(&server.asked), Arc::new(answer));
        thread::spawn(move || {
            for (connection, stream) in listener.incoming().flatten().enumerate() {
                let (asked, answer) = (Arc::clone(&asked), Arc::clone(&answer));
                let closes = closes.clone();
                thread::spawn(move || {
                    serve(&stream, connection, &asked, &*answer);
                    // The test may be over.
                    let _ = closes.send(());
                });
            }
        });
        server
    }

    /// All requests so far, in order.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        lock(&self.asked).clone()
    }

    /// Waits until one more connection is closed.
    pub(crate) fn wait_until_one_is_closed(&self) {
        self.closed
            .recv_timeout(PATIENCE)
            .expect("a connection is closed");
    }

    /// The connections that the requests so far came on.
    pub(crate) fn connections(&self) -> Vec<usize> {
        lock(&self.asked)
            .iter()
            .map(|asked| asked.connection)
            .collect()
    }
}

/// An address on which nobody listens, nor can while the socket is kept.
pub(crate) fn closed_port() -> (Socket, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket can be had");
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    socket.bind(&any.into()).expect("a loopback port is free");
    let address = socket.local_addr().ok().and_then(|bound| bound.as_socket());
    (socket, address.expect("it is bound"))
}

/// Serves a connection until it is closed.
fn serve(
    stream: &TcpStream,
    connection: usize,
    all: &Mutex<Vec<Asked>>,
    answer: &dyn Fn(&Asked, usize) -> Reply,
) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let (line, headers) = read_head(&mut reader)?;
        let mut asked = Asked {
            line,
            headers,
            body: Vec::new(),
            connection,
        };
        let number = {
            let mut all = lock(all);
            all.push(asked.clone());
            all.len() - 1
        };
        let reply = answer(&asked, number);
        if !reply.is_early {
            let length = asked.headers.get("content-length");
            let length = length.and_then(|length| length.parse().ok());
            asked.body = vec![0; length.unwrap_or(0)];
            reader.read_exact(&mut asked.body).ok()?;
            lock(all)[number] = asked;
        }
        let mut stream = stream;
        stream.write_all(&reply.text).ok()?;
        match reply.then {
            Then::GoesOn => {}
            Then::Closes => return stream.shutdown(Shutdown::Write).ok(),
            Then::Stalls => loop {
                thread::park();
            },
        }
    }
}

fn lock(all: &Mutex<Vec<Asked>>) -> MutexGuard<'_, Vec<Asked>> {
    all.lock().expect("nobody panics")
}
