//! What `benches/aws/run` needs beside the AWS CLI: packages, data, events, and the tables in the end.

use std::path::Path;

use crate::club::Club;
use crate::lambda_report;
use crate::variants::{LIMIT, Places, SPECS, Variant};

/// Carries out one of the script's commands.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<(), String> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["files"] => files(root)?,
        ["club", "private"] => print(&Club::new(MEMBERS).private),
        ["club", "public"] => print(&Club::new(MEMBERS).public),
        ["write", number] => {
            let number = number
                .parse()
                .map_err(|_| format!("{number} is no number"))?;
            print(&Club::new(MEMBERS).write_event(number));
        }
        ["read", _] => print(&Club::read_event()),
        ["table", path] => {
            let collected =
                std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
            print!("{}", lambda_report::tables(&collected)?);
        }
        _ => return Err("see benches/aws/run".to_owned()),
    }
    Ok(())
}

/// Builds all variants and prints a line for each: name, runtime, path, handler, environment.
fn files(root: &Path) -> Result<(), String> {
    let places = Places {
        root: root.to_owned(),
        bench: root.join("target/bench"),
        ours: None,
        may_build: true,
    };
    // The limit knows no certificates but those of a bench.
    for spec in SPECS.iter().filter(|spec| spec.name != LIMIT) {
        match spec.build(&places) {
            Ok(variant) => println!("{}", line(&variant)),
            Err(reason) => eprintln!("{}: left out: {reason}", spec.name),
        }
    }
    Ok(())
}

fn line(variant: &Variant) -> String {
    let handler = variant
        .environment
        .iter()
        .find(|(name, _)| name == "_HANDLER");
    let (runtime, handler) = match (variant.name, handler) {
        ("node-sdk", _) => ("nodejs22.x", "function.handler"),
        (_, Some((_, handler))) => ("python3.13", &**handler),
        _ => ("provided.al2023", "bootstrap"),
    };
    let others = variant
        .environment
        .iter()
        .filter(|(name, _)| name != "_HANDLER");
    let environment: Vec<String> = others
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let path = variant
        .files
        .first()
        .map(|path| path.display().to_string())
        .unwrap_or_default();
    format!(
        "{}\t{runtime}\t{path}\t{handler}\t{}",
        variant.name,
        environment.join(",")
    )
}

fn print(bytes: &[u8]) {
    println!("{}", String::from_utf8_lossy(bytes));
}

const MEMBERS: usize = 100;
