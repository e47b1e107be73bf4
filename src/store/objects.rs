//! The club's objects: where they are, and their forms.

use std::fmt;
use std::time::Duration;

use super::journal::Journal;
use crate::club::Club;
use crate::club::history::{self, History};
use crate::club::projection::{private_json, public_json};
use crate::club::stored::{StoredError, read_club};
use crate::s3::{Condition, ETag, Fetched, Head, Location, Object, ObjectStore, S3Error, Upload};

/// The club's objects in their two buckets.
#[derive(Debug)]
pub(super) struct Objects<S> {
    pub(super) s3: S,
    pub(super) private_bucket: String,
    pub(super) public_bucket: String,
}

impl<S: ObjectStore> Objects<S> {
    pub(super) fn read_club(&self, timeout: Duration) -> Result<(Club, Head), ReadError> {
        let Object { bytes, head } = self.read(self.private(DATA), timeout)?;
        let club = read_club(&bytes)
            .map_err(|error| ReadError::Content(format!("private {DATA}: {error}")))?;
        Ok((club, head))
    }

    pub(super) fn write_private(
        &self,
        club: &Club,
        journal: &Journal,
        condition: Condition<'_>,
        timeout: Duration,
    ) -> Result<ETag, S3Error> {
        let metadata = journal.to_metadata();
        let metadata: Vec<_> = metadata
            .iter()
            .map(|(name, value)| (*name, &**value))
            .collect();
        let upload = Upload {
            bytes: &private_json(club),
            condition,
            metadata: &metadata,
            cache_control: None,
        };
        self.s3.put(self.private(DATA), &upload, timeout)
    }

    pub(super) fn write_public(&self, club: &Club, timeout: Duration) -> Result<ETag, S3Error> {
        let upload = Upload {
            bytes: &public_json(club),
            condition: Condition::Always,
            metadata: &[],
            // Readers must ask whether it is still the same; it may change at any moment.
            cache_control: Some("no-cache"),
        };
        self.s3.put(
            Location {
                bucket: &self.public_bucket,
                key: DATA,
            },
            &upload,
            timeout,
        )
    }

    pub(super) fn read_history(
        &self,
        year: i32,
        timeout: Duration,
    ) -> Result<(History, Head), ReadError> {
        let key = history::object_key(year);
        let Object { bytes, head } = self.read(self.private(&key), timeout)?;
        let history = History::read(&bytes)
            .map_err(|error: StoredError| ReadError::Content(format!("private {key}: {error}")))?;
        Ok((history, head))
    }

    pub(super) fn write_history(
        &self,
        year: i32,
        history: &History,
        condition: Condition<'_>,
        timeout: Duration,
    ) -> Result<ETag, S3Error> {
        let bytes = history.to_json();
        let upload = Upload {
            bytes: &bytes,
            condition,
            metadata: &[],
            cache_control: None,
        };
        self.s3
            .put(self.private(&history::object_key(year)), &upload, timeout)
    }

    fn read(&self, location: Location<'_>, timeout: Duration) -> Result<Object, ReadError> {
        match self.s3.get(location, None, timeout) {
            Ok(Fetched::Object(object)) => Ok(object),
            Ok(Fetched::NotModified) => {
                let cause = "expected the object, found 304 without having asked".to_owned();
                Err(ReadError::S3(
                    location.key.to_owned(),
                    S3Error::BadAnswer { cause },
                ))
            }
            Err(S3Error::Absent) => Err(ReadError::Absent),
            Err(error) => Err(ReadError::S3(location.key.to_owned(), error)),
        }
    }

    fn private<'a>(&'a self, key: &'a str) -> Location<'a> {
        Location {
            bucket: &self.private_bucket,
            key,
        }
    }
}

/// Why an object could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ReadError {
    /// There is none.
    Absent,
    /// S3 did not give the object of this key.
    S3(String, S3Error),
    /// The object is not what it should be: names object, place and what was expected.
    Content(String),
}

impl ReadError {
    /// Whether the same may well succeed a little later.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self, Self::S3(_, error) if error.is_passing())
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("the object is absent"),
            Self::S3(key, error) => write!(f, "reading private {key}: {error}"),
            Self::Content(text) => f.write_str(text),
        }
    }
}

const DATA: &str = "data.json";
