//! Figures in documents: `<!-- =NAME UNIT -->figure<!-- = -->`.

use std::collections::BTreeMap;

use crate::bench;
use crate::constants::{Value, constants};
use crate::tree::Tree;

/// What figures can be made of.
pub(crate) struct Known {
    constants: BTreeMap<String, Value>,
    /// Ready-made texts by name.
    texts: BTreeMap<String, String>,
    pub(crate) benchmark: bench::Table,
}

impl Known {
    pub(crate) fn of(tree: &Tree) -> Self {
        let text = |name: &str| match tree.get(name) {
            Some(file) => file.text.clone(),
            None => panic!("{name} is missing"),
        };
        let between = |text: &str, begin: &str, end: &str| {
            let (_, rest) = text.split_once(begin).expect("it begins");
            rest.split_once(end).expect("it ends").0.to_owned()
        };
        let crates = between(&text("tests/dependencies.rs"), "ALLOWED: &[&str] = &[", "]");
        let rust = between(&text("Cargo.toml"), "rust-version = \"", "\"");
        let template = text("bootstrap/template.yaml");
        let days = between(&template, "NoncurrentDays: ", "\n");
        let memory = between(&template, "  MemorySize:", "MinValue");
        let memory = between(&memory, "Default: ", "\n");
        let proof = text("docs/proof.md");
        let first_visit = text("tests/more/web/first-visit.test.js");
        let texts = [
            (
                "crates",
                crates.matches('"').count().div_ceil(2).to_string(),
            ),
            ("rust-version", rust),
            ("version-days", days),
            ("memory-mb", memory),
            (
                "simulated-changes",
                sum(&between(
                    &proof,
                    "<!-- simulated -->",
                    "<!-- end of simulated -->",
                )),
            ),
            (
                "fuzz-executions",
                sum(&between(
                    &proof,
                    "<!-- fuzzed -->",
                    "<!-- end of fuzzed -->",
                )),
            ),
            (
                "web-most-kb",
                thousands(&between(&first_visit, "const SIZE_MAX = ", ";")),
            ),
            (
                "web-most-gzipped-kb",
                thousands(&between(&first_visit, "const GZIP_MAX = ", ";")),
            ),
        ];
        Self {
            constants: constants(tree),
            texts: texts.map(|(name, text)| (name.to_owned(), text)).into(),
            benchmark: bench::Table::read(&text("docs/bench/cold_start.md")),
        }
    }

    fn figure(&self, name: &str, unit: Option<&str>) -> Result<String, String> {
        if name == "cold-starts" {
            return Ok(format!("\n\n{}\n\n", self.benchmark.short()));
        }
        if let Some(cell) = name.strip_prefix("bench:") {
            return self.benchmark.cell(cell, unit.unwrap_or_default());
        }
        if let Some(text) = self.texts.get(name) {
            return Ok(text.clone());
        }
        let value = self
            .constants
            .get(name)
            .ok_or_else(|| format!("expected a constant, found {name}"))?;
        in_unit(*value, unit)
            .ok_or_else(|| format!("{name}: expected whole {}", unit.unwrap_or("units")))
    }
}

/// Of the last column of a table, which has a head and at least one row.
fn sum(table: &str) -> String {
    let rows: Vec<&str> = table.trim().lines().skip(2).collect();
    assert!(!rows.is_empty(), "expected rows, found {table}");
    let number = |row: &&str| {
        let cell = row.trim_end_matches([' ', '|']).rsplit('|').next();
        let number = cell.and_then(|cell| cell.trim().replace(',', "").parse::<i64>().ok());
        number.unwrap_or_else(|| panic!("expected a number at the end, found {row}"))
    };
    grouped(rows.iter().map(number).sum())
}

#[test]
fn the_last_column_is_added_up() {
    assert_eq!(
        sum("\n| a | n |\n| --- | ---: |\n| x | 1,200 |\n| y | 34 |\n"),
        "1,234"
    );
    for bad in [
        "| a | n |\n| --- | ---: |",
        "| a | n |\n| --- | ---: |\n| x | 1 200 |",
    ] {
        assert!(std::panic::catch_unwind(|| sum(bad)).is_err(), "{bad}");
    }
}

/// `132_500` as `132.5`.
fn thousands(number: &str) -> String {
    let text = number.replace('_', ".");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn in_unit(value: Value, unit: Option<&str>) -> Option<String> {
    let (number, divisor) = match (value, unit) {
        (Value::Number(number), None) | (Value::Milliseconds(number), Some("ms")) => (number, 1),
        (Value::Number(number), Some("kB")) => (number, 1 << 10),
        (Value::Number(number), Some("MB")) => (number, 1 << 20),
        (Value::Number(number), Some("h")) => (number, 3_600),
        (Value::Number(number), Some("days")) => (number, 86_400),
        (Value::Milliseconds(number), Some("s")) => (number, 1_000),
        _ => return None,
    };
    // Tenths of a second are usual.
    if unit == Some("s") && number % 1_000 != 0 && number % 100 == 0 {
        return Some(format!("{}.{}", number / 1_000, number % 1_000 / 100));
    }
    (number % divisor == 0).then(|| grouped(number / divisor))
}

/// A number with a comma between each three digits.
fn grouped(number: i64) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let mut groups = Vec::new();
    if first > 0 {
        groups.push(&digits[..first]);
    }
    groups.extend(
        (first..digits.len())
            .step_by(3)
            .map(|at| &digits[at..at + 3]),
    );
    groups.join(",")
}

/// The document with its figures written anew, and how many there are.
pub(crate) fn renew(text: &str, known: &Known) -> Result<(String, usize), String> {
    let mut renewed = String::new();
    let mut found = 0;
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(BEGIN) {
        let (name, after) = after.split_once(" -->").ok_or("a marker does not end")?;
        let (_, after) = after
            .split_once(END)
            .ok_or_else(|| format!("{name}: expected {END}"))?;
        let mut words = name.split(' ');
        let figure = known.figure(words.next().unwrap_or_default(), words.next())?;
        renewed += &format!("{before}{BEGIN}{name} -->{figure}{END}");
        found += 1;
        rest = after;
    }
    Ok((renewed + rest, found))
}

const BEGIN: &str = "<!-- =";
const END: &str = "<!-- = -->";

#[test]
fn a_changed_constant_makes_a_figure_stale() {
    let known = |capacity| Known {
        constants: [
            ("CAPACITY".to_owned(), Value::Number(capacity)),
            ("PAUSE".to_owned(), Value::Milliseconds(300)),
        ]
        .into(),
        texts: BTreeMap::new(),
        benchmark: bench::Table::read(""),
    };
    let document = "the last <!-- =CAPACITY -->1,280<!-- = --> in <!-- =PAUSE s -->0.3<!-- = --> s";
    assert_eq!(renew(document, &known(1_280)), Ok((document.to_owned(), 2)));
    let (renewed, _) = renew(document, &known(160)).expect("it can be renewed");
    assert_eq!(renewed, document.replace("1,280", "160"));
    assert!(renew("<!-- =GONE -->1<!-- = -->", &known(1)).is_err());
    assert!(renew("<!-- =CAPACITY -->1", &known(1)).is_err());
}
