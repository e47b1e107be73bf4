//! The variants: what they are, how they are built, how they are started.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use packaging::executable::{self, Architecture, Linkage};

use crate::process::Program;
use crate::size::{self, Size};

/// A variant that is ready to run.
#[derive(Clone, Debug)]
pub(crate) struct Variant {
    pub(crate) name: &'static str,
    /// What it is, for people.
    pub(crate) what: &'static str,
    pub(crate) program: Program,
    /// Beside what Lambda sets.
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) uses_s3: bool,
    /// What would be in the function's zip.
    pub(crate) files: Vec<PathBuf>,
    pub(crate) size: Size,
    /// In the executable, the program itself included.
    pub(crate) crates: Option<usize>,
    /// Started in a quarter of the rounds only: its differences are large and its runs long.
    pub(crate) is_slow: bool,
}

impl Variant {
    /// How its executable is linked; `None` if it is not one that can be read, such as a script.
    pub(crate) fn linkage(&self) -> Option<Linkage> {
        let bytes = fs::read(&self.program.path).ok()?;
        executable::linkage(&bytes).ok()
    }
}

/// A variant that could be built.
pub(crate) struct Spec {
    pub(crate) name: &'static str,
    what: &'static str,
    kind: Kind,
}

enum Kind {
    /// This project's executable, as it is shipped or built plainly.
    Ours {
        build: Build,
        prefetch: bool,
    },
    /// A folder of `benches/variants` and its package, whether it uses S3, and how it is linked.
    Rust {
        folder: &'static str,
        package: &'static str,
        linkage: Linkage,
    },
    Python {
        requirements: &'static str,
        handler: &'static str,
    },
    Node,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Build {
    Shipped,
    /// `cargo build --release --bin bootstrap`
    Plain,
}

/// All variants, in the order of the table.
pub(crate) const SPECS: &[Spec] = &[
    Spec {
        name: OURS,
        what: "this project's `bootstrap`, as it is shipped",
        kind: Kind::Ours {
            build: Build::Shipped,
            prefetch: true,
        },
    },
    Spec {
        name: "ours-no-prefetch",
        what: "the same with `DOJANG_PREFETCH=off`",
        kind: Kind::Ours {
            build: Build::Shipped,
            prefetch: false,
        },
    },
    Spec {
        name: PLAIN,
        what: "the same source, built plainly: linked dynamically",
        kind: Kind::Ours {
            build: Build::Plain,
            prefetch: true,
        },
    },
    Spec {
        name: "ours-dynamic-no-prefetch",
        what: "that with `DOJANG_PREFETCH=off`",
        kind: Kind::Ours {
            build: Build::Plain,
            prefetch: false,
        },
    },
    Spec {
        name: "floor-static",
        what: "Rust, Runtime API only, linked statically, position-independent (musl), as ours is",
        kind: Kind::Rust {
            folder: "floor",
            package: "floor",
            linkage: Linkage::Static,
        },
    },
    Spec {
        name: "floor-dynamic",
        what: "the same, linked dynamically",
        kind: Kind::Rust {
            folder: "floor",
            package: "floor",
            linkage: Linkage::Dynamic,
        },
    },
    Spec {
        name: LIMIT,
        what: "the limit: what a cold write cannot leave out, linked statically as ours is",
        kind: Kind::Rust {
            folder: "floor-s3",
            package: "floor-s3",
            linkage: Linkage::Static,
        },
    },
    Spec {
        name: "sdk-tuned",
        what: "`lambda_runtime` and `aws-sdk-s3`, tuned",
        kind: Kind::Rust {
            folder: "sdk-tuned",
            package: "sdk-tuned",
            linkage: Linkage::Dynamic,
        },
    },
    Spec {
        name: "sdk-documented",
        what: "`lambda_runtime`, `aws-config`, `aws-sdk-s3`, as documented",
        kind: Kind::Rust {
            folder: "sdk-documented",
            package: "sdk-documented",
            linkage: Linkage::Dynamic,
        },
    },
    Spec {
        name: "rusty-s3",
        what: "`lambda_runtime`, `rusty-s3`, `ureq`",
        kind: Kind::Rust {
            folder: "rusty-s3",
            package: "rusty-s3-ureq",
            linkage: Linkage::Dynamic,
        },
    },
    Spec {
        name: "object-store",
        what: "`lambda_runtime`, `object_store`",
        kind: Kind::Rust {
            folder: "object-store",
            package: "object-store",
            linkage: Linkage::Dynamic,
        },
    },
    Spec {
        name: "node-sdk",
        what: "Node, `@aws-sdk/client-s3` v3, bundled",
        kind: Kind::Node,
    },
    Spec {
        name: "py-botocore",
        what: "Python, `awslambdaric`, `botocore`",
        kind: Kind::Python {
            requirements: "requirements-botocore.txt",
            handler: "function.with_botocore",
        },
    },
    Spec {
        name: "py-boto3",
        what: "Python, `awslambdaric`, `boto3`",
        kind: Kind::Python {
            requirements: "requirements-boto3.txt",
            handler: "function.with_boto3",
        },
    },
];

/// What no variant can go below.
pub(crate) const LIMIT: &str = "floor-s3";
/// The variant that all others are compared with.
pub(crate) const OURS: &str = "ours";
/// The same as `cargo build --release` makes it.
pub(crate) const PLAIN: &str = "ours-dynamic";
/// This machine's.
pub(crate) const HERE: Architecture = match cfg!(target_arch = "aarch64") {
    true => Architecture::Arm64,
    false => Architecture::X86_64,
};

impl Spec {
    /// Builds the variant, or uses what was built before.
    ///
    /// # Errors
    /// What is missing.
    pub(crate) fn build(&self, places: &Places) -> Result<Variant, String> {
        match self.kind {
            Kind::Ours { build, prefetch } => self.ours(places, build, prefetch),
            Kind::Rust {
                folder,
                package,
                linkage,
            } => self.rust(places, folder, package, linkage),
            Kind::Python {
                requirements,
                handler,
            } => self.python(places, requirements, handler),
            Kind::Node => self.node(places),
        }
    }

