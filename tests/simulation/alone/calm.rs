//! Where nothing goes wrong: its requests to S3, what it says of itself, and what it warns of.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use dojang::club::projection::private_json;
use dojang::store::{Obstacle, Trace, Trust};
use serde_json::Value;

use super::{ROUND_TRIP, fault, on, on_a_server, on_the_first_club};
use crate::instance::write_first_club;
use crate::record::{DATA, PRIVATE, PUBLIC};
use crate::s3::{Lack, S3};
use crate::workload;
use crate::world::BASE;

#[test]
fn what_is_known_is_not_read_again() {
    on_the_first_club(Trust::Full, |alone| {
        assert_eq!(alone.store.private_bucket(), PRIVATE);
        let change = alone.serve(&alone.create("First"));
        let read = ["GET private data.json", "HEAD public data.json"];
        let written = [
            "PUT private data.json if same",
            "PUT public data.json if absent",
        ];
        assert_eq!(change.requests, [read, written].concat());
        let expected = Trace {
            load: ROUND_TRIP,
            commit: ROUND_TRIP,
            publish: ROUND_TRIP,
            attempts: 1,
            ..Trace::default()
        };
        assert_eq!(change.trace, expected);

        let change = alone.serve(&alone.create("Second"));
        let written = [
            "PUT private data.json if same",
            "PUT public data.json if same",
        ];
        assert_eq!(change.requests, written);
        let expected = Trace {
            load: Duration::ZERO,
            ..expected
        };
        assert_eq!(change.trace, expected);

        let look = alone.serve(&alone.show());
        assert_eq!(look.requests, ["GET private data.json unless same"]);
        let expected = Trace {
            load: ROUND_TRIP,
            attempts: 1,
            ..Trace::default()
        };
        assert_eq!(look.trace, expected);
    });
}

#[test]
fn the_time_that_the_rules_take_is_told() {
    on_the_first_club(Trust::Full, |alone| {
        alone.serve(&alone.create("First"));
        alone.look_takes.store(1, Ordering::Relaxed);
        let change = alone.serve(&alone.create("Second"));
        assert_eq!(change.trace.act, Duration::from_micros(1));
    });
}

/// What a request finds confirmed that was read ahead: just before it, and after it came in.
#[test]
fn what_was_read_ahead_needs_no_confirmation_for_a_second() {
    let unconfirmed: [&str; 0] = [];
    let confirmed = ["GET private data.json unless same"];
    for (came_before, waited, expected) in [
        (5_000, 0, &unconfirmed[..]),
        (4_999, 0, &confirmed[..]),
        (5_000, 979_999, &unconfirmed),
        (5_000, 980_000, &confirmed),
    ] {
        on_the_first_club(Trust::Full, |alone| {
            // Now it is public.
            alone.serve(&alone.create("Somebody"));
            let arrived = alone.scheduler.now() - came_before;
            assert_eq!(alone.store.prefetch(Duration::from_secs(1)), Ok(()));
            alone.requests();
            alone.scheduler.sleep(waited);
            let look = alone.serve_since(arrived, &alone.show());
            assert_eq!(look.requests, expected, "{came_before} {waited}");
        });
    }
}

#[test]
fn nothing_is_made_ahead() {
    on(&S3::default(), Trust::Full, |alone| {
        assert_eq!(alone.store.prefetch(Duration::from_secs(1)), Ok(()));
        let made = alone.requests();
        assert_eq!(made, ["GET private data.json", "HEAD public data.json"]);
        let error = alone.store.prefetch(ROUND_TRIP / 2);
        assert!(error.expect_err("there was no time").contains("time is up"));
    });
}

#[test]
fn attendance_rests_on_what_is_newest() {
    on_the_first_club(Trust::Full, |alone| {
        let taken = alone.serve(&alone.take_attendance());
        let expected = [
            "GET private data.json",
            "HEAD public data.json",
            "GET private sessions/participation_data_2027.json",
            "PUT private sessions/participation_data_2027.json if absent",
            "PUT private data.json if same",
            "PUT public data.json if absent",
        ];
        assert_eq!(taken.requests, expected);
        let expected = Trace {
            load: ROUND_TRIP,
            act: 2 * ROUND_TRIP,
            commit: ROUND_TRIP,
            publish: ROUND_TRIP,
            attempts: 1,
            ..Trace::default()
        };
        assert_eq!(taken.trace, expected);

        let change = alone.serve(&alone.create("Somebody"));
        assert!(change.answer.is_ok(), "{:?}", change.answer);
        let again = alone.serve(&alone.take_attendance());
        let read = [
            "GET private data.json unless same",
            "GET private sessions/participation_data_2027.json",
        ];
        assert_eq!(again.requests[..2], read);

        let history = alone.serve(&alone.history());
        assert_eq!(history.requests, read);
        let expected = Trace {
            load: ROUND_TRIP,
            act: ROUND_TRIP,
            attempts: 1,
            ..Trace::default()
        };
        assert_eq!(history.trace, expected);
    });
}

