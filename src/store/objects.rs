//! The club's objects: where they are, and their forms.

use std::fmt;
use std::time::Duration;

use super::cache::{Private, Public};
use super::journal::Journal;
use super::nonce::{Nonce, white_space};
use crate::club::Club;
use crate::club::history::{self, History};
use crate::club::operation::OperationKey;
use crate::club::projection::{Text, private_text, public_text};
use crate::club::stored::read_club;
use crate::s3::{
    Condition, ETag, Fetched, Head, Location, Object, ObjectStore, S3Error, Upload, Written,
};

/// The club's objects in their two buckets.
#[derive(Debug)]
pub(super) struct Objects<S> {
    pub(super) s3: S,
    pub(super) private_bucket: String,
    pub(super) public_bucket: String,
}

impl<S: ObjectStore> Objects<S> {
    /// The private object and its `Last-Modified`, and what is known of the public one, side by side.
    pub(super) fn read_both(
        &self,
        timeout: Duration,
    ) -> Result<(Private, Option<i64>, Public), Unread> {
        let (fetched, head) = self
            .s3
            .get_beside_head(self.private(DATA), self.public(), timeout);
        // What is wrong with the private object counts first: without it there is nothing to do.
        let (private, last_modified) = match self.fetched(DATA, fetched)? {
            Read::Object(object, last_modified) => (to_private(object)?, last_modified),
            Read::NotModified(_) => return Err(Unread::unasked_for(DATA)),
        };
        let public = self.to_public(head)?;
        // Neither says what it is: the service that this one replaces wrote them. With other codes in them, two objects
        // have other digests.
        let is_same = public.etag.as_ref() == Some(&private.etag) && is_digest(&private.etag);
        if is_same && private.club.users.values().next().is_some() {
            return Err(Unread::Content(format!("private {DATA} {SAME_OBJECT}")));
        }
        Ok((private, last_modified, public))
    }

    /// The private object, unless it still is the version `known`.
    pub(super) fn read_private(
        &self,
        known: &ETag,
        timeout: Duration,
    ) -> Result<Read<Private>, Unread> {
        let fetched = self.s3.get(self.private(DATA), Some(known), timeout);
        match self.fetched(DATA, fetched)? {
            Read::Object(object, last_modified) => {
                Ok(Read::Object(to_private(object)?, last_modified))
            }
            Read::NotModified(last_modified) => Ok(Read::NotModified(last_modified)),
        }
    }

    /// What there is to know of the public object.
    pub(super) fn look_at_public(&self, timeout: Duration) -> Result<Public, Unread> {
        self.to_public(self.s3.head(self.public(), timeout))
    }

    pub(super) fn write_private(
        &self,
        club: &Club,
        journal: &Journal,
        key: OperationKey,
        condition: Condition<'_>,
        timeout: Duration,
    ) -> Result<Written, S3Error> {
        let metadata = journal.to_metadata();
        let metadata = metadata.as_ref().map(|(name, value)| (*name, &**value));
        let list = metadata.map_or("", |(_, value)| value);
        let text = private_text(club, &white_space(journal.version_name(key, list)));
        let upload = Upload {
            parts: [text.beginning, &text.rest],
            sha256: text.sha256,
            condition,
            metadata: metadata.as_slice(),
            cache_control: None,
        };
        self.s3.put(self.private(DATA), &upload, timeout)
    }

    /// Writes the projection of `private`. The nonce is to be another each time: a private version that was
    /// restored is published again, and if its projection then had the ETag that it had before, somebody
    /// who was about to replace that one could replace this one.
    pub(super) fn write_public(
        &self,
        private: &Private,
        nonce: Nonce,
        condition: Condition<'_>,
        timeout: Duration,
    ) -> Result<Written, S3Error> {
        let text = public_text(&private.club, &white_space(nonce));
        let upload = Upload {
            parts: [text.beginning, &text.rest],
            sha256: text.sha256,
            condition,
            metadata: &[(SHOWS, &private.etag.0)],
            // Readers must ask whether it is still the same; it may change at any moment.
            cache_control: Some("no-cache"),
        };
        self.s3.put(self.public(), &upload, timeout)
    }

    /// The history of a year and its ETag, or an empty one if there is none yet.
    pub(super) fn read_history(
        &self,
        year: i32,
        timeout: Duration,
    ) -> Result<(History, Option<ETag>), Unread> {
        let key = history::object_key(year);
        match self.fetched(&key, self.s3.get(self.private(&key), None, timeout)) {
            Ok(Read::Object(object, _)) => match History::read(&object.bytes) {
                Ok(history) => Ok((history, Some(object.head.etag))),
                Err(error) => Err(Unread::Content(format!("private {key} {error}"))),
            },
            Ok(Read::NotModified(_)) => Err(Unread::unasked_for(&key)),
            Err(Unread::Absent) => Ok((History::default(), None)),
            Err(error) => Err(error),
        }
    }