    fn ours(&self, places: &Places, build: Build, prefetch: bool) -> Result<Variant, String> {
        let path = match (build, &places.ours) {
            (Build::Shipped, Some(path)) => path.clone(),
            (Build::Shipped, None) => {
                output(&mut Command::new(places.root.join("benches/shipped")))?
                    .trim()
                    .into()
            }
            (Build::Plain, _) => {
                let target = places.bench.join("plain");
                if places.may_build {
                    let mut cargo = Command::new("cargo");
                    cargo
                        .args(["build", "--release", "--locked", "--quiet"])
                        .args(["--bin", "bootstrap"])
                        .current_dir(&places.root)
                        .env("CARGO_TARGET_DIR", &target);
                    output(&mut cargo)?;
                }
                target.join("release/bootstrap")
            }
        };
        let environment = match prefetch {
            true => Vec::new(),
            false => vec![("DOJANG_PREFETCH".to_owned(), "off".to_owned())],
        };
        let crates = match build {
            Build::Shipped => crates(&places.root, Some(shipped_target())),
            Build::Plain => crates(&places.root, None),
        };
        Ok(Variant {
            environment,
            ..self.executable(&path, Some(crates?))?
        })
    }

    fn rust(
        &self,
        places: &Places,
        folder: &str,
        package: &str,
        linkage: Linkage,
    ) -> Result<Variant, String> {
        let source = places.variants().join(folder);
        // The floors share nothing with the others, which share most, and one is built in two ways.
        let target = places.bench.join(match folder {
            "floor" | "floor-s3" => self.name,
            _ => "variants",
        });
        if places.may_build {
            let mut command = Command::new("cargo");
            command
                .args(["build", "--release", "--locked", "--quiet"])
                .current_dir(&source)
                .env("CARGO_TARGET_DIR", &target);
            if linkage == Linkage::Static {
                let underscored = shipped_target().replace('-', "_");
                let name = underscored.to_uppercase();
                command
                    .args(["--target", shipped_target()])
                    // As `bootstrap/package` does it: on arm64 rustc itself links to a fixed address.
                    .env(
                        format!("CARGO_TARGET_{name}_LINKER"),
                        places.root.join("bootstrap/static-pie"),
                    )
                    .env("STATIC_PIE_CC", "cc")
                    .env(format!("CC_{underscored}"), "cc")
                    .env(format!("CFLAGS_{underscored}"), "-U_FORTIFY_SOURCE");
            }
            output(&mut command).map_err(|error| match linkage {
                Linkage::Dynamic => error,
                Linkage::Static => {
                    format!("{error} (needs `rustup target add {}`)", shipped_target())
                }
            })?;
        }
        let path = match linkage {
            Linkage::Dynamic => target.join("release"),
            Linkage::Static => target.join(shipped_target()).join("release"),
        };
        let path = path.join(package);
        let uses_s3 = folder != "floor";
        Ok(Variant {
            uses_s3,
            ..self.executable(&path, Some(crates(&source, None)?))?
        })
    }

    fn executable(&self, path: &Path, crates: Option<usize>) -> Result<Variant, String> {
        let files = vec![path.to_owned()];
        Ok(Variant {
            name: self.name,
            what: self.what,
            program: Program {
                path: path.to_owned(),
                arguments: Vec::new(),
                directory: path.parent().unwrap_or(Path::new("/")).to_owned(),
            },
            environment: Vec::new(),
            uses_s3: true,
            size: size::of(&files)?,
            files,
            crates,
            is_slow: false,
        })
    }

