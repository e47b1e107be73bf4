//! PUT of objects.

use std::time::SystemTime;

use s3s::dto::{PutObjectInput, PutObjectOutput};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::answers::{check_write, etag, no_such_bucket};
use super::attributes::attributes;
use super::checksums::{self, Sent};
use crate::s3::object::StoredObject;
use crate::s3::store::Buckets;

pub(crate) async fn put(
    buckets: &Buckets,
    object_lock: bool,
    request: S3Request<PutObjectInput>,
) -> S3Result<S3Response<PutObjectOutput>> {
    let mut sent = Sent::new(&request.headers);
    check_bucket(buckets, &request.input.bucket)?;
    let input = request.input;
    let attributes = attributes(&request.headers, input.metadata)?;
    let bytes = checksums::read(input.body).await?;
    sent.add_trailers(request.trailing_headers);
    sent.check(&bytes)?;
    if object_lock && sent.is_none() {
        return Err(s3_error!(
            InvalidRequest,
            "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests \
             with Object Lock parameters"
        ));
    }
    let object = StoredObject::new(bytes, attributes, SystemTime::now());
    let e_tag = etag(&object)?;
    let version_id = buckets.put_if(&input.bucket, &input.key, object, |present| {
        check_write(
            present,
            input.if_match.as_ref(),
            input.if_none_match.as_ref(),
        )
    })?;
    Ok(S3Response::new(PutObjectOutput {
        e_tag: Some(e_tag),
        version_id,
        ..PutObjectOutput::default()
    }))
}

pub(crate) fn check_bucket(buckets: &Buckets, bucket: &str) -> S3Result<()> {
    if buckets.all().contains_key(bucket) {
        return Ok(());
    }
    Err(no_such_bucket())
}
