//! The club's web page as a CDN would serve it.
//!
//! The files of `web/`, the `config.json` beside them, and the headers that go with them.

use std::io;
use std::path::{Component, Path, PathBuf};

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::HeaderValue;
use hyper::{Method, Response};
use serde_json::json;

use crate::http::{Received, Server, response};

/// What a club says about itself in `config.json`, as far as it does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// The club's name.
    pub name: Option<String>,
    /// `#rrggbb`.
    pub color: Option<String>,
    /// A picture's path on this machine.
    pub picture: Option<PathBuf>,
    /// The zone of the sessions' times, such as `Europe/Copenhagen`.
    pub time_zone: Option<String>,
}

impl About {
    /// The picture's name beside the page, and its content.
    fn picture(&self) -> io::Result<Option<(String, Vec<u8>)>> {
        let Some(path) = &self.picture else {
            return Ok(None);
        };
        let extension = path.extension().and_then(|extension| extension.to_str());
        let name = format!("picture.{}", extension.unwrap_or("png"));
        Ok(Some((name, std::fs::read(path)?)))
    }
}

/// A running server of the page; it ends when this is dropped.
pub struct Page {
    server: Server,
}

impl Page {
    /// Listens on 127.0.0.1 at `port` (0: any free one) and serves the files below `folder`, read anew
    /// for every request, so that a change shows at once.
    ///
    /// `config.json` names the Function URL and the public `data.json`, and says what the club says about
    /// itself; the manifest says it to the phone that installs the page.
    ///
    /// # Errors
    ///
    /// `AddrInUse` if the port is taken; the picture cannot be read.
    pub fn start(
        port: u16,
        folder: PathBuf,
        function_url: &str,
        data_url: &str,
        about: &About,
    ) -> io::Result<Self> {
        let picture = about.picture()?;
        let name_of_picture = picture.as_ref().map(|(name, _)| name.as_str());
        let mut made = vec![(
            "config.json".to_owned(),
            config(function_url, data_url, about, name_of_picture).into_bytes(),
        )];
        if let Some(manifest) = read(&folder, MANIFEST) {
            let manifest = dressed(manifest, about, name_of_picture);
            made.push((MANIFEST.to_owned(), manifest));
        }
        made.extend(picture);
        let policy = HeaderValue::from_str(&content_security_policy(function_url, data_url))
            .map_err(io::Error::other)?;
        let server = Server::start(port, BODY_LIMIT, move |received| {
            let answer = answer(&received, &folder, &made, &policy);
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
fn config(function_url: &str, data_url: &str, about: &About, picture: Option<&str>) -> String {
    let mut config = json!({ "functionUrl": function_url, "dataUrl": data_url });
    for (key, value) in [
        ("name", about.name.as_deref()),
        ("color", about.color.as_deref()),
        ("picture", picture),
        ("timeZone", about.time_zone.as_deref()),
    ] {
        if let Some(value) = value {
            config[key] = value.into();
        }
    }
    config.to_string()
}

/// The manifest with the club's name, colour and picture; as it is if it is no JSON.
fn dressed(manifest: Vec<u8>, about: &About, picture: Option<&str>) -> Vec<u8> {
    let Ok(mut value) = serde_json::from_slice::<serde_json::Value>(&manifest) else {
        return manifest;
    };
    if let Some(name) = &about.name {
        value["name"] = name.as_str().into();
        value["short_name"] = name.as_str().into();
    }
    if let Some(color) = &about.color {
        value["theme_color"] = color.as_str().into();
    }
    if let Some(picture) = picture {
        value["icons"] = json!([{ "src": picture, "sizes": "any", "purpose": "any" }]);
    }
    value.to_string().into_bytes()
}

fn answer(
    received: &Received,
    folder: &Path,
    made: &[(String, Vec<u8>)],
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
    let content = match made.iter().find(|(made, _)| made == name) {
        Some((_, content)) => Some(content.clone()),
        None => read(folder, name),
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
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("webp") => "image/webp",
        _ => "application/octet-stream",
    }
}

/// What says which version of the page this is must be asked for every time. The other files may be
/// kept for as long as a first visit takes, so that the service worker need not fetch them again.
fn cache_control(name: &str) -> &'static str {
    match name {
        "index.html" | "sw.js" | "config.json" | MANIFEST => "no-cache",
        _ => "max-age=60",
    }
}

const MANIFEST: &str = "manifest.webmanifest";

/// No request has a body that is of use.
const BODY_LIMIT: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_club_says_who_it_is() {
        let about = About {
            name: Some("Hwarang".to_owned()),
            color: Some("#7a1f2b".to_owned()),
            picture: None,
            time_zone: Some("Europe/Copenhagen".to_owned()),
        };
        let config = config("f", "d", &about, Some("picture.svg"));
        let config: serde_json::Value = serde_json::from_str(&config).unwrap();
        let expected = json!({
            "functionUrl": "f", "dataUrl": "d", "name": "Hwarang", "color": "#7a1f2b",
            "picture": "picture.svg", "timeZone": "Europe/Copenhagen",
        });
        assert_eq!(config, expected);
        let manifest = read(&source_folder(), MANIFEST).unwrap();
        let manifest = dressed(manifest, &about, Some("picture.svg"));
        let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
        assert_eq!(manifest["name"], "Hwarang");
        assert_eq!(manifest["theme_color"], "#7a1f2b");
        assert_eq!(manifest["icons"][0]["src"], "picture.svg");
        assert_eq!(manifest["start_url"], "./", "the rest stays");
    }

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
