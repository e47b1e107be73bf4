//! What the packer refuses; and that archives and SBOMs are the same each time.
//!
//! The executables are this test's own, stripped, with single bytes changed.

use std::path::Path;
use std::process::Command;

use goblin::elf::Elf;
use goblin::elf::dynamic::{DT_DEBUG, DT_NEEDED};
use goblin::elf::header::ET_EXEC;
use goblin::elf::program_header::{PT_DYNAMIC, PT_INTERP, PT_NULL};
use packaging::executable::{Architecture, Linkage, Unfit, check, glibc, linkage};
use packaging::{archive, sbom};
use serde_json::{Value, json};

#[test]
fn a_stripped_executable_for_the_right_machine_passes() {
    assert_eq!(check(&stripped(), HERE, Linkage::Dynamic), Ok(()));
    assert_eq!(linkage(&stripped()), Ok(Linkage::Dynamic));
    assert!(glibc(&stripped()).unwrap() <= Some((2, 34)));
}

#[test]
fn a_static_executable_passes_as_what_it_is() {
    let bytes = without_loader_and_libraries(&stripped());
    assert_eq!(linkage(&bytes), Ok(Linkage::Static));
    assert_eq!(check(&bytes, HERE, Linkage::Static), Ok(()));
    for (bytes, expected, found) in [
        (&bytes, Linkage::Dynamic, Linkage::Static),
        (&stripped(), Linkage::Static, Linkage::Dynamic),
    ] {
        let error = check(bytes, HERE, expected).unwrap_err();
        assert_eq!(error, Unfit::Linkage { expected, found });
    }
}

#[test]
fn a_fixed_address_is_refused() {
    // The type of file comes after the 16 bytes that identify ELF.
    let mut executable = stripped();
    executable[16..18].copy_from_slice(&ET_EXEC.to_le_bytes());
    let error = check(&executable, HERE, Linkage::Dynamic).unwrap_err();
    assert_eq!(error, Unfit::FixedAddress);
    assert!(error.to_string().contains("fixed address"), "{error}");
}

