//! The parts of the benchmark: which runs, in which order.

use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use crate::as_aws::{self, Shape};
use crate::club::Club;
use crate::http::Delays;
use crate::options::{Options, Part};
use crate::process::Watched;
use crate::run::{Begins, Bench, Kind, Plan, Quota, Sample};
use crate::s3::Objects;
use crate::stats::Samples;
use crate::variants::{LIMIT, OURS, Variant};
use crate::{Missing, PROGRESS_EVERY, timeline};

/// What the benchmark found.
pub(crate) struct Results {
    pub(crate) variants: Vec<Variant>,
    pub(crate) missing: Vec<Missing>,
    pub(crate) samples: Samples,
    /// What could not be measured, and why.
    pub(crate) notes: Vec<String>,
    pub(crate) shape: Shape,
    pub(crate) seconds: f64,
}

impl Results {
    /// A row for each variant that has samples of `needed`.
    pub(crate) fn rows(
        &self,
        section: &str,
        needed: &str,
        cells: impl Fn(&Variant) -> Vec<String>,
    ) -> Option<Vec<Vec<String>>> {
        let with_samples = self
            .variants
            .iter()
            .filter(|variant| self.samples.median(section, variant.name, needed).is_some());
        let rows: Vec<Vec<String>> = with_samples
            .map(|variant| {
                [format!("`{}`", variant.name)]
                    .into_iter()
                    .chain(cells(variant))
                    .collect()
            })
            .collect();
        (!rows.is_empty()).then_some(rows)
    }
}

pub(crate) fn run(
    bench: &Bench,
    options: &Options,
    variants: &[Variant],
    missing: Vec<Missing>,
) -> Result<Results, String> {
    let begun = Instant::now();
    let mut run = Run {
        bench,
        options,
        variants: variants.to_vec(),
        missing,
        samples: Samples::default(),
        notes: Vec::new(),
        shown: Instant::now(),
    };
    let club = Club::new(options.members);
    let objects = bench.prepare(&club, &variants[0])?;
    for part in &options.parts {
        match part {
            Part::Table => {
                run.drop_broken(&club, &objects);
                run.table(&club, &objects)?;
                run.syscalls(&club, &objects);
            }
            Part::AsAws => run.as_aws(&club, &objects),
            Part::Memory => run.memory(&club, &objects)?,
            Part::Evict => run.evict(&club, &objects)?,
            Part::Growth => run.growth()?,
            Part::RoundTrips => run.round_trips(&club, &objects)?,
            Part::Timeline => timeline::show(bench, &run.variants[0], &club, &objects)?,
        }
    }
    let Run {
        variants,
        missing,
        samples,
        notes,
        ..
    } = run;
    Ok(Results {
        variants,
        missing,
        samples,
        notes,
        shape: options.shape,
        seconds: begun.elapsed().as_secs_f64(),
    })
}

struct Run<'a> {
    bench: &'a Bench,
    options: &'a Options,
    variants: Vec<Variant>,
    missing: Vec<Missing>,
    samples: Samples,
    notes: Vec<String>,
    shown: Instant,
}

