//! Copies within the server.

use std::time::SystemTime;

use s3s::dto::{
    CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopySource, MetadataDirective,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::answers::{
    ReadConditions, check_write, condition, etag, no_such_key, not_implemented, precondition_failed,
};
use super::attributes::attributes;
use super::reads::{Found, Wanted, find};
use super::writes::check_bucket;
use crate::s3::object::StoredObject;
use crate::s3::store::Buckets;

pub(crate) fn copy(
    buckets: &Buckets,
    may_list: bool,
    request: S3Request<CopyObjectInput>,
) -> S3Result<S3Response<CopyObjectOutput>> {
    // The conditions on what is there already, which S3 knows since October 2025 and `s3s` does not.
    let if_match = condition(&request.headers, "if-match")?;
    let if_none_match = condition(&request.headers, "if-none-match")?;
    let input = request.input;
    check_bucket(buckets, &input.bucket)?;
    let sent = attributes(&request.headers, input.metadata.clone())?;
    let conditions = ReadConditions {
        if_match: input.copy_source_if_match.as_ref(),
        if_none_match: input.copy_source_if_none_match.as_ref(),
        if_modified_since: input.copy_source_if_modified_since.as_ref(),
        if_unmodified_since: input.copy_source_if_unmodified_since.as_ref(),
    };
    let source = source(buckets, may_list, &input.copy_source, &conditions)?;
    let directive = input.metadata_directive.as_ref();
    let attributes = match directive.map(MetadataDirective::as_str) {
        None | Some(MetadataDirective::COPY) => {
            if is_itself(&input) {
                return Err(s3_error!(
                    InvalidRequest,
                    "This copy request is illegal because it is trying to copy an object to itself \
                     without changing the object's metadata, storage class, website redirect location \
                     or encryption attributes."
                ));
            }
            source.object.attributes()
        }
        Some(MetadataDirective::REPLACE) => sent,
        Some(_) => return Err(s3_error!(InvalidArgument, "Unknown metadata directive.")),
    };
    let now = SystemTime::now();
    // Not the source's ETag, which may be that of an upload in parts.
    let object = StoredObject::new(source.object.bytes.clone(), attributes, now);
    let e_tag = etag(&object)?;
    let version_id = buckets.put_if(&input.bucket, &input.key, object, |present| {
        check_write(present, if_match.as_ref(), if_none_match.as_ref())
    })?;
    Ok(S3Response::new(CopyObjectOutput {
        copy_object_result: Some(CopyObjectResult {
            e_tag: Some(e_tag),
            last_modified: Some(now.into()),
            ..CopyObjectResult::default()
        }),
        copy_source_version_id: source.version_id,
        version_id,
        ..CopyObjectOutput::default()
    }))
}

/// What is to be copied, its conditions met.
pub(crate) fn source(
    buckets: &Buckets,
    may_list: bool,
    source: &CopySource,
    conditions: &ReadConditions<'_>,
) -> S3Result<Found> {
    let CopySource::Bucket {
        bucket,
        key,
        version_id,
    } = source
    else {
        return Err(not_implemented());
    };
    let wanted = Wanted {
        bucket,
        key,
        version_id: version_id.as_deref(),
        may_list,
    };
    let found = find(buckets, &wanted)?.map_err(|_marker| match version_id {
        None => no_such_key(),
        Some(_) => s3_error!(
            InvalidRequest,
            "The source of a copy request may not specifically refer to a delete marker by version id."
        ),
    })?;
    conditions
        .check(&found.object)
        .map_err(|_unmet| precondition_failed())?;
    Ok(found)
}

/// A version's copy onto its own object is how it is restored.
fn is_itself(input: &CopyObjectInput) -> bool {
    match &input.copy_source {
        CopySource::Bucket {
            bucket,
            key,
            version_id: None,
        } => **bucket == *input.bucket && **key == *input.key,
        _ => false,
    }
}
