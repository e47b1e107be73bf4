//! Panics are caught, so that one invocation's does not end the process.
//!
//! The log shows the place in the source only, because a panic's message may quote a request.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::log::{Level, Log};

/// Calls `f`, and catches its panic.
///
/// # Errors
/// If it panicked.
pub fn catch<T>(f: impl FnOnce() -> T) -> Result<T, Panicked> {
    CATCHING.set(CATCHING.get() + 1);
    // The caller does not go on with what `f` was working on.
    let result = catch_unwind(AssertUnwindSafe(f));
    CATCHING.set(CATCHING.get() - 1);
    // The payload is leaked rather than dropped, since dropping may panic once more.
    result.map_err(|payload| {
        std::mem::forget(payload);
        Panicked {
            location: LOCATION
                .take()
                .unwrap_or_else(|| "an unknown place".to_owned()),
        }
    })
}

/// A panic that was caught.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panicked {
    /// `file:line:column`.
    pub location: String,
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "panicked at {}", self.location)
    }
}

impl std::error::Error for Panicked {}

/// Keeps Rust from writing panic messages to the log. Panics that nobody catches are logged by place.
pub(super) fn install_hook(log: Log) {
    std::panic::set_hook(Box::new(move |info| {
        let location = info.location().map(ToString::to_string);
        if CATCHING.get() == 0 {
            let place = location.as_deref().unwrap_or("an unknown place");
            log.write(Level::Fatal, &format!("panicked at {place}"), &[]);
        }
        LOCATION.replace(location);
    }));
}

thread_local! {
    /// How many [`catch`]es this thread is within.
    static CATCHING: Cell<u32> = const { Cell::new(0) };
    /// Where this thread panicked last.
    static LOCATION: RefCell<Option<String>> = const { RefCell::new(None) };
}
