//! One request on its way: attempts of load, act, commit and publish until one goes through.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::attendance::Recorded;
use super::cache::{Known, Private, Public};
use super::journal::Journal;
use super::nonce::Nonce;
use super::objects::{Read, Unread};
use super::{Failure, Fault, Obstacle, Request, State, Store, Trace, World};
use crate::actions::{self, Change, Decision, HistoryChange, HistoryRange, Occasion, Refusal};
use crate::club::Club;
use crate::club::history::{History, recorded_between};
use crate::club::operation::{Operation, OperationKey, Secret};
use crate::s3::{Condition, ETag, ObjectStore, S3Error};

/// A request that is being carried out.
pub(super) struct Run<'a, S, W> {
    pub(super) store: &'a Store<S, W>,
    pub(super) trace: &'a mut Trace,
    request: Request<'a>,
    key: OperationKey,
    /// Seconds since 1970; the same for all attempts.
    now: i64,
    deadline: SystemTime,
    /// The last commit of the operation that was sent without an answer that tells what became of it.
    open: Option<OpenCommit>,
    /// The operation has taken effect.
    is_committed: bool,
    /// What this request wrote into the history and would have to put back.
    pub(super) recorded: Option<Recorded>,
    /// Drawn at most once, so that all attempts derive the same ids and codes.
    fresh_secret: Option<Secret>,
    are_conditions_tested: bool,
    /// Tries that failed, for whatever reason.
    failures: u32,
    /// Of them, those that were S3's fault.
    errors: u32,
    pub(super) last_error: Option<String>,
}

impl<'a, S: ObjectStore, W: World> Run<'a, S, W> {
    pub(super) fn new(store: &'a Store<S, W>, request: &Request<'a>, trace: &'a mut Trace) -> Self {
        let now = store.world.now();
        Self {
            store,
            trace,
            request: *request,
            key: OperationKey::new(request.data, request.id),
            now: unix_seconds(now),
            deadline: request.deadline.min(now + MAX_PATIENCE),
            open: None,
            is_committed: false,
            recorded: None,
            fresh_secret: None,
            are_conditions_tested: false,
            failures: 0,
            errors: 0,
            last_error: None,
        }
    }

    pub(super) fn serve(mut self) -> Result<Value, Failure> {
        let mut cached = self.store.known();
        loop {
            self.trace.attempts += 1;
            match self.attempt(cached.take()) {
                Ok(answer) => return Ok(answer),
                Err(Stop::Again) => self.store.remember(None),
                Err(Stop::End(Failure::Fault(fault))) => {
                    return Err(Failure::Fault(self.tidy_up(fault)));
                }
                Err(Stop::End(refused)) => return Err(refused),
            }
        }
    }

    fn attempt(&mut self, cached: Option<Known>) -> Result<Value, Stop> {
        let mut is_fresh = cached.as_ref().is_none_or(|known| self.is_confirmed(known));
        let mut known = match cached {
            Some(known) => known,
            None => self.load()?,
        };
        loop {
            let begun = self.store.world.now();
            let decision = self.decide(&known.private)?;
            self.trace.act += self.since(begun);
            // A change is verified by its own condition; everything else must rest on what is newest.
            if let Decided::Change(change, secret) = decision {
                return self.carry_out(known, *change, secret);
            }
            if !is_fresh && self.confirm(&mut known)? == Confirmed::Newer {
                is_fresh = true;
                continue;
            }
            if !known.is_in_line() && self.store.protections.repair_at_load {
                known = self.publish(known, false)?;
            }
            self.store.remember(Some(known));
            return match decision {
                Decided::Answer(answer) => Ok(answer),
                Decided::Repeated(answer, years) => {
                    self.replace_history(&years)?;
                    Ok(answer)
                }
                Decided::Refused(refusal) => {
                    self.put_back()?;
                    Err(Stop::End(Failure::Refused(refusal)))
                }
                Decided::ReadHistory(range) => self.read_history(&range),
                Decided::Change(..) => unreachable!("changes were carried out above"),
            };
        }
    }

    /// Whether a copy needs no confirmation.
    fn is_confirmed(&self, known: &Known) -> bool {
        let protections = self.store.protections;
        let is_no_older = self.request.arrived.is_some_and(|arrived| {
            known.is_recent(self.store.world.now())
                && (known.was_requested_after(arrived)
                    || !protections.earlier_copies_are_unconfirmed)
        });
        is_no_older || !protections.confirm_cached_copies
    }

    /// Puts a history entry back whose session was not archived after all, so that it is true that
    /// nothing was changed.
    fn tidy_up(&mut self, fault: Fault) -> Fault {
        if fault.state == State::NotKnown && self.open.is_none() && self.put_back().is_ok() {
            return Fault {
                state: State::NothingChanged,
                ..fault
            };
        }
        fault
    }

