//! How many connections there are, and who uses which.

use std::sync::Barrier;

use dojang::s3::ObjectStore;

use crate::server::{Reply, Server, Then};
use crate::{DATA, PATIENCE, SHORT, THREADS, client, client_of, name, upload};

#[test]
fn requests_in_a_row_use_one_connection() {
    let server = Server::start(|asked, _| match asked.method() {
        "HEAD" => Reply::raw(200, ["etag: \"a\""], b""),
        "PUT" => Reply::error(412, "PreconditionFailed", &[]),
        _ => Reply::new(200, &["etag: \"a\""], b"{}"),
    });
    let client = client(&server);
    for _ in 0..2 {
        client.get(DATA, None, PATIENCE).unwrap();
        client.head(DATA, PATIENCE).unwrap();
        client.put(DATA, &upload(b"{}"), PATIENCE).unwrap_err();
    }
    assert_eq!(server.connections(), [0; 6]);
    assert_eq!(client.requests_made(), 6);
}

#[test]
fn a_connection_that_was_closed_is_not_used_again() {
    let server = Server::start(|_, _| Reply::new(200, &["etag: \"a\""], b"{}").then(Then::Closes));
    let client = client(&server);
    for _ in 0..3 {
        client.get(DATA, None, PATIENCE).unwrap();
        server.wait_until_one_is_closed();
    }
    assert_eq!(server.connections(), [0, 1, 2]);
}

/// What was wrong with one connection may be wrong with the others.
#[test]
fn after_a_request_without_an_answer_all_connections_are_new() {
    let both = Barrier::new(2);
    let server = Server::start(move |_, number| {
        if number < 2 {
            both.wait();
        }
        match number {
            2 => Reply::none(Then::Closes),
            _ => Reply::new(200, &["etag: \"a\""], b"{}"),
        }
    });
    let client = client(&server);
    let two = [upload(b"1"), upload(b"2")];
    let written = client.put_at_once(DATA, &two, PATIENCE);
    assert!(written.iter().all(Result::is_ok), "{written:?}");
    let failed = client.get(DATA, None, PATIENCE).unwrap_err();
    assert_eq!(name(&failed), "unknown");
    for _ in 0..2 {
        client.get(DATA, None, PATIENCE).unwrap();
    }
    let connections = server.connections();
    assert!(connections[2] < 2, "{connections:?}");
    assert_eq!(connections[3..], [2, 2]);
    assert_eq!(client.requests_made(), 5, "failed ones too");
}

#[test]
fn writes_at_once_have_a_connection_each_that_are_kept() {
    // Each thread may need one to each of two buckets.
    const WRITERS: usize = 2 * THREADS;
    let all = Barrier::new(WRITERS);
    let server = Server::start(move |_, _| {
        all.wait();
        Reply::new(200, &["etag: \"a\""], b"")
    });
    let client = client(&server);
    let bytes: Vec<_> = (0..WRITERS).map(|n| n.to_string()).collect();
    let uploads: Vec<_> = bytes.iter().map(|text| upload(text.as_bytes())).collect();
    for _ in 0..2 {
        let written = client.put_at_once(DATA, &uploads, PATIENCE);
        assert_eq!(written.len(), WRITERS);
        assert!(written.iter().all(Result::is_ok), "{written:?}");
    }
    let mut connections = server.connections();
    connections.sort_unstable();
    connections.dedup();
    assert_eq!(connections.len(), WRITERS);
    let mut bodies: Vec<_> = server.asked().into_iter().map(|asked| asked.body).collect();
    bodies.sort();
    bodies.dedup();
    assert_eq!(bodies.len(), WRITERS);
    assert_eq!(client.requests_made() as usize, 2 * WRITERS);
}

#[test]
fn on_one_server_a_look_beside_a_read_comes_after_it_on_the_same_connection() {
    let server = Server::start(|asked, _| match asked.method() {
        "HEAD" => Reply::raw(200, ["etag: \"h\""], b""),
        _ => Reply::new(200, &["etag: \"g\""], b"{}"),
    });
    let (fetched, looked) = client(&server).get_beside_head(DATA, DATA, PATIENCE);
    assert!(fetched.is_ok() && looked.is_ok());
    let lines: Vec<_> = server.asked().into_iter().map(|asked| asked.line).collect();
    assert!(lines[0].starts_with("GET ") && lines[1].starts_with("HEAD "));
    assert_eq!(server.connections(), [0, 0]);

    let server = Server::start(|_, _| Reply::error(404, "NoSuchKey", &[]));
    let (fetched, looked) = client(&server).get_beside_head(DATA, DATA, PATIENCE);
    assert_eq!(fetched.unwrap_err(), looked.unwrap_err());
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn where_https_is_asked_for_nothing_is_said_without_tls() {
    let server = Server::start(|_, _| Reply::new(200, &["etag: \"a\""], b"{}"));
    let client = client_of(&server.endpoint.replace("http://", "https://"));
    client.get(DATA, None, SHORT).unwrap_err();
    // The client did connect.
    server.wait_until_one_is_closed();
    let asked = server.asked();
    assert!(
        !asked.iter().any(|asked| asked.line.contains("HTTP")),
        "{asked:?}"
    );
}

#[test]
fn an_answer_may_have_as_many_headers_as_s3_allows() {
    // What S3 allows a request, and far more than it sends.
    for (bytes, is_read) in [(8 << 10, true), (15 << 10, true), (20 << 10, false)] {
        let server = Server::start(move |_, _| {
            let long = format!("x-amz-meta-long: {}", "x".repeat(bytes));
            Reply::new(200, &["etag: \"a\"", &long], b"{}")
        });
        let fetched = client(&server).get(DATA, None, PATIENCE);
        assert_eq!(fetched.is_ok(), is_read, "{bytes} {fetched:?}");
    }
}
