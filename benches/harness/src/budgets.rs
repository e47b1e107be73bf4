//! Counts that hardly vary from run to run, and what they may be at most: `benches/budgets.toml`.
//!
//! Counted is what `benches/shipped` makes; allocations, which dhat sees only where the system's allocator is used,
//! are those of the plain build. Over plain HTTP, so that no random numbers of TLS are in them, with a club of
//! 100 members unless said otherwise.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::AtomicU32;

use packaging::executable::Linkage;

use crate::club::Club;
use crate::http::Delays;
use crate::process::Watched;
use crate::run::{Bench, Kind, Plan, Sample};
use crate::s3::Objects;
use crate::timeline::count_syscalls;
use crate::variants::{HERE, OURS, PLAIN, Places, SPECS, Variant};
use crate::verify::Checker;

/// Measures all counts of `ours`, or of the shipped executable, and compares them with the budgets. Prints a
/// line for each.
///
/// # Errors
/// What cannot be measured, or which budgets were exceeded.
pub fn check(root: &Path, ours: Option<&Path>) -> Result<(), String> {
    let path = root.join("benches/budgets.toml");
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let budgets = Budgets::parse(&text)?;
    let (counts, toolchain) = measure(root, ours)?;
    let verdict = compare(&budgets, &counts, &toolchain);
    print!("{}", verdict.text);
    if verdict.exceeded.is_empty() {
        return Ok(());
    }
    Err(format!(
        "exceeded: {}. If that is meant to be, change benches/budgets.toml and say why.",
        verdict.exceeded.join(", ")
    ))
}

/// What was counted, by the budget's name.
type Counts = BTreeMap<&'static str, u64>;

struct Budgets {
    /// With what they were measured: counts of instructions and the size hold for it only.
    toolchain: String,
    budgets: Vec<Budget>,
}

struct Budget {
    name: String,
    at_most: u64,
    /// By how much the count differs from run to run and from machine to machine.
    varies_by: u64,
    why: String,
}

struct Verdict {
    text: String,
    exceeded: Vec<String>,
}

fn compare(budgets: &Budgets, counts: &Counts, toolchain: &str) -> Verdict {
    let mut verdict = Verdict {
        text: String::new(),
        exceeded: Vec::new(),
    };
    let is_comparable = budgets.toolchain == toolchain;
    if !is_comparable {
        verdict.text = format!(
            "The budgets were measured with {}, this is {toolchain}: instructions, system calls and size are \
             only shown.\n",
            budgets.toolchain
        );
    }
    for (name, &count) in counts {
        let Some(budget) = budgets.budgets.iter().find(|budget| budget.name == *name) else {
            verdict
                .text
                .push_str(&format!("no budget  {name}: {count}\n"));
            verdict.exceeded.push(format!("{name} has no budget"));
            continue;
        };
        // System calls are of the C library's making: its start-up, threads and name lookup.
        let is_compiled = [
            "instructions",
            "syscalls",
            "name_lookups",
            "executable_bytes",
        ]
        .iter()
        .any(|end| name.ends_with(end));
        let tolerance = match name.ends_with("instructions") {
            true => budget.at_most * TOLERANCE_PERCENT / 100,
            false => budget.varies_by,
        };
        let change = count as f64 / budget.at_most as f64 - 1.0;
        let state = if is_compiled && !is_comparable {
            "shown     "
        } else if count > budget.at_most + tolerance {
            verdict
                .exceeded
                .push(format!("{name} (before {}, now {count})", budget.at_most));
            "EXCEEDED  "
        } else if count + tolerance < budget.at_most {
            "below     "
        } else {
            "as before "
        };
        verdict.text.push_str(&format!(
            "{state} {name}: before {}, now {count} ({:+.2} %). {}\n",
            budget.at_most,
            change * 100.0,
            budget.why
        ));
    }
    for budget in budgets
        .budgets
        .iter()
        .filter(|budget| !counts.contains_key(&*budget.name))
    {
        verdict
            .exceeded
            .push(format!("{} was not measured", budget.name));
    }
    verdict
}

