//! Random identifiers.

use std::io;

use crate::hex::hex;

/// A random (version 4) UUID, lower-case and hyphenated, as Lambda's request ids are.
pub(crate) fn uuid() -> io::Result<String> {
    let mut bytes = bytes::<16>()?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits = hex(&bytes);
    let parts = [
        &digits[..8],
        &digits[8..12],
        &digits[12..16],
        &digits[16..20],
        &digits[20..],
    ];
    Ok(parts.join("-"))
}

/// An id as S3 gives every request.
pub(crate) fn s3_request_id() -> io::Result<String> {
    Ok(hex(&bytes::<8>()?).to_uppercase())
}

/// The id of a version or of an upload. S3's may begin with a hyphen, which commands take for an option.
pub(crate) fn s3_object_id() -> io::Result<String> {
    Ok(hex(&bytes::<{ S3_OBJECT_ID_LENGTH / 2 }>()?))
}

/// Whether [`s3_object_id`] may have made it.
pub(crate) fn is_s3_object_id(text: &str) -> bool {
    text.len() == S3_OBJECT_ID_LENGTH && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A trace id as X-Ray's are, for a request that is not sampled.
pub(crate) fn trace_id(seconds: u64) -> io::Result<String> {
    Ok(format!(
        "Root=1-{seconds:08x}-{};Sampled=0",
        hex(&bytes::<12>()?)
    ))
}

fn bytes<const LENGTH: usize>() -> io::Result<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    getrandom::getrandom(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(bytes)
}

/// As long as S3's.
const S3_OBJECT_ID_LENGTH: usize = 32;
