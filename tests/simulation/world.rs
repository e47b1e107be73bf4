//! Time and chance as an instance has them.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use dojang::club::operation::Secret;
use dojang::store::World;

use crate::random::Random;
use crate::scheduler::{Micros, Scheduler};

/// The world of an instance.
pub(crate) struct Clock {
    pub(crate) scheduler: Scheduler,
    /// How far it is off, in seconds.
    pub(crate) skew: Arc<AtomicI64>,
    /// How much time passes before each look at the clock that nobody sets.
    pub(crate) look_takes: Arc<AtomicU64>,
    pub(crate) random: Mutex<Random>,
}

impl World for Clock {
    fn now(&self) -> SystemTime {
        time(self.scheduler.now(), self.skew.load(Ordering::Relaxed))
    }

    fn monotonic(&self) -> Duration {
        match self.look_takes.load(Ordering::Relaxed) {
            0 => {}
            passes => self.scheduler.sleep(passes),
        }
        Duration::from_micros(self.scheduler.now())
    }

    fn random(&self) -> Option<[u8; Secret::BYTES]> {
        let mut random = self.random.lock().expect("no thread panics with it");
        Some(random.bytes())
    }

    fn pause(&self, duration: Duration) {
        let duration = Micros::try_from(duration.as_micros()).expect("pauses are short");
        self.scheduler.sleep(duration);
    }
}

/// The true time.
pub(crate) fn seconds(at: Micros) -> i64 {
    BASE + i64::try_from(at / 1_000_000).expect("runs are short")
}

pub(crate) fn time(at: Micros, skew: i64) -> SystemTime {
    let base = u64::try_from(BASE + skew).expect("it is after 1970");
    SystemTime::UNIX_EPOCH + Duration::from_secs(base) + Duration::from_micros(at)
}

/// Friday 15 January 2027, 08:00 UTC: far from the end of a year.
pub(crate) const BASE: i64 = 1_800_000_000;
