//! The club's web page as a CDN would serve it: the files of `web/`, the `config.json` beside them, and
//! the headers that go with them.

use std::io;
use std::path::{Component, Path, PathBuf};

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::HeaderValue;
use hyper::{Method, Response};
use serde_json::json;

use crate::http::{Received, Server, response};

/// A running server of the page; it ends when this is dropped.
pub struct Page {
    server: Server,
}

impl Page {
    /// Listens on 127.0.0.1 at `port` (0: any free one) and serves the files below `folder`, read anew
    /// for every request, so that a change shows at once.
    ///
    /// `config.json` names the Function URL and the public `data.json`.
    ///
    /// # Errors
    ///
    /// `AddrInUse` if the port is taken.
    pub fn start(
        port: u16,
        folder: PathBuf,
        function_url: &str,
        data_url: &str,
    ) -> io::Result<Self> {
        let config = config(function_url, data_url).into_bytes();
        let policy = HeaderValue::from_str(&content_security_policy(function_url, data_url))
            .map_err(io::Error::other)?;
        let server = Server::start(port, BODY_LIMIT, move |received| {
            let answer = answer(&received, &folder, &config, &policy);
            async move { Ok(answer) }
        })?;
        Ok(Self { server })
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }
}

/// The folder of the page in this project's source.
pub fn source_folder() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).join("web")
}

/// The `Content-Security-Policy` that the page is served with: it may talk to its own origin and to
/// exactly these two addresses, and nothing can put text in as HTML (Trusted Types; `worker` is the
/// one policy, with which the page starts its service worker).
pub fn content_security_policy(function_url: &str, data_url: &str) -> String {
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
         manifest-src 'self'; worker-src 'self'; connect-src 'self' {function_url} {data_url}; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types worker"
    )
}

/// `config.json`.
fn config(function_url: &str, data_url: &str) -> String {
    json!({ "functionUrl": function_url, "dataUrl": data_url }).to_string()
}

fn answer(
    received: &Received,
    folder: &Path,
    config: &[u8],
    policy: &HeaderValue,
) -> Response<Full<Bytes>> {
    let head = &received.head;
    if !matches!(head.method, Method::GET | Method::HEAD) {
        let mut answer = response(405, "text/plain", "Only GET and HEAD are served here.");
        let allow = HeaderValue::from_static("GET, HEAD");
        answer.headers_mut().insert("allow", allow);
        return answer;
    }
    let name = match head.uri.path() {
        "/" => "index.html",
        path => path.trim_start_matches('/'),
    };
    let content = if name == "config.json" {
        Some(config.to_vec())
    } else {
        read(folder, name)
    };
    let Some(content) = content else {
        return response(404, "text/plain", "There is no such file.");
    };
    let etag = crate::hex::etag(&content);
    let seen = head.headers.get("if-none-match");
    let mut answer = if seen.is_some_and(|seen| seen.as_bytes() == etag.as_bytes()) {
        response(304, content_type(name), "")
    } else {
        response(200, content_type(name), content)
    };
    let headers = answer.headers_mut();
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert("etag", etag);
    }
    headers.insert("content-security-policy", policy.clone());
    for (name, value) in [
        ("cache-control", cache_control(name)),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// `None` if there is no such file, or if the name leads elsewhere.
fn read(folder: &Path, name: &str) -> Option<Vec<u8>> {
    let name = Path::new(name);
    let is_plain = |part: Component<'_>| match part {
        Component::Normal(part) => !part.as_encoded_bytes().starts_with(b"."),
        _ => false,
    };
    if !name.components().all(is_plain) {
        return None;
    }
    std::fs::read(folder.join(name)).ok()
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("json") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

/// What says which version of the page this is must be asked for every time. The other files may be
/// kept for as long as a first visit takes, so that the service worker need not fetch them again.
fn cache_control(name: &str) -> &'static str {
    match name {
        "index.html" | "sw.js" | "config.json" => "no-cache",
        _ => "max-age=60",
    }
}

/// No request has a body that is of use.
const BODY_LIMIT: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_no_files() {
        let folder = source_folder();
        assert!(read(&folder, "index.html").is_some());
        assert!(read(&folder, "lang/en.json").is_some());
        for name in [
            "../README.md",
            "lang/../../README.md",
            "/etc/passwd",
            "lang",
            "",
            ".",
            ".git",
            "none.js",
        ] {
            assert_eq!(read(&folder, name), None, "{name}");
        }
    }
}
