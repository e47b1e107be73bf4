//! Step 2: the string to sign.

use sha2::{Digest, Sha256};
use time::{Date, OffsetDateTime};

use super::canonical_request::CanonicalRequest;

/// The string to sign. `now` is in UTC.
#[must_use]
pub fn string_to_sign(now: OffsetDateTime, region: &str, canonical: &CanonicalRequest) -> String {
    format!(
        "AWS4-HMAC-SHA256\n{}\n{}\n{}",
        timestamp(now),
        scope(now.date(), region),
        hex::encode(Sha256::digest(&canonical.text)),
    )
}

/// The credential scope: what a signature is good for.
#[must_use]
pub fn scope(date: Date, region: &str) -> String {
    format!("{}/{region}/s3/aws4_request", basic_date(date))
}

/// A time in UTC as ISO 8601's basic format, such as `20130524T000000Z`.
#[must_use]
pub fn timestamp(now: OffsetDateTime) -> String {
    let (hour, minute, second) = now.to_hms();
    format!(
        "{}T{hour:02}{minute:02}{second:02}Z",
        basic_date(now.date())
    )
}

/// A date in the same format, such as `20130524`.
#[must_use]
pub fn basic_date(date: Date) -> String {
    let (year, month, day) = date.to_calendar_date();
    format!("{year:04}{:02}{day:02}", u8::from(month))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// 2013-05-24 00:00:00 UTC, the time of the examples in S3's documentation.
    pub(in crate::sigv4) const AWS_EXAMPLE_TIME: OffsetDateTime =
        match OffsetDateTime::from_unix_timestamp(1_369_353_600) {
            Ok(time) => time,
            Err(_) => panic!("the time is in range"),
        };

    #[test]
    fn aws_example() {
        let text = "GET\n/test.txt\n\nhost:examplebucket.s3.amazonaws.com\nrange:bytes=0-9\n\
            x-amz-content-sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n\
            x-amz-date:20130524T000000Z\n\nhost;range;x-amz-content-sha256;x-amz-date\n\
            e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let canonical = CanonicalRequest {
            text: text.into(),
            signed_headers: String::new(),
        };
        assert_eq!(
            string_to_sign(AWS_EXAMPLE_TIME, "us-east-1", &canonical),
            "AWS4-HMAC-SHA256\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n\
             7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972"
        );
    }
}
