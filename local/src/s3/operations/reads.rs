//! GET and HEAD of objects.

use std::sync::Arc;

use hyper::HeaderMap;
use hyper::header::HeaderValue;
use s3s::dto::{
    GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput, Metadata, Range,
    StreamingBlob,
};
use s3s::{Body, S3Error, S3ErrorCode, S3Response, S3Result, s3_error};

use super::answers::{
    ReadConditions, Unmet, access_denied, check_version_id, etag, header, http_date,
    no_such_bucket, no_such_key, precondition_failed, size,
};
use crate::s3::history::Version;
use crate::s3::object::StoredObject;
use crate::s3::settings::Versioning;
use crate::s3::store::Buckets;

/// What is asked for, and by whom.
pub(crate) struct Wanted<'a> {
    pub(crate) bucket: &'a str,
    pub(crate) key: &'a str,
    pub(crate) version_id: Option<&'a str>,
    /// Who may not list the bucket may not learn what is not in it; the public may only read.
    pub(crate) may_list: bool,
}

pub(crate) struct Found {
    pub(crate) object: Arc<StoredObject>,
    /// In a bucket that has versions.
    pub(crate) version_id: Option<String>,
}

/// A delete marker where an object is wanted.
pub(crate) struct Deleted(Version);

/// The version that is wanted; the inner error is a delete marker.
pub(crate) fn find(buckets: &Buckets, wanted: &Wanted<'_>) -> S3Result<Result<Found, Deleted>> {
    let buckets = buckets.all();
    let bucket = buckets.get(wanted.bucket).ok_or_else(no_such_bucket)?;
    let history = bucket.objects.get(wanted.key);
    let version = match wanted.version_id {
        None => history.and_then(|history| history.latest()),
        Some(id) => {
            check_version_id(id)?;
            history.and_then(|history| history.version(id))
        }
    };
    let Some(version) = version else {
        return Err(match wanted.version_id {
            _ if !wanted.may_list => access_denied(),
            None => no_such_key(),
            Some(_) => s3_error!(NoSuchVersion, "The specified version does not exist."),
        });
    };
    let Some(object) = version.object() else {
        if !wanted.may_list {
            return Err(access_denied());
        }
        return Ok(Err(Deleted(version.clone())));
    };
    Ok(Ok(Found {
        object: Arc::clone(object),
        version_id: (bucket.settings.versioning != Versioning::Never).then(|| version.id.clone()),
    }))
}

/// The object to answer a GET or HEAD with, its conditions met.
fn read(
    buckets: &Buckets,
    wanted: &Wanted<'_>,
    conditions: &ReadConditions<'_>,
) -> S3Result<Found> {
    let found = match find(buckets, wanted)? {
        Ok(found) => found,
        Err(Deleted(marker)) => return Err(refuse_marker(&marker, wanted.version_id.is_some())?),
    };
    match conditions.check(&found.object) {
        Ok(()) => Ok(found),
        Err(Unmet::Other) => Err(precondition_failed()),
        Err(Unmet::Same) => Err(not_modified(&found.object)?),
    }
}

/// By its id a delete marker can only be deleted; otherwise there is no object.
fn refuse_marker(marker: &Version, by_id: bool) -> S3Result<S3Error> {
    let mut headers = HeaderMap::new();
    headers.insert("x-amz-delete-marker", HeaderValue::from_static("true"));
    headers.insert("x-amz-version-id", header(&marker.id)?);
    let mut error = if by_id {
        headers.insert("allow", HeaderValue::from_static("DELETE"));
        headers.insert("last-modified", http_date(marker.last_modified())?);
        s3_error!(
            MethodNotAllowed,
            "The specified method is not allowed against this resource."
        )
    } else {
        no_such_key()
    };
    error.set_headers(headers);
    Ok(error)
}

fn not_modified(object: &StoredObject) -> S3Result<S3Error> {
    let mut headers = HeaderMap::new();
    headers.insert("etag", header(&object.etag)?);
    headers.insert("last-modified", http_date(object.last_modified)?);
    if let Some(cache_control) = &object.cache_control {
        headers.insert("cache-control", header(cache_control)?);
    }
    let mut error = S3Error::new(S3ErrorCode::NotModified);
    error.set_headers(headers);
    Ok(error)
}

