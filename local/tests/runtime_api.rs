//! The Runtime API emulator, seen by a runtime.

mod common;

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common::{Answer, Client};
use local::PATIENCE;
use local::runtime_api::Notice;
use local::{Delivery, Invoke, Outcome, RuntimeApi, RuntimeApiOptions};
use tokio::sync::oneshot::Receiver;

const NEXT: &str = "/2018-06-01/runtime/invocation/next";
const INIT_ERROR: &str = "/2018-06-01/runtime/init/error";
const ERROR_TYPE: &str = "lambda-runtime-function-error-type";
const INVOCATION_ID: &str = "lambda-runtime-invocation-id";

fn start() -> RuntimeApi {
    RuntimeApi::start(RuntimeApiOptions::default()).unwrap()
}

/// Queues an event, as the caller of the function.
fn invoke(api: &RuntimeApi, delivery: Delivery, event: &[u8]) -> Receiver<Outcome> {
    api.invoker().submit(delivery, event.to_vec())
}

fn named(request_id: &str) -> Delivery {
    Delivery {
        request_id: Some(request_id.to_owned()),
        ..Delivery::default()
    }
}

/// A runtime that speaks the protocol by hand.
struct Runtime {
    client: Client,
}

impl Runtime {
    fn new(api: &RuntimeApi) -> Self {
        Self {
            client: Client::connect(&api.address()),
        }
    }

    fn next(&mut self) -> Answer {
        let next = self.client.send("GET", NEXT, &[], b"");
        assert_eq!(next.status, 200);
        next
    }

    fn post(&mut self, event: &Answer, what: &str, body: &[u8]) -> u16 {
        let nonce = event
            .header(INVOCATION_ID)
            .map(|nonce| (INVOCATION_ID, nonce));
        self.post_as(
            event.header("lambda-runtime-aws-request-id").unwrap(),
            nonce,
            what,
            body,
        )
    }

    fn post_as(
        &mut self,
        request_id: &str,
        nonce: Option<(&str, &str)>,
        what: &str,
        body: &[u8],
    ) -> u16 {
        let path = format!("/2018-06-01/runtime/invocation/{request_id}/{what}");
        let headers: Vec<_> = nonce
            .into_iter()
            .chain([(ERROR_TYPE, "Test.Reason")])
            .collect();
        self.client.send("POST", &path, &headers, body).status
    }
}

#[test]
fn an_event_and_its_answer() {
    let api = start();
    let caller = invoke(&api, Delivery::default(), b"{\"a\":1}");
    let mut runtime = Runtime::new(&api);
    let event = runtime.next();
    assert_eq!(event.body, b"{\"a\":1}");
    let id = event.header("lambda-runtime-aws-request-id").unwrap();
    assert_eq!(
        (id.len(), id.as_bytes()[14], id.matches('-').count()),
        (36, b'4', 4),
        "{id}"
    );
    assert!(
        event
            .header("lambda-runtime-invoked-function-arn")
            .unwrap()
            .starts_with("arn:aws:lambda:")
    );
    assert!(
        event
            .header("lambda-runtime-trace-id")
            .unwrap()
            .starts_with("Root=")
    );
    assert!(event.header(INVOCATION_ID).is_some());
    let deadline: u128 = event
        .header("lambda-runtime-deadline-ms")
        .unwrap()
        .parse()
        .unwrap();
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_millis();
    assert!(
        deadline <= now + 10_000,
        "not later than the timeout from now"
    );
    assert_eq!(runtime.post(&event, "response", b"[2]"), 202);
    assert_eq!(
        caller.blocking_recv().unwrap(),
        Outcome::Response(b"[2]".to_vec())
    );
}

#[test]
fn tests_choose_how_an_event_is_delivered() {
    let api = start();
    let delivery = Delivery {
        request_id: Some("chosen".to_owned()),
        deadline: Some(UNIX_EPOCH + Duration::from_millis(1234)),
        trace_id: None,
        client_context: Some("context".to_owned()),
        tenant_id: Some("tenant".to_owned()),
        invocation_id: false,
        ..Delivery::default()
    };
    let caller = invoke(&api, delivery, b"{}");
    let mut runtime = Runtime::new(&api);
    let event = runtime.next();
    for (name, value) in [
        ("lambda-runtime-aws-request-id", Some("chosen")),
        ("lambda-runtime-deadline-ms", Some("1234")),
        ("lambda-runtime-trace-id", None),
        ("lambda-runtime-client-context", Some("context")),
        ("lambda-runtime-cognito-identity", None),
        ("lambda-runtime-aws-tenant-id", Some("tenant")),
        (INVOCATION_ID, None),
    ] {
        assert_eq!(event.header(name), value, "{name}");
    }
    assert_eq!(runtime.post(&event, "response", b"{}"), 202);
    assert_eq!(
        caller.blocking_recv().unwrap(),
        Outcome::Response(b"{}".to_vec())
    );
}

