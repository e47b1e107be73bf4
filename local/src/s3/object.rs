//! An object as it is kept.

use std::collections::BTreeMap;
use std::time::SystemTime;

/// An object with all that a reader can learn about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredObject {
    /// The content.
    pub bytes: Vec<u8>,
    /// MD5 of the content in lower-case hex, with the quotes that belong to an ETag; of an object uploaded in
    /// parts, the MD5 of the parts' and their number.
    pub etag: String,
    /// User metadata, names without `x-amz-meta-`.
    pub metadata: BTreeMap<String, String>,
    /// `Content-Type`, if the writer sent one.
    pub content_type: Option<String>,
    /// `Cache-Control`, if the writer sent one.
    pub cache_control: Option<String>,
    /// `Content-Disposition` and the like, by their names in lower case.
    pub headers: BTreeMap<String, String>,
    /// When it was written.
    pub last_modified: SystemTime,
}

impl StoredObject {
    pub(super) fn new(bytes: Vec<u8>, attributes: Attributes, now: SystemTime) -> Self {
        Self {
            etag: crate::hex::etag(&bytes),
            bytes,
            metadata: attributes.metadata,
            content_type: attributes.content_type,
            cache_control: attributes.cache_control,
            headers: attributes.headers,
            last_modified: now,
        }
    }

    pub(super) fn attributes(&self) -> Attributes {
        Attributes {
            metadata: self.metadata.clone(),
            content_type: self.content_type.clone(),
            cache_control: self.cache_control.clone(),
            headers: self.headers.clone(),
        }
    }
}

/// What a writer says about an object beside its content.
#[derive(Clone, Debug, Default)]
pub(super) struct Attributes {
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) content_type: Option<String>,
    pub(super) cache_control: Option<String>,
    pub(super) headers: BTreeMap<String, String>,
}

/// Of one object. Far more than a club's data; S3 itself takes 5 GiB.
pub(super) const BODY_LIMIT: usize = 64 << 20;