#[test]
fn another_machine_is_refused() {
    let error = check(&stripped(), ELSEWHERE, Linkage::Dynamic).unwrap_err();
    assert!(matches!(error, Unfit::Architecture { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains(ELSEWHERE.target(Linkage::Dynamic)), "{text}");
    let text = check(&stripped(), ELSEWHERE, Linkage::Static)
        .unwrap_err()
        .to_string();
    assert!(text.contains(ELSEWHERE.target(Linkage::Static)), "{text}");
    assert!(matches!(
        check(b"#!/bin/sh\n", HERE, Linkage::Dynamic),
        Err(Unfit::NotElf(_))
    ));
    assert!(matches!(
        check(b"", HERE, Linkage::Dynamic),
        Err(Unfit::NotElf(_))
    ));
}

#[test]
fn symbols_are_refused() {
    let itself = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    assert_eq!(
        check(&itself, HERE, Linkage::Dynamic),
        Err(Unfit::NotStripped)
    );
}

#[test]
fn a_newer_glibc_is_refused() {
    for newer in ["GLIBC_2.35", "GLIBC_3.17", "GLIBC_ABII"] {
        let changed = replaced(&stripped(), "GLIBC_2.34", newer);
        assert_eq!(
            check(&changed, HERE, Linkage::Dynamic),
            Err(Unfit::SymbolVersion(newer.into()))
        );
    }
    let error = Unfit::SymbolVersion("GLIBC_2.36".into()).to_string();
    assert!(error.contains("GLIBC_2.34"), "{error}");
}

#[test]
fn a_library_that_lambda_lacks_is_refused() {
    let changed = replaced(&stripped(), "libgcc_s.so.1", "libssl.so.3xx");
    assert_eq!(
        check(&changed, HERE, Linkage::Dynamic),
        Err(Unfit::Library("libssl.so.3xx".into()))
    );
    let changed = replaced(&stripped(), "/ld-linux-", "/ld-lunix-");
    assert!(matches!(
        check(&changed, HERE, Linkage::Dynamic),
        Err(Unfit::Library(_))
    ));
}

#[test]
fn equal_input_makes_an_equal_zip_that_can_be_run() {
    let first = archive::zip(b"not really an executable", "dojang 1").unwrap();
    assert_eq!(
        archive::zip(b"not really an executable", "dojang 1").unwrap(),
        first
    );
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(&first)).unwrap();
    let names: Vec<_> = archive
        .file_names()
        .map(|name| name.unwrap().into_owned())
        .collect();
    assert_eq!(names, ["bootstrap", "VERSION"]);
    let file = archive.by_name("bootstrap").unwrap();
    assert_eq!(file.unix_mode(), Some(0o100_755));
    assert_eq!(file.last_modified().map(|time| time.year()), Some(1980));
    assert!(file.extra_data().as_deref().is_none_or(<[u8]>::is_empty));
}

#[test]
fn the_sbom_names_what_is_compiled_in_and_nothing_else() {
    let lock = std::fs::read_to_string(workspace().join("Cargo.lock")).unwrap();
    let bom = sbom::sbom(&metadata(), &tree(), &lock, &EXECUTABLE).unwrap();
    assert_eq!(bom["metadata"]["component"]["name"], "dojang");
    assert_eq!(bom["metadata"]["component"]["hashes"][0]["content"], "00ff");
    let components = bom["components"].as_array().unwrap();
    let (crates, brought) = components.split_at(components.len() - 3);
    assert_eq!(brought[0]["name"], "rust-std");
    assert_eq!(brought[0]["version"], "1.95.0");
    assert_eq!(brought[1]["name"], "musl");
    assert_eq!(brought[1]["licenses"][0]["expression"], "MIT");
    assert_eq!(brought[2]["name"], "libunwind");
    assert_eq!(
        brought[2]["licenses"][0]["expression"],
        "Apache-2.0 WITH LLVM-exception"
    );
    let mut names: Vec<_> = crates
        .iter()
        .map(|component| component["name"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    // That list is held by the test `dependencies`.
    let lines = tree();
    let mut expected: Vec<_> = lines
        .lines()
        .filter_map(|line| line.split(' ').next())
        .filter(|name| !name.is_empty() && *name != "dojang")
        .collect();
    expected.sort_unstable();
    expected.dedup();
    assert_eq!(names, expected);
    for name in ["copying", "dlmalloc"] {
        assert!(names.contains(&name), "{name} is in what is shipped");
    }
    for component in crates {
        // What is this project's own has no archive.
        let is_ours = component["name"] == "copying";
        assert!(
            component["licenses"][0]["expression"].is_string()
                && component["hashes"][0]["content"].is_string() != is_ours
                && component["purl"].is_string() != is_ours,
            "{component}"
        );
    }
    let references: Vec<_> = components
        .iter()
        .map(|component| &component["bom-ref"])
        .collect();
    for dependency in bom["dependencies"].as_array().unwrap() {
        for needed in dependency["dependsOn"].as_array().unwrap() {
            assert!(references.contains(&needed), "{needed}");
        }
    }
    assert_eq!(
        sbom::sbom(&metadata(), &tree(), &lock, &EXECUTABLE).unwrap(),
        bom
    );
    let dynamic = sbom::Executable {
        linkage: Linkage::Dynamic,
        ..EXECUTABLE
    };
    let bom = sbom::sbom(&metadata(), &tree(), &lock, &dynamic).unwrap();
    let last = bom["components"].as_array().unwrap().last().unwrap();
    assert_eq!(last["name"], "rust-std", "of a dynamic one nothing else");
}

#[test]
fn metadata_without_the_function_makes_no_sbom() {
    for metadata in [json!({}), json!({"packages": [], "resolve": {"nodes": []}})] {
        let error = sbom::sbom(&metadata, "", "", &EXECUTABLE)
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("expected "), "{error}");
    }
}

/// This test's executable without symbols, made by the binutils that the linker is a part of.
fn stripped() -> Vec<u8> {
    let (process, thread) = (std::process::id(), std::thread::current().id());
    let name = format!("stripped-{process}-{thread:?}");
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let status = Command::new("strip")
        .arg("-o")
        .arg(&path)
        .arg(std::env::current_exe().unwrap())
        .status()
        .expect("strip runs");
    assert!(status.success());
    let bytes = std::fs::read(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    bytes
}

/// As if it were linked statically: no loader is named, and no library.
fn without_loader_and_libraries(bytes: &[u8]) -> Vec<u8> {
    let elf = Elf::parse(bytes).unwrap();
    let mut changed = bytes.to_vec();
    let size = usize::from(elf.header.e_phentsize);
    for (index, header) in elf.program_headers.iter().enumerate() {
        if header.p_type == PT_INTERP {
            let at = usize::try_from(elf.header.e_phoff).unwrap() + index * size;
            changed[at..at + 4].copy_from_slice(&PT_NULL.to_le_bytes());
        }
        if header.p_type == PT_DYNAMIC {
            let start = usize::try_from(header.p_offset).unwrap();
            let end = start + usize::try_from(header.p_filesz).unwrap();
            // Pairs of a tag and a value.
            for entry in changed[start..end].chunks_exact_mut(16) {
                if entry[..8] == DT_NEEDED.to_le_bytes() {
                    entry[..8].copy_from_slice(&DT_DEBUG.to_le_bytes());
                }
            }
        }
    }
    changed
}

/// `old` becomes `new`, of the same length, wherever it is.
fn replaced(bytes: &[u8], old: &str, new: &str) -> Vec<u8> {
    assert_eq!(old.len(), new.len());
    let mut changed = bytes.to_vec();
    let mut count = 0;
    for start in 0..bytes.len() - old.len() {
        if bytes[start..].starts_with(old.as_bytes()) {
            changed[start..start + new.len()].copy_from_slice(new.as_bytes());
            count += 1;
        }
    }
    assert!(count > 0, "no {old}");
    changed
}

fn metadata() -> Value {
    let target = HERE.target(Linkage::Static);
    let json = cargo(&[
        "metadata",
        "--format-version",
        "1",
        "--filter-platform",
        target,
    ]);
    serde_json::from_str(&json).unwrap()
}

fn tree() -> String {
    let target = HERE.target(Linkage::Static);
    cargo(&[
        "tree", "-p", "dojang", "--edges", "normal", "--prefix", "none", "--format", "{p}",
        "--target", target,
    ])
}

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        // Not offline: where only this machine's own target was built so far, crates for musl are yet to come.
        .arg("--locked")
        .current_dir(workspace())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

const EXECUTABLE: sbom::Executable<'_> = sbom::Executable {
    digest: "00ff",
    compiler: "rustc 1.95.0 (59807616e 2026-04-14)",
    linkage: Linkage::Static,
};
const HERE: Architecture = if cfg!(target_arch = "aarch64") {
    Architecture::Arm64
} else {
    Architecture::X86_64
};
const ELSEWHERE: Architecture = if cfg!(target_arch = "aarch64") {
    Architecture::X86_64
} else {
    Architecture::Arm64
};
