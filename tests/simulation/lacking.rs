//! Servers that lack what the promises rest on: each instance notices before it writes anything.

use dojang::actions::{Decision, Occasion, decide};
use dojang::club::operation::{Operation, OperationKey, Secret};
use dojang::store::{State, Trust};

use crate::faults::Fault;
use crate::instance::play_on;
use crate::record::{DATA, Outcome, PRIVATE, PROBE, Record};
use crate::s3::{Lack, S3};
use crate::setting::{Kind, Setting};
use crate::silence_kills;
use crate::workload::{self, TEST_SECRET};
use crate::world::BASE;

#[test]
fn nothing_is_lost_on_a_server_that_lacks_something() {
    silence_kills();
    for lack in [Lack::Metadata, Lack::IfMatch, Lack::IfNoneMatch] {
        let mut blamed = 0;
        for seed in 1..=SEEDS {
            let setting = Kind::AsTheyCome.setting(seed);
            let setting = Setting {
                trust: Trust::Probed,
                // Who knows nothing of conditions has no error for them.
                faults: setting.faults.with([(Fault::Conflict, 0)]),
                ..setting
            };
            let record = play_on(S3::lacking(lack), &setting);
            blamed += refusals(&record, setting.is_empty, &format!("{lack:?}, seed {seed}"));
        }
        println!("{lack:?}: {blamed} changes were refused");
        assert!(blamed > 100, "{lack:?}: {blamed}");
    }
}

/// How many requests were refused for what the server lacks, where nothing but the probe was written.
fn refusals(record: &Record, is_empty: bool, what: &str) -> usize {
    let mut written: Vec<_> = record
        .s3
        .objects()
        .into_iter()
        .map(|(_, key)| key)
        .collect();
    written.retain(|key| key != PROBE);
    if is_empty {
        assert!(written.is_empty(), "{what}: {written:?}");
    } else {
        assert_eq!(written, [DATA], "{what}");
        assert_eq!(record.s3.chain(PRIVATE, DATA).len(), 1, "{what}");
    }
    let club = workload::initial_club(BASE);
    let mut blamed = 0;
    for (key, operation) in &record.operations {
        for invocation in &operation.invocations {
            match &invocation.outcome {
                Outcome::BadServer(State::NothingChanged) => blamed += 1,
                Outcome::Fault(State::NothingChanged) | Outcome::Refused(_) | Outcome::Killed => {}
                Outcome::Answer(_) => {
                    let occasion = occasion(*key, invocation.now);
                    let decided = decide(&club, operation.data(), &occasion);
                    assert!(
                        !is_empty && !matches!(decided, Ok(Decision::Change(_))),
                        "{what}: {operation:?} was acknowledged"
                    );
                }
                other => panic!("{what}: {other:?} of {operation:?}"),
            }
        }
    }
    blamed
}

fn occasion(key: OperationKey, now: i64) -> Occasion<'static> {
    Occasion {
        now,
        operation: Operation {
            key,
            secret: Secret([7; Secret::BYTES]),
        },
        test_secret: Some(TEST_SECRET),
    }
}

const SEEDS: u64 = 12;
