//! Promises 1 and 5 as to history entries.

use dojang::actions::Action;
use dojang::club::operation::OperationKey;
use dojang::store::State;
use serde_json::Value;

use super::{Checker, Violation};
use crate::instance::{Invocation, Operation, Outcome};

impl Checker<'_> {
    /// Promise 5: no session is archived by attendance without its entry; and an attendance that was
    /// refused, and neither killed nor left open, leaves none of its own.
    pub(super) fn history_goes_with_the_club(&self) -> Result<(), Violation> {
        for (key, operation) in &self.record.operations {
            if operation.request["action"] != Action::RegisterAttendance.name() {
                continue;
            }
            let session = operation.request["session_id"].as_str().unwrap_or_default();
            if let Some(&(n, _)) = self.committed.get(key) {
                let at = self.private[n].version.written;
                let there = self.history.iter().rfind(|(written, _)| *written <= at);
                if there.is_none_or(|(_, history)| history.entry(session).is_none()) {
                    return Err(format!("version {n} is archived without its entry"));
                }
            } else if operation.invocations.iter().all(|i| {
                matches!(
                    i.outcome,
                    Outcome::Refused(_) | Outcome::Fault(State::NothingChanged)
                )
            }) && !self.has_rival(*key, operation)
            {
                let last = self.history.last();
                let white_space = white_space_of(*key);
                let is_left = last.is_some_and(|(_, history)| {
                    history
                        .entry(session)
                        .is_some_and(|e| e.get().contains(&white_space))
                });
                if is_left {
                    return Err(format!(
                        "a refused attendance left its entry: {operation:?}"
                    ));
                }
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
            let at = self
                .history
                .iter()
                .rposition(|(written, _)| *written <= end);
            for (_, history) in &self.history[at.unwrap_or(0)..] {
                let entry = history
                    .entry(session)
                    .ok_or_else(|| format!("an acknowledged entry vanished: {operation:?}"))?;
                self.entry_is_true(entry.get(), operation)?;
            }
        }
        Ok(())
    }

    fn entry_is_true(&self, entry: &str, acknowledged: &Operation) -> Result<(), Violation> {
        let (key, writer) = self
            .record
            .operations
            .iter()
            .find(|(key, _)| entry.contains(&white_space_of(**key)))
            .ok_or("an entry names no operation")?;
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
