//! `bootstrap.zip`: the executable and a file that says what it is.

use std::io::{Cursor, Write};

use zip::result::ZipResult;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// A zip with the executable as `bootstrap`, mode 755, and `version` as the file `VERSION`. Equal
/// arguments give equal bytes: it holds no time, owner or path of the machine it was made on.
///
/// # Errors
/// If the executable is too large for a zip.
pub fn zip(executable: &[u8], version: &str) -> ZipResult<Vec<u8>> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        // The earliest time that a zip can hold: 1980-01-01 00:00.
        .last_modified_time(DateTime::default());
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    archive.start_file("bootstrap", options.unix_permissions(0o755))?;
    archive.write_all(executable)?;
    archive.start_file("VERSION", options.unix_permissions(0o644))?;
    archive.write_all(version.as_bytes())?;
    Ok(archive.finish()?.into_inner())
}
