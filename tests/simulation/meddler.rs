//! Others who write, and know nothing of conditions.

use std::collections::BTreeMap;

use dojang::club::projection::{private_json, public_json};
use dojang::club::stored::read_club;

use crate::random::Random;
use crate::record::{DATA, PRIVATE, PUBLIC};
use crate::s3::S3;
use crate::scheduler::Scheduler;

/// Restores an old version, with or without its metadata, deletes an object, or writes as the old service does.
pub(crate) fn meddle(s3: &S3, scheduler: &Scheduler, random: &mut Random) {
    let mut chain = s3.chain(PRIVATE, DATA);
    let is_deleted = chain.last().is_none_or(|newest| newest.is_deleted);
    chain.retain(|version| !version.is_deleted);
    let Some(newest) = chain.last() else {
        return;
    };
    let now = scheduler.now();
    let back = usize::try_from(random.below(8)).expect("it is small");
    let version = &chain[chain.len().saturating_sub(1 + back)];
    let bytes = version.bytes.to_vec();
    match random.below(16) {
        0..=5 => {
            s3.note("a version was restored");
            s3.write_foreign(now, PRIVATE, DATA, bytes, version.metadata.clone());
        }
        6..=9 => {
            s3.note("a version was restored without its list");
            s3.write_foreign(now, PRIVATE, DATA, bytes, BTreeMap::new());
        }
        10 if !is_deleted => {
            s3.note("the club was deleted");
            s3.delete(now, PRIVATE, DATA);
        }
        11 | 12 => {
            s3.note("the public object was deleted");
            s3.delete(now, PUBLIC, DATA);
        }
        _ => {
            s3.note("the old service wrote");
            let mut club = read_club(&newest.bytes).expect("it can be read");
            if let Some(session) = club.sessions.values_mut().next() {
                session.comment = Some(Some(format!("foreign {now}")));
            }
            s3.write_foreign(now, PRIVATE, DATA, private_json(&club), BTreeMap::new());
            scheduler.sleep(20_000);
            let now = scheduler.now();
            s3.write_foreign(now, PUBLIC, DATA, public_json(&club), BTreeMap::new());
        }
    }
}
