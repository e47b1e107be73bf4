//! Bringing the public object in line with the private one: a compare-and-swap of its own.
//!
//! It replaces only a version whose ETag was read *before* the private version that it publishes was
//! seen to be the newest. So the replaced one shows that version or an older one; had somebody published
//! a newer one since, the condition would fail.

use std::sync::Arc;

use super::World;
use super::cache::{Known, Modified};
use super::objects::{Read, Unread};
use super::run::{Run, Stop};
use crate::s3::{Condition, ObjectStore, S3Error};

impl<S: ObjectStore, W: World> Run<'_, S, W> {
    /// Has the public object show `known.private` or something newer.
    ///
    /// `is_newest`: `known.private` was seen to be the newest after `known.public` was read, as it is
    /// right after a commit.
    pub(super) fn publish(&mut self, mut known: Known, mut is_newest: bool) -> Result<Known, Stop> {
        let begun = self.store.world.monotonic();
        let waited = self.trace.wait;
        let result = loop {
            match self.try_to_publish(&mut known, is_newest) {
                Ok(true) => {
                    self.has_made_club = false;
                    break Ok(known);
                }
                Ok(false) => {}
                Err(stop) => break Err(stop),
            }
            is_newest = false;
        };
        self.trace.publish += self
            .since(begun)
            .saturating_sub(self.trace.wait.saturating_sub(waited));
        result
    }

    /// One try; whether the public object is in line. If not, it was looked at anew.
    fn try_to_publish(&mut self, known: &mut Known, is_newest: bool) -> Result<bool, Stop> {
        if !is_newest {
            let timeout = self.timeout()?;
            match self
                .store
                .objects
                .read_private(&known.private.etag, timeout)
            {
                Ok(Read::NotModified(last_modified)) => {
                    if known.is_restored(last_modified) {
                        // What is known of the public object may be older than what was replaced.
                        known.public = self.look_at_public()?;
                        return Ok(false);
                    }
                }
                Ok(Read::Object(newer, last_modified)) => {
                    known.private = Arc::new(newer);
                    known.last_modified = last_modified.map(Modified::At);
                }
                Err(error) => return self.later(&error).map(|()| false),
            }
            if known.is_in_line() {
                return Ok(true);
            }
        }
        let condition = match &known.public.etag {
            Some(etag) => Condition::Match(etag),
            None => Condition::Absent,
        };
        let timeout = self.timeout()?;
        let nonce = self.fresh_nonce();
        match self
            .store
            .objects
            .write_public(&known.private, nonce, condition, timeout)
        {
            Ok(written) => {
                known.public.etag = Some(written.etag);
                known.public.shows = Some(known.private.etag.clone());
                return Ok(true);
            }
            // Absent: somebody deleted it meanwhile.
            Err(error) if error.is_conflict() || error == S3Error::Absent => {
                self.back_off_from_conflict()?;
            }
            Err(error) => self.later(&Unread::S3("public data.json (to write)".into(), error))?,
        }
        known.public = self.look_at_public()?;
        Ok(known.is_in_line())
    }
}
