//! What the documents say is true: links and pointers lead somewhere, and figures come from the code.
//!
//! `DOJANG_UPDATE_DOCUMENTS=1 cargo test --test documents` writes the figures anew.

mod bench;
mod constants;
mod figures;
mod links;
mod tree;

use tree::{Kind, Tree};

#[test]
fn links_lead_somewhere() {
    let tree = Tree::read();
    let (found, broken) = links::links(&tree);
    println!("{found} links");
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(found > 30, "{found} links found");
}

#[test]
fn pointers_to_documents_and_files_lead_somewhere() {
    let tree = Tree::read();
    let (found, broken) = links::pointers(&tree);
    println!("{found} pointers");
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(found > 100, "{found} pointers found");
}

#[test]
fn figures_are_those_of_the_code() {
    let tree = Tree::read();
    let known = figures::Known::of(&tree);
    let mut stale = Vec::new();
    let mut found = 0;
    let is_told_to_write = std::env::var_os("DOJANG_UPDATE_DOCUMENTS").is_some();
    let mut compare = |name: &str, text: &str, renewed: String| {
        if renewed != text {
            stale.push(name.to_owned());
            if is_told_to_write {
                std::fs::write(tree::root().join(name), renewed)
                    .unwrap_or_else(|error| panic!("{name}: {error}"));
            }
        }
    };
    for document in tree.of(Kind::Document) {
        let (renewed, figures) = figures::renew(&document.text, &known)
            .unwrap_or_else(|error| panic!("{}: {error}", document.name));
        found += figures;
        compare(&document.name, &document.text, renewed);
    }
    println!("{found} figures");
    assert!(
        stale.is_empty() || is_told_to_write,
        "{stale:?}: expected other figures; DOJANG_UPDATE_DOCUMENTS=1 cargo test --test documents writes them"
    );
    assert!(found > 20, "{found} figures found");
}

#[test]
fn the_first_line_of_each_file_says_what_it_is() {
    let tree = Tree::read();
    let mut found = 0;
    for file in tree
        .of(Kind::Source)
        .filter(|file| file.name.ends_with("rs"))
    {
        let line = file.text.lines().next().unwrap_or_default();
        assert!(
            line.starts_with("//! ") && line.ends_with(['.', ':']) && line.len() <= LINE_BYTES,
            "{}: expected a sentence after //!, found {line}",
            file.name
        );
        found += 1;
    }
    assert!(found > 200, "{found} files found");
}

#[test]
fn the_readme_is_short() {
    let tree = Tree::read();
    let readme = tree.get("README.md").expect("there is a README");
    let lines = readme.text.lines().count();
    assert!(lines <= README_LINES, "README.md has {lines} lines");
    for line in readme.text.lines().filter(|line| line.starts_with('|')) {
        let columns = line.matches('|').count() - 1;
        assert!(
            columns <= README_COLUMNS,
            "README.md: {columns} columns: {line}"
        );
    }
}

const LINE_BYTES: usize = 120;
const README_LINES: usize = 150;
const README_COLUMNS: usize = 6;
