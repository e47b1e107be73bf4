//! The operations behind `s3s`: conditions and metadata.

use std::collections::BTreeMap;
use std::time::SystemTime;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use md5::{Digest, Md5};
use s3s::dto::{
    ETag, ETagCondition, GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput,
    Metadata, PutObjectInput, PutObjectOutput, StreamingBlob, Timestamp, TimestampFormat,
};
use s3s::{Body, S3, S3Error, S3ErrorCode, S3Request, S3Response, S3Result, s3_error};
use sha2::Sha256;

use super::S3Options;
use super::object::{Attributes, BODY_LIMIT, StoredObject};
use super::store::{Buckets, PutError};

pub(super) struct Backend {
    buckets: Buckets,
    list_bucket: bool,
    object_lock: bool,
}

impl Backend {
    pub(super) fn new(options: &S3Options, buckets: Buckets) -> Self {
        Self {
            buckets,
            list_bucket: options.list_bucket,
            object_lock: options.object_lock,
        }
    }

    /// The object to answer a GET or HEAD with, its conditions met.
    fn find(
        &self,
        bucket: &str,
        key: &str,
        signed: bool,
        if_match: Option<&ETagCondition>,
        if_none_match: Option<&ETagCondition>,
    ) -> S3Result<std::sync::Arc<StoredObject>> {
        self.check_bucket(bucket)?;
        let Some(object) = self.buckets.get(bucket, key) else {
            // Who may not list the bucket may not learn what is not in it; the public may only read.
            if signed && self.list_bucket {
                return Err(s3_error!(NoSuchKey, "The specified key does not exist."));
            }
            return Err(s3_error!(AccessDenied, "Access Denied"));
        };
        if if_match.is_some_and(|condition| !names(condition, &object)) {
            return Err(precondition_failed());
        }
        if if_none_match.is_some_and(|condition| names(condition, &object)) {
            let mut error = S3Error::new(S3ErrorCode::NotModified);
            let mut headers = hyper::HeaderMap::new();
            headers.insert(
                "etag",
                object.etag.parse().map_err(S3Error::internal_error)?,
            );
            let value = http_date(object.last_modified)?;
            headers.insert("last-modified", value);
            if let Some(cache_control) = &object.cache_control {
                let value = cache_control.parse().map_err(S3Error::internal_error)?;
                headers.insert("cache-control", value);
            }
            error.set_headers(headers);
            return Err(error);
        }
        Ok(object)
    }

    fn check_bucket(&self, bucket: &str) -> S3Result<()> {
        if self.buckets.has(bucket) {
            return Ok(());
        }
        Err(s3_error!(
            NoSuchBucket,
            "The specified bucket does not exist"
        ))
    }
}

#[async_trait::async_trait]
impl S3 for Backend {
    async fn get_object(
        &self,
        request: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        let signed = request.credentials.is_some();
        let input = request.input;
        let object = self.find(
            &input.bucket,
            &input.key,
            signed,
            input.if_match.as_ref(),
            input.if_none_match.as_ref(),
        )?;
        Ok(S3Response::new(GetObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            body: Some(StreamingBlob::from(Body::from(object.bytes.clone()))),
            cache_control: object.cache_control.clone(),
            content_length: Some(length(&object)?),
            content_type: Some(content_type(&object)),
            e_tag: Some(etag(&object)?),
            last_modified: Some(object.last_modified.into()),
            metadata: metadata(&object),
            ..GetObjectOutput::default()
        }))
    }

    async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let signed = request.credentials.is_some();
        let input = request.input;
        let object = self.find(
            &input.bucket,
            &input.key,
            signed,
            input.if_match.as_ref(),
            input.if_none_match.as_ref(),
        )?;
        Ok(S3Response::new(HeadObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            cache_control: object.cache_control.clone(),
            content_length: Some(length(&object)?),
            content_type: Some(content_type(&object)),
            e_tag: Some(etag(&object)?),
            last_modified: Some(object.last_modified.into()),
            metadata: metadata(&object),
            ..HeadObjectOutput::default()
        }))
    }

    async fn put_object(
        &self,
        request: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        let input = request.input;
        self.check_bucket(&input.bucket)?;
        let metadata: BTreeMap<_, _> = input.metadata.unwrap_or_default().into_iter().collect();
        check_size(&metadata)?;
        let bytes = read(input.body).await?;
        check_digests(&input.content_md5, &input.checksum_sha256, &bytes)?;
        if self.object_lock && input.content_md5.or(input.checksum_sha256).is_none() {
            return Err(s3_error!(
                InvalidRequest,
                "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests \
                 with Object Lock parameters"
            ));
        }
        let attributes = Attributes {
            metadata,
            content_type: input.content_type,
            cache_control: input.cache_control,
        };
        let object = StoredObject::new(bytes, attributes, SystemTime::now());
        let e_tag = etag(&object)?;
        self.buckets
            .put_if(&input.bucket, &input.key, object, |present| {
                check_write(
                    present,
                    input.if_match.as_ref(),
                    input.if_none_match.as_ref(),
                )
            })
            .map_err(|error| match error {
                PutError::Condition(error) => error,
                PutError::Io(error) => S3Error::internal_error(error),
            })?;
        Ok(S3Response::new(PutObjectOutput {
            e_tag: Some(e_tag),
            ..PutObjectOutput::default()
        }))
    }
}

