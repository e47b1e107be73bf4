//! The server of the web page, over a socket.
//!
//! `tests/more/web/run` tests the page itself in a browser.

mod common;

use std::path::Path;
use std::process::Command;

use common::Client;
use local::page::{content_security_policy, source_folder};
use local::{About, Page};

const FUNCTION: &str = "http://127.0.0.1:1/";
const DATA: &str = "http://127.0.0.1:2/public/data.json";

fn start() -> Page {
    Page::start(0, source_folder(), FUNCTION, DATA, &About::default()).unwrap()
}

#[test]
#[ignore = "needs Chromium: tests/more/run web"]
fn the_page_in_a_browser() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let status = Command::new(root.join("tests/more/web/run")).status();
    assert!(status.unwrap().success());
}

#[test]
fn files_have_their_types_and_the_headers_of_a_strict_page() {
    let page = start();
    let mut client = Client::connect(&page.url());
    for (path, content_type) in [
        ("/", "text/html; charset=utf-8"),
        ("/index.html", "text/html; charset=utf-8"),
        ("/app.js", "text/javascript; charset=utf-8"),
        ("/views/sessions.js", "text/javascript; charset=utf-8"),
        ("/style.css", "text/css; charset=utf-8"),
        ("/lang/da.json?x=1", "application/json"),
        ("/config.json", "application/json"),
        ("/icon.svg", "image/svg+xml"),
    ] {
        let answer = client.send("GET", path, &[], b"");
        assert_eq!(answer.status, 200, "{path}");
        assert!(!answer.body.is_empty(), "{path}");
        for (name, value) in [
            ("content-type", content_type),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            (
                "content-security-policy",
                &content_security_policy(FUNCTION, DATA),
            ),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path}");
        }
        let length = answer.body.len().to_string();
        let head = client.send("HEAD", path, &[], b"");
        assert_eq!(
            (head.status, head.header("content-length")),
            (200, Some(&*length))
        );
    }
}

#[test]
fn a_file_that_has_not_changed_is_not_sent_again() {
    let page = start();
    let mut client = Client::connect(&page.url());
    let first = client.send("GET", "/app.js", &[], b"");
    let etag = first.header("etag").unwrap();
    let again = client.send("GET", "/app.js", &[("if-none-match", etag)], b"");
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert_eq!(again.header("etag"), Some(etag));
    let other = client.send("GET", "/app.js", &[("if-none-match", "\"x\"")], b"");
    assert_eq!(other.body, first.body);
}

#[test]
fn nothing_else_is_served() {
    let page = start();
    let mut client = Client::connect(&page.url());
    for path in [
        "/none.js",
        "/../README.md",
        "//etc/passwd",
        "/views",
        "/%2e%2e/README.md",
    ] {
        assert_eq!(client.send("GET", path, &[], b"").status, 404, "{path}");
    }
    let post = client.send("POST", "/", &[], b"{}");
    assert_eq!(
        (post.status, post.header("allow")),
        (405, Some("GET, HEAD"))
    );
}
