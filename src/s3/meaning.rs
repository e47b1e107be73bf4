//! What S3's answers mean, other than success: one table of statuses, codes and messages.

use std::ops::RangeInclusive;

/// What an answer asks of us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// There is no such object.
    Absent,
    /// The condition did not hold.
    PreconditionFailed,
    /// Another write was under way.
    Conflict,
    /// Not now. Nothing was done.
    NotNow,
    /// It passes as a rule, and nobody knows what was done.
    Unclear,
    /// No answer to what was asked, though perhaps it was done.
    Unusable,
    /// The token is no longer good: a new process gets a new one.
    Credentials,
    /// Our clock is wrong by S3's.
    Skewed,
    /// Refused until somebody mends the set-up, for what usually is this reason.
    Refused(&'static str),
}

impl Meaning {
    /// The first row of the table that an answer fits. `code` and `message` are empty if S3 gave none:
    /// an answer to HEAD has no body, and what stands between us and S3 knows no codes.
    #[must_use]
    pub fn of(status: u16, code: &str, message: &str) -> Self {
        let fits_code = |pattern: &str| match pattern.strip_suffix('*') {
            Some(beginning) => code.starts_with(beginning),
            None => code == pattern,
        };
        TABLE
            .iter()
            .find(|(statuses, pattern, words, _)| {
                statuses.contains(&status) && fits_code(pattern) && message.contains(words)
            })
            .map_or(Self::Refused(OTHER), |(.., meaning)| *meaning)
    }
}

use Meaning::{
    Absent, Conflict, Credentials, NotNow, PreconditionFailed, Refused, Skewed, Unclear, Unusable,
};

/// Statuses, a code (`*` stands for any rest), words of the message, and the meaning. The first row that
/// fits counts. A new code is one line.
const TABLE: &[Row] = &[
    (100..=299, "*", "", Unusable),
    (304..=304, "*", "", Unusable),
    // AmazonS3 user guide, "Conditional writes". A 404 without the code is no proof of absence: any server
    // between here and S3 may have made it.
    (404..=404, "NoSuchKey", "", Absent),
    (412..=412, "*", "", PreconditionFailed),
    (409..=409, "ConditionalRequestConflict", "", Conflict),
    // AmazonS3 API reference, "Error responses": "Try again."
    (409..=409, "OperationAborted", "", Conflict),
    // botocore, retries/standard.py, the codes of throttling; S3 itself says SlowDown (503), MinIO also
    // which way. RFC 6585, section 4 (429).
    (ANY, "SlowDown*", "", NotNow),
    (ANY, "Throttling*", "", NotNow),
    (ANY, "Throttled*", "", NotNow),
    (ANY, "RequestThrottled*", "", NotNow),
    (ANY, "RequestLimitExceeded", "", NotNow),
    (ANY, "BandwidthLimitExceeded", "", NotNow),
    (ANY, "LimitExceededException", "", NotNow),
    (ANY, "ProvisionedThroughputExceededException", "", NotNow),
    (ANY, "PriorRequestNotComplete", "", NotNow),
    (ANY, "TooManyRequests*", "", NotNow),
    (429..=429, "*", "", NotNow),
    // AWS KMS API reference, "Common errors" and those of GenerateDataKey and Decrypt; S3 hands them on.
    (ANY, "KMS.Throttling*", "", NotNow),
    (ANY, "KMS.LimitExceededException", "", NotNow),
    (ANY, "KMS.DependencyTimeoutException", "", Unclear),
    (ANY, "KMS.KeyUnavailableException", "", Unclear),
    (ANY, "KMS.KMSInternalException", "", Unclear),
    (ANY, "KMS.*", "", Refused(KMS)),
    (400..=499, "*", "kms:", Refused(KMS)),
    // AmazonS3 user guide, "Request redirection": only until the new bucket's name is known everywhere. A
    // bucket that is elsewhere for good is answered with 301.
    (ANY, "TemporaryRedirect", "", NotNow),
    (307..=307, "*", "", NotNow),
    // AmazonS3 API reference, "Error responses", for all from here on. Damaged or cut short on its way:
    (ANY, "BadDigest", "", Unclear),
    (ANY, "IncompleteBody", "", Unclear),
    (ANY, "XAmzContentSHA256Mismatch", "", Unclear),
    (ANY, "XAmzContentChecksumMismatch", "", Unclear),
    // Too slow, or S3's fault:
    (ANY, "RequestTimeout*", "", Unclear),
    (ANY, "InternalError", "", Unclear),
    (ANY, "ServiceUnavailable", "", Unclear),
    // About who asks, when, and for what:
    (ANY, "ExpiredToken*", "", Credentials),
    (ANY, "InvalidToken", "", Credentials),
    (ANY, "TokenRefreshRequired", "", Credentials),
    (ANY, "RequestTimeTooSkewed", "", Skewed),
    (ANY, "SignatureDoesNotMatch", "", Refused(CREDENTIALS)),
    (ANY, "InvalidAccessKeyId", "", Refused(CREDENTIALS)),
    (ANY, "NoSuchBucket", "", Refused(BUCKET)),
    (ANY, "AuthorizationHeaderMalformed", "", Refused(REGION)),
    (ANY, "PermanentRedirect", "", Refused(REGION)),
    (
        ANY,
        "IllegalLocationConstraintException",
        "",
        Refused(REGION),
    ),
    // RFC 9110, section 15, if there is no code that is known.
    (300..=399, "*", "", Refused(REGION)),
    (403..=403, "*", "", Refused(PERMISSION)),
    (408..=408, "*", "", Unclear),
    (501..=501, "*", "", Refused(LACKING)),
    (500..=u16::MAX, "*", "", Unclear),
];