#[test]
fn a_reset_replaces_whole_years_last() {
    on_the_first_club(Trust::Full, |alone| {
        let reset = alone.serve(&Value::Object(workload::reset()));
        assert!(reset.answer.is_ok(), "{:?}", reset.answer);
        let expected = [
            "GET private data.json",
            "HEAD public data.json",
            "PUT private data.json if same",
            "PUT public data.json if absent",
            "PUT private sessions/participation_data_2026.json",
            "PUT private sessions/participation_data_2027.json",
        ];
        assert_eq!(reset.requests, expected);
    });
}

#[test]
fn a_server_is_tried_once_and_before_the_first_change() {
    on_the_first_club(Trust::Probed, |alone| {
        let is_trial = |request: &String| request.contains("dojang-probe.json");
        // What is not public yet would be published.
        let change = alone.serve(&alone.create("First"));
        let trials = change.requests.iter().filter(|request| is_trial(request));
        assert!(trials.count() > 6, "{:?}", change.requests);
        let is_written = |request: &String| request.contains("PUT") && !is_trial(request);
        let first = change.requests.iter().position(is_written);
        let last = change.requests.iter().rposition(is_trial);
        assert!(last < first, "{:?}", change.requests);
        for request in [alone.create("Second"), alone.show()] {
            let served = alone.serve(&request);
            assert!(served.answer.is_ok(), "{:?}", served.answer);
            assert!(
                !served.requests.iter().any(is_trial),
                "{:?}",
                served.requests
            );
        }
    });
}

#[test]
fn what_a_server_lacks_is_remembered() {
    for (lack, expected) in [
        (Some(Lack::Metadata), "drops x-amz-meta-* headers"),
        (Some(Lack::IfNoneMatch), "ignores If-None-Match"),
        (Some(Lack::IfMatch), "ignores If-Match"),
        (None, "lets several writes pass one If-Match"),
    ] {
        let s3 = lack.map_or_else(S3::default, S3::lacking);
        write_first_club(&s3);
        let is_atomic = lack.is_some();
        on_a_server(&s3, is_atomic, Trust::SingleInstance, |alone| {
            let first = alone.serve(&alone.create("First"));
            assert!(first.answer.is_ok(), "{:?}", first.answer);
            let [warning] = first.trace.warnings[..] else {
                panic!("expected one warning, found {:?}", first.trace.warnings);
            };
            assert!(warning.contains(expected), "{warning}");
            let second = alone.serve(&alone.create("Second"));
            assert!(second.answer.is_ok(), "{:?}", second.answer);
            assert_eq!(second.trace.warnings, [warning]);
            assert_eq!(second.requests.len(), 2, "{:?}", second.requests);
        });
        on_a_server(&s3, is_atomic, Trust::Probed, |alone| {
            if lack != Some(Lack::Metadata) {
                let repeated = alone.serve(&alone.create("First"));
                assert!(repeated.answer.is_ok(), "it took effect before");
                assert_eq!(repeated.requests.len(), 2, "{:?}", repeated.requests);
            }
            for name in ["Third", "Fourth"] {
                let fault = fault(alone.serve(&alone.create(name)).answer);
                assert_eq!(fault.given_up, Some(Obstacle::Server));
                assert!(fault.cause.contains(expected), "{}", fault.cause);
                assert!(fault.cause.contains("DOJANG_S3_SERVER"), "{}", fault.cause);
            }
        });
    }
}

#[test]
fn a_list_that_cannot_be_read_is_warned_of_once() {
    let s3 = S3::default();
    let club = private_json(&workload::initial_club(BASE));
    let damaged = BTreeMap::from([("dojang-journal".to_owned(), "2.AAAA".to_owned())]);
    s3.write_foreign(0, PRIVATE, DATA, club, damaged);
    on(&s3, Trust::Full, |alone| {
        let change = alone.serve(&alone.create("First"));
        assert!(change.answer.is_ok(), "{:?}", change.answer);
        let [warning] = change.trace.warnings[..] else {
            panic!("expected one warning, found {:?}", change.trace.warnings);
        };
        assert!(warning.contains("is damaged"), "{warning}");
        let change = alone.serve(&alone.create("Second"));
        assert_eq!(change.trace.warnings, [""; 0]);
    });
}

/// On a server that is not to be written to, what is not public is read all the same, and not acknowledged.
#[test]
fn what_somebody_left_unpublished_is_read_on_any_server() {
    let s3 = S3::lacking(Lack::IfMatch);
    on(&s3, Trust::Full, |alone| {
        assert!(
            alone
                .serve(&Value::Object(workload::reset()))
                .answer
                .is_ok()
        );
        assert!(alone.serve(&alone.create("Somebody")).answer.is_ok());
    });
    let club = s3.newest(PRIVATE, DATA).expect("there is a club");
    s3.write_foreign(1, PUBLIC, DATA, b"{}".to_vec(), BTreeMap::new());
    on(&s3, Trust::Probed, |alone| {
        assert!(alone.serve(&alone.show()).answer.is_ok());
        let fault = fault(alone.serve(&alone.create("Somebody")).answer);
        assert_eq!(fault.given_up, Some(Obstacle::Server));
    });
    assert_eq!(s3.newest(PRIVATE, DATA).map(|v| v.etag), Some(club.etag));
}
