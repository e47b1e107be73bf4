//! Drives and measures the variants of `benches/variants`: what `cargo bench --bench cold_start` runs.
//!
//! * `options`, `parts`: what is asked for, and the order of runs
//! * `variants`, `size`: what is measured, how it is built, how large it is
//! * `run`: one fresh process between fresh servers; `process`, `cgroup` below it
//! * `http`, `runtime_api`, `s3`, `tls`: the servers; `verify`: checks afterwards what they were sent
//! * `timeline`, `perf`: where the time of one cold write goes
//! * `as_aws`: two hosts, far away; `club`: data and events
//! * `lambda_report`, `aws`: the same from real Lambdas, for `benches/aws/run`
//! * `stats`, `table`, `targets`, `as_aws_shown`, `round_trips`, `markdown`, `chart`, `report`: what is made of the samples
//!
//! `benches/README.md` says what is measured, and how.

mod as_aws;
mod as_aws_shown;
mod aws;
pub mod budgets;
mod cgroup;
mod chart;
mod club;
mod http;
mod lambda_report;
mod machine;
mod markdown;
mod options;
mod parts;
mod perf;
mod process;
mod report;
mod round_trips;
mod run;
mod runtime_api;
mod s3;
mod size;
mod stats;
mod table;
mod targets;
mod timeline;
mod tls;
mod variants;
mod verify;

use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use cgroup::Cgroup;
use http::Delays;
use options::Options;
use run::Bench;
use tls::Chain;
use variants::{OURS, Places, SPECS, Variant};
use verify::Checker;

/// Runs the benchmark as the command line asks; `root` is the repository's folder.
pub fn main(root: &Path) -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).peekable();
    if arguments
        .next_if(|argument| argument == process::LAUNCH)
        .is_some()
    {
        return process::launch(arguments);
    }
    let arguments = arguments.map(|argument| argument.to_string_lossy().into_owned());
    // `--bench` is cargo's.
    let arguments: Vec<String> = arguments.filter(|argument| argument != "--bench").collect();
    if let [first, rest @ ..] = &arguments[..]
        && first == "aws"
    {
        return exit(aws::run(root, rest));
    }
    if let [first, rest @ ..] = &arguments[..]
        && first == "budgets"
    {
        return exit(budgets::check(root, rest.first().map(Path::new)));
    }
    exit(match options::parse(arguments) {
        Ok(None) => {
            print!("{}", options::HELP);
            Ok(())
        }
        Ok(Some(options)) => bench(root, &options),
        Err(error) => Err(error),
    })
}

fn exit(ran: Result<(), String>) -> ExitCode {
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn bench(root: &Path, options: &Options) -> Result<(), String> {
    let places = Places {
        root: root.to_owned(),
        bench: root.join("target/bench"),
        ours: options.ours.clone(),
        may_build: options.may_build,
    };
    std::fs::create_dir_all(&places.bench).map_err(|error| error.to_string())?;
    let (variants, missing) = build(&places, options)?;
    let chain = match options.tls {
        true => Some(Chain::new(&places.bench).map_err(|error| format!("certificates: {error}"))?),
        false => None,
    };
    let bench = Bench {
        chain,
        delays: Delays::round_trips(options.round_trip),
        directory: places.bench.clone(),
        runs_as_aws: AtomicU32::new(0),
        checker: Checker::new().map_err(|error| error.to_string())?,
        group: Cgroup::new(),
    };
    let results = parts::run(&bench, options, &variants, missing)?;
    report::write(&places, options, &results)
}

/// The variants asked for, and those that cannot be had with the reason.
fn build(places: &Places, options: &Options) -> Result<(Vec<Variant>, Vec<Missing>), String> {
    for name in &options.variants {
        if !SPECS.iter().any(|spec| spec.name == name) {
            let names: Vec<_> = SPECS.iter().map(|spec| spec.name).collect();
            return Err(format!("no variant {name}; there are {}", names.join(", ")));
        }
    }
    let (mut variants, mut missing) = (Vec::new(), Vec::new());
    for spec in SPECS {
        let is_wanted =
            options.variants.is_empty() || options.variants.iter().any(|name| name == spec.name);
        // Ours is always there: everything is compared with it, and it makes the objects to begin with.
        if !is_wanted && spec.name != OURS {
            continue;
        }
        eprintln!("building {}", spec.name);
        match spec.build(places) {
            Ok(variant) => variants.push(variant),
            Err(error) if spec.name == OURS => return Err(error),
            Err(reason) => {
                eprintln!("{}: left out: {reason}", spec.name);
                missing.push(Missing {
                    name: spec.name,
                    reason,
                });
            }
        }
    }
    Ok((variants, missing))
}

/// A variant that could not be measured.
#[derive(Clone, Debug)]
struct Missing {
    name: &'static str,
    reason: String,
}

/// How long people wait for a line of progress.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);
