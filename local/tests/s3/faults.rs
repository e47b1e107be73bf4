//! What tests can see of requests, and how they make them fail.

use crate::common::{Client, Signer, send_headers, signed, unsigned};
use crate::{ETAG, PRIVATE, PUBLIC, server};
use local::setup::{PRIVATE_BUCKET, PUBLIC_BUCKET};
use local::{Fault, FaultAnswer};

#[test]
fn faults_take_the_place_of_answers() {
    let s3 = server();
    let endpoint = s3.endpoint();
    let put = |body: &'static [u8]| {
        let headers = Signer::default().headers(&endpoint, "PUT", PRIVATE, &[], body);
        send_headers(&endpoint, "PUT", PRIVATE, &headers, body)
    };
    let stored = || {
        s3.object(PRIVATE_BUCKET, "data.json")
            .map(|object| object.bytes)
    };
    let fail_puts = |fault: Fault| {
        s3.set_fault(Some(Box::new(move |head| {
            (head.method == "PUT").then(|| fault.clone())
        })));
    };

    fail_puts(Fault::Answer(FaultAnswer::slow_down()));
    let answer = put(b"1").unwrap();
    assert_eq!(
        (answer.status, answer.code(), stored()),
        (503, "SlowDown", None)
    );
    fail_puts(Fault::Answer(FaultAnswer::bad_gateway()));
    let answer = put(b"2").unwrap();
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (502, Some("text/html"))
    );
    fail_puts(Fault::Drop);
    assert!(put(b"3").is_err());
    assert_eq!(stored(), None);
    fail_puts(Fault::ApplyThenDrop);
    assert!(put(b"4").is_err());
    assert_eq!(stored().unwrap(), b"4");
    fail_puts(Fault::ApplyThenAnswer(FaultAnswer::s3_error(
        500,
        "InternalError",
        "Oops",
    )));
    assert_eq!(put(b"5").unwrap().code(), "InternalError");
    assert_eq!(stored().unwrap(), b"5");
    s3.set_fault(None);
    assert_eq!(put(b"6").unwrap().status, 200);

    let statuses: Vec<_> = s3
        .requests()
        .into_iter()
        .map(|request| request.status)
        .collect();
    assert_eq!(
        statuses,
        [Some(503), Some(502), None, None, Some(500), Some(200)]
    );
}

#[test]
fn a_stalled_request_has_no_answer() {
    let s3 = server();
    s3.set_fault(Some(Box::new(|_| Some(Fault::ApplyThenStall))));
    let endpoint = s3.endpoint();
    let headers = Signer::default().headers(&endpoint, "PUT", PRIVATE, &[], b"1");
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    let mut client = Client::connect(&endpoint);
    client.write("PUT", PRIVATE, &headers, b"1").unwrap();
    // Ending the server is what ends the wait.
    drop(s3);
    assert!(client.read("PUT").is_err());
}

#[test]
fn another_writer_comes_in_between() {
    let s3 = server();
    s3.put_object(PRIVATE_BUCKET, "data.json", "{}");
    let buckets = s3.buckets();
    s3.set_fault(Some(Box::new(move |head| {
        if head.method == "PUT" {
            buckets.put_object(PRIVATE_BUCKET, "data.json", "theirs");
        }
        None
    })));
    let put = signed(
        &s3.endpoint(),
        "PUT",
        PRIVATE,
        &[("if-match", ETAG)],
        b"ours",
    );
    assert_eq!(put.status, 412);
    assert_eq!(
        s3.object(PRIVATE_BUCKET, "data.json").unwrap().bytes,
        b"theirs"
    );
}

#[test]
fn requests_are_recorded() {
    let s3 = server();
    unsigned(
        &s3.endpoint(),
        "GET",
        "/dojang-local-public/a%20b?t=1",
        &[("x-one", "1"), ("x-one", "2")],
    );
    let requests = s3.requests();
    assert_eq!(requests.len(), 1);
    let request = &requests[0];
    assert_eq!(
        (request.method.as_str(), request.status),
        ("GET", Some(403))
    );
    assert_eq!(
        (request.bucket.as_str(), request.key.as_str()),
        (PUBLIC_BUCKET, "a b")
    );
    assert_eq!(
        (request.query.as_str(), request.headers["x-one"].as_str()),
        ("t=1", "1,2")
    );
    s3.clear_requests();
    assert!(s3.requests().is_empty());
}

#[test]
fn a_connection_serves_many_requests() {
    let s3 = server();
    s3.put_object(PUBLIC_BUCKET, "data.json", "{}");
    let mut client = Client::connect(&s3.endpoint());
    for _ in 0..3 {
        assert_eq!(client.send("GET", PUBLIC, &[], b"").body, b"{}");
        assert_eq!(client.send("GET", PRIVATE, &[], b"").status, 403);
        assert_eq!(client.send("HEAD", PUBLIC, &[], b"").status, 200);
        assert_eq!(
            client
                .send("GET", PUBLIC, &[("if-none-match", ETAG)], b"")
                .status,
            304
        );
    }
}

#[test]
fn idle_connections_are_closed() {
    let s3 = server();
    s3.put_object(PUBLIC_BUCKET, "data.json", "{}");
    let mut idle = Client::connect(&s3.endpoint());
    assert_eq!(idle.send("GET", PUBLIC, &[], b"").status, 200);
    s3.close_connections();
    assert!(
        idle.try_send("GET", PUBLIC, &[], b"").is_err(),
        "closed by the server"
    );
    let mut fresh = Client::connect(&s3.endpoint());
    assert_eq!(fresh.send("GET", PUBLIC, &[], b"").status, 200);
    assert_eq!(
        s3.requests().len(),
        2,
        "nothing came of the request on the closed connection"
    );
}
