//! The constants of the code: `const NAME: T = VALUE;` on one line, by the text.

use std::collections::BTreeMap;

use crate::tree::{Kind, Tree};

/// What a constant holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Number(i64),
    Milliseconds(i64),
}

/// The constants below `src/` by name. A name that files share is there as `file/NAME` only, such as
/// `s3/transport/CONNECT_TIMEOUT`.
pub(crate) fn constants(tree: &Tree) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::<String, Vec<(String, Value)>>::new();
    for file in tree.of(Kind::Source) {
        let Some(path) = file.name.strip_prefix("src/") else {
            continue;
        };
        let place = path.trim_end_matches(".rs");
        for line in file.text.lines() {
            let Some((_, declaration)) = line.split_once("const ") else {
                continue;
            };
            if let Some((name, rest)) = declaration.split_once(": ")
                && let Some((_, expression)) = rest.split_once(" = ")
                && let Some(value) = evaluate(expression.trim_end_matches(';'))
            {
                let found = all.entry(name.to_owned()).or_default();
                found.push((format!("{place}/{name}"), value));
            }
        }
    }
    let mut constants = BTreeMap::new();
    for (name, found) in all {
        match &*found {
            [(_, value)] => drop(constants.insert(name, *value)),
            _ => constants.extend(found),
        }
    }
    constants
}

/// Products of numbers, and durations of them.
fn evaluate(expression: &str) -> Option<Value> {
    for (begin, milliseconds) in [
        ("Duration::from_secs(", 1_000),
        ("Duration::from_millis(", 1),
    ] {
        if let Some(inner) = expression.strip_prefix(begin) {
            let Value::Number(number) = evaluate(inner.strip_suffix(')')?)? else {
                return None;
            };
            return Some(Value::Milliseconds(number * milliseconds));
        }
    }
    expression
        .split(" * ")
        .map(|factor| factor.replace('_', "").parse::<i64>().ok())
        .product::<Option<i64>>()
        .map(Value::Number)
}

#[test]
fn products_and_durations_are_evaluated() {
    for (expression, expected) in [
        ("288", Some(Value::Number(288))),
        ("6 * 1_024 * 1024", Some(Value::Number(6 * 1024 * 1024))),
        (
            "Duration::from_secs(15 * 60)",
            Some(Value::Milliseconds(900_000)),
        ),
        ("Duration::from_millis(5)", Some(Value::Milliseconds(5))),
        ("\"text\"", None),
        ("OTHER", None),
    ] {
        assert_eq!(evaluate(expression), expected, "{expression}");
    }
}
