//! What there is: buckets, objects and versions.

use std::ops::Bound;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use s3s::dto::{
    Bucket, DeleteMarkerEntry, ListBucketsInput, ListBucketsOutput, ListObjectVersionsInput,
    ListObjectVersionsOutput, ListObjectsInput, ListObjectsOutput, ListObjectsV2Input,
    ListObjectsV2Output, Object, ObjectStorageClass, ObjectVersion, ObjectVersionStorageClass,
};
use s3s::{S3Error, S3Response, S3Result, s3_error};

use super::answers::{etag, no_such_bucket, owner, size};
use super::paging::{Encoding, Entry, Page, Query, count, limit, page};
use crate::s3::bucket;
use crate::s3::history::{History, Version};
use crate::s3::object::StoredObject;
use crate::s3::store::Buckets;

pub(crate) fn buckets(
    buckets: &Buckets,
    region: &str,
    input: &ListBucketsInput,
) -> S3Result<S3Response<ListBucketsOutput>> {
    if input.continuation_token.is_some() {
        return Err(wrong_token());
    }
    let prefix = input.prefix.as_deref().unwrap_or_default();
    let all = buckets.all();
    let named = all.iter().filter(|(name, _)| name.starts_with(prefix));
    Ok(S3Response::new(ListBucketsOutput {
        buckets: Some(
            named
                .map(|(name, bucket)| Bucket {
                    bucket_region: Some(region.to_owned()),
                    creation_date: Some(bucket.since.into()),
                    name: Some(name.clone()),
                })
                .collect(),
        ),
        owner: Some(owner()),
        prefix: input.prefix.clone(),
        ..ListBucketsOutput::default()
    }))
}

/// `ListObjects`, the first version, which AWS keeps for old clients.
pub(crate) fn objects_v1(
    buckets: &Buckets,
    input: &ListObjectsInput,
) -> S3Result<S3Response<ListObjectsOutput>> {
    let encoding = Encoding::new(input.encoding_type.as_ref())?;
    let query = Query {
        prefix: input.prefix.as_deref().unwrap_or_default(),
        delimiter: input.delimiter.as_deref().filter(|text| !text.is_empty()),
        after: input.marker.as_deref().filter(|text| !text.is_empty()),
        limit: limit(input.max_keys, "maxKeys")?,
    };
    let all = buckets.all();
    let bucket = all.get(&input.bucket).ok_or_else(no_such_bucket)?;
    let page = page_of_objects(bucket, &query);
    let last = last(&page).filter(|_| query.delimiter.is_some());
    Ok(S3Response::new(ListObjectsOutput {
        common_prefixes: Some(encoding.prefixes(&page.entries)),
        contents: Some(contents(&page, encoding, true)?),
        delimiter: query.delimiter.map(|text| encoding.encode(text)),
        encoding_type: input.encoding_type.clone(),
        is_truncated: Some(page.is_truncated),
        marker: Some(encoding.encode(query.after.unwrap_or_default())),
        max_keys: Some(count(query.limit)?),
        name: Some(input.bucket.clone()),
        next_marker: last.map(|name| encoding.encode(name)),
        prefix: Some(encoding.encode(query.prefix)),
        ..ListObjectsOutput::default()
    }))
}

pub(crate) fn objects(
    buckets: &Buckets,
    input: &ListObjectsV2Input,
) -> S3Result<S3Response<ListObjectsV2Output>> {
    let encoding = Encoding::new(input.encoding_type.as_ref())?;
    let token = input.continuation_token.as_deref().map(from_token);
    let token = token.transpose()?;
    let query = Query {
        prefix: input.prefix.as_deref().unwrap_or_default(),
        delimiter: input.delimiter.as_deref().filter(|text| !text.is_empty()),
        after: token.as_deref().or(input.start_after.as_deref()),
        limit: limit(input.max_keys, "maxKeys")?,
    };
    let all = buckets.all();
    let bucket = all.get(&input.bucket).ok_or_else(no_such_bucket)?;
    let page = page_of_objects(bucket, &query);
    let with_owner = input.fetch_owner == Some(true);
    Ok(S3Response::new(ListObjectsV2Output {
        common_prefixes: Some(encoding.prefixes(&page.entries)),
        contents: Some(contents(&page, encoding, with_owner)?),
        continuation_token: input.continuation_token.clone(),
        delimiter: query.delimiter.map(|text| encoding.encode(text)),
        encoding_type: input.encoding_type.clone(),
        is_truncated: Some(page.is_truncated),
        key_count: Some(count(page.entries.len())?),
        max_keys: Some(count(query.limit)?),
        name: Some(input.bucket.clone()),
        next_continuation_token: last(&page).map(to_token),
        prefix: Some(encoding.encode(query.prefix)),
        start_after: input
            .start_after
            .as_deref()
            .map(|text| encoding.encode(text)),
        ..ListObjectsV2Output::default()
    }))
}

