//! What can go wrong with a request to S3, told apart by what the caller must do.

use std::fmt;

use super::meaning::{CREDENTIALS, Meaning, SKEWED};
pub use super::said::{Said, error_code};

/// Why a request to S3 did not succeed. Shows no credentials and nothing of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum S3Error {
    /// There is no such object (404 `NoSuchKey`). Also answers an `If-Match` on an absent key.
    Absent,
    /// The condition did not hold (412): read again and redo.
    PreconditionFailed(Box<Said>),
    /// Another write was under way (409 `ConditionalRequestConflict`): read again and redo.
    Conflict(Box<Said>),
    /// S3 does nothing now, such as for too many requests: wait, then try again.
    NotNow(Box<Said>),
    /// S3 refuses the request for good: somebody has to mend the set-up.
    Refused {
        /// What it said.
        said: Box<Said>,
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
    /// What came cannot be used. A write has been applied, by all signs.
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
        matches!(self, Self::PreconditionFailed(_) | Self::Conflict(_))
    }

    /// Whether the same may well succeed a little later.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::PreconditionFailed(_)
            | Self::Conflict(_)
            | Self::NotNow(_)
            | Self::Unreachable { .. }
            | Self::OutcomeUnknown { .. } => true,
            Self::Absent | Self::Refused { .. } | Self::BadAnswer { .. } => false,
        }
    }

    /// The error that an answer of S3's means.
    #[must_use]
    pub fn from_answer(said: Said) -> Self {
        let meaning = said.meaning();
        let said = Box::new(said);
        match meaning {
            Meaning::Absent => Self::Absent,
            Meaning::PreconditionFailed => Self::PreconditionFailed(said),
            Meaning::Conflict => Self::Conflict(said),
            Meaning::NotNow => Self::NotNow(said),
            Meaning::Unclear => Self::OutcomeUnknown {
                cause: format!("S3 answered {said}"),
            },
            Meaning::Unusable => Self::BadAnswer {
                cause: format!("expected a success or an error, found {said}"),
            },
            Meaning::Credentials => Self::Refused {
                said,
                hint: CREDENTIALS,
            },
            Meaning::Skewed => Self::Refused { said, hint: SKEWED },
            Meaning::Refused(hint) => Self::Refused { said, hint },
        }
    }
}

impl fmt::Display for S3Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("there is no such object"),
            Self::PreconditionFailed(said) => {
                write!(f, "the object has another version by now ({said})")
            }
            Self::Conflict(said) => write!(f, "another write of the object was under way ({said})"),
            Self::NotNow(said) => write!(f, "S3 asks to try again later ({said})"),
            Self::Refused { said, hint } => {
                write!(f, "S3 refused the request ({said}); {hint}")
            }
            Self::Unreachable { cause } => write!(f, "S3 was not reached: {cause}"),
            Self::OutcomeUnknown { cause } => write!(f, "no clear answer of S3: {cause}"),
            Self::BadAnswer { cause } => write!(f, "S3's answer cannot be used: {cause}"),
        }
    }
}

impl std::error::Error for S3Error {}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, code: &str) -> S3Error {
        S3Error::from_answer(Said {
            status,
            code: code.to_owned(),
            ..Said::default()
        })
    }

    #[test]
    fn only_a_missing_answer_leaves_the_outcome_of_a_write_open() {
        for (status, code) in [(500, ""), (202, ""), (304, ""), (400, "RequestTimeout")] {
            assert!(!answered(status, code).surely_not_applied(), "{status}");
        }
        // A server that does not know conditions, say: trying again would not help.
        let lacking = answered(501, "NotImplemented");
        assert!(lacking.surely_not_applied() && !lacking.is_passing());
        for (status, code) in [(412, ""), (403, ""), (503, "SlowDown"), (307, "")] {
            assert!(answered(status, code).surely_not_applied(), "{status}");
        }
        assert!(
            S3Error::Unreachable {
                cause: String::new()
            }
            .surely_not_applied()
        );
    }

    #[test]
    fn a_refusal_says_what_s3_said_and_what_may_be_wrong() {
        let refused = answered(403, "AccessDenied").to_string();
        assert!(refused.contains("403 AccessDenied") && refused.contains("s3:ListBucket"));
    }
}
