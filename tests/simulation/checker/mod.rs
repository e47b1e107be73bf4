//! Whether a run kept the promises (`docs/protocol.md#promises`), by the chains of versions that it left.
//!
//! * `changes`: every change is replayed in the order of the chain, through the pure rules
//! * `answers`: every answer, refusal and fault is compared with what this sequence says
//! * `public`: the public object, and who reads it
//! * `history`, `resets`: the objects of the years
//! * `foreign`: what holds where others write too
//! * `names`: which operation a version names

mod answers;
mod changes;
mod foreign;
mod history;
mod names;
mod public;
mod resets;

use std::cell::OnceCell;
use std::collections::BTreeMap;

use dojang::actions::{Decision, Occasion, decide};
use dojang::club::Club;
use dojang::club::history::{History, object_key};
use dojang::club::operation::{Operation as Derived, OperationKey, Secret};
use dojang::club::projection::public_json;
use dojang::club::stored::read_club;
use dojang::store::journal::Journal;

use crate::record::{DATA, Invocation, Operation, Outcome, PRIVATE, PUBLIC, Record};
use crate::s3::Version;
use crate::scheduler::Micros;
use crate::workload::TEST_SECRET;
use names::Names;

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
        checker.entries_are_permitted()?;
        checker.resets_are_whole()?;
        checker.readers_never_go_back()?;
    } else {
        checker.nothing_is_applied_twice_between_foreign_writes()?;
        checker.no_invocation_applies_anything_twice()?;
        checker.who_is_told_that_nothing_was_changed_changed_nothing()?;
        checker.answers_wait_for_the_public_object()?;
    }
    checker.public_never_goes_back()?;
    checker.public_is_in_line_in_the_end()?;
    checker.all_are_in_time()?;
    checker.no_server_is_blamed()?;
    Ok(checker.statistics())
}

/// What a run consisted of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Statistics {
    pub(crate) changes: usize,
    /// Faults and everything else, by name.
    pub(crate) happened: BTreeMap<String, usize>,
}

impl Statistics {
    pub(crate) fn add(&mut self, other: &Self) {
        self.changes += other.changes;
        for (what, count) in &other.happened {
            *self.happened.entry(what.clone()).or_default() += count;
        }
    }

    pub(crate) fn count(&self, what: &str) -> usize {
        self.happened.get(what).copied().unwrap_or(0)
    }
}

struct Checker<'a> {
    record: &'a Record,
    private: Vec<Link>,
    public: Vec<Version>,
    /// The versions of the one year that attendance falls in.
    history: Vec<Year>,
    names: Names,
    /// Where in the chain each operation took effect, and under which key: more than once only where the list had
    /// forgotten it.
    committed: BTreeMap<OperationKey, Vec<(usize, OperationKey)>>,
}

/// A version of the history of a year, read.
struct Year {
    history: History,
    written: Micros,
    author: u64,
}

/// A version of the private object, read.
struct Link {
    club: Club,
    public: OnceCell<Vec<u8>>,
    journal: Journal,
    version: Version,
}

impl Link {
    /// What the public object has to be for this version.
    fn public(&self) -> &[u8] {
        self.public.get_or_init(|| public_json(&self.club))
    }
}

impl<'a> Checker<'a> {
    fn new(record: &'a Record) -> Result<Self, Violation> {
        let mut private = Vec::new();
        for version in record.s3.chain(PRIVATE, DATA) {
            let club = if version.is_deleted {
                Club::default()
            } else {
                read_club(&version.bytes).map_err(|error| format!("unreadable: {error}"))?
            };
            private.push(Link {
                club,
                public: OnceCell::new(),
                journal: Journal::from_metadata(&version.metadata),
                version,
            });
        }
        let mut names = Names::default();
        for link in &private {
            names.add(link.journal.secret(), record.operations.keys());
        }
        let mut committed = BTreeMap::<_, Vec<_>>::new();
        for (n, link) in private.iter().enumerate() {
            if !link.version.is_foreign
                && let Some((key, as_applied)) = names.asked_for(&link.journal)
            {
                committed.entry(key).or_default().push((n, as_applied));
            }
        }
        let history = record
            .s3
            .chain(PRIVATE, &object_key(YEAR))
            .iter()
            .map(|version| match History::read(&version.bytes) {
                Ok(history) => Ok(Year {
                    history,
                    written: version.written,
                    author: version.author,
                }),
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

    /// Promise 6.
    fn all_are_in_time(&self) -> Result<(), Violation> {
        let mut invocations = self.invocations();
        match invocations.find(|i| i.end - i.start + FOR_THE_ANSWER > i.limit) {
            Some(late) => {
                let taken = late.end - late.start;
                Err(format!("{taken} µs until an answer: {late:?}"))
            }
            None => Ok(()),
        }
    }

    /// The server keeps all that it must, and is blamed only where it refuses to be tried.
    fn no_server_is_blamed(&self) -> Result<(), Violation> {
        let mut invocations = self.invocations();
        let is_blamed = |i: &&Invocation| matches!(i.outcome, Outcome::BadServer(_));
        match invocations.find(|i| is_blamed(i) && !i.is_probe_refused) {
            Some(invocation) => Err(format!("a false alarm: {invocation:?}")),
            None => Ok(()),
        }
    }

    fn statistics(&self) -> Statistics {
        let mut happened = self.record.s3.happened();
        let mut count = |what: &str, n| *happened.entry(what.to_owned()).or_default() += n;
        for operation in self.record.operations.values() {
            count("repeated", operation.invocations.len().saturating_sub(1));
        }
        for invocation in self.invocations() {
            let what = match invocation.outcome {
                Outcome::Answer(_) => "answered",
                Outcome::Refused(_) => "refused",
                Outcome::Fault(_) | Outcome::BadServer(_) => "ended in a fault",
                Outcome::Killed => "killed",
            };
            count(what, 1);
        }
        Statistics {
            changes: self.private.len().saturating_sub(1),
            happened,
        }
    }

    fn invocations(&self) -> impl Iterator<Item = &Invocation> {
        let operations = self.record.operations.values();
        operations.flat_map(|operation| &operation.invocations)
    }

    /// The version as which an operation had taken effect by then.
    fn committed_by(&self, key: OperationKey, at: Micros) -> Option<(usize, OperationKey)> {
        let commits = self.committed.get(&key)?.iter();
        let mut before = commits.filter(|(n, _)| self.private[*n].version.written <= at);
        before.next_back().copied()
    }

    /// The first version as which this invocation made its operation's change.
    fn made_by(&self, key: OperationKey, invocation: &Invocation) -> Option<usize> {
        let mut commits = self.committed.get(&key)?.iter().map(|(n, _)| *n);
        commits.find(|n| self.private[*n].version.author == invocation.id)
    }

    fn decided(
        &self,
        link: &Link,
        key: OperationKey,
        operation: &Operation,
        invocation: &Invocation,
    ) -> Option<Result<Decision, String>> {
        let occasion = occasion(key, link.journal.secret()?, invocation);
        let decided = decide(&link.club, operation.data(), &occasion);
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
}

fn occasion(key: OperationKey, secret: Secret, invocation: &Invocation) -> Occasion<'static> {
    Occasion {
        now: invocation.now,
        operation: Derived { key, secret },
        test_secret: Some(TEST_SECRET),
    }
}

/// What is kept of an invocation's time, in µs (`src/store/patience.rs`).
const FOR_THE_ANSWER: Micros = 300_000;
/// Runs take place in its first weeks.
const YEAR: i32 = 2027;
