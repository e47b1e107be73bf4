//! What answers have in common: errors, conditions, and the forms of things.

use std::convert::Infallible;
use std::time::SystemTime;

use hyper::HeaderMap;
use hyper::header::HeaderValue;
use s3s::dto::{ETag, ETagCondition, Owner, Timestamp, TimestampFormat};
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

use crate::random;
use crate::s3::bucket::ChangeError;
use crate::s3::history::NULL;
use crate::s3::object::StoredObject;

pub(crate) fn no_such_bucket() -> S3Error {
    s3_error!(NoSuchBucket, "The specified bucket does not exist")
}

pub(crate) fn no_such_key() -> S3Error {
    s3_error!(NoSuchKey, "The specified key does not exist.")
}

pub(crate) fn access_denied() -> S3Error {
    s3_error!(AccessDenied, "Access Denied")
}

pub(crate) fn precondition_failed() -> S3Error {
    s3_error!(
        PreconditionFailed,
        "At least one of the pre-conditions you specified did not hold"
    )
}

pub(crate) fn not_implemented() -> S3Error {
    s3_error!(
        NotImplemented,
        "A header you provided implies functionality that is not implemented"
    )
}

/// What this server has no room for; S3 has room for everything.
pub(crate) fn full() -> S3Error {
    let code = S3ErrorCode::Custom("InsufficientStorage".into());
    let mut error = S3Error::with_message(code, "The local server keeps no more bytes.");
    error.set_status_code(hyper::StatusCode::INSUFFICIENT_STORAGE);
    error
}

impl From<ChangeError<Self>> for S3Error {
    fn from(error: ChangeError<Self>) -> Self {
        match error {
            ChangeError::Refused(error) => error,
            ChangeError::NoSuchBucket => no_such_bucket(),
            ChangeError::Full => full(),
            ChangeError::Io(error) => Self::internal_error(error),
        }
    }
}

impl From<ChangeError<Infallible>> for S3Error {
    fn from(error: ChangeError<Infallible>) -> Self {
        match error {
            ChangeError::Refused(never) => match never {},
            ChangeError::NoSuchBucket => no_such_bucket(),
            ChangeError::Full => full(),
            ChangeError::Io(error) => Self::internal_error(error),
        }
    }
}

/// Refuses what no version can be called.
pub(crate) fn check_version_id(id: &str) -> S3Result<()> {
    if id == NULL || random::is_s3_object_id(id) {
        return Ok(());
    }
    Err(s3_error!(InvalidArgument, "Invalid version id specified"))
}

/// The conditions of one who reads (RFC 9110: those on ETags take precedence over those on dates).
#[derive(Default)]
pub(crate) struct ReadConditions<'a> {
    pub(crate) if_match: Option<&'a ETagCondition>,
    pub(crate) if_none_match: Option<&'a ETagCondition>,
    pub(crate) if_modified_since: Option<&'a Timestamp>,
    pub(crate) if_unmodified_since: Option<&'a Timestamp>,
}

/// Which kind of condition did not hold.
pub(crate) enum Unmet {
    /// The reader has this already.
    Same,
    /// The reader wants another.
    Other,
}

impl ReadConditions<'_> {
    pub(crate) fn check(&self, object: &StoredObject) -> Result<(), Unmet> {
        let later = |than: &Timestamp| {
            // Dates have whole seconds.
            let seconds = |time: SystemTime| {
                let since = time.duration_since(SystemTime::UNIX_EPOCH);
                since.map_or(0, |since| since.as_secs())
            };
            let than = time::OffsetDateTime::from(than.clone());
            seconds(object.last_modified) > seconds(SystemTime::from(than))
        };
        match (self.if_match, self.if_unmodified_since) {
            (Some(condition), _) if !names(condition, object) => return Err(Unmet::Other),
            (None, Some(since)) if later(since) => return Err(Unmet::Other),
            _ => {}
        }
        match (self.if_none_match, self.if_modified_since) {
            (Some(condition), _) if names(condition, object) => Err(Unmet::Same),
            (None, Some(since)) if !later(since) => Err(Unmet::Same),
            _ => Ok(()),
        }
    }
}

/// S3's conditional writes (user guide, "How to prevent object overwrites with conditional writes").
pub(crate) fn check_write(
    present: Option<&StoredObject>,
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
) -> S3Result<()> {
    match (if_match, present) {
        (None, _) => {}
        (Some(_), None) => return Err(no_such_key()),
        (Some(condition), Some(present)) if names(condition, present) => {}
        (Some(_), Some(_)) => return Err(precondition_failed()),
    }
    match (if_none_match, present) {
        (None, _) | (Some(ETagCondition::Any), None) => Ok(()),
        (Some(ETagCondition::Any), Some(_)) => Err(precondition_failed()),
        (Some(ETagCondition::ETag(_)), _) => Err(not_implemented()),
    }
}

pub(crate) fn names(condition: &ETagCondition, object: &StoredObject) -> bool {
    match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(etag) => etag.value() == object.etag.trim_matches('"'),
    }
}

/// A condition that `s3s` does not parse for this operation.
pub(crate) fn condition(headers: &HeaderMap, name: &str) -> S3Result<Option<ETagCondition>> {
    let Some(value) = headers.get(name) else {
        return Ok(None);
    };
    ETagCondition::parse_http_header(value.as_bytes())
        .map(Some)
        .map_err(|_| s3_error!(InvalidArgument, "A condition is no ETag"))
}

pub(crate) fn etag(object: &StoredObject) -> S3Result<ETag> {
    parse_etag(&object.etag)
}

pub(crate) fn parse_etag(etag: &str) -> S3Result<ETag> {
    ETag::parse_http_header(etag.as_bytes()).map_err(S3Error::internal_error)
}

pub(crate) fn http_date(time: SystemTime) -> S3Result<HeaderValue> {
    let mut text = Vec::new();
    Timestamp::from(time)
        .format(TimestampFormat::HttpDate, &mut text)
        .map_err(S3Error::internal_error)?;
    HeaderValue::from_bytes(&text).map_err(S3Error::internal_error)
}

pub(crate) fn header(text: &str) -> S3Result<HeaderValue> {
    text.parse().map_err(S3Error::internal_error)
}

pub(crate) fn size(bytes: &[u8]) -> S3Result<i64> {
    i64::try_from(bytes.len()).map_err(S3Error::internal_error)
}

/// Whose everything is. S3 gives an account's canonical id.
pub(crate) fn owner() -> Owner {
    Owner {
        display_name: None,
        id: Some(OWNER.to_owned()),
    }
}

const OWNER: &str = "75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a";
