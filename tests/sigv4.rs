//! Our signatures against those of AWS's own `aws-sigv4`, on random requests.
//!
//! Our encoding is compared with `percent-encoding` in the same way.

use std::collections::BTreeMap;
use std::time::SystemTime;

use aws_credential_types::Credentials as AwsCredentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use dojang::sigv4::{Credentials, Request, Signer, encode_path, encode_query, payload_sha256};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use time::OffsetDateTime;

#[test]
fn signatures_equal_those_of_aws_sigv4() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut kinds = BTreeMap::<&str, usize>::new();
    for n in 0..REQUESTS {
        let case = Case::random(&mut random);
        for kind in case.kinds() {
            *kinds.entry(kind).or_default() += 1;
        }
        assert_eq!(
            case.our_authorization(),
            case.aws_authorization(),
            "request {n}: {case:#?}"
        );
    }
    println!("{REQUESTS} requests compared, among them {kinds:?}");
    // The generator must not quietly cease to make the difficult ones.
    for kind in KINDS {
        assert!(kinds[kind] > REQUESTS / 50, "{kind}: {kinds:?}");
    }
}

#[test]
fn encoding_equals_that_of_percent_encoding() {
    const QUERY: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~');
    const PATH: &AsciiSet = &QUERY.remove(b'/');
    let encoded = |text: &str, set| utf8_percent_encode(text, set).to_string();
    let ascii: String = (0..=127_u8).map(char::from).collect();
    let mut random = Random(1);
    let texts = (0..REQUESTS).map(|_| random.text(PIECES, 12));
    for text in texts.chain([ascii]) {
        assert_eq!(encode_path(&text), encoded(&text, PATH));
        let pair = format!("{}={}", encoded(&text, QUERY), encoded(&text, QUERY));
        assert_eq!(encode_query(&[(&text, &text)]), pair);
    }
}

/// A request, and who signs it when.
#[derive(Debug)]
struct Case {
    method: &'static str,
    path: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    secret: String,
    token: Option<String>,
    region: &'static str,
    /// Seconds since 1970.
    time: i64,
}

impl Case {
    fn random(random: &mut Random) -> Self {
        let mut headers = vec![("host".to_owned(), "bucket.s3.amazonaws.com".to_owned())];
        for _ in 0..random.below(5) {
            let name = format!(
                "x-amz-meta-{}",
                ["a", "B", "c-d", "Ef", "0"][random.below(5)]
            );
            headers.push((name, random.text(HEADER_PIECES, 6)));
        }
        let names = ["a", "b", "A", "", "a b", "é", "a/b", "prefix", "%41"];
        let query = (0..random.below(5))
            .map(|_| {
                (
                    names[random.below(names.len())].to_owned(),
                    random.text(PIECES, 4),
                )
            })
            .collect();
        Self {
            method: ["GET", "PUT", "HEAD", "DELETE", "POST"][random.below(5)],
            path: format!("/{}", random.text(PIECES, 8)),
            query,
            headers,
            body: random.text(PIECES, 20).into_bytes(),
            secret: random.text(PIECES, 10),
            token: (random.below(2) == 0).then(|| format!("t{}", random.text(TOKEN_PIECES, 9))),
            region: ["us-east-1", "eu-north-1", "cn-north-1"][random.below(3)],
            time: i64::try_from(random.below(4_000_000_000)).expect("it is small"),
        }
    }

