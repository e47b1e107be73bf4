//! Somebody who polls the public club, as the page does: with the ETag of what is known.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use dojang::s3::{ETag, Fetched, Location};

use crate::random::Random;
use crate::record::{DATA, Look, PUBLIC};
use crate::s3::S3;
use crate::scheduler::{Micros, Scheduler};

/// Runs `instance` in so many threads, and reads in one more until all have ended. Gives the end, and what was seen.
pub(crate) fn beside(
    instances: usize,
    s3: &S3,
    random: Random,
    instance: impl Fn(&Scheduler, usize) + Send + Sync,
) -> (Micros, Vec<Look>) {
    let running = AtomicUsize::new(instances);
    let looks = Mutex::new(Vec::new());
    let end = Scheduler::run(instances + 1, |scheduler, thread| {
        if thread < instances {
            // By a panic too: the reader is not to read for ever.
            let _end = IsOver(&running);
            instance(scheduler, thread);
        } else {
            let is_over = || running.load(Ordering::SeqCst) == 0;
            let seen = read(s3, scheduler, random.clone(), is_over);
            *looks.lock().expect("only the reader has it") = seen;
        }
    });
    (end, looks.into_inner().expect("no thread panicked"))
}

/// Has one less running when it is dropped.
struct IsOver<'a>(&'a AtomicUsize);

impl Drop for IsOver<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Reads until `is_over`.
fn read(
    s3: &S3,
    scheduler: &Scheduler,
    mut random: Random,
    is_over: impl Fn() -> bool,
) -> Vec<Look> {
    let location = Location {
        bucket: PUBLIC,
        key: DATA,
    };
    let mut looks = Vec::new();
    let mut known: Option<ETag> = None;
    while !is_over() {
        scheduler.sleep(MOST_PAUSE / 2 + random.below(MOST_PAUSE / 2));
        let at = scheduler.now();
        // Where it says 304 there is nothing new: that this is true, the ETags are to see to.
        if let Ok(Fetched::Object(object)) = s3.get(at, location, known.as_ref()) {
            s3.note("a reader saw something new");
            known = Some(object.head.etag);
            looks.push(Look {
                at,
                bytes: Arc::new(object.bytes),
            });
        }
    }
    looks
}

/// In µs.
const MOST_PAUSE: u64 = 40_000;

#[test]
fn a_panic_in_an_instance_ends_the_run() {
    let played = std::panic::catch_unwind(|| {
        beside(3, &S3::default(), Random::new(1), |scheduler, thread| {
            scheduler.sleep(MOST_PAUSE);
            assert_ne!(thread, 1, "this instance has a bug");
            scheduler.sleep(MOST_PAUSE);
        })
    });
    assert!(played.is_err(), "the run knows that an instance panicked");
}
