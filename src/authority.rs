//! The authority of a URL, taken apart strictly.

use ureq::http::uri::Authority;

/// Host and port of an authority without user and password; `None` if it has one of these, no host, or
/// a port that is no number below 65,536.
pub(crate) fn host_and_port(authority: &Authority) -> Option<(&str, Option<u16>)> {
    let host = authority.host();
    // A user and password would stand before the host.
    let rest = authority
        .as_str()
        .strip_prefix(host)
        .filter(|_| !host.is_empty())?;
    match rest.strip_prefix(':') {
        None => rest.is_empty().then_some((host, None)),
        Some(port) => Some((host, Some(port.parse().ok()?))),
    }
}
