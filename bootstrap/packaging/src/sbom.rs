//! A software bill of materials in CycloneDX 1.6 (JSON).
//!
//! It lists the crates in the executable, with versions, licences and checksums, and what the compiler brings.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Value, json};

use crate::executable::Linkage;

/// Makes the SBOM. `metadata` is the output of `cargo metadata --filter-platform TARGET`, which describes
/// the packages but takes the whole workspace's features together; `tree` are the lines `NAME vVERSION` of
/// `cargo tree`, which tell what the function alone is made of; `lock` is the lock file, for the checksums.
/// It holds no time and no random serial number, so that equal
/// sources give equal bytes.
///
/// # Errors
/// Names what is missing.
pub fn sbom(
    metadata: &Value,
    tree: &str,
    lock: &str,
    executable: &Executable<'_>,
) -> Result<Value, Missing> {
    let compiled: BTreeSet<String> = tree.lines().filter_map(package_url).collect();
    let packages = by_id(metadata, "/packages")?;
    let nodes = by_id(metadata, "/resolve/nodes")?;
    let (&root, _) = packages
        .iter()
        .find(|(_, package)| package["name"] == ROOT)
        .ok_or(Missing("the package dojang"))?;
    let mut checksums = checksums(lock)?;
    let mut components = Vec::new();
    let mut dependencies = Vec::new();
    for (&id, package) in &packages {
        if !compiled.contains(&reference(package)) {
            continue;
        }
        let needs: Vec<String> = needs(&nodes, id)?
            .filter_map(|id| packages.get(id).map(|package| reference(package)))
            .filter(|reference| compiled.contains(reference))
            .collect();
        dependencies.push(json!({"ref": reference(package), "dependsOn": needs}));
        if id != root {
            components.push(component(package, &mut checksums));
        }
    }
    if dependencies.len() != compiled.len() {
        return Err(Missing("every crate of `cargo tree`"));
    }
    components.extend(executable.brought_by_compiler());
    let mut application = component(packages[root], &mut checksums);
    application["type"] = json!("application");
    application["hashes"] = json!([{"alg": "SHA-256", "content": executable.digest}]);
    Ok(json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": application},
        "components": components,
        "dependencies": dependencies,
    }))
}

/// What the executable itself tells.
#[derive(Clone, Copy, Debug)]
pub struct Executable<'a> {
    /// SHA-256 in hex.
    pub digest: &'a str,
    /// Such as `rustc 1.95.0 (59807616e 2026-04-14)`.
    pub compiler: &'a str,
    /// Whether a C library is in it.
    pub linkage: Linkage,
}

impl Executable<'_> {
    /// The standard library; of a static executable also musl, and the unwinder that a dynamic one takes from the
    /// system's libgcc. The compiled form of all comes with rustc.
    fn brought_by_compiler(&self) -> Vec<Value> {
        let mut standard = json!({
            "type": "library",
            "bom-ref": "rust-std",
            "name": "rust-std",
            "description": format!("Rust's standard library, of {}", self.compiler),
            "licenses": [{"expression": "MIT OR Apache-2.0"}],
        });
        if let Some(version) = self.compiler.split(' ').nth(1) {
            standard["version"] = json!(version);
        }
        let mut brought = vec![standard];
        if self.linkage == Linkage::Static {
            for (name, what, licence) in [
                ("musl", "C library", "MIT"),
                (
                    "libunwind",
                    "LLVM's stack unwinder",
                    "Apache-2.0 WITH LLVM-exception",
                ),
            ] {
                brought.push(json!({
                    "type": "library",
                    "bom-ref": name,
                    "name": name,
                    "description": format!("{what}, in the version that {} brings", self.compiler),
                    "licenses": [{"expression": licence}],
                }));
            }
        }
        brought
    }
}

/// Something that should be in the metadata or the lock file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing(&'static str);

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {} in the output of `cargo metadata`", self.0)
    }
}

impl std::error::Error for Missing {}

fn component(package: &Value, checksums: &mut BTreeMap<(String, String), String>) -> Value {
    let text = |name: &str| package[name].as_str().unwrap_or_default().to_owned();
    let mut component = json!({
        "type": "library",
        "bom-ref": reference(package),
        "name": text("name"),
        "version": text("version"),
    });
    // Ours are on no registry, where another may have the name.
    if package["source"].is_string() {
        component["purl"] = json!(reference(package));
    }
    // Older crates divide alternatives by a slash.
    if let Some(licence) = package["license"].as_str() {
        let expression = licence.replace(" / ", " OR ").replace('/', " OR ");
        component["licenses"] = json!([{ "expression": expression }]);
    }
    if let Some(checksum) = checksums.remove(&(text("name"), text("version"))) {
        component["hashes"] = json!([{"alg": "SHA-256", "content": checksum}]);
    }
    component
}

/// The package URL: unique, and the same everywhere.
fn reference(package: &Value) -> String {
    let text = |name: &str| package[name].as_str().unwrap_or_default();
    format!("pkg:cargo/{}@{}", text("name"), text("version"))
}

/// The package URL of a line `NAME vVERSION`, perhaps followed by more.
fn package_url(line: &str) -> Option<String> {
    let (name, rest) = line.split_once(" v")?;
    let version = rest.split(' ').next()?;
    Some(format!("pkg:cargo/{name}@{version}"))
}

/// The normal dependencies of a package: neither for tests nor for build scripts.
fn needs<'a>(
    nodes: &BTreeMap<&'a str, &'a Value>,
    id: &str,
) -> Result<impl Iterator<Item = &'a str> + use<'a>, Missing> {
    let node: &'a Value = nodes.get(id).ok_or(Missing("a resolved package"))?;
    let dependencies = node["deps"].as_array().ok_or(Missing("dependencies"))?;
    Ok(dependencies
        .iter()
        .filter(|dependency| {
            dependency["dep_kinds"]
                .as_array()
                .is_some_and(|kinds| kinds.iter().any(|kind| kind["kind"].is_null()))
        })
        .filter_map(|dependency| dependency["pkg"].as_str()))
}

fn by_id<'a>(metadata: &'a Value, path: &str) -> Result<BTreeMap<&'a str, &'a Value>, Missing> {
    let list = metadata.pointer(path).and_then(Value::as_array);
    Ok(list
        .ok_or(Missing("a list of packages"))?
        .iter()
        .filter_map(|package| Some((package["id"].as_str()?, package)))
        .collect())
}

/// The SHA-256 of each crate's archive, by name and version.
fn checksums(lock: &str) -> Result<BTreeMap<(String, String), String>, Missing> {
    let lock: toml::Table = lock.parse().map_err(|_| Missing("a lock file"))?;
    let packages = lock.get("package").and_then(toml::Value::as_array);
    Ok(packages
        .ok_or(Missing("a lock file"))?
        .iter()
        .filter_map(|package| {
            let text = |name: &str| Some(package.get(name)?.as_str()?.to_owned());
            Some(((text("name")?, text("version")?), text("checksum")?))
        })
        .collect())
}

const ROOT: &str = "dojang";
