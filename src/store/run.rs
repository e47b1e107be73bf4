//! One request on its way: attempts of load, act, commit and publish until one goes through.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

use super::journal::Journal;
use super::objects::ReadError;
use super::{Failure, Fault, State, Steps, Store, World};
use crate::actions::{self, AttendanceRecord, Change, Decision, HistoryChange, Occasion, Refusal};
use crate::club::Club;
use crate::club::history::{History, recorded_between};
use crate::club::operation::{Operation, OperationKey, Secret};
use crate::s3::{Condition, ETag, ObjectStore, S3Error};

/// A request that is being carried out.
pub(super) struct Run<'a, S, W> {
    store: &'a Store<S, W>,
    request: &'a Map<String, Value>,
    key: OperationKey,
    /// Seconds since 1970; the same for all attempts.
    now: i64,
    deadline: SystemTime,
    /// A write of the operation was sent, and it is not known whether it was applied.
    may_be_applied: bool,
    /// The version that the last write of the operation was to replace.
    replaced: Option<ETag>,
    /// Drawn at most once, so that all attempts derive the same ids and codes.
    fresh_secret: Option<Secret>,
    steps: &'a mut Steps,
}

impl<'a, S: ObjectStore, W: World> Run<'a, S, W> {
    pub(super) fn new(
        store: &'a Store<S, W>,
        request: &'a Map<String, Value>,
        request_id: &str,
        deadline: SystemTime,
        steps: &'a mut Steps,
    ) -> Self {
        Self {
            store,
            request,
            key: OperationKey::new(request, request_id),
            now: unix_seconds(store.world.now()),
            deadline,
            may_be_applied: false,
            replaced: None,
            fresh_secret: None,
            steps,
        }
    }

    pub(super) fn serve(mut self) -> Result<Value, Failure> {
        let mut last = self.fault(true, "no time was left for an attempt");
        for _ in 0..MAX_ATTEMPTS {
            match self.attempt() {
                Ok(answer) => return Ok(answer),
                Err(Stop::Again(fault)) => last = fault,
                Err(Stop::End(failure)) => return Err(failure),
            }
        }
        Err(Failure::Fault(last))
    }

    fn attempt(&mut self) -> Result<Value, Stop> {
        let loaded = self.load()?;
        let secret = match loaded.journal.secret() {
            Some(secret) => secret,
            // Somebody wrote over the club who dropped the list of operations: whether ours took
            // effect before can no longer be told, and it must not take effect twice.
            None if self.may_be_applied && self.replaced.as_ref() != Some(&loaded.etag) => {
                return Err(self.fault(true, "the list of operations is gone").into());
            }
            None => self.new_secret()?,
        };
        let occasion = self.occasion(secret);
        if loaded.journal.contains(self.key) {
            self.publish(&loaded.club)?;
            return Ok(actions::repeat(&loaded.club, self.request, &occasion)?);
        }
        let begun = self.store.world.now();
        let decision = actions::decide(&loaded.club, self.request, &occasion);
        self.steps.act += self.since(begun);
        match decision? {
            Decision::Answer(answer) => Ok(answer),
            Decision::ReadHistory(range) => {
                let years = range.years.map(|year| Ok(self.read_year(year)?.0));
                let years = years.collect::<Result<Vec<_>, Stop>>()?;
                recorded_between(&years, range.start_time, range.end_time)
                    .map_err(|error| self.fault(false, format!("history: {error}")).into())
            }
            Decision::Change(change) => self.carry_out(&loaded, secret, *change),
        }
    }

    fn carry_out(
        &mut self,
        loaded: &Loaded,
        secret: Secret,
        change: Change,
    ) -> Result<Value, Stop> {
        // A session must never be archived without its entry in the history.
        if let HistoryChange::Record(record) = &change.history {
            self.record(record)?;
        }
        if change.club != loaded.club {
            let journal = loaded.journal.with(secret, self.key);
            self.replaced = Some(loaded.etag.clone());
            self.commit(&change.club, &journal, Condition::Match(&loaded.etag))?;
            self.publish(&change.club)?;
        }
        if let HistoryChange::Replace(years) = &change.history {
            self.replace_history(years)?;
        }
        Ok(change.answer)
    }

    /// Reads the club, and makes one where there is none (`api.md` section 5, "Initialisation").
    fn load(&mut self) -> Result<Loaded, Stop> {
        let timeout = self.timeout()?;
        let begun = self.store.world.now();
        let read = self.store.objects.read_club(timeout);
        self.steps.load += self.since(begun);
        match read {
            Ok((club, head)) => {
                let journal = Journal::from_metadata(&head.metadata);
                Ok(Loaded {
                    club,
                    etag: head.etag,
                    journal,
                })
            }
            Err(ReadError::Absent) => {
                let secret = self.new_secret()?;
                let club = Club::initial(&self.occasion(secret).operation);
                let journal = Journal::new(secret);
                let may_be_applied = self.may_be_applied;
                let written = self.commit(&club, &journal, Condition::Absent);
                // Making the club is no part of the operation.
                self.may_be_applied = may_be_applied;
                let etag = written?;
                self.publish(&club)?;
                Ok(Loaded {
                    club,
                    etag,
                    journal,
                })
            }
            Err(error) => Err(self.fault(error.is_passing(), error.to_string()).into()),
        }
    }

    fn commit(
        &mut self,
        club: &Club,
        journal: &Journal,
        condition: Condition<'_>,
    ) -> Result<ETag, Stop> {
        let timeout = self.timeout()?;
        let begun = self.store.world.now();
        let written = self
            .store
            .objects
            .write_private(club, journal, condition, timeout);
        self.steps.commit += self.since(begun);
        written.map_err(|error| {
            self.may_be_applied |= !error.surely_not_applied();
            self.stop("writing private data.json", &error)
        })
    }

