//! What all attempts of a request share.
//!
//! The time that is left, the pauses, the operation, and faults that say what became of the change.

use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::cache::Public;
use super::nonce::Nonce;
use super::objects::Unread;
use super::outcome::{self, Progress, Recorded};
use super::patience::Patience;
use super::{Failure, Fault, Request, Store, Trace, World};
use crate::actions::{Action, Occasion};
use crate::club::operation::{Operation, OperationKey, Remembered, Secret};
use crate::s3::ObjectStore;

/// A request that is being carried out.
pub(super) struct Run<'a, S, W> {
    pub(super) store: &'a Store<S, W>,
    pub(super) trace: &'a mut Trace,
    pub(super) request: Request<'a>,
    key: OperationKey,
    /// Seconds since 1970; the same for all attempts.
    now: i64,
    patience: Patience,
    /// What became of the change so far.
    pub(super) progress: Progress,
    /// The answer to the change that this run sent last.
    pub(super) answer: Value,
    /// The secret, and the last operation on the list, of the version that this change was to replace.
    pub(super) sent_after: Option<(Secret, Option<Remembered>)>,
    /// That change may have taken effect. Then the caller must not simply be refused, whatever became of the caller
    /// meanwhile.
    pub(super) may_have_committed: bool,
    /// There was no club, this request made one, and it is not public yet.
    pub(super) has_made_club: bool,
    /// What this request wrote into the history and would have to put back.
    pub(super) recorded: Option<Recorded>,
    /// Tells this run's history entries from those of other runs of the same operation. Drawn at most once.
    pub(super) entry_nonce: Option<Nonce>,
    /// Drawn at most once, so that all attempts derive the same ids and codes.
    fresh_secret: Option<Secret>,
}

impl<'a, S: ObjectStore, W: World> Run<'a, S, W> {
    pub(super) fn new(store: &'a Store<S, W>, request: &Request<'a>, trace: &'a mut Trace) -> Self {
        let now = store.world.now();
        let left = request.deadline.duration_since(now).unwrap_or_default();
        Self {
            store,
            trace,
            request: *request,
            key: OperationKey::new(request.data, request.id),
            now: unix_seconds(now),
            patience: Patience::new(store.world.monotonic(), left),
            progress: Progress::Nothing,
            answer: Value::Null,
            sent_after: None,
            may_have_committed: false,
            has_made_club: false,
            recorded: None,
            entry_nonce: None,
            fresh_secret: None,
        }
    }

    /// Which operation this is.
    pub(super) fn key(&self) -> OperationKey {
        self.key
    }

    pub(super) fn occasion(&self, secret: Secret) -> Occasion<'a> {
        Occasion {
            now: self.now,
            operation: Operation {
                key: self.key(),
                secret,
            },
            test_secret: self.store.test_secret.as_deref(),
        }
    }

    pub(super) fn new_secret(&mut self) -> Result<Secret, Stop> {
        if self.fresh_secret.is_none() {
            self.fresh_secret = self.store.world.random().map(Secret);
        }
        self.fresh_secret
            .ok_or_else(|| self.fault(false, "no random bytes to be had").into())
    }

    /// Random bytes that need not be secure.
    pub(super) fn fresh_nonce(&self) -> Nonce {
        let [a, b, c, d, e, f, g, h, ..] = self.store.world.random().unwrap_or_default();
        [a, b, c, d, e, f, g, h]
    }

    /// What there is to know of the public object.
    pub(super) fn look_at_public(&mut self) -> Result<Public, Stop> {
        loop {
            let timeout = self.timeout()?;
            match self.store.objects.look_at_public(timeout) {
                Ok(public) => return Ok(public),
                Err(error) => self.later(&error)?,
            }
        }
    }

    /// The time since `begun`, by the clock that is never set.
    pub(super) fn since(&self, begun: Duration) -> Duration {
        self.store.world.monotonic().saturating_sub(begun)
    }

    /// The time that is left for a request to S3.
    pub(super) fn timeout(&self) -> Result<Duration, Stop> {
        self.patience
            .left(self.store.world.monotonic())
            .ok_or_else(|| self.gave_up())
    }

    /// Lets some time pass after a passing error; ends with any other.
    pub(super) fn later(&mut self, error: &Unread) -> Result<(), Stop> {
        if !error.is_passing() {
            return Err(self.fault(false, error.to_string()).into());
        }
        self.note(error.to_string());
        self.back_off_from_error()
    }

    /// What the log is to say if the request is given up in the end.
    pub(super) fn note(&mut self, error: String) {
        self.patience.note(error, self.store.world.monotonic());
    }

    /// Lets a little time pass: another writer was faster.
    pub(super) fn back_off_from_conflict(&mut self) -> Result<(), Stop> {
        let share = self.share();
        let pause = self.patience.after_conflict(share);
        self.pause(pause)
    }

    /// Lets more time pass: S3 failed.
    pub(super) fn back_off_from_error(&mut self) -> Result<(), Stop> {
        let share = self.share();
        match self.patience.after_error(share) {
            Some(pause) => self.pause(pause),
            None => Err(self.gave_up()),
        }
    }

    fn pause(&mut self, pause: Duration) -> Result<(), Stop> {
        let pause = pause.min(self.timeout()?);
        self.trace.wait += pause;
        self.store.world.pause(pause);
        Ok(())
    }

    /// From 0 to 1, by chance.
    fn share(&self) -> f64 {
        let [a, b, c, d, ..] = self.fresh_nonce();
        f64::from(u32::from_be_bytes([a, b, c, d])) / f64::from(u32::MAX)
    }

    /// A fault that says what became of the change so far.
    pub(super) fn fault(&self, is_passing: bool, cause: impl Into<String>) -> Fault {
        let asked_for_club =
            self.request.data.text("action") == Some(Action::TriggerInitialization.name());
        let state = outcome::state(
            &self.progress,
            self.has_made_club,
            asked_for_club,
            self.recorded.is_some(),
        );
        Fault::new(state, is_passing, cause)
    }

    /// What became of the change can no longer be told.
    pub(super) fn untold(&mut self, cause: &str) -> Stop {
        self.progress = Progress::Untold;
        self.fault(true, cause).into()
    }

    fn gave_up(&self) -> Stop {
        let (obstacle, cause) = self.patience.obstacle();
        Stop::from(Fault {
            given_up: Some(obstacle),
            ..self.fault(true, cause)
        })
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_count_from_1970_both_ways() {
        let epoch = SystemTime::UNIX_EPOCH;
        assert_eq!(unix_seconds(epoch + Duration::from_millis(2_900)), 2);
        assert_eq!(unix_seconds(epoch), 0);
        assert_eq!(unix_seconds(epoch - Duration::from_secs(2)), -2);
    }
}
