//! What an instance knows of the stored objects.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::journal::Journal;
use crate::club::Club;
use crate::s3::ETag;

/// The private object and the public one, as they were at about the same time.
///
/// Either may have been read first. Before it replaces the public one, publishing makes sure that the
/// private version here is still the newest: by the condition of the commit over it, or by asking again.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) private: Arc<Private>,
    pub(super) public: Public,
    /// When the two were asked for, or earlier.
    pub(super) requested: SystemTime,
    /// The private object's `Last-Modified`, if S3 has told it.
    pub(super) last_modified: Option<Modified>,
}

/// When a version was written, in seconds since 1970. Tells a version that somebody restored from the same
/// one as it was before: both have one ETag.
///
/// This cannot tell two cases: a version that was restored within about a second of being written, and a version that
/// is the newest again because newer ones were deleted, and so keeps its `Last-Modified`. The public object then follows
/// with the next change or cold start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Modified {
    /// Just then.
    At(i64),
    /// Not after that.
    By(i64),
}

impl Known {
    /// Whether the public object shows this private version.
    pub(super) fn is_in_line(&self) -> bool {
        self.public.shows.as_ref() == Some(&self.private.etag)
    }

    /// Whether this was asked for after a request that came in at `arrived`, and so is no older than the
    /// request. Clocks may differ a little.
    pub(super) fn was_requested_after(&self, arrived: SystemTime) -> bool {
        self.requested >= arrived + CLOCK_MARGIN
    }

    /// Whether this was asked for so short a time ago that comparing clocks can be trusted: not before an
    /// idle time, or a jump of the clock.
    pub(super) fn is_recent(&self, now: SystemTime) -> bool {
        now.duration_since(self.requested)
            .is_ok_and(|age| age < MAX_UNCONFIRMED_AGE)
    }

    /// Whether the private version, which is still or again the stored one, was put back in place of a
    /// newer one since it was last looked at. Remembers the `Last-Modified` for the next time.
    pub(super) fn is_restored(&mut self, last_modified: Option<i64>) -> bool {
        let Some(now) = last_modified else {
            return false;
        };
        match self.last_modified.replace(Modified::At(now)) {
            Some(Modified::At(before)) => now != before,
            Some(Modified::By(before)) => now > before,
            None => false,
        }
    }
}

/// A version of the private object.
#[derive(Debug)]
pub(super) struct Private {
    pub(super) club: Club,
    pub(super) etag: ETag,
    pub(super) journal: Journal,
}

/// What is known of a version of the public object.
#[derive(Clone, Debug, Default)]
pub(super) struct Public {
    /// `None`: there is none.
    pub(super) etag: Option<ETag>,
    /// The ETag of the private version that it is the projection of. `None`: somebody else wrote it.
    pub(super) shows: Option<ETag>,
}

/// How far Lambda's clock and ours may be apart.
const CLOCK_MARGIN: Duration = Duration::from_millis(5);
/// Between a prefetch in INIT and the request that the instance was started for lies next to nothing.
const MAX_UNCONFIRMED_AGE: Duration = Duration::from_secs(1);
