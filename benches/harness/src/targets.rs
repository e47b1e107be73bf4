//! What the project wants to reach beside what one run measured: met or not. Ratios are those of medians.

use packaging::executable::Linkage;

use crate::markdown::{markdown, significant};
use crate::parts::{Results, growth_section, memory_section};
use crate::run::Begins;
use crate::size::Size;
use crate::variants::{OURS, PLAIN, Variant};

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
        "### Targets\n\nOf this run, ratios of medians. Of the two linkages, static is what is shipped.{warning}\n\n{}",
        markdown(&["at most", "measured", ""], &lines)
    ))
}

/// One target.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    name: &'static str,
    /// `None`: only reported.
    at_most: Option<f64>,
    /// With what it was made of; `None` if that was not measured.
    measured: Option<(f64, String)>,
}

impl Row {
    fn cells(&self) -> Vec<String> {
        let at_most = self
            .at_most
            .map_or("–".to_owned(), |limit| limit.to_string());
        let (measured, state) = match (&self.measured, self.at_most) {
            (None, _) => ("–".to_owned(), "not measured"),
            (Some((value, of)), limit) => (
                format!("{}{of}", digits(*value)),
                match limit {
                    Some(limit) if *value <= limit => "met",
                    Some(_) => "not met",
                    None => "reported",
                },
            ),
        };
        vec![self.name.to_owned(), at_most, measured, state.to_owned()]
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
    let limited = |begins| memory_section(begins, SMALLEST_MB);
    let (after_init, at_start) = (limited(Begins::AfterInit), limited(Begins::AtStart));
    let large = growth_section(LARGE_CLUB);
    let ratio = |section: &str, measure, ours, other| {
        let median = |variant| results.samples.median(section, variant, measure);
        let (ours, other) = (median(ours)?, median(other)?);
        let of = format!(" ({} / {})", significant(ours), significant(other));
        Some((ours / other, of))
    };
    let above_floor = |section: &str| {
        let median = |variant| results.samples.median(section, variant, "invoke_ms");
        let (ours, floor) = (median(OURS)?, median(FLOOR)?);
        let of = format!(" ({} - {})", significant(ours), significant(floor));
        Some((ours - floor, of))
    };
    let variant = |name| results.variants.iter().find(|variant| variant.name == name);
    let megabytes = |variant: Option<&Variant>, bytes: fn(&Size) -> usize| {
        variant.map(|variant| (bytes(&variant.size) as f64 / 1e6, String::new()))
    };
    let static_ours = linked(results, OURS, Linkage::Static);
    let dynamic_ours = linked(results, PLAIN, Linkage::Dynamic);
    let row = |name, at_most, measured| Row {
        name,
        at_most: Some(at_most),
        measured,
    };
    let reported = |name, measured| Row {
        name,
        at_most: None,
        measured,
    };
    vec![
        row(
            "init without prefetch / floor's, static",
            1.15,
            static_ours.and_then(|_| ratio("table", "init_ms", "ours-no-prefetch", FLOOR)),
        ),
        row(
            "init without prefetch / floor's, dynamic",
            1.15,
            ratio(
                "table",
                "init_ms",
                "ours-dynamic-no-prefetch",
                "floor-dynamic",
            ),
        ),
        row(
            "cold write / tuned SDK's",
            0.45,
            ratio("table", "cold_write_ms", OURS, TUNED),
        ),
        row(
            "cold write / SDK's as documented",
            0.08,
            ratio("table", "cold_write_ms", OURS, "sdk-documented"),
        ),
        row(
            "cold write / botocore's",
            0.012,
            ratio("table", "cold_write_ms", OURS, "py-botocore"),
        ),
        row(
            "CPU time of the cold write / tuned SDK's",
            0.35,
            ratio("table", "cpu_ms", OURS, TUNED),
        ),
        row(
            "128 MB, quota after the first `/next`: cold write / tuned SDK's",
            0.15,
            ratio(&after_init, "cold_write_ms", OURS, TUNED),
        ),
        row(
            "executable evicted: cold write / tuned SDK's",
            0.35,
            ratio("evicted", "cold_write_ms", OURS, TUNED),
        ),
        row(
            "peak RSS, MB",
            3.0,
            results
                .samples
                .median("table", OURS, "peak_rss_mb")
                .map(|megabytes| (megabytes, String::new())),
        ),
        row(
            "executable, static, MB",
            2.8,
            megabytes(static_ours, |size| size.files),
        ),
        row("its zip, MB", 1.35, megabytes(static_ours, |size| size.zip)),
        row(
            "executable, dynamic, MB",
            1.9,
            megabytes(dynamic_ours, |size| size.files),
        ),
        row(
            "its zip, MB",
            0.95,
            megabytes(dynamic_ours, |size| size.zip),
        ),
        row(
            "crates in the shipped tree",
            52.0,
            variant(OURS)
                .and_then(|variant| variant.crates)
                .map(|crates| (crates as f64, String::new())),
        ),
        row(
            "warm write, 10,000 members / tuned SDK's",
            0.25,
            ratio(&large, "warm_write_ms", OURS, TUNED),
        ),
        reported(
            "128 MB, quota after the first `/next`: invocation of a cold write, ms above the floor's",
            above_floor(&after_init),
        ),
        reported(
            "128 MB, quota from the start: the same",
            above_floor(&at_start),
        ),
    ]
}

/// The variant of that name, if its executable is linked so: `ours` may be a fallback, or what `--ours` names.
fn linked<'a>(results: &'a Results, name: &str, linkage: Linkage) -> Option<&'a Variant> {
    let variant = results
        .variants
        .iter()
        .find(|variant| variant.name == name)?;
    (variant.linkage() == Some(linkage)).then_some(variant)
}

