//! The tables, in Markdown.

use crate::cgroup::SIZES;
use crate::markdown::{markdown, significant, times};
use crate::parts::{Results, growth_section, memory_section};
use crate::run::Begins;
use crate::stats::Summary;
use crate::variants::{LIMIT, OURS, Variant};
use crate::{as_aws_shown, round_trips, targets};

/// All tables that there are samples for.
pub(crate) fn all(results: &Results) -> String {
    let parts = [
        targets::table(results),
        as_aws_shown::table(results),
        cold_starts(results),
        limit(results),
        ratios(results),
        client(results),
        memory(results, Begins::AfterInit),
        memory(results, Begins::AtStart),
        evicted(results),
        growth(results),
        round_trips::table(results),
        spread(results),
        left_out(results),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("\n")
}

/// The table that the README quotes.
pub(crate) fn cold_starts(results: &Results) -> Option<String> {
    let columns = [
        ("init, ms", Form::WithMinimum("init_ms")),
        ("cold write, ms", Form::WithMinimum("cold_write_ms")),
        ("cold read, ms", Form::WithMinimum("cold_read_ms")),
        ("warm write, ms", Form::WithMinimum("warm_write_ms")),
        ("warm read, ms", Form::WithMinimum("warm_read_ms")),
        ("CPU, cold write, ms", Form::WithMinimum("cpu_ms")),
        ("S3 client ready, ms", Form::Median("client_ms")),
        ("peak RSS, MB", Form::Median("peak_rss_mb")),
        ("page faults", Form::Count("minor_faults")),
        ("system calls", Form::Count("syscalls")),
        ("S3 connections", Form::Count("connections")),
        ("S3 requests, cold", Form::Count("requests")),
        ("warm", Form::Count("warm_requests")),
    ];
    let rows = results.rows("table", "init_ms", |variant| {
        let mut cells: Vec<_> = columns
            .iter()
            .map(|(_, form)| form.cell(results, "table", variant))
            .collect();
        cells.push(megabytes(variant.size.files));
        cells.push(megabytes(variant.size.zip));
        cells.push(
            variant
                .crates
                .map_or("–".to_owned(), |crates| crates.to_string()),
        );
        cells
    })?;
    let names = columns
        .iter()
        .map(|(name, _)| *name)
        .chain(["size, MB", "zip, MB", "crates"]);
    Some(format!(
        "### Cold and warm, full CPU\n\n{}",
        markdown(&names.collect::<Vec<_>>(), &rows)
    ))
}

fn ratios(results: &Results) -> Option<String> {
    let measures = [
        ("init", "init_ms"),
        ("cold write", "cold_write_ms"),
        ("cold read", "cold_read_ms"),
        ("warm write", "warm_write_ms"),
        ("CPU", "cpu_ms"),
        ("peak RSS", "peak_rss_mb"),
    ];
    let rows = results.rows("table", "init_ms", |variant| {
        let samples = &results.samples;
        let ratio = |(_, measure): &(&str, &str)| {
            times(samples.ratio("table", variant.name, OURS, measure))
        };
        measures.iter().map(ratio).collect()
    })?;
    Some(format!(
        "### Times as much as ours\n\nMedians of the ratios within a round.\n\n{}",
        markdown(&measures.map(|(name, _)| name), &rows)
    ))
}

/// What is above the limit.
fn limit(results: &Results) -> Option<String> {
    results.samples.median("table", LIMIT, "cold_write_ms")?;
    let rows = results.rows("table", "cold_write_ms", |variant| {
        let cells = [
            targets::times_the_limit(results, variant.name, |summary| summary.median),
            targets::times_the_limit(results, variant.name, |summary| summary.minimum),
            targets::cpu_times_the_limit(results, variant.name),
        ];
        cells
            .map(|ratio| times(ratio.map(|ratio| ratio.value)))
            .into()
    })?;
    Some(format!(
        "### Times the limit\n\n`{LIMIT}` does what a cold write cannot leave out (`benches/variants/{LIMIT}`). CPU \
         time is that above the process floor, `{}`.\n\n{}",
        targets::FLOOR,
        markdown(
            &["cold write, medians", "minima", "CPU above the floor"],
            &rows
        )
    ))
}

/// Time until the S3 client is ready, beside what the replaced service published of itself.
fn client(results: &Results) -> Option<String> {
    let mut lines: Vec<Vec<String>> = Vec::new();
    let sizes: Vec<String> = SIZES.iter().map(u32::to_string).collect();
    for (name, published) in PUBLISHED {
        let cells = published.map(|ms| ms.map_or("–".to_owned(), |ms: u32| ms.to_string()));
        lines.push([(*name).to_owned()].into_iter().chain(cells).collect());
    }
    let mut is_measured = false;
    for variant in &results.variants {
        let cells = SIZES.map(|size| {
            let section = memory_section(Begins::AtStart, size);
            results.samples.median(&section, variant.name, "client_ms")
        });
        is_measured |= cells.iter().any(Option::is_some);
        if cells.iter().any(Option::is_some) {
            let cells = cells.map(|ms| ms.map_or("–".to_owned(), significant));
            lines.push(
                [format!("`{}`", variant.name)]
                    .into_iter()
                    .chain(cells)
                    .collect(),
            );
        }
    }
    is_measured.then(|| {
        let names: Vec<&str> = sizes.iter().map(String::as_str).collect();
        format!(
            "### Until the S3 client is ready, ms, by memory size in MB\n\nThe first two lines are what the \
             service that this replaces published of itself on real Lambdas; below, emulated, the CPU quota in \
             force from the start.\n\n{}",
            markdown(&names, &lines)
        )
    })
}

fn memory(results: &Results, begins: Begins) -> Option<String> {
    let sizes: Vec<String> = SIZES.iter().map(u32::to_string).collect();
    let mut lines: Vec<Vec<String>> = Vec::new();
    for variant in &results.variants {
        let cells = SIZES.map(|size| {
            let section = memory_section(begins, size);
            let median = |measure| results.samples.median(&section, variant.name, measure);
            let all = (
                median("init_ms")?,
                median("cold_write_ms")?,
                median("invoke_ms")?,
            );
            Some(format!(
                "{} / {} ({})",
                significant(all.0),
                significant(all.1),
                significant(all.2)
            ))
        });
        if cells.iter().any(Option::is_some) {
            let cells = cells.map(|cell| cell.unwrap_or("–".to_owned()));
            lines.push(
                [format!("`{}`", variant.name)]
                    .into_iter()
                    .chain(cells)
                    .collect(),
            );
        }
    }
    let title = match begins {
        Begins::AfterInit => "full CPU until the first request for an event, quota afterwards",
        Begins::AtStart => "quota from the start",
    };
    (!lines.is_empty()).then(|| {
        let names: Vec<&str> = sizes.iter().map(String::as_str).collect();
        format!(
            "### Memory sizes in MB, {title}\n\nInit / cold write (of which the invocation), medians in ms.\n\n{}",
            markdown(&names, &lines)
        )
    })
}

fn evicted(results: &Results) -> Option<String> {
    let rows = results.rows("evicted", "init_ms", |variant| {
        let ratio = results
            .samples
            .ratio("evicted", variant.name, OURS, "cold_write_ms");
        vec![
            Form::WithMinimum("init_ms").cell(results, "evicted", variant),
            Form::WithMinimum("cold_write_ms").cell(results, "evicted", variant),
            times(ratio),
            Form::Count("major_faults").cell(results, "evicted", variant),
        ]
    })?;
    Some(format!(
        "### Executable not in the page cache\n\nInterpreters and system libraries stay in it, as the base \
         image's may.\n\n{}",
        markdown(
            &[
                "init, ms",
                "cold write, ms",
                "cold write / ours",
                "reads from disk"
            ],
            &rows
        )
    ))
}

fn growth(results: &Results) -> Option<String> {
    let clubs: Vec<usize> = [10, 100, 1_000, 10_000, 30_000].into();
    let cell = |variant: &Variant, members: usize| {
        let section = growth_section(members);
        let median = |measure| results.samples.median(&section, variant.name, measure);
        let form = |measure| median(measure).map_or("–".to_owned(), significant);
        median("cold_write_ms").map(|_| {
            format!(
                "{} / {}; {} / {} [{}]",
                form("cold_write_ms"),
                form("warm_write_ms"),
                form("cold_read_ms"),
                form("warm_read_ms"),
                form("server_ms"),
            )
        })
    };
    let mut lines = Vec::new();
    for variant in &results.variants {
        let cells: Vec<_> = clubs
            .iter()
            .map(|&members| cell(variant, members))
            .collect();
        if cells.iter().any(Option::is_some) {
            let cells = cells.into_iter().map(|cell| cell.unwrap_or("–".to_owned()));
            lines.push(
                [format!("`{}`", variant.name)]
                    .into_iter()
                    .chain(cells)
                    .collect(),
            );
        }
    }
    let names: Vec<String> = clubs.iter().map(usize::to_string).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    (!lines.is_empty()).then(|| {
        format!(
            "### Growth with the club, by members\n\nWrite cold / warm; read cold / warm, medians in ms; in \
             brackets what the test server took of all of a process's requests. Beyond 10,000 members Python and \
             Node are left out.\n\n{}",
            markdown(&names, &lines)
        )
    })
}

fn spread(results: &Results) -> Option<String> {
    let measures = [
        "init_ms",
        "cold_write_ms",
        "cold_read_ms",
        "warm_write_ms",
        "cpu_ms",
    ];
    let rows = results.rows("table", "init_ms", |variant| {
        let cell = |measure: &&str| {
            results
                .samples
                .summary("table", variant.name, measure)
                .map_or("–".to_owned(), |summary| {
                    let (low, high) = summary.quartiles;
                    format!(
                        "{}–{} ({})",
                        significant(low),
                        significant(high),
                        summary.count
                    )
                })
        };
        measures.iter().map(cell).collect()
    })?;
    Some(format!(
        "### Spread\n\nQuartiles in ms (number of samples).\n\n{}",
        markdown(
            &["init", "cold write", "cold read", "warm write", "CPU"],
            &rows
        )
    ))
}

fn left_out(results: &Results) -> Option<String> {
    let mut lines: Vec<String> = results
        .notes
        .iter()
        .map(|note| format!("- {note}"))
        .collect();
    lines.extend(results.missing.iter().map(|missing| {
        let reason = missing.reason.lines().next().unwrap_or_default();
        format!("- `{}` was left out: {reason}", missing.name)
    }));
    (!lines.is_empty()).then(|| format!("### Not measured\n\n{}\n", lines.join("\n")))
}

/// How a measure is shown.
enum Form {
    /// `median (minimum)`
    WithMinimum(&'static str),
    Median(&'static str),
    Count(&'static str),
}

impl Form {
    fn cell(&self, results: &Results, section: &str, variant: &Variant) -> String {
        let summary = |measure| results.samples.summary(section, variant.name, measure);
        let shown = match self {
            Self::WithMinimum(measure) => summary(measure).map(
                |Summary {
                     median, minimum, ..
                 }| {
                    format!("{} ({})", significant(median), significant(minimum))
                },
            ),
            Self::Median(measure) => summary(measure).map(|summary| significant(summary.median)),
            Self::Count(measure) => {
                summary(measure).map(|summary| format!("{:.0}", summary.median))
            }
        };
        shown.unwrap_or("–".to_owned())
    }
}

fn megabytes(bytes: usize) -> String {
    significant(bytes as f64 / 1e6)
}

/// Of the service that this replaces, from its own notes: creating the S3 client on real Lambdas, in ms, by
/// memory size as in `SIZES`.
const PUBLISHED: &[(&str, [Option<u32>; 6])] = &[
    (
        "replaced service, boto3",
        [
            Some(2_387),
            Some(1_171),
            Some(554),
            Some(275),
            None,
            Some(184),
        ],
    ),
    (
        "replaced service, botocore",
        [None, None, None, None, None, Some(147)],
    ),
];
