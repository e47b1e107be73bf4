//! Keeps the workers close together.
//!
//! An operation is remembered for so many changes only. On a fast machine the other workers make those while one
//! worker's process is being started again.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use dojang::store::journal::Journal;

/// Counts the requests of all workers, and lets none begin that is too far ahead of one still open.
#[derive(Default)]
pub(crate) struct Pace {
    count: Mutex<Count>,
    ended: Condvar,
}

#[derive(Default)]
struct Count {
    begun: usize,
    /// By worker: which request it was that the worker is at.
    open: BTreeMap<u64, usize>,
}

impl Pace {
    /// Waits until `worker` may begin a request; its number.
    pub(crate) fn begin(&self, worker: u64) -> usize {
        let too_far = |count: &mut Count| {
            let oldest = count.open.values().min();
            oldest.is_some_and(|oldest| count.begun - oldest >= MOST_AHEAD)
        };
        let mut count = self
            .ended
            .wait_while(self.count(), too_far)
            .unwrap_or_else(PoisonError::into_inner);
        count.begun += 1;
        let number = count.begun;
        count.open.insert(worker, number);
        number
    }

    /// The worker's request has been answered.
    pub(crate) fn end(&self, worker: u64) {
        self.count().open.remove(&worker);
        self.ended.notify_all();
    }

    /// Whether a request is sure to be remembered while its repetition, which has begun, is open.
    pub(crate) fn is_remembered(&self, number: usize) -> bool {
        self.count().begun - number < MOST_AHEAD
    }

    fn count(&self) -> MutexGuard<'_, Count> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A repetition begins within this distance of the first request, and ends within it again.
const MOST_AHEAD: usize = Journal::CAPACITY / 2;
