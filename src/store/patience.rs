//! How long a request waits between tries, and when it gives up. Pure: the time and chance are arguments.

use std::time::Duration;

use super::Obstacle;

/// The patience of one request. Times are those of a clock that is never set, so a wall clock that is set meanwhile
/// changes nothing.
#[derive(Debug)]
pub(super) struct Patience {
    begun: Duration,
    limit: Duration,
    /// Tries that failed, for whatever reason.
    failures: u32,
    /// Of them, those that were S3's fault.
    errors: u32,
    last_error: Option<String>,
}

impl Patience {
    /// From now on, until the invocation ends in `left`.
    pub(super) fn new(begun: Duration, left: Duration) -> Self {
        Self {
            begun,
            limit: left.min(MAX_PATIENCE),
            failures: 0,
            errors: 0,
            last_error: None,
        }
    }

    /// The time that is left for a request to S3; `None`: there is none.
    pub(super) fn left(&self, now: Duration) -> Option<Duration> {
        self.limit
            .checked_sub(now.saturating_sub(self.begun))
            .and_then(|left| left.checked_sub(DEADLINE_RESERVE))
            .filter(|left| !left.is_zero())
    }

    /// What went wrong last, for the log. The deadline may have cut the last try short: then what went wrong before
    /// says more.
    pub(super) fn note(&mut self, error: String, now: Duration) {
        self.last_error = Some(match self.last_error.take() {
            Some(before) if self.left(now).is_none() => {
                format!("{before}; at the deadline: {error}")
            }
            _ => error,
        });
    }

    /// The pause after another writer was faster: a little, so that not all come back at once. `share`, from 0 to 1,
    /// is drawn by chance.
    pub(super) fn after_conflict(&mut self, share: f64) -> Duration {
        self.after(CONFLICT_PAUSE, MAX_CONFLICT_PAUSE, share)
    }

    /// The pause after S3 failed, longer: it is busy, or cannot be reached. `None`: it has failed too often.
    pub(super) fn after_error(&mut self, share: f64) -> Option<Duration> {
        self.errors += 1;
        (self.errors <= MAX_ERRORS).then(|| self.after(ERROR_PAUSE, MAX_ERROR_PAUSE, share))
    }

    /// Full jitter: anything from nothing to a bound that doubles with every failure.
    fn after(&mut self, first: Duration, most: Duration, share: f64) -> Duration {
        let bound = first.saturating_mul(1 << self.failures.min(16)).min(most);
        self.failures += 1;
        bound.mul_f64(share)
    }

    /// What was in the way, once it is at an end.
    pub(super) fn obstacle(&self) -> (Obstacle, String) {
        let cause = self
            .last_error
            .as_deref()
            .unwrap_or("others were faster each time");
        // The deadline may have cut the last try short, which is an error too.
        let obstacle = if 2 * self.errors < self.failures {
            Obstacle::Conflicts
        } else {
            Obstacle::Errors
        };
        let tries = self.failures;
        (
            obstacle,
            format!("given up after {tries} failed tries: {cause}"),
        )
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
/// botocore's scale (`botocore/retries/standard.py`).
const ERROR_PAUSE: Duration = Duration::from_millis(50);
const MAX_ERROR_PAUSE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_ends_before_its_invocation_and_within_ten_seconds() {
        let begun = Duration::from_secs(7);
        for (left, most) in [(2, 2), (10, 10), (900, 10)] {
            let patience = Patience::new(begun, Duration::from_secs(left));
            let most = Duration::from_secs(most) - DEADLINE_RESERVE;
            assert_eq!(patience.left(begun), Some(most));
            assert_eq!(patience.left(begun + most), None);
            // A clock that goes back, which none does, gives no more time.
            assert_eq!(patience.left(Duration::ZERO), Some(most));
        }
        assert_eq!(Patience::new(begun, Duration::ZERO).left(begun), None);
    }

    #[test]
    fn pauses_double_up_to_a_bound_and_chance_shortens_them() {
        let mut patience = Patience::new(Duration::ZERO, MAX_PATIENCE);
        let pauses: Vec<_> = (0..8).map(|_| patience.after_conflict(1.0)).collect();
        let expected = [10, 20, 40, 80, 160, 200, 200, 200].map(Duration::from_millis);
        assert_eq!(pauses, expected);
        assert_eq!(patience.after_conflict(0.0), Duration::ZERO);
        assert_eq!(patience.after_conflict(0.5), Duration::from_millis(100));
    }

    #[test]
    fn s3_may_fail_so_often_and_others_may_be_faster_for_as_long_as_there_is_time() {
        let mut patience = Patience::new(Duration::ZERO, MAX_PATIENCE);
        for _ in 0..100 {
            patience.after_conflict(1.0);
        }
        assert_eq!(patience.obstacle().0, Obstacle::Conflicts);
        for n in 0..MAX_ERRORS {
            assert!(patience.after_error(1.0).is_some(), "{n}");
        }
        assert_eq!(patience.after_error(1.0), None);
        let mut patience = Patience::new(Duration::ZERO, MAX_PATIENCE);
        patience.note("S3 is on fire".to_owned(), Duration::ZERO);
        assert!(patience.after_error(1.0).is_some());
        let (obstacle, cause) = patience.obstacle();
        assert_eq!(obstacle, Obstacle::Errors);
        assert_eq!(cause, "given up after 1 failed tries: S3 is on fire");
    }

    #[test]
    fn what_was_in_the_way_more_often_is_named() {
        for (errors, conflicts, expected) in [
            (1, 0, Obstacle::Errors),
            (1, 1, Obstacle::Errors),
            (1, 2, Obstacle::Conflicts),
            (0, 1, Obstacle::Conflicts),
            (3, 3, Obstacle::Errors),
            (3, 4, Obstacle::Conflicts),
        ] {
            let mut patience = Patience::new(Duration::ZERO, MAX_PATIENCE);
            for _ in 0..errors {
                assert!(patience.after_error(0.0).is_some());
            }
            for _ in 0..conflicts {
                patience.after_conflict(0.0);
            }
            assert_eq!(patience.obstacle().0, expected, "{errors}, {conflicts}");
        }
    }

    #[test]
    fn what_the_deadline_cut_short_does_not_hide_what_went_wrong_before() {
        let mut patience = Patience::new(Duration::ZERO, MAX_PATIENCE);
        patience.note("S3 is busy".to_owned(), Duration::ZERO);
        patience.note("S3 is on fire".to_owned(), Duration::from_secs(9));
        patience.note("timeout".to_owned(), MAX_PATIENCE);
        let expected = "given up after 0 failed tries: S3 is on fire; at the deadline: timeout";
        assert_eq!(patience.obstacle().1, expected);
        let mut patience = Patience::new(Duration::ZERO, MAX_PATIENCE);
        patience.note("timeout".to_owned(), MAX_PATIENCE);
        assert!(patience.obstacle().1.ends_with(": timeout"));
    }
}
