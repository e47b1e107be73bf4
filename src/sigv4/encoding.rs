//! Percent-encoding as Signature Version 4 wants it (`UriEncode` in S3's documentation).
//!
//! All bytes but RFC 3986's unreserved characters become `%XX` in upper case.

/// A raw path as it is sent and signed: encoded once, slashes kept, nothing normalised.
#[must_use]
pub fn encode_path(raw: &str) -> String {
    let mut encoded = String::with_capacity(raw.len());
    encode(raw, b"/", &mut encoded);
    encoded
}

/// Raw names and values as the query string that is sent and signed: sorted by encoded name, then
/// by encoded value.
#[must_use]
pub fn encode_query(raw: &[(&str, &str)]) -> String {
    let encoded = |text| {
        let mut encoded = String::new();
        encode(text, b"", &mut encoded);
        encoded
    };
    let mut pairs: Vec<_> = raw
        .iter()
        .map(|(name, value)| (encoded(name), encoded(value)))
        .collect();
    pairs.sort();
    let pairs: Vec<_> = pairs
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.join("&")
}

fn encode(raw: &str, kept: &[u8], encoded: &mut String) {
    for &byte in raw.as_bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || kept.contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push(char::from(DIGITS[usize::from(byte >> 4)]));
            encoded.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
}

const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_encoded_once_and_not_normalised() {
        assert_eq!(encode_path("/test$file.text"), "/test%24file.text");
        assert_eq!(
            encode_path("/a b+c%20/../x//~-_."),
            "/a%20b%2Bc%2520/../x//~-_."
        );
        assert_eq!(encode_path("/å"), "/%C3%A5");
    }

    #[test]
    fn queries_are_sorted_by_their_encoded_form() {
        assert_eq!(encode_query(&[]), "");
        assert_eq!(encode_query(&[("lifecycle", "")]), "lifecycle=");
        assert_eq!(
            encode_query(&[("b", "2"), ("a", "/"), ("b", "1"), ("a", ""), ("", "x")]),
            "=x&a=&a=%2F&b=1&b=2"
        );
        // `é` becomes %C3%A9, which sorts before `a`.
        assert_eq!(encode_query(&[("a", ""), ("é", "")]), "%C3%A9=&a=");
    }
}
