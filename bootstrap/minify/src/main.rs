//! `minify FROM TO` copies the page, and makes its JavaScript and CSS smaller.
//!
//! Comments and blanks go, and the names that a module keeps to itself become short. The code itself is not rewritten;
//! files, imports and exports keep their names.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fmt, fs, io};

use oxc_allocator::Allocator;
use oxc_codegen::{Codegen, CodegenOptions};
use oxc_mangler::{MangleOptions, Mangler};
use oxc_parser::Parser;
use oxc_semantic::SemanticBuilder;
use oxc_span::SourceType;

fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1);
    let (Some(from), Some(to), None) = (arguments.next(), arguments.next(), arguments.next())
    else {
        eprintln!("usage: minify FROM TO");
        return ExitCode::from(2);
    };
    match copy(Path::new(&from), Path::new(&to)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("minify: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// Why a file was not copied.
#[derive(Debug)]
enum Problem {
    Io(PathBuf, io::Error),
    NotJavaScript(PathBuf, String),
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(path, error) => write!(formatter, "{}: {error}", path.display()),
            Self::NotJavaScript(path, error) => {
                write!(
                    formatter,
                    "{}: expected JavaScript: {error}",
                    path.display()
                )
            }
        }
    }
}

/// A folder with all that is in it, or a file.
fn copy(from: &Path, to: &Path) -> Result<(), Problem> {
    let at = |path: &Path| {
        let path = path.to_owned();
        |error| Problem::Io(path, error)
    };
    if from.is_dir() {
        fs::create_dir_all(to).map_err(at(to))?;
        for entry in fs::read_dir(from).map_err(at(from))? {
            let entry = entry.map_err(at(from))?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    let read = || fs::read_to_string(from).map_err(at(from));
    let content = match from.extension().and_then(|extension| extension.to_str()) {
        Some("js") => {
            module(&read()?).map_err(|error| Problem::NotJavaScript(from.to_owned(), error))?
        }
        Some("css") => style(&read()?),
        _ => return fs::copy(from, to).map(drop).map_err(at(from)),
    };
    fs::write(to, content).map_err(at(to))
}

/// The module, shorter; or what is wrong with it.
fn module(source: &str) -> Result<String, String> {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, source, SourceType::mjs()).parse();
    if let Some(error) = parsed.errors.first() {
        return Err(error.to_string());
    }
    let semantic = SemanticBuilder::new().build(&parsed.program);
    if let Some(error) = semantic.errors.first() {
        return Err(error.to_string());
    }
    let options = MangleOptions {
        top_level: Some(true),
        ..MangleOptions::default()
    };
    let names = Mangler::new().with_options(options).build(&parsed.program);
    let code = Codegen::new()
        .with_options(CodegenOptions::minify())
        .with_scoping(Some(names.scoping))
        .with_private_member_mappings(Some(names.class_private_mappings));
    Ok(code.build(&parsed.program).code)
}

/// The style sheet, shorter. Blanks go beside `{`, `}`, `;` and `,`, and after `:`, where they never mean anything;
/// quoted text stays as it is.
fn style(source: &str) -> String {
    let mut short = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(next) = rest.chars().next() {
        let length = match next {
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '"' => {
                let length = rest[1..].find('"').map_or(rest.len(), |end| end + 2);
                short.push_str(&rest[..length]);
                length
            }
            next if next.is_whitespace() => {
                if !short.is_empty() && !short.ends_with(['{', '}', ';', ',', ':', ' ']) {
                    short.push(' ');
                }
                next.len_utf8()
            }
            next => {
                if matches!(next, '{' | '}' | ';' | ',') && short.ends_with(' ') {
                    short.pop();
                }
                short.push(next);
                next.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    short
}

#[cfg(test)]
mod tests {
    use super::{module, style};

    #[test]
    fn what_others_see_keeps_its_name_and_the_rest_gets_a_short_one() {
        let source = "// Why.\nimport { first } from './first.js';\n/** One more. */\nexport const second = (value) => {\n\tconst more = first(value);\n\treturn { more };\n};\n";
        let code = module(source).unwrap();
        assert_eq!(
            code,
            "import{first as e}from\"./first.js\";export const second=t=>{const n=e(t);return{more:n}};"
        );
    }

    #[test]
    fn what_is_no_module_is_refused() {
        for source in ["const = 1;", "<!doctype html>", "let a; let a;"] {
            assert!(module(source).is_err(), "{source}");
        }
    }

    #[test]
    fn quoted_text_in_styles_and_blanks_that_mean_something_stay() {
        let source = "/* Why. */\n.a > .b,\n.c .d {\n\tcontent: \" ; \";\n\tmargin: 0 -1rem\n}\n@media (min-width: 48rem) {\n\t.a :not(.b) { width: calc(1% + 2px) }\n}\n";
        assert_eq!(
            style(source),
            ".a > .b,.c .d{content:\" ; \";margin:0 -1rem}@media (min-width:48rem){.a :not(.b){width:calc(1% + 2px)}}"
        );
    }
}
