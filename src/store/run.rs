//! One request on its way: attempts of load, act, commit and publish until one goes through.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::attendance::Recorded;
use super::cache::{Known, Modified, Public};
use super::commit::OpenCommit;
use super::decide::Decided;
use super::nonce::Nonce;
use super::objects::{Read, Unread};
use super::waiting::MAX_PATIENCE;
use super::{Failure, Fault, Request, State, Store, Trace, World};
use crate::actions::{HistoryChange, HistoryRange, Refusal};
use crate::club::operation::{OperationKey, Secret};
use crate::club::recordings::{NoAnswer, Recordings};
use crate::s3::ObjectStore;

/// A request that is being carried out.
pub(super) struct Run<'a, S, W> {
    pub(super) store: &'a Store<S, W>,
    pub(super) trace: &'a mut Trace,
    pub(super) request: Request<'a>,
    pub(super) key: OperationKey,
    /// Seconds since 1970; the same for all attempts.
    pub(super) now: i64,
    /// When it began, by the clock that is never set, and how long it may take from then on: a wall clock
    /// that is set meanwhile changes nothing.
    pub(super) begun: Duration,
    pub(super) patience: Duration,
    /// The last commit of the operation that was sent without an answer that tells what became of it.
    pub(super) open: Option<OpenCommit>,
    /// The answer to the change that this run sent last.
    pub(super) answer: Value,
    /// That change may have taken effect: the run owes its caller the answer, whatever becomes of the caller
    /// meanwhile.
    pub(super) may_have_committed: bool,
    /// The operation has taken effect: the secret beside the list of operations that it is on.
    pub(super) committed: Option<Secret>,
    /// What became of the operation can no longer be told.
    pub(super) is_untold: bool,
    /// There was no club, this request made one, and it is not public yet.
    pub(super) has_made_club: bool,
    /// What this request wrote into the history and would have to put back.
    pub(super) recorded: Option<Recorded>,
    /// Tells this run's history entries from those of other runs of the same operation. Drawn at most once.
    pub(super) entry_nonce: Option<Nonce>,
    /// Drawn at most once, so that all attempts derive the same ids and codes.
    pub(super) fresh_secret: Option<Secret>,
    /// Tries that failed, for whatever reason.
    pub(super) failures: u32,
    /// Of them, those that were S3's fault.
    pub(super) errors: u32,
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
            begun: store.world.monotonic(),
            patience: request
                .deadline
                .duration_since(now)
                .unwrap_or_default()
                .min(MAX_PATIENCE),
            open: None,
            answer: Value::Null,
            may_have_committed: false,
            committed: None,
            is_untold: false,
            has_made_club: false,
            recorded: None,
            entry_nonce: None,
            fresh_secret: None,
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
            let begun = self.store.world.monotonic();
            let decision = self.decide(&known.private)?;
            self.trace.act += self.since(begun);
            if known.is_in_line() {
                self.has_made_club = false;
            }
            // A change is verified by its own condition; everything else must rest on what is newest.
            if let Decided::Change(change, secret) = decision {
                // A history entry is written before that condition is tried: a coach who was removed a moment ago is
                // not to leave one.
                let is_verified = is_fresh || !matches!(change.history, HistoryChange::Record(_));
                if is_verified || self.confirm(&mut known)? == Confirmed::Same {
                    return self.carry_out(known, *change, secret);
                }
                is_fresh = true;
                continue;
            }
            if !is_fresh && self.confirm(&mut known)? == Confirmed::Newer {
                is_fresh = true;
                continue;
            }
            if !known.is_in_line() && self.store.protections.repair_at_load {
                known = self.repair(known)?;
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

    /// Publishes what somebody left unpublished, unless the server keeps too little for it to be safe.
    fn repair(&mut self, known: Known) -> Result<Known, Stop> {
        if !self.flaws()?.is_empty() {
            return Ok(known);
        }
        self.publish(known, false)
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
        let is_entry_all = self.recorded.is_some()
            && self.open.is_none()
            && self.committed.is_none()
            && !self.is_untold
            && !self.has_made_club;
        if is_entry_all && self.put_back().is_ok() {
            return Fault {
                state: State::NothingChanged,
                ..fault
            };
        }
        fault
    }

    /// Reads both objects, and makes a club where there is none (`docs/api.md#initialisation`).
    fn load(&mut self) -> Result<Known, Stop> {
        loop {
            let timeout = self.timeout()?;
            let begun = self.store.world.monotonic();
            let read = self.store.read_both(timeout);
            self.trace.load += self.since(begun);
            match read {
                Ok(known) => return Ok(known),
                // With the club, the list is gone on which an operation without an answer may be.
                Err(Unread::Absent)
                    if self.committed.is_some()
                        || self
                            .open
                            .as_ref()
                            .is_some_and(|open| open.replaced.is_some()) =>
                {
                    self.untold("the club is gone, and the list of operations with it")?;
                }
                Err(Unread::Absent) => return self.initialise(),
                Err(error) => self.later(&error)?,
            }
        }
    }

    /// Makes sure that a cached copy is still the newest version.
    fn confirm(&mut self, known: &mut Known) -> Result<Confirmed, Stop> {
        loop {
            let timeout = self.timeout()?;
            let begun = self.store.world.monotonic();
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
                Ok(Read::Object(newer, last_modified)) => {
                    known.private = Arc::new(newer);
                    known.last_modified = last_modified.map(Modified::At);
                    known.public = self.look_at_public()?;
                    return Ok(Confirmed::Newer);
                }
                Err(Unread::Absent) => return Err(Stop::Again),
                Err(error) => self.later(&error)?,
            }
        }
    }

    pub(super) fn look_at_public(&mut self) -> Result<Public, Stop> {
        loop {
            let timeout = self.timeout()?;
            match self.store.objects.look_at_public(timeout) {
                Ok(public) => return Ok(public),
                Err(error) => self.later(&error)?,
            }
        }
    }

    fn read_history(&mut self, range: &HistoryRange) -> Result<Value, Stop> {
        let mut recordings = Recordings::between(range.start_time, range.end_time);
        for year in range.years.clone() {
            let (history, _) = self.read_year(year)?;
            recordings.add(&history).map_err(|error| match error {
                NoAnswer::NotRead(error) => {
                    Stop::from(self.fault(false, format!("history {error}")))
                }
                NoAnswer::TooLarge => Stop::End(Failure::Refused(Refusal::new(
                    "This is more than one answer holds. Please ask for a shorter period.",
                ))),
            })?;
        }
        Ok(recordings.answer())
    }
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