impl Run<'_> {
    /// One run of each variant first: one that does not do its work is not measured, and said. This also
    /// fills the page cache and Python's cache of compiled modules.
    fn drop_broken(&mut self, club: &Club, objects: &Objects) {
        let plan = Plan {
            cold: Some(Kind::Write),
            warm_writes: 1,
            warm_reads: 1,
            ..Plan::default()
        };
        let mut working = Vec::new();
        for variant in std::mem::take(&mut self.variants) {
            match self.bench.run(&variant, club, objects, &plan) {
                Ok(_) => working.push(variant),
                Err(reason) => {
                    eprintln!("{}: left out: {reason}", variant.name);
                    self.missing.push(Missing {
                        name: variant.name,
                        reason,
                    });
                }
            }
        }
        self.variants = working;
    }

    fn table(&mut self, club: &Club, objects: &Objects) -> Result<(), String> {
        for round in 0..self.options.runs {
            self.progress("table", round);
            for variant in self.turn(round) {
                let cold_write = Plan {
                    cold: Some(Kind::Write),
                    ..Plan::default()
                };
                let sample = self.bench.run(&variant, club, objects, &cold_write)?;
                self.keep("table", &variant, round, &sample, true);
                let cold_read = Plan {
                    cold: Some(Kind::Read),
                    ..Plan::default()
                };
                let sample = self.bench.run(&variant, club, objects, &cold_read)?;
                self.add("table", &variant, "cold_read_ms", round, sample.cold);
                if round.is_multiple_of(WARM_EVERY) {
                    self.warm("table", &variant, club, objects, round)?;
                }
            }
        }
        Ok(())
    }

    /// A cold write and some warm ones, as on AWS.
    fn as_aws(&mut self, club: &Club, objects: &Objects) {
        let plan = Plan {
            cold: Some(Kind::Write),
            warm_writes: 3,
            quota: Some(Quota {
                megabytes: as_aws::MEGABYTES,
                begins: Begins::AfterInit,
            }),
            delays: Some(self.options.shape.delays()),
            as_aws: true,
            ..Plan::default()
        };
        if !self.options.tls {
            self.notes.push("as AWS: not without TLS".to_owned());
            return;
        }
        // What hinders ours here hinders all.
        if let Err(reason) = self.bench.run(&self.variants[0], club, objects, &plan) {
            self.notes
                .push(format!("as AWS was not measured: {reason}"));
            return;
        }
        let mut broken: Vec<&str> = Vec::new();
        for round in 0..self.options.runs.div_ceil(AS_AWS_DIVISOR) {
            self.progress(as_aws::SECTION, round);
            for variant in self.turn(round) {
                // The limit opens one connection after the other, and so is none here.
                let is_left_out = !variant.uses_s3 || variant.name == LIMIT;
                if is_left_out || broken.contains(&variant.name) {
                    continue;
                }
                match self.bench.run(&variant, club, objects, &plan) {
                    Ok(sample) => self.keep_as_aws(&variant, round, &sample),
                    Err(reason) => {
                        self.notes.push(format!("as AWS: {reason}"));
                        broken.push(variant.name);
                    }
                }
            }
        }
    }

    fn keep_as_aws(&mut self, variant: &Variant, round: usize, sample: &Sample) {
        let section = as_aws::SECTION;
        self.keep(section, variant, round, sample, false);
        self.keep_warm(section, variant, round, sample);
        let answers = |(from, to): (Instant, Instant)| as_aws::in_sequence(&sample.waits, from, to);
        if let [cold, .., warm] = sample.served[..] {
            let waited = as_aws::waited(&sample.waits, cold.0, cold.1);
            for (measure, value) in [
                ("waited_ms", waited.as_secs_f64() * 1e3),
                ("answers", answers(cold) as f64),
                ("warm_answers", answers(warm) as f64),
            ] {
                self.add(section, variant, measure, round, value);
            }
        }
    }

    /// Both memory modes at all sizes.
    fn memory(&mut self, club: &Club, objects: &Objects) -> Result<(), String> {
        if let Err(reason) = &self.bench.group {
            let note = format!("memory sizes were not emulated: {reason}");
            eprintln!("{note}");
            self.notes.push(note);
            return Ok(());
        }
        for round in 0..self.options.runs.div_ceil(MEMORY_DIVISOR) {
            for begins in [Begins::AtStart, Begins::AfterInit] {
                for &megabytes in &self.options.sizes {
                    let section = memory_section(begins, megabytes);
                    self.progress(&section, round);
                    for variant in self.turn(round) {
                        let quota = Some(Quota { megabytes, begins });
                        let plan = Plan {
                            cold: Some(Kind::Write),
                            quota,
                            ..Plan::default()
                        };
                        let sample = self.bench.run(&variant, club, objects, &plan)?;
                        self.keep(&section, &variant, round, &sample, false);
                    }
                }
            }
        }
        Ok(())
    }

    fn evict(&mut self, club: &Club, objects: &Objects) -> Result<(), String> {
        for round in 0..self.options.runs.div_ceil(2) {
            self.progress("evicted", round);
            for variant in self.turn(round) {
                let plan = Plan {
                    cold: Some(Kind::Write),
                    evict: true,
                    ..Plan::default()
                };
                let sample = self.bench.run(&variant, club, objects, &plan)?;
                self.keep("evicted", &variant, round, &sample, true);
            }
        }
        let median = self.samples.median("evicted", OURS, "major_faults");
        if median.is_some_and(|faults| faults < 1.0) {
            self.notes.push(
                "the executable could not be dropped from the page cache here: no page was read from disk"
                    .to_owned(),
            );
        }
        Ok(())
    }

    fn growth(&mut self) -> Result<(), String> {
        for &members in &self.options.clubs {
            let section = growth_section(members);
            let club = Club::new(members);
            let objects = self.bench.prepare(&club, &self.variants[0])?;
            for round in 0..growth_rounds(self.options.runs, members) {
                self.progress(&section, round);
                for variant in self.turn(round) {
                    if !grows(&variant, members) {
                        continue;
                    }
                    let cold_read = Plan {
                        cold: Some(Kind::Read),
                        ..Plan::default()
                    };
                    let sample = self.bench.run(&variant, &club, &objects, &cold_read)?;
                    self.add(&section, &variant, "cold_read_ms", round, sample.cold);
                    self.warm(&section, &variant, &club, &objects, round)?;
                }
            }
        }
        Ok(())
    }

    /// Cold and warm, with a few lengths of a network round trip.
    fn round_trips(&mut self, club: &Club, objects: &Objects) -> Result<(), String> {
        for round in 0..self.options.runs.div_ceil(ROUND_TRIPS_DIVISOR) {
            for &ms in ROUND_TRIPS_MS {
                let section = round_trip_section(ms);
                self.progress(&section, round);
                let delays = Delays::round_trips(Duration::from_millis(u64::from(ms)));
                for variant in self.turn(round) {
                    if !WITH_ROUND_TRIPS.contains(&variant.name) {
                        continue;
                    }
                    let write = Plan {
                        cold: Some(Kind::Write),
                        warm_writes: 3,
                        warm_reads: 3,
                        delays: Some(delays),
                        ..Plan::default()
                    };
                    let sample = self.bench.run(&variant, club, objects, &write)?;
                    self.keep(&section, &variant, round, &sample, false);
                    self.keep_warm(&section, &variant, round, &sample);
                    let read = Plan {
                        cold: Some(Kind::Read),
                        delays: Some(delays),
                        ..Plan::default()
                    };
                    let sample = self.bench.run(&variant, club, objects, &read)?;
                    self.add(&section, &variant, "cold_read_ms", round, sample.cold);
                    self.add(&section, &variant, "read_invoke_ms", round, sample.invoke);
                }
            }
        }
        Ok(())
    }

    /// A process with a cold write and several warm ones.
    fn warm(
        &mut self,
        section: &str,
        variant: &Variant,
        club: &Club,
        objects: &Objects,
        round: usize,
    ) -> Result<(), String> {
        let plan = Plan {
            cold: Some(Kind::Write),
            warm_writes: if club.members > LARGE { 3 } else { 10 },
            warm_reads: if club.members > LARGE { 2 } else { 5 },
            ..Plan::default()
        };
        let sample = self.bench.run(variant, club, objects, &plan)?;
        if section != "table" {
            self.add(section, variant, "cold_write_ms", round, sample.cold);
            self.add(
                section,
                variant,
                "server_ms",
                round,
                sample.sent.busy.as_secs_f64() * 1e3,
            );
        }
        self.add(
            section,
            variant,
            "warm_cpu_ms",
            round,
            sample.used.cpu.as_secs_f64() * 1e3,
        );
        self.add(
            section,
            variant,
            "warm_peak_rss_mb",
            round,
            sample.used.peak_rss_kb as f64 / 1e3,
        );
        self.keep_warm(section, variant, round, &sample);
        if let [cold, warm, ..] = sample.requests_after[..] {
            self.add(
                section,
                variant,
                "warm_requests",
                round,
                (warm - cold) as f64,
            );
        }
        Ok(())
    }

    /// Counts with a tracer, which costs time: runs of their own.
    fn syscalls(&mut self, club: &Club, objects: &Objects) {
        let log = std::env::temp_dir().join(format!("dojang-bench-{}.strace", std::process::id()));
        for variant in self.variants.clone() {
            let strace = ["strace", "-f", "-qq", "-o", &log.display().to_string()];
            let plan = Plan {
                cold: Some(Kind::Write),
                wrapper: strace.map(str::to_owned).into(),
                watched: Watched::ByTracer,
                ..Plan::default()
            };
            for round in 0..SYSCALL_RUNS {
                let counted = self
                    .bench
                    .run(&variant, club, objects, &plan)
                    .and_then(|_| std::fs::read_to_string(&log).map_err(|error| error.to_string()));
                match counted {
                    Ok(trace) => {
                        let count = timeline::count_syscalls(&trace) as f64;
                        self.add("table", &variant, "syscalls", round, count);
                    }
                    Err(error) => {
                        self.notes
                            .push(format!("system calls were not counted: strace: {error}"));
                        return;
                    }
                }
            }
        }
        let _ = std::fs::remove_file(&log);
    }

    /// Who takes part in a round, in its order.
    fn turn(&self, round: usize) -> Vec<Variant> {
        let is_everybody = round.is_multiple_of(SLOW_EVERY);
        let mut variants: Vec<_> = self
            .variants
            .iter()
            .filter(|variant| is_everybody || !variant.is_slow)
            .cloned()
            .collect();
        // In another order each time: who runs after Python finds the processor's caches empty.
        variants.shuffle(&mut StdRng::seed_from_u64(round as u64));
        variants
    }

    fn keep(
        &mut self,
        section: &str,
        variant: &Variant,
        round: usize,
        sample: &Sample,
        with_use: bool,
    ) {
        if let Some(client) = sample.client {
            self.add(section, variant, "client_ms", round, client);
        }
        self.add(section, variant, "init_ms", round, sample.init);
        self.add(section, variant, "cold_write_ms", round, sample.cold);
        self.add(section, variant, "invoke_ms", round, sample.invoke);
        if !with_use {
            return;
        }
        let used = &sample.used;
        for (measure, value) in [
            ("cpu_ms", used.cpu.as_secs_f64() * 1e3),
            ("peak_rss_mb", used.peak_rss_kb as f64 / 1e3),
            ("minor_faults", used.minor_faults as f64),
            ("major_faults", used.major_faults as f64),
            ("connections", sample.connections as f64),
            ("requests", sample.sent.requests.len() as f64),
            ("server_ms", sample.sent.busy.as_secs_f64() * 1e3),
        ] {
            self.add(section, variant, measure, round, value);
        }
    }

    /// The times of warm events, of which a run has several.
    fn keep_warm(&mut self, section: &str, variant: &Variant, round: usize, sample: &Sample) {
        for (measure, times) in [
            ("warm_write_ms", &sample.warm_writes),
            ("warm_read_ms", &sample.warm_reads),
        ] {
            for (number, time) in times.iter().enumerate() {
                self.add(section, variant, measure, round * 100 + number, *time);
            }
        }
    }

    fn add(&mut self, section: &str, variant: &Variant, measure: &str, round: usize, value: f64) {
        self.samples
            .add(section, variant.name, measure, round, value);
    }

    fn progress(&mut self, section: &str, round: usize) {
        if round == 0 || self.shown.elapsed() > PROGRESS_EVERY {
            eprintln!("{section}: round {}", round + 1);
            self.shown = Instant::now();
        }
    }
}

