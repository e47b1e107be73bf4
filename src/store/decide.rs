//! What a request does to a version of the club: before that, what became of its own earlier tries.

use std::collections::BTreeMap;
use std::mem;

use serde_json::Value;

use super::World;
use super::cache::Private;
use super::outcome::{OpenCommit, Progress};
use super::run::{Run, Stop};
use crate::actions::{self, Change, Decision, HistoryRange, Occasion, Refusal};
use crate::club::history::History;
use crate::club::operation::Secret;
use crate::s3::ObjectStore;

/// What the request does.
pub(super) enum Decided {
    Change(Box<Change>, Secret),
    Answer(Value),
    /// The operation took effect before; these years may still have to be replaced.
    Repeated(Value, BTreeMap<i32, History>),
    Refused(Refusal),
    ReadHistory(HistoryRange),
}

impl<S: ObjectStore, W: World> Run<'_, S, W> {
    /// What the request does to this version.
    pub(super) fn decide(&mut self, private: &Private) -> Result<Decided, Stop> {
        self.trace.warn(private.journal.unreadable());
        self.settle(private)?;
        let secret = match private.journal.secret() {
            Some(secret) => secret,
            None => self.new_secret()?,
        };
        let occasion = self.occasion(secret);
        if private.journal.contains(self.key()) {
            // The entry is that of a change which took effect: it stays, even if another run wrote it.
            self.recorded = None;
            // As of this version: another run may have made the change, on another version than this run had.
            let answer = match actions::repeat(&private.club, self.request.data, &occasion) {
                Err(_) if self.may_have_committed => Ok(self.answer_of_own(private, secret)?),
                answer => answer,
            };
            // Refused callers must not learn that the change took effect, not even from a later fault. And it must not be
            // made again, even if the list is lost.
            self.progress = match answer {
                Ok(_) => Progress::Committed(secret),
                Err(_) => Progress::Concealed(secret),
            };
            return Ok(match answer {
                Ok(answer) => Decided::Repeated(answer, self.missing_history(private, &occasion)),
                Err(refusal) => Decided::Refused(refusal),
            });
        }
        let decision = actions::decide(&private.club, self.request.data, &occasion);
        Ok(match decision {
            Ok(Decision::Change(change)) => Decided::Change(change, secret),
            Ok(Decision::Answer(answer)) => Decided::Answer(answer),
            Ok(Decision::ReadHistory(range)) => Decided::ReadHistory(range),
            Err(refusal) => Decided::Refused(refusal),
        })
    }

    /// The answer to the change that this run sent last, if that is the one on the list of `private`.
    ///
    /// # Errors
    /// If another run made the change on another version: what it answered cannot be told from here.
    fn answer_of_own(&mut self, private: &Private, secret: Secret) -> Result<Value, Stop> {
        let follows = |last| private.journal.follows(self.key(), last);
        if self
            .sent_after
            .is_some_and(|(beside, last)| beside == secret && follows(last))
        {
            return Ok(self.answer.clone());
        }
        self.progress = Progress::Committed(secret);
        let cause =
            "another run of the operation made the change, and its answer cannot be told any more";
        Err(self.fault(false, cause).into())
    }

    /// The years that a repeated operation was still to replace, in case it was cut short after its
    /// commit. Only while nothing was committed since: attendance taken meanwhile must not be lost.
    fn missing_history(
        &self,
        private: &Private,
        occasion: &Occasion<'_>,
    ) -> BTreeMap<i32, History> {
        if private.journal.is_last(self.key()) {
            actions::replaced_history(self.request.data, occasion)
        } else {
            BTreeMap::new()
        }
    }

    /// What became of the change, now that this version was read.
    fn settle(&mut self, private: &Private) -> Result<(), Stop> {
        if let Progress::Open(OpenCommit { replaced: None, .. }) = self.progress {
            self.has_made_club = true;
        }
        let progress = mem::take(&mut self.progress).after_reading(
            self.key(),
            &private.etag,
            &private.journal,
        );
        self.progress = progress.map_err(|cause| self.untold(cause))?;
        Ok(())
    }
}