    /// What the request does to this version.
    fn decide(&mut self, private: &Private) -> Result<Decided, Stop> {
        self.settle_open_commit(private)?;
        let secret = match private.journal.secret() {
            Some(secret) => secret,
            None => self.new_secret()?,
        };
        let occasion = self.occasion(secret);
        if self.store.protections.look_for_own_operation && private.journal.contains(self.key()) {
            self.is_committed = true;
            self.recorded = None;
            return Ok(
                match actions::repeat(&private.club, self.request.data, &occasion) {
                    Ok(answer) => {
                        Decided::Repeated(answer, self.missing_history(private, &occasion))
                    }
                    Err(refusal) => Decided::Refused(refusal),
                },
            );
        }
        let decision = actions::decide(&private.club, self.request.data, &occasion);
        Ok(match decision {
            Ok(Decision::Change(change)) => Decided::Change(change, secret),
            Ok(Decision::Answer(answer)) => Decided::Answer(answer),
            Ok(Decision::ReadHistory(range)) => Decided::ReadHistory(range),
            Err(refusal) => Decided::Refused(refusal),
        })
    }

    /// The years that a repeated operation was still to replace, in case it was cut short after its
    /// commit. Only while nothing was committed since: attendance taken meanwhile must not be lost.
    fn missing_history(
        &self,
        private: &Private,
        occasion: &Occasion<'_>,
    ) -> BTreeMap<i32, History> {
        if private.journal.last() == Some(self.key()) {
            actions::replaced_history(self.request.data, occasion)
        } else {
            BTreeMap::new()
        }
    }

    /// What became of a commit without an answer, now that a later version was read.
    fn settle_open_commit(&mut self, private: &Private) -> Result<(), Stop> {
        let Some(open) = &self.open else {
            return Ok(());
        };
        if private.etag == open.replaced {
            // Not applied so far. It may be yet; then the redo's condition fails.
            return Ok(());
        }
        if private.journal.secret() != Some(open.secret) {
            // Somebody wrote over the club who dropped the list of operations: whether ours was on it
            // can no longer be told, and it must not take effect twice.
            return Err(self.fault(true, "the list of operations is gone").into());
        }
        // Ours is on the list, or will never be applied: what it was to replace is gone for good.
        self.open = None;
        Ok(())
    }

    fn carry_out(
        &mut self,
        mut known: Known,
        change: Change,
        secret: Secret,
    ) -> Result<Value, Stop> {
        let is_history_first = self.store.protections.history_before_club;
        if let (HistoryChange::Record(record), true) = (&change.history, is_history_first) {
            self.record(record)?;
        }
        if known.private.journal.secret().is_none() && !self.are_conditions_tested {
            self.test_conditions(&known.private)?;
        }
        let key = self.key();
        let journal = known.private.journal.with(secret, key);
        let private = self.commit(change.club, journal, Some(&known.private.etag))?;
        self.is_committed = true;
        known.private = Arc::new(private);
        known.last_modified = None;
        // Whatever happens from here on, the next request sees that the public object lags behind.
        self.store.remember(Some(known.clone()));
        if let (HistoryChange::Record(record), false) = (&change.history, is_history_first) {
            self.record(record)?;
        }
        let known = self.publish(known, true)?;
        self.store.remember(Some(known));
        if let HistoryChange::Replace(years) = &change.history {
            self.replace_history(years)?;
        }
        Ok(change.answer)
    }

    /// Reads both objects, and makes a club where there is none (`api.md` section 5,
    /// "Initialisation").
    fn load(&mut self) -> Result<Known, Stop> {
        loop {
            let timeout = self.timeout()?;
            let begun = self.store.world.now();
            let read = self.store.read_both(timeout);
            self.trace.load += self.since(begun);
            match read {
                Ok(known) => return Ok(known),
                Err(Unread::Absent) => return self.initialise(),
                Err(error) => self.later(&error)?,
            }
        }
    }

    fn initialise(&mut self) -> Result<Known, Stop> {
        let timeout = self.timeout()?;
        let requested = self.store.world.now();
        let public = match self.store.objects.look_at_public(timeout) {
            Ok(public) => public,
            Err(error) => return self.later(&error).and(Err(Stop::Again)),
        };
        let secret = self.new_secret()?;
        let club = Club::initial(&self.occasion(secret).operation);
        let written = self.commit(club, Journal::new(secret), None);
        // Making the club is no part of the operation.
        self.open = None;
        let known = Known {
            private: Arc::new(written?),
            public,
            requested,
            last_modified: None,
        };
        // A fault of publishing is to say that a change was made: there is a club now.
        self.is_committed = true;
        let published = self.publish(known, true);
        self.is_committed = false;
        published
    }

