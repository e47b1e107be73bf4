//! The process of the function, and Lambda starting it when it is needed.
#![cfg(unix)]

mod common;

use std::collections::BTreeMap;
use std::process::exit;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{Client, place};
use local::PATIENCE;
use local::{
    Delivery, Function, FunctionUrl, Invoke, Lambda, LambdaOptions, Outcome, RuntimeApiOptions,
};

/// The function of these tests: this test executable, started anew to run this "test" only.
#[test]
#[ignore = "the process that the other tests start"]
fn function() {
    let Ok(address) = std::env::var("AWS_LAMBDA_RUNTIME_API") else {
        return;
    };
    let mut client = Client::connect(&address);
    if std::env::var("FAIL_INIT").is_ok() {
        exit(7);
    }
    // Announces itself with a `/next` and goes away without waiting for the event.
    if std::env::var("FAIL_IDLE").is_ok() {
        client
            .write("GET", "/2018-06-01/runtime/invocation/next", &[], b"")
            .unwrap();
        std::fs::write(std::env::var("FAIL_IDLE").unwrap(), "").unwrap();
        exit(8);
    }
    loop {
        let next = client.send("GET", "/2018-06-01/runtime/invocation/next", &[], b"");
        let id = next.header("lambda-runtime-aws-request-id").unwrap();
        match &next.body[..] {
            b"\"exit\"" => exit(3),
            b"\"hang\"" => loop {
                std::thread::park();
            },
            _ => {}
        }
        let path = format!("/2018-06-01/runtime/invocation/{id}/response");
        let answer = format!("{}", std::process::id());
        assert_eq!(
            client.send("POST", &path, &[], answer.as_bytes()).status,
            202
        );
    }
}

fn lambda(environment: &[(&str, &str)], timeout: Duration) -> (Lambda, Arc<Mutex<Vec<String>>>) {
    let notices = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&notices);
    let lambda = Lambda::start(LambdaOptions {
        program: std::env::current_exe().unwrap(),
        arguments: ["--ignored", "--exact", "function", "--nocapture"]
            .map(Into::into)
            .into(),
        environment: environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        runtime_api: RuntimeApiOptions {
            timeout,
            observer: Some(Box::new(move |notice| {
                seen.lock().unwrap().push(notice.to_string());
            })),
            ..RuntimeApiOptions::default()
        },
        on_line: Box::new(|_| {}),
    });
    (lambda.unwrap(), notices)
}

/// The process id of the function that answered.
fn process_id(outcome: Outcome) -> u32 {
    let Outcome::Response(answer) = outcome else {
        panic!("expected an answer, got {outcome:?}")
    };
    String::from_utf8(answer).unwrap().parse().unwrap()
}

fn error_message(outcome: Outcome) -> String {
    let Outcome::Error(report) = outcome else {
        panic!("expected an error, got {outcome:?}")
    };
    assert_eq!(report.error_type.as_deref(), Some("Runtime.ExitError"));
    report.message().unwrap()
}

#[test]
fn the_environment_is_what_it_is_given() {
    let environment = local::setup::lambda_environment("127.0.0.1:1", "http://127.0.0.1:2");
    let function = Function::spawn("env", &[], &environment).unwrap();
    assert!(function.wait().success());
    let lines: BTreeMap<String, String> = function
        .log_lines()
        .iter()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    assert_eq!(lines, environment);
    for name in [
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_SESSION_TOKEN",
        "PRIVATE_BUCKET_NAME",
        "PATH",
    ] {
        assert!(lines.contains_key(name), "{name}");
    }
    assert!(!lines.contains_key("HOME") && !lines.contains_key("CARGO_MANIFEST_DIR"));
}

#[test]
fn what_it_logs_can_be_read_while_it_runs() {
    let path = std::env::var("PATH").unwrap();
    let environment = [("PATH".to_owned(), path)].into();
    let script = "echo to stdout; echo to stderr >&2; exec sleep 1000";
    let function = Function::spawn("/bin/sh", &["-c", script], &environment).unwrap();
    for stream in ["stdout", "stderr"] {
        let line = function.wait_for_log_line(PATIENCE, |line| line.ends_with(stream));
        assert_eq!(line, Some(format!("to {stream}")));
    }
    assert!(function.is_running());
    function.kill();
    let status = function.wait();
    assert_eq!(
        std::os::unix::process::ExitStatusExt::signal(&status),
        Some(9),
        "{status}"
    );
    assert!(!function.is_running());
    assert_eq!(function.log_lines().len(), 2);
    assert_eq!(
        function.wait_for_log_line(PATIENCE, |line| line == "never"),
        None
    );
    function.kill();
}

