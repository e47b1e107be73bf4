//! What a writer says about an object beside its content.

use std::collections::BTreeMap;

use hyper::HeaderMap;
use s3s::dto::Metadata;
use s3s::{S3Result, s3_error};

use super::answers::not_implemented;
use crate::s3::object::Attributes;

/// All that is kept. What is not kept is refused: nobody shall believe that it is there.
pub(crate) fn attributes(headers: &HeaderMap, metadata: Option<Metadata>) -> S3Result<Attributes> {
    let text = |name: &str| Some(headers.get(name)?.to_str().ok()?.to_owned());
    for name in headers.keys().map(hyper::http::HeaderName::as_str) {
        let value = text(name).unwrap_or_default();
        if name.starts_with("x-amz-grant-")
            || name == "x-amz-acl" && !OWNERS_LISTS.contains(&&*value)
        {
            return Err(s3_error!(
                AccessControlListNotSupported,
                "The bucket does not allow ACLs"
            ));
        }
        let is_default = DEFAULTS.contains(&(name, &*value));
        if NOT_KEPT.iter().any(|start| name.starts_with(start)) && !is_default {
            return Err(not_implemented());
        }
    }
    let metadata: BTreeMap<_, _> = metadata.unwrap_or_default().into_iter().collect();
    check_metadata(&metadata)?;
    let kept = KEPT.into_iter().filter_map(|name| {
        let value = match name {
            // How the body was sent is no part of the object.
            "content-encoding" => text(name)?.replace("aws-chunked", ""),
            _ => text(name)?,
        };
        let value = value.trim_matches([',', ' ']).to_owned();
        (!value.is_empty()).then(|| (name.to_owned(), value))
    });
    Ok(Attributes {
        metadata,
        content_type: text("content-type"),
        cache_control: text("cache-control"),
        headers: kept.collect(),
    })
}

/// The limit counts names without `x-amz-meta-` and decoded values (user guide, "Working with object
/// metadata"; confirmed against S3 in treeverse/lakeFS#9909).
fn check_metadata(metadata: &BTreeMap<String, String>) -> S3Result<()> {
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

const METADATA_LIMIT: usize = 2048;
const KEPT: [&str; 3] = [
    "content-disposition",
    "content-encoding",
    "content-language",
];
/// How the names of headers begin.
const NOT_KEPT: [&str; 6] = [
    "expires",
    "x-amz-object-lock-",
    "x-amz-server-side-encryption",
    "x-amz-storage-class",
    "x-amz-tagging",
    "x-amz-website-redirect-location",
];
/// What every object here and at S3 has without being asked.
const DEFAULTS: [(&str, &str); 4] = [
    ("x-amz-server-side-encryption", "AES256"),
    ("x-amz-storage-class", "STANDARD"),
    ("x-amz-tagging", ""),
    ("x-amz-tagging-directive", "COPY"),
];
/// Access lists that mean the same as none.
const OWNERS_LISTS: [&str; 1] = ["bucket-owner-full-control"];
