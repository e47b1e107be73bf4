//! The history that belongs to `any_reset_test_setup`.

use dojang::actions::Action;
use dojang::club::demo;
use dojang::club::history::object_key;
use dojang::club::operation::OperationKey;

use super::{Checker, Violation};
use crate::record::{Operation, Outcome, PRIVATE};
use crate::scheduler::Micros;
use crate::workload::TEST_SECRET;

impl Checker<'_> {
    /// An acknowledged reset has replaced the history, unless somebody else's change came before that did.
    pub(super) fn resets_are_whole(&self) -> Result<(), Violation> {
        for (key, operation) in self.resets() {
            for invocation in &operation.invocations {
                let Some((n, _)) = self.committed_by(key, invocation.end) else {
                    continue;
                };
                let version = &self.private[n].version;
                let is_last = self.newest_at(invocation.end) == n;
                let is_answered = matches!(invocation.outcome, Outcome::Answer(_));
                if !is_answered || !is_last {
                    continue;
                }
                for (year, history) in demo::history(TEST_SECRET, invocation.now) {
                    let chain = self.record.s3.chain(PRIVATE, &object_key(year));
                    let is_replaced = chain.iter().any(|year| {
                        (version.written..=invocation.end).contains(&year.written)
                            && year.bytes.trim_ascii_end() == history.to_json()
                    });
                    if !is_replaced {
                        return Err(format!(
                            "the history of {year} was not replaced: {invocation:?}"
                        ));
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether a reset may have replaced the history in this time: by an invocation that began before anything else
    /// was committed.
    pub(super) fn may_be_replaced(&self, from: Micros, to: Micros) -> bool {
        let history = self.history.iter();
        let mut written = history.filter(|year| (from..=to).contains(&year.written));
        written.any(|year| {
            self.resets().any(|(key, operation)| {
                let mut invocations = operation.invocations.iter();
                let author = invocations.find(|invocation| invocation.id == year.author);
                let commits = self.committed.get(&key);
                author.zip(commits).is_some_and(|(author, commits)| {
                    commits.iter().any(|(n, _)| {
                        let next = self.private.get(n + 1);
                        next.is_none_or(|next| author.start <= next.version.written)
                    })
                })
            })
        })
    }

    fn resets(&self) -> impl Iterator<Item = (OperationKey, &Operation)> {
        let operations = self.record.operations.iter();
        operations
            .filter(|(_, operation)| operation.request["action"] == Action::ResetTestSetup.name())
            .map(|(key, operation)| (*key, operation))
    }
}
