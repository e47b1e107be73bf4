//! One request, from the first look at the club to its answer.
//!
//! It makes attempts of load, decide, commit and publish until one goes through.

use std::sync::Arc;

use serde_json::Value;

use super::cache::{Known, Modified};
use super::decide::Decided;
use super::objects::{Read, Unread};
use super::outcome::Progress;
use super::run::{Run, Stop};
use super::server::Server;
use super::{Failure, Fault, State, World};
use crate::actions::{HistoryChange, HistoryRange, Refusal};
use crate::club::recordings::{NoAnswer, Recordings};
use crate::s3::ObjectStore;

impl<S: ObjectStore, W: World> Run<'_, S, W> {
    /// Carries the request out.
    ///
    /// # Errors
    /// As [`Store::apply`](super::Store::apply).
    pub(super) fn complete(mut self) -> Result<Value, Failure> {
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
            if !known.is_in_line() {
                let is_acknowledged = matches!(decision, Decided::Repeated(..));
                known = self.repair(known, is_acknowledged)?;
            }
            self.store.remember(Some(known));
            return match decision {
                Decided::Answer(answer) => Ok(answer),
                Decided::Repeated(answer, years) => {
                    if !years.is_empty() {
                        self.see_to_server()?;
                    }
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

    /// Publishes a version that somebody left unpublished, unless the server is not safe for it.
    ///
    /// `is_acknowledged`: the answer acknowledges a change, which has to be public then. Reads and refusals are served
    /// all the same.
    fn repair(&mut self, known: Known, is_acknowledged: bool) -> Result<Known, Stop> {
        match self.tried_server()? {
            Server::Keeps => self.publish(known, false),
            Server::Unfit(why) if is_acknowledged => Err(self.unfit(why)),
            Server::Unfit(_) => Ok(known),
        }
    }

    /// Whether a copy needs no confirmation.
    fn is_confirmed(&self, known: &Known) -> bool {
        self.request.arrived.is_some_and(|arrived| {
            known.is_recent(self.store.world.now()) && known.was_requested_after(arrived)
        })
    }

    /// If the session was not archived after all, puts its history entry back: then it is true that nothing was
    /// changed.
    fn tidy_up(&mut self, fault: Fault) -> Fault {
        let is_entry_all = self.recorded.is_some()
            && matches!(self.progress, Progress::Nothing)
            && !self.has_made_club;
        if is_entry_all && self.put_back().is_ok() {
            return Fault {
                state: State::NothingChanged,
                ..fault
            };
        }
        fault
    }

    /// Reads both objects, and makes a club if there is none (`docs/api.md#initialisation`).
    fn load(&mut self) -> Result<Known, Stop> {
        loop {
            let timeout = self.timeout()?;
            let begun = self.store.world.monotonic();
            let read = self.store.read_both(timeout);
            self.trace.load += self.since(begun);
            match read {
                Ok(known) => return Ok(known),
                // The list of operations is gone with the club, and this one may have been on it.
                Err(Unread::Absent) if self.progress.needs_the_list() => {
                    return Err(self.untold("the club is gone, and the list of operations with it"));
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