pub(crate) fn versions(
    buckets: &Buckets,
    input: &ListObjectVersionsInput,
) -> S3Result<S3Response<ListObjectVersionsOutput>> {
    let encoding = Encoding::new(input.encoding_type.as_ref())?;
    let id_marker = input
        .version_id_marker
        .as_deref()
        .filter(|id| !id.is_empty());
    let query = Query {
        prefix: input.prefix.as_deref().unwrap_or_default(),
        delimiter: input.delimiter.as_deref().filter(|text| !text.is_empty()),
        after: input.key_marker.as_deref().filter(|text| !text.is_empty()),
        limit: limit(input.max_keys, "max-keys")?,
    };
    if id_marker.is_some() && query.after.is_none() {
        return Err(s3_error!(
            InvalidArgument,
            "A version-id marker cannot be specified without a key marker."
        ));
    }
    let all = buckets.all();
    let bucket = all.get(&input.bucket).ok_or_else(no_such_bucket)?;
    let items = bucket.objects.iter().flat_map(|(key, history)| {
        rest(key, history, query.after, id_marker)
            .into_iter()
            .map(move |version| (key.as_str(), (key.as_str(), history, version)))
    });
    let page = page(items, &query);
    let (mut versions, mut delete_markers) = (Vec::new(), Vec::new());
    for entry in &page.entries {
        let Entry::Item((key, history, version)) = entry else {
            continue;
        };
        let is_latest = history
            .latest()
            .is_some_and(|latest| latest.id == version.id);
        let key = encoding.encode(key);
        match version.object() {
            Some(object) => versions.push(ObjectVersion {
                e_tag: Some(etag(object)?),
                is_latest: Some(is_latest),
                key: Some(key),
                last_modified: Some(version.last_modified().into()),
                owner: Some(owner()),
                size: Some(size(&object.bytes)?),
                storage_class: Some(ObjectVersionStorageClass::from_static(
                    ObjectVersionStorageClass::STANDARD,
                )),
                version_id: Some(version.id.clone()),
                ..ObjectVersion::default()
            }),
            None => delete_markers.push(DeleteMarkerEntry {
                is_latest: Some(is_latest),
                key: Some(key),
                last_modified: Some(version.last_modified().into()),
                owner: Some(owner()),
                version_id: Some(version.id.clone()),
            }),
        }
    }
    let end = page.entries.last().filter(|_| page.is_truncated);
    let (next_key, next_id) = match end {
        None => (None, None),
        Some(Entry::Prefix(prefix)) => (Some(*prefix), None),
        Some(Entry::Item((key, _, version))) => (Some(*key), Some(version.id.clone())),
    };
    Ok(S3Response::new(ListObjectVersionsOutput {
        common_prefixes: Some(encoding.prefixes(&page.entries)),
        delete_markers: Some(delete_markers),
        delimiter: query.delimiter.map(|text| encoding.encode(text)),
        encoding_type: input.encoding_type.clone(),
        is_truncated: Some(page.is_truncated),
        key_marker: Some(encoding.encode(query.after.unwrap_or_default())),
        max_keys: Some(count(query.limit)?),
        name: Some(input.bucket.clone()),
        next_key_marker: next_key.map(|key| encoding.encode(key)),
        next_version_id_marker: next_id,
        prefix: Some(encoding.encode(query.prefix)),
        version_id_marker: Some(id_marker.unwrap_or_default().to_owned()),
        versions: Some(versions),
        ..ListObjectVersionsOutput::default()
    }))
}

/// The versions of `key` that come after the markers, the newest first.
fn rest<'a>(
    key: &str,
    history: &'a History,
    key_marker: Option<&str>,
    id_marker: Option<&str>,
) -> Vec<&'a Version> {
    let mut versions = history.newest_first();
    match key_marker {
        Some(marker) if key < marker => return Vec::new(),
        Some(marker) if key == marker => {
            // Without an id, all of the key have been shown.
            versions.find(|version| id_marker == Some(version.id.as_str()));
        }
        _ => {}
    }
    versions.collect()
}

type Item<'a> = (&'a str, &'a StoredObject);

fn page_of_objects<'a>(bucket: &'a bucket::Bucket, query: &Query<'_>) -> Page<'a, Item<'a>> {
    let start = match query.after {
        Some(after) => Bound::Excluded(after),
        None => Bound::Unbounded,
    };
    let items = bucket.objects.range::<str, _>((start, Bound::Unbounded));
    let items = items.filter_map(|(key, history)| {
        let object = history.object()?;
        Some((key.as_str(), (key.as_str(), object.as_ref())))
    });
    page(items, query)
}

/// Where a page ends after which there is another.
fn last<'a>(page: &Page<'a, Item<'a>>) -> Option<&'a str> {
    match page.entries.last().filter(|_| page.is_truncated)? {
        Entry::Item((key, _)) => Some(key),
        Entry::Prefix(prefix) => Some(prefix),
    }
}

fn contents(
    page: &Page<'_, Item<'_>>,
    encoding: Encoding,
    with_owner: bool,
) -> S3Result<Vec<Object>> {
    let items = page.entries.iter().filter_map(|entry| match entry {
        Entry::Item(item) => Some(item),
        Entry::Prefix(_) => None,
    });
    items
        .map(|(key, object)| {
            Ok(Object {
                e_tag: Some(etag(object)?),
                key: Some(encoding.encode(key)),
                last_modified: Some(object.last_modified.into()),
                owner: with_owner.then(owner),
                size: Some(size(&object.bytes)?),
                storage_class: Some(ObjectStorageClass::from_static(
                    ObjectStorageClass::STANDARD,
                )),
                ..Object::default()
            })
        })
        .collect()
}

/// S3's tokens say nothing to their readers either.
fn to_token(name: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(name)
}

fn from_token(token: &str) -> S3Result<String> {
    let name = BASE64_URL_SAFE_NO_PAD.decode(token).ok();
    name.and_then(|name| String::from_utf8(name).ok())
        .ok_or_else(wrong_token)
}

fn wrong_token() -> S3Error {
    s3_error!(
        InvalidArgument,
        "The continuation token provided is incorrect"
    )
}