const FLOOR: &str = "floor-static";
const TUNED: &str = "sdk-tuned";
const SMALLEST_MB: u32 = 128;
const LARGE_CLUB: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::Program;
    use crate::stats::Samples;

    fn results(samples: Samples) -> Results {
        Results {
            variants: Vec::new(),
            missing: Vec::new(),
            samples,
            notes: Vec::new(),
            seconds: 0.0,
        }
    }

    #[test]
    fn a_target_is_met_or_not_or_was_not_measured() {
        let mut samples = Samples::default();
        // Ratios of medians, not of pairs.
        for (round, (ours, tuned)) in [(1.0, 10.0), (4.0, 10.0), (9.0, 90.0)]
            .into_iter()
            .enumerate()
        {
            samples.add("table", OURS, "cold_write_ms", round, ours);
            samples.add("table", TUNED, "cold_write_ms", round, tuned);
        }
        samples.add("table", OURS, "peak_rss_mb", 0, 3.5);
        samples.add("memory 128 after INIT", OURS, "invoke_ms", 0, 5.0);
        samples.add("memory 128 after INIT", FLOOR, "invoke_ms", 0, 0.5);
        let results = results(samples);
        let table = table(&results).unwrap();
        let cells = |name: &str| {
            let line = table.lines().find(|line| line.contains(name)).unwrap();
            let cells: Vec<_> = line.split('|').map(str::trim).collect();
            cells[2..5].join(" | ")
        };
        assert_eq!(
            cells("| cold write / tuned SDK's"),
            "0.45 | 0.400 (4.00 / 10.0) | met"
        );
        assert_eq!(cells("peak RSS"), "3 | 3.50 | not met");
        assert_eq!(cells("CPU time"), "0.35 | – | not measured");
        assert_eq!(
            cells("/next`: invocation"),
            "– | 4.50 (5.00 - 0.50) | reported"
        );
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
            samples.add("table", "ours-no-prefetch", "init_ms", 0, 1.0);
            samples.add("table", FLOOR, "init_ms", 0, 1.0);
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
            let measured = ["floor's, static", "executable, static", "its zip"].map(|name| {
                let line = lines.lines().find(|line| line.contains(name)).unwrap();
                !line.contains("not measured")
            });
            (warns, measured)
        };
        let found = shown(ours.clone());
        std::fs::remove_file(&ours).unwrap();
        assert_eq!(found, (false, [true; 3]));
        let itself = std::env::current_exe().unwrap();
        assert_eq!(shown(itself), (true, [false; 3]));
        assert_eq!(shown("/nowhere".into()), (true, [false; 3]));
    }

    #[test]
    fn without_samples_there_is_no_table() {
        assert_eq!(table(&results(Samples::default())), None);
    }
}
