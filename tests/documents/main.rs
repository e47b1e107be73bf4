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
    for document in tree.of(Kind::Document) {
        let (renewed, figures) = figures::renew(&document.text, &known)
            .unwrap_or_else(|error| panic!("{}: {error}", document.name));
        found += figures;
        if renewed != document.text {
            stale.push(document.name.clone());
            if std::env::var_os("DOJANG_UPDATE_DOCUMENTS").is_some() {
                std::fs::write(tree::root().join(&document.name), renewed)
                    .unwrap_or_else(|error| panic!("{}: {error}", document.name));
            }
        }
    }
    println!("{found} figures");
    let is_told_to_write = std::env::var_os("DOJANG_UPDATE_DOCUMENTS").is_some();
    assert!(
        stale.is_empty() || is_told_to_write,
        "{stale:?}: expected other figures; DOJANG_UPDATE_DOCUMENTS=1 cargo test --test documents writes them"
    );
    assert!(found > 20, "{found} figures found");
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

/// Two screens.
const README_LINES: usize = 150;
const README_COLUMNS: usize = 6;
