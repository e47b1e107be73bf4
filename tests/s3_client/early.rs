//! Answers that come before the end of the upload.

use std::cmp::Ordering;

use dojang::s3::ObjectStore;

use crate::server::{Reply, Server, Then};
use crate::{DATA, LARGE, PATIENCE, client, name, upload};

#[test]
fn a_refusal_before_the_end_of_an_upload_is_read() {
    is_read(Then::Closes, 0);
    is_read(Then::Closes, 1);
}

#[test]
fn so_is_one_after_which_a_new_connection_stays_open() {
    is_read(Then::Stalls, 0);
}

#[test]
fn so_is_one_after_which_a_connection_stays_open() {
    is_read(Then::Stalls, 1);
}

/// A refusal is read, on a connection that has brought so many answers before.
fn is_read(then: Then, earlier: usize) {
    let server = Server::start(move |_, number| match number.cmp(&earlier) {
        Ordering::Equal => Reply::error(403, "AccessDenied", &[]).early(then),
        _ => Reply::new(200, &["etag: \"a\""], b"{}"),
    });
    let client = client(&server);
    for _ in 0..earlier {
        client.get(DATA, None, PATIENCE).unwrap();
    }
    let bytes = vec![b'x'; LARGE];
    let error = client.put(DATA, &upload(&bytes), PATIENCE).unwrap_err();
    assert_eq!(name(&error), "refused", "{then:?} {error}");
    // The rest of the upload is still under way on that connection.
    client.get(DATA, None, PATIENCE).unwrap();
    assert_eq!(server.connections(), [0, 0, 1][1 - earlier..]);
}

#[test]
fn a_success_before_the_end_of_an_upload_is_none() {
    let bytes = vec![b'x'; LARGE];
    let server = Server::start(|_, number| match number {
        0 => Reply::new(200, &["etag: \"a\""], b"").early(Then::Closes),
        _ => Reply::new(200, &["etag: \"b\""], b""),
    });
    let client = client(&server);
    let error = client.put(DATA, &upload(&bytes), PATIENCE).unwrap_err();
    assert_eq!(name(&error), "unknown");
    let shown = error.to_string();
    assert!(
        shown.contains("200 before the request was sent: ") && !shown.ends_with(": "),
        "{shown}"
    );
    // That was that request.
    assert!(client.put(DATA, &upload(b"{}"), PATIENCE).is_ok());
}

#[test]
fn an_upload_that_is_cut_without_an_answer_says_why() {
    let shown = failure(Then::Closes);
    // What the system says of a connection that was closed while it was written to.
    let words = ["reset", "pipe", "aborted"];
    assert!(words.iter().any(|word| shown.contains(word)), "{shown}");
}

#[test]
fn an_upload_that_nobody_reads_says_so() {
    let shown = failure(Then::Stalls);
    assert!(shown.contains("timeout"), "{shown}");
}

/// Why an upload fails that gets no answer.
fn failure(then: Then) -> String {
    let server = Server::start(move |_, _| Reply::none(then).early(then));
    let bytes = vec![b'x'; LARGE];
    let error = client(&server).put(DATA, &upload(&bytes), PATIENCE);
    let error = error.unwrap_err();
    assert_eq!(name(&error), "unknown");
    error.to_string()
}
