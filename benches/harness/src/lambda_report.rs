//! The REPORT lines of real Lambdas: what `benches/aws/run` collects, and the table made of it.

use serde_json::Value;

use crate::markdown::{markdown, significant};
use crate::stats::Samples;

/// What Lambda says of an invocation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Report {
    /// In ms; without the initialisation.
    pub(crate) duration: f64,
    /// In ms; only of a cold start.
    pub(crate) init: Option<f64>,
    pub(crate) memory_mb: f64,
    pub(crate) used_mb: f64,
}

impl Report {
    /// Reads a line of either log format; `None` if it is no report of a success.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let line = line.trim();
        if line.starts_with('{') {
            return Self::from_json(&serde_json::from_str(line).ok()?);
        }
        let fields = line.strip_prefix("REPORT ")?;
        // `Status: timeout` or `Status: error`; absent where all went well.
        if fields.contains("Status: ") {
            return None;
        }
        let field = |name: &str, unit: &str| {
            let mut fields = fields.split('\t').map(str::trim);
            let value = fields.find_map(|field| field.strip_prefix(name))?;
            value
                .strip_prefix(": ")?
                .strip_suffix(unit)?
                .trim()
                .parse()
                .ok()
        };
        Some(Self {
            duration: field("Duration", "ms")?,
            init: field("Init Duration", "ms"),
            memory_mb: field("Memory Size", "MB")?,
            used_mb: field("Max Memory Used", "MB")?,
        })
    }

    /// The `platform.report` of JSON logs.
    fn from_json(line: &Value) -> Option<Self> {
        let record = &line["record"];
        if line["type"] != "platform.report"
            || record["status"].as_str().is_some_and(|s| s != "success")
        {
            return None;
        }
        let metrics = &record["metrics"];
        Some(Self {
            duration: metrics["durationMs"].as_f64()?,
            init: metrics["initDurationMs"].as_f64(),
            memory_mb: metrics["memorySizeMB"].as_f64()?,
            used_mb: metrics["maxMemoryUsedMB"].as_f64()?,
        })
    }
}

