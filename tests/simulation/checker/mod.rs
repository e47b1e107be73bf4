//! Whether a run kept the promises (`docs/protocol.md#promises`).
//!
//! The judge is the chain of versions that the run left: every change is replayed in chain order through the pure
//! rules, and every answer is compared.

mod foreign;
mod history;

use std::collections::BTreeMap;

use dojang::actions::{Action, Decision, Occasion, Refusal, decide, repeat};
use dojang::club::Club;
use dojang::club::history::{History, object_key};
use dojang::club::operation::{Operation as Derived, OperationKey, Remembered, Secret};
use dojang::club::projection::public_json;
use dojang::club::recordings::Recordings;
use dojang::club::stored::read_club;
use dojang::store::State;
use dojang::store::journal::Journal;
use serde_json::Value;

use crate::instance::{DATA, Invocation, Operation, Outcome, PRIVATE, PUBLIC, Record, data};
use crate::s3::{MOST_LATE, Version};
use crate::scheduler::Micros;

/// A broken promise.
pub(crate) type Violation = String;

/// Checks a run. `is_strict`: nobody but our instances wrote.
pub(crate) fn check(record: &Record, is_strict: bool) -> Result<Statistics, Violation> {
    let checker = Checker::new(record)?;
    if is_strict {
        checker.changes_are_replayed()?;
        checker.outcomes_are_what_the_sequence_says()?;
        checker.history_goes_with_the_club()?;
        checker.acknowledged_attendance_stays()?;
    } else {
        checker.nothing_is_applied_twice_between_foreign_writes()?;
        checker.no_invocation_applies_anything_twice()?;
        checker.answers_wait_for_the_public_object()?;
    }
    checker.public_never_goes_back()?;
    checker.public_is_in_line_in_the_end()?;
    checker.all_are_in_time()?;
    Ok(checker.statistics())
}

/// What a run consisted of.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Statistics {
    pub(crate) changes: usize,
    pub(crate) answers: usize,
    pub(crate) refusals: usize,
    pub(crate) faults: usize,
    pub(crate) kills: usize,
    pub(crate) repeats: usize,
}

impl Statistics {
    pub(crate) fn add(&mut self, other: &Self) {
        self.changes += other.changes;
        self.answers += other.answers;
        self.refusals += other.refusals;
        self.faults += other.faults;
        self.kills += other.kills;
        self.repeats += other.repeats;
    }
}

struct Checker<'a> {
    record: &'a Record,
    private: Vec<Link>,
    public: Vec<Version>,
    /// The history of the one year that runs take place in: when each version was written, and its text.
    history: Vec<(Micros, History)>,
    names: Names,
    /// Where in the chain each operation took effect, and under which key.
    committed: BTreeMap<OperationKey, (usize, OperationKey)>,
}

/// A version of the private object, read.
struct Link {
    club: Club,
    journal: Journal,
    version: Version,
}

impl<'a> Checker<'a> {
    fn new(record: &'a Record) -> Result<Self, Violation> {
        let mut private = Vec::new();
        for version in record.s3.chain(PRIVATE, DATA) {
            let club = read_club(&version.bytes).map_err(|error| format!("unreadable: {error}"))?;
            let journal = Journal::from_metadata(&version.metadata);
            private.push(Link {
                club,
                journal,
                version,
            });
        }
        let mut names = Names::default();
        for link in &private {
            names.add(link.journal.secret(), record.operations.keys());
        }
        let committed = private
            .iter()
            .enumerate()
            .filter(|(_, link)| !link.version.is_foreign)
            .filter_map(|(n, link)| {
                let (key, as_applied) = names.asked_for(&link.journal)?;
                Some((key, (n, as_applied)))
            })
            .collect();
        let key = object_key(YEAR);
        let history = record
            .s3
            .chain(PRIVATE, &key)
            .iter()
            .map(|version| match History::read(&version.bytes) {
                Ok(history) => Ok((version.written, history)),
                Err(error) => Err(format!("unreadable history: {error}")),
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            record,
            private,
            history,
            public: record.s3.chain(PUBLIC, DATA),
            names,
            committed,
        })
    }

