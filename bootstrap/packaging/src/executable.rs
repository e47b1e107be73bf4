//! What an executable must be for Lambda's `provided.al2023` to run it.

use std::fmt;

use goblin::elf::Elf;
use goblin::elf::dynamic::DF_1_PIE;
use goblin::elf::header::{EM_AARCH64, EM_X86_64, ET_DYN};

/// An instruction set that Lambda has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// Graviton; Lambda's `arm64`.
    Arm64,
    /// Lambda's `x86_64`.
    X86_64,
}

impl Architecture {
    /// Lambda's name for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::X86_64 => "x86_64",
        }
    }

    /// The architecture of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Arm64, Self::X86_64]
            .into_iter()
            .find(|architecture| architecture.name() == name)
    }

    /// Rust's name for Linux on it, with the C library of that linkage.
    #[must_use]
    pub fn target(self, linkage: Linkage) -> &'static str {
        match (self, linkage) {
            (Self::Arm64, Linkage::Static) => "aarch64-unknown-linux-musl",
            (Self::Arm64, Linkage::Dynamic) => "aarch64-unknown-linux-gnu",
            (Self::X86_64, Linkage::Static) => "x86_64-unknown-linux-musl",
            (Self::X86_64, Linkage::Dynamic) => "x86_64-unknown-linux-gnu",
        }
    }

    fn machine(self) -> u16 {
        match self {
            Self::Arm64 => EM_AARCH64,
            Self::X86_64 => EM_X86_64,
        }
    }

    fn loader(self) -> &'static str {
        match self {
            Self::Arm64 => "ld-linux-aarch64.so.1",
            Self::X86_64 => "ld-linux-x86-64.so.2",
        }
    }
}

/// How an executable gets its C library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linkage {
    /// musl is in it; no loader, no shared library.
    Static,
    /// The system's loader brings the system's glibc.
    Dynamic,
}

impl Linkage {
    /// The option's value in `bootstrap/package`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::Dynamic => "dynamic",
        }
    }

    /// The linkage of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Static, Self::Dynamic]
            .into_iter()
            .find(|linkage| linkage.name() == name)
    }
}

/// Checks that `bytes` are an executable for `architecture` with that linkage which can be loaded at any address,
/// is stripped and asks for nothing that `provided.al2023` lacks.
///
/// # Errors
/// The first thing that is wrong.
pub fn check(bytes: &[u8], architecture: Architecture, expected: Linkage) -> Result<(), Unfit> {
    let elf = parse(bytes)?;
    if !elf.is_64 || !elf.little_endian || elf.header.e_machine != architecture.machine() {
        return Err(Unfit::Architecture {
            expected: architecture,
            linkage: expected,
            found: goblin::elf::header::machine_to_str(elf.header.e_machine),
        });
    }
    if !is_position_independent(&elf) {
        return Err(Unfit::FixedAddress);
    }
    if !elf.syms.is_empty() || has_debug_information(&elf) {
        return Err(Unfit::NotStripped);
    }
    let found = linkage_of(&elf);
    if found != expected {
        return Err(Unfit::Linkage { expected, found });
    }
    for library in &elf.libraries {
        if !LIBRARIES.contains(library) && *library != architecture.loader() {
            return Err(Unfit::Library((*library).to_owned()));
        }
    }
    if let Some(interpreter) = elf.interpreter
        && interpreter.rsplit('/').next() != Some(architecture.loader())
    {
        return Err(Unfit::Library(interpreter.to_owned()));
    }
    if let Some(version) = symbol_versions(&elf).find(|version| !is_offered(version)) {
        return Err(Unfit::SymbolVersion(version.to_owned()));
    }
    Ok(())
}

/// How the executable is linked.
///
/// # Errors
/// If it is no ELF file.
pub fn linkage(bytes: &[u8]) -> Result<Linkage, Unfit> {
    Ok(linkage_of(&parse(bytes)?))
}

/// The newest glibc that the executable asks for, such as `(2, 34)`; `None` if it is static.
///
/// # Errors
/// If it is no ELF file.
pub fn glibc(bytes: &[u8]) -> Result<Option<(u32, u32)>, Unfit> {
    let elf = parse(bytes)?;
    Ok(symbol_versions(&elf)
        .filter_map(|version| number(version, "GLIBC_"))
        .max())
}

