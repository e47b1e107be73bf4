//! How long a request waits, and what it says when it gives up.

use std::time::Duration;

use super::nonce::Nonce;
use super::run::{Run, Stop};
use super::{Fault, Obstacle, State, World};
use crate::actions::Action;
use crate::s3::ObjectStore;

impl<S: ObjectStore, W: World> Run<'_, S, W> {
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
        self.patience
            .checked_sub(self.since(self.begun))
            .and_then(|left| left.checked_sub(DEADLINE_RESERVE))
            .filter(|left| !left.is_zero())
            .ok_or_else(|| self.gave_up().into())
    }

    /// The time since `begun`, by the clock that is never set.
    pub(super) fn since(&self, begun: Duration) -> Duration {
        self.store.world.monotonic().saturating_sub(begun)
    }

    fn gave_up(&self) -> Fault {
        let cause = self
            .last_error
            .as_deref()
            .unwrap_or("others were faster each time");
        let cause = format!("given up after {} failed tries: {cause}", self.failures);
        // The deadline may have cut the last try short, which is an error too.
        let obstacle = if 2 * self.errors < self.failures {
            Obstacle::Conflicts
        } else {
            Obstacle::Errors
        };
        Fault {
            given_up: Some(obstacle),
            ..self.fault(true, cause)
        }
    }

    pub(super) fn fault(&self, is_passing: bool, cause: impl Into<String>) -> Fault {
        Fault::new(self.state(), is_passing, cause)
    }

    /// What became of the change so far.
    fn state(&self) -> State {
        if self.is_untold {
            State::NotKnown
        } else if self.committed.is_some() {
            State::ChangedNotPublic
        } else if self.has_made_club {
            // To somebody who asked for anything else, neither "nothing" nor "the change" would be true.
            let action = self.request.data.text("action");
            if action == Some(Action::TriggerInitialization.name()) {
                State::ChangedNotPublic
            } else {
                State::NotKnown
            }
        } else if self.open.is_some() || self.recorded.is_some() {
            State::NotKnown
        } else {
            State::NothingChanged
        }
    }
}

/// What is kept of the invocation's time to tell the caller how it went.
const DEADLINE_RESERVE: Duration = Duration::from_millis(300);
/// Nobody looks at a waiting page for longer, however much time the function may have.
pub(super) const MAX_PATIENCE: Duration = Duration::from_secs(10);
/// An S3 that fails so often, over some seconds, does so for longer than a caller wants to wait.
const MAX_ERRORS: u32 = 8;
const CONFLICT_PAUSE: Duration = Duration::from_millis(10);
const MAX_CONFLICT_PAUSE: Duration = Duration::from_millis(200);
/// botocore's scale (`botocore/retries/standard.py`).
const ERROR_PAUSE: Duration = Duration::from_millis(50);
const MAX_ERROR_PAUSE: Duration = Duration::from_secs(1);
