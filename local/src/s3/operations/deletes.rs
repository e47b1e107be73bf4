//! Deletions: of objects, which leaves a marker in a bucket with versions, and of versions for good.

use s3s::dto::{
    DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject,
    ETagCondition, Error, ObjectIdentifier,
};
use s3s::{S3Error, S3Request, S3Response, S3Result, s3_error};

use super::answers::{check_version_id, names, no_such_key, precondition_failed};
use super::checksums::{ReceivedBody, Sent};
use super::writes::check_bucket;
use crate::s3::bucket::ChangeError;
use crate::s3::object::StoredObject;
use crate::s3::store::Buckets;

pub(crate) fn delete(
    buckets: &Buckets,
    input: &DeleteObjectInput,
) -> S3Result<S3Response<DeleteObjectOutput>> {
    let done = delete_one(
        buckets,
        &input.bucket,
        &input.key,
        input.version_id.as_deref(),
        input.if_match.as_ref(),
    )?;
    Ok(S3Response::new(DeleteObjectOutput {
        delete_marker: done.marker.then_some(true),
        version_id: done.version_id,
        ..DeleteObjectOutput::default()
    }))
}

pub(crate) fn delete_many(
    buckets: &Buckets,
    request: &S3Request<DeleteObjectsInput>,
) -> S3Result<S3Response<DeleteObjectsOutput>> {
    let input = &request.input;
    check_bucket(buckets, &input.bucket)?;
    let sent = Sent::new(&request.headers);
    if sent.is_none() {
        return Err(s3_error!(
            InvalidRequest,
            "Missing required header for this request: Content-MD5 OR x-amz-checksum-*"
        ));
    }
    if let Some(ReceivedBody(body)) = request.extensions.get() {
        sent.check(body)?;
    }
    let objects = &input.delete.objects;
    if objects.is_empty() || objects.len() > KEYS_LIMIT {
        return Err(s3_error!(
            MalformedXML,
            "The XML you provided was not well-formed or did not validate against our published schema"
        ));
    }
    let (mut deleted, mut errors) = (Vec::new(), Vec::new());
    for object in objects {
        match delete_listed(buckets, &input.bucket, object) {
            Ok(done) => deleted.push(done),
            Err(error) => errors.push(Error {
                code: Some(error.code().as_str().to_owned()),
                key: Some(object.key.clone()),
                message: error.message().map(str::to_owned),
                version_id: object.version_id.clone(),
            }),
        }
    }
    let quiet = input.delete.quiet == Some(true);
    Ok(S3Response::new(DeleteObjectsOutput {
        deleted: (!quiet).then_some(deleted),
        errors: Some(errors),
        ..DeleteObjectsOutput::default()
    }))
}

fn delete_listed(
    buckets: &Buckets,
    bucket: &str,
    object: &ObjectIdentifier,
) -> S3Result<DeletedObject> {
    let condition = object.e_tag.clone().map(ETagCondition::ETag);
    let id = object.version_id.as_deref().filter(|id| !id.is_empty());
    let done = delete_one(buckets, bucket, &object.key, id, condition.as_ref())?;
    Ok(DeletedObject {
        delete_marker: done.marker.then_some(true),
        delete_marker_version_id: done.version_id.filter(|_| done.marker),
        key: Some(object.key.clone()),
        version_id: object.version_id.clone(),
    })
}

struct Done {
    /// Whether a delete marker was made or deleted.
    marker: bool,
    /// Of what was made or deleted.
    version_id: Option<String>,
}

fn delete_one(
    buckets: &Buckets,
    bucket: &str,
    key: &str,
    version_id: Option<&str>,
    if_match: Option<&ETagCondition>,
) -> S3Result<Done> {
    let Some(id) = version_id else {
        let ((), marker) = buckets.delete_if(bucket, key, |present| check(present, if_match))?;
        return Ok(Done {
            marker: marker.is_some(),
            version_id: marker,
        });
    };
    check_version_id(id)?;
    let marker = buckets.change(bucket, key, |_, history| {
        let version = history.version(id);
        let object = version.and_then(|version| version.object());
        check(object.map(AsRef::as_ref), if_match).map_err(ChangeError::Refused)?;
        let marker = version.is_some() && object.is_none();
        Ok::<_, ChangeError<S3Error>>((history.without(id), marker))
    })?;
    Ok(Done {
        marker,
        version_id: Some(id.to_owned()),
    })
}

/// What is not there is deleted already, unless a certain object was to be.
fn check(present: Option<&StoredObject>, if_match: Option<&ETagCondition>) -> S3Result<()> {
    match (if_match, present) {
        (None, _) => Ok(()),
        (Some(_), None) => Err(no_such_key()),
        (Some(condition), Some(present)) if names(condition, present) => Ok(()),
        (Some(_), Some(_)) => Err(precondition_failed()),
    }
}

/// As S3's.
const KEYS_LIMIT: usize = 1_000;
