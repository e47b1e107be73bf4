//! Promises 1, 2, 5, 6, 7: every answer, refusal and fault is true.

use dojang::actions::{Action, Decision, Refusal, repeat};
use dojang::club::history::History;
use dojang::club::operation::OperationKey;
use dojang::club::recordings::Recordings;
use dojang::store::State;
use serde_json::Value;

use super::{Checker, Violation, occasion};
use crate::record::{Invocation, Operation, Outcome};

impl Checker<'_> {
    pub(super) fn outcomes_are_what_the_sequence_says(&self) -> Result<(), Violation> {
        for (key, operation) in &self.record.operations {
            for invocation in &operation.invocations {
                self.outcome_is_true(*key, operation, invocation)
                    .map_err(|what| format!("{what}: {invocation:?} of {:?}", operation.request))?;
            }
        }
        Ok(())
    }

    fn outcome_is_true(
        &self,
        key: OperationKey,
        operation: &Operation,
        invocation: &Invocation,
    ) -> Result<(), Violation> {
        let made = self.made_by(key, invocation);
        match &invocation.outcome {
            Outcome::Killed
            | Outcome::Fault(State::NotKnown)
            | Outcome::BadServer(State::NotKnown) => Ok(()),
            // Whenever the write took effect: it was sent before.
            Outcome::Fault(State::NothingChanged)
            | Outcome::BadServer(State::NothingChanged)
            | Outcome::Refused(_)
                if made.is_some() =>
            {
                Err("it was changed all the same".into())
            }
            Outcome::Fault(State::NothingChanged) | Outcome::BadServer(State::NothingChanged) => {
                self.has_made_no_club(invocation)
            }
            Outcome::Fault(State::ChangedNotPublic)
            | Outcome::BadServer(State::ChangedNotPublic) => {
                // Making the club is a change too, to who asked for that.
                let has_made_club = operation.request["action"]
                    == Action::TriggerInitialization.name()
                    && self.private[0].version.written <= invocation.end;
                if self.committed_by(key, invocation.end).is_some() || has_made_club {
                    Ok(())
                } else {
                    Err("nothing was changed".into())
                }
            }
            Outcome::Answer(_) | Outcome::Refused(_) => {
                self.answer_is_true(key, operation, invocation)
            }
        }
    }

    /// This invocation made no club, or the club is public, or somebody has restored an earlier one since.
    pub(super) fn has_made_no_club(&self, invocation: &Invocation) -> Result<(), Violation> {
        let mut private = self.private.iter();
        let made = private.rposition(|link| {
            let version = &link.version;
            let is_own = version.author == invocation.id && !version.is_foreign;
            is_own && link.journal.last().is_none() && version.written <= invocation.end
        });
        let Some(made) = made.filter(|made| self.stands_at(*made, invocation.end)) else {
            return Ok(());
        };
        let meanwhile = self.private[made].version.written..=invocation.end;
        let mut public = self.public.iter();
        if public.any(|public| !public.is_foreign && meanwhile.contains(&public.written)) {
            Ok(())
        } else {
            Err(format!("the club was made: {invocation:?}"))
        }
    }

    fn answer_is_true(
        &self,
        key: OperationKey,
        operation: &Operation,
        invocation: &Invocation,
    ) -> Result<(), Violation> {
        // What was newest when the request came must be public by now; so must its own change.
        let at_start = self.newest_at(invocation.arrived);
        let at_end = self.newest_at(invocation.end);
        let shown = self.shown_at(invocation.end);
        let lags = |n| {
            let shown = shown.map_or_else(|| "none".to_owned(), |shown| shown.to_string());
            format!("version {shown} was public, {n} should have been")
        };
        // Where the server refuses to be tried, reads and refusals are served, and nothing is published for them.
        if shown < Some(at_start) && !invocation.is_probe_refused {
            return Err(lags(at_start));
        }
        if let Some((n, as_applied)) = self.committed_by(key, invocation.end) {
            let told = self.repeated_answer_is_true(n, as_applied, operation, invocation);
            if told.is_ok() && shown >= Some(n) {
                return Ok(());
            }
            // Another invocation may have made the change, after this one looked; or the list has forgotten it.
            let is_surely_seen = operation.invocations.len() == 1
                || self.private[n].version.written < invocation.start;
            let is_remembered = self.private[n.max(at_start)..=at_end]
                .iter()
                .all(|link| link.journal.contains(as_applied));
            if is_surely_seen && is_remembered {
                return told.and(Err(lags(n)));
            }
        }
        let is_true = (at_start..=at_end).any(|n| {
            if self.private[n].journal.contains(key) {
                return false;
            }
            let decided = self.decided(&self.private[n], key, operation, invocation);
            match (&invocation.outcome, decided) {
                (Outcome::Answer(answer), Some(Ok(Decision::Answer(expected)))) => {
                    *answer == expected
                }
                (Outcome::Answer(answer), Some(Ok(Decision::ReadHistory(range)))) => {
                    self.histories(invocation).iter().any(|history| {
                        let mut expected = Recordings::between(range.start_time, range.end_time);
                        expected.add(history).is_ok() && *answer == expected.answer()
                    })
                }
                (Outcome::Refused(text), Some(Err(refusal))) => *text == refusal,
                _ => false,
            }
        });
        if is_true {
            Ok(())
        } else {
            Err("no version of that time gives this answer".into())
        }
    }

    /// The answer to an operation that took effect as version `n`: always the same, but for sessions that are
    /// shown as they are by then.
    fn repeated_answer_is_true(
        &self,
        n: usize,
        key: OperationKey,
        operation: &Operation,
        invocation: &Invocation,
    ) -> Result<(), Violation> {
        let secret = self.private[n]
            .journal
            .secret()
            .ok_or("the secret is gone")?;
        let versions = n..=self.newest_at(invocation.end);
        let is_true = versions.into_iter().any(|version| {
            let club = &self.private[version].club;
            let occasion = occasion(key, secret, invocation);
            let is_what = |repeated: Result<Value, Refusal>| match (&invocation.outcome, repeated) {
                (Outcome::Answer(answer), Ok(expected)) => *answer == expected,
                (Outcome::Refused(text), Err(refusal)) => *text == refusal.to_string(),
                _ => false,
            };
            is_what(repeat(club, operation.data(), &occasion))
        });
        // The run that may have made the change is not asked for the login code once more.
        let may_have_made_it = invocation.start <= self.private[n].version.written;
        let is_true = is_true
            || may_have_made_it
                && n.checked_sub(1).is_some_and(|before| {
                    let decided = self.decided(&self.private[before], key, operation, invocation);
                    matches!((&invocation.outcome, decided),
                        (Outcome::Answer(answer), Some(Ok(Decision::Change(change))))
                            if *answer == change.answer)
                });
        if is_true {
            Ok(())
        } else {
            Err("not the answer of the operation".into())
        }
    }

    /// The states of the history during an invocation.
    fn histories(&self, invocation: &Invocation) -> Vec<History> {
        let first = self
            .history
            .iter()
            .rposition(|year| year.written <= invocation.start);
        let later = self.history.iter().skip(first.map_or(0, |first| first + 1));
        let during = later.take_while(|year| year.written <= invocation.end);
        let at_start = first.map_or_else(History::default, |first| {
            self.history[first].history.clone()
        });
        [at_start]
            .into_iter()
            .chain(during.map(|year| year.history.clone()))
            .collect()
    }
}
