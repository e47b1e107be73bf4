//! The way of a browser: real HTTP to the Function URL.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use local::FunctionUrl;
use local::setup::TEST_SECRET;
use serde_json::{Value, json};

use crate::cases;
use crate::support::{Backend, Counts, code};

cases! {
    a_preflight_is_followed_by_a_post,
    a_post_may_have_any_path_and_content_type,
    get_is_405,
    bad_bodies_are_400_with_all_headers,
    head_has_no_body,
    what_lambda_does_not_carry_never_arrives,
}

fn a_preflight_is_followed_by_a_post(counts: &Counts) {
    let site = Site::new(counts);
    let preflight = site.send(
        "OPTIONS",
        "/",
        &[
            ("Origin", "https://club.example"),
            ("Access-Control-Request-Method", "POST"),
            ("Access-Control-Request-Headers", "content-type"),
        ],
        b"",
    );
    assert_eq!(preflight.status, 200);
    assert_eq!(preflight.body, b"");
    assert_eq!(preflight.header("access-control-allow-origin"), "*");
    assert!(
        preflight
            .header("access-control-allow-methods")
            .contains("POST")
    );
    assert!(!preflight.header("access-control-max-age").is_empty());

    let post = site.post(&create("Søren").to_string());
    assert_eq!(post.status, 200);
    assert_eq!(post.json()["name"], "Søren");
    assert_eq!(site.post(&create("Søren").to_string()).status, 400);
    let club = site.backend.private();
    assert_eq!(club["users"].as_object().unwrap().len(), 11);
}

fn a_post_may_have_any_path_and_content_type(counts: &Counts) {
    let site = Site::new(counts);
    for path in ["/", "/api/v1?x=1&x=2", "/%C3%A4//", "/?action=any_x"] {
        // Those that are no text arrive in base64.
        for content_type in [
            "application/json",
            "text/plain;charset=UTF-8",
            "application/x-www-form-urlencoded",
            "application/octet-stream",
            "multipart/form-data",
        ] {
            let headers = [("Content-Type", content_type), ("Cookie", "a=b")];
            let body = trigger().to_string();
            let post = site.send("POST", path, &headers, body.as_bytes());
            assert_eq!(
                (post.status, post.json()),
                (200, json!({})),
                "{content_type}"
            );
        }
        let bare = site.send("POST", path, &[], trigger().to_string().as_bytes());
        assert_eq!(bare.status, 200);
    }
}

fn get_is_405(counts: &Counts) {
    let site = Site::new(counts);
    for method in ["GET", "PUT", "PATCH", "DELETE"] {
        let response = site.send(method, "/?action=any_trigger_initialization", &[], b"{}");
        assert_eq!(response.status, 405, "{method}");
        assert_eq!(response.header("allow"), "OPTIONS,POST");
        response.assert_refusal();
    }
    assert_eq!(site.send("GET", "/", &[], b"").status, 405);
    assert_eq!(site.backend.s3.requests(), []);
}

fn bad_bodies_are_400_with_all_headers(counts: &Counts) {
    let site = Site::new(counts);
    for body in [
        &b""[..],
        b"x",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"{\"action\":\"\xff\"}",
        &b"[".repeat(100_000),
        &b"9".repeat(5_000),
        &b"x".repeat(4_000_000),
    ] {
        for content_type in ["application/json", "application/octet-stream"] {
            let response = site.send("POST", "/", &[("Content-Type", content_type)], body);
            assert_eq!(response.status, 400);
            response.assert_refusal();
        }
    }
    assert_eq!(site.post(&trigger().to_string()).status, 200);
}

fn head_has_no_body(counts: &Counts) {
    let site = Site::new(counts);
    let response = site.send("HEAD", "/", &[], b"");
    assert_eq!(response.status, 405);
    assert_eq!(response.header("access-control-allow-origin"), "*");
    assert_eq!(response.body, b"");
}

fn what_lambda_does_not_carry_never_arrives(counts: &Counts) {
    let site = Site::new(counts);
    let delivered = site.backend.runtime_api.delivered();
    assert_eq!(site.post(&"x".repeat(7_000_000)).status, 413);
    assert_eq!(site.backend.runtime_api.delivered(), delivered);
    assert_eq!(site.post(&trigger().to_string()).status, 200);
}

/// A backend on the demo club with a Function URL.
struct Site<'c> {
    backend: Backend<'c>,
    url: FunctionUrl,
}

impl<'c> Site<'c> {
    fn new(counts: &'c Counts) -> Self {
        let backend = Backend::demo(counts);
        let url = FunctionUrl::start(0, backend.runtime_api.invoker()).unwrap();
        assert_eq!(
            backend.call(&json!({"action": "any_reset_test_setup", "test_secret": TEST_SECRET})),
            (200, json!({}))
        );
        backend.s3.clear_requests();
        Self { backend, url }
    }

    fn post(&self, body: &str) -> Response {
        self.send(
            "POST",
            "/",
            &[("Content-Type", "application/json")],
            body.as_bytes(),
        )
    }

    /// One request on a connection of its own.
    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
        let address = self.url.url();
        let address = address.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(local::PATIENCE)).unwrap();
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
             Content-Length: {}\r\n",
            body.len()
        );
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        Response::read(BufReader::new(stream))
    }
}

struct Response {
    status: u16,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Response {
    fn read(mut stream: impl BufRead) -> Self {
        let mut line = || {
            let mut line = String::new();
            stream.read_line(&mut line).unwrap();
            line.trim_end().to_owned()
        };
        let status = line().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = std::iter::from_fn(|| {
            let line = line();
            let (name, value) = line.split_once(':')?;
            Some((name.to_ascii_lowercase(), value.trim().to_owned()))
        })
        .collect();
        let mut body = Vec::new();
        stream.read_to_end(&mut body).unwrap();
        Self {
            status,
            headers,
            body,
        }
    }

    fn header(&self, name: &str) -> &str {
        let mut found = self.headers.iter().filter(|(known, _)| known == name);
        found.next().map_or("", |(_, value)| value)
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    #[track_caller]
    fn assert_refusal(&self) {
        assert!(self.header("content-type").starts_with("application/json"));
        assert_eq!(self.header("access-control-allow-origin"), "*");
        assert_eq!(self.header("access-control-allow-headers"), "Content-Type");
        assert!(self.header("access-control-allow-methods").contains("POST"));
        assert_eq!(self.header("cache-control"), "no-store");
        assert!(!self.json()["error"].as_str().unwrap().is_empty());
    }
}

fn trigger() -> Value {
    json!({"action": "any_trigger_initialization"})
}

fn create(name: &str) -> Value {
    json!({"action": "admin_create_user", "auth_token": code("Grandmaster Oh"),
        "role": "Student", "name": name})
}
