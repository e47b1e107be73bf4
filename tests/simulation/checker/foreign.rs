//! What holds where others write too, who know nothing of conditions.

use std::collections::BTreeMap;

use super::{Checker, Violation};
use crate::instance::{Outcome, seconds};

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
    /// make its change once more. Judged where no other invocation can have made it, and where what was
    /// written in between holds the change: a version from before it was made takes it back.
    pub(super) fn no_invocation_applies_anything_twice(&self) -> Result<(), Violation> {
        let mut made = BTreeMap::new();
        for (n, link) in self.private.iter().enumerate() {
            let named = self.names.asked_for(&link.journal);
            let Some((key, _)) = named.filter(|_| !link.version.is_foreign) else {
                continue;
            };
            let Some(before) = made.insert(key, n) else {
                continue;
            };
            let is_taken_back = self.private[before + 1..n].iter().any(|between| {
                let earlier = &self.private[..before];
                between.version.is_foreign
                    && earlier.iter().any(|earlier| earlier.club == between.club)
            });
            if !is_taken_back && self.record.operations[&key].invocations.len() == 1 {
                return Err(format!("{key:?} took effect as {before} and again as {n}"));
            }
        }
        Ok(())
    }

    /// Promises 1 and 5 where others write too: what was newest when a request came is public when it is
    /// answered, or something newer.
    pub(super) fn answers_wait_for_the_public_object(&self) -> Result<(), Violation> {
        let invocations = self.record.operations.values().flat_map(|o| &o.invocations);
        for invocation in invocations {
            if !matches!(invocation.outcome, Outcome::Answer(_) | Outcome::Refused(_)) {
                continue;
            }
            let newest = self.newest_at(invocation.arrived);
            let shown = self
                .public
                .iter()
                .rfind(|public| public.written <= invocation.end);
            let shown = shown.ok_or("nothing is public")?;
            let etag = shown.metadata.get("dojang-shows");
            let is_there = self.private[newest..]
                .iter()
                .any(|link| Some(&link.version.etag.0) == etag);
            if !shown.is_foreign && !is_there && !self.is_restored_at_once(newest) {
                return Err(format!("version {newest} was not public: {invocation:?}"));
            }
        }
        Ok(())
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
