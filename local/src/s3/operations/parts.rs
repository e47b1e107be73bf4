//! Uploads in parts, as requests.

use std::time::SystemTime;

use md5::{Digest, Md5};
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput,
    CompleteMultipartUploadOutput, CompletedPart, CopyPartResult, CreateMultipartUploadInput,
    CreateMultipartUploadOutput, Range, UploadPartCopyInput, UploadPartCopyOutput, UploadPartInput,
    UploadPartOutput,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::answers::{ReadConditions, check_write, etag, parse_etag};
use super::attributes::attributes;
use super::checksums::{self, Sent};
use super::copies::source;
use super::reads::part as part_of;
use super::uploads::{Of, Part, Upload, Uploads};
use super::writes::check_bucket;
use crate::hex;
use crate::s3::object::{BODY_LIMIT, StoredObject};
use crate::s3::store::Buckets;

pub(crate) fn create(
    buckets: &Buckets,
    uploads: &Uploads,
    request: S3Request<CreateMultipartUploadInput>,
) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
    let input = request.input;
    check_bucket(buckets, &input.bucket)?;
    let attributes = attributes(&request.headers, input.metadata)?;
    let id = uploads.begin(&input.bucket, &input.key, attributes)?;
    Ok(S3Response::new(CreateMultipartUploadOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(id),
        ..CreateMultipartUploadOutput::default()
    }))
}

pub(crate) async fn upload(
    uploads: &Uploads,
    request: S3Request<UploadPartInput>,
) -> S3Result<S3Response<UploadPartOutput>> {
    let mut sent = Sent::new(&request.headers);
    let input = request.input;
    let bytes = checksums::read(input.body).await?;
    sent.add_trailers(request.trailing_headers);
    sent.check(&bytes)?;
    let of = Of {
        bucket: &input.bucket,
        key: &input.key,
        id: &input.upload_id,
    };
    let part = add(uploads, &of, input.part_number, bytes)?;
    Ok(S3Response::new(UploadPartOutput {
        e_tag: Some(parse_etag(&part)?),
        ..UploadPartOutput::default()
    }))
}

pub(crate) fn copy(
    buckets: &Buckets,
    uploads: &Uploads,
    may_list: bool,
    input: &UploadPartCopyInput,
) -> S3Result<S3Response<UploadPartCopyOutput>> {
    let conditions = ReadConditions {
        if_match: input.copy_source_if_match.as_ref(),
        if_none_match: input.copy_source_if_none_match.as_ref(),
        if_modified_since: input.copy_source_if_modified_since.as_ref(),
        if_unmodified_since: input.copy_source_if_unmodified_since.as_ref(),
    };
    let source = source(buckets, may_list, &input.copy_source, &conditions)?;
    let range = match input.copy_source_range.as_deref().map(Range::parse) {
        None => None,
        Some(Ok(range)) => Some(range),
        Some(Err(_)) => {
            return Err(s3_error!(
                InvalidArgument,
                "The x-amz-copy-source-range value must be of the form bytes=first-last"
            ));
        }
    };
    let bytes = part_of(&source.object.bytes, range)?.0.to_vec();
    let of = Of {
        bucket: &input.bucket,
        key: &input.key,
        id: &input.upload_id,
    };
    let part = add(uploads, &of, input.part_number, bytes)?;
    Ok(S3Response::new(UploadPartCopyOutput {
        copy_part_result: Some(CopyPartResult {
            e_tag: Some(parse_etag(&part)?),
            last_modified: Some(SystemTime::now().into()),
            ..CopyPartResult::default()
        }),
        copy_source_version_id: source.version_id,
        ..UploadPartCopyOutput::default()
    }))
}

/// Adds a part, and gives its ETag.
fn add(uploads: &Uploads, of: &Of<'_>, number: i32, bytes: Vec<u8>) -> S3Result<String> {
    if !(1..=PARTS_LIMIT).contains(&number) {
        return Err(s3_error!(
            InvalidArgument,
            "Part number must be an integer between 1 and 10000, inclusive"
        ));
    }
    let etag = hex::etag(&bytes);
    let part = Part {
        etag: etag.clone(),
        bytes,
        last_modified: SystemTime::now(),
    };
    uploads.add(of, number, part)?;
    Ok(etag)
}

