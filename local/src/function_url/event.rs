//! A request as an event of payload format 2.0.
//!
//! AWS Lambda Developer Guide, "Invoking Lambda function URLs", "Request and response payloads".

use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hyper::Version;
use hyper::http::request::Parts;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::setup;

/// The event of the request `head` with `body`, sent by `source` at `now`.
///
/// `cookies`, `queryStringParameters` and `body` are absent when there is nothing to say. A body is
/// base64 unless its `Content-Type` is one of text and it is UTF-8.
pub fn event(
    head: &Parts,
    body: &[u8],
    source: IpAddr,
    request_id: &str,
    now: SystemTime,
) -> Value {
    let headers = headers(head, source);
    let text = |name: &str| {
        headers
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let host = text("host").to_owned();
    let user_agent = text("user-agent").to_owned();
    let query = head.uri.query().unwrap_or_default();
    let mut event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": head.uri.path(),
        "rawQueryString": query,
        "requestContext": {
            "accountId": "anonymous",
            "apiId": setup::FUNCTION_NAME,
            "domainName": host,
            "domainPrefix": host.split('.').next(),
            "http": {
                "method": head.method.as_str(),
                "path": head.uri.path(),
                "protocol": protocol(head.version),
                "sourceIp": source.to_string(),
                "userAgent": user_agent,
            },
            "requestId": request_id,
            "routeKey": "$default",
            "stage": "$default",
            "time": log_time(now),
            "timeEpoch": milliseconds(now),
        },
    });
    let is_base64 = match std::str::from_utf8(body) {
        Ok(_) if body.is_empty() => false,
        Ok(body) if is_text(text("content-type")) => {
            event["body"] = body.into();
            false
        }
        _ => {
            event["body"] = BASE64_STANDARD.encode(body).into();
            true
        }
    };
    event["isBase64Encoded"] = is_base64.into();
    event["headers"] = headers.into();
    let cookies = cookies(head);
    if !cookies.is_empty() {
        event["cookies"] = cookies.into();
    }
    let parameters = parameters(query);
    if !parameters.is_empty() {
        event["queryStringParameters"] = parameters.into();
    }
    event
}

/// Lower-case names; the values of repeated headers joined by commas; cookies are apart.
fn headers(head: &Parts, source: IpAddr) -> Map<String, Value> {
    let mut headers = Map::new();
    for name in head.headers.keys().filter(|name| *name != "cookie") {
        let values: Vec<_> = head.headers.get_all(name).iter().map(latin1).collect();
        headers.insert(name.as_str().to_owned(), values.join(",").into());
    }
    headers.insert("x-forwarded-for".to_owned(), source.to_string().into());
    headers.insert("x-forwarded-proto".to_owned(), "http".into());
    headers
}

fn cookies(head: &Parts) -> Vec<String> {
    let lines = head
        .headers
        .get_all("cookie")
        .iter()
        .map(latin1)
        .collect::<Vec<_>>()
        .join("; ");
    lines
        .split(';')
        .map(str::trim)
        .filter(|cookie| !cookie.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Decoded; the values of repeated parameters joined by commas.
fn parameters(query: &str) -> Map<String, Value> {
    let mut parameters = Map::<String, Value>::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let value = match parameters.get(name.as_ref()).and_then(Value::as_str) {
            Some(earlier) => format!("{earlier},{value}"),
            None => value.into_owned(),
        };
        parameters.insert(name.into_owned(), value.into());
    }
    parameters
}

/// Whether bodies of this content type arrive as text. Forms, among others, do not.
fn is_text(content_type: &str) -> bool {
    let essence = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    essence.starts_with("text/")
        || matches!(
            essence.as_str(),
            "application/json" | "application/javascript" | "application/xml"
        )
        || essence.ends_with("+json")
        || essence.ends_with("+xml")
}

/// Header values are bytes; every one of them is a character of ISO 8859-1.
fn latin1(value: &hyper::header::HeaderValue) -> String {
    match value.to_str() {
        Ok(value) => value.to_owned(),
        Err(_) => match std::str::from_utf8(value.as_bytes()) {
            Ok(value) => value.to_owned(),
            Err(_) => value.as_bytes().iter().copied().map(char::from).collect(),
        },
    }
}

fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        _ => "HTTP/1.1",
    }
}

fn milliseconds(now: SystemTime) -> u64 {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// `12/Mar/2020:19:03:58 +0000`.
fn log_time(now: SystemTime) -> String {
    let now = OffsetDateTime::from(now);
    format!(
        "{:02}/{}/{:04}:{:02}:{:02}:{:02} +0000",
        now.day(),
        &now.month().to_string()[..3],
        now.year(),
        now.hour(),
        now.minute(),
        now.second()
    )
}
