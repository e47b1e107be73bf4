//! Events in memory: of large ones, one at a time.
//!
//! If Lambda sends several events at once, each may have 6 MB, and reading it takes some more. A second
//! large one stays with the Runtime API until the first was read and is gone; usual ones wait for nobody.

use std::fmt;
use std::ops::Deref;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The text of an event. A handler that drops it early makes room for another.
pub struct Event {
    bytes: Vec<u8>,
    _permit: Option<Permit>,
}

impl Event {
    pub(super) fn new(bytes: Vec<u8>, permit: Option<Permit>) -> Self {
        Self {
            bytes,
            _permit: permit,
        }
    }
}

impl Deref for Event {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Event({} bytes)", self.bytes.len())
    }
}

/// Lets one in at a time.
#[derive(Debug)]
pub(super) struct Gate {
    is_taken: Mutex<bool>,
    was_left: Condvar,
}

/// Memory is the process's, so there is one for all that read events.
pub(super) static GATE: Gate = Gate::new();

impl Gate {
    const fn new() -> Self {
        Self {
            is_taken: Mutex::new(false),
            was_left: Condvar::new(),
        }
    }

    /// Waits until nobody else is in.
    pub(super) fn enter(&'static self) -> Permit {
        let mut is_taken = self.is_taken();
        while *is_taken {
            let woken = self.was_left.wait(is_taken);
            is_taken = woken.unwrap_or_else(PoisonError::into_inner);
        }
        *is_taken = true;
        Permit(self)
    }

    fn is_taken(&self) -> MutexGuard<'_, bool> {
        let is_taken = self.is_taken.lock();
        is_taken.unwrap_or_else(PoisonError::into_inner)
    }
}

/// Being in. Ends when it is dropped.
#[derive(Debug)]
pub(super) struct Permit(&'static Gate);

impl Drop for Permit {
    fn drop(&mut self) {
        *self.0.is_taken() = false;
        self.0.was_left.notify_one();
    }
}

/// An event with fewer bytes waits for nobody.
pub(super) const LARGE_BYTES: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    #[test]
    fn one_is_in_at_a_time() {
        static GATE: Gate = Gate::new();
        let (inside, entered) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        let permit = GATE.enter();
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                        entered.fetch_add(1, Ordering::SeqCst);
                        drop(Event::new(Vec::new(), Some(permit)));
                    }
                });
            }
        });
        assert_eq!(entered.into_inner(), 800);
    }
}
