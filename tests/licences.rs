//! Licences and duplicates among the crates, from `cargo metadata`, against the lists of `deny.toml`.
//!
//! It needs neither the network nor another tool.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

#[test]
fn every_crate_has_a_licence_that_we_may_use() {
    let permitted = list("allow");
    for package in packages() {
        let name = &package.name;
        let licence = package.licence.as_deref();
        let licence = licence.unwrap_or_else(|| panic!("{name}: expected a licence, found none"));
        assert!(
            is_permitted(licence, &permitted),
            "{name}: expected one of {permitted:?}, found {licence}"
        );
    }
}

#[test]
fn no_crate_is_there_twice_but_those_on_the_list() {
    let mut versions = BTreeMap::<String, BTreeSet<String>>::new();
    for package in packages() {
        versions
            .entry(package.name)
            .or_default()
            .insert(package.version);
    }
    let duplicates: Vec<&str> = versions
        .iter()
        .filter(|(_, versions)| versions.len() > 1)
        .map(|(name, _)| &**name)
        .collect();
    let expected = list("skip");
    println!("{} crates, twice: {duplicates:?}", versions.len());
    for name in &duplicates {
        assert!(expected.contains(name), "{name}: {:?}", versions[*name]);
    }
    for name in &expected {
        assert!(
            duplicates.contains(name)
                || cfg!(not(all(target_os = "linux", target_arch = "x86_64"))),
            "{name} is there once; take it off the list"
        );
    }
}

#[test]
fn the_lock_file_is_committed() {
    let tracked = Command::new("git")
        .args(["ls-files", "--error-unmatch", "Cargo.lock"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    // A source archive has no history; the lock file is there all the same.
    let has_history = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.git")).exists();
    if has_history && let Ok(output) = tracked {
        assert!(output.status.success(), "git does not know Cargo.lock");
    }
    assert!(include_str!("../Cargo.lock").contains("name = \"dojang\""));
}

#[test]
fn licences_are_read_as_spdx_means_them() {
    for (licence, expected) in [
        ("MIT", true),
        ("MIT OR GPL-3.0-only", true),
        ("MIT/Apache-2.0", true),
        ("GPL-3.0-only", false),
        ("MIT AND GPL-3.0-only", false),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
        ("(MIT OR Apache-2.0) AND GPL-3.0-only", false),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("", false),
    ] {
        assert_eq!(is_permitted(licence, &list("allow")), expected, "{licence}");
    }
}

struct Package {
    name: String,
    version: String,
    licence: Option<String>,
}

/// All crates of the workspace for this machine's kind, those for tests included, and those of the shipped
/// executable, which is built for musl.
fn packages() -> Vec<Package> {
    let targets = if cfg!(target_arch = "aarch64") {
        ["aarch64-unknown-linux-gnu", "aarch64-unknown-linux-musl"]
    } else {
        ["x86_64-unknown-linux-gnu", "x86_64-unknown-linux-musl"]
    };
    // Not offline: where only this machine's own target was built so far, crates for musl are yet to come.
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--format-version", "1"])
        .args(targets.map(|target| format!("--filter-platform={target}")))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    let used: BTreeSet<&str> = metadata["resolve"]["nodes"]
        .as_array()
        .expect("nodes is a list")
        .iter()
        .filter_map(|node| node["id"].as_str())
        .collect();
    assert!(
        used.iter().any(|id| id.contains("dlmalloc")),
        "what is only in the shipped executable is looked at too"
    );
    let packages = metadata["packages"].as_array().expect("packages is a list");
    let text = |value: &Value| value.as_str().map(str::to_owned);
    packages
        .iter()
        .filter(|package| package["id"].as_str().is_some_and(|id| used.contains(id)))
        .map(|package| Package {
            name: text(&package["name"]).expect("a package has a name"),
            version: text(&package["version"]).expect("a package has a version"),
            licence: text(&package["license"]),
        })
        .collect()
}

/// Whether an SPDX expression permits use under one of `permitted`. Parentheses may enclose
/// alternatives; `AND` divides what must all be met.
fn is_permitted(expression: &str, permitted: &[&str]) -> bool {
    // `A AND (B OR C)` and the like: no crate nests deeper, and what this misreads is refused.
    expression.split(" AND ").all(|part| {
        part.trim_matches(['(', ')'])
            .split(" OR ")
            .flat_map(|part| part.split('/'))
            .map(|licence| licence.split(" WITH ").next().unwrap_or_default().trim())
            .any(|licence| permitted.contains(&licence))
    })
}

/// The strings of a list in `deny.toml`, which has one on a line.
fn list(name: &str) -> Vec<&'static str> {
    let text = include_str!("../deny.toml");
    let (_, rest) = text
        .split_once(&format!("\n{name} = [\n"))
        .expect("the list is there");
    let (items, _) = rest.split_once("\n]").expect("the list ends");
    let items: Vec<_> = items.split('"').skip(1).step_by(2).collect();
    assert!(items.len() > 5, "{name}: {items:?}");
    items
}