/// Why an executable is not fit for `provided.al2023`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// It is no executable for Linux.
    NotElf(String),
    /// It is for another machine.
    Architecture {
        /// What was asked for.
        expected: Architecture,
        /// How it should be linked.
        linkage: Linkage,
        /// ELF's name of what it is.
        found: &'static str,
    },
    /// It can be loaded at one address only, so that the system cannot choose it at random.
    FixedAddress,
    /// It is linked in the other way.
    Linkage {
        /// What was asked for.
        expected: Linkage,
        /// What it is.
        found: Linkage,
    },
    /// It has a symbol table or debug information, which Lambda would have to load.
    NotStripped,
    /// It asks for a shared library or loader that is not there.
    Library(String),
    /// It asks for a library's newer version.
    SymbolVersion(String),
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotElf(error) => write!(f, "expected an ELF executable, found: {error}"),
            Self::Architecture {
                expected,
                linkage,
                found,
            } => write!(
                f,
                "expected an executable for {}, found {found}; build it for {}",
                expected.name(),
                expected.target(*linkage)
            ),
            Self::FixedAddress => f.write_str(
                "expected a position-independent executable, found one with a fixed address; link it as \
                 `bootstrap/package --with cargo` does (bootstrap/static-pie)",
            ),
            Self::Linkage { expected, found } => write!(
                f,
                "expected a {} executable, found a {} one; build it for the target of that linkage",
                expected.name(),
                found.name()
            ),
            Self::NotStripped => f.write_str(
                "expected a stripped executable, found symbols; set `strip = true` in the profile",
            ),
            Self::Library(name) => write!(
                f,
                "needs {name}, which provided.al2023 lacks; link it statically or do without it"
            ),
            Self::SymbolVersion(version) => write!(
                f,
                "needs {version}, but provided.al2023 has GLIBC_{}.{}; build on Debian 12 or with \
                 cargo zigbuild",
                GLIBC.0, GLIBC.1
            ),
        }
    }
}

impl std::error::Error for Unfit {}

fn parse(bytes: &[u8]) -> Result<Elf<'_>, Unfit> {
    Elf::parse(bytes).map_err(|error| Unfit::NotElf(error.to_string()))
}

/// Shared libraries are of the same type; the flag tells them apart.
fn is_position_independent(elf: &Elf<'_>) -> bool {
    let flags = elf.dynamic.as_ref().map(|dynamic| dynamic.info.flags_1);
    elf.header.e_type == ET_DYN && flags.is_some_and(|flags| flags & DF_1_PIE != 0)
}

/// What names neither a loader nor a library has all that it needs.
fn linkage_of(elf: &Elf<'_>) -> Linkage {
    if elf.interpreter.is_none() && elf.libraries.is_empty() {
        Linkage::Static
    } else {
        Linkage::Dynamic
    }
}

/// `.debug_gdb_scripts` alone is a line of text that `strip` leaves in.
fn has_debug_information(elf: &Elf<'_>) -> bool {
    elf.section_headers.iter().any(|section| {
        elf.shdr_strtab
            .get_at(section.sh_name)
            .is_some_and(|name| name == ".debug_info")
    })
}

/// Versions such as `GLIBC_2.34` that the dynamic loader will look for.
fn symbol_versions<'a>(elf: &'a Elf<'_>) -> impl Iterator<Item = &'a str> {
    elf.verneed
        .iter()
        .flat_map(goblin::elf::VerneedSection::iter)
        .flat_map(|library| library.iter().collect::<Vec<_>>())
        .filter_map(|version| elf.dynstrtab.get_at(version.vna_name))
}

/// Whether `provided.al2023` offers it. What is neither glibc's nor libgcc's numbering, such as
/// `GLIBC_ABI_DT_RELR` of glibc 2.36, is taken as newer.
fn is_offered(version: &str) -> bool {
    number(version, "GLIBC_").is_some_and(|number| number <= GLIBC)
        || number(version, "GCC_").is_some_and(|number| number <= GCC)
}

fn number(version: &str, prefix: &str) -> Option<(u32, u32)> {
    let mut parts = version.strip_prefix(prefix)?.split('.');
    let major = parts.next()?.parse().ok()?;
    Some((major, parts.next().unwrap_or("0").parse().ok()?))
}

/// Amazon Linux 2023 has glibc 2.34 (AWS, "Comparing AL2 and AL2023") and GCC 11's libgcc.
const GLIBC: (u32, u32) = (2, 34);
const GCC: (u32, u32) = (11, 0);
/// What the image `provided.al2023` has of what a Rust executable may ask for, besides the loader.
const LIBRARIES: [&str; 3] = ["libc.so.6", "libm.so.6", "libgcc_s.so.1"];