/// The name of a part of the samples.
pub(crate) fn memory_section(begins: Begins, megabytes: u32) -> String {
    match begins {
        Begins::AtStart => format!("memory {megabytes} from the start"),
        Begins::AfterInit => format!("memory {megabytes} after INIT"),
    }
}

/// The same for the growth.
pub(crate) fn growth_section(members: usize) -> String {
    format!("growth {members}")
}

/// The same for the runs with a network round trip.
pub(crate) fn round_trip_section(ms: u32) -> String {
    format!("round trip {ms} ms")
}

/// Whether a variant takes part in the growth with so many members. The floor has no data, the variants that
/// differ in one detail only say no more, and beyond 10,000 members Python and Node take seconds to say the same.
fn grows(variant: &Variant, members: usize) -> bool {
    let says_more = !matches!(
        variant.name,
        "ours-no-prefetch" | "ours-dynamic" | "ours-dynamic-no-prefetch" | "py-boto3" | LIMIT
    );
    variant.uses_s3 && says_more && (members <= VERY_LARGE || !variant.is_slow)
}

/// Fewer for larger clubs, whose differences are large too.
fn growth_rounds(runs: usize, members: usize) -> usize {
    let divisor = match members {
        0..=1_000 => 4,
        1_001..=10_000 => 8,
        _ => 15,
    };
    runs.div_ceil(divisor)
}

/// A process for warm events in so many rounds.
const WARM_EVERY: usize = 3;
const MEMORY_DIVISOR: usize = 4;
const SLOW_EVERY: usize = 4;
const ROUND_TRIPS_DIVISOR: usize = 3;
const AS_AWS_DIVISOR: usize = 3;
/// The first is what the others are compared with.
pub(crate) const ROUND_TRIPS_MS: &[u32] = &[0, 1, 5, 20];
const WITH_ROUND_TRIPS: &[&str] = &[OURS, "ours-no-prefetch", "sdk-tuned", "rusty-s3"];
const SYSCALL_RUNS: usize = 3;
const LARGE: usize = 1_000;
const VERY_LARGE: usize = 10_000;
