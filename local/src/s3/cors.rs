//! The public bucket's CORS configuration: `GET` and `HEAD` for every origin, `ETag` exposed.
//!
//! As S3 does, headers are only added for requests that name an origin.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::HeaderValue;
use hyper::http::request::Parts;
use hyper::{HeaderMap, Response};

use super::gate::Refusal;
use crate::http::response;

/// The answer to a preflight (`OPTIONS`) request.
pub(super) fn preflight(head: &Parts, public: bool) -> Result<Response<Full<Bytes>>, Refusal> {
    let asked = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    if asked("origin").is_none() {
        return Err(Refusal::new(
            400,
            "BadRequest",
            "Insufficient information. Origin request header needed.",
        ));
    }
    if !public {
        return Err(Refusal::new(
            403,
            "AccessForbidden",
            "CORSResponse: CORS is not enabled for this bucket.",
        ));
    }
    if !matches!(asked("access-control-request-method"), Some("GET" | "HEAD")) {
        return Err(Refusal::new(
            403,
            "AccessForbidden",
            "CORSResponse: This CORS request is not allowed. This is usually because the \
             evaluation of Origin, request method / Access-Control-Request-Method or \
             Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.",
        ));
    }
    let mut answer = response(200, "application/xml", Bytes::new());
    add_headers(&head.headers, answer.headers_mut());
    let headers = answer.headers_mut();
    if let Some(wanted) = head.headers.get("access-control-request-headers") {
        headers.insert("access-control-allow-headers", wanted.clone());
    }
    headers.insert(
        "access-control-max-age",
        HeaderValue::from_static(MAX_AGE_SECONDS),
    );
    Ok(answer)
}

/// What every answer from the public bucket carries, errors included.
pub(super) fn add_headers(request: &HeaderMap, headers: &mut HeaderMap) {
    if !request.contains_key("origin") {
        return;
    }
    for (name, value) in [
        ("access-control-allow-origin", "*"),
        ("access-control-allow-methods", "GET, HEAD"),
        ("access-control-expose-headers", "ETag"),
        (
            "vary",
            "Origin, Access-Control-Request-Headers, Access-Control-Request-Method",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

const MAX_AGE_SECONDS: &str = "3000";
