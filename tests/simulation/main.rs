//! The proof of the data protocol's promises, in virtual time.
//!
//! Many instances of the real store and rules run on a simulated S3, with everything that can go wrong. A run depends
//! on its seed alone. A failing run prints it, and `DOJANG_SEED=… DOJANG_FOREIGN=… cargo test --test simulation
//! one_seed -- --nocapture` plays it again.

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

/// Half of 20,000 changes; `DOJANG_CHANGES` asks for another number in all (CI: 100,000).
#[test]
fn the_promises_are_kept() {
    keep_the_promises((1..).step_by(2));
}

/// The other half, beside it.
#[test]
fn the_promises_are_kept_by_other_seeds() {
    keep_the_promises((2..).step_by(2));
}

/// With what puts history entries at risk.
#[test]
fn attendance_is_kept() {
    let mut total = Statistics::default();
    for seed in 1..=variable("DOJANG_SEEDS").unwrap_or(60) {
        let setting = with_much_attendance(setting(seed));
        total.add(&run(&setting, true).unwrap_or_else(|violation| panic!("{violation}")));
    }
    println!("{total:?}");
}

fn keep_the_promises(seeds: impl Iterator<Item = u64>) {
    let wanted = variable("DOJANG_CHANGES").unwrap_or(20_000) / 2;
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
    for seed in 1..=variable("DOJANG_SEEDS").unwrap_or(150) {
        let setting = Setting {
            foreign: FOREIGN,
            ..setting(seed)
        };
        total.add(&run(&setting, false).unwrap_or_else(|violation| panic!("{violation}")));
    }
    println!("{total:?}");
}

/// Each protection switched off in turn is noticed: so the checker above would notice its lack.
macro_rules! needed {
    ($adapt:ident, $how:literal: $($protection:ident),* $(,)?) => {$(
        #[test]
        fn $protection() {
            let protections = Protections { $protection: false, ..Protections::default() };
            is_noticed(stringify!($protection), protections, $adapt, $how);
        }
    )*};
}

mod needed {
    use super::*;

    needed!(
        as_they_come, "": commit_condition,
        look_after_lost_answer,
        look_for_own_operation,
        publish_condition,
        confirm_cached_copies,
        earlier_copies_are_unconfirmed,
        repair_at_load,
        history_before_club,
    );
    needed!(as_they_come, "took effect as": one_operation_for_all_attempts);
    needed!(with_foreign_writes, "went back": publish_new_bytes);
    needed!(with_foreign_writes, "and again as": heed_lost_lists);
    needed!(with_much_attendance, "vanished": entries_name_their_run);

    /// With a violation that holds `how`.
    fn is_noticed(name: &str, protections: Protections, adapt: fn(Setting) -> Setting, how: &str) {
        let mut changes = 0;
        for seed in 1..=MOST_SEEDS {
            let setting = adapt(Setting {
                protections,
                ..setting(seed)
            });
            match run(&setting, setting.foreign == 0) {
                Ok(statistics) => changes += statistics.changes,
                Err(violation) if !violation.contains(how) => {}
                Err(violation) => {
                    let text: String = violation.chars().take(160).collect();
                    println!("{name}: noticed after {changes} changes: {text}");
                    return;
                }
            }
        }
        panic!("{name} is not needed for {changes} changes");
    }

    fn as_they_come(setting: Setting) -> Setting {
        setting
    }

    fn with_foreign_writes(setting: Setting) -> Setting {
        Setting {
            foreign: 2 * FOREIGN,
            ..setting
        }
    }

    const MOST_SEEDS: u64 = 300;
}

/// Requests that take attendance of few sessions, often twice at once, on an S3 that is often busy.
fn with_much_attendance(setting: Setting) -> Setting {
    let faults = Faults {
        slow_down: 150,
        kill: 0,
        ..setting.faults
    };
    Setting {
        attendance: 75,
        twice: 500,
        faults,
        ..setting
    }
}

#[test]
fn one_seed() {
    if let Some(seed) = variable("DOJANG_SEED") {
        let foreign = variable("DOJANG_FOREIGN").unwrap_or(0);
        let setting = Setting {
            foreign,
            ..setting(seed)
        };
        println!("{:?}", run(&setting, foreign == 0));
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
    check(&play(setting), is_strict).map_err(|violation| {
        format!(
            "seed {}, foreign {}: {violation}",
            setting.seed, setting.foreign
        )
    })
}

/// A run that is different for each seed, also in how much goes wrong.
fn setting(seed: u64) -> Setting {
    let scale = [1, 1, 3, 8][usize::try_from(seed % 4).expect("it is small")];
    Setting {
        seed,
        instances: usize::try_from(2 + seed % 7).expect("it is small"),
        requests: 60,
        threads: if seed.is_multiple_of(3) { 2 } else { 1 },
        is_empty: seed % 8 == 3,
        faults: Faults {
            cut_before: 4 * scale,
            cut_after: 6 * scale,
            late: 5 * scale,
            error: 4 * scale,
            slow_down: 4 * scale,
            conflict: 3 * scale,
            kill: 3 * scale,
            stall: if seed % 4 == 2 { 4 } else { 0 },
            clock_jump: if seed % 6 == 1 { 20 } else { 0 },
            // Longer than a deadline: what was begun must end in a fault that tells the truth.
            outage: if seed.is_multiple_of(5) {
                (1_500_000, 13_000_000)
            } else {
                (0, 0)
            },
        },
        protections: Protections::default(),
        attendance: 0,
        twice: 60,
        foreign: 0,
    }
}

/// In so many of 1,000 requests somebody else writes.
const FOREIGN: u64 = 30;

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}
