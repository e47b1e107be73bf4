//! An answer of S3's: how it is read, and what it says of time.

use std::io::Read;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use ureq::Body;
use ureq::http::{HeaderMap, Response};

use super::meaning::Meaning;
use super::{S3Error, Said};
use crate::limits::MAX_OBJECT_BYTES;

/// An answer of S3's, read to its end.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn read(answer: Response<Body>) -> Result<Self, S3Error> {
        let (head, body) = answer.into_parts();
        let status = head.status.as_u16();
        if status != 200 {
            return Ok(Self {
                status,
                headers: head.headers,
                body: beginning_of(body),
            });
        }
        let too_large = || S3Error::BadAnswer {
            cause: format!("expected at most {MAX_OBJECT_BYTES} bytes, found more"),
        };
        if body
            .content_length()
            .is_some_and(|length| length > MAX_OBJECT_BYTES)
        {
            return Err(too_large());
        }
        // As much room as is needed, since a Vec that grows while it is read is copied again and again.
        let room = body.content_length().unwrap_or(0);
        let mut bytes = Vec::with_capacity(usize::try_from(room).unwrap_or_default());
        body.into_reader()
            .take(MAX_OBJECT_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| S3Error::OutcomeUnknown {
                cause: format!("cut short: {error}"),
            })?;
        if bytes.len() as u64 > MAX_OBJECT_BYTES {
            return Err(too_large());
        }
        Ok(Self {
            status,
            headers: head.headers,
            body: bytes,
        })
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// What S3 says if it does not grant a request.
    pub(super) fn said(&self) -> Said {
        let ids = ["x-amz-request-id", "x-amz-id-2"].map(|name| self.header(name));
        Said::new(self.status, &self.body, ids[0], ids[1])
    }

    /// Whether it refuses a request for what was signed, or who signed it.
    pub(super) fn is_refused(&self) -> bool {
        self.status == 403 || !self.is_success() && self.said().meaning() == Meaning::Skewed
    }

    /// S3's time, if it refuses the time `signed`. An answer to HEAD has no body that could say so: there
    /// a difference that S3 would not let pass is reason enough to try.
    pub(super) fn time_asked_for(&self, method: &str, signed: i64) -> Option<i64> {
        if !self.is_refused() {
            return None;
        }
        let theirs = self.header("date").and_then(unix_time)?;
        let is_skewed = if method == "HEAD" {
            signed.abs_diff(theirs) > MAX_SKEW
        } else {
            signed != theirs && self.said().meaning() == Meaning::Skewed
        };
        is_skewed.then_some(theirs)
    }
}

/// As much of an error's text as its code is in. Even if the rest is lost, the status says what the
/// answer means.
fn beginning_of(body: Body) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = body
        .into_reader()
        .take(MAX_ERROR_BYTES)
        .read_to_end(&mut bytes);
    bytes
}

/// The time that a header such as `Date` gives, in seconds since 1970.
pub(super) fn unix_time(text: &str) -> Option<i64> {
    let time = OffsetDateTime::parse(text, &Rfc2822).ok()?;
    Some(time.unix_timestamp())
}

/// How far S3 lets clocks differ is 15 minutes; a refusal by a clock that is nearer has another reason.
const MAX_SKEW: u64 = 10 * 60;

const MAX_ERROR_BYTES: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use ureq::http::header::DATE;

    #[test]
    fn times_of_headers_are_read() {
        // RFC 9110, section 5.6.7.
        let time = unix_time("Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(time, Some(784_111_777));
        assert_eq!(unix_time("yesterday"), None);
    }

    /// Tests of the client itself have clocks that go on meanwhile.
    #[test]
    fn a_refusal_of_head_is_for_the_time_from_a_difference_that_s3_would_not_let_pass() {
        let theirs = 784_111_777;
        for (difference, is_tried) in [(0, false), (600, false), (601, true), (9_000, true)] {
            for signed in [theirs - difference, theirs + difference] {
                let answer = Answer {
                    status: 403,
                    headers: HeaderMap::from_iter([(
                        DATE,
                        "Sun, 06 Nov 1994 08:49:37 GMT".parse().unwrap(),
                    )]),
                    body: Vec::new(),
                };
                let asked_for = answer.time_asked_for("HEAD", signed);
                assert_eq!(asked_for, is_tried.then_some(theirs), "{difference}");
            }
        }
    }
}
