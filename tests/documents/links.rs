//! Links of Markdown, and names of files in text and comments.

use std::collections::BTreeMap;

use crate::tree::{File, Kind, Tree};

/// Follows `[text](target)` in documents and doc comments, and `src` and `srcset` of pictures: how many
/// there are, and which lead nowhere.
pub(crate) fn links(tree: &Tree) -> (usize, Vec<String>) {
    let mut found = 0;
    let mut broken = Vec::new();
    let documents = tree.of(Kind::Document);
    for file in documents.chain(tree.of(Kind::Source)) {
        for (number, line) in readable(file) {
            for target in targets(line) {
                let is_ours = file.kind == Kind::Document || target.contains(".md");
                if target.contains("://") || target.starts_with("mailto:") || !is_ours {
                    continue;
                }
                found += 1;
                let folder = file.name.rsplit_once('/').map_or("", |(folder, _)| folder);
                if let Err(error) = follow(tree, &file.name, &[folder], target) {
                    broken.push(format!("{}:{number}: {target}: {error}", file.name));
                }
            }
        }
    }
    (found, broken)
}

/// Follows the names of documents, with their anchors, in all text and comments; and what stands in
/// backticks and begins with the name of a folder of ours.
pub(crate) fn pointers(tree: &Tree) -> (usize, Vec<String>) {
    let mut found = 0;
    let mut broken = Vec::new();
    let documents = tree.of(Kind::Document);
    for file in documents.chain(tree.of(Kind::Source)) {
        let folder = file.name.rsplit_once('/').map_or("", |(folder, _)| folder);
        for (number, line) in readable(file) {
            let place = format!("{}:{number}", file.name);
            for word in FORBIDDEN.iter().filter(|word| line.contains(**word)) {
                if file.name != THIS {
                    broken.push(format!("{place}: {word} is not in this repository"));
                }
            }
            for name in names_of_documents(line) {
                found += 1;
                if let Err(error) = follow(tree, &file.name, &[folder, ""], name)
                    && !MADE.contains(&name)
                {
                    broken.push(format!("{place}: {name}: {error}"));
                }
            }
            for name in names_of_files(line) {
                found += 1;
                if !tree.has(name) && !tree.has(&join(folder, name)) {
                    broken.push(format!("{place}: {name}: there is no such file"));
                }
            }
        }
    }
    (found, broken)
}

/// The lines in which a link or a pointer counts: all but those of a document's code, and of a program
/// the comments.
fn readable(file: &File) -> impl Iterator<Item = (usize, &str)> {
    let is_document = file.kind == Kind::Document;
    let mut is_code = false;
    file.text.lines().enumerate().filter_map(move |(at, line)| {
        let start = line.trim_start();
        let counts = if is_document {
            if start.starts_with("```") {
                is_code = !is_code;
            }
            !is_code
        } else {
            ["//", "#", "*", "/*", "\"\"\""]
                .iter()
                .any(|sign| start.starts_with(sign))
        };
        counts.then_some((at + 1, line))
    })
}

fn targets(line: &str) -> Vec<&str> {
    let mut targets = Vec::new();
    for (begin, end) in [("](", ')'), ("src=\"", '"'), ("srcset=\"", '"')] {
        for (at, _) in line.match_indices(begin) {
            let rest = &line[at + begin.len()..];
            if let Some((target, _)) = rest.split_once(end) {
                targets.push(target);
            }
        }
    }
    targets
}

/// Whether `target` is there, seen from one of `folders`, with its anchor.
fn follow(tree: &Tree, from: &str, folders: &[&str], target: &str) -> Result<(), String> {
    let (path, anchor) = target
        .split_once('#')
        .map_or((target, None), |(path, anchor)| (path, Some(anchor)));
    let name = if path.is_empty() {
        from.to_owned()
    } else {
        let seen = folders.iter().map(|folder| join(folder, path));
        let mut seen = seen.filter(|name| tree.has(name));
        seen.next().ok_or("there is no such file")?
    };
    match (anchor, tree.get(&name)) {
        (None, _) => Ok(()),
        (Some(_), None) => Err("a folder has no headings".to_owned()),
        (Some(anchor), Some(file)) if anchors(&file.text).contains(&anchor.to_owned()) => Ok(()),
        (Some(_), Some(_)) => Err(format!("{name} has no such heading")),
    }
}

/// The path `path`, seen from `folder`.
fn join(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => (),
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The anchors that GitHub gives the headings of a document.
fn anchors(text: &str) -> Vec<String> {
    let mut seen = BTreeMap::<String, usize>::new();
    let mut is_code = false;
    let mut anchors = Vec::new();
    for line in text.lines() {
        is_code ^= line.starts_with("```");
        let title = line.trim_start_matches('#');
        let level = line.len() - title.len();
        if is_code || !(1..=6).contains(&level) || !title.starts_with(' ') {
            continue;
        }
        let slug: String = title
            .trim()
            .chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect::<String>()
            .to_lowercase();
        let times = seen.entry(slug.clone()).or_default();
        anchors.push(match *times {
            0 => slug,
            again => format!("{slug}-{again}"),
        });
        *times += 1;
    }
    anchors
}

/// Words such as `docs/api.md#events`.
fn names_of_documents(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !(c.is_ascii_alphanumeric() || "_./#:-*".contains(c)))
        .map(|word| word.trim_end_matches(['.', ':', '-']))
        .filter(|word| !word.contains("://") && !word.contains('*'))
        .filter(|word| word.rsplit('.').next() == Some("md") || word.contains(".md#"))
}

/// What stands in backticks and begins with one of our folders: the first word of it.
fn names_of_files(line: &str) -> impl Iterator<Item = &str> {
    line.split('`')
        .skip(1)
        .step_by(2)
        .filter_map(|code| code.split_whitespace().next())
        .map(|word| word.split('#').next().unwrap_or_default())
        .filter(|word| FOLDERS.iter().any(|folder| word.starts_with(folder)))
        .filter(|word| !word.contains(['*', '{', '…', '<', '$', '=']) && !word.contains("::"))
}

const THIS: &str = "tests/documents/links.rs";

const FOLDERS: &[&str] = &[
    "src/",
    "tests/",
    "benches/",
    "bootstrap/",
    "local/",
    "web/",
    "docs/",
    "fuzz/",
    "examples/",
    ".ci/",
    ".github/",
];

/// What a benchmark writes below `target/`.
const MADE: &[&str] = &["cold_start.md"];

/// Notes that this project once rested on.
const FORBIDDEN: &[&str] = &[
    "`api.md`",
    "anchors.md",
    "research.md",
    "style.md",
    "(research ",
    "(anchors",
];

#[test]
fn anchors_are_githubs() {
    let text =
        "# A `b_c` D\n```\n# no\n```\n## Private data.json\n## A b_c D\n### 1. Once, twice\n#no";
    assert_eq!(
        anchors(text),
        ["a-b_c-d", "private-datajson", "a-b_c-d-1", "1-once-twice"]
    );
}

#[test]
fn names_are_found_in_text() {
    let line =
        "See `docs/api.md#events`, docs/x.md. https://a.example/b.md and `src/json.rs` or `web/*`";
    assert_eq!(
        names_of_documents(line).collect::<Vec<_>>(),
        ["docs/api.md#events", "docs/x.md"]
    );
    assert_eq!(
        names_of_files(line).collect::<Vec<_>>(),
        ["docs/api.md", "src/json.rs"]
    );
}
