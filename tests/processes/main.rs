//! Eight real `bootstrap` processes change one club while everything fails.
//!
//! Proxies cut, truncate and delay, the S3 server throws in 503s, and the processes are killed with SIGKILL at random
//! and started again. In the end nothing is lost, nothing was applied twice, and the public object is the projection.
//!
//! 1,000 changes; `DOJANG_CHANGES=10000 cargo test --release --test processes -- --nocapture` makes more.

#[path = "../machine/mod.rs"]
mod machine;
mod pace;
mod proxy;
mod random;
mod rush;
mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use dojang::club::projection::public_json;
use dojang::club::stored::read_club;
use local::setup::{PRIVATE_BUCKET, PUBLIC_BUCKET, TEST_SECRET};
use local::{Fault, FaultAnswer, S3Options, S3Server};
use pace::Pace;
use random::Random;
use serde_json::{Value, json};
use worker::{Expected, Tally, Worker};

#[test]
fn nothing_is_lost_and_nothing_is_applied_twice() {
    if is_skipped() {
        return;
    }
    let changes = variable("DOJANG_CHANGES", 1_000);
    let seed = variable("DOJANG_SEED", 20_261_123);
    let s3 = S3Server::start(S3Options::default()).expect("a loopback port is free");
    Worker::new(0, &s3, seed).expect_ok(&json!({"action": "any_reset_test_setup",
        "test_secret": TEST_SECRET}));
    s3.set_fault(Some(Box::new(busy_s3(seed))));

    let pace = Pace::default();
    let (expected, tally) = thread::scope(|scope| {
        let running: Vec<_> = (0..PROCESSES)
            .map(|n| {
                let worker = Worker::new(n + 1, &s3, seed + n + 1);
                let pace = &pace;
                scope.spawn(move || worker.make_changes(changes.div_ceil(PROCESSES), pace))
            })
            .collect();
        running
            .into_iter()
            .map(|handle| handle.join().expect("no worker failed"))
            .fold(
                (Expected::default(), Tally::default()),
                |(mut expected, mut tally), (more, counts)| {
                    expected.extend(more);
                    tally.add(&counts);
                    (expected, tally)
                },
            )
    });
    s3.set_fault(None);
    println!("seed {seed}: {tally:?}");

    // One more request, which has to bring the public object in line if a killed process did not.
    Worker::new(99, &s3, seed).expect_ok(&json!({"action": "any_trigger_initialization"}));
    let stored = s3
        .object(PRIVATE_BUCKET, "data.json")
        .expect("the club exists");
    let club: Value = serde_json::from_slice(&stored.bytes).expect("it is JSON");
    let found: Expected = club["sessions"]
        .as_object()
        .expect("sessions is an object")
        .values()
        .filter(|session| {
            session["comment"]
                .as_str()
                .is_some_and(|c| c.starts_with("worker "))
        })
        .map(|s| {
            (
                s["session_id"].as_str().expect("an id").to_owned(),
                s["comment"].clone(),
            )
        })
        .collect();
    let lost = expected
        .iter()
        .filter(|(id, _)| !found.contains_key(*id))
        .count();
    let risen = found
        .keys()
        .filter(|id| !expected.contains_key(*id))
        .count();
    assert_eq!(
        (lost, risen),
        (0, 0),
        "lost, and risen again by a second application"
    );
    assert_eq!(found, expected);
    let public = s3
        .object(PUBLIC_BUCKET, "data.json")
        .expect("the public club exists");
    let projection = public_json(&read_club(&stored.bytes).expect("the club can be read"));
    assert_eq!(public.bytes.trim_ascii_end(), projection);
    assert!(tally.changes >= changes);
    assert!(
        tally.kills > 0 && tally.retries > 0,
        "the test was too kind: {tally:?}"
    );
}

/// Whether so few files may be open that the processes with their servers and proxies do not fit; says so.
fn is_skipped() -> bool {
    let max = machine::open_files_max();
    let too_few = max.filter(|&max| max < FILES);
    if let Some(max) = too_few {
        eprintln!(
            "skipped: this test has up to {FILES} files open, and {max} are permitted (ulimit -n)"
        );
    }
    too_few.is_some()
}

/// Now and then a 503, before or after the request took effect, and a cut connection after it did.
fn busy_s3(seed: u64) -> impl Fn(&local::RequestHead) -> Option<Fault> + Send + Sync {
    let count = Arc::new(AtomicU64::new(0));
    move |_| {
        let mut random = Random(
            seed ^ count
                .fetch_add(1, Ordering::Relaxed)
                .wrapping_mul(0x9e37_79b9),
        );
        random.below(7);
        match random.below(100) {
            0 | 1 => Some(Fault::Answer(FaultAnswer::slow_down())),
            2 => Some(Fault::ApplyThenAnswer(FaultAnswer::s3_error(
                500,
                "InternalError",
                "try again",
            ))),
            3 => Some(Fault::ApplyThenDrop),
            4 => Some(Fault::Drop),
            _ => None,
        }
    }
}

fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|value| value.parse().ok())
        .unwrap_or(default)
}

const PROCESSES: u64 = 8;
const FILES: usize = 1_024;
