//! The benchmark's table in `docs/bench/cold_start.md`, which other documents quote.

use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(crate) struct Table {
    columns: Vec<String>,
    /// Cells by the variant's name.
    rows: BTreeMap<String, Vec<String>>,
}

impl Table {
    /// Reads the table under its heading; an empty one if there is none.
    pub(crate) fn read(document: &str) -> Self {
        let Some((_, section)) = document.split_once("### Cold and warm, full CPU\n") else {
            return Self::default();
        };
        let mut lines = section
            .lines()
            .skip_while(|line| line.is_empty())
            .take_while(|line| line.starts_with('|'))
            .map(|line| {
                let cells = line.trim_matches('|').split('|');
                cells.map(|cell| cell.trim().to_owned()).collect::<Vec<_>>()
            });
        let columns = lines.next().unwrap_or_default();
        // The second line is the rule.
        let rows = lines.skip(1).map(|cells| {
            let name = cells[0].trim_matches('`').to_owned();
            (name, cells)
        });
        Self {
            rows: rows.collect(),
            columns,
        }
    }

    /// The median or, where `which` is `minimum`, what stands in parentheses: of `variant:column`, where
    /// underscores stand for spaces.
    pub(crate) fn cell(&self, place: &str, which: &str) -> Result<String, String> {
        let (variant, column) = place.split_once(':').ok_or("expected variant:column")?;
        let cell = self
            .find(variant, &column.replace('_', " "))
            .ok_or_else(|| format!("the benchmark has no {place}"))?;
        let (median, minimum) = cell.split_once(" (").unwrap_or((cell, cell));
        Ok(match which {
            "minimum" => minimum.trim_end_matches(')').to_owned(),
            _ => median.to_owned(),
        })
    }

    /// Some columns of some variants, for the README.
    pub(crate) fn short(&self) -> String {
        let mut lines = vec![
            format!("| medians | {} |", COLUMNS.join(" | ")),
            format!("| --- |{}", " ---: |".repeat(COLUMNS.len())),
        ];
        for (variant, what) in VARIANTS {
            let cells = COLUMNS.map(|column| {
                let cell = self.find(variant, column).unwrap_or("–");
                cell.split(" (").next().unwrap_or(cell)
            });
            lines.push(format!("| {what} | {} |", cells.join(" | ")));
        }
        lines.join("\n")
    }

    fn find(&self, variant: &str, column: &str) -> Option<&str> {
        let at = self.columns.iter().position(|name| name == column)?;
        self.rows.get(variant)?.get(at).map(|cell| &**cell)
    }
}

const COLUMNS: [&str; 5] = [
    "init, ms",
    "cold write, ms",
    "warm write, ms",
    "peak RSS, MB",
    "zip, MB",
];

const VARIANTS: [(&str, &str); 7] = [
    ("ours", "**this project**, as shipped"),
    ("sdk-tuned", "Rust, AWS SDK, tuned"),
    ("sdk-documented", "Rust, AWS SDK, as documented"),
    ("rusty-s3", "Rust, `rusty-s3` and `ureq`"),
    ("object-store", "Rust, `object_store`"),
    ("node-sdk", "Node, AWS SDK v3"),
    ("py-boto3", "Python, `boto3`"),
];

#[test]
fn cells_are_found_by_variant_and_column() {
    let table = Table::read(
        "### Cold and warm, full CPU\n\n|  | init, ms | zip, MB |\n| --- | --: | --: |\n| `ours` | 2.70 (2.49) | 1.30 |\n\nx",
    );
    assert_eq!(table.cell("ours:init,_ms", ""), Ok("2.70".to_owned()));
    assert_eq!(
        table.cell("ours:init,_ms", "minimum"),
        Ok("2.49".to_owned())
    );
    assert!(table.cell("theirs:init,_ms", "").is_err());
    assert!(table.short().contains("| 2.70 | – | – | – | 1.30 |"));
}
