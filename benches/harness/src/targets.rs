//! What the project wants to reach beside what one run measured: met or not.

use packaging::executable::Linkage;

use crate::as_aws;
use crate::markdown::{markdown, significant};
use crate::parts::Results;
use crate::size::Size;
use crate::stats::Summary;
use crate::variants::{LIMIT, OURS, Variant};

/// The table, or `None` if the part that most of it comes from was not measured.
pub(crate) fn table(results: &Results) -> Option<String> {
    results.samples.median("table", OURS, "cold_write_ms")?;
    let lines: Vec<_> = rows(results).iter().map(Row::cells).collect();
    let is_shipped = linked(results, OURS, Linkage::Static).is_some();
    let warning = match is_shipped {
        true => "",
        false => " `ours` is not static in this run, so it is not what is shipped.",
    };
    Some(format!(
        "### Targets\n\nOf this run.{warning}\n\n{}",
        markdown(&["at most", "measured", ""], &lines)
    ))
}

/// One target.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    name: &'static str,
    at_most: f64,
    /// With what it was made of; `None` if that was not measured.
    measured: Option<(f64, String)>,
}

impl Row {
    fn cells(&self) -> Vec<String> {
        let (measured, state) = match &self.measured {
            None => ("–".to_owned(), "not measured"),
            Some((value, of)) => (
                format!("{}{of}", digits(*value)),
                match *value <= self.at_most {
                    true => "met",
                    false => "not met",
                },
            ),
        };
        vec![
            self.name.to_owned(),
            self.at_most.to_string(),
            measured,
            state.to_owned(),
        ]
    }
}

/// Three significant digits for ratios far below one too.
fn digits(value: f64) -> String {
    match value.abs() {
        value if value < 0.1 => format!("{value:.4}"),
        value if value < 1.0 => format!("{value:.3}"),
        _ if value.fract() == 0.0 => value.to_string(),
        _ => significant(value),
    }
}

fn rows(results: &Results) -> Vec<Row> {
    let median = |section: &str, variant: &str, measure: &str| {
        results.samples.median(section, variant, measure)
    };
    let as_aws = |measure| {
        let of = |variant| median(as_aws::SECTION, variant, measure);
        Some(Ratio::of(of(OURS)?, of(TUNED)?))
    };
    let in_sequence = |measure| {
        let of = |variant| median(as_aws::SECTION, variant, measure);
        Some((of(OURS)?, format!(" (tuned SDK: {})", of(TUNED)?)))
    };
    let shipped = linked(results, OURS, Linkage::Static);
    let megabytes = |bytes: fn(&Size) -> usize| {
        shipped.map(|variant| (bytes(&variant.size) as f64 / 1e6, String::new()))
    };
    let row = |name, at_most, measured| Row {
        name,
        at_most,
        measured,
    };
    vec![
        row(
            "cold write / `floor-s3`, medians",
            1.20,
            times_the_limit(results, OURS, |summary| summary.median).map(Ratio::shown),
        ),
        row(
            "the same, minima",
            1.20,
            times_the_limit(results, OURS, |summary| summary.minimum).map(Ratio::shown),
        ),
        row(
            "CPU time above the process floor / `floor-s3`'s",
            1.30,
            cpu_times_the_limit(results, OURS).map(Ratio::shown),
        ),
        row(
            "as AWS: cold invocation, what a member waits for / tuned SDK's",
            0.60,
            as_aws("invoke_ms").map(Ratio::shown),
        ),
        row(
            "as AWS: S3 answers in sequence, cold",
            2.0,
            in_sequence("answers"),
        ),
        row(
            "as AWS: S3 answers in sequence, warm",
            2.0,
            in_sequence("warm_answers"),
        ),
        row(
            "as AWS: INIT and invocation / tuned SDK's",
            0.95,
            as_aws("cold_write_ms").map(Ratio::shown),
        ),
        row("executable, MB", 2.2, megabytes(|size| size.files)),
        row("its zip, MB", 1.15, megabytes(|size| size.zip)),
    ]
}

/// A quotient, and what it is one of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ratio {
    pub(crate) value: f64,
    of: String,
}

impl Ratio {
    fn of(one: f64, other: f64) -> Self {
        Self {
            value: one / other,
            of: format!(" ({} / {})", significant(one), significant(other)),
        }
    }

    fn shown(self) -> (f64, String) {
        (self.value, self.of)
    }
}

/// How many times the limit a variant's cold write takes.
pub(crate) fn times_the_limit(
    results: &Results,
    variant: &str,
    choose: fn(&Summary) -> f64,
) -> Option<Ratio> {
    let time = |variant| {
        let summary = results.samples.summary("table", variant, "cold_write_ms")?;
        Some(choose(&summary))
    };
    Some(Ratio::of(time(variant)?, time(LIMIT)?))
}

