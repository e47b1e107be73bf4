//! Where the time of a cold write goes: what the servers saw, and what a tracer saw.

use crate::club::Club;
use crate::perf::{self, Recording};
use crate::process::Watched;
use crate::run::{Bench, Kind, Plan};
use crate::s3::Objects;
use crate::variants::Variant;

/// Prints both timelines of one cold write.
pub(crate) fn show(
    bench: &Bench,
    variant: &Variant,
    club: &Club,
    objects: &Objects,
) -> Result<(), String> {
    let plan = Plan {
        cold: Some(Kind::Write),
        ..Plan::default()
    };
    let mut samples = Vec::new();
    for _ in 0..RUNS {
        samples.push(bench.run(variant, club, objects, &plan)?);
    }
    samples.sort_by(|a, b| a.cold.total_cmp(&b.cold));
    let sample = &samples[RUNS / 2];
    println!(
        "{}: cold write of {:.2} ms, the median of {RUNS} runs, as the servers saw it (ms since exec, ms since \
         the line before):",
        variant.name, sample.cold
    );
    let mut before = 0.0;
    for (at, what) in &sample.timeline {
        println!("{at:8.3} {:8.3}  {what}", at - before);
        before = *at;
    }
    println!();
    let Err(reason) = by_perf(bench, variant, club, objects) else {
        return Ok(());
    };
    println!("Not by perf: {reason}");
    by_strace(bench, variant, club, objects)
}

/// Each call of the median of some runs, with its page faults.
fn by_perf(bench: &Bench, variant: &Variant, club: &Club, objects: &Objects) -> Result<(), String> {
    let plan = Plan {
        cold: Some(Kind::Write),
        ..Plan::default()
    };
    let path = std::env::temp_dir().join(format!("dojang-bench-{}.perf", std::process::id()));
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        let recording = Recording::start(&path)?;
        let sample = bench.run(variant, club, objects, &plan);
        let (cold, pid) = sample.as_ref().map_or((0.0, 0), |run| (run.cold, run.pid));
        let calls = recording.end(pid)?;
        sample?;
        runs.push((cold, calls));
    }
    runs.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let (cold, calls) = &runs[RUNS / 2];
    if calls.is_empty() {
        return Err("it recorded nothing of the process".to_owned());
    }
    let faults: usize = calls.iter().map(|call| call.faults.0 + call.faults.1).sum();
    println!(
        "Its {} system calls and {faults} page faults, by perf, in a run of {cold:.2} ms, the median of {RUNS}: time \
         since exec; since the same thread's last call; within the call. `!`: more than {GAP_US} µs.",
        calls.len()
    );
    let names = perf::names();
    for call in calls {
        println!("{}", call.line(&names, GAP_US));
    }
    Ok(())
}

/// Where there is no perf: the calls of one run, each of which takes longer.
fn by_strace(
    bench: &Bench,
    variant: &Variant,
    club: &Club,
    objects: &Objects,
) -> Result<(), String> {
    let log = std::env::temp_dir().join(format!("dojang-bench-{}.strace", std::process::id()));
    let strace = [
        "strace",
        "-f",
        "-ttt",
        "-T",
        "-s",
        "48",
        "-qq",
        "-o",
        &log.display().to_string(),
    ];
    let plan = Plan {
        cold: Some(Kind::Write),
        wrapper: strace.map(str::to_owned).into(),
        watched: Watched::ByTracer,
        ..Plan::default()
    };
    if let Err(error) = bench.run(variant, club, objects, &plan) {
        println!("\nno system calls: strace: {error}");
        return Ok(());
    }
    let trace = std::fs::read_to_string(&log).map_err(|error| error.to_string())?;
    let _ = std::fs::remove_file(&log);
    println!(
        "\nIts {} system calls under strace, which adds some 20 to 60 µs to each. `!`: more than \
         {GAP_US} µs between the end of a call and the next one of the same thread, or within a call.",
        count_syscalls(&trace)
    );
    for line in gaps(&trace) {
        println!("{line}");
    }
    Ok(())
}

/// How many system calls are in what `strace -f` wrote.
pub(crate) fn count_syscalls(trace: &str) -> usize {
    trace
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter(|(_, call)| {
            let call = call
                .trim_start()
                .trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
            !call.trim_start().starts_with(['+', '-', '<'])
        })
        .count()
}

/// Each line of `strace -f -ttt -T` with the time since the same thread's last call ended.
fn gaps(trace: &str) -> Vec<String> {
    let mut ends: Vec<(&str, f64)> = Vec::new();
    let mut first = None;
    let mut lines = Vec::new();
    for line in trace.lines() {
        let Some((thread, rest)) = line.split_once(' ') else {
            continue;
        };
        let Some((at, call)) = rest.trim_start().split_once(' ') else {
            continue;
        };
        let Ok(at) = at.parse::<f64>() else {
            continue;
        };
        let first = *first.get_or_insert(at);
        let took = call
            .rsplit_once('<')
            .and_then(|(_, took)| took.strip_suffix('>')?.parse().ok())
            .unwrap_or(0.0);
        let known = ends.iter_mut().find(|(known, _)| *known == thread);
        let gap = known.as_ref().map_or(0.0, |(_, end)| at - *end) * 1e6;
        match known {
            Some((_, end)) => *end = at + took,
            None => ends.push((thread, at + took)),
        }
        let mark = if gap > GAP_US || took * 1e6 > GAP_US {
            '!'
        } else {
            ' '
        };
        lines.push(format!(
            "{mark} {:9.3} ms  gap {gap:6.0} µs  {thread} {call}",
            (at - first) * 1e3
        ));
    }
    lines
}

const RUNS: usize = 15;
const GAP_US: f64 = 50.0;

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "\
7 100.000000 execve(\"x\", [\"x\"], 0x1 /* 2 vars */) = 0 <0.000100>
7 100.000120 brk(NULL) = 0x1 <0.000010>
8 100.000500 read(3, \"\", 5) = 0 <0.000001>
7 100.000600 futex(0x1 <unfinished ...>
7 100.000700 <... futex resumed>) = 0 <0.000090>
7 100.000800 +++ killed by SIGKILL +++
";

    #[test]
    fn calls_are_counted_once() {
        assert_eq!(count_syscalls(TRACE), 4);
    }

    #[test]
    fn gaps_are_within_a_thread() {
        let lines = gaps(TRACE);
        assert!(
            lines[0].starts_with("!     0.000 ms  gap      0 µs"),
            "{}",
            lines[0]
        );
        assert!(
            lines[1].starts_with("      0.120 ms  gap     20 µs"),
            "{}",
            lines[1]
        );
        assert!(
            lines[3].starts_with("!     0.600 ms  gap    470 µs"),
            "{}",
            lines[3]
        );
    }
}
