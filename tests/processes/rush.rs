//! Ten members answer at once, each on a cold process of its own.
//!
//! S3 is 25 ms away. This is the simulation's rush on real processes.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Barrier;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use dojang::club::demo;
use local::setup::{PRIVATE_BUCKET, TEST_SECRET, lambda_environment};
use local::{Lambda, LambdaOptions, Outcome, RuntimeApiOptions, S3Options, S3Server};
use serde_json::{Value, json};

#[test]
fn ten_cold_processes_acknowledge_a_rush() {
    if crate::is_skipped() {
        return;
    }
    let s3 = S3Server::start(S3Options::default()).expect("a loopback port is free");
    let reset = json!({"action": "any_reset_test_setup", "test_secret": TEST_SECRET});
    let (status, _) = invoke(&start(&s3.endpoint()), &reset);
    assert_eq!(status, 200);
    let private = || -> Value {
        let stored = s3.object(PRIVATE_BUCKET, "data.json");
        serde_json::from_slice(&stored.expect("the club exists").bytes).expect("it is JSON")
    };
    let club = private();
    let session = club["sessions"].as_object().expect("an object").values();
    let session = session
        .filter(|session| session["state"] == "scheduled")
        .max_by_key(|session| session["start_time"].as_i64())
        .expect("there is a session to come");
    let session = session["session_id"].as_str().expect("an id");
    let members: Vec<_> = demo::MEMBERS.iter().take(PROCESSES).collect();
    assert_eq!(members.len(), PROCESSES);

    s3.clear_requests();
    let together = Barrier::new(PROCESSES);
    let times = thread::scope(|scope| {
        let running: Vec<_> = members
            .iter()
            .map(|(name, _)| {
                let upstream = s3.endpoint().trim_start_matches("http://").to_owned();
                let (together, endpoint) = (&together, slow_way(upstream));
                scope.spawn(move || {
                    let request = json!({"action": "any_register_participation",
                        "joining_sessions": {session: "Maybe"},
                        "user_auth_tokens": [demo::login_code(TEST_SECRET, name).text()]});
                    together.wait();
                    let begun = Instant::now();
                    let (status, body) = invoke(&start(&endpoint), &request);
                    assert_eq!(status, 200, "{body}");
                    begun.elapsed()
                })
            })
            .collect();
        let ended = running
            .into_iter()
            .map(|thread| thread.join().expect("it is answered"));
        ended.collect::<Vec<_>>()
    });
    let last = times.iter().max().expect("there were some");
    println!(
        "{PROCESSES} cold processes: the last one was acknowledged after {:.2} s; {} S3 requests",
        last.as_secs_f64(),
        s3.requests().len()
    );
    let answers = &private()["sessions"][session]["participation"];
    let maybes = answers.as_object().expect("an object").values();
    assert_eq!(
        maybes.filter(|answer| **answer == "Maybe").count(),
        PROCESSES
    );
}

fn start(endpoint: &str) -> Lambda {
    let options = LambdaOptions {
        program: env!("CARGO_BIN_EXE_bootstrap").into(),
        arguments: Vec::new(),
        environment: lambda_environment("", endpoint),
        runtime_api: RuntimeApiOptions::default(),
        on_line: Box::new(|_| {}),
    };
    Lambda::start(options).expect("bootstrap starts")
}

/// Within the 10 s that the function has.
fn invoke(lambda: &Lambda, request: &Value) -> (u64, Value) {
    let event = json!({"isBase64Encoded": false, "body": request.to_string()}).to_string();
    let Outcome::Response(payload) = lambda.invoke(event.as_bytes()) else {
        panic!("no answer to {request}");
    };
    let answer: Value = serde_json::from_slice(&payload).expect("answers are JSON");
    let status = answer["statusCode"].as_u64().expect("a status");
    (status, answer["body"].clone())
}

/// A proxy to `upstream` on which everything is under way for a while; its address.
fn slow_way(upstream: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port is free");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let Ok(server) = TcpStream::connect(&upstream) else {
                continue;
            };
            for stream in [&client, &server] {
                stream.set_nodelay(true).expect("it is a socket");
            }
            let clone = |stream: &TcpStream| stream.try_clone().expect("it is a socket");
            carry(clone(&client), clone(&server));
            carry(server, client);
        }
    });
    format!("http://{address}")
}

/// Hands on what comes, each piece as late as the way is long.
fn carry(mut from: TcpStream, mut to: TcpStream) {
    let (sender, receiver) = channel::<(Instant, Vec<u8>)>();
    thread::spawn(move || {
        let mut buffer = [0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let piece = (Instant::now() + ONE_WAY, buffer[..count].to_vec());
            if sender.send(piece).is_err() {
                return;
            }
        }
    });
    thread::spawn(move || {
        for (due, piece) in receiver {
            // The delay is the point here; nothing waits for it to be over.
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if to.write_all(&piece).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
}

const PROCESSES: usize = 10;
const ONE_WAY: Duration = Duration::from_micros(12_500);
