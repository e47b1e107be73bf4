//! The proof of the data protocol's promises: the real store and rules, many instances of them, on a simulated
//! S3 in virtual time, with everything that can go wrong. A run depends on its seed alone; a failing one
//! prints it, and `DOJANG_SEED=… cargo test --test simulation one_seed -- --nocapture` plays it again.

mod checker;
mod instance;
mod random;
mod s3;
mod scheduler;
mod workload;

use std::sync::Once;
use std::time::Instant;

use checker::{Statistics, check};
use dojang::store::protections::Protections;
use instance::{Setting, play};
use s3::{Faults, Killed};

/// `DOJANG_CHANGES` says how many; more than the 100,000 of an ordinary run take their time.
#[test]
fn the_promises_are_kept() {
    let wanted = variable("DOJANG_CHANGES").unwrap_or(20_000);
    let begun = Instant::now();
    let mut total = Statistics::default();
    let mut seed = 1;
    while (total.changes as u64) < wanted {
        let statistics =
            run(&setting(seed), true).unwrap_or_else(|violation| panic!("{violation}"));
        total.changes += statistics.changes;
        total.answers += statistics.answers;
        total.refusals += statistics.refusals;
        total.faults += statistics.faults;
        total.kills += statistics.kills;
        total.repeats += statistics.repeats;
        seed += 1;
    }
    let rate = total.changes as f64 / begun.elapsed().as_secs_f64();
    println!(
        "seeds 1 to {}: {total:?}; {rate:.0} changes a second",
        seed - 1
    );
    for count in [
        total.answers,
        total.refusals,
        total.faults,
        total.kills,
        total.repeats,
    ] {
        assert!(count > 100, "the simulation was too kind: {total:?}");
    }
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
        },
        protections: Protections::default(),
        foreign: 0,
    }
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}
