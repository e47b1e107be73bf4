//! A scripted Runtime API: answers each call as it is told, and keeps what it was sent.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A request as it came in.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// Such as `POST`.
    pub(crate) method: String,
    /// Such as `/2018-06-01/runtime/invocation/next`.
    pub(crate) path: String,
    headers: Vec<(String, String)>,
    /// The body, of the announced length.
    pub(crate) body: Vec<u8>,
    /// Counts connections from 0: equal numbers are one connection.
    pub(crate) connection: usize,
}

impl Received {
    /// The value of a header, whose name is given in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }
}

/// How a call is answered.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// With this whole text: status line, headers, body.
    Text(Vec<u8>),
    /// Not at all: the connection is cut.
    Cut,
}

impl Reply {
    /// An answer without a body that matters.
    pub(crate) fn status(status: u16) -> Self {
        let body = "{\"status\":\"whatever\"}";
        let length = body.len();
        Self::Text(
            format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes(),
        )
    }

    /// An event, with these headers besides its length.
    pub(crate) fn event(headers: &[(&str, &str)], body: &[u8]) -> Self {
        let mut text = head(headers);
        text.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
        Self::Text([text.as_bytes(), body].concat())
    }

    /// An event in two chunks.
    pub(crate) fn chunked_event(headers: &[(&str, &str)], body: &[u8]) -> Self {
        let mut bytes = (head(headers) + "transfer-encoding: chunked\r\n\r\n").into_bytes();
        for chunk in body.chunks(body.len().div_ceil(2)) {
            bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            bytes.extend_from_slice(chunk);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"0\r\n\r\n");
        Self::Text(bytes)
    }
}

fn head(headers: &[(&str, &str)]) -> String {
    let lines: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{lines}")
}

/// The server. It answers calls in the order of its script; what comes after its end blocks for ever,
/// as `/next` does while no event comes.
pub(crate) struct Server {
    pub(crate) port: u16,
    received: Receiver<Received>,
}

impl Server {
    pub(crate) fn start(address: &str, script: Vec<Reply>) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let port = listener.local_addr()?.port();
        let (sender, received) = channel();
        let script = Arc::new(Mutex::new(VecDeque::from(script)));
        thread::spawn(move || {
            for (connection, stream) in listener.incoming().flatten().enumerate() {
                let (sender, script) = (sender.clone(), Arc::clone(&script));
                thread::spawn(move || serve(stream, connection, &sender, &script));
            }
        });
        Ok(Self { port, received })
    }

    /// The next call; waits for it.
    #[track_caller]
    pub(crate) fn call(&self) -> Received {
        self.received
            .recv_timeout(PATIENCE)
            .expect("the runtime makes another call")
    }

    /// The calls that came in and were not looked at yet.
    pub(crate) fn rest(&self) -> Vec<Received> {
        self.received.try_iter().collect()
    }
}

fn serve(
    stream: TcpStream,
    connection: usize,
    sender: &Sender<Received>,
    script: &Mutex<VecDeque<Reply>>,
) {
    let mut reader = BufReader::new(&stream);
    while let Some(received) = read(&mut reader, connection) {
        if sender.send(received).is_err() {
            return;
        }
        let reply = script.lock().expect("no thread panics with it").pop_front();
        match reply {
            Some(Reply::Text(text)) => {
                if (&stream).write_all(&text).is_err() {
                    return;
                }
            }
            Some(Reply::Cut) => return,
            // Nothing more to say: the child is killed in the end.
            None => thread::park(),
        }
    }
}

fn read(reader: &mut impl BufRead, connection: usize) -> Option<Received> {
    let mut line = || {
        let mut line = String::new();
        reader
            .read_line(&mut line)
            .ok()
            .filter(|&count| count > 0)?;
        Some(line.trim_end().to_owned())
    };
    let first = line()?;
    let mut words = first.split(' ').map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut headers = Vec::new();
    loop {
        let line = line()?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length
        .and_then(|(_, value)| value.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Received {
        method,
        path,
        headers,
        body,
        connection,
    })
}

/// How long to wait for what must happen; tests never depend on it being short.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
