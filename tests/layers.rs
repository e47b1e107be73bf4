//! Who may import whom, read from the `use` lines (of the page, from `import`).
//!
//! No room of `src/` imports from a floor above, and no modules beside each other import in a circle.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn no_room_imports_from_a_floor_above() {
    let modules = Modules::rust("src");
    let floor = |room: &str| {
        FLOORS
            .iter()
            .position(|floor| floor.contains(&room))
            .unwrap_or_else(|| panic!("src/{room}: expected it on one of the floors"))
    };
    let rooms = modules.beside(&[]);
    for (room, imported) in &rooms {
        println!("{room} -> {}", list(imported));
        for other in imported {
            assert!(
                floor(other) < floor(room),
                "src/{room} imports {other}, which is not below it"
            );
        }
    }
    assert!(rooms.len() > 10, "{} rooms found", rooms.len());
}

#[test]
fn runtime_and_s3_know_nothing_of_the_club() {
    let rooms = Modules::rust("src").beside(&[]);
    for room in WITHOUT_THE_CLUB {
        for other in &rooms[*room] {
            assert!(
                WITHOUT_THE_CLUB.contains(&&**other),
                "src/{room} imports {other}"
            );
        }
    }
}

#[test]
fn no_modules_import_in_a_circle() {
    let mut found = BTreeMap::new();
    for (root, modules) in [
        ("src", Modules::rust("src")),
        ("local/src", Modules::rust("local/src")),
        ("benches/harness/src", Modules::rust("benches/harness/src")),
        ("web", Modules::javascript("web")),
    ] {
        for room in modules.rooms() {
            let beside = modules.beside(&room);
            let circle: Vec<&String> = beside
                .keys()
                .filter(|module| reaches(&beside, module, module))
                .collect();
            if !circle.is_empty() {
                let place = [vec![root.to_owned()], room].concat().join("/");
                println!("{place}: {}", list(circle.iter().copied()));
                found.insert(place, list(circle));
            }
        }
    }
    for (place, circle) in &found {
        assert!(
            CIRCLES.contains(&&**place),
            "{place}: {circle} import in a circle"
        );
    }
    for place in CIRCLES {
        assert!(
            found.contains_key(*place),
            "{place} has no circle any more: take it off the list"
        );
    }
}

/// The rooms of `src/`, lowest floor first.
const FLOORS: &[&[&str]] = &[
    &["authority", "limits", "log"],
    &["json", "runtime", "sigv4"],
    &["club", "s3"],
    &["request"],
    &["actions", "event"],
    &["store"],
    &["answer", "config"],
    &["backend"],
];

/// `limits` are numbers.
const WITHOUT_THE_CLUB: &[&str] = &["authority", "limits", "log", "runtime", "s3", "sigv4"];

/// Rooms in which there is a circle, to be mended.
const CIRCLES: &[&str] = &[];

/// The modules below a folder, by their path, and what each imports of the others.
struct Modules(BTreeMap<Vec<String>, BTreeSet<Vec<String>>>);

impl Modules {
    fn rust(root: &str) -> Self {
        let files = files(root, "rs");
        let names: BTreeSet<Vec<String>> = files.iter().map(|(name, _)| name.clone()).collect();
        let modules = files.into_iter().map(|(name, text)| {
            // What tests at the end of a file import does not count.
            let text = text.split("\n#[cfg(test)]\nmod ").next().unwrap_or(&text);
            let imported = uses(text)
                .iter()
                .filter_map(|path| target(&name, path, &names))
                .collect();
            (name, imported)
        });
        Self(modules.collect())
    }

    fn javascript(root: &str) -> Self {
        let modules = files(root, "js").into_iter().map(|(name, text)| {
            let folder = &name[..name.len() - 1];
            let imported = text
                .lines()
                .filter(|line| line.starts_with("import ") || line.starts_with("} from "))
                .filter_map(|line| line.split('"').nth(1)?.strip_suffix(".js"))
                .map(|path| {
                    let mut module = folder.to_vec();
                    for part in path.split('/') {
                        match part {
                            "." => (),
                            ".." => drop(module.pop()),
                            part => module.push(part.to_owned()),
                        }
                    }
                    module
                });
            let imported = imported.collect();
            (name, imported)
        });
        Self(modules.collect())
    }

    /// The paths of all rooms that have something in them; the whole is one.
    fn rooms(&self) -> BTreeSet<Vec<String>> {
        let parents = self.0.keys().filter(|name| !name.is_empty());
        parents
            .map(|name| name[..name.len() - 1].to_vec())
            .collect()
    }

    /// What is directly in `room`, and what each imports of the others, its own parts included.
    fn beside(&self, room: &[String]) -> BTreeMap<String, BTreeSet<String>> {
        let part = |name: &[String]| match name.strip_prefix(room) {
            Some([part, ..]) => Some(part.clone()),
            _ => None,
        };
        let mut beside = BTreeMap::<String, BTreeSet<String>>::new();
        for (name, imported) in &self.0 {
            let Some(own) = part(name) else { continue };
            let others = imported.iter().filter_map(|name| part(name));
            let others: BTreeSet<String> = others.filter(|other| *other != own).collect();
            beside.entry(own).or_default().extend(others);
        }
        beside
    }
}

