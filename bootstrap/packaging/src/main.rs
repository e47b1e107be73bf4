//! `packaging ARCHITECTURE LINKAGE EXECUTABLE COMMIT COMPILER OUT` checks the executable and packs it.
//!
//! It writes `bootstrap.zip` and `bootstrap.cdx.json` into the folder OUT. `bootstrap/package` calls it.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use packaging::executable::{Architecture, Linkage};
use packaging::{archive, executable, sbom};
use sha2::{Digest, Sha256};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(report) => {
            print!("{report}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("bootstrap/package: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<String, Box<dyn Error>> {
    let [architecture, linkage, executable, commit, compiler, out] = arguments else {
        return Err("usage: packaging ARCHITECTURE LINKAGE EXECUTABLE COMMIT COMPILER OUT".into());
    };
    let architecture = Architecture::from_name(architecture)
        .ok_or_else(|| format!("expected arm64 or x86_64, found {architecture}"))?;
    let linkage = Linkage::from_name(linkage)
        .ok_or_else(|| format!("expected static or dynamic, found {linkage}"))?;
    let target = architecture.target(linkage);
    let out = Path::new(out);
    let bytes = fs::read(executable).map_err(|error| format!("{executable}: {error}"))?;
    executable::check(&bytes, architecture, linkage)
        .map_err(|error| format!("{executable}: {error}"))?;

    let version =
        format!("dojang {VERSION}\ncommit {commit}\ntarget {target}\ncompiler {compiler}\n");
    let zip = archive::zip(&bytes, &version)?;
    let lock = fs::read_to_string(Path::new(WORKSPACE).join("Cargo.lock"))?;
    let metadata = cargo(&[
        "metadata",
        "--format-version",
        "1",
        "--filter-platform",
        target,
    ])?;
    let tree = cargo(&[&TREE[..], &["--target", target]].concat())?;
    let metadata = serde_json::from_str(&metadata)?;
    let described = sbom::Executable {
        digest: &hex_digest(&bytes),
        compiler,
        linkage,
    };
    let sbom = sbom::sbom(&metadata, &tree, &lock, &described)?;
    fs::create_dir_all(out)?;
    fs::write(out.join("bootstrap.zip"), &zip)?;
    fs::write(
        out.join("bootstrap.cdx.json"),
        serde_json::to_string_pretty(&sbom)? + "\n",
    )?;

    let glibc = executable::glibc(&bytes)?.map_or(String::new(), |(major, minor)| {
        format!(", glibc {major}.{minor}")
    });
    Ok(format!(
        "{version}executable {} bytes, {}{glibc}\n{} {} bytes, sha256 {}\n",
        bytes.len(),
        linkage.name(),
        out.join("bootstrap.zip").display(),
        zip.len(),
        hex_digest(&zip)
    ))
}

/// What cargo prints.
fn cargo(arguments: &[&str]) -> Result<String, Box<dyn Error>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(arguments)
        .arg("--locked")
        .current_dir(WORKSPACE)
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn hex_digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

const VERSION: &str = env!("CARGO_PKG_VERSION");
const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
/// Prints the crates of the function alone, a line each.
const TREE: [&str; 9] = [
    "tree",
    "--package",
    "dojang",
    "--edges",
    "normal",
    "--prefix",
    "none",
    "--format",
    "{p}",
];