type Row = (RangeInclusive<u16>, &'static str, &'static str, Meaning);

const ANY: RangeInclusive<u16> = 0..=u16::MAX;

pub(super) const CREDENTIALS: &str =
    "the credentials in the environment are not (or no longer) valid";
pub(super) const SKEWED: &str = "the clock of this machine is off by more than 15 minutes";
const KMS: &str = "the bucket is encrypted with a key of KMS: the role needs kms:GenerateDataKey and \
     kms:Decrypt on it, and the key must be enabled";
const BUCKET: &str = "do PRIVATE_BUCKET_NAME, PUBLIC_BUCKET_NAME and the region fit?";
const REGION: &str = "the bucket seems to be in another region than AWS_REGION says";
const PERMISSION: &str = "the role needs s3:GetObject and s3:PutObject on the object, and s3:ListBucket \
     on the bucket: without the latter an absent object shows as 403; if the bucket is encrypted with a \
     key of KMS, also kms:GenerateDataKey and kms:Decrypt on the key";
const LACKING: &str = "this S3-compatible server lacks something that dojang needs";
const OTHER: &str = "see S3's list of error codes";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_can_be_reached() {
        for (at, (statuses, pattern, words, meaning)) in TABLE.iter().enumerate() {
            let code = pattern.replace('*', "");
            // A status that no other row is about, if the row leaves the choice.
            let status = if *statuses == ANY {
                400
            } else {
                *statuses.start()
            };
            assert_eq!(Meaning::of(status, &code, words), *meaning, "row {at}");
        }
    }

    #[test]
    fn what_is_not_known_is_refused_or_open_by_its_status() {
        for status in [400, 401, 402, 404, 405, 406, 409, 410, 411, 413, 418, 431] {
            for code in ["", "Whatever", "nosuchkey", "SLOWDOWN"] {
                let meaning = Meaning::of(status, code, "");
                assert!(matches!(meaning, Refused(_)), "{status} {code}");
            }
        }
        for status in [0, 500, 502, 503, 504, 509, 599, 600, 999] {
            let expected = if status == 0 { Refused(OTHER) } else { Unclear };
            assert_eq!(Meaning::of(status, "Whatever", ""), expected, "{status}");
        }
    }

    #[test]
    fn absence_needs_status_and_code() {
        for (status, code) in [
            (404, ""),
            (403, "NoSuchKey"),
            (404, "NoSuchBucket"),
            (410, ""),
        ] {
            assert_ne!(
                Meaning::of(status, code, "NoSuchKey"),
                Absent,
                "{status} {code}"
            );
        }
    }

    #[test]
    fn kms_is_named_by_code_or_message() {
        let message = "User: arn:aws:sts::1:assumed-role/r is not authorized to perform: \
            kms:GenerateDataKey on resource: k";
        assert_eq!(Meaning::of(403, "AccessDenied", message), Refused(KMS));
        assert_eq!(Meaning::of(400, "KMS.DisabledException", ""), Refused(KMS));
        assert_eq!(Meaning::of(403, "AccessDenied", "no"), Refused(PERMISSION));
    }
}
