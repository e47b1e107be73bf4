//! Makes `bootstrap.zip` of the function's executable, and a list of what is in it.
//!
//! `executable` refuses what Lambda's `provided.al2023` could not run, `archive` writes a zip that is the
//! same byte for byte wherever it is made, `sbom` says in CycloneDX which crates are inside.

pub mod archive;
pub mod executable;
pub mod sbom;
