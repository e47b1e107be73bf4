//! End-to-end tests: the real `bootstrap` executable as a child process.
//!
//! It runs between the Runtime API emulator and the signature-checking S3 server of crate `local`, over sockets.
//!
//! Runs every case, prints how many there were by action and role, and fails if one failed. An argument
//! runs only the cases whose name contains it, and `--skip NAME` none of those; `--test-threads=N` runs so many at once.
//! `DOJANG_S3_REQUESTS` names a file for the kinds of requests that the function made to S3, for the test of its role in
//! `tests/more/deployment`.

mod attendance;
mod bad_start;
mod concurrency;
mod events;
mod existing_club;
mod expectations;
mod faults;
mod first_start;
mod function_url;
mod history;
mod instances;
mod limits;
mod logs;
mod lost_lists;
#[path = "../machine/mod.rs"]
mod machine;
mod memory;
mod names;
mod odd_s3;
mod participation;
mod permissions;
mod prefetch;
mod preflight;
mod refusals;
mod repetition;
mod requests;
mod reset;
mod restart;
mod restored;
mod s3_answers;
mod scripted_s3;
mod sessions;
#[path = "../s3_client/sockets.rs"]
mod sockets;
mod support;
mod surrogates;
mod tls;
mod two_buckets;
mod users;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use local::setup::{PRIVATE_BUCKET, PUBLIC_BUCKET};
use serde_json::{Value, json};

use support::{Case, Counts, at_once};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    let after = |option: &'static str| {
        let pairs = arguments.windows(2);
        pairs
            .filter(move |pair| pair[0] == option)
            .map(|pair| &*pair[1])
    };
    let skipped: Vec<&str> = after("--skip").collect();
    let values: Vec<&str> = after("--test-threads").chain(after("--skip")).collect();
    let filters: Vec<&str> = arguments
        .iter()
        .map(|argument| &**argument)
        .filter(|argument| !argument.starts_with('-') && !values.contains(argument))
        .collect();
    let is_named = |case: &Case, names: &[&str]| names.iter().any(|name| case.name.contains(name));
    let cases: Vec<Case> = all_cases()
        .into_iter()
        .filter(|case| filters.is_empty() || is_named(case, &filters))
        .filter(|case| !is_named(case, &skipped))
        .collect();
    let (counts, failed) = run(&cases, at_once(test_threads().unwrap_or(WORKERS)));
    print_counts(&counts);
    if let Some(path) = std::env::var_os("DOJANG_S3_REQUESTS") {
        std::fs::write(path, s3_requests(&counts)).expect("DOJANG_S3_REQUESTS can be written");
    }
    for name in &failed {
        println!("FAILED {name}");
    }
    println!(
        "\n{} passed, {} failed",
        cases.len() - failed.len(),
        failed.len()
    );
    if failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// The cases of all topics.
fn all_cases() -> Vec<Case> {
    [
        // These wait longest: begun last, they would keep the others' end waiting.
        memory::cases(),
        faults::cases(),
        s3_answers::cases(),
        logs::cases(),
        concurrency::cases(),
        tls::cases(),
        restart::cases(),
        // The others.
        attendance::cases(),
        bad_start::cases(),
        events::cases(),
        existing_club::cases(),
        first_start::cases(),
        function_url::cases(),
        history::cases(),
        instances::cases(),
        limits::cases(),
        lost_lists::cases(),
        names::cases(),
        odd_s3::cases(),
        participation::cases(),
        permissions::cases(),
        prefetch::cases(),
        preflight::cases(),
        refusals::cases(),
        repetition::cases(),
        requests::cases(),
        reset::cases(),
        restored::cases(),
        sessions::cases(),
        surrogates::cases(),
        two_buckets::cases(),
        users::cases(),
    ]
    .concat()
}

/// What `--test-threads=N` (or `--test-threads N`, or `RUST_TEST_THREADS`) asks for.
fn test_threads() -> Option<usize> {
    let arguments: Vec<String> = std::env::args().collect();
    let named = arguments.iter().enumerate().find_map(|(place, argument)| {
        let rest = argument.strip_prefix("--test-threads")?;
        let value = rest
            .strip_prefix('=')
            .or(arguments.get(place + 1).map(|next| &**next));
        value.map(str::to_owned)
    });
    named
        .or_else(|| std::env::var("RUST_TEST_THREADS").ok())
        .and_then(|number| number.parse().ok())
        .filter(|number| *number > 0)
}

/// Runs the cases, a few at a time: each has servers and a process of its own.
fn run(cases: &[Case], workers: usize) -> (Counts, Vec<&'static str>) {
    let next = AtomicUsize::new(0);
    let results = Mutex::new((Counts::default(), Vec::new()));
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let counts = Counts::default();
                    let result = catch_unwind(AssertUnwindSafe(|| (case.run)(&counts)));
                    let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
                    results.0.add(&counts);
                    if result.is_err() {
                        results.1.push(case.name);
                    }
                }
            });
        }
    });
    results.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// A table: actions down, roles across.
fn print_counts(counts: &Counts) {
    let counts = counts.by_action_and_role();
    let mut table = BTreeMap::<&str, BTreeMap<&str, usize>>::new();
    for ((action, role), count) in &counts {
        *table.entry(action).or_default().entry(role).or_default() += count;
    }
    println!("\nEnd-to-end requests by action and role");
    print!("{:<36}", "");
    for role in ROLES {
        print!("{role:>9}");
    }
    println!();
    for (action, row) in &table {
        print!("{action:<36}");
        for role in ROLES {
            print!("{:>9}", row.get(role).copied().unwrap_or(0));
        }
        println!();
    }
    println!("{} requests in all", counts.values().sum::<usize>());
}

/// A JSON array of what the function asked of S3. Buckets by what they are for; tests with another one are
/// about a wrong configuration.
fn s3_requests(counts: &Counts) -> String {
    let agent = concat!("dojang/", env!("CARGO_PKG_VERSION"));
    let made = counts.s3_requests();
    let made: Vec<Value> = made
        .iter()
        .filter(|made| made.user_agent == agent)
        .filter_map(|made| {
            let bucket = match &*made.bucket {
                PRIVATE_BUCKET => "private",
                PUBLIC_BUCKET => "data",
                _ => return None,
            };
            Some(
                json!({"method": made.method, "bucket": bucket, "key": made.key,
                "if_match": made.if_match, "status": made.status}),
            )
        })
        .collect();
    Value::from(made).to_string()
}

const ROLES: [&str; 4] = ["Admin", "Coach", "Student", "nobody"];
/// Many wait for a deadline, so there are more of them than processors.
const WORKERS: usize = 10;
