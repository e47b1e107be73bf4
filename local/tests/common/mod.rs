//! A small HTTP client and AWS's own signer, independent of the code under test; and where a test has its files.
#![allow(dead_code, reason = "every test file uses its own part")]

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use local::{PATIENCE, setup};

/// Where a test has its files, in this process alone. Nothing is there yet.
pub(crate) fn place(name: &str) -> PathBuf {
    let name = format!("{name}-{}", std::process::id());
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    // A process of the same number may have been killed.
    let _ = std::fs::remove_dir_all(&place);
    place
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The `Code` of an S3 error.
    pub(crate) fn code(&self) -> &str {
        let (_, rest) = self.text().split_once("<Code>").unwrap_or_default();
        rest.split_once("</Code>").unwrap_or_default().0
    }
}

/// One connection to a server.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    /// `to` is `host:port`, with or without `http://`.
    pub(crate) fn connect(to: &str) -> Self {
        let stream = TcpStream::connect(to.trim_start_matches("http://")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream: BufReader::new(stream),
        }
    }

    pub(crate) fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        self.try_send(method, path, headers, body).unwrap()
    }

    pub(crate) fn try_send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Answer> {
        self.write(method, path, headers, body)?;
        self.read(method)
    }

    /// Sends a request whose answer is read later.
    pub(crate) fn write(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<()> {
        let mut head = format!("{method} {path} HTTP/1.1\r\n");
        if !headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("host"))
        {
            head += "host: localhost\r\n";
        }
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        if !body.is_empty() || matches!(method, "PUT" | "POST") {
            head += &format!("content-length: {}\r\n", body.len());
        }
        head += "\r\n";
        let stream = self.stream.get_mut();
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)
    }

    pub(crate) fn read(&mut self, method: &str) -> io::Result<Answer> {
        let status = self.line()?;
        let status = status
            .split(' ')
            .nth(1)
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        let status = status.parse().map_err(io::Error::other)?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else {
                break;
            };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let length = match length {
            Some((_, length)) if method != "HEAD" && status != 304 => length.parse().unwrap(),
            _ => 0,
        };
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(Answer {
            status,
            headers,
            body,
        })
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }
}

/// What to sign with; by default what the local set-up's server accepts.
pub(crate) struct Signer {
    pub(crate) key_id: &'static str,
    pub(crate) secret: &'static str,
    pub(crate) token: Option<&'static str>,
    pub(crate) region: &'static str,
    /// What is signed in place of the body's hash.
    pub(crate) payload: Option<&'static str>,
}

impl Default for Signer {
    fn default() -> Self {
        Self {
            key_id: setup::ACCESS_KEY_ID,
            secret: setup::SECRET_ACCESS_KEY,
            token: Some(setup::SESSION_TOKEN),
            region: setup::REGION,
            payload: None,
        }
    }
}

impl Signer {
    /// The headers of a signed request, `headers` included.
    pub(crate) fn headers(
        &self,
        endpoint: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> BTreeMap<String, String> {
        let token = self.token.map(str::to_owned);
        let identity = Credentials::new(self.key_id, self.secret, token, None, "test").into();
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name("s3")
            .time(SystemTime::now())
            .settings(settings)
            .build()
            .unwrap()
            .into();
        let host = endpoint.trim_start_matches("http://");
        let mut all: BTreeMap<String, String> = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        all.insert("host".to_owned(), host.to_owned());
        let url = format!("{endpoint}{path}");
        let request = SignableRequest::new(
            method,
            &url,
            all.iter()
                .map(|(name, value)| (name.as_str(), value.as_str())),
            match self.payload {
                Some(payload) => SignableBody::Precomputed(payload.to_owned()),
                None => SignableBody::Bytes(body),
            },
        )
        .unwrap();
        let (instructions, _) = sign(request, &parameters).unwrap().into_parts();
        for (name, value) in instructions.headers() {
            all.insert(name.to_owned(), value.to_owned());
        }
        all
    }

    pub(crate) fn send(
        &self,
        endpoint: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        send_headers(
            endpoint,
            method,
            path,
            &self.headers(endpoint, method, path, headers, body),
            body,
        )
        .unwrap()
    }
}

/// Sends a request on a connection of its own.
pub(crate) fn send_headers(
    endpoint: &str,
    method: &str,
    path: &str,
    headers: &BTreeMap<String, String>,
    body: &[u8],
) -> io::Result<Answer> {
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    Client::connect(endpoint).try_send(method, path, &headers, body)
}

/// Sends a correctly signed request.
pub(crate) fn signed(
    endpoint: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    Signer::default().send(endpoint, method, path, headers, body)
}

/// Sends a request without signature.
pub(crate) fn unsigned(
    endpoint: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> Answer {
    Client::connect(endpoint).send(method, path, headers, b"")
}