pub(crate) fn complete(
    buckets: &Buckets,
    uploads: &Uploads,
    input: CompleteMultipartUploadInput,
) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
    let of = Of {
        bucket: &input.bucket,
        key: &input.key,
        id: &input.upload_id,
    };
    let named = input.multipart_upload.unwrap_or_default();
    let named = named.parts.unwrap_or_default();
    let (e_tag, version_id) = uploads.end(&of, |upload| {
        let object = assemble(upload, &named)?;
        let e_tag = etag(&object)?;
        let version_id = buckets.put_if(of.bucket, of.key, object, |present| {
            check_write(
                present,
                input.if_match.as_ref(),
                input.if_none_match.as_ref(),
            )
        })?;
        Ok((e_tag, version_id))
    })?;
    Ok(S3Response::new(CompleteMultipartUploadOutput {
        location: Some(format!("/{}/{}", input.bucket, input.key)),
        bucket: Some(input.bucket),
        key: Some(input.key),
        e_tag: Some(e_tag),
        version_id,
        ..CompleteMultipartUploadOutput::default()
    }))
}

/// The object of the parts that are named.
fn assemble(upload: &Upload, named: &[CompletedPart]) -> S3Result<StoredObject> {
    if named.is_empty() {
        return Err(s3_error!(
            MalformedXML,
            "The XML you provided was not well-formed or did not validate against our published schema"
        ));
    }
    let numbers: Vec<i32> = named.iter().filter_map(|part| part.part_number).collect();
    if !numbers.is_sorted_by(|one, next| one < next) {
        return Err(s3_error!(
            InvalidPartOrder,
            "The list of parts was not in ascending order. Parts must be ordered by part number."
        ));
    }
    let parts: Vec<&Part> = named
        .iter()
        .map(|wanted| named_part(upload, wanted))
        .collect::<S3Result<_>>()?;
    let but_last = parts.split_last().map_or(&[][..], |(_, others)| others);
    if but_last.iter().any(|part| part.bytes.len() < PART_MINIMUM) {
        return Err(s3_error!(
            EntityTooSmall,
            "Your proposed upload is smaller than the minimum allowed size"
        ));
    }
    if parts.iter().map(|part| part.bytes.len()).sum::<usize>() > BODY_LIMIT {
        return Err(s3_error!(
            EntityTooLarge,
            "Your proposed upload exceeds the maximum allowed object size."
        ));
    }
    let (mut bytes, mut digests) = (Vec::new(), Md5::new());
    for part in &parts {
        digests.update(Md5::digest(&part.bytes));
        bytes.extend_from_slice(&part.bytes);
    }
    let etag = format!("\"{}-{}\"", hex::hex(&digests.finalize()), parts.len());
    let mut object = StoredObject::new(bytes, upload.attributes.clone(), SystemTime::now());
    object.etag = etag;
    Ok(object)
}

fn named_part<'a>(upload: &'a Upload, wanted: &CompletedPart) -> S3Result<&'a Part> {
    let part = wanted
        .part_number
        .and_then(|number| upload.parts.get(&number));
    let etag = wanted.e_tag.as_ref().map(s3s::dto::ETag::value);
    part.filter(|part| etag == Some(part.etag.trim_matches('"')))
        .ok_or_else(|| {
            s3_error!(
                InvalidPart,
                "One or more of the specified parts could not be found. The part may not have been \
                 uploaded, or the specified entity tag may not match the part's entity tag."
            )
        })
}

pub(crate) fn abort(
    uploads: &Uploads,
    input: &AbortMultipartUploadInput,
) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
    let of = Of {
        bucket: &input.bucket,
        key: &input.key,
        id: &input.upload_id,
    };
    uploads.end(&of, |_| Ok(()))?;
    Ok(S3Response::new(AbortMultipartUploadOutput::default()))
}

/// As S3's.
const PARTS_LIMIT: i32 = 10_000;
/// Of a part that is not the last, as S3's.
const PART_MINIMUM: usize = 5 << 20;
