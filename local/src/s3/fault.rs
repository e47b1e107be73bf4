//! What tests see of requests, and how they make them fail.

use std::collections::BTreeMap;

use http_body_util::Full;
use hyper::Response;
use hyper::body::Bytes;
use hyper::http::request::Parts;
use percent_encoding::percent_decode_str;

use crate::http::response;

/// A request as it came in, before anything was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHead {
    /// `GET`, `PUT`, ...
    pub method: String,
    /// The first segment of the path, decoded; empty if there is none.
    pub bucket: String,
    /// The rest of the path, decoded; empty if there is none.
    pub key: String,
    /// The query string as sent, without `?`.
    pub query: String,
    /// Names in lower case; repeated headers joined by `,`.
    pub headers: BTreeMap<String, String>,
}

impl RequestHead {
    pub(super) fn new(head: &Parts) -> Self {
        let path = head.uri.path().trim_start_matches('/');
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        let mut headers = BTreeMap::<String, String>::new();
        for (name, value) in &head.headers {
            let value = String::from_utf8_lossy(value.as_bytes());
            headers
                .entry(name.as_str().to_owned())
                .and_modify(|values| {
                    values.push(',');
                    values.push_str(&value);
                })
                .or_insert_with(|| value.clone().into_owned());
        }
        Self {
            method: head.method.as_str().to_owned(),
            bucket: percent_decode_str(bucket).decode_utf8_lossy().into_owned(),
            key: percent_decode_str(key).decode_utf8_lossy().into_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers,
        }
    }
}

/// A request and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestRecord {
    /// `GET`, `PUT`, ...
    pub method: String,
    /// The first segment of the path, decoded.
    pub bucket: String,
    /// The rest of the path, decoded.
    pub key: String,
    /// The query string as sent.
    pub query: String,
    /// Names in lower case; repeated headers joined by `,`.
    pub headers: BTreeMap<String, String>,
    /// The status sent; `None` if a fault cut the connection or left it without an answer.
    pub status: Option<u16>,
}

impl RequestRecord {
    pub(super) fn new(head: RequestHead, status: Option<u16>) -> Self {
        let RequestHead {
            method,
            bucket,
            key,
            query,
            headers,
        } = head;
        Self {
            method,
            bucket,
            key,
            query,
            headers,
            status,
        }
    }
}

/// What permissions depend on in a request, and its answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestKind {
    /// `GET`, `PUT`, ...
    pub method: String,
    /// The first segment of the path, decoded.
    pub bucket: String,
    /// The rest of the path, decoded.
    pub key: String,
    /// Whether it had an `If-Match`.
    pub if_match: bool,
    /// The `User-Agent`; empty if there was none.
    pub user_agent: String,
    /// The status sent; `None` if there was no answer.
    pub status: Option<u16>,
}

impl From<&RequestRecord> for RequestKind {
    fn from(record: &RequestRecord) -> Self {
        Self {
            method: record.method.clone(),
            bucket: record.bucket.clone(),
            key: record.key.clone(),
            if_match: record.headers.contains_key("if-match"),
            user_agent: record
                .headers
                .get("user-agent")
                .cloned()
                .unwrap_or_default(),
            status: record.status,
        }
    }
}

/// What goes wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is done, and this is the answer.
    Answer(FaultAnswer),
    /// The request is served, and then this is the answer.
    ApplyThenAnswer(FaultAnswer),
    /// Nothing is done, and the connection is cut.
    Drop,
    /// The request is served, and then the connection is cut.
    ApplyThenDrop,
    /// Nothing is done, and no answer comes for as long as the client waits.
    Stall,
    /// The request is served, and then no answer comes for as long as the client waits.
    ApplyThenStall,
}

/// An answer in place of S3's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The `Content-Type`.
    pub content_type: String,
    /// The body.
    pub body: Vec<u8>,
}

impl FaultAnswer {
    /// An error as S3 words it, for example 503 `SlowDown`.
    pub fn s3_error(status: u16, code: &str, message: &str) -> Self {
        Self {
            status,
            content_type: "application/xml".to_owned(),
            body: error_xml(code, message, "").into_bytes(),
        }
    }

    /// 503 `SlowDown`, S3's throttling.
    pub fn slow_down() -> Self {
        Self::s3_error(503, "SlowDown", "Please reduce your request rate.")
    }

    /// A 502 in HTML, as some machine between the function and S3 may send it.
    pub fn bad_gateway() -> Self {
        Self {
            status: 502,
            content_type: "text/html".to_owned(),
            body: b"<html><head><title>502 Bad Gateway</title></head></html>".to_vec(),
        }
    }

    pub(super) fn response(self) -> Response<Full<Bytes>> {
        response(self.status, &self.content_type, self.body)
    }
}

/// S3's error document; `details` are further elements.
pub(super) fn error_xml(code: &str, message: &str, details: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{}</Code>\
         <Message>{}</Message>{details}</Error>",
        escape(code),
        escape(message)
    )
}

/// Text within XML.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
