//! S3 as one instance reaches it: with latency, and with all that can go wrong on the way.

use std::panic::panic_any;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dojang::s3::{ETag, Fetched, Head, Location, ObjectStore, S3Error, Upload, Written};

use crate::faults::{Fault, Faults, LATE, MOST_LATE};
use crate::random::Random;
use crate::record::PROBE;
use crate::s3::{S3, Write, answered};
use crate::scheduler::{Micros, Scheduler};

/// What an instance that is killed panics with.
pub(crate) struct Killed;

pub(crate) struct Connection {
    s3: S3,
    scheduler: Scheduler,
    faults: Faults,
    /// One way, in µs: the least, and what may come on top.
    latency: (Micros, Micros),
    random: Mutex<Random>,
    /// How far the instance's clock is off, in seconds.
    skew: Arc<AtomicI64>,
    /// Lambda's clock is off by the same.
    is_lambdas_clock_off: bool,
    is_token_refused: AtomicBool,
    /// The server refuses to be tried, for good.
    is_probe_refused: bool,
}

impl Connection {
    pub(crate) fn new(
        s3: &S3,
        scheduler: &Scheduler,
        faults: Faults,
        latency: (Micros, Micros),
        random: Random,
        skew: &Arc<AtomicI64>,
        is_lambdas_clock_off: bool,
    ) -> Self {
        Self {
            s3: s3.clone(),
            scheduler: scheduler.clone(),
            faults,
            latency,
            random: Mutex::new(random),
            skew: Arc::clone(skew),
            is_lambdas_clock_off,
            is_token_refused: AtomicBool::new(false),
            is_probe_refused: false,
        }
    }

    /// The same, where the server refuses to be tried.
    pub(crate) fn with_refused_probe(self) -> Self {
        Self {
            is_probe_refused: true,
            ..self
        }
    }

    pub(crate) fn is_probe_refused(&self) -> bool {
        self.is_probe_refused
    }

    /// As `dojang::s3::Client` has it.
    pub(crate) fn is_token_refused(&self) -> bool {
        self.is_token_refused.load(Ordering::Relaxed)
    }