/// The tables for what was collected: lines of variant, kind of request (`write` or `read`) and report,
/// divided by tabs.
///
/// # Errors
/// The first line that is not so.
pub(crate) fn tables(collected: &str) -> Result<String, String> {
    let mut samples = Samples::default();
    let (mut variants, mut sizes) = (Vec::new(), Vec::new());
    for (number, line) in collected
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
    {
        let mut parts = line.splitn(3, '\t');
        let (Some(variant), Some(kind @ ("write" | "read")), Some(report)) =
            (parts.next(), parts.next(), parts.next())
        else {
            return Err(format!(
                "line {}: expected variant, write or read, and a report",
                number + 1
            ));
        };
        let report = Report::parse(report)
            .ok_or_else(|| format!("line {}: expected a REPORT of a success", number + 1))?;
        let size = report.memory_mb.to_string();
        if !variants.contains(&variant) {
            variants.push(variant);
        }
        if !sizes.contains(&size) {
            sizes.push(size.clone());
        }
        let mut add = |measure: &str, value| samples.add(&size, variant, measure, number, value);
        match report.init {
            Some(init) => {
                add("init", init);
                add(&format!("cold {kind}"), init + report.duration);
                add(&format!("invoke {kind}"), report.duration);
            }
            None => add(&format!("warm {kind}"), report.duration),
        }
        add("memory", report.used_mb);
    }
    let measures = [
        "init",
        "cold write",
        "invoke write",
        "cold read",
        "invoke read",
        "warm write",
        "warm read",
        "memory",
    ];
    let tables = sizes.iter().map(|size| {
        let rows: Vec<Vec<String>> = variants
            .iter()
            .filter(|variant| samples.median(size, variant, "memory").is_some())
            .map(|variant| {
                let cells = measures.iter().map(|measure| {
                    samples.summary(size, variant, measure).map_or("–".to_owned(), |summary| {
                        format!("{} ({})", significant(summary.median), significant(summary.minimum))
                    })
                });
                [format!("`{variant}`")].into_iter().chain(cells).collect()
            })
            .collect();
        format!(
            "### {size} MB\n\nMedians (minima) in ms, memory in MB; cold is init and invocation.\n\n{}",
            markdown(&measures, &rows)
        )
    });
    Ok(tables.collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLD: &str = "REPORT RequestId: 3604209a-e9a3-11e6-939a-754dd98c7be3\tDuration: 12.34 ms\t\
        Billed Duration: 61 ms\tMemory Size: 128 MB\tMax Memory Used: 18 MB\tInit Duration: 48.50 ms\t";
    const WARM: &str = "REPORT RequestId: 3604209a-e9a3-11e6-939a-754dd98c7be4\tDuration: 2.10 ms\t\
        Billed Duration: 3 ms\tMemory Size: 128 MB\tMax Memory Used: 18 MB\t\n\
        XRAY TraceId: 1-5bef4de7-ad49b0e87f6ef6c87fc2e700\tSegmentId: 0\tSampled: true";
    const JSON: &str = r#"{"time":"2026-11-24T10:00:00.000Z","type":"platform.report","record":{"requestId":
        "8476a536-e9f4-11e8-9739-2dfe598c3fcd","metrics":{"durationMs":101.51,"billedDurationMs":219,
        "memorySizeMB":512,"maxMemoryUsedMB":33,"initDurationMs":116.67},"status":"success"}}"#;

    #[test]
    fn reports_of_both_formats_are_read() {
        let cold = Report {
            duration: 12.34,
            init: Some(48.5),
            memory_mb: 128.0,
            used_mb: 18.0,
        };
        assert_eq!(Report::parse(COLD), Some(cold));
        let warm = WARM.lines().next().unwrap();
        assert_eq!(
            Report::parse(warm),
            Some(Report {
                duration: 2.1,
                init: None,
                ..cold
            })
        );
        let json = Report {
            duration: 101.51,
            init: Some(116.67),
            memory_mb: 512.0,
            used_mb: 33.0,
        };
        assert_eq!(Report::parse(&JSON.replace('\n', "")), Some(json));
    }

    #[test]
    fn other_lines_and_failures_are_no_reports() {
        for line in [
            "START RequestId: 3604209a Version: $LATEST",
            "END RequestId: 3604209a",
            "INIT_REPORT Init Duration: 10008.71 ms\tPhase: init\tStatus: timeout",
            "INFO S3 client ready client_ms=0.2",
            &format!("{COLD}Status: timeout"),
            &JSON.replace('\n', "").replace("success", "timeout"),
            r#"{"type":"platform.start","record":{}}"#,
            "REPORT RequestId: 1\tDuration: x ms\tMemory Size: 128 MB\tMax Memory Used: 18 MB",
        ] {
            assert_eq!(Report::parse(line), None, "{line}");
        }
    }

    #[test]
    fn collected_lines_become_a_table_for_each_size() {
        let warm = WARM.lines().next().unwrap();
        let collected = format!(
            "ours\twrite\t{COLD}\nours\twrite\t{warm}\npeer\tread\t{}\n",
            JSON.replace('\n', "")
        );
        let tables = tables(&collected).unwrap();
        assert!(
            tables.contains("### 128 MB") && tables.contains("### 512 MB"),
            "{tables}"
        );
        let ours = tables
            .lines()
            .find(|line| line.starts_with("| `ours`"))
            .unwrap();
        let cells: Vec<&str> = ours.split('|').map(str::trim).collect();
        assert_eq!(cells[2..5], ["48.5 (48.5)", "60.8 (60.8)", "12.3 (12.3)"]);
        assert_eq!(cells[7], "2.10 (2.10)");
        let error = super::tables("ours\twrite\tEND RequestId").unwrap_err();
        assert!(error.contains("line 1"), "{error}");
    }
}