    /// Promises 1 to 3: each version is the one before it with one operation applied, by the rules as they
    /// are on that version, authentication included; and no operation is applied twice.
    fn changes_are_replayed(&self) -> Result<(), Violation> {
        for (n, link) in self.private.iter().enumerate().skip(1) {
            let before = &self.private[n - 1];
            let (key, as_applied) = self
                .names
                .asked_for(&link.journal)
                .ok_or_else(|| format!("nobody asked for version {n}"))?;
            if self.committed[&key].0 != n {
                return Err(format!(
                    "{key:?} took effect as {n} and as {}",
                    self.committed[&key].0
                ));
            }
            if before.version.etag == link.version.etag || before.journal.contains(key) {
                return Err(format!("version {n} repeats {key:?}"));
            }
            let operation = &self.record.operations[&key];
            let is_replayed = operation.invocations.iter().any(|invocation| {
                matches!(self.decided(before, as_applied, operation, invocation),
                    Some(Ok(Decision::Change(change))) if change.club == link.club)
            });
            if !is_replayed {
                return Err(format!(
                    "version {n} is not what {} makes of the one before",
                    operation.request["action"]
                ));
            }
        }
        Ok(())
    }

    /// Promises 1, 2, 5, 6, 7: every answer, refusal and fault is true.
    fn outcomes_are_what_the_sequence_says(&self) -> Result<(), Violation> {
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
        let committed = self
            .committed
            .get(&key)
            .filter(|(n, _)| self.private[*n].version.written <= invocation.end);
        match &invocation.outcome {
            Outcome::Killed | Outcome::Fault(State::NotKnown) => return Ok(()),
            Outcome::Fault(State::NothingChanged) => {
                return if self.surely_changed(key, operation, invocation) {
                    Err("it was changed all the same".into())
                } else {
                    Ok(())
                };
            }
            Outcome::Fault(State::ChangedNotPublic) => {
                // Making the club is a change too, to who asked for that.
                let has_made_club = operation.request["action"]
                    == Action::TriggerInitialization.name()
                    && self.private[0].version.written <= invocation.end;
                return if committed.is_some() || has_made_club {
                    Ok(())
                } else {
                    Err("nothing was changed".into())
                };
            }
            Outcome::Answer(_) | Outcome::Refused(_) => {}
        }
        // What was newest when the request came must be public by now; so must its own change.
        let at_start = self.newest_at(invocation.arrived);
        let shown = self.shown_at(invocation.end).ok_or("nothing is public")?;
        if shown < at_start {
            return Err(format!(
                "version {shown} was public, {at_start} should have been"
            ));
        }
        if let Some(&(n, as_applied)) = committed {
            let told = self.repeated_answer_is_true(n, as_applied, operation, invocation);
            if told.is_ok() && shown >= n {
                return Ok(());
            }
            // Another invocation may have made the change, after this one looked.
            if operation.invocations.len() == 1
                || self.private[n].version.written < invocation.start
            {
                return told.and(Err(format!(
                    "version {shown} was public, {n} should have been"
                )));
            }
        }
        let is_true = (at_start..=self.newest_at(invocation.end)).any(|n| {
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

    /// Whether this invocation, and no other, may have made its operation's change, and it was made.
    fn surely_changed(
        &self,
        key: OperationKey,
        operation: &Operation,
        invocation: &Invocation,
    ) -> bool {
        let Some((n, _)) = self.committed.get(&key) else {
            return false;
        };
        let at = self.private[*n].version.written;
        let may_have =
            |other: &&Invocation| other.start <= at && at <= other.end + MOST_LATE + MARGIN;
        let mut suspects = operation.invocations.iter().filter(may_have);
        suspects
            .next()
            .is_some_and(|first| first.start == invocation.start)
            && suspects.next().is_none()
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
        let request = data(&operation.request);
        let is_true = versions.into_iter().any(|version| {
            let club = &self.private[version].club;
            let occasion = occasion(key, secret, invocation);
            let is_what = |repeated: Result<Value, Refusal>| match (&invocation.outcome, repeated) {
                (Outcome::Answer(answer), Ok(expected)) => *answer == expected,
                (Outcome::Refused(text), Err(refusal)) => *text == refusal.to_string(),
                _ => false,
            };
            is_what(repeat(club, &request, &occasion))
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

    /// Promise 4. A version of the public object shows the one of the private object that its metadata names.
    fn public_never_goes_back(&self) -> Result<(), Violation> {
        let mut last = 0;
        for public in self.public.iter().filter(|public| !public.is_foreign) {
            let etag = public
                .metadata
                .get("dojang-shows")
                .ok_or("a version shows nothing")?;
            // A restored version has the ETag of the one that it restores: it may be either.
            let shown = (last..self.private.len())
                .find(|&n| self.private[n].version.etag.0 == *etag)
                .ok_or(format!("the public object went back behind version {last}"))?;
            if public.bytes.trim_ascii_end() != public_json(&self.private[shown].club) {
                return Err(format!("not the projection of version {shown}"));
            }
            last = shown;
        }
        Ok(())
    }

    /// Promise 5.
    fn public_is_in_line_in_the_end(&self) -> Result<(), Violation> {
        let private = self.private.last().ok_or("the club is gone")?;
        let public = self.public.last().ok_or("nothing is public")?;
        if public.bytes.trim_ascii_end() == public_json(&private.club) {
            Ok(())
        } else {
            Err("the public object lags behind in the end".into())
        }
    }

    /// Promise 6.
    fn all_are_in_time(&self) -> Result<(), Violation> {
        let invocations = self.record.operations.values().flat_map(|o| &o.invocations);
        match invocations.map(|i| i.end - i.start).max() {
            Some(longest) if longest > 10_000_000 => Err(format!("{longest} µs until an answer")),
            _ => Ok(()),
        }
    }

    fn statistics(&self) -> Statistics {
        let mut statistics = Statistics {
            changes: self.private.len() - 1,
            ..Statistics::default()
        };
        for operation in self.record.operations.values() {
            statistics.repeats += operation.invocations.len().saturating_sub(1);
            for invocation in &operation.invocations {
                match invocation.outcome {
                    Outcome::Answer(_) => statistics.answers += 1,
                    Outcome::Refused(_) => statistics.refusals += 1,
                    Outcome::Fault(..) => statistics.faults += 1,
                    Outcome::Killed => statistics.kills += 1,
                }
            }
        }
        statistics
    }

    fn decided(
        &self,
        link: &Link,
        key: OperationKey,
        operation: &Operation,
        invocation: &Invocation,
    ) -> Option<Result<Decision, String>> {
        let occasion = occasion(key, link.journal.secret()?, invocation);
        let decided = decide(&link.club, &data(&operation.request), &occasion);
        Some(decided.map_err(|refusal| refusal.to_string()))
    }

    /// The private version that was newest at a time.
    fn newest_at(&self, at: Micros) -> usize {
        self.private
            .iter()
            .rposition(|link| link.version.written <= at)
            .unwrap_or(0)
    }

    /// The private version that was public at a time.
    fn shown_at(&self, at: Micros) -> Option<usize> {
        let public = self.public.iter().rfind(|public| public.written <= at)?;
        let etag = public.metadata.get("dojang-shows")?;
        self.private
            .iter()
            .position(|link| link.version.etag.0 == *etag)
    }

    /// The states of the history during an invocation.
    fn histories(&self, invocation: &Invocation) -> Vec<History> {
        let first = self
            .history
            .iter()
            .rposition(|(written, _)| *written <= invocation.start);
        let later = self.history.iter().skip(first.map_or(0, |first| first + 1));
        let during = later.take_while(|(written, _)| *written <= invocation.end);
        let at_start = first.map_or_else(History::default, |first| self.history[first].1.clone());
        [at_start]
            .into_iter()
            .chain(during.map(|(_, history)| history.clone()))
            .collect()
    }
}

/// The operations by what versions name them by.
#[derive(Default)]
struct Names {
    by_secret: Vec<(Secret, BTreeMap<Remembered, OperationKey>)>,
}

impl Names {
    fn add<'k>(&mut self, secret: Option<Secret>, keys: impl Iterator<Item = &'k OperationKey>) {
        if let Some(secret) = secret
            && !self.by_secret.iter().any(|(known, _)| *known == secret)
        {
            let names = keys.map(|key| (key.remembered(secret), *key)).collect();
            self.by_secret.push((secret, names));
        }
    }

    /// The operation that a version names, and the key under which it was applied: another one in its first byte
    /// where `one_operation_for_all_attempts` is off.
    fn asked_for(&self, journal: &Journal) -> Option<(OperationKey, OperationKey)> {
        let (secret, name) = (journal.secret()?, journal.last()?);
        let (_, names) = self.by_secret.iter().find(|(known, _)| *known == secret)?;
        if let Some(key) = names.get(&name) {
            return Some((*key, *key));
        }
        names.values().find_map(|key| {
            (1..=u8::MAX).find_map(|attempt| {
                let mut as_applied = *key;
                as_applied.0[0] ^= attempt;
                (as_applied.remembered(secret) == name).then_some((*key, as_applied))
            })
        })
    }
}

fn occasion(key: OperationKey, secret: Secret, invocation: &Invocation) -> Occasion<'static> {
    Occasion {
        now: invocation.now,
        operation: Derived { key, secret },
        test_secret: None,
    }
}

/// What a request's way takes at most, in µs.
const MARGIN: Micros = 100_000;
/// Runs take place in its first weeks.
const YEAR: i32 = 2027;
