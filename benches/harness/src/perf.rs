//! System calls and page faults of a run, by perf's tracepoints.
//!
//! perf adds about a microsecond to each, where strace adds some 20 to 60. It needs root, and a kernel with tracefs.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A recording of everything that happens on the machine.
pub(crate) struct Recording {
    perf: Child,
    path: PathBuf,
}

impl Recording {
    /// # Errors
    /// Why nothing can be recorded here.
    pub(crate) fn start(path: &Path) -> Result<Self, String> {
        let mut perf = Command::new("perf")
            .args(["record", "--quiet", "--all-cpus", "--output"])
            .arg(path)
            .args(["--event", EVENTS])
            // It records until this ends, which ends with its input; once it repeats a line, perf records.
            .args(["--", "cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("perf: {error}"))?;
        let (input, output) = (perf.stdin.as_mut(), perf.stdout.as_mut());
        let (input, output) = input.zip(output).ok_or("perf: no pipes")?;
        let is_recording = input
            .write_all(b"\n")
            .and_then(|()| output.read_exact(&mut [0]));
        if is_recording.is_err() {
            let output = perf.wait_with_output().map_err(|error| error.to_string())?;
            let said = String::from_utf8_lossy(&output.stderr);
            let first = said.lines().find(|line| !line.trim().is_empty());
            return Err(format!("perf: {}", first.unwrap_or("it ended")));
        }
        Ok(Self {
            perf,
            path: path.to_owned(),
        })
    }

    /// Ends it; what a process did, in order.
    pub(crate) fn end(mut self, pid: u32) -> Result<Vec<Call>, String> {
        drop(self.perf.stdin.take());
        let ended = self.perf.wait_with_output();
        let script = ended.and_then(|_| {
            Command::new("perf")
                .args([
                    "script",
                    "--ns",
                    "-F",
                    "pid,tid,time,event,trace",
                    "--input",
                ])
                .arg(&self.path)
                .args(["--pid", &pid.to_string()])
                .stderr(Stdio::null())
                .output()
        });
        let _ = fs::remove_file(&self.path);
        let script = script.map_err(|error| format!("perf: {error}"))?;
        Ok(calls(&String::from_utf8_lossy(&script.stdout)))
    }
}

/// One system call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Call {
    pub(crate) thread: u32,
    /// In µs since the process asked for `exec`.
    pub(crate) at: f64,
    /// Since the same thread's last call ended, or the thread's first sign of life, in µs.
    pub(crate) gap: f64,
    /// In µs; `None` for one that had not come back.
    pub(crate) took: Option<f64>,
    /// In the gap, and within the call.
    pub(crate) faults: (usize, usize),
    pub(crate) number: usize,
}

impl Call {
    /// A line for people; marked if the gap is longer than `limit` µs, or the call itself was.
    pub(crate) fn line(&self, names: &BTreeMap<usize, String>, limit: f64) -> String {
        let is_long = self.gap > limit || self.took.is_some_and(|took| took > limit);
        let name = names.get(&self.number);
        format!(
            "{} {:9.3} ms  gap {:5.0} µs {:3} faults  {:>6} µs {:3} faults  {} {}",
            if is_long { '!' } else { ' ' },
            self.at / 1e3,
            self.gap,
            self.faults.0,
            self.took
                .map_or("–".to_owned(), |took| format!("{took:.0}")),
            self.faults.1,
            self.thread,
            name.map_or_else(|| format!("system call {}", self.number), Clone::clone),
        )
    }
}

/// What is known of a thread.
#[derive(Default)]
struct Thread {
    /// When its last call ended.
    ended: Option<f64>,
    faults: usize,
    /// Number, begin, gap, faults in the gap.
    open: Option<(usize, f64, f64, usize)>,
}

/// Reads what `perf script` printed: `pid/tid seconds: event: details`. Begins with the last `exec` that was
/// asked for before the first that succeeded: what came before belongs to the harness.
fn calls(script: &str) -> Vec<Call> {
    let events: Vec<_> = script.lines().filter_map(event).collect();
    let is_exec = |details: &str| number(details).is_some_and(|number| EXECS.contains(&number));
    let came_back = events
        .iter()
        .position(|(_, _, name, details)| {
            *name == EXIT && is_exec(details) && details.ends_with("= 0")
        })
        .unwrap_or_default();
    let begun = events[..came_back]
        .iter()
        .rposition(|(_, _, name, details)| *name == ENTER && is_exec(details))
        .unwrap_or_default();
    let Some(start) = events.get(begun).map(|(_, at, ..)| *at) else {
        return Vec::new();
    };
    let mut threads: BTreeMap<u32, Thread> = BTreeMap::new();
    let mut calls = Vec::new();
    for (thread, at, name, details) in &events[begun..] {
        let at = (at - start) * 1e6;
        let known = threads.entry(*thread).or_default();
        match (*name, number(details)) {
            (ENTER, Some(number)) => {
                let gap = at - *known.ended.get_or_insert(at);
                known.open = Some((number, at, gap, std::mem::take(&mut known.faults)));
            }
            (EXIT, _) => {
                if let Some((number, begun, gap, faults)) = known.open.take() {
                    let within = std::mem::take(&mut known.faults);
                    calls.push(Call {
                        thread: *thread,
                        at: begun,
                        gap,
                        took: Some(at - begun),
                        faults: (faults, within),
                        number,
                    });
                }
                known.ended = Some(at);
            }
            (FAULT, _) => {
                known.ended.get_or_insert(at);
                known.faults += 1;
            }
            _ => {}
        }
    }
    for (thread, known) in threads {
        if let Some((number, at, gap, faults)) = known.open {
            calls.push(Call {
                thread,
                at,
                gap,
                took: None,
                faults: (faults, known.faults),
                number,
            });
        }
    }
    calls.sort_by(|a, b| a.at.total_cmp(&b.at));
    calls
}

/// Thread, seconds, name and details.
fn event(line: &str) -> Option<(u32, f64, &str, &str)> {
    let (ids, rest) = line.trim_start().split_once(' ')?;
    let (at, rest) = rest.trim_start().split_once(": ")?;
    let (name, details) = rest.trim_start().split_once(": ")?;
    let (_, thread) = ids.split_once('/')?;
    Some((thread.parse().ok()?, at.parse().ok()?, name, details.trim()))
}

/// The call's number in `NR 59 (...)` and `NR 59 = 0`.
fn number(details: &str) -> Option<usize> {
    let rest = details.strip_prefix("NR ")?;
    rest.split(' ').next()?.parse().ok()
}

/// Names of system calls by number, from the C library's headers; empty without them.
pub(crate) fn names() -> BTreeMap<usize, String> {
    let headers = HEADERS.iter().map(fs::read_to_string);
    let header = headers.into_iter().find_map(Result::ok).unwrap_or_default();
    names_in(&header)
}

fn names_in(header: &str) -> BTreeMap<usize, String> {
    let defined = header.lines().filter_map(|line| {
        let (name, number) = line.strip_prefix("#define __NR_")?.split_once(' ')?;
        Some((number.trim().parse().ok()?, name.to_owned()))
    });
    defined.collect()
}

const ENTER: &str = "raw_syscalls:sys_enter";
const EXIT: &str = "raw_syscalls:sys_exit";
const FAULT: &str = "exceptions:page_fault_user";
#[cfg(target_arch = "x86_64")]
const EVENTS: &str = "raw_syscalls:sys_enter,raw_syscalls:sys_exit,exceptions:page_fault_user";
/// Only x86 has the tracepoint for page faults.
#[cfg(not(target_arch = "x86_64"))]
const EVENTS: &str = "raw_syscalls:sys_enter,raw_syscalls:sys_exit";
/// `execve` on x86-64, and where the numbers are the common ones, as on arm64.
#[cfg(target_arch = "x86_64")]
const EXECS: [usize; 1] = [59];
#[cfg(not(target_arch = "x86_64"))]
const EXECS: [usize; 1] = [221];
#[cfg(target_arch = "x86_64")]
const HEADERS: [&str; 2] = [
    "/usr/include/x86_64-linux-gnu/asm/unistd_64.h",
    "/usr/include/asm/unistd_64.h",
];
#[cfg(not(target_arch = "x86_64"))]
const HEADERS: [&str; 1] = ["/usr/include/asm-generic/unistd.h"];

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;