impl Budgets {
    fn parse(text: &str) -> Result<Self, String> {
        let table: toml::Table = text
            .parse()
            .map_err(|error| format!("budgets.toml: {error}"))?;
        let toolchain = table
            .get("toolchain")
            .and_then(toml::Value::as_str)
            .unwrap_or_default();
        let mut budgets = Vec::new();
        for (name, value) in &table {
            let Some(fields) = value.as_table() else {
                continue;
            };
            let integer = |name| fields.get(name).and_then(toml::Value::as_integer);
            let at_most = integer("at_most");
            let why = fields.get("why").and_then(toml::Value::as_str);
            let (Some(at_most), Some(why)) = (at_most, why) else {
                return Err(format!(
                    "budgets.toml: {name} needs `at_most`, an integer, and `why`, a text"
                ));
            };
            let not_negative = |count| {
                u64::try_from(count).map_err(|_| format!("budgets.toml: {name} is negative"))
            };
            budgets.push(Budget {
                name: name.clone(),
                at_most: not_negative(at_most)?,
                varies_by: not_negative(integer("varies_by").unwrap_or(0))?,
                why: why.to_owned(),
            });
        }
        Ok(Self {
            toolchain: toolchain.to_owned(),
            budgets,
        })
    }
}

/// The counts, and what the executable was made with.
fn measure(root: &Path, ours: Option<&Path>) -> Result<(Counts, String), String> {
    let places = Places {
        root: root.to_owned(),
        bench: root.join("target/bench"),
        ours: ours.map(Path::to_owned),
        may_build: true,
    };
    fs::create_dir_all(&places.bench).map_err(|error| error.to_string())?;
    let build = |name| {
        let spec = SPECS.iter().find(|spec| spec.name == name);
        spec.ok_or("this is a variant")?.build(&places)
    };
    let ours = build(OURS)?;
    let linkage = ours.linkage().ok_or("ours is no ELF file")?;
    let toolchain = toolchain(linkage)?;
    // dhat sees the system's allocator only, which a static executable does not use.
    let plain = match linkage {
        Linkage::Dynamic => ours.clone(),
        Linkage::Static => build(PLAIN)?,
    };
    let bench = Bench {
        chain: None,
        delays: Delays::default(),
        directory: places.bench.clone(),
        runs_as_aws: AtomicU32::new(0),
        checker: Checker::new().map_err(|error| error.to_string())?,
        group: Err("not needed".to_owned()),
    };
    let mut counter = Counter::new(&bench, ours, 100)?;
    let mut counts = Counts::new();
    let sample = counter.run(&Plan {
        cold: Some(Kind::Write),
        warm_writes: 1,
        ..Plan::default()
    })?;
    counts.extend(requests(&sample)?);
    counts.insert("executable_bytes", counter.variant.size.files as u64);
    counts.insert("crates", counter.variant.crates.unwrap_or_default() as u64);
    for (name, tool) in [
        ("instructions", Tool::Callgrind),
        ("syscalls", Tool::Strace),
        ("allocations", Tool::Dhat),
    ] {
        eprintln!("counting {name}");
        let [init, cold, warm] = match tool {
            Tool::Dhat => Counter::new(&bench, plain.clone(), 100)?.count(tool)?,
            _ => counter.count(tool)?,
        };
        let names = match name {
            "instructions" => [
                "init_instructions",
                "cold_change_instructions",
                "warm_change_instructions",
            ],
            "syscalls" => [
                "init_syscalls",
                "cold_change_syscalls",
                "warm_change_syscalls",
            ],
            _ => [
                "init_allocations",
                "cold_change_allocations",
                "warm_change_allocations",
            ],
        };
        counts.extend(names.into_iter().zip([init, cold, warm]));
    }
    let lookups = counter.total(Tool::Lookups, Some(Kind::Write), WARM_CHANGES)?;
    counts.insert("name_lookups", lookups);
    eprintln!("counting instructions, 10,000 members");
    counter = Counter::new(&bench, counter.variant, 10_000)?;
    let [_, _, warm] = counter.count(Tool::Callgrind)?;
    counts.insert("warm_change_10000_members_instructions", warm);
    Ok((counts, toolchain))
}

/// S3 requests and the bytes sent with them, of the cold change and of the warm one.
fn requests(sample: &Sample) -> Result<Counts, String> {
    let [cold, both] = sample.requests_after[..] else {
        return Err("expected a cold and a warm change".to_owned());
    };
    let bytes = |requests: &[(Vec<u8>, std::sync::Arc<Vec<u8>>)]| {
        requests
            .iter()
            .map(|(head, body)| (head.len() + body.len()) as u64)
            .sum()
    };
    let requests = &sample.sent.requests;
    Ok(Counts::from([
        ("cold_change_requests", cold as u64),
        ("warm_change_requests", (both - cold) as u64),
        ("cold_change_bytes_sent", bytes(&requests[..cold])),
        ("warm_change_bytes_sent", bytes(&requests[cold..both])),
        ("cold_change_connections", sample.connections),
    ]))
}