#[test]
fn a_second_answer_is_refused() {
    let api = start();
    let caller = invoke(&api, named("one"), b"{}");
    let mut runtime = Runtime::new(&api);
    let event = runtime.next();
    assert_eq!(runtime.post(&event, "response", b"1"), 202);
    assert_eq!(
        runtime.post(&event, "response", b"2"),
        403,
        "InvalidStateTransition"
    );
    assert_eq!(
        runtime.post(&event, "error", b"{}"),
        403,
        "InvalidStateTransition"
    );
    assert_eq!(
        caller.blocking_recv().unwrap(),
        Outcome::Response(b"1".to_vec())
    );

    let caller = invoke(&api, named("two"), b"{}");
    let second = runtime.next();
    assert_eq!(
        runtime.post(&event, "response", b"3"),
        400,
        "complete: InvalidRequestID"
    );
    assert_eq!(
        runtime.post_as("unknown", None, "response", b"4"),
        400,
        "InvalidRequestID"
    );
    assert_eq!(runtime.post(&second, "response", b"5"), 202);
    assert_eq!(
        caller.blocking_recv().unwrap(),
        Outcome::Response(b"5".to_vec())
    );
}

#[test]
fn an_error_report_reaches_the_caller() {
    let api = start();
    let caller = invoke(&api, named("one"), b"{}");
    let mut runtime = Runtime::new(&api);
    let event = runtime.next();
    let body = br#"{"errorMessage":"went wrong","errorType":"Reason","stackTrace":[]}"#;
    assert_eq!(runtime.post(&event, "error", body), 202);
    let Outcome::Error(report) = caller.blocking_recv().unwrap() else {
        panic!("expected an error")
    };
    assert_eq!(report.error_type.as_deref(), Some("Test.Reason"));
    assert_eq!(report.request_id.as_deref(), Some("one"));
    assert_eq!(
        (report.body.as_slice(), report.message().as_deref()),
        (&body[..], Some("went wrong"))
    );
    assert_eq!(
        report.to_string(),
        "invocation one failed: Test.Reason: went wrong"
    );
}

#[test]
fn an_answer_can_be_too_large() {
    const LIMIT: usize = 6_291_556;

    let api = start();
    let caller = invoke(&api, Delivery::default(), b"{}");
    let mut runtime = Runtime::new(&api);
    let event = runtime.next();
    assert_eq!(
        runtime.post(&event, "response", &vec![b'1'; LIMIT + 1]),
        413
    );
    assert_eq!(
        runtime.post(&event, "error", b"{}"),
        403,
        "the caller has been answered"
    );
    assert_eq!(caller.blocking_recv().unwrap(), Outcome::ResponseTooLarge);

    let caller = invoke(&api, Delivery::default(), b"{}");
    let event = runtime.next();
    assert_eq!(runtime.post(&event, "response", &vec![b'1'; LIMIT]), 202);
    assert_eq!(
        caller.blocking_recv().unwrap(),
        Outcome::Response(vec![b'1'; LIMIT])
    );
}

#[test]
fn late_and_stale_answers_are_gone() {
    let api = start();
    let mut runtime = Runtime::new(&api);
    let caller = invoke(
        &api,
        Delivery {
            timeout: Some(Duration::ZERO),
            ..named("one")
        },
        b"{}",
    );
    let first = runtime.next();
    assert_eq!(caller.blocking_recv().unwrap(), Outcome::TimedOut);
    assert_eq!(runtime.post(&first, "response", b"1"), 410);
    assert_eq!(
        runtime.post_as("one", None, "response", b"1"),
        410,
        "also without the header"
    );
    assert_eq!(runtime.post(&first, "error", b"{}"), 410);

    // The same request again, as Lambda retries it.
    let caller = invoke(&api, named("one"), b"{}");
    let second = runtime.next();
    assert_ne!(first.header(INVOCATION_ID), second.header(INVOCATION_ID));
    assert_eq!(
        runtime.post(&first, "response", b"2"),
        410,
        "the answer to the first delivery"
    );
    assert_eq!(
        runtime.post_as("one", Some((INVOCATION_ID, "wrong")), "response", b"3"),
        410
    );
    assert_eq!(runtime.post(&second, "response", b"4"), 202);
    assert_eq!(
        caller.blocking_recv().unwrap(),
        Outcome::Response(b"4".to_vec())
    );

    // A runtime of before July 2026 does not send the header back.
    let caller = invoke(&api, named("three"), b"{}");
    runtime.next();
    assert_eq!(runtime.post_as("three", None, "response", b"5"), 202);
    assert_eq!(
        caller.blocking_recv().unwrap(),
        Outcome::Response(b"5".to_vec())
    );
}

