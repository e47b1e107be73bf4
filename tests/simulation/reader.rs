//! Somebody who polls the public club, as the page does: with the ETag of what is known.

use std::sync::Arc;

use dojang::s3::{ETag, Fetched, Location};

use crate::random::Random;
use crate::record::{DATA, Look, PUBLIC};
use crate::s3::S3;
use crate::scheduler::Scheduler;

/// Reads until `is_over`.
pub(crate) fn read(
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
