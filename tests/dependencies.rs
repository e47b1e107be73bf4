//! What is in the shipped executable: a written list of crates, so that none comes in unnoticed.

use std::collections::BTreeSet;
use std::process::Command;

#[test]
fn the_shipped_crates_are_those_of_the_list() {
    let tree = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--locked",
            "--offline",
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
    // A line is `name vVERSION`, perhaps followed by a path or ` (*)`. Two versions of one crate count
    // as two.
    let shipped: Vec<&str> = tree
        .lines()
        .filter_map(|line| line.split(" (").next())
        .collect();
    let shipped: BTreeSet<&str> = shipped
        .into_iter()
        .filter(|line| !line.is_empty())
        .collect();
    let names: Vec<&str> = shipped
        .iter()
        .filter_map(|line| line.split(' ').next())
        .collect();
    println!("{} crates in the shipped executable", names.len());
    assert_eq!(names, ALLOWED);
    assert!(names.len() <= MOST, "{} crates", names.len());
}

#[test]
fn the_readme_gives_a_reason_for_every_direct_dependency() {
    let manifest = include_str!("../Cargo.toml");
    let (_, dependencies) = manifest
        .split_once("\n[dependencies]\n")
        .expect("there is a table");
    let (dependencies, _) = dependencies.split_once("\n\n").expect("the table ends");
    let readme = include_str!("../README.md");
    for line in dependencies.lines() {
        let (name, _) = line.split_once(' ').expect("a dependency has a name");
        assert!(
            readme.contains(&format!("| `{name}` |")),
            "README.md: no row for {name}"
        );
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
    "cpufeatures",
    "crypto-common",
    "ctutils",
    "deranged",
    "digest",
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