#[test]
fn a_function_may_fail_to_start() {
    let notices = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&notices);
    let api = RuntimeApi::start(RuntimeApiOptions {
        observer: Some(Box::new(move |notice| {
            seen.lock().unwrap().push(notice.clone());
        })),
        ..RuntimeApiOptions::default()
    });
    let api = api.unwrap();
    assert_eq!(api.init_errors(), []);
    let caller = invoke(&api, Delivery::default(), b"{}");
    let mut runtime = Runtime::new(&api);
    let headers = [(ERROR_TYPE, "Runtime.ConfigInvalid")];
    let body = br#"{"errorMessage":"PRIVATE_BUCKET_NAME is not set"}"#;
    assert_eq!(
        runtime
            .client
            .send("POST", INIT_ERROR, &headers, body)
            .status,
        202
    );
    let report = api.wait_for_init_error(PATIENCE).unwrap();
    assert_eq!(report.error_type.as_deref(), Some("Runtime.ConfigInvalid"));
    assert_eq!(
        report.message().as_deref(),
        Some("PRIVATE_BUCKET_NAME is not set")
    );
    assert_eq!(api.init_errors().len(), 1);
    assert_eq!(
        *notices.lock().unwrap(),
        [Notice::InitError(report.clone())]
    );
    let Outcome::Error(failed) = caller.blocking_recv().unwrap() else {
        panic!("what was queued fails with the report")
    };
    assert_eq!(
        (failed.error_type, failed.body),
        (report.error_type, report.body)
    );
    assert!(failed.request_id.is_some());

    let caller = invoke(&api, Delivery::default(), b"{}");
    let mut other = Runtime::new(&api);
    let event = other.next();
    assert_eq!(
        runtime.client.send("POST", INIT_ERROR, &[], b"{}").status,
        403,
        "past INIT"
    );
    assert_eq!(other.post(&event, "response", b"1"), 202);
    assert_eq!(
        caller.blocking_recv().unwrap(),
        Outcome::Response(b"1".to_vec())
    );
}

#[test]
fn several_runtimes_may_wait() {
    let api = start();
    let runtimes: Vec<_> = (0..4)
        .map(|_| {
            let mut runtime = Runtime::new(&api);
            thread::spawn(move || {
                let event = runtime.next();
                (runtime.post(&event, "response", &event.body), event.body)
            })
        })
        .collect();
    for event in [b"1", b"2", b"3", b"4"] {
        assert_eq!(api.invoke(event), Outcome::Response(event.to_vec()));
    }
    let mut served: Vec<_> = runtimes
        .into_iter()
        .map(|runtime| runtime.join().unwrap())
        .collect();
    served.sort();
    let expected: Vec<_> = [b"1", b"2", b"3", b"4"]
        .map(|event| (202, event.to_vec()))
        .into();
    assert_eq!(served, expected);
}

#[test]
fn a_runtime_that_has_gone_gets_no_event() {
    let api = start();
    let mut gone = Runtime::new(&api);
    gone.client.write("GET", NEXT, &[], b"").unwrap();
    assert!(
        api.wait_for_next(PATIENCE),
        "no call of next within {PATIENCE:?}"
    );
    drop(gone);
    let caller = invoke(&api, Delivery::default(), b"{}");
    let mut runtime = Runtime::new(&api);
    let event = runtime.next();
    assert_eq!(runtime.post(&event, "response", b"1"), 202);
    assert_eq!(
        caller.blocking_recv().unwrap(),
        Outcome::Response(b"1".to_vec())
    );
    assert_eq!((api.next_calls(), api.delivered()), (2, 1));
}

#[test]
fn an_event_that_nobody_takes_is_given_up() {
    let options = RuntimeApiOptions {
        patience: Duration::from_millis(1),
        ..RuntimeApiOptions::default()
    };
    let api = RuntimeApi::start(options).unwrap();
    assert_eq!(api.invoke(b"{}"), Outcome::TimedOut);
    assert!(!api.wait_for_next(Duration::ZERO));
    assert_eq!(api.wait_for_init_error(Duration::ZERO), None);
}

#[test]
fn other_paths_and_methods() {
    let api = start();
    let mut runtime = Runtime::new(&api);
    for (method, path, status) in [
        ("GET", "/", 404),
        ("GET", "/2018-06-01/runtime/invocation/", 404),
        ("GET", "/2018-06-01/runtime/restore/next", 404),
        ("POST", NEXT, 405),
        ("GET", INIT_ERROR, 405),
    ] {
        assert_eq!(
            runtime.client.send(method, path, &[], b"").status,
            status,
            "{method} {path}"
        );
    }
}

#[test]
fn a_port_can_be_chosen() {
    let api = start();
    let port = api.address().rsplit_once(':').unwrap().1.parse().unwrap();
    let options = || RuntimeApiOptions {
        port,
        ..RuntimeApiOptions::default()
    };
    let taken = RuntimeApi::start(options()).map(|_| ()).unwrap_err();
    assert_eq!(taken.kind(), std::io::ErrorKind::AddrInUse);
    let mut client = Client::connect(&api.address());
    assert_eq!(client.send("GET", "/", &[], b"").status, 404);
    drop(api);
    let again = RuntimeApi::start(options()).expect("the port is free once the handle is gone");
    assert_eq!(again.address(), format!("127.0.0.1:{port}"));
    assert!(
        client.try_send("GET", "/", &[], b"").is_err(),
        "old connections have ended"
    );
}
