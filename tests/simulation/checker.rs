//! Whether a run kept the promises (`src/store/mod.rs`), judged from the chain of versions that it left: every
//! change is replayed in chain order through the pure rules, and every answer compared.

use std::collections::BTreeMap;

use dojang::actions::{Action, Decision, Occasion, decide, repeat};
use dojang::club::Club;
use dojang::club::history::{History, object_key, recorded_between};
use dojang::club::operation::{Operation as Derived, OperationKey, Remembered, Secret};
use dojang::club::projection::public_json;
use dojang::club::stored::read_club;
use dojang::store::State;
use dojang::store::journal::Journal;
use serde_json::Value;

use crate::instance::{DATA, Invocation, Operation, Outcome, PRIVATE, PUBLIC, Record, seconds};
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
    /// The operations by what versions name them by.
    names: BTreeMap<Remembered, OperationKey>,
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
        let names = record.operations.keys().map(|key| (key.remembered(), *key));
        let names: BTreeMap<_, _> = names.collect();
        let committed = private
            .iter()
            .enumerate()
            .filter(|(_, link)| !link.version.is_foreign)
            .filter_map(|(n, link)| {
                let (key, as_applied) = asked_for(&names, link.journal.last()?)?;
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
            let last = link
                .journal
                .last()
                .ok_or(format!("version {n} names no operation"))?;
            let (key, as_applied) =
                asked_for(&self.names, last).ok_or_else(|| format!("nobody asked for {last:?}"))?;
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
                        recorded_between([history], range.start_time, range.end_time)
                            .is_ok_and(|expected| *answer == expected)
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
        let is_true = versions.into_iter().any(|version| {
            let club = &self.private[version].club;
            let repeated = repeat(club, &operation.request, &occasion(key, secret, invocation));
            match (&invocation.outcome, repeated) {
                (Outcome::Answer(answer), Ok(expected)) => *answer == expected,
                (Outcome::Refused(text), Err(refusal)) => *text == refusal.to_string(),
                _ => false,
            }
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

    /// Promise 5: no session is archived by attendance without its entry; and an attendance that was
    /// refused, and neither killed nor left open, leaves none of its own.
    fn history_goes_with_the_club(&self) -> Result<(), Violation> {
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
    fn acknowledged_attendance_stays(&self) -> Result<(), Violation> {
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

    /// Promise 2 where others write too.
    fn nothing_is_applied_twice_between_foreign_writes(&self) -> Result<(), Violation> {
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
    fn no_invocation_applies_anything_twice(&self) -> Result<(), Violation> {
        let mut made = BTreeMap::new();
        for (n, link) in self.private.iter().enumerate() {
            let name = link.journal.last().filter(|_| !link.version.is_foreign);
            let Some((key, _)) = name.and_then(|name| asked_for(&self.names, name)) else {
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
    fn answers_wait_for_the_public_object(&self) -> Result<(), Violation> {
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
        let decided = decide(&link.club, &operation.request, &occasion);
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

/// The operation that a version names, and the key under which it was applied: another one in its first byte
/// where `one_operation_for_all_attempts` is off.
fn asked_for(
    names: &BTreeMap<Remembered, OperationKey>,
    name: Remembered,
) -> Option<(OperationKey, OperationKey)> {
    if let Some(key) = names.get(&name) {
        return Some((*key, *key));
    }
    let (_, key) = names
        .iter()
        .find(|(known, _)| known.0[1..] == name.0[1..])?;
    let mut as_applied = *key;
    as_applied.0[0] = name.0[0];
    Some((*key, as_applied))
}

fn occasion(key: OperationKey, secret: Secret, invocation: &Invocation) -> Occasion<'static> {
    Occasion {
        now: invocation.now,
        operation: Derived { key, secret },
        test_secret: None,
    }
}

/// The white space by which an operation's history entries are known (`src/store/nonce.rs`).
fn white_space_of(key: OperationKey) -> String {
    let spelt = |byte: u8| [byte >> 6, byte >> 4 & 3, byte >> 2 & 3, byte & 3];
    key.0
        .into_iter()
        .flat_map(spelt)
        .map(|bits| [' ', '\t', '\r', '\n'][usize::from(bits)])
        .collect()
}

/// What a request's way takes at most, in µs.
const MARGIN: Micros = 100_000;
/// Runs take place in its first weeks.
const YEAR: i32 = 2027;
