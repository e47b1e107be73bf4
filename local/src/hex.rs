//! Lower-case hex, and the ETag that is made of it.

use md5::{Digest, Md5};

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// MD5 of the content, with the quotes that belong to an ETag: what S3 and CDNs give.
pub(crate) fn etag(content: &[u8]) -> String {
    format!("\"{}\"", hex(&Md5::digest(content)))
}