/// What counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tool {
    Callgrind,
    Dhat,
    Strace,
    /// How often the hosts file is opened, which is how a lookup of the S3 server's name begins.
    Lookups,
}

struct Counter<'a> {
    bench: &'a Bench,
    variant: Variant,
    club: Club,
    objects: Objects,
}

impl<'a> Counter<'a> {
    fn new(bench: &'a Bench, variant: Variant, members: usize) -> Result<Self, String> {
        let club = Club::new(members);
        let objects = bench.prepare(&club, &variant)?;
        Ok(Self {
            bench,
            variant,
            club,
            objects,
        })
    }

    fn run(&self, plan: &Plan) -> Result<Sample, String> {
        self.bench
            .run(&self.variant, &self.club, &self.objects, plan)
    }

    /// Without lines in the log, whose times have more or fewer digits, and so more or fewer allocations.
    fn run_silently(&self, plan: &Plan) -> Result<Sample, String> {
        let mut variant = self.variant.clone();
        for (name, value) in [
            ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
            ("AWS_LAMBDA_LOG_LEVEL", "ERROR"),
        ] {
            variant
                .environment
                .push((name.to_owned(), value.to_owned()));
        }
        self.bench.run(&variant, &self.club, &self.objects, plan)
    }

    /// Counts of init, of all from the start to the end of the cold change, and of a warm change.
    fn count(&self, tool: Tool) -> Result<[u64; 3], String> {
        let init = self.total(tool, None, 0)?;
        let cold = self.total(tool, Some(Kind::Write), 0)?;
        // The first warm change is still a little different: it fills what later ones reuse.
        let few = self.total(tool, Some(Kind::Write), 1)?;
        let many = self.total(tool, Some(Kind::Write), 1 + WARM_CHANGES)?;
        let warm = (many.saturating_sub(few) as f64 / WARM_CHANGES as f64).round();
        Ok([init, cold, warm as u64])
    }

    fn total(&self, tool: Tool, cold: Option<Kind>, warm_writes: usize) -> Result<u64, String> {
        let file = std::env::temp_dir().join(format!("dojang-budgets-{}", std::process::id()));
        let path = file.display().to_string();
        let (wrapper, watched) = match tool {
            Tool::Callgrind => {
                let out = format!("--callgrind-out-file={path}");
                (
                    vec!["valgrind".to_owned(), "--tool=callgrind".to_owned(), out],
                    Watched::ByTool,
                )
            }
            Tool::Dhat => {
                let out = "--dhat-out-file=/dev/null".to_owned();
                (
                    vec!["valgrind".to_owned(), "--tool=dhat".to_owned(), out],
                    Watched::ByTool,
                )
            }
            Tool::Strace | Tool::Lookups => {
                let arguments = ["strace", "-f", "-qq", "-e", "trace=!futex", "-o", &path];
                (arguments.map(str::to_owned).into(), Watched::ByTracer)
            }
        };
        let plan = Plan {
            cold,
            warm_writes,
            wrapper,
            watched,
            ..Plan::default()
        };
        // How threads meet varies, and then something is done once more: the least of some runs is exact.
        let runs = if tool == Tool::Callgrind { 1 } else { RUNS };
        let mut least = None;
        for _ in 0..runs {
            let sample = match tool {
                Tool::Dhat => self.run_silently(&plan)?,
                _ => self.run(&plan)?,
            };
            let count = match tool {
                Tool::Callgrind => callgrind_total(&read(&file)?),
                Tool::Dhat => dhat_blocks(&sample.used.log),
                Tool::Strace => Some(count_syscalls(&read(&file)?) as u64),
                Tool::Lookups => Some(read(&file)?.matches("\"/etc/hosts\"").count() as u64),
            };
            let count =
                count.ok_or_else(|| format!("{tool:?} gave no count:\n{}", sample.used.log))?;
            least = Some(least.unwrap_or(count).min(count));
        }
        let _ = fs::remove_file(&file);
        least.ok_or_else(|| "no run".to_owned())
    }
}