/// Whether the content is what the sender says it is.
fn check_digests(md5: &Option<String>, sha256: &Option<String>, bytes: &[u8]) -> S3Result<()> {
    if md5
        .as_ref()
        .is_some_and(|sent| *sent != BASE64_STANDARD.encode(Md5::digest(bytes)))
    {
        return Err(s3_error!(
            BadDigest,
            "The Content-MD5 you specified did not match what we received."
        ));
    }
    if sha256
        .as_ref()
        .is_some_and(|sent| *sent != BASE64_STANDARD.encode(Sha256::digest(bytes)))
    {
        return Err(s3_error!(
            BadDigest,
            "The SHA256 you specified did not match the calculated checksum."
        ));
    }
    Ok(())
}

/// S3's conditional writes (user guide, "How to prevent object overwrites with conditional writes").
fn check_write(
    present: Option<&StoredObject>,
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
) -> S3Result<()> {
    match (if_match, present) {
        (None, _) => {}
        (Some(_), None) => {
            return Err(s3_error!(NoSuchKey, "The specified key does not exist."));
        }
        (Some(condition), Some(present)) if names(condition, present) => {}
        (Some(_), Some(_)) => return Err(precondition_failed()),
    }
    match (if_none_match, present) {
        (None, _) | (Some(ETagCondition::Any), None) => Ok(()),
        (Some(ETagCondition::Any), Some(_)) => Err(precondition_failed()),
        (Some(ETagCondition::ETag(_)), _) => Err(s3_error!(
            NotImplemented,
            "A header you provided implies functionality that is not implemented"
        )),
    }
}

/// The limit counts names without `x-amz-meta-` and decoded values (user guide, "Working with object
/// metadata"; confirmed against S3 in treeverse/lakeFS#9909).
fn check_size(metadata: &BTreeMap<String, String>) -> S3Result<()> {
    let size: usize = metadata
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if size <= METADATA_LIMIT {
        return Ok(());
    }
    Err(s3_error!(
        MetadataTooLarge,
        "Your metadata headers exceed the maximum allowed metadata size"
    ))
}

/// The body is in memory already, so the only thing that can fail is the check of its hash.
async fn read(body: Option<StreamingBlob>) -> S3Result<Vec<u8>> {
    let Some(body) = body else {
        return Ok(Vec::new());
    };
    match Body::from(body).store_all_limited(BODY_LIMIT).await {
        Ok(bytes) => Ok(bytes.to_vec()),
        Err(_) => {
            let code = S3ErrorCode::Custom("XAmzContentSHA256Mismatch".into());
            let message =
                "The provided 'x-amz-content-sha256' header does not match what was computed.";
            let mut error = S3Error::with_message(code, message);
            error.set_status_code(hyper::StatusCode::BAD_REQUEST);
            Err(error)
        }
    }
}

fn names(condition: &ETagCondition, object: &StoredObject) -> bool {
    match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(etag) => etag.value() == object.etag.trim_matches('"'),
    }
}

fn precondition_failed() -> S3Error {
    s3_error!(
        PreconditionFailed,
        "At least one of the pre-conditions you specified did not hold"
    )
}

fn etag(object: &StoredObject) -> S3Result<ETag> {
    ETag::parse_http_header(object.etag.as_bytes()).map_err(S3Error::internal_error)
}

fn http_date(time: SystemTime) -> S3Result<hyper::header::HeaderValue> {
    let mut text = Vec::new();
    Timestamp::from(time)
        .format(TimestampFormat::HttpDate, &mut text)
        .map_err(S3Error::internal_error)?;
    hyper::header::HeaderValue::from_bytes(&text).map_err(S3Error::internal_error)
}

fn length(object: &StoredObject) -> S3Result<i64> {
    i64::try_from(object.bytes.len()).map_err(S3Error::internal_error)
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

const METADATA_LIMIT: usize = 2048;
