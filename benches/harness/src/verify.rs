//! Whether the requests of a variant would have passed at S3.
//!
//! After the run they are replayed to the server of `local`, which checks signatures and payload hashes.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use local::{S3Options, S3Server};

use crate::s3::Sent;

/// The server that checks.
pub(crate) struct Checker {
    server: S3Server,
}

impl Checker {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            server: S3Server::start(S3Options::default())?,
        })
    }

    /// # Errors
    /// The first request that would not have passed. Versions differ here, so that a failed condition is
    /// as good as a success.
    pub(crate) fn check(&self, sent: &Sent) -> Result<(), String> {
        let connect = || TcpStream::connect(("127.0.0.1", self.server.port())).map(BufReader::new);
        for ((head, body), line) in sent.requests.iter().zip(&sent.lines) {
            let (status, answer) = connect()
                .and_then(|stream| replay(stream, &without_framing(head, body.len()), body))
                .map_err(|error| format!("{line}: {error}"))?;
            if !matches!(status, 200 | 304 | 404 | 412) {
                return Err(format!("{line}: would not have passed: {status} {answer}"));
            }
        }
        Ok(())
    }
}

/// The head with the body's length, however the body was framed; and an end after this request.
fn without_framing(head: &[u8], length: usize) -> Vec<u8> {
    let text = String::from_utf8_lossy(head);
    let mut lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    lines.retain(|line| {
        let name = line
            .split(':')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        !matches!(
            &*name,
            "transfer-encoding" | "content-length" | "expect" | "connection"
        )
    });
    format!(
        "{}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n",
        lines.join("\r\n")
    )
    .into_bytes()
}

fn replay(mut stream: BufReader<TcpStream>, head: &[u8], body: &[u8]) -> io::Result<(u16, String)> {
    stream.get_mut().write_all(head)?;
    stream.get_mut().write_all(body)?;
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let status = line
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or_default();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest)?;
    let rest = String::from_utf8_lossy(&rest);
    let body = rest.split("\r\n\r\n").nth(1).unwrap_or_default();
    Ok((status, body.chars().take(400).collect()))
}