    const SCRIPT: &str = "\
 7/7  15631.453000000:      raw_syscalls:sys_exit: NR 56 = 0
 7/7  15631.453100000:     raw_syscalls:sys_enter: NR 59 (7f, 1, 2, 0, 0, 0)
 7/7  15631.453600000:      raw_syscalls:sys_exit: NR 59 = 0
 7/7  15631.453610000: exceptions:page_fault_user: address=0x7f ip=0x7f error_code=0x14
 7/7  15631.453620000: exceptions:page_fault_user: address=0x7f ip=0x7f error_code=0x4
 7/7  15631.453680000:     raw_syscalls:sys_enter: NR 0 (3, 7f, 0, 0, 0, 0)
 7/8  15631.453682000: exceptions:page_fault_user: address=0x7f ip=0x7f error_code=0x4
 7/8  15631.453690000:     raw_syscalls:sys_enter: NR 202 (3, 7f, 0, 0, 0, 0)
 7/7  15631.453691000: exceptions:page_fault_user: address=0x7f ip=0x7f error_code=0x4
 7/7  15631.453700000:      raw_syscalls:sys_exit: NR 0 = 49
";

    #[test]
    fn calls_have_their_gaps_and_page_faults() {
        let calls = calls(SCRIPT);
        let brief: Vec<_> = calls
            .iter()
            .map(|call| {
                let took = call.took.map(f64::round);
                (
                    call.number,
                    call.thread,
                    call.at.round(),
                    call.gap.round(),
                    took,
                    call.faults,
                )
            })
            .collect();
        assert_eq!(
            brief,
            [
                (59, 7, 0.0, 0.0, Some(500.0), (0, 0)),
                (0, 7, 580.0, 80.0, Some(20.0), (2, 1)),
                (202, 8, 590.0, 8.0, None, (1, 0)),
            ]
        );
        let names = names_in("#define __NR_read 0\n#define __NR_futex 202\n#define X 1\n");
        assert_eq!(
            calls[1].line(&names, 50.0),
            "!     0.580 ms  gap    80 µs   2 faults      20 µs   1 faults  7 read"
        );
        assert!(calls[2].line(&names, 50.0).starts_with("      0.590 ms"));
    }
}
