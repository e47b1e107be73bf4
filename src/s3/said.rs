//! What S3 says of a request that it does not grant, for the log.

use std::fmt;

use super::meaning::Meaning;

/// An answer of S3's that is no success. All of it is bounded, and on one line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// The HTTP status.
    pub status: u16,
    /// S3's code, empty if it gave none.
    pub code: String,
    /// S3's message, empty if it gave none.
    pub message: String,
    /// `x-amz-request-id`, by which AWS finds the request; empty if there was none.
    pub request_id: String,
    /// `x-amz-id-2`, likewise.
    pub id_2: String,
}

impl Said {
    /// Reads an answer. The ids are those of the headers, else those of the body.
    #[must_use]
    pub fn new(status: u16, body: &[u8], request_id: Option<&str>, id_2: Option<&str>) -> Self {
        let id = |header: Option<&str>, name| {
            let id = header.or_else(|| element(body, name)).unwrap_or_default();
            one_line(id, MAX_ID)
        };
        Self {
            status,
            code: error_code(body).unwrap_or_default().to_owned(),
            message: masked(&one_line(
                element(body, "Message").unwrap_or_default(),
                MAX_MESSAGE,
            )),
            request_id: id(request_id, "RequestId"),
            id_2: id(id_2, "HostId"),
        }
    }

    /// What it means.
    #[must_use]
    pub fn meaning(&self) -> Meaning {
        Meaning::of(self.status, &self.code, &self.message)
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        if !self.code.is_empty() {
            write!(f, " {}", self.code)?;
        }
        if !self.message.is_empty() {
            write!(f, " \"{}\"", self.message)?;
        }
        for (name, id) in [
            ("x-amz-request-id", &self.request_id),
            ("x-amz-id-2", &self.id_2),
        ] {
            if !id.is_empty() {
                write!(f, ", {name} {id}")?;
            }
        }
        Ok(())
    }
}

/// The code in S3's XML error document. Anything else, such as HTML, has none.
#[must_use]
pub fn error_code(body: &[u8]) -> Option<&str> {
    let code = element(body, "Code")?;
    let is_code = (1..=MAX_CODE).contains(&code.len())
        && code
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    is_code.then_some(code)
}

/// The text of an element of S3's XML error document.
fn element<'a>(body: &'a [u8], name: &str) -> Option<&'a str> {
    let text = std::str::from_utf8(body).ok()?;
    let (_, document) = text.split_once("<Error>")?;
    let (_, rest) = document.split_once(&*format!("<{name}>"))?;
    let (text, _) = rest.split_once(&*format!("</{name}>"))?;
    Some(text)
}

/// At most so many characters, with XML's own entities resolved. A character that would leave the line, or cannot be
/// seen, becomes a space.
fn one_line(text: &str, most: usize) -> String {
    // Before anything else: the server decides how much there is.
    let text: String = text.chars().take(most).collect();
    let text = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&apos;", "'"),
        ("&amp;", "&"),
    ]
    .into_iter()
    .fold(text, |text, (entity, meant)| text.replace(entity, meant));
    text.chars()
        .map(|c| {
            if c.is_control() || is_format(c) {
                ' '
            } else {
                c
            }
        })
        .collect()
}

/// The text without what may be a login code or a credential: a server may quote what it was sent or has
/// stored, and neither belongs in a log. S3's messages are words, ARNs and numbers.
fn masked(text: &str) -> String {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '+' | '=');
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (run, after) = rest.split_at(rest.find(|c| !is_part(c)).unwrap_or(rest.len()));
        if run.len() >= SHORTEST_SECRET && !is_harmless(run) {
            shown.push('…');
        } else {
            shown.push_str(run);
        }
        let (between, after) = after.split_at(after.find(is_part).unwrap_or(after.len()));
        shown.push_str(between);
        rest = after;
    }
    shown
}

