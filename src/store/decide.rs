//! What a request does to a version of the club: before that, what became of its own earlier tries.

use std::collections::BTreeMap;

use serde_json::Value;

use super::World;
use super::cache::Private;
use super::run::{Run, Stop};
use crate::actions::{self, Change, Decision, HistoryRange, Occasion, Refusal};
use crate::club::history::History;
use crate::club::operation::{Operation, OperationKey, Secret};
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

impl<'a, S: ObjectStore, W: World> Run<'a, S, W> {
    /// What the request does to this version.
    pub(super) fn decide(&mut self, private: &Private) -> Result<Decided, Stop> {
        self.trace.warn(private.journal.unreadable());
        self.settle_open_commit(private)?;
        let secret = match private.journal.secret() {
            Some(secret) => secret,
            None => self.new_secret()?,
        };
        let occasion = self.occasion(secret);
        if self.store.protections.look_for_own_operation && private.journal.contains(self.key()) {
            self.committed = Some(secret);
            self.recorded = None;
            let answer = if self.has_sent_change {
                actions::answer_again(&private.club, self.request.data, &occasion)
            } else {
                actions::repeat(&private.club, self.request.data, &occasion)
            };
            return Ok(match answer {
                Ok(answer) => Decided::Repeated(answer, self.missing_history(private, &occasion)),
                Err(refusal) => Decided::Refused(refusal),
            });
        }
        self.settle_seen_commit(private)?;
        let decision = actions::decide(&private.club, self.request.data, &occasion);
        Ok(match decision {
            Ok(Decision::Change(change)) => Decided::Change(change, secret),
            Ok(Decision::Answer(answer)) => Decided::Answer(answer),
            Ok(Decision::ReadHistory(range)) => Decided::ReadHistory(range),
            Err(refusal) => Decided::Refused(refusal),
        })
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

    /// What became of a commit without an answer, now that a later version was read.
    fn settle_open_commit(&mut self, private: &Private) -> Result<(), Stop> {
        let Some(open) = &self.open else {
            return Ok(());
        };
        let journal = &private.journal;
        let Some(replaced) = &open.replaced else {
            // It was to make the club where there was none. Now there is one, perhaps that one.
            self.open = None;
            self.has_made_club = true;
            return Ok(());
        };
        // The ETag alone does not tell: somebody may have put the same bytes back without the list.
        if private.etag == replaced.etag
            && (journal.secret() == replaced.secret || !self.store.protections.heed_lost_lists)
        {
            // Not applied so far. It may be yet; then the redo's condition fails.
            return Ok(());
        }
        if journal.secret() != Some(open.secret) && self.store.protections.heed_lost_lists {
            // Somebody wrote over the club who dropped the list of operations: whether ours was on it
            // can no longer be told, and it must not take effect twice.
            return self.untold("the list of operations is gone");
        }
        if !journal.contains(open.key) && journal.may_have_forgotten_since(replaced.last) {
            return self.untold("so many operations took effect since that the list forgot some");
        }
        // Ours is on the list, or will never be applied: what it was to replace is gone for good.
        self.open = None;
        Ok(())
    }

    /// What became of a commit that is not on this version's list, but was on an earlier one's.
    fn settle_seen_commit(&mut self, private: &Private) -> Result<(), Stop> {
        if let Some(secret) = self.committed
            && self.store.protections.heed_lost_lists
        {
            if private.journal.secret() != Some(secret) {
                return self.untold("the list of operations is gone on which this one was");
            }
            if private.journal.may_have_forgotten_since(None) {
                return self.untold("the list of operations forgot this one");
            }
        }
        // Otherwise an older version was restored: there, it did not take effect.
        self.committed = None;
        Ok(())
    }

    /// Ends with a fault that says so.
    pub(super) fn untold(&mut self, cause: &str) -> Result<(), Stop> {
        self.is_untold = true;
        Err(self.fault(true, cause).into())
    }

    /// Which operation this is.
    pub(super) fn key(&self) -> OperationKey {
        let mut key = self.key;
        if !self.store.protections.one_operation_for_all_attempts {
            let attempt = self.trace.attempts.saturating_sub(1).to_le_bytes();
            key.0[0] ^= attempt[0];
        }
        key
    }

    pub(super) fn occasion(&self, secret: Secret) -> Occasion<'a> {
        Occasion {
            now: self.now,
            operation: Operation {
                key: self.key(),
                secret,
            },
            test_secret: self.store.test_secret.as_deref(),
        }
    }

    pub(super) fn new_secret(&mut self) -> Result<Secret, Stop> {
        if self.fresh_secret.is_none() {
            self.fresh_secret = self.store.world.random().map(Secret);
        }
        self.fresh_secret
            .ok_or_else(|| self.fault(false, "no random bytes to be had").into())
    }
}
