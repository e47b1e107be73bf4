//! What can go wrong with a request to S3, told apart by what the caller must do.

use std::fmt;

/// Why a request to S3 did not succeed. Shows no credentials and nothing of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum S3Error {
    /// There is no such object (404 `NoSuchKey`). Also answers an `If-Match` on an absent key.
    Absent,
    /// The condition did not hold (412): read again and redo.
    PreconditionFailed,
    /// Another write was under way (409 `ConditionalRequestConflict`): read again and redo.
    Conflict,
    /// S3 asks for fewer requests (429, or 503 `SlowDown`): wait, then try again.
    Throttled {
        /// S3's code.
        code: String,
    },
    /// S3 refuses the request for good (other 3xx and 4xx): somebody has to mend the set-up.
    Refused {
        /// The HTTP status.
        status: u16,
        /// S3's code, empty where it gave none.
        code: String,
        /// What usually is the reason.
        hint: &'static str,
    },
    /// The request never reached S3 and surely was not applied.
    Unreachable {
        /// What happened.
        cause: String,
    },
    /// No usable answer came: a write may have been applied, or may be yet.
    OutcomeUnknown {
        /// What happened.
        cause: String,
    },
    /// A read brought something that cannot be used.
    BadAnswer {
        /// What was expected and what was found.
        cause: String,
    },
}

impl S3Error {
    /// Whether a write that ended so has surely not been applied and will not be.
    #[must_use]
    pub fn surely_not_applied(&self) -> bool {
        !matches!(self, Self::OutcomeUnknown { .. } | Self::BadAnswer { .. })
    }

    /// Whether another writer was faster, or is at it: read again and redo.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::PreconditionFailed | Self::Conflict)
    }

    /// Whether the same may well succeed a little later.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::PreconditionFailed
            | Self::Conflict
            | Self::Throttled { .. }
            | Self::Unreachable { .. }
            | Self::OutcomeUnknown { .. } => true,
            Self::Absent | Self::Refused { .. } | Self::BadAnswer { .. } => false,
        }
    }

    /// The error that an answer of S3's with this status and error code means. A 404 without the
    /// code is no proof of absence: any server between here and S3 may have made it.
    #[must_use]
    pub fn from_answer(status: u16, code: &str) -> Self {
        let code = code.to_owned();
        match (status, code.as_str()) {
            (404, "NoSuchKey") => Self::Absent,
            (412, _) => Self::PreconditionFailed,
            (409, "ConditionalRequestConflict" | "OperationAborted") => Self::Conflict,
            (429, _) | (503, "SlowDown" | "SlowDownRead" | "SlowDownWrite") => {
                Self::Throttled { code }
            }
            (500 | 502.., _)
            | (408, _)
            // BadDigest: damaged on its way.
            | (_, "RequestTimeout" | "RequestTimeoutException" | "BadDigest") => {
                Self::OutcomeUnknown {
                    cause: format!("S3 answered {status} {code}"),
                }
            }
            _ => Self::Refused {
                status,
                hint: hint(status, &code),
                code,
            },
        }
    }
}

impl fmt::Display for S3Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("there is no such object"),
            Self::PreconditionFailed => f.write_str("the object has another version by now (412)"),
            Self::Conflict => f.write_str("another write of the object was under way (409)"),
            Self::Throttled { code } => write!(f, "S3 asks for fewer requests ({code})"),
            Self::Refused { status, code, hint } => {
                write!(f, "S3 refused the request ({status} {code}); {hint}")
            }
            Self::Unreachable { cause } => write!(f, "S3 was not reached: {cause}"),
            Self::OutcomeUnknown { cause } => write!(f, "no clear answer of S3: {cause}"),
            Self::BadAnswer { cause } => write!(f, "S3's answer cannot be used: {cause}"),
        }
    }
}

impl std::error::Error for S3Error {}

/// The code in S3's XML error document. Anything else, such as HTML, has none.
pub fn error_code(body: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(body).ok()?;
    let (_, rest) = text.split_once("<Error>")?.1.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    let is_code = (1..=64).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_alphanumeric());
    is_code.then_some(code)
}

fn hint(status: u16, code: &str) -> &'static str {
    match (status, code) {
        (_, "NoSuchBucket") => "do PRIVATE_BUCKET_NAME, PUBLIC_BUCKET_NAME and the region fit?",
        (_, "RequestTimeTooSkewed") => "the clock of this machine is off by more than 15 minutes",
        (_, "SignatureDoesNotMatch" | "InvalidAccessKeyId" | "InvalidToken" | "ExpiredToken") => {
            "the credentials in the environment are not (or no longer) valid"
        }
        (_, "AuthorizationHeaderMalformed" | "PermanentRedirect" | "TemporaryRedirect")
        | (300..=399, _) => "the bucket seems to be in another region than AWS_REGION says",
        (403, _) => {
            "the role needs s3:GetObject and s3:PutObject on the object, and s3:ListBucket on the \
             bucket: without the latter an absent object shows as 403"
        }
        (501, _) => "this S3-compatible server lacks something that dojang needs",
        _ => "see S3's list of error codes",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_apart_by_what_to_do() {
        use S3Error as E;
        assert_eq!(E::from_answer(404, "NoSuchKey"), E::Absent);
        assert!(matches!(E::from_answer(404, ""), E::Refused { .. }));
        assert!(matches!(
            E::from_answer(404, "NoSuchBucket"),
            E::Refused { .. }
        ));
        assert_eq!(
            E::from_answer(412, "PreconditionFailed"),
            E::PreconditionFailed
        );
        assert_eq!(
            E::from_answer(409, "ConditionalRequestConflict"),
            E::Conflict
        );
        assert!(matches!(
            E::from_answer(503, "SlowDown"),
            E::Throttled { .. }
        ));
        assert!(matches!(
            E::from_answer(503, "ServiceUnavailable"),
            E::OutcomeUnknown { .. }
        ));
        assert!(matches!(
            E::from_answer(500, "InternalError"),
            E::OutcomeUnknown { .. }
        ));
        for passing in ["RequestTimeout", "RequestTimeoutException", "BadDigest"] {
            assert!(E::from_answer(400, passing).is_passing(), "{passing}");
        }
        assert!(matches!(
            E::from_answer(307, "TemporaryRedirect"),
            E::Refused { .. }
        ));
        let refused = E::from_answer(403, "AccessDenied").to_string();
        assert!(refused.contains("403 AccessDenied") && refused.contains("s3:ListBucket"));
    }

    #[test]
    fn only_a_missing_answer_leaves_the_outcome_of_a_write_open() {
        assert!(!S3Error::from_answer(500, "").surely_not_applied());
        // A server that does not know conditions, say: trying again would not help.
        let lacking = S3Error::from_answer(501, "NotImplemented");
        assert!(lacking.surely_not_applied() && !lacking.is_passing());
        assert!(S3Error::from_answer(412, "").surely_not_applied());
        assert!(S3Error::from_answer(403, "").surely_not_applied());
        assert!(
            S3Error::Unreachable {
                cause: String::new()
            }
            .surely_not_applied()
        );
    }

    #[test]
    fn the_code_is_read_from_s3s_error_document_and_from_nothing_else() {
        let xml =
            br#"<?xml version="1.0"?><Error><Code>NoSuchKey</Code><Message>m</Message></Error>"#;
        assert_eq!(error_code(xml), Some("NoSuchKey"));
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
}
