//! What is in the shipped executable: a written list of crates, so that none comes in unnoticed.

use std::collections::BTreeSet;
use std::process::Command;

#[test]
fn the_shipped_crates_are_those_of_the_list() {
    for target in ["aarch64-unknown-linux-musl", "x86_64-unknown-linux-musl"] {
        let crates = crates(target);
        println!(
            "{target}: {} crates in the shipped executable",
            crates.len()
        );
        assert_eq!(crates, ALLOWED, "{target}");
        assert!(crates.len() <= MOST, "{} crates", crates.len());
    }
}

/// The names of the crates in the executable for a target. Two versions of one crate count as two.
fn crates(target: &str) -> Vec<String> {
    // Not offline: where only this machine's own target was built so far, crates for musl are yet to come.
    let tree = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--locked",
            "--target",
            target,
            "--package",
            "dojang",
            "--edges",
            "normal",
        ])
        .args(["--prefix", "none", "--format", "{p}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(
        tree.status.success(),
        "{}",
        String::from_utf8_lossy(&tree.stderr)
    );
    let tree = String::from_utf8(tree.stdout).expect("crate names are ASCII");
    // A line is `name vVERSION`, perhaps followed by a path or ` (*)`.
    let shipped: BTreeSet<&str> = tree
        .lines()
        .filter_map(|line| line.split(" (").next())
        .filter(|line| !line.is_empty())
        .collect();
    shipped
        .into_iter()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_design_gives_a_reason_for_every_direct_dependency() {
    let manifest = include_str!("../Cargo.toml");
    let design = include_str!("../DESIGN.md");
    for table in [
        "\n[dependencies]\n",
        "\n[target.'cfg(target_env = \"musl\")'.dependencies]\n",
    ] {
        let (_, dependencies) = manifest.split_once(table).expect("there is a table");
        let (dependencies, _) = dependencies.split_once("\n\n").expect("the table ends");
        for line in dependencies.lines() {
            let (name, _) = line.split_once(' ').expect("a dependency has a name");
            assert!(
                design.contains(&format!("| `{name}` |")),
                "DESIGN.md: no row for {name}"
            );
        }
    }
}

/// Fewer is better; more than this is too many.
const MOST: usize = 52;

const ALLOWED: &[&str] = &[
    "base64",
    "block-buffer",
    "bytes",
    "cfg-if",
    "cmov",
    "copying",
    "cpufeatures",
    "crypto-common",
    "ctutils",
    "deranged",
    "digest",
    "dlmalloc",
    "dojang",
    "getrandom",
    "hex",
    "hmac",
    "http",
    "httparse",
    "hybrid-array",
    "itoa",
    "libc",
    "log",
    "memchr",
    "num-conv",
    "once_cell",
    "percent-encoding",
    "powerfmt",
    "ring",
    "rustls",
    "rustls-pki-types",
    "rustls-webpki",
    "serde_core",
    "serde_json",
    "sha2",
    "subtle",
    "time",
    "time-core",
    "tinyvec",
    "typenum",
    "unicode-normalization",
    "untrusted",
    "ureq",
    "ureq-proto",
    "utf8-zero",
    "webpki-roots",
    "zeroize",
    "zmij",
];