#[test]
fn a_program_that_does_not_exist() {
    let missing = Function::spawn("/no/such/program", &[], &BTreeMap::new())
        .map(|_| ())
        .unwrap_err();
    assert_eq!(missing.kind(), std::io::ErrorKind::NotFound);
}

#[test]
fn one_process_serves_many_events_and_ends_with_lambda() {
    let (lambda, notices) = lambda(&[], PATIENCE);
    let id = process_id(lambda.invoke(b"1"));
    assert_eq!(process_id(lambda.invoke(b"2")), id);
    assert_eq!(lambda.process_id(), Some(id));
    drop(lambda);
    let signalled = std::process::Command::new("kill")
        .args(["-0", &id.to_string()])
        .output();
    assert!(
        !signalled.unwrap().status.success(),
        "there is no such process any more"
    );
    assert_eq!(*notices.lock().unwrap(), Vec::<String>::new());
}

#[test]
fn an_end_fails_the_event_and_the_next_event_starts_anew() {
    let (lambda, _) = lambda(&[], PATIENCE);
    let first = process_id(lambda.invoke(b"1"));
    let message = error_message(lambda.invoke(b"\"exit\""));
    assert_eq!(message, "Runtime exited with error: exit status: 3");
    let second = process_id(lambda.invoke(b"2"));
    assert_ne!(second, first);

    // Queued behind the one that ends the process: they get a new one, too.
    let invoker = lambda.invoker();
    let submit = |event: &[u8]| invoker.submit(Delivery::default(), event.to_vec());
    let (last, one, two) = (submit(b"\"exit\""), submit(b"1"), submit(b"2"));
    error_message(last.blocking_recv().unwrap());
    let third = process_id(one.blocking_recv().unwrap());
    assert_ne!(third, second);
    assert_eq!(process_id(two.blocking_recv().unwrap()), third);
}

#[test]
fn a_function_that_is_late_is_ended() {
    let (lambda, notices) = lambda(&[], PATIENCE);
    let first = process_id(lambda.invoke(b"1"));
    let hang = Delivery {
        request_id: Some("slow".to_owned()),
        timeout: Some(Duration::from_millis(1)),
        ..Delivery::default()
    };
    let outcome = lambda
        .invoker()
        .submit(hang, b"\"hang\"".to_vec())
        .blocking_recv()
        .unwrap();
    assert_eq!(outcome, Outcome::TimedOut);
    assert_ne!(process_id(lambda.invoke(b"2")), first);
    assert_eq!(*notices.lock().unwrap(), ["invocation slow timed out"]);
}

#[test]
fn a_function_that_cannot_start_fails_the_event() {
    let (lambda, _) = lambda(&[("FAIL_INIT", "yes")], PATIENCE);
    for _ in 0..2 {
        let message = error_message(lambda.invoke(b"1"));
        assert_eq!(message, "Runtime exited with error: exit status: 7");
    }
}

#[test]
fn a_function_that_takes_no_event_is_not_started_for_ever() {
    let marker = place("function-idle");
    let _ = std::fs::remove_file(&marker);
    let (lambda, _) = lambda(&[("FAIL_IDLE", marker.to_str().unwrap())], PATIENCE);
    let outcome = lambda.invoke(b"1");
    assert_eq!(
        error_message(outcome),
        "Runtime exited with error: exit status: 8"
    );
    assert!(marker.exists(), "the function got as far as it should");
    std::fs::remove_file(marker).unwrap();
}

#[test]
fn a_killed_function_comes_back() {
    let (lambda, _) = lambda(&[], PATIENCE);
    let url = FunctionUrl::start(0, lambda.invoker()).unwrap();
    let mut client = Client::connect(&url.url());
    let mut ids = Vec::new();
    for _ in 0..5 {
        let answer = client.send("POST", "/", &[], b"1");
        assert_eq!(answer.status, 200, "{}", answer.text());
        ids.push(answer.text().to_owned());
        lambda.kill();
    }
    ids.dedup();
    assert_eq!(ids.len(), 5, "a new process each time");
}
