//! The example `counter`: runtime and S3 without the club.

use std::thread;

use local::setup::{PRIVATE_BUCKET, lambda_environment};
use local::{Function, Outcome, RuntimeApi, RuntimeApiOptions, S3Options, S3Server};
use serde_json::Value;

use crate::harness::example;

const INSTANCES: usize = 3;
const INVOCATIONS: u64 = 20;

#[test]
fn instances_that_count_at_once_miss_nothing_and_count_nothing_twice() {
    let s3 = S3Server::start(S3Options::default()).expect("a port is free");
    let counted = thread::scope(|scope| {
        let instances: Vec<_> = (0..INSTANCES).map(|_| scope.spawn(|| count(&s3))).collect();
        let counted = instances
            .into_iter()
            .map(std::thread::ScopedJoinHandle::join);
        counted
            .flat_map(|counted| counted.expect("it counts"))
            .collect::<Vec<_>>()
    });
    let mut counted = counted;
    counted.sort_unstable();
    assert_eq!(
        counted,
        (1..=INSTANCES as u64 * INVOCATIONS).collect::<Vec<_>>()
    );
    let object = s3
        .object(PRIVATE_BUCKET, "count.json")
        .expect("it is there");
    assert_eq!(object.bytes.clone(), b"60");
}

/// What one instance counts.
fn count(s3: &S3Server) -> Vec<u64> {
    let runtime_api = RuntimeApi::start(RuntimeApiOptions::default()).expect("a port is free");
    let mut environment = lambda_environment(&runtime_api.address(), &s3.endpoint());
    environment.insert("BUCKET".into(), PRIVATE_BUCKET.into());
    let function = Function::spawn(example("counter"), &[], &environment);
    let _function = function.expect("it can be started");
    let answers = (0..INVOCATIONS).map(|_| match runtime_api.invoke(b"{}") {
        Outcome::Response(payload) => {
            let answer: Value = serde_json::from_slice(&payload).expect("answers are JSON");
            answer["count"].as_u64().expect("a number")
        }
        other => panic!("expected an answer, found {other:?}"),
    });
    answers.collect()
}