    fn kinds(&self) -> Vec<&'static str> {
        let has_repeated = |names: Vec<String>| {
            names
                .iter()
                .enumerate()
                .any(|(n, name)| names[..n].contains(name))
        };
        let is_repeated_query = has_repeated(self.query.iter().map(|q| q.0.clone()).collect());
        let is_repeated_header = has_repeated(
            self.headers
                .iter()
                .map(|h| h.0.to_ascii_lowercase())
                .collect(),
        );
        [
            ("space in key", self.path.contains(' ')),
            ("plus in key", self.path.contains('+')),
            ("percent in key", self.path.contains('%')),
            ("dots in key", self.path.contains("/../")),
            ("double slash in key", self.path.contains("//")),
            ("unicode in key", !self.path.is_ascii()),
            ("repeated query key", is_repeated_query),
            (
                "empty query key",
                self.query.iter().any(|(name, _)| name.is_empty()),
            ),
            (
                "empty query value",
                self.query.iter().any(|(_, value)| value.is_empty()),
            ),
            (
                "inner spaces in a header",
                self.headers.iter().any(|(_, v)| v.trim().contains("  ")),
            ),
            ("repeated header", is_repeated_header),
            ("token", self.token.is_some()),
            ("no token", self.token.is_none()),
        ]
        .into_iter()
        .filter_map(|(kind, holds)| holds.then_some(kind))
        .collect()
    }

    fn our_authorization(&self) -> String {
        let credentials = Credentials::new("AKID".into(), self.secret.clone(), self.token.clone());
        let added = Signer::new(credentials, self.region).sign(
            OffsetDateTime::from_unix_timestamp(self.time).unwrap(),
            &Request {
                method: self.method,
                path: &self.path,
                query: &borrowed(&self.query),
                headers: &borrowed(&self.headers),
                payload_sha256: &payload_sha256(&self.body),
            },
        );
        let authorization = added.into_iter().find(|(name, _)| *name == "authorization");
        // Spaces after the commas are a matter of taste.
        authorization.unwrap().1.replace(", ", ",")
    }

    fn aws_authorization(&self) -> String {
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        let time = SystemTime::UNIX_EPOCH
            + std::time::Duration::from_secs(u64::try_from(self.time).unwrap());
        let identity =
            AwsCredentials::new("AKID", &self.secret, self.token.clone(), None, "test").into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name("s3")
            .time(time)
            .settings(settings)
            .build()
            .unwrap()
            .into();
        // In S3's mode, aws-sigv4 takes path and query as they are sent.
        let uri = format!(
            "https://bucket.s3.amazonaws.com{}?{}",
            encode_path(&self.path),
            encode_query(&borrowed(&self.query))
        );
        let headers = borrowed(&self.headers).into_iter();
        let body = SignableBody::Bytes(&self.body);
        let request = SignableRequest::new(self.method, uri, headers, body).unwrap();
        let (instructions, _) = sign(request, &parameters).unwrap().into_parts();
        let (headers, _) = instructions.into_parts();
        let authorization = headers
            .iter()
            .find(|header| header.name() == "authorization");
        authorization.unwrap().value().replace(", ", ",")
    }
}

fn borrowed(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
    pairs
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

/// A xorshift generator: the same requests in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).expect("it is below a usize")
    }

    /// Up to `most` of the pieces.
    fn text(&mut self, pieces: &[&str], most: usize) -> String {
        (0..self.below(most + 1))
            .map(|_| pieces[self.below(pieces.len())])
            .collect()
    }
}

const REQUESTS: usize = 12_000;

const PIECES: &[&str] = &[
    "a", "Z", "09", " ", "+", "%", "%20", "/../", "//", "/./", "é", "한글", "😀", "=", "&", "?",
    "#", "~", "-_.", "\"", "'", "*", "!", "()", "[]", "@", ":", ";", ",", "$", "\\", "^", "|",
    "<>", "`", "{}", "\u{7f}", "\n",
];
const HEADER_PIECES: &[&str] = &[
    "a", "B c", "  ", "   ", "=", "\"x  y\"", ",", ";", "0", "/", "\t",
];
const TOKEN_PIECES: &[&str] = &["IQoJb3JpZ2lu", "/", "+", "=", "x", "0"];

const KINDS: [&str; 13] = [
    "space in key",
    "plus in key",
    "percent in key",
    "dots in key",
    "double slash in key",
    "unicode in key",
    "repeated query key",
    "empty query key",
    "empty query value",
    "inner spaces in a header",
    "repeated header",
    "token",
    "no token",
];