pub(crate) fn get(
    buckets: &Buckets,
    may_list: bool,
    input: &GetObjectInput,
) -> S3Result<S3Response<GetObjectOutput>> {
    let found = read(
        buckets,
        &Wanted {
            bucket: &input.bucket,
            key: &input.key,
            version_id: input.version_id.as_deref(),
            may_list,
        },
        &ReadConditions {
            if_match: input.if_match.as_ref(),
            if_none_match: input.if_none_match.as_ref(),
            if_modified_since: input.if_modified_since.as_ref(),
            if_unmodified_since: input.if_unmodified_since.as_ref(),
        },
    )?;
    let object = found.object;
    let (bytes, content_range) = part(&object.bytes, input.range)?;
    Ok(S3Response::new(GetObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        cache_control: object.cache_control.clone(),
        content_length: Some(size(bytes)?),
        body: Some(StreamingBlob::from(Body::from(bytes.to_vec()))),
        content_range,
        content_disposition: object.headers.get("content-disposition").cloned(),
        content_encoding: object.headers.get("content-encoding").cloned(),
        content_language: object.headers.get("content-language").cloned(),
        content_type: Some(content_type(&object)),
        e_tag: Some(etag(&object)?),
        last_modified: Some(object.last_modified.into()),
        metadata: metadata(&object),
        version_id: found.version_id,
        ..GetObjectOutput::default()
    }))
}

pub(crate) fn head(
    buckets: &Buckets,
    may_list: bool,
    input: &HeadObjectInput,
) -> S3Result<S3Response<HeadObjectOutput>> {
    let found = read(
        buckets,
        &Wanted {
            bucket: &input.bucket,
            key: &input.key,
            version_id: input.version_id.as_deref(),
            may_list,
        },
        &ReadConditions {
            if_match: input.if_match.as_ref(),
            if_none_match: input.if_none_match.as_ref(),
            if_modified_since: input.if_modified_since.as_ref(),
            if_unmodified_since: input.if_unmodified_since.as_ref(),
        },
    )?;
    let object = found.object;
    Ok(S3Response::new(HeadObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        cache_control: object.cache_control.clone(),
        content_length: Some(size(&object.bytes)?),
        content_disposition: object.headers.get("content-disposition").cloned(),
        content_encoding: object.headers.get("content-encoding").cloned(),
        content_language: object.headers.get("content-language").cloned(),
        content_type: Some(content_type(&object)),
        e_tag: Some(etag(&object)?),
        last_modified: Some(object.last_modified.into()),
        metadata: metadata(&object),
        version_id: found.version_id,
        ..HeadObjectOutput::default()
    }))
}

/// The bytes of a range, and which they are of how many.
pub(crate) fn part(bytes: &[u8], range: Option<Range>) -> S3Result<(&[u8], Option<String>)> {
    let Some(range) = range else {
        return Ok((bytes, None));
    };
    let not_satisfiable = || s3_error!(InvalidRange, "The requested range is not satisfiable");
    let total = u64::try_from(bytes.len()).map_err(S3Error::internal_error)?;
    let range = range.check(total).map_err(|_| not_satisfiable())?;
    let at = |place: u64| usize::try_from(place).map_err(S3Error::internal_error);
    let part = bytes
        .get(at(range.start)?..at(range.end)?)
        .ok_or_else(not_satisfiable)?;
    let text = format!(
        "bytes {}-{}/{total}",
        range.start,
        range.end.saturating_sub(1)
    );
    Ok((part, Some(text)))
}

fn content_type(object: &StoredObject) -> String {
    object
        .content_type
        .clone()
        .unwrap_or_else(|| "binary/octet-stream".to_owned())
}

fn metadata(object: &StoredObject) -> Option<Metadata> {
    let metadata = object.metadata.iter();
    Some(
        metadata
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
    )
}