    pub(super) fn write_history(
        &self,
        year: i32,
        history: &History,
        nonce: Nonce,
        condition: Condition<'_>,
        timeout: Duration,
    ) -> Result<Written, S3Error> {
        let mut bytes = history.to_json();
        bytes.extend_from_slice(white_space(nonce).as_bytes());
        let text = Text::new(bytes);
        let upload = Upload {
            parts: [text.beginning, &text.rest],
            sha256: text.sha256,
            condition,
            metadata: &[],
            cache_control: None,
        };
        self.s3
            .put(self.private(&history::object_key(year)), &upload, timeout)
    }

    fn fetched(
        &self,
        key: &str,
        fetched: Result<Fetched, S3Error>,
    ) -> Result<Read<Object>, Unread> {
        match fetched {
            Ok(Fetched::Object(object)) => {
                let last_modified = object.head.last_modified;
                Ok(Read::Object(object, last_modified))
            }
            Ok(Fetched::NotModified { last_modified }) => Ok(Read::NotModified(last_modified)),
            Err(S3Error::Absent) => Err(Unread::Absent),
            Err(error) => Err(Unread::S3(format!("private {key}"), error)),
        }
    }

    fn to_public(&self, head: Result<Head, S3Error>) -> Result<Public, Unread> {
        match head {
            Ok(head) if Journal::is_in(&head.metadata) => {
                Err(Unread::Content(format!("public {DATA} {OTHER_OBJECT}")))
            }
            Ok(head) => Ok(Public {
                shows: head.metadata.get(SHOWS).cloned().map(ETag),
                etag: Some(head.etag),
            }),
            Err(S3Error::Absent) => Ok(Public::default()),
            Err(error) => Err(Unread::S3(format!("public {DATA}"), error)),
        }
    }

    fn private<'a>(&'a self, key: &'a str) -> Location<'a> {
        Location {
            bucket: &self.private_bucket,
            key,
        }
    }

    /// What a server is tried on.
    pub(super) fn probe(&self) -> Location<'_> {
        self.private(PROBE)
    }

    fn public(&self) -> Location<'_> {
        Location {
            bucket: &self.public_bucket,
            key: DATA,
        }
    }
}

/// What a conditional read brought.
pub(super) enum Read<T> {
    /// With its `Last-Modified`, in seconds since 1970.
    Object(T, Option<i64>),
    /// The version that the reader knows, with its `Last-Modified`.
    NotModified(Option<i64>),
}

/// Why an object could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// The private object is absent.
    Absent,
    /// S3 did not give it.
    S3(String, S3Error),
    /// It is not what it should be: names object, place and what was expected.
    Content(String),
}

impl Unread {
    /// Whether the same may well succeed a little later.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self, Self::S3(_, error) if error.is_passing())
    }

    fn unasked_for(key: &str) -> Self {
        let cause = "expected the object, found 304 without having asked for it".to_owned();
        Self::S3(format!("private {key}"), S3Error::BadAnswer { cause })
    }
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => write!(f, "private {DATA} is gone"),
            Self::S3(object, error) => write!(f, "reading {object}: {error}"),
            Self::Content(text) => f.write_str(text),
        }
    }
}

fn to_private(object: Object) -> Result<Private, Unread> {
    let metadata = &object.head.metadata;
    let other = || Unread::Content(format!("private {DATA} {OTHER_OBJECT}"));
    if metadata.contains_key(SHOWS) {
        return Err(other());
    }
    let club = read_club(&object.bytes)
        .map_err(|error| Unread::Content(format!("private {DATA} {error}")))?;
    // The service that this one replaces marks neither object.
    if !Journal::is_in(metadata) && club.has_hashes_for_codes() {
        return Err(other());
    }
    Ok(Private {
        club,
        journal: Journal::from_metadata(metadata),
        etag: object.head.etag,
    })
}

/// Whether the ETag is made of the bytes, as S3 makes it (MD5, in hex): a server may count instead.
fn is_digest(etag: &ETag) -> bool {
    let text = etag.0.trim_matches('"');
    text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

const OTHER_OBJECT: &str = "is the other bucket's object: expected PRIVATE_BUCKET_NAME and PUBLIC_BUCKET_NAME to \
    name two buckets, the private one first";
const SAME_OBJECT: &str = "is the public object too: expected PRIVATE_BUCKET_NAME and PUBLIC_BUCKET_NAME to name two \
    buckets";

const DATA: &str = "data.json";
const PROBE: &str = "dojang-probe.json";
/// The public object's metadata: the ETag of the private version that it is the projection of.
const SHOWS: &str = "dojang-shows";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn etags_of_bytes_are_told_from_those_that_count() {
        let digest = "0123456789abcdef".repeat(2);
        for (text, expected) in [
            (format!("\"{digest}\""), true),
            (digest.clone(), true),
            (format!("\"{digest}-2\""), false),
            (format!("\"{}\"", &digest[1..]), false),
            (format!("\"{digest}0\""), false),
            (digest.replace('0', "g"), false),
            ("\"1\"".to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(is_digest(&ETag(text.clone())), expected, "{text}");
        }
    }
}
