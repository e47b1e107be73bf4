//! Writing the private object: the moment at which a change takes effect.

use std::sync::Arc;

use serde_json::Value;

use super::World;
use super::cache::{Known, Modified, Private};
use super::journal::Journal;
use super::outcome::{OpenCommit, Progress, Replaced};
use super::run::{Run, Stop};
use crate::actions::{Change, HistoryChange};
use crate::club::Club;
use crate::club::operation::Secret;
use crate::club::projection::written_bytes;
use crate::limits;
use crate::s3::{Condition, ObjectStore, S3Error};

impl<S: ObjectStore, W: World> Run<'_, S, W> {
    /// Commits and publishes a change.
    pub(super) fn carry_out(
        &mut self,
        mut known: Known,
        change: Change,
        secret: Secret,
    ) -> Result<Value, Stop> {
        self.see_to_server()?;
        if let HistoryChange::Record(record) = &change.history {
            self.record(record)?;
        }
        let journal = known.private.journal.with(secret, self.key());
        self.answer = change.answer;
        self.sent_after = Some((secret, known.private.journal.last()));
        let (private, last_modified) =
            self.commit(change.club, journal, Some(known.private.as_ref()))?;
        self.may_have_committed = true;
        self.progress = Progress::Committed(secret);
        known.private = Arc::new(private);
        known.last_modified = last_modified;
        // Whatever happens from here on, the next request sees that the public object lags behind.
        self.store.remember(Some(known.clone()));
        let size = written_bytes(&known.private.club);
        self.trace.warn(limits::DATA.warning(size));
        let known = self.publish(known, true)?;
        self.store.remember(Some(known));
        if let HistoryChange::Replace(years) = &change.history {
            self.replace_history(years)?;
        }
        Ok(std::mem::take(&mut self.answer))
    }

    /// Makes a club if there is none.
    pub(super) fn initialise(&mut self) -> Result<Known, Stop> {
        self.see_to_server()?;
        let timeout = self.timeout()?;
        let requested = self.store.world.now();
        let public = match self.store.objects.look_at_public(timeout) {
            Ok(public) => public,
            Err(error) => return self.later(&error).and(Err(Stop::Again)),
        };
        let secret = self.new_secret()?;
        let club = Club::initial(&self.occasion(secret).operation);
        let (private, last_modified) = self.commit(club, Journal::new(secret), None)?;
        // Making the club is no part of the operation.
        self.progress = Progress::Nothing;
        // Until the club is public, no fault may say that nothing was changed.
        self.has_made_club = true;
        let known = Known {
            private: Arc::new(private),
            public,
            requested,
            last_modified,
        };
        self.publish(known, true)
    }

    /// Writes the private object over the version `replaced`, or if there is none.
    fn commit(
        &mut self,
        club: Club,
        journal: Journal,
        replaced: Option<&Private>,
    ) -> Result<(Private, Option<Modified>), Stop> {
        let condition = match replaced {
            Some(private) => Condition::Match(&private.etag),
            None => Condition::Absent,
        };
        let timeout = self.timeout()?;
        let begun = self.store.world.monotonic();
        let written =
            self.store
                .objects
                .write_private(&club, &journal, self.key(), condition, timeout);
        self.trace.commit += self.since(begun);
        match written {
            Ok(written) => {
                let private = Private {
                    club,
                    etag: written.etag,
                    journal,
                };
                Ok((private, written.answered.map(Modified::By)))
            }
            Err(error) => Err(self.look_again(&error, &journal, replaced)),
        }
    }

    /// What follows from a commit that failed, or may have.
    fn look_again(
        &mut self,
        error: &S3Error,
        journal: &Journal,
        replaced: Option<&Private>,
    ) -> Stop {
        if let (false, Some(secret)) = (error.surely_not_applied(), journal.secret()) {
            self.may_have_committed |= replaced.is_some();
            self.progress = Progress::Open(OpenCommit {
                key: self.key(),
                secret,
                replaced: replaced.map(|private| Replaced {
                    etag: private.etag.clone(),
                    secret: private.journal.secret(),
                    last: private.journal.last(),
                }),
            });
        }
        let cause = format!("writing private data.json: {error}");
        self.note(cause.clone());
        let waited = match error {
            // Absent: it was deleted meanwhile (S3 API reference, PutObject, `If-Match`).
            error if error.is_conflict() || *error == S3Error::Absent => {
                self.back_off_from_conflict()
            }
            // BadAnswer: by all signs it was written.
            error if error.is_passing() || matches!(error, S3Error::BadAnswer { .. }) => {
                self.back_off_from_error()
            }
            _ => return self.fault(false, cause).into(),
        };
        waited.err().unwrap_or(Stop::Again)
    }
}
