//! Promises 1 and 5 as to history entries.

use dojang::actions::{Action, Decision};
use dojang::club::history::History;
use dojang::club::operation::OperationKey;
use dojang::store::State;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Checker, Violation, Year};
use crate::record::{Invocation, Operation, Outcome};
use crate::scheduler::Micros;

impl Checker<'_> {
    /// Promise 5: no session is archived by attendance without its entry; and an attendance that was
    /// refused, and neither killed nor left open, leaves none of its own: not until it is tried again.
    pub(super) fn history_goes_with_the_club(&self) -> Result<(), Violation> {
        for (key, operation) in &self.record.operations {
            if operation.request["action"] != Action::RegisterAttendance.name() {
                continue;
            }
            let session = operation.request["session_id"].as_str().unwrap_or_default();
            for &(n, _) in self.committed.get(key).into_iter().flatten() {
                let at = self.private[n].version.written;
                let there = self.history.iter().rfind(|year| year.written <= at);
                let begun = operation.invocations.iter().map(|i| i.start).min();
                if there.is_none_or(|year| year.history.entry(session).is_none())
                    && !self.may_be_replaced(begun.unwrap_or(0), at)
                {
                    return Err(format!("version {n} is archived without its entry"));
                }
            }
            if !self.has_rival(*key, operation) {
                self.refused_leave_no_entry(*key, operation, session)?;
            }
        }
        Ok(())
    }

    fn refused_leave_no_entry(
        &self,
        key: OperationKey,
        operation: &Operation,
        session: &str,
    ) -> Result<(), Violation> {
        let white_space = white_space_of(key);
        let mut invocations = operation.invocations.iter().peekable();
        while let Some(invocation) = invocations.next() {
            if !matches!(
                invocation.outcome,
                Outcome::Refused(_) | Outcome::Fault(State::NothingChanged)
            ) {
                return Ok(());
            }
            let next = invocations.peek().map_or(Micros::MAX, |next| next.start);
            let first = self.history.iter();
            let first = first.take_while(|year| year.written <= invocation.end);
            let meanwhile = &self.history[first.count().saturating_sub(1)..];
            let is_left = meanwhile
                .iter()
                .take_while(|year| year.written < next)
                .filter_map(|year| year.history.entry(session))
                .any(|entry| entry.get().contains(&white_space));
            if is_left {
                return Err(format!(
                    "a refused attendance left its entry: {operation:?}"
                ));
            }
        }
        Ok(())
    }

    /// Promise 1, of attendance: the entry stays once the request was answered. It is that of an operation
    /// which took effect, and says what was asked for.
    pub(super) fn acknowledged_attendance_stays(&self) -> Result<(), Violation> {
        for (key, operation) in &self.record.operations {
            let mut ends = operation
                .invocations
                .iter()
                .filter(|i| matches!(i.outcome, Outcome::Answer(_)))
                .map(|i| i.end);
            if operation.request["action"] != Action::RegisterAttendance.name()
                || !self.committed.contains_key(key)
            {
                continue;
            }
            let (Some(end), Some(session)) =
                (ends.next(), operation.request["session_id"].as_str())
            else {
                continue;
            };
            let at = self.history.iter().rposition(|year| year.written <= end);
            for year in &self.history[at.unwrap_or(0)..] {
                let Some(entry) = year.history.entry(session) else {
                    let begun = operation.invocations.iter().map(|i| i.start).min();
                    if self.may_be_replaced(begun.unwrap_or(0), year.written) {
                        break;
                    }
                    return Err(format!("an acknowledged entry vanished: {operation:?}"));
                };
                self.entry_is_true(session, entry.get(), operation)?;
            }
        }
        Ok(())
    }

    /// Promise 3, of attendance: who writes an entry was permitted to when the request came, or later.
    pub(super) fn entries_are_permitted(&self) -> Result<(), Violation> {
        let mut before = None;
        for Year {
            history,
            written,
            author,
        } in &self.history
        {
            let written_by = self.record.operations.iter().find_map(|(key, operation)| {
                let mut invocations = operation.invocations.iter();
                let author = invocations.find(|i| i.id == *author)?;
                Some((*key, operation, author))
            });
            if let Some((key, operation, author)) = written_by
                && let Some(session) = operation.request.get("session_id").and_then(Value::as_str)
                && let Some(entry) = history.entry(session).map(RawValue::get)
                && entry.contains(&white_space_of(key))
                && before.and_then(|before: &History| before.entry(session).map(RawValue::get))
                    != Some(entry)
            {
                let versions = self.newest_at(author.arrived)..=self.newest_at(*written);
                let is_permitted = self.private[versions].iter().any(|link| {
                    link.journal.contains(key)
                        || matches!(
                            self.decided(link, key, operation, author),
                            Some(Ok(Decision::Change(_)))
                        )
                });
                if !is_permitted {
                    return Err(format!("an entry was not permitted: {author:?}"));
                }
            }
            before = Some(history);
        }
        Ok(())
    }

    fn entry_is_true(
        &self,
        session: &str,
        entry: &str,
        acknowledged: &Operation,
    ) -> Result<(), Violation> {
        let mut operations = self.record.operations.iter();
        let (key, writer) = operations
            .find(|(key, operation)| {
                operation.request.get("session_id").and_then(Value::as_str) == Some(session)
                    && entry.contains(&white_space_of(**key))
            })
            .ok_or("an entry names no operation that takes attendance of its session")?;
        // While it is being written it may be that of an attempt that is put back, or completed, later.
        let entry: Value = serde_json::from_str(entry).map_err(|error| error.to_string())?;
        if entry["participants"] == writer.request["participants"] {
            Ok(())
        } else {
            Err(format!(
                "an entry of {key:?} holds {}: {writer:?} after {acknowledged:?}",
                entry["participants"]
            ))
        }
    }

    /// Whether attendance of the same session was taken by another operation, or by another run of this one,
    /// at the same time: whoever is refused last then puts back what it found, perhaps the other's.
    fn has_rival(&self, key: OperationKey, operation: &Operation) -> bool {
        let overlap = |a: &Invocation, b: &Invocation| a.start < b.end && b.start < a.end;
        let runs = &operation.invocations;
        let is_run_twice_at_once =
            (0..runs.len()).any(|n| runs[..n].iter().any(|other| overlap(other, &runs[n])));
        is_run_twice_at_once
            || self.record.operations.iter().any(|(other_key, other)| {
                *other_key != key
                    && other.request["action"] == operation.request["action"]
                    && other.request["session_id"] == operation.request["session_id"]
                    && other
                        .invocations
                        .iter()
                        .any(|a| operation.invocations.iter().any(|b| overlap(a, b)))
            })
    }
}

/// The white space by which an operation's history entries are known (`src/store/nonce.rs`).
fn white_space_of(key: OperationKey) -> String {
    let spelt = |byte: u8| [byte >> 6, byte >> 4 & 3, byte >> 2 & 3, byte & 3];
    key.0[..8]
        .iter()
        .copied()
        .flat_map(spelt)
        .map(|bits| [' ', '\t', '\r', '\n'][usize::from(bits)])
        .collect()
}