/// The same for the CPU time that is not the process's own.
pub(crate) fn cpu_times_the_limit(results: &Results, variant: &str) -> Option<Ratio> {
    let cpu = |variant| results.samples.median("table", variant, "cpu_ms");
    let floor = cpu(FLOOR)?;
    Some(Ratio::of(cpu(variant)? - floor, cpu(LIMIT)? - floor))
}

/// The variant of that name, if its executable is linked so: `ours` may be a fallback, or what `--ours` names.
fn linked<'a>(results: &'a Results, name: &str, linkage: Linkage) -> Option<&'a Variant> {
    let variant = results
        .variants
        .iter()
        .find(|variant| variant.name == name)?;
    (variant.linkage() == Some(linkage)).then_some(variant)
}

pub(crate) const FLOOR: &str = "floor-static";
const TUNED: &str = "sdk-tuned";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::as_aws::Shape;
    use crate::process::Program;
    use crate::stats::Samples;

    fn results(samples: Samples) -> Results {
        Results {
            variants: Vec::new(),
            missing: Vec::new(),
            samples,
            notes: Vec::new(),
            shape: Shape::default(),
            seconds: 0.0,
        }
    }

    #[test]
    fn a_target_is_met_or_not_or_was_not_measured() {
        let mut samples = Samples::default();
        for (variant, times) in [(OURS, [1.2, 1.4, 9.0]), (LIMIT, [1.0, 1.1, 2.0])] {
            for (round, time) in times.into_iter().enumerate() {
                samples.add("table", variant, "cold_write_ms", round, time);
            }
        }
        for (variant, cpu) in [(OURS, 3.0), (LIMIT, 2.0), (FLOOR, 0.5)] {
            samples.add("table", variant, "cpu_ms", 0, cpu);
        }
        for (variant, answers) in [(OURS, 2.0), (TUNED, 3.0)] {
            samples.add(as_aws::SECTION, variant, "answers", 0, answers);
            samples.add(as_aws::SECTION, variant, "warm_answers", 0, 3.0);
        }
        let results = results(samples);
        let table = table(&results).unwrap();
        let cells = |name: &str| {
            let line = table.lines().find(|line| line.contains(name)).unwrap();
            let cells: Vec<_> = line.split('|').map(str::trim).collect();
            cells[2..5].join(" | ")
        };
        assert_eq!(cells("medians"), "1.2 | 1.27 (1.40 / 1.10) | not met");
        assert_eq!(cells("minima"), "1.2 | 1.20 (1.20 / 1.00) | met");
        assert_eq!(cells("CPU time"), "1.3 | 1.67 (2.50 / 1.50) | not met");
        assert_eq!(cells("sequence, cold"), "2 | 2 (tuned SDK: 3) | met");
        assert_eq!(cells("sequence, warm"), "2 | 3 (tuned SDK: 3) | not met");
        assert_eq!(cells("a member waits for"), "0.6 | – | not measured");
    }

    #[test]
    fn what_is_not_static_is_not_shown_as_static() {
        let ours = std::env::temp_dir().join(format!("targets-{}", std::process::id()));
        // A header alone names neither loader nor library. This test itself has a loader.
        let mut header = [0; 64];
        header[..20].copy_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0");
        std::fs::write(&ours, header).unwrap();
        let shown = |path: std::path::PathBuf| {
            let mut samples = Samples::default();
            samples.add("table", OURS, "cold_write_ms", 0, 1.0);
            let mut results = results(samples);
            results.variants.push(Variant {
                name: OURS,
                what: "",
                program: Program {
                    path,
                    arguments: Vec::new(),
                    directory: "/".into(),
                },
                environment: Vec::new(),
                uses_s3: true,
                files: Vec::new(),
                size: Size {
                    files: 2_000_000,
                    zip: 1_000_000,
                },
                crates: None,
                is_slow: false,
            });
            let lines = table(&results).unwrap();
            let warns = lines.contains("`ours` is not static");
            let measured = ["executable, MB", "its zip"].map(|name| {
                let line = lines.lines().find(|line| line.contains(name)).unwrap();
                !line.contains("not measured")
            });
            (warns, measured)
        };
        let found = shown(ours.clone());
        std::fs::remove_file(&ours).unwrap();
        assert_eq!(found, (false, [true; 2]));
        let itself = std::env::current_exe().unwrap();
        assert_eq!(shown(itself), (true, [false; 2]));
        assert_eq!(shown("/nowhere".into()), (true, [false; 2]));
    }

    #[test]
    fn without_samples_there_is_no_table() {
        assert_eq!(table(&results(Samples::default())), None);
    }
}
