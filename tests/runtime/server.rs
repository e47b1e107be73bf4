//! A Runtime API that does what a test tells it, request by request.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::Sender;
use std::thread;

/// What a test may be waiting for.
pub(crate) enum Event {
    /// The runtime asks something.
    Request(Request),
    /// The runtime has closed its log: it has ended.
    End,
}

/// A request that waits for its answer.
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Counts connections from 0.
    pub(crate) connection: usize,
    stream: TcpStream,
}

impl Request {
    /// Reads a request; `None` if the connection ends before one.
    fn read(reader: &mut BufReader<TcpStream>, connection: usize) -> io::Result<Option<Self>> {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let mut words = line.split_whitespace().map(str::to_owned);
        let (Some(method), Some(path)) = (words.next(), words.next()) else {
            return Err(io::Error::other(format!("no request line: {line:?}")));
        };
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else {
                break;
            };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut request = Self {
            method,
            path,
            headers,
            body: Vec::new(),
            connection,
            stream: reader.get_ref().try_clone()?,
        };
        let length = match request.header("content-length") {
            Some(length) => length.parse().map_err(io::Error::other)?,
            None => 0,
        };
        reader.take(length).read_to_end(&mut request.body)?;
        Ok(Some(request))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(other, _)| other == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{name} is repeated");
        value
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn answer(mut self, answer: &Answer) {
        self.stream.write_all(&answer.to_bytes()).unwrap();
    }

    /// For a runtime that does not want to read all of the answer.
    pub(crate) fn answer_in_vain(mut self, answer: &Answer) {
        let _ = self.stream.write_all(&answer.to_bytes());
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    pub(crate) fn answer_raw(mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// Cuts the connection after these bytes.
    pub(crate) fn answer_raw_in_vain(mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
        self.drop_connection();
    }

    /// Cuts the connection instead of answering.
    pub(crate) fn drop_connection(self) {
        self.stream.shutdown(Shutdown::Both).unwrap();
    }
}

/// An answer of the Runtime API.
#[derive(Clone)]
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    is_chunked: bool,
    declared_length: Option<usize>,
}

impl Answer {
    /// An answer with this status and a body like the real service's.
    pub(crate) fn status(status: u16) -> Self {
        let body = match status {
            200..=299 => r#"{"status":"OK"}"#.to_owned(),
            _ => format!(r#"{{"errorMessage":"told to answer {status}","errorType":"Test"}}"#),
        };
        Self {
            status,
            headers: Vec::new(),
            body: body.into_bytes(),
            is_chunked: false,
            declared_length: None,
        }
    }

    /// An event without any header.
    pub(crate) fn bare_event(event: &[u8]) -> Self {
        Self {
            body: event.to_vec(),
            ..Self::status(200)
        }
    }

    /// An event with the only header that must be there.
    pub(crate) fn event(request_id: &str, event: &[u8]) -> Self {
        Self::bare_event(event).header("Lambda-Runtime-Aws-Request-Id", request_id)
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sends the body in chunks, of which the first has one byte.
    pub(crate) fn chunked(mut self) -> Self {
        self.is_chunked = true;
        self
    }

    /// Promises more bytes than there are.
    pub(crate) fn declaring(mut self, length: usize) -> Self {
        self.declared_length = Some(length);
        self
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = format!("HTTP/1.1 {} Whatever\r\n", self.status).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend(format!("{name}: {value}\r\n").into_bytes());
        }
        if !self.is_chunked {
            let length = self.declared_length.unwrap_or(self.body.len());
            bytes.extend(format!("Content-Length: {length}\r\n\r\n").into_bytes());
            bytes.extend(&self.body);
            return bytes;
        }
        bytes.extend(b"Transfer-Encoding: chunked\r\n\r\n");
        let (first, rest) = self.body.split_at(self.body.len().min(1));
        for chunk in [first, rest].into_iter().filter(|chunk| !chunk.is_empty()) {
            bytes.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
            bytes.extend(chunk);
            bytes.extend(b"\r\n");
        }
        bytes.extend(b"0\r\n\r\n");
        bytes
    }
}

/// Listens on a loopback address until the tests end; every request becomes an event.
pub(crate) fn listen(host: &str, events: Sender<Event>) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((host, 0))?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for (connection, stream) in listener.incoming().enumerate() {
            let stream = stream.unwrap();
            stream.set_nodelay(true).unwrap();
            let events = events.clone();
            // A connection that closes is no failure: the test sees what is missing.
            let serve = move || -> io::Result<()> {
                let mut reader = BufReader::new(stream);
                while let Some(request) = Request::read(&mut reader, connection)? {
                    events
                        .send(Event::Request(request))
                        .map_err(|_| io::ErrorKind::BrokenPipe)?;
                }
                Ok(())
            };
            thread::spawn(serve);
        }
    });
    Ok(address)
}
