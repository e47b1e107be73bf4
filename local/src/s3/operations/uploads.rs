//! Uploads in parts that have begun. They are in memory only, and end with the server.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::SystemTime;

use s3s::{S3Error, S3Result, s3_error};

use super::answers::full;
use crate::random;
use crate::s3::lock;
use crate::s3::object::Attributes;

#[derive(Default)]
pub(crate) struct Uploads {
    /// By their ids.
    uploads: Mutex<BTreeMap<String, Upload>>,
}

pub(crate) struct Upload {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) attributes: Attributes,
    pub(crate) since: SystemTime,
    pub(crate) parts: BTreeMap<i32, Part>,
}

pub(crate) struct Part {
    pub(crate) bytes: Vec<u8>,
    pub(crate) etag: String,
    pub(crate) last_modified: SystemTime,
}

impl Uploads {
    /// Begins one, and gives its id.
    pub(crate) fn begin(
        &self,
        bucket: &str,
        key: &str,
        attributes: Attributes,
    ) -> S3Result<String> {
        let id = random::s3_object_id().map_err(S3Error::internal_error)?;
        let mut uploads = lock(&self.uploads);
        if uploads.len() == UPLOADS_LIMIT {
            return Err(full());
        }
        let upload = Upload {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            attributes,
            since: SystemTime::now(),
            parts: BTreeMap::new(),
        };
        uploads.insert(id.clone(), upload);
        Ok(id)
    }

    /// Adds a part, or puts it in the place of an earlier one.
    pub(crate) fn add(&self, of: &Of<'_>, number: i32, part: Part) -> S3Result<()> {
        let mut uploads = lock(&self.uploads);
        let parts = uploads.values().flat_map(|upload| upload.parts.values());
        let kept: usize = parts.map(|part| part.bytes.len()).sum();
        let parts = &mut of.find(&mut uploads)?.parts;
        let replaced = parts.get(&number).map_or(0, |part| part.bytes.len());
        if kept - replaced + part.bytes.len() > UPLOADED_BYTES_LIMIT {
            return Err(full());
        }
        parts.insert(number, part);
        Ok(())
    }

    /// Looks at one, and nobody changes it meanwhile.
    pub(crate) fn look<T>(
        &self,
        of: &Of<'_>,
        look: impl FnOnce(&Upload) -> S3Result<T>,
    ) -> S3Result<T> {
        look(of.find(&mut lock(&self.uploads))?)
    }

    /// Ends one if `end` succeeds.
    pub(crate) fn end<T>(
        &self,
        of: &Of<'_>,
        end: impl FnOnce(&Upload) -> S3Result<T>,
    ) -> S3Result<T> {
        let mut uploads = lock(&self.uploads);
        let value = end(of.find(&mut uploads)?)?;
        uploads.remove(of.id);
        Ok(value)
    }

    /// Those of a bucket, by key and then by age: what `show` makes of id and upload.
    pub(crate) fn of_bucket<T>(
        &self,
        bucket: &str,
        show: impl Fn(&str, &Upload) -> T,
    ) -> Vec<(String, T)> {
        let uploads = lock(&self.uploads);
        let mut found: Vec<(&String, &Upload)> = uploads
            .iter()
            .filter(|(_, upload)| upload.bucket == bucket)
            .collect();
        found.sort_by_key(|(_, upload)| (&upload.key, upload.since));
        let shown = found
            .into_iter()
            .map(|(id, upload)| (upload.key.clone(), show(id, upload)));
        shown.collect()
    }
}

/// Which upload is meant.
pub(crate) struct Of<'a> {
    pub(crate) bucket: &'a str,
    pub(crate) key: &'a str,
    pub(crate) id: &'a str,
}

impl Of<'_> {
    fn find<'u>(&self, uploads: &'u mut BTreeMap<String, Upload>) -> S3Result<&'u mut Upload> {
        uploads
            .get_mut(self.id)
            .filter(|upload| upload.bucket == self.bucket && upload.key == self.key)
            .ok_or_else(|| {
                s3_error!(
                    NoSuchUpload,
                    "The specified upload does not exist. The upload ID may be invalid, or the upload \
                     may have been aborted or completed."
                )
            })
    }
}

/// At once. S3 has no limit.
const UPLOADS_LIMIT: usize = 100;
/// Of all parts of all uploads.
const UPLOADED_BYTES_LIMIT: usize = 128 << 20;