    /// Writes the private object over the version `replaced`, or where there is none.
    fn commit(
        &mut self,
        club: Club,
        journal: Journal,
        replaced: Option<&ETag>,
    ) -> Result<Private, Stop> {
        let condition = match replaced {
            _ if !self.store.protections.commit_condition => Condition::Always,
            Some(etag) => Condition::Match(etag),
            None => Condition::Absent,
        };
        let nonce = self.key().0;
        let mut was_lost = false;
        loop {
            let timeout = self.timeout()?;
            let begun = self.store.world.now();
            let written = self
                .store
                .objects
                .write_private(&club, &journal, nonce, condition, timeout);
            self.trace.commit += self.since(begun);
            let error = match written {
                Ok(etag) => {
                    return Ok(Private {
                        club,
                        etag,
                        journal,
                    });
                }
                Err(error) => error,
            };
            if !self.store.protections.look_after_lost_answer {
                if !error.surely_not_applied() {
                    was_lost = true;
                    self.back_off_from_error()?;
                    continue;
                }
                if was_lost && error.is_conflict() {
                    let etag = ETag(String::new());
                    return Ok(Private {
                        club,
                        etag,
                        journal,
                    });
                }
            }
            return Err(self.look_again(&error, &journal, replaced));
        }
    }

    /// What follows from a commit that failed, or may have.
    fn look_again(&mut self, error: &S3Error, journal: &Journal, replaced: Option<&ETag>) -> Stop {
        if let (false, Some(secret), Some(etag)) =
            (error.surely_not_applied(), journal.secret(), replaced)
        {
            self.open = Some(OpenCommit {
                secret,
                replaced: etag.clone(),
            });
        }
        let cause = format!("writing private data.json: {error}");
        let waited = match error {
            // Absent: it was deleted meanwhile (research 2.1).
            S3Error::PreconditionFailed | S3Error::Conflict | S3Error::Absent => {
                self.back_off_from_conflict()
            }
            // BadAnswer: by all signs it was written.
            error if error.is_passing() || matches!(error, S3Error::BadAnswer { .. }) => {
                self.back_off_from_error()
            }
            _ => return self.fault(false, cause).into(),
        };
        self.last_error = Some(cause);
        waited.err().unwrap_or(Stop::Again)
    }

    /// Whether S3 heeds conditions, tried where a club comes under this protocol for the first time:
    /// an S3-compatible server that does not cannot keep the promises.
    fn test_conditions(&mut self, private: &Private) -> Result<(), Stop> {
        self.are_conditions_tested = true;
        let timeout = self.timeout()?;
        let nobody = ETag("\"00000000000000000000000000000000\"".to_owned());
        let written = self.store.objects.write_private(
            &private.club,
            &private.journal,
            self.key().0,
            Condition::Match(&nobody),
            timeout,
        );
        if written.is_ok() {
            self.trace.warnings.push(
                "this S3-compatible server ignores If-Match: changes may get lost where several are \
                 made at once",
            );
            return Err(Stop::Again);
        }
        Ok(())
    }

    /// Makes sure that a cached copy is still the newest version.
    fn confirm(&mut self, known: &mut Known) -> Result<Confirmed, Stop> {
        loop {
            let timeout = self.timeout()?;
            let begun = self.store.world.now();
            let read = self
                .store
                .objects
                .read_private(&known.private.etag, timeout);
            self.trace.load += self.since(begun);
            match read {
                Ok(Read::NotModified(last_modified)) => {
                    if known.is_restored(last_modified) {
                        known.public = self.look_at_public()?;
                    }
                    return Ok(Confirmed::Same);
                }
                Ok(Read::Object(newer)) => {
                    known.private = Arc::new(newer);
                    known.last_modified = None;
                    known.public = self.look_at_public()?;
                    return Ok(Confirmed::Newer);
                }
                Err(Unread::Absent) => return Err(Stop::Again),
                Err(error) => self.later(&error)?,
            }
        }
    }

    fn look_at_public(&mut self) -> Result<Public, Stop> {
        loop {
            let timeout = self.timeout()?;
            match self.store.objects.look_at_public(timeout) {
                Ok(public) => return Ok(public),
                Err(error) => self.later(&error)?,
            }
        }
    }

    fn read_history(&mut self, range: &HistoryRange) -> Result<Value, Stop> {
        let years = range.years.clone().map(|year| Ok(self.read_year(year)?.0));
        let years = years.collect::<Result<Vec<_>, Stop>>()?;
        recorded_between(&years, range.start_time, range.end_time)
            .map_err(|error| self.fault(false, format!("history {error}")).into())
    }

    /// Which operation this is.
    pub(super) fn key(&self) -> OperationKey {
        if self.store.protections.one_operation_for_all_attempts {
            return self.key;
        }
        let mut bytes = self.key.0;
        bytes[..4].copy_from_slice(&self.trace.attempts.to_be_bytes());
        OperationKey(bytes)
    }

