//! The files of the repository, as they are in this folder.

use std::fs;
use std::path::{Path, PathBuf};

/// What a file is to these tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Markdown.
    Document,
    /// A program, whose comments point to documents.
    Source,
    /// Anything else, which can be pointed to.
    Other,
}

pub(crate) struct File {
    /// The path from the repository's root.
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// Empty where the file is of no kind that is read.
    pub(crate) text: String,
}

pub(crate) struct Tree(Vec<File>);

impl Tree {
    pub(crate) fn read() -> Self {
        let mut files = Vec::new();
        collect(&root(), &mut files);
        Self(files)
    }

    pub(crate) fn of(&self, kind: Kind) -> impl Iterator<Item = &File> {
        self.0.iter().filter(move |file| file.kind == kind)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&File> {
        self.0.iter().find(|file| file.name == name)
    }

    /// Whether there is a file or a folder of that name.
    pub(crate) fn has(&self, name: &str) -> bool {
        let folder = format!("{}/", name.trim_end_matches('/'));
        self.0
            .iter()
            .any(|file| file.name == name || file.name.starts_with(&folder))
    }
}

pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn collect(folder: &Path, files: &mut Vec<File>) {
    let entries = fs::read_dir(folder).expect("a folder can be listed");
    for entry in entries {
        let path = entry.expect("a folder can be listed").path();
        let name = path.strip_prefix(root()).expect("it is below the root");
        let name = name.to_str().expect("names are ASCII").to_owned();
        let last = name.rsplit('/').next().unwrap_or(&name);
        if path.is_dir() {
            if !PASSED_OVER.contains(&last) {
                collect(&path, files);
            }
            continue;
        }
        let kind = match last.rsplit_once('.') {
            // What the fuzz targets are fed is no text.
            _ if name.starts_with("fuzz/corpus/") => Kind::Other,
            Some((_, "md")) => Kind::Document,
            None | Some((_, "rs" | "py" | "js" | "mjs" | "sh" | "toml" | "yaml" | "yml")) => {
                Kind::Source
            }
            Some(_) => Kind::Other,
        };
        let text = match kind {
            Kind::Other => String::new(),
            _ => {
                String::from_utf8_lossy(&fs::read(&path).expect("a file can be read")).into_owned()
            }
        };
        files.push(File { name, kind, text });
    }
}

/// What is made, and not written by hand.
const PASSED_OVER: &[&str] = &[
    ".git",
    "target",
    "node_modules",
    "takeover",
    "__pycache__",
    "venv",
];
