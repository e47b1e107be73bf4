//! A process, and what its clock and Lambda's tell it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use dojang::store::Store;

use crate::connection::Connection;
use crate::world::Clock;

/// A process of the function.
pub(crate) struct Process {
    pub(crate) store: Store<Connection, Clock>,
    /// How far its clock is off, in seconds.
    pub(crate) skew: Arc<AtomicI64>,
    /// Lambda's clock, which says when requests came and when they end, is off by the same: that of the machine.
    pub(crate) is_lambdas_clock_off: bool,
}

impl Process {
    pub(crate) fn skew(&self) -> i64 {
        self.skew.load(Ordering::Relaxed)
    }

    /// Sets the clock. An instance whose clock alone is ahead by seconds only takes old copies for new ones, and
    /// does not notice (promise 7 has the margin): that is left out.
    pub(crate) fn set_clock(&self, skew: i64) {
        let is_too_little = !self.is_lambdas_clock_off && (1..LONGEST_INVOCATION).contains(&skew);
        let skew = if is_too_little {
            LONGEST_INVOCATION
        } else {
            skew
        };
        self.skew.store(skew, Ordering::Relaxed);
    }

    /// When the request came in, if that is known, and when the invocation ends: by Lambda's clock, unless it and
    /// this one are apart (`src/runtime/invocation.rs`).
    pub(crate) fn told(
        &self,
        arrived: SystemTime,
        start: SystemTime,
    ) -> (Option<SystemTime>, SystemTime) {
        let of = |at: SystemTime, skew: i64| {
            let seconds = Duration::from_secs(skew.unsigned_abs());
            if skew < 0 { at - seconds } else { at + seconds }
        };
        let now = of(start, self.skew());
        let lambdas = if self.is_lambdas_clock_off {
            self.skew()
        } else {
            0
        };
        let limit = Duration::from_secs(LONGEST_INVOCATION.unsigned_abs());
        let deadline = of(start, lambdas) + limit;
        let left = deadline.duration_since(now);
        if left.is_ok_and(|left| left >= Duration::from_millis(800)) {
            (Some(of(arrived, lambdas)), deadline)
        } else {
            (None, now + Duration::from_secs(3))
        }
    }
}

/// In seconds.
pub(crate) const LONGEST_INVOCATION: i64 = 10;