/// The files of a kind below `root`: the module's path, and the text.
fn files(root: &str, extension: &str) -> Vec<(Vec<String>, String)> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(root);
    let mut files = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder can be listed") {
            let path = entry.expect("a folder can be listed").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                let text = fs::read_to_string(&path).expect("a file can be read");
                files.push((module(path.strip_prefix(&root).expect("it is below")), text));
            }
        }
    }
    files
}

fn module(path: &Path) -> Vec<String> {
    let path = path.with_extension("");
    let parts = path.iter().map(|part| part.to_string_lossy().into_owned());
    let mut parts: Vec<String> = parts.collect();
    if matches!(
        parts.last().map(|last| &**last),
        Some("mod" | "lib" | "main")
    ) {
        parts.pop();
    }
    parts
}

/// The paths after `use`, one for each name.
fn uses(text: &str) -> Vec<String> {
    let mut paths = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("use ") {
        let line_begins = rest[..at].rfind('\n').map_or(0, |at| at + 1);
        let before = rest[line_begins..at].trim();
        rest = &rest[at + 4..];
        if before.is_empty() || before.starts_with("pub") {
            let (path, _) = rest.split_once(';').unwrap_or((rest, ""));
            expand(
                "",
                &path.split_whitespace().collect::<Vec<_>>().join(" "),
                &mut paths,
            );
        }
    }
    paths
}

/// `a::{b, c::{d}}` as `a::b` and `a::c::d`.
fn expand(prefix: &str, path: &str, paths: &mut Vec<String>) {
    let Some((before, braces)) = path.split_once('{') else {
        paths.push(format!("{prefix}{}", path.trim()));
        return;
    };
    let inner = braces.trim().trim_end_matches(',');
    let inner = inner.strip_suffix('}').unwrap_or(inner);
    let mut depth = 0;
    let parts = inner.split(|c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    });
    for part in parts.filter(|part| !part.trim().is_empty()) {
        expand(&format!("{prefix}{}", before.trim()), part.trim(), paths);
    }
}

/// The module that a path leads to, seen from `from`; `None` for other crates.
fn target(from: &[String], path: &str, names: &BTreeSet<Vec<String>>) -> Option<Vec<String>> {
    let mut parts = path
        .split("::")
        .map(|part| part.split(' ').next().unwrap_or(part));
    let mut module = Vec::new();
    match parts.next()? {
        "crate" => (),
        "self" => module.extend_from_slice(from),
        "super" => module.extend_from_slice(&from[..from.len().checked_sub(1)?]),
        first => {
            module.extend_from_slice(from);
            module.push(first.to_owned());
            names.get(&module)?;
        }
    }
    for part in parts {
        match part {
            "super" => drop(module.pop()),
            part => {
                module.push(part.to_owned());
                if !names.contains(&module) {
                    module.pop();
                    break;
                }
            }
        }
    }
    Some(module)
}

fn reaches(imports: &BTreeMap<String, BTreeSet<String>>, from: &str, to: &str) -> bool {
    let mut seen = BTreeSet::new();
    let mut next = vec![from];
    while let Some(module) = next.pop() {
        for other in imports.get(module).into_iter().flatten() {
            if other == to {
                return true;
            }
            if seen.insert(other) {
                next.push(other);
            }
        }
    }
    false
}

fn list<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    let names: Vec<&str> = names.into_iter().map(String::as_str).collect();
    names.join(", ")
}

#[test]
fn use_lines_are_read() {
    let text = "use std::io;\npub(crate) use crate::a::{b, c::{D, e}};\nuse super::f as g;\n// reuse it;\n";
    assert_eq!(
        uses(text),
        [
            "std::io",
            "crate::a::b",
            "crate::a::c::D",
            "crate::a::c::e",
            "super::f as g"
        ]
    );
    let name = |text: &str| text.split('/').map(str::to_owned).collect::<Vec<_>>();
    let names = ["a", "a/c", "h", "h/i", "f"].map(name).into();
    let from = name("h/i");
    for (path, expected) in [
        ("crate::a::c::D", Some("a/c")),
        ("super::super::f as g", Some("f")),
        ("super::Thing", Some("h")),
        ("std::io", None),
    ] {
        assert_eq!(target(&from, path, &names), expected.map(name), "{path}");
    }
}

#[test]
fn circles_are_found() {
    let name = |text: &str| text.to_owned();
    let imports = [
        (name("a"), [name("b")].into()),
        (name("b"), [name("c")].into()),
        (name("c"), [name("a")].into()),
        (name("d"), [name("a")].into()),
    ]
    .into();
    assert!(reaches(&imports, "a", "a") && reaches(&imports, "c", "c"));
    assert!(!reaches(&imports, "d", "d"));
}
