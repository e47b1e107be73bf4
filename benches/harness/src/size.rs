//! How large a function is, and how large its zip would be.

use std::fs;
use std::path::{Path, PathBuf};

use miniz_oxide::deflate::compress_to_vec;

/// In bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) files: usize,
    /// As `zip -9` would make it, within a fraction of a percent.
    pub(crate) zip: usize,
}

/// The size of these files and folders.
pub(crate) fn of(paths: &[PathBuf]) -> Result<Size, String> {
    let mut size = Size::default();
    for path in paths {
        add(path, &mut size).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(size)
}

fn add(path: &Path, size: &mut Size) -> std::io::Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            add(&entry?.path(), size)?;
        }
        return Ok(());
    }
    let bytes = fs::read(path)?;
    size.files += bytes.len();
    size.zip += compress_to_vec(&bytes, LEVEL).len() + ENTRY_BYTES;
    Ok(())
}

const LEVEL: u8 = 9;
/// Local and central header of an entry, with a name of some 20 bytes.
const ENTRY_BYTES: usize = 30 + 46 + 2 * 20;
