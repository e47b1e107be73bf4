//! What holds where others write too, who know nothing of conditions.

use dojang::store::State;

use super::{Checker, Violation};
use crate::record::Outcome;
use crate::s3::Version;
use crate::scheduler::Micros;
use crate::world::seconds;

impl Checker<'_> {
    /// Promise 2 where others write too.
    pub(super) fn nothing_is_applied_twice_between_foreign_writes(&self) -> Result<(), Violation> {
        let mut seen = Vec::new();
        for link in &self.private {
            if link.version.is_foreign {
                seen.clear();
            } else if let Some(key) = link.journal.last() {
                if seen.contains(&key) {
                    return Err(format!("{key:?} took effect twice"));
                }
                seen.push(key);
            }
        }
        Ok(())
    }

    /// The same of one invocation across foreign writes: where the list of operations is gone, it must not
    /// make its change once more, unless what was written in between took it back.
    pub(super) fn no_invocation_applies_anything_twice(&self) -> Result<(), Violation> {
        for (key, commits) in &self.committed {
            for (place, &(n, _)) in commits.iter().enumerate() {
                let author = self.private[n].version.author;
                let before = || commits[..place].iter().map(|(before, _)| *before);
                for seen in self.seen(author, *key, n) {
                    // It may have been lost before that, and made anew.
                    let made = before().rfind(|before| *before <= seen);
                    if made.is_some_and(|made| !self.is_taken_back(made, n)) {
                        return Err(format!(
                            "{key:?} took effect as {n}, by an invocation that had seen it in {seen}"
                        ));
                    }
                }
                let again = before().rfind(|before| self.private[*before].version.author == author);
                if let Some(before) = again
                    && !self.is_taken_back(before, n)
                {
                    return Err(format!("{key:?} took effect as {before} and again as {n}"));
                }
            }
        }
        Ok(())
    }

    /// Promise 6 where others write too. A write that takes effect after the answer does so on a restored version.
    pub(super) fn who_is_told_that_nothing_was_changed_changed_nothing(
        &self,
    ) -> Result<(), Violation> {
        for (key, operation) in &self.record.operations {
            for invocation in &operation.invocations {
                let told = matches!(
                    invocation.outcome,
                    Outcome::Refused(_) | Outcome::Fault(State::NothingChanged)
                );
                if told {
                    self.has_made_no_club(invocation)?;
                }
                let Some(n) = self.made_by(*key, invocation).filter(|_| told) else {
                    continue;
                };
                if self.stands_at(n, invocation.end) {
                    return Err(format!("{key:?} took effect as {n}: {invocation:?}"));
                }
            }
        }
        Ok(())
    }

    /// Whether a version was written by then, and nobody has restored an earlier one since.
    pub(super) fn stands_at(&self, n: usize, at: Micros) -> bool {
        self.private[n].version.written <= at && !self.is_taken_back(n, self.newest_at(at) + 1)
    }

    /// Whether between these versions somebody restored one from before the first.
    fn is_taken_back(&self, first: usize, last: usize) -> bool {
        self.private[first + 1..last].iter().any(|between| {
            let earlier = &self.private[..first];
            between.version.is_foreign
                && !between.version.is_deleted
                && earlier.iter().any(|earlier| earlier.club == between.club)
        })
    }

    /// Promises 1 and 5 where others write too: what was newest when a request came is public when it is
    /// answered, or something newer.
    pub(super) fn answers_wait_for_the_public_object(&self) -> Result<(), Violation> {
        for invocation in self.invocations() {
            if !matches!(invocation.outcome, Outcome::Answer(_) | Outcome::Refused(_)) {
                continue;
            }
            let newest = self.newest_at(invocation.arrived);
            let place = self
                .public
                .iter()
                .rposition(|public| public.written <= invocation.end)
                .ok_or("nothing is public")?;
            let shown = &self.public[place];
            let etag = shown.metadata.get("dojang-shows");
            let is_there = self.private[newest..]
                .iter()
                .any(|link| Some(&link.version.etag.0) == etag);
            // What became of the public object otherwise is noticed with the next change.
            let is_not_ours = shown.is_foreign || self.was_deleted_before(place);
            let is_late = self.is_published_late(place, newest);
            if !is_not_ours && !is_there && !is_late && !self.is_restored_at_once(newest) {
                return Err(format!("version {newest} was not public: {invocation:?}"));
            }
        }
        Ok(())
    }

    /// Whether a version was restored while it was public, and one that was committed between it and its restored copy
    /// was published after that. A cold start would notice: that it came later is not checked.
    fn is_published_late(&self, place: usize, restored: usize) -> bool {
        let version = &self.private[restored].version;
        let shows = |public: &Version, n: usize| {
            public.metadata.get("dojang-shows") == Some(&self.private[n].version.etag.0)
        };
        let before = place.checked_sub(1).map(|before| &self.public[before]);
        let was_public = before
            .is_some_and(|before| shows(before, restored) && before.written < version.written);
        let earlier = &self.private[..restored];
        let original = earlier
            .iter()
            .position(|link| link.version.etag == version.etag);
        let shown = &self.public[place];
        let is_between =
            original.is_some_and(|original| (original + 1..restored).any(|n| shows(shown, n)));
        version.is_foreign && was_public && is_between && version.written < shown.written
    }

    /// Whether the version, or one since, is one that was restored within about a second of being written,
    /// which `Last-Modified` does not tell.
    fn is_restored_at_once(&self, newest: usize) -> bool {
        (newest..self.private.len()).any(|n| {
            let version = &self.private[n].version;
            self.private[..n].iter().any(|earlier| {
                earlier.version.etag == version.etag
                    && seconds(version.written) - seconds(earlier.version.written) <= 1
            })
        })
    }
}
