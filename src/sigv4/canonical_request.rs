//! Step 1: the canonical request, and which headers are signed.
//!
//! Every header of the request is signed (`src/s3/client.rs`: type, caching, checksum, metadata, condition), and so are
//! those that signing adds. S3 asks for `host`, `content-type` and all `x-amz-*`.
//! Conditions (`If-Match`, `If-None-Match`) are signed too, so that nobody on the way can take one off a write. The
//! HTTP client's own headers are not signed: `content-length`, `accept`, `user-agent`.

use super::Request;
use super::encoding::{encode_path, encode_query};

/// The canonical form of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanonicalRequest {
    /// The whole text.
    pub text: String,
    /// The names of its headers, sorted, with semicolons between.
    pub signed_headers: String,
}

impl CanonicalRequest {
    /// The canonical form of `request` with the headers that signing adds.
    #[must_use]
    pub fn new(request: &Request<'_>, added: &[(&'static str, String)]) -> Self {
        let mut headers: Vec<(String, String)> = request
            .headers
            .iter()
            .copied()
            .chain(added.iter().map(|(name, value)| (*name, &**value)))
            .map(|(name, value)| (name.to_ascii_lowercase(), trimmed(value)))
            .collect();
        // A stable sort: the values of a repeated header stay in their order.
        headers.sort_by(|(a, _), (b, _)| a.cmp(b));
        headers.dedup_by(|(name, value), (kept_name, kept_value)| {
            let is_repeated = name == kept_name;
            if is_repeated {
                kept_value.push(',');
                kept_value.push_str(value);
            }
            is_repeated
        });
        let names: Vec<_> = headers.iter().map(|(name, _)| name.as_str()).collect();
        let signed_headers = names.join(";");
        let path = encode_path(request.path);
        let query = encode_query(request.query);
        let lines = headers
            .iter()
            .flat_map(|(name, value)| [&**name, ":", &**value, "\n"]);
        let text = [request.method, "\n", &path, "\n", &query, "\n"]
            .into_iter()
            .chain(lines)
            .chain(["\n", &*signed_headers, "\n", request.payload_sha256])
            .collect();
        Self {
            text,
            signed_headers,
        }
    }
}

/// A header's value without spaces around it, and with runs of spaces inside it made one. S3 does so
/// with spaces only, not with other white space.
fn trimmed(value: &str) -> String {
    let mut trimmed = String::with_capacity(value.len());
    for word in value.split(' ').filter(|word| !word.is_empty()) {
        if !trimmed.is_empty() {
            trimmed.push(' ');
        }
        trimmed.push_str(word);
    }
    trimmed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aws_example() {
        let sha256 = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
        let request = Request {
            method: "PUT",
            path: "/test$file.text",
            query: &[],
            headers: &[
                ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
                ("Host", "examplebucket.s3.amazonaws.com"),
                ("Date", "Fri, 24 May 2013 00:00:00 GMT"),
            ],
            payload_sha256: sha256,
        };
        let added = [
            ("x-amz-content-sha256", sha256.to_owned()),
            ("x-amz-date", "20130524T000000Z".to_owned()),
        ];
        let signed = "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class";
        let canonical = CanonicalRequest::new(&request, &added);
        assert_eq!(canonical.signed_headers, signed);
        assert_eq!(
            canonical.text,
            format!(
                "PUT\n/test%24file.text\n\ndate:Fri, 24 May 2013 00:00:00 GMT\n\
                 host:examplebucket.s3.amazonaws.com\nx-amz-content-sha256:{sha256}\n\
                 x-amz-date:20130524T000000Z\nx-amz-storage-class:REDUCED_REDUNDANCY\n\n\
                 {signed}\n{sha256}"
            )
        );
    }

    #[test]
    fn header_values_are_trimmed_and_repeated_names_joined() {
        let request = Request {
            method: "GET",
            path: "/",
            query: &[],
            headers: &[("B", "  1   2 "), ("a", ""), ("b", "0")],
            payload_sha256: "x",
        };
        let canonical = CanonicalRequest::new(&request, &[]);
        assert_eq!(canonical.text, "GET\n/\n\na:\nb:1 2,0\n\na;b\nx");
    }
}