/// All instructions in a callgrind file.
fn callgrind_total(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("totals: "));
    let line = line.or_else(|| text.lines().find_map(|line| line.strip_prefix("summary: ")));
    line?.split_whitespace().next()?.parse().ok()
}

/// `==1== Total:     1,234 bytes in 56 blocks`; `None` as well if it saw none: then it does not see the
/// allocator.
fn dhat_blocks(log: &str) -> Option<u64> {
    let line = log
        .lines()
        .find(|line| line.contains("Total:") && line.contains("blocks"))?;
    let (_, blocks) = line.split_once(" in ")?;
    let blocks = blocks
        .strip_suffix(" blocks")?
        .replace(',', "")
        .parse()
        .ok()?;
    (blocks > 0).then_some(blocks)
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Such as `rustc 1.95.0 for x86_64-unknown-linux-musl`.
fn toolchain(linkage: Linkage) -> Result<String, String> {
    let output = Command::new("rustc")
        .arg("--version")
        .output()
        .map_err(|error| format!("rustc: {error}"))?;
    let version = String::from_utf8_lossy(&output.stdout);
    let version: Vec<&str> = version.split(' ').take(2).collect();
    Ok(format!(
        "{} for {}",
        version.join(" "),
        HERE.target(linkage)
    ))
}

const TOLERANCE_PERCENT: u64 = 1;
const WARM_CHANGES: usize = 10;
const RUNS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    const BUDGETS: &str = "toolchain = \"rustc 1\"\n\
        [init_instructions]\nat_most = 1000\nwhy = \"it is\"\n\
        [crates]\nat_most = 45\nwhy = \"few\"\n";
    const THREADS: &str = "[init_syscalls]\nat_most = 87\nvaries_by = 2\nwhy = \"threads\"\n";

    fn verdict(instructions: u64, crates: u64, toolchain: &str) -> Verdict {
        let counts = Counts::from([("init_instructions", instructions), ("crates", crates)]);
        compare(&Budgets::parse(BUDGETS).unwrap(), &counts, toolchain)
    }

    #[test]
    fn what_exceeds_its_budget_is_named_with_before_and_after() {
        assert!(verdict(1_010, 45, "rustc 1").exceeded.is_empty());
        let exceeded = verdict(1_011, 46, "rustc 1").exceeded;
        assert_eq!(
            exceeded,
            [
                "crates (before 45, now 46)",
                "init_instructions (before 1000, now 1011)"
            ]
        );
    }

    #[test]
    fn what_varies_may_do_so_as_far_as_is_written() {
        let budgets = Budgets::parse(THREADS).unwrap();
        for (count, is_exceeded) in [(85, false), (89, false), (90, true)] {
            let counts = Counts::from([("init_syscalls", count)]);
            let exceeded = compare(&budgets, &counts, "").exceeded;
            assert_eq!(!exceeded.is_empty(), is_exceeded, "{count}");
        }
    }

    #[test]
    fn another_compiler_is_held_to_what_does_not_depend_on_it() {
        let verdict = verdict(2_000, 46, "rustc 2");
        assert_eq!(verdict.exceeded, ["crates (before 45, now 46)"]);
        assert!(verdict.text.contains("only shown"), "{}", verdict.text);
    }

    #[test]
    fn nothing_is_measured_without_budget_or_the_other_way_round() {
        let budgets = Budgets::parse(BUDGETS).unwrap();
        let exceeded = compare(&budgets, &Counts::from([("new", 1)]), "rustc 1").exceeded;
        assert_eq!(
            exceeded,
            [
                "new has no budget",
                "crates was not measured",
                "init_instructions was not measured"
            ]
        );
        assert!(Budgets::parse("[a]\nat_most = 1\n").is_err());
    }

    #[test]
    fn totals_are_found() {
        assert_eq!(
            callgrind_total("events: Ir\nsummary: 5\ntotals: 7\n"),
            Some(7)
        );
        assert_eq!(callgrind_total("summary: 5\n"), Some(5));
        let log = "x\n==9== Total:     1,234 bytes in 5,678 blocks\n";
        assert_eq!(dhat_blocks(log), Some(5_678));
        assert_eq!(dhat_blocks("==9== Total:     0 bytes in 0 blocks\n"), None);
    }
}
