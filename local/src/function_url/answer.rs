//! An outcome as an HTTP response.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{HeaderMap, Response, StatusCode};
use serde_json::Value;

use crate::http;
use crate::runtime_api::Outcome;

/// The response that the caller of the Function URL gets.
///
/// An answer that is an object with `statusCode` says itself what to send; any other JSON is sent as it
/// is with status 200. An error, and an answer that cannot be made sense of, is 502; a timeout 504.
pub fn response(outcome: Outcome) -> Response<Full<Bytes>> {
    match outcome {
        Outcome::Response(bytes) => structured(&bytes).unwrap_or_else(bad_gateway),
        Outcome::Error(_) | Outcome::ResponseTooLarge => bad_gateway(),
        Outcome::TimedOut => http::response(504, "text/plain", "Gateway Timeout"),
    }
}

/// `None` if the answer is not what Lambda understands.
fn structured(bytes: &[u8]) -> Option<Response<Full<Bytes>>> {
    let answer: Value = serde_json::from_slice(bytes).ok()?;
    let Some(status) = answer.get("statusCode") else {
        return Some(http::response(200, "application/json", bytes.to_vec()));
    };
    let status = match status {
        Value::String(status) => status.parse().ok()?,
        status => u16::try_from(status.as_u64()?).ok()?,
    };
    let body = match answer.get("body") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(body)) if answer.get("isBase64Encoded") == Some(&Value::Bool(true)) => {
            BASE64_STANDARD.decode(body).ok()?
        }
        Some(Value::String(body)) => body.clone().into_bytes(),
        Some(body) => body.to_string().into_bytes(),
    };
    let mut headers = headers(answer.get("headers"))?;
    if let Some(cookies) = answer.get("cookies").and_then(Value::as_array) {
        for cookie in cookies {
            headers.append("set-cookie", HeaderValue::from_str(cookie.as_str()?).ok()?);
        }
    }
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = StatusCode::from_u16(status).ok()?;
    *response.headers_mut() = headers;
    Some(response)
}

fn headers(answered: Option<&Value>) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    let none = serde_json::Map::new();
    for (name, value) in answered.and_then(Value::as_object).unwrap_or(&none) {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        // Of the connection, not of the answer: the server sets these itself.
        if matches!(
            name.as_str(),
            "content-length" | "connection" | "transfer-encoding" | "date"
        ) {
            continue;
        }
        let value = match value {
            Value::String(value) => value.clone(),
            value => value.to_string(),
        };
        headers.insert(name, HeaderValue::from_bytes(value.as_bytes()).ok()?);
    }
    Some(headers)
}

fn bad_gateway() -> Response<Full<Bytes>> {
    http::response(502, "text/plain", "Internal Server Error")
}
