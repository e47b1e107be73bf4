//! Where the results go: standard output, files below `target/bench`, and `docs/bench`.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::as_aws_shown;
use crate::chart::lines::{Chart, Line, Panel};
use crate::machine::Machine;
use crate::options::Options;
use crate::parts::{Results, growth_section, memory_section};
use crate::run::Begins;
use crate::table;
use crate::variants::Places;

pub(crate) fn write(places: &Places, options: &Options, results: &Results) -> Result<(), String> {
    let machine = Machine::here(&places.root);
    let tables = table::all(results);
    if tables.is_empty() {
        return Ok(());
    }
    let how = how(options, results);
    let markdown = format!("{}\n{how}\n\n{tables}", machine.sentence());
    print!("{markdown}");
    let variants: Vec<_> = results
        .variants
        .iter()
        .map(|variant| {
            json!({"name": variant.name, "what": variant.what, "bytes": variant.size.files,
                "zip_bytes": variant.size.zip, "crates": variant.crates})
        })
        .collect();
    let missing: Vec<_> = results
        .missing
        .iter()
        .map(|missing| json!({"name": missing.name, "reason": missing.reason}))
        .collect();
    let json = json!({"machine": machine.to_json(), "rtt_ms": options.round_trip.as_secs_f64() * 1e3,
        "as_aws": options.shape.sentence(), "tls": options.tls, "members": options.members, "runs": options.runs, "variants": variants,
        "missing": missing, "notes": results.notes, "samples": results.samples.to_json()});
    let json = serde_json::to_string_pretty(&json).map_err(|error| error.to_string())?;
    let charts = charts(results, &machine);
    save(&places.bench.join("cold_start.json"), &json)?;
    save(&places.bench.join("cold_start.md"), &markdown)?;
    for (name, svg) in &charts {
        save(&places.bench.join(name), svg)?;
    }
    eprintln!(
        "written: cold_start.json, cold_start.md and charts in {}",
        places.bench.display()
    );
    if options.update_documents {
        update(places, results, &markdown, &charts)?;
    }
    Ok(())
}

/// What has to be known to read the tables.
fn how(options: &Options, results: &Results) -> String {
    let round_trip = match options.round_trip.is_zero() {
        true => "no network round trip added".to_owned(),
        false => format!(
            "{} ms added for each network round trip",
            options.round_trip.as_secs_f64() * 1e3
        ),
    };
    let tls = match options.tls {
        true => "over TLS 1.3 with an RSA-2048 chain",
        false => "without TLS",
    };
    format!(
        "Club of {} members, S3 on loopback {tls}, {round_trip}; medians (minima) of {} interleaved rounds; the \
         whole took {:.0} s. Definitions: benches/README.md.",
        options.members, options.runs, results.seconds
    )
}

/// The charts that there are samples for, by file name.
fn charts(results: &Results, machine: &Machine) -> Vec<(&'static str, String)> {
    let subtitle = format!(
        "{}, commit {}, {} cores of {}",
        machine.date, machine.commit, machine.cores, machine.processor
    );
    let mut charts = Vec::new();
    let short = format!("medians, {}, commit {}", machine.date, machine.commit);
    charts.extend(as_aws_shown::chart(results, &short).map(|svg| ("as_aws.svg", svg)));
    let memory: Vec<Panel> = [
        (Begins::AfterInit, "init_ms", "init, quota after INIT"),
        (
            Begins::AfterInit,
            "cold_write_ms",
            "cold write, quota after INIT",
        ),
        (Begins::AtStart, "init_ms", "init, quota from the start"),
        (
            Begins::AtStart,
            "cold_write_ms",
            "cold write, quota from the start",
        ),
    ]
    .into_iter()
    .map(|(begins, measure, title)| {
        let places =
            crate::cgroup::SIZES.map(|size| (f64::from(size), memory_section(begins, size)));
        panel(results, title, &places, measure)
    })
    .collect();
    if memory.iter().any(|panel| !panel.lines.is_empty()) {
        let chart = Chart {
            title: "Cold start by emulated memory size",
            subtitle: subtitle.clone(),
            x_label: "memory, MB",
            panels: memory,
        };
        charts.push(("memory.svg", chart.svg()));
    }
    let growth: Vec<Panel> = [
        ("cold_write_ms", "cold write"),
        ("warm_write_ms", "warm write"),
        ("cold_read_ms", "cold read"),
        ("warm_read_ms", "warm read"),
    ]
    .into_iter()
    .map(|(measure, title)| {
        let places = [10, 100, 1_000, 10_000, 30_000]
            .map(|members: u32| (f64::from(members), growth_section(members as usize)));
        panel(results, title, &places, measure)
    })
    .collect();
    if growth.iter().any(|panel| !panel.lines.is_empty()) {
        let chart = Chart {
            title: "Growth with the club",
            subtitle,
            x_label: "members",
            panels: growth,
        };
        charts.push(("growth.svg", chart.svg()));
    }
    charts
}

fn panel(results: &Results, title: &str, places: &[(f64, String)], measure: &str) -> Panel {
    let lines = results.variants.iter().filter_map(|variant| {
        let points: Vec<_> = places
            .iter()
            .filter_map(|(x, section)| {
                results
                    .samples
                    .median(section, variant.name, measure)
                    .map(|median| (*x, median))
            })
            .collect();
        (!points.is_empty()).then(|| Line {
            name: variant.name.to_owned(),
            points,
        })
    });
    Panel {
        title: title.to_owned(),
        lines: lines.collect(),
    }
}

/// Renews what `docs/bench` holds. `DOJANG_UPDATE_DOCUMENTS=1 cargo test --test documents` then renews what
/// other documents quote of it.
fn update(
    places: &Places,
    results: &Results,
    markdown: &str,
    charts: &[(&str, String)],
) -> Result<(), String> {
    if table::cold_starts(results).is_none() {
        return Err("--update-documents needs the table".to_owned());
    }
    let folder = places.root.join("docs/bench");
    fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    save(
        &folder.join("cold_start.md"),
        &format!("# Cold starts, all figures\n\n{markdown}"),
    )?;
    for (name, svg) in charts {
        save(&folder.join(name), svg)?;
    }
    Ok(())
}

fn save(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}