/// Whether letters and digits make up words such as `authorized` and `GenerateDataKey`, a number such as an
/// account's, or a part of the id of a key.
fn is_harmless(run: &str) -> bool {
    let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if run.bytes().all(is_hex) {
        return true;
    }
    // Each word has a capital at most in front, and three letters at least.
    let mut ends = (1..run.len())
        .filter(|at| run.as_bytes()[*at].is_ascii_uppercase())
        .chain([run.len()]);
    let mut begin = 0;
    run.bytes().all(|b| b.is_ascii_alphabetic())
        && ends.all(|end| end - std::mem::replace(&mut begin, end) >= SHORTEST_WORD)
}

/// Separators of lines and paragraphs, and what turns the direction of text.
fn is_format(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// No login code and no credential has fewer characters.
const SHORTEST_SECRET: usize = 8;
const SHORTEST_WORD: usize = 3;
const MAX_CODE: usize = 64;
/// S3's longest, about a key of KMS that the role may not use, has some 350.
const MAX_MESSAGE: usize = 500;
/// S3's have 16 and 76 or 88 characters.
const MAX_ID: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_read_from_s3s_error_document_and_from_nothing_else() {
        let xml =
            br#"<?xml version="1.0"?><Error><Code>NoSuchKey</Code><Message>m</Message></Error>"#;
        assert_eq!(error_code(xml), Some("NoSuchKey"));
        let kms = b"<Error><Code>KMS.DisabledException</Code></Error>";
        assert_eq!(error_code(kms), Some("KMS.DisabledException"));
        for body in [
            &b""[..],
            b"<html><Code>NoSuchKey</Code></html>",
            b"<Error><Code></Code></Error>",
            b"<Error><Code>a b</Code></Error>",
            b"<Error><Code>NoSuchKey",
            b"\xff",
        ] {
            assert_eq!(error_code(body), None);
        }
    }

    #[test]
    fn all_that_s3_says_is_shown_on_one_line() {
        let body = b"<Error><Code>AccessDenied</Code><Message>not &quot;you&quot;\r\nERROR \
            forged\x1b[0m</Message><RequestId>R</RequestId><HostId>H</HostId></Error>";
        let said = Said::new(403, body, Some("r"), None);
        assert_eq!(
            said.to_string(),
            "403 AccessDenied \"not \"you\"  ERROR forged [0m\", x-amz-request-id r, x-amz-id-2 H"
        );
        assert_eq!(Said::new(400, b"", None, None).to_string(), "400");
    }

    #[test]
    fn what_cannot_be_seen_is_shown_as_a_space() {
        let text = "a\u{2028}b\u{200b}c\u{202e}d\u{2066}e\u{feff}f\ng";
        assert_eq!(one_line(text, 100), "a b c d e f g");
    }

    #[test]
    fn words_arns_and_numbers_are_shown_and_what_may_be_a_secret_is_not() {
        for kept in [
            "User: arn:aws:sts::111122223333:assumed-role/dojang-Role/dojang is not authorized to \
             perform: kms:GenerateDataKey on resource: \
             arn:aws:kms:eu-north-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab because no \
             identity-based policy allows the kms:GenerateDataKey action",
            "The authorization mechanism is not supported. Please use AWS4-HMAC-SHA256.",
            "s3:PutObject, ListBucket, KMS, 人",
        ] {
            assert_eq!(masked(kept), kept);
        }
        for secret in [
            "AbCd1234",
            "k3Jd93kLs0aZ",
            "QzglYhMvmaBJ",
            "IQoJb3JpZ2luX2VjEA==",
            "kim12345",
        ] {
            assert_eq!(masked(&format!("of {secret}: {secret}")), "of …: …");
        }
    }

    #[test]
    fn whatever_comes_is_bounded() {
        for letter in ["x", "\n", "\u{202e}", "&amp;", "人"] {
            let long = letter.repeat(100_000);
            let body = format!("<Error><Message>{long}</Message><HostId>{long}</HostId></Error>");
            let said = Said::new(403, body.as_bytes(), Some(&long), None);
            assert!(said.message.chars().count() <= MAX_MESSAGE);
            assert!(
                said.request_id.chars().count() <= MAX_ID && said.id_2.chars().count() <= MAX_ID
            );
            let shown = said.to_string();
            assert!(
                !shown.contains(|c: char| c.is_control() || is_format(c)),
                "{shown}"
            );
        }
    }
}