    fn occasion(&self, secret: Secret) -> Occasion<'a> {
        Occasion {
            now: self.now,
            operation: Operation {
                key: self.key(),
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

    /// Waits a little, so that of several writers not all come back at once.
    pub(super) fn back_off_from_conflict(&mut self) -> Result<(), Stop> {
        self.back_off(CONFLICT_PAUSE, MAX_CONFLICT_PAUSE)
    }

    /// Waits longer: S3 is busy, or cannot be reached.
    pub(super) fn back_off_from_error(&mut self) -> Result<(), Stop> {
        self.errors += 1;
        if self.errors > MAX_ERRORS {
            return Err(self.gave_up().into());
        }
        self.back_off(ERROR_PAUSE, MAX_ERROR_PAUSE)
    }

    /// Full jitter: anything from nothing to a bound that doubles with every failure.
    fn back_off(&mut self, first: Duration, most: Duration) -> Result<(), Stop> {
        let bound = first.saturating_mul(1 << self.failures.min(16)).min(most);
        self.failures += 1;
        let [a, b, c, d, ..] = self.fresh_nonce();
        let share = f64::from(u32::from_be_bytes([a, b, c, d])) / f64::from(u32::MAX);
        let pause = bound.mul_f64(share).min(self.timeout()?);
        self.trace.wait += pause;
        self.store.world.pause(pause);
        Ok(())
    }

    /// Random bytes that need not be secure.
    pub(super) fn fresh_nonce(&self) -> Nonce {
        let [a, b, c, d, e, f, g, h, ..] = self.store.world.random().unwrap_or_default();
        [a, b, c, d, e, f, g, h]
    }

    /// The time that is left for a request to S3.
    pub(super) fn timeout(&self) -> Result<Duration, Stop> {
        let left = self
            .deadline
            .duration_since(self.store.world.now())
            .ok()
            .and_then(|left| left.checked_sub(DEADLINE_RESERVE))
            .filter(|left| !left.is_zero());
        left.ok_or_else(|| self.gave_up().into())
    }

    fn gave_up(&self) -> Fault {
        let cause = self
            .last_error
            .as_deref()
            .unwrap_or("others were faster each time");
        let cause = format!("given up after {} failed tries: {cause}", self.failures);
        let obstacle = if self.errors == 0 && self.failures > 0 {
            Obstacle::Conflicts
        } else {
            Obstacle::Errors
        };
        Fault {
            given_up: Some(obstacle),
            ..self.fault(true, cause)
        }
    }

    /// The wall clock may be set back meanwhile: then a step took no time.
    pub(super) fn since(&self, begun: SystemTime) -> Duration {
        self.store
            .world
            .now()
            .duration_since(begun)
            .unwrap_or_default()
    }

    pub(super) fn fault(&self, is_passing: bool, cause: impl Into<String>) -> Fault {
        let state = if self.is_committed {
            State::ChangedNotPublic
        } else if self.open.is_some() || self.recorded.is_some() {
            State::NotKnown
        } else {
            State::NothingChanged
        };
        Fault::new(state, is_passing, cause)
    }
}

/// What the request does.
enum Decided {
    Change(Box<Change>, Secret),
    Answer(Value),
    /// The operation took effect before; these years may still have to be replaced.
    Repeated(Value, BTreeMap<i32, History>),
    Refused(Refusal),
    ReadHistory(HistoryRange),
}

/// A commit that may have been applied, or may be yet.
struct OpenCommit {
    /// The secret beside the list of operations that it would be on.
    secret: Secret,
    /// The version that it was to replace.
    replaced: ETag,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Confirmed {
    Same,
    Newer,
}

/// Why an attempt ended without an answer.
pub(super) enum Stop {
    /// Another instance was faster, or an outcome is open: look again.
    Again,
    /// Another attempt would not help.
    End(Failure),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::End(Failure::Fault(fault))
    }
}

fn unix_seconds(time: SystemTime) -> i64 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_secs()).unwrap_or(i64::MAX),
    }
}

/// What is kept of the invocation's time to tell the caller how it went.
const DEADLINE_RESERVE: Duration = Duration::from_millis(300);
/// Nobody looks at a waiting page for longer, however much time the function may have.
const MAX_PATIENCE: Duration = Duration::from_secs(10);
/// An S3 that fails so often, over some seconds, does so for longer than a caller wants to wait.
const MAX_ERRORS: u32 = 8;
const CONFLICT_PAUSE: Duration = Duration::from_millis(10);
const MAX_CONFLICT_PAUSE: Duration = Duration::from_millis(200);
/// botocore's scale (research 2.3).
const ERROR_PAUSE: Duration = Duration::from_millis(50);
const MAX_ERROR_PAUSE: Duration = Duration::from_secs(1);