    fn python(
        &self,
        places: &Places,
        requirements: &str,
        handler: &str,
    ) -> Result<Variant, String> {
        let python =
            output(Command::new("python3").args(["-c", "import sys; print(sys.executable)"]))
                .map_err(|error| format!("python3: {error}"))?;
        let python = PathBuf::from(python.trim());
        let source = places.variants().join("python");
        let package = places.bench.join(self.name);
        if places.may_build && !package.join("awslambdaric").exists() {
            let mut pip = Command::new(&python);
            pip.args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--no-warn-conflicts",
            ])
            .args(["--root-user-action", "ignore", "--target"])
            .arg(&package)
            .arg("--requirement")
            .arg(source.join(requirements));
            output(&mut pip)?;
        }
        copy(&source.join("function.py"), &package.join("function.py"))?;
        let files = vec![package.clone()];
        Ok(Variant {
            name: self.name,
            what: self.what,
            program: Program {
                path: python,
                arguments: ["-m", "awslambdaric", handler].map(str::to_owned).into(),
                directory: package,
            },
            environment: vec![("_HANDLER".to_owned(), handler.to_owned())],
            uses_s3: true,
            size: size::of(&files)?,
            files,
            crates: None,
            is_slow: true,
        })
    }

    fn node(&self, places: &Places) -> Result<Variant, String> {
        let node = output(Command::new("node").args(["-p", "process.execPath"]))
            .map_err(|error| format!("node: {error}"))?;
        let source = places.variants().join("node");
        let folder = places.bench.join(self.name);
        let bundle = folder.join("function.js");
        if places.may_build {
            for file in ["package.json", "package-lock.json", "function.mjs"] {
                copy(&source.join(file), &folder.join(file))?;
            }
            if !folder.join("node_modules/esbuild").exists() {
                let mut npm = Command::new("npm");
                npm.args(["ci", "--no-audit", "--no-fund", "--silent"])
                    .current_dir(&folder);
                output(&mut npm)?;
            }
            let mut esbuild = Command::new(folder.join("node_modules/.bin/esbuild"));
            esbuild
                .args([
                    "function.mjs",
                    "--bundle",
                    "--platform=node",
                    "--format=cjs",
                    "--minify",
                ])
                .args(["--log-level=error", "--outfile=function.js"])
                .current_dir(&folder);
            output(&mut esbuild)?;
        }
        let files = vec![bundle];
        Ok(Variant {
            name: self.name,
            what: self.what,
            program: Program {
                path: node.trim().into(),
                arguments: vec!["function.js".to_owned()],
                directory: folder,
            },
            environment: Vec::new(),
            uses_s3: true,
            size: size::of(&files)?,
            files,
            crates: None,
            is_slow: true,
        })
    }
}

/// Where things are, and what may be done.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    /// The repository.
    pub(crate) root: PathBuf,
    /// `target/bench`
    pub(crate) bench: PathBuf,
    /// Another executable to measure as `ours`.
    pub(crate) ours: Option<PathBuf>,
    /// Whether variants are built and installed, or must be there.
    pub(crate) may_build: bool,
}

impl Places {
    fn variants(&self) -> PathBuf {
        self.root.join("benches/variants")
    }
}

/// What the function is shipped for, on this machine's architecture.
fn shipped_target() -> &'static str {
    HERE.target(Linkage::Static)
}

/// How many crates are in an executable for a target (this machine's own if none is named).
pub(crate) fn crates(manifest_dir: &Path, target: Option<&str>) -> Result<usize, String> {
    let mut tree = Command::new("cargo");
    tree.args([
        "tree", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}",
    ])
    .current_dir(manifest_dir);
    if let Some(target) = target {
        tree.args(["--target", target]);
    }
    let tree = output(&mut tree)?;
    let names = tree.lines().filter_map(|line| line.split(" (").next());
    Ok(names
        .filter(|name| !name.is_empty())
        .collect::<BTreeSet<_>>()
        .len())
}

/// What a command printed; its errors go to our own.
fn output(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().display().to_string();
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("{name}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{name}: {}", output.status));
    }
    String::from_utf8(output.stdout).map_err(|error| format!("{name}: {error}"))
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    let copied = match to.parent() {
        Some(parent) => fs::create_dir_all(parent).and_then(|()| fs::copy(from, to)),
        None => fs::copy(from, to),
    };
    copied
        .map(|_| ())
        .map_err(|error| format!("{}: {error}", to.display()))
}