    /// Writes the public object: now that the private one is written, until time is up.
    fn publish(&mut self, club: &Club) -> Result<(), Stop> {
        let mut last = Fault::new(State::ChangedNotPublic, true, "no time was left to publish");
        for _ in 0..MAX_PUBLISH_ATTEMPTS {
            let Ok(timeout) = self.timeout() else { break };
            let begun = self.store.world.now();
            let written = self.store.objects.write_public(club, timeout);
            self.steps.publish += self.since(begun);
            let Err(error) = written else { return Ok(()) };
            last = not_public("writing public data.json", &error);
            if !error.is_passing() {
                break;
            }
        }
        Err(last.into())
    }

    /// Sets the entry of a session in the history.
    fn record(&mut self, record: &AttendanceRecord) -> Result<(), Stop> {
        let (before, etag) = self.read_year(record.year)?;
        let mut after = before.clone();
        after.record(&record.session, &record.participants);
        if after.same_as(&before) {
            return Ok(());
        }
        let condition = etag.as_ref().map_or(Condition::Absent, Condition::Match);
        let timeout = self.timeout()?;
        let begun = self.store.world.now();
        let written = self
            .store
            .objects
            .write_history(record.year, &after, condition, timeout);
        self.steps.act += self.since(begun);
        written
            .map(|_| ())
            .map_err(|error| self.stop("writing the history", &error))
    }

    /// Replaces whole years of the history, after the club that they belong to was written.
    fn replace_history(&mut self, years: &BTreeMap<i32, History>) -> Result<(), Stop> {
        for (&year, history) in years {
            let timeout = self.timeout()?;
            let begun = self.store.world.now();
            let written =
                self.store
                    .objects
                    .write_history(year, history, Condition::Always, timeout);
            self.steps.act += self.since(begun);
            written.map_err(|error| not_public("writing the history", &error))?;
        }
        Ok(())
    }

    /// The history of a year, empty where there is none yet.
    fn read_year(&mut self, year: i32) -> Result<(History, Option<ETag>), Stop> {
        let timeout = self.timeout()?;
        let begun = self.store.world.now();
        let read = self.store.objects.read_history(year, timeout);
        self.steps.act += self.since(begun);
        match read {
            Ok((history, head)) => Ok((history, Some(head.etag))),
            Err(ReadError::Absent) => Ok((History::default(), None)),
            Err(error) => Err(self.fault(error.is_passing(), error.to_string()).into()),
        }
    }

    fn occasion(&self, secret: Secret) -> Occasion<'a> {
        Occasion {
            now: self.now,
            operation: Operation {
                key: self.key,
                secret,
            },
            test_secret: self.store.test_secret.as_deref(),
        }
    }

    fn new_secret(&mut self) -> Result<Secret, Stop> {
        if self.fresh_secret.is_none() {
            self.fresh_secret = self.store.world.random().map(Secret);
        }
        self.fresh_secret
            .ok_or_else(|| self.fault(false, "no random bytes to be had").into())
    }

    /// The time that is left for a request to S3.
    fn timeout(&self) -> Result<Duration, Stop> {
        self.deadline
            .duration_since(self.store.world.now())
            .ok()
            .and_then(|left| left.checked_sub(DEADLINE_RESERVE))
            .filter(|left| !left.is_zero())
            .ok_or_else(|| self.fault(true, "the invocation's time is up").into())
    }

    /// The wall clock may be set back meanwhile: then a step took no time.
    fn since(&self, begun: SystemTime) -> Duration {
        self.store
            .world
            .now()
            .duration_since(begun)
            .unwrap_or_default()
    }

    /// Whether to go on after a failed write.
    fn stop(&self, what: &str, error: &S3Error) -> Stop {
        let fault = self.fault(error.is_passing(), format!("{what}: {error}"));
        match error {
            S3Error::PreconditionFailed | S3Error::Conflict | S3Error::OutcomeUnknown { .. } => {
                Stop::Again(fault)
            }
            // The object was deleted meanwhile (research 2.1), or it was written after all.
            S3Error::Absent | S3Error::BadAnswer { .. } => Stop::Again(fault),
            _ => fault.into(),
        }
    }

    /// A fault before the operation is known to have taken effect.
    fn fault(&self, is_passing: bool, cause: impl Into<String>) -> Fault {
        let state = if self.may_be_applied {
            State::NotKnown
        } else {
            State::NothingChanged
        };
        Fault::new(state, is_passing, cause)
    }
}

/// The club as it is stored.
struct Loaded {
    club: Club,
    etag: ETag,
    journal: Journal,
}

/// Why an attempt ended without an answer.
enum Stop {
    /// Another instance was faster, or an outcome is open: look again.
    Again(Fault),
    /// Another attempt would not help.
    End(Failure),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::End(Failure::Fault(fault))
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::End(Failure::Refused(refusal))
    }
}

fn not_public(what: &str, error: &S3Error) -> Fault {
    Fault::new(
        State::ChangedNotPublic,
        error.is_passing(),
        format!("{what}: {error}"),
    )
}

fn unix_seconds(time: SystemTime) -> i64 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_secs()).unwrap_or(i64::MAX),
    }
}

/// What is kept of the invocation's time to tell the caller how it went.
const DEADLINE_RESERVE: Duration = Duration::from_millis(300);
/// More than the instances of a club that could be faster than us within one deadline.
const MAX_ATTEMPTS: usize = 200;
const MAX_PUBLISH_ATTEMPTS: usize = 3;
