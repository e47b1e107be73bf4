//! S3 over REST, without an SDK: what dojang needs of it, and how it is spoken.
//!
//! * [`ObjectStore`]: the interface that the data protocol is written against, so that it runs on
//!   real S3, on an emulator and on a simulation alike
//! * [`client`]: its implementation over HTTP, on `exchange`: one signed request, and its `answer`
//! * [`transport`]: every HTTP setting, with its reason; `cryptography`: what TLS uses; `early_answer`: answers to
//!   requests that were not sent to their end; [`resolver`]: name lookups
//! * [`endpoint`]: which host and path an object has; [`error`]: what can go wrong; [`meaning`]: what
//!   S3's answers mean; `said`: what of them is logged

use std::collections::BTreeMap;
use std::time::Duration;

mod answer;
pub mod client;
mod cryptography;
mod early_answer;
pub mod endpoint;
pub mod error;
mod exchange;
pub mod meaning;
pub mod resolver;
mod said;
pub mod transport;

pub use client::Client;
pub use error::{S3Error, Said};

/// Objects in buckets, as S3 keeps them: strongly consistent, each on its own.
pub trait ObjectStore {
    /// Reads an object. With `unless`, an object that still has this ETag is not sent again.
    ///
    /// # Errors
    /// Among others [`S3Error::Absent`] if there is no such object.
    fn get(
        &self,
        location: Location<'_>,
        unless: Option<&ETag>,
        timeout: Duration,
    ) -> Result<Fetched, S3Error>;

    /// Reads what is known of an object besides its bytes.
    ///
    /// # Errors
    /// Among others [`S3Error::Absent`] if there is no such object.
    fn head(&self, location: Location<'_>, timeout: Duration) -> Result<Head, S3Error>;

    /// A GET, and a HEAD of another object: side by side if the two are on different servers, as
    /// buckets of S3 are. If the GET fails, the result of the HEAD has no meaning.
    fn get_beside_head(
        &self,
        get: Location<'_>,
        head: Location<'_>,
        timeout: Duration,
    ) -> (Result<Fetched, S3Error>, Result<Head, S3Error>) {
        (self.get(get, None, timeout), self.head(head, timeout))
    }

    /// Writes an object, if the condition holds.
    ///
    /// # Errors
    /// [`S3Error::surely_not_applied`] tells whether it may have been written all the same.
    fn put(
        &self,
        location: Location<'_>,
        upload: &Upload<'_>,
        timeout: Duration,
    ) -> Result<Written, S3Error>;

    /// Writes one object several times at the same moment, as so many writers would.
    fn put_at_once(
        &self,
        location: Location<'_>,
        uploads: &[Upload<'_>],
        timeout: Duration,
    ) -> Vec<Result<Written, S3Error>> {
        let put = |upload| self.put(location, upload, timeout);
        uploads.iter().map(put).collect()
    }
}

/// Where an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location<'a> {
    /// The bucket's name.
    pub bucket: &'a str,
    /// The object's key, neither encoded nor with a leading slash.
    pub key: &'a str,
}

/// An object's entity tag, verbatim with its quotes. Opaque: not always a digest of the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ETag(pub String);

/// What a GET brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// The object.
    Object(Object),
    /// The object still has the ETag that the caller knows.
    NotModified {
        /// When it was written, if the answer says so: seconds since 1970.
        last_modified: Option<i64>,
    },
}

/// An object and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What is known of it.
    pub head: Head,
}

/// What is known of an object besides its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its entity tag.
    pub etag: ETag,
    /// User metadata: names (lower-case, without `x-amz-meta-`) and values.
    pub metadata: BTreeMap<String, String>,
    /// When it was written, if the answer says so: seconds since 1970.
    pub last_modified: Option<i64>,
}

/// What is known of an object that was just written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its entity tag.
    pub etag: ETag,
    /// When S3 answered, if the answer says so, in seconds since 1970: the object's `Last-Modified` is no
    /// later.
    pub answered: Option<i64>,
}

/// An object to write. Its content type is always JSON in UTF-8.
#[derive(Clone, Copy, Debug)]
pub struct Upload<'a> {
    /// The bytes, in two parts.
    pub parts: [&'a [u8]; 2],
    /// Their SHA-256, which is signed: S3 refuses what does not have it.
    pub sha256: [u8; 32],
    /// When to write at all.
    pub condition: Condition<'a>,
    /// User metadata: names (lower-case, without `x-amz-meta-`) and values, both ASCII.
    pub metadata: &'a [(&'a str, &'a str)],
    /// The `Cache-Control` that readers get.
    pub cache_control: Option<&'a str>,
}

/// When S3 writes an object (AmazonS3 user guide, "Conditional writes").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition<'a> {
    /// Whatever is there.
    Always,
    /// Only over the version with this ETag (`If-Match`).
    Match(&'a ETag),
    /// Only if nothing is there (`If-None-Match: *`).
    Absent,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Knows nothing, and names each write by its bytes.
    struct Plain;

    impl ObjectStore for Plain {
        fn get(&self, _: Location<'_>, _: Option<&ETag>, _: Duration) -> Result<Fetched, S3Error> {
            Err(S3Error::Absent)
        }

        fn head(&self, _: Location<'_>, _: Duration) -> Result<Head, S3Error> {
            Err(S3Error::Absent)
        }

        fn put(
            &self,
            _: Location<'_>,
            upload: &Upload<'_>,
            _: Duration,
        ) -> Result<Written, S3Error> {
            let etag = ETag(String::from_utf8_lossy(upload.parts[0]).into_owned());
            Ok(Written {
                etag,
                answered: None,
            })
        }
    }

    #[test]
    fn a_store_that_writes_one_object_after_the_other_writes_all() {
        let upload = |text: &'static str| Upload {
            parts: [text.as_bytes(), b""],
            sha256: [0; 32],
            condition: Condition::Always,
            metadata: &[],
            cache_control: None,
        };
        let location = Location {
            bucket: "b",
            key: "k",
        };
        let uploads = [upload("one"), upload("two")];
        let written = Plain.put_at_once(location, &uploads, Duration::ZERO);
        let etags: Vec<_> = written.into_iter().map(|one| one.unwrap().etag.0).collect();
        assert_eq!(etags, ["one", "two"]);
    }
}
