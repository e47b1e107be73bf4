//! Lists of what was begun: parts, and uploads.

use s3s::dto::{
    ListMultipartUploadsInput, ListMultipartUploadsOutput, ListPartsInput, ListPartsOutput,
    MultipartUpload, Part,
};
use s3s::{S3Response, S3Result};

use super::answers::{not_implemented, owner, parse_etag, size};
use super::paging::{count, limit};
use super::uploads::{Of, Uploads};
use super::writes::check_bucket;
use crate::s3::store::Buckets;

pub(crate) fn list(
    uploads: &Uploads,
    input: ListPartsInput,
) -> S3Result<S3Response<ListPartsOutput>> {
    let of = Of {
        bucket: &input.bucket,
        key: &input.key,
        id: &input.upload_id,
    };
    let limit = limit(input.max_parts, "max-parts")?;
    let after = input.part_number_marker.unwrap_or(0);
    let (parts, more) = uploads.look(&of, |upload| {
        let mut rest = upload.parts.iter().filter(|(number, _)| **number > after);
        let shown: Vec<_> = rest
            .by_ref()
            .take(limit)
            .map(|(number, part)| {
                Ok(Part {
                    e_tag: Some(parse_etag(&part.etag)?),
                    last_modified: Some(part.last_modified.into()),
                    part_number: Some(*number),
                    size: Some(size(&part.bytes)?),
                    ..Part::default()
                })
            })
            .collect::<S3Result<_>>()?;
        Ok((shown, rest.next().is_some()))
    })?;
    let last = parts.last().and_then(|part| part.part_number);
    Ok(S3Response::new(ListPartsOutput {
        bucket: Some(input.bucket),
        is_truncated: Some(more && limit > 0),
        key: Some(input.key),
        max_parts: Some(count(limit)?),
        next_part_number_marker: last,
        owner: Some(owner()),
        part_number_marker: Some(after),
        parts: Some(parts),
        upload_id: Some(input.upload_id),
        ..ListPartsOutput::default()
    }))
}

/// All on one page: there are never more than fit.
pub(crate) fn list_uploads(
    buckets: &Buckets,
    uploads: &Uploads,
    input: ListMultipartUploadsInput,
) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
    check_bucket(buckets, &input.bucket)?;
    if input.delimiter.is_some() || input.key_marker.is_some() {
        return Err(not_implemented());
    }
    let prefix = input.prefix.clone().unwrap_or_default();
    let found = uploads.of_bucket(&input.bucket, |id, upload| MultipartUpload {
        initiated: Some(upload.since.into()),
        key: Some(upload.key.clone()),
        owner: Some(owner()),
        upload_id: Some(id.to_owned()),
        ..MultipartUpload::default()
    });
    let found = found
        .into_iter()
        .filter(|(key, _)| key.starts_with(&prefix));
    Ok(S3Response::new(ListMultipartUploadsOutput {
        bucket: Some(input.bucket),
        is_truncated: Some(false),
        prefix: input.prefix,
        uploads: Some(found.map(|(_, upload)| upload).collect()),
        ..ListMultipartUploadsOutput::default()
    }))
}
