//! A process and its client.
//!
//! The client makes changes and repeats each until it is answered, and now and then once more after that.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::thread;

use dojang::club::demo;
use local::setup::{TEST_SECRET, lambda_environment};
use local::{Lambda, LambdaOptions, Outcome, RuntimeApiOptions, S3Server};
use serde_json::{Value, json};

use crate::pace::Pace;
use crate::proxy;
use crate::random::Random;

/// The sessions that must be there in the end, by id, with their comments.
pub(crate) type Expected = BTreeMap<String, Value>;

/// What happened.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) changes: u64,
    pub(crate) retries: u64,
    pub(crate) repeats: u64,
    pub(crate) kills: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: &Self) {
        self.changes += other.changes;
        self.retries += other.retries;
        self.repeats += other.repeats;
        self.kills += other.kills;
    }
}

/// A `bootstrap` process behind a proxy of its own.
pub(crate) struct Worker {
    number: u64,
    lambda: Arc<Lambda>,
    random: Random,
    expected: Expected,
    tally: Tally,
    kills: Arc<AtomicU64>,
}

impl Worker {
    pub(crate) fn new(number: u64, s3: &S3Server, seed: u64) -> Self {
        let upstream = s3.endpoint().trim_start_matches("http://").to_owned();
        let (killer, orders) = channel();
        let endpoint = proxy::start(upstream, seed, killer);
        let options = LambdaOptions {
            program: env!("CARGO_BIN_EXE_bootstrap").into(),
            arguments: Vec::new(),
            environment: lambda_environment("", &endpoint),
            runtime_api: RuntimeApiOptions::default(),
            on_line: Box::new(|_| {}),
        };
        let lambda = Arc::new(Lambda::start(options).expect("bootstrap starts"));
        let kills = Arc::new(AtomicU64::new(0));
        let (victim, count) = (Arc::downgrade(&lambda), Arc::clone(&kills));
        thread::spawn(move || {
            while orders.recv().is_ok() {
                let Some(lambda) = victim.upgrade() else {
                    return;
                };
                lambda.kill();
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        let (expected, tally) = (Expected::default(), Tally::default());
        Self {
            number,
            lambda,
            random: Random(seed),
            expected,
            tally,
            kills,
        }
    }

    /// Makes a request until it is answered with 200.
    pub(crate) fn expect_ok(mut self, request: &Value) {
        let (status, body) = self.call(request);
        assert_eq!(status, 200, "{body}");
    }

    /// Makes so many changes.
    pub(crate) fn make_changes(mut self, changes: u64, pace: &Pace) -> (Expected, Tally) {
        let mut earlier: Vec<(usize, Value, Value)> = Vec::new();
        while self.tally.changes < changes {
            let request = self.next_change();
            let number = pace.begin(self.number);
            let (status, answer) = self.call(&request);
            pace.end(self.number);
            assert_eq!(status, 200, "{answer} to {request}");
            self.note(&request, &answer);
            earlier.push((number, request, answer));
            self.tally.changes += 1;
            // Somebody repeats one of the last requests. It must not take effect again.
            if self.random.below(4) == 0 {
                let back = self.random.below(3) as usize;
                if let Some((number, request, before)) = earlier.iter().rev().nth(back).cloned() {
                    pace.begin(self.number);
                    if !pace.is_remembered(number) {
                        pace.end(self.number);
                        continue;
                    }
                    let (status, answer) = self.call(&request);
                    pace.end(self.number);
                    let is_answer = status == 200 && (answer == before || has_changed(&request));
                    assert!(
                        is_answer || is_gone(&request, status),
                        "{answer} to {request}"
                    );
                    self.tally.repeats += 1;
                }
            }
        }
        self.tally.kills = self.kills.load(Ordering::Relaxed);
        (self.expected, self.tally)
    }

    /// A session more, another comment, or a session less.
    fn next_change(&mut self) -> Value {
        let n = self.tally.changes;
        let comment = format!("worker {} change {n}", self.number);
        let coach = demo::user_id(TEST_SECRET, "Coach Hana");
        let some = self.random.below(self.expected.len().max(1) as u64) as usize;
        let session_id = self.expected.keys().nth(some).cloned();
        let mut request = match (session_id, self.random.below(10)) {
            (Some(session_id), 3..=5) => json!({"action": "coach_update_training_session",
                "session_id": session_id, "start_time": 1, "end_time": 2, "coach": coach,
                "comment": comment}),
            (Some(session_id), 6..=9) => json!({"action": "coach_update_training_session",
                "session_id": session_id, "session_state": "deleted"}),
            _ => json!({"action": "coach_add_training_session", "start_time": 1, "end_time": 2,
                "coach": coach, "comment": comment}),
        };
        request["auth_token"] = json!(demo::login_code(TEST_SECRET, "Coach Hana").text());
        request["operation_id"] = json!(format!("worker-{}-{n}", self.number));
        request
    }

    fn note(&mut self, request: &Value, answer: &Value) {
        match request["session_id"].as_str() {
            Some(id) if request.get("session_state").is_some() => drop(self.expected.remove(id)),
            _ => {
                let session = &answer["session"];
                let id = session["session_id"].as_str().expect("an id").to_owned();
                self.expected.insert(id, session["comment"].clone());
            }
        }
    }

    /// Sends a request, again and again while there is no answer or a 5xx.
    fn call(&mut self, request: &Value) -> (u64, Value) {
        for _ in 0..MOST_TRIES {
            let event = json!({"isBase64Encoded": false, "body": request.to_string()}).to_string();
            if let Outcome::Response(payload) = self.lambda.invoke(event.as_bytes()) {
                let answer: Value = serde_json::from_slice(&payload).expect("answers are JSON");
                let status = answer["statusCode"].as_u64().expect("a status");
                if status < 500 {
                    let body = answer["body"].as_str().expect("a body");
                    return (
                        status,
                        serde_json::from_str(body).expect("the body is JSON"),
                    );
                }
            }
            self.tally.retries += 1;
        }
        panic!("{request} was never answered");
    }
}

/// Whether the answer to a repeated request may differ from the first: it shows a session as it is now.
fn has_changed(request: &Value) -> bool {
    request["action"] == "coach_update_training_session"
}

/// Whether a repeated request may be refused: the session that it would show is gone.
fn is_gone(request: &Value, status: u64) -> bool {
    has_changed(request) && status == 400
}

const MOST_TRIES: usize = 100;
