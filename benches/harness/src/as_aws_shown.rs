//! What is shown of the runs as AWS: a table, and a picture.

use crate::as_aws;
use crate::chart::bars::{Bar, Bars};
use crate::markdown::{markdown, significant};
use crate::parts::Results;
use crate::variants::OURS;

/// The table, or `None` without samples.
pub(crate) fn table(results: &Results) -> Option<String> {
    let rows = results.rows(as_aws::SECTION, "invoke_ms", |variant| {
        let cell = |(_, measure): &(&str, &str)| {
            let median = results
                .samples
                .median(as_aws::SECTION, variant.name, measure);
            median.map_or("–".to_owned(), |value| match measure.ends_with("_ms") {
                true => significant(value),
                false => value.to_string(),
            })
        };
        MEASURES.iter().map(cell).collect()
    })?;
    let names = MEASURES.map(|(name, _)| name);
    Some(format!(
        "### As AWS\n\nMedians, a write. {}; two hosts, {} MB's share of a CPU after INIT. The last two \
         columns count the answers of S3 that an invocation waits for one after the other.\n\n{}",
        results.shape.sentence(),
        as_aws::MEGABYTES,
        markdown(&names, &rows)
    ))
}

/// A change on a cold function from its start to its answer, as a picture; `None` without samples.
pub(crate) fn chart(results: &Results, subtitle: &str) -> Option<String> {
    results.samples.median(as_aws::SECTION, OURS, "invoke_ms")?;
    let bars = SHOWN.iter().filter_map(|(variant, name)| {
        let median = |measure| results.samples.median(as_aws::SECTION, variant, measure);
        let (init, invoke, waited) = (
            median("init_ms")?,
            median("invoke_ms")?,
            median("waited_ms")?,
        );
        Some(Bar {
            name: (*name).to_owned(),
            parts: vec![init, waited, invoke - waited],
        })
    });
    let bars = Bars {
        title: "A change on a cold function, as AWS, in ms",
        subtitle: [results.shape.sentence(), subtitle.to_owned()],
        parts: &["INIT", "waiting for S3", "own work"],
        bars: bars.collect(),
    };
    Some(bars.svg())
}

const MEASURES: [(&str, &str); 7] = [
    ("invocation, cold, ms", "invoke_ms"),
    ("of it for S3", "waited_ms"),
    ("INIT, ms", "init_ms"),
    ("INIT and cold invocation, ms", "cold_write_ms"),
    ("invocation, warm, ms", "warm_write_ms"),
    ("S3 answers in sequence, cold", "answers"),
    ("warm", "warm_answers"),
];
/// What the picture shows, and how it is called there.
const SHOWN: &[(&str, &str)] = &[
    (OURS, "this project"),
    ("sdk-tuned", "Rust, AWS SDK, tuned"),
    ("sdk-documented", "Rust, AWS SDK, as documented"),
    ("object-store", "Rust, object_store"),
    ("node-sdk", "Node, AWS SDK v3"),
    ("py-botocore", "Python, botocore"),
    ("py-boto3", "Python, boto3"),
];
