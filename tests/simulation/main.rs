//! The proof of the data protocol's promises: the real store and rules, many instances of them, on a simulated
//! S3 in virtual time, with everything that can go wrong. A run depends on its seed alone; a failing one
//! prints it, and `DOJANG_SEED=… cargo test --test simulation one_seed -- --nocapture` plays it again.

mod checker;
mod instance;
mod random;
mod rush;
mod s3;
mod scheduler;
mod workload;

use std::sync::Once;
use std::time::Instant;

use checker::{Statistics, check};
use dojang::store::protections::Protections;
use instance::{Setting, play};
use s3::{Faults, Killed};

/// Half of 100,000 changes; `DOJANG_CHANGES` asks for another number in all.
#[test]
fn the_promises_are_kept() {
    keep_the_promises((1..).step_by(2));
}

/// The other half, beside it.
#[test]
fn the_promises_are_kept_by_other_seeds() {
    keep_the_promises((2..).step_by(2));
}

fn keep_the_promises(seeds: impl Iterator<Item = u64>) {
    let wanted = variable("DOJANG_CHANGES").unwrap_or(100_000) / 2;
    let begun = Instant::now();
    let mut total = Statistics::default();
    let mut runs = 0;
    for seed in seeds {
        let statistics =
            run(&setting(seed), true).unwrap_or_else(|violation| panic!("{violation}"));
        total.add(&statistics);
        runs += 1;
        if total.changes as u64 >= wanted {
            break;
        }
    }
    let rate = total.changes as f64 / begun.elapsed().as_secs_f64();
    println!("{runs} seeds: {total:?}; {rate:.0} changes a second");
    for count in [
        total.answers,
        total.refusals,
        total.faults,
        total.kills,
        total.repeats,
    ] {
        assert!(
            count > total.changes / 2_000,
            "the simulation was too kind: {total:?}"
        );
    }
}

/// Where others write too, who know nothing of conditions: no crash, no change applied twice between two of
/// their writes, and the public club follows.
#[test]
fn foreign_writes_and_restored_versions_are_followed() {
    let mut total = Statistics::default();
    for seed in 1..=60 {
        let setting = Setting {
            foreign: 30,
            ..setting(seed)
        };
        total.add(&run(&setting, false).unwrap_or_else(|violation| panic!("{violation}")));
    }
    println!("{total:?}");
}

/// Each protection switched off in turn is noticed: so the checker above would notice its lack.
macro_rules! needed {
    ($($protection:ident),* $(,)?) => {$(
        #[test]
        fn $protection() {
            let protections = Protections { $protection: false, ..Protections::default() };
            let mut changes = 0;
            for seed in 1..=MOST_SEEDS {
                match run(&Setting { protections, ..setting(seed) }, true) {
                    Ok(statistics) => changes += statistics.changes,
                    Err(violation) => {
                        let text: String = violation.chars().take(160).collect();
                        println!("{}: noticed after {changes} changes: {text}", stringify!($protection));
                        return;
                    }
                }
            }
            panic!("{} is not needed for {changes} changes", stringify!($protection));
        }
    )*};
}

mod needed {
    use super::*;

    needed!(
        commit_condition,
        look_after_lost_answer,
        look_for_own_operation,
        publish_condition,
        one_operation_for_all_attempts,
        confirm_cached_copies,
        earlier_copies_are_unconfirmed,
        repair_at_load,
        history_before_club,
    );

    const MOST_SEEDS: u64 = 60;
}

#[test]
fn one_seed() {
    if let Some(seed) = variable("DOJANG_SEED") {
        println!("{:?}", run(&setting(seed), true));
    }
}

fn run(setting: &Setting, is_strict: bool) -> Result<Statistics, String> {
    static SILENCE: Once = Once::new();
    // Killing an instance is no news.
    SILENCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !info.payload().is::<Killed>() {
                before(info);
            }
        }));
    });
    check(&play(setting), is_strict)
        .map_err(|violation| format!("seed {}: {violation}", setting.seed))
}

/// A run that is different for each seed, also in how much goes wrong.
fn setting(seed: u64) -> Setting {
    let scale = [1, 1, 3, 8][usize::try_from(seed % 4).expect("it is small")];
    Setting {
        seed,
        instances: usize::try_from(2 + seed % 7).expect("it is small"),
        requests: 60,
        faults: Faults {
            cut_before: 4 * scale,
            cut_after: 6 * scale,
            late: 5 * scale,
            error: 4 * scale,
            slow_down: 4 * scale,
            conflict: 3 * scale,
            kill: 3 * scale,
            // Longer than a deadline: what was begun must end in a fault that tells the truth.
            outage: if seed.is_multiple_of(5) {
                (1_500_000, 13_000_000)
            } else {
                (0, 0)
            },
        },
        protections: Protections::default(),
        foreign: 0,
    }
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}
