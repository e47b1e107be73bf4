//! Promises 1 to 3: the chain of the private object is what the rules make of it.

use dojang::actions::Decision;
use dojang::club::operation::OperationKey;
use dojang::store::journal::Journal;

use super::{Checker, Violation};
use crate::record::Invocation;

impl Checker<'_> {
    /// Each version is the one before it with one operation applied, by the rules as they are on that version,
    /// authentication included; and no operation is applied twice.
    pub(super) fn changes_are_replayed(&self) -> Result<(), Violation> {
        for (n, link) in self.private.iter().enumerate().skip(1) {
            let before = &self.private[n - 1];
            let (key, as_applied) = self
                .names
                .asked_for(&link.journal)
                .ok_or_else(|| format!("nobody asked for version {n}"))?;
            let operation = &self.record.operations[&key];
            let author = operation
                .invocations
                .iter()
                .find(|invocation| invocation.id == link.version.author)
                .ok_or_else(|| format!("version {n} is not of whom it names"))?;
            self.is_not_applied_again(n, key, author)?;
            if before.version.etag == link.version.etag || before.journal.contains(key) {
                return Err(format!("version {n} repeats {key:?}"));
            }
            let is_replayed = matches!(
                self.decided(before, as_applied, operation, author),
                Some(Ok(Decision::Change(change))) if change.club == link.club
            );
            if !is_replayed {
                return Err(format!(
                    "version {n} is not what {} makes of the one before",
                    operation.request["action"]
                ));
            }
        }
        Ok(())
    }

    /// Promise 2: once the list has forgotten an operation it may be applied again, but not by who has seen it there,
    /// or sent it.
    fn is_not_applied_again(
        &self,
        n: usize,
        key: OperationKey,
        author: &Invocation,
    ) -> Result<(), Violation> {
        let commits = self.committed[&key].iter().map(|(other, _)| *other);
        for other in commits.take_while(|other| *other < n) {
            let is_forgotten = n - other > Journal::CAPACITY;
            if !is_forgotten || self.private[other].version.author == author.id {
                return Err(format!("{key:?} took effect as {other} and as {n}"));
            }
        }
        if self.seen(author.id, key, n).next().is_some() {
            return Err(format!(
                "{key:?} took effect as {n}, by an invocation that had seen it: {author:?}"
            ));
        }
        Ok(())
    }

    /// The versions before `last` that an invocation knew by then, and that have the operation on their list. Without
    /// doubt: no other version with the same ETag lacks it.
    pub(super) fn seen(
        &self,
        invocation: u64,
        key: OperationKey,
        last: usize,
    ) -> impl Iterator<Item = usize> {
        let mut known = self.record.s3.known(invocation);
        known.retain(|(at, _)| *at < self.private[last].version.written);
        let before = self.private[..last].iter().enumerate();
        before.filter_map(move |(n, seen)| {
            let mut same = self.private[..last].iter();
            let is_seen = known.iter().any(|(_, etag)| *etag == seen.version.etag)
                && same.all(|link| {
                    link.version.etag != seen.version.etag || link.journal.contains(key)
                });
            is_seen.then_some(n)
        })
    }
}