    fn draw<T>(&self, draw: impl FnOnce(&mut Random) -> T) -> T {
        draw(&mut self.random.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn happens(&self, fault: Fault) -> bool {
        let happens = self.draw(|random| random.happens(self.faults.per_mille(fault)));
        if happens {
            self.s3.note(format!("{fault:?}"));
        }
        happens
    }

    fn is_heads(&self) -> bool {
        self.draw(|random| random.happens(500))
    }

    /// Brings a request to S3 and its answer back; `serve` makes it take effect.
    fn exchange<T>(
        &self,
        legs: Legs,
        timeout: Duration,
        write: Option<&Write>,
        serve: impl Fn(Micros) -> Result<T, S3Error>,
    ) -> Result<T, S3Error> {
        let (least, more) = self.latency;
        let [there, back] = self.draw(|random| {
            [(); 2].map(|()| least + if more == 0 { 0 } else { random.below(more) })
        });
        let there = if legs.there { there } else { 0 };
        let back = if legs.back { back } else { 0 };
        let sleep = |duration| self.scheduler.sleep(duration);
        let serve = || serve(self.scheduler.now());
        let lost = |what: &str| S3Error::OutcomeUnknown {
            cause: what.to_owned(),
        };
        let timeout = Micros::try_from(timeout.as_micros()).unwrap_or(Micros::MAX);
        if there + back > timeout {
            sleep(timeout);
            return Err(lost("time is up"));
        }
        if (self.faults.outage.0..self.faults.outage.1).contains(&self.scheduler.now()) {
            self.s3.note("Outage");
            sleep(there);
            return Err(S3Error::Unreachable {
                cause: "an outage".to_owned(),
            });
        }
        if self.happens(Fault::Kill) {
            match (self.draw(|random| random.below(3)), write) {
                (0, _) => {}
                (1, Some(write)) => self.send_late(write, 0, MOST_LATE),
                _ => {
                    sleep(there);
                    let _ = serve();
                }
            }
            panic_any(Killed);
        }
        if self.is_lambdas_clock_off && self.happens(Fault::ClockJump) {
            let skew = self.draw(|random| random.below(7_200));
            let skew = i64::try_from(skew).expect("it is small") - 3_600;
            self.skew.store(skew, Ordering::Relaxed);
        }
        sleep(there);
        if self.is_token_refused() || self.happens(Fault::ExpiredToken) {
            self.is_token_refused.store(true, Ordering::Relaxed);
            sleep(back);
            return Err(answered(400, "ExpiredToken"));
        }
        if self.happens(Fault::Stall) {
            if self.is_heads() {
                let _ = serve();
            }
            sleep((timeout - there).min(MOST_PATIENCE));
            return Err(lost("stalled"));
        }
        if self.happens(Fault::CutBefore) {
            return Err(lost("cut before"));
        }
        if self.happens(Fault::SlowDown) {
            return Err(answered(503, "SlowDown"));
        }
        if self.happens(Fault::Redirect) {
            return Err(answered(307, "TemporaryRedirect"));
        }
        if let Some(write) = write {
            let late = self.happens(Fault::Late);
            if late || self.happens(Fault::VeryLate) {
                let (from, to) = if late { (0, LATE) } else { (LATE, MOST_LATE) };
                self.send_late(write, from, to);
                sleep(back);
                return Err(lost("no answer"));
            }
            if write.has_condition() && self.happens(Fault::Conflict) {
                return Err(answered(409, "ConditionalRequestConflict"));
            }
        }
        if self.happens(Fault::Error) {
            if self.is_heads() {
                let _ = serve();
            }
            sleep(back);
            return Err(answered(500, "InternalError"));
        }
        let answer = serve();
        sleep(back);
        if self.happens(Fault::CutAfter) {
            return Err(lost("cut after"));
        }
        answer
    }

    /// A write that takes effect after some time between these.
    fn send_late(&self, write: &Write, from: Micros, to: Micros) {
        let after = from + self.draw(|random| random.below(to - from));
        self.s3.put_later(self.scheduler.now() + after, write);
    }

    fn get_within(
        &self,
        legs: Legs,
        location: Location<'_>,
        unless: Option<&ETag>,
        timeout: Duration,
    ) -> Result<Fetched, S3Error> {
        if let Some(etag) = unless {
            self.s3.is_known(self.scheduler.now(), etag);
        }
        self.exchange(legs, timeout, None, |now| {
            self.s3.get(now, location, unless)
        })
    }

    fn head_within(
        &self,
        legs: Legs,
        location: Location<'_>,
        timeout: Duration,
    ) -> Result<Head, S3Error> {
        self.exchange(legs, timeout, None, |now| self.s3.head(now, location))
    }
}

impl ObjectStore for Connection {
    fn get(
        &self,
        location: Location<'_>,
        unless: Option<&ETag>,
        timeout: Duration,
    ) -> Result<Fetched, S3Error> {
        self.get_within(Legs::BOTH, location, unless, timeout)
    }

    fn head(&self, location: Location<'_>, timeout: Duration) -> Result<Head, S3Error> {
        self.head_within(Legs::BOTH, location, timeout)
    }

    /// Both on their way at once; either may come first.
    fn get_beside_head(
        &self,
        get: Location<'_>,
        head: Location<'_>,
        timeout: Duration,
    ) -> (Result<Fetched, S3Error>, Result<Head, S3Error>) {
        let (first, second) = (
            Legs {
                there: true,
                back: false,
            },
            Legs {
                there: false,
                back: true,
            },
        );
        // The second has set out with the first: both have the same time.
        let begun = self.scheduler.now();
        let left = || timeout.saturating_sub(Duration::from_micros(self.scheduler.now() - begun));
        if self.is_heads() {
            let looked = self.head_within(first, head, timeout);
            return (self.get_within(second, get, None, left()), looked);
        }
        let fetched = self.get_within(first, get, None, timeout);
        (fetched, self.head_within(second, head, left()))
    }

    fn put(
        &self,
        location: Location<'_>,
        upload: &Upload<'_>,
        timeout: Duration,
    ) -> Result<Written, S3Error> {
        if self.is_probe_refused && location.key == PROBE {
            self.s3.note("a probe was refused");
            return self.exchange(Legs::BOTH, timeout, None, |_| {
                Err(answered(403, "AccessDenied"))
            });
        }
        let write = Write::new(location, upload);
        self.exchange(Legs::BOTH, timeout, Some(&write), |now| {
            self.s3.put(now, &write)
        })
    }

    /// One after the other, in the time of one.
    fn put_at_once(
        &self,
        location: Location<'_>,
        uploads: &[Upload<'_>],
        timeout: Duration,
    ) -> Vec<Result<Written, S3Error>> {
        let begun = self.scheduler.now();
        let left = || timeout.saturating_sub(Duration::from_micros(self.scheduler.now() - begun));
        let put = |upload| self.put(location, upload, left());
        uploads.iter().map(put).collect()
    }
}

/// Which ways of a request take time: of two that are under way at once, one each.
#[derive(Clone, Copy)]
struct Legs {
    there: bool,
    back: bool,
}

impl Legs {
    const BOTH: Self = Self {
        there: true,
        back: true,
    };
}

/// How long a client waits for a sign of life (`src/s3/transport.rs`).
const MOST_PATIENCE: Micros = 5_000_000;
