//! One request goes wrong, or each of a kind; or somebody else writes.

use std::collections::BTreeMap;
use std::sync::Mutex;

use dojang::club::projection::{private_json, public_json};
use dojang::club::stored::read_club;
use dojang::s3::{Location, S3Error};
use dojang::store::{Failure, Obstacle, State, Trust};
use serde_json::{Value, json};

use super::{Alone, code, fault, first_club, on, on_the_first_club};
use crate::record::{DATA, PRIVATE, PUBLIC};
use crate::s3::{S3, Write, answered};
use crate::workload::{self, member};
use crate::world::BASE;

/// Of a request that makes each kind of request to S3.
#[test]
fn what_follows_from_an_error() {
    let stays = ["refused", "bad"];
    let faster = ["absent", "precondition failed", "conflict"];
    let fails = ["not now", "unreachable"];
    let nothing = ["nothing changed, final, none"; 2];
    let not_public = ["changed, not public, final, none"; 2];
    // The history entry was written before, and cannot be put back any more if there is no time left.
    for (request, errors, [once, always]) in [
        (
            "GET private data.json",
            &["absent"][..],
            ["served", "nothing changed, passing, conflicts"],
        ),
        (
            "GET private data.json",
            &PASSES,
            ["served", "nothing changed, passing, errors"],
        ),
        ("GET private data.json", &stays, nothing),
        ("HEAD public data.json", &["absent"], ["served", "served"]),
        (
            "HEAD public data.json",
            &PASSES,
            ["served", "nothing changed, passing, errors"],
        ),
        ("HEAD public data.json", &stays, nothing),
        ("GET private sessions", &["absent"], ["served", "served"]),
        (
            "GET private sessions",
            &PASSES,
            ["served", "nothing changed, passing, errors"],
        ),
        ("GET private sessions", &stays, nothing),
        (
            "PUT private sessions",
            &faster,
            ["served", "not known, passing, conflicts"],
        ),
        (
            "PUT private sessions",
            &fails,
            ["served", "not known, passing, errors"],
        ),
        (
            "PUT private sessions",
            &["unknown"],
            ["served", "not known, passing, errors"],
        ),
        (
            "PUT private sessions",
            &stays,
            [nothing[0], "not known, final, none"],
        ),
        (
            "PUT private data.json",
            &faster,
            ["served", "not known, passing, conflicts"],
        ),
        (
            "PUT private data.json",
            &fails,
            ["served", "nothing changed, passing, errors"],
        ),
        (
            "PUT private data.json",
            &["unknown", "bad"],
            ["served", "not known, passing, errors"],
        ),
        ("PUT private data.json", &["refused"], nothing),
        (
            "PUT public data.json",
            &faster,
            ["served", "changed, not public, passing, conflicts"],
        ),
        (
            "PUT public data.json",
            &fails,
            ["served", "changed, not public, passing, errors"],
        ),
        (
            "PUT public data.json",
            &["unknown"],
            ["served", "changed, not public, passing, errors"],
        ),
        ("PUT public data.json", &stays, not_public),
    ] {
        for name in errors {
            let found =
                [1, usize::MAX].map(|times| outcome(Trust::Full, request, times, &error(name)));
            assert_eq!(found, [once, always], "{request}: {name}, once and always");
        }
    }
}

/// How taking attendance ends if so many of these requests have this error.
fn outcome(trust: Trust, request: &'static str, times: usize, error: &S3Error) -> String {
    let outcome = Mutex::new(String::new());
    on_the_first_club(trust, |alone| {
        alone.strike(request, times, error.clone());
        let served = alone.serve(&alone.take_attendance());
        *outcome.lock().expect("no thread panicked") = match served.answer {
            Ok(_) => "served".to_owned(),
            Err(Failure::Fault(fault)) => {
                if fault.given_up == Some(Obstacle::Errors) {
                    let said = error.to_string();
                    assert!(fault.cause.contains(&said), "{}", fault.cause);
                }
                let passing = if fault.is_passing { "passing" } else { "final" };
                let obstacle = fault.given_up.map_or("none", |it| it.name());
                format!("{}, {passing}, {obstacle}", fault.state.name())
            }
            Err(refused) => format!("{refused:?}"),
        };
    });
    outcome.into_inner().expect("no thread panicked")
}

fn error(name: &str) -> S3Error {
    let cause = "for a test".to_owned();
    match name {
        "absent" => S3Error::Absent,
        "precondition failed" => answered(412, "PreconditionFailed"),
        "conflict" => answered(409, "ConditionalRequestConflict"),
        "not now" => answered(503, "SlowDown"),
        "refused" => answered(403, "AccessDenied"),
        "not implemented" => answered(501, "NotImplemented"),
        "no credentials" => answered(400, "ExpiredToken"),
        "unreachable" => S3Error::Unreachable { cause },
        "unknown" => S3Error::OutcomeUnknown { cause },
        "bad" => S3Error::BadAnswer { cause },
        _ => panic!("expected an error, found {name}"),
    }
}

#[test]
fn a_server_that_cannot_be_tried() {
    let server = "nothing changed, final, server";
    let (put, conditional, get) = (
        "PUT private dojang-probe.json",
        "PUT private dojang-probe.json if",
        "GET private dojang-probe.json",
    );
    for (request, errors, [once, always]) in [
        (put, &["absent"][..], [server; 2]),
        // Somebody deleted it since.
        (get, &["absent"], ["served", server]),
        (put, &PASSES, ["served", "nothing changed, passing, errors"]),
        (get, &PASSES, ["served", "nothing changed, passing, errors"]),
        (put, &["refused", "bad"], [server; 2]),
        (get, &["refused", "bad"], [server; 2]),
        // That is what a server says that heeds them.
        (
            conditional,
            &["absent", "precondition failed", "conflict"],
            ["served"; 2],
        ),
        (
            conditional,
            &PASSES[2..],
            ["served", "nothing changed, passing, errors"],
        ),
        // It does not know them, and says so.
        (conditional, &["not implemented"], [server; 2]),
        // What the first of them brought does not count.
        (conditional, &["refused", "bad"], ["served", server]),
        // It passes with the next process.
        (
            put,
            &["no credentials"],
            ["nothing changed, final, none"; 2],
        ),
        (
            get,
            &["no credentials"],
            ["nothing changed, final, none"; 2],
        ),
    ] {
        for name in errors {
            let found = [1, usize::MAX].map(|n| outcome(Trust::Probed, request, n, &error(name)));
            assert_eq!(found, [once, always], "{request}: {name}, once and always");
        }
    }
    // What gives such answers is not to be trusted, whatever its owner may see to.
    for (name, can_be_mended) in [("refused", true), ("bad", false)] {
        on_the_first_club(Trust::Probed, |alone| {
            alone.strike(put, 1, error(name));
            let cause = fault(alone.serve(&alone.create("Somebody")).answer).cause;
            let said = format!(
                "private dojang-probe.json (on which the S3 server is tried): {}",
                error(name)
            );
            assert!(cause.starts_with(&said), "{cause}");
            assert_eq!(cause.contains("DOJANG_S3_SERVER"), can_be_mended, "{cause}");
        });
    }
}

/// It is drawn by chance, up to a bound: a little if another writer was faster, more if S3 failed.
#[test]
fn a_pause_follows() {
    for (name, most) in [("conflict", 0.01), ("not now", 0.05)] {
        on_the_first_club(Trust::Full, |alone| {
            let shares = (0..40).map(|n| {
                alone.strike("PUT private data.json", 1, error(name));
                let served = alone.serve(&alone.create(&format!("Member {n}")));
                assert_eq!(served.trace.attempts, 2, "{:?}", served.answer);
                served.trace.wait.as_secs_f64() / most
            });
            let mut shares: Vec<_> = shares.collect();
            shares.sort_by(f64::total_cmp);
            let (least, longest) = (shares[0], shares[39]);
            assert!((0.0..0.3).contains(&least), "{name}: {shares:?}");
            assert!((0.7..=1.0).contains(&longest), "{name}: {shares:?}");
        });
    }
}

/// Whoever asked for the club hears that there is one, and whoever asked for something else that nobody knows.
#[test]
fn a_new_club_that_is_not_public() {
    let trigger = json!({"action": "any_trigger_initialization"});
    for (is_asked_for, expected) in [(true, State::ChangedNotPublic), (false, State::NotKnown)] {
        on(&S3::default(), Trust::Full, |alone| {
            alone.strike("PUT public data.json", 1, error("refused"));
            let request = if is_asked_for {
                trigger.clone()
            } else {
                alone.show()
            };
            let fault = fault(alone.serve(&request).answer);
            assert_eq!(fault.state, expected);
        });
    }
}

/// Its write was to land when nobody waits for it any more.
#[test]
fn an_entry_that_was_put_back_does_not_land_later() {
    for before in [None, Some("{}")] {
        let s3 = first_club();
        if let Some(history) = before {
            s3.write_foreign(0, PRIVATE, THIS_YEAR, history.into(), BTreeMap::new());
        }
        on(&s3, Trust::Full, |alone| {
            let (late, due) = (s3.clone(), alone.scheduler.now() + 1_000_000);
            alone.strike_instead("PUT private sessions", 1, error("bad"), move |write| {
                late.put_later(due, write.expect("it is a PUT"));
            });
            let fault = fault(alone.serve(&alone.take_attendance()).answer);
            assert_eq!(fault.state, State::NothingChanged);
            alone.scheduler.sleep(2_000_000);
            assert_eq!(stored(alone, &s3, THIS_YEAR), json!({}), "{before:?}");
        });
    }
}

/// While its entry was written, somebody moved the session to another year.
#[test]
fn attendance_moves_with_its_session() {
    let s3 = first_club();
    on(&s3, Trust::Full, |alone| {
        let request = alone.take_attendance();
        let session = request["session_id"].as_str().expect("an id").to_owned();
        let other = s3.clone();
        let moved = move |_: Option<&Write>| {
            let newest = other.newest(PRIVATE, DATA).expect("there is a club");
            let mut club = read_club(&newest.bytes).expect("it can be read");
            let session = club.sessions.get_mut(&session).expect("it is there");
            (session.start_time, session.end_time) = (LAST_DECEMBER, LAST_DECEMBER + 3_600);
            other.write_foreign(2, PRIVATE, DATA, private_json(&club), newest.metadata);
        };
        alone.strike_instead(
            "PUT private data.json",
            1,
            error("precondition failed"),
            moved,
        );
        let served = alone.serve(&request);
        assert!(served.answer.is_ok(), "{:?}", served.answer);
        assert_eq!(served.trace.attempts, 2);
        assert_eq!(stored(alone, &s3, THIS_YEAR), json!({}));
        let last = stored(alone, &s3, "sessions/participation_data_2026.json");
        assert_eq!(
            last.as_object().map(serde_json::Map::len),
            Some(1),
            "{last}"
        );
    });
}

#[test]
fn a_lost_list_says_nothing_about_an_open_commit() {
    let s3 = first_club();
    on(&s3, Trust::Full, |alone| {
        let other = s3.clone();
        alone.strike_instead("PUT private data.json", 1, error("unknown"), move |_| {
            let newest = other.newest(PRIVATE, DATA).expect("there is a club");
            let bytes = newest.bytes.to_vec();
            other.write_foreign(2, PRIVATE, DATA, bytes, BTreeMap::new());
        });
        let fault = fault(alone.serve(&alone.create("Somebody")).answer);
        assert_eq!(fault.state, State::NotKnown);
        assert!(fault.cause.contains("is gone"), "{}", fault.cause);
        assert_eq!(
            s3.chain(PRIVATE, DATA).len(),
            2,
            "nothing was written since"
        );
    });
}

/// With the club, the list is gone on which an open or a seen commit may have been.
#[test]
fn a_club_that_is_gone_is_not_made_anew_after_a_commit() {
    for (request, name) in [
        ("PUT private data.json", "unknown"),
        ("PUT public data.json", "conflict"),
    ] {
        let s3 = first_club();
        on(&s3, Trust::Full, |alone| {
            let other = s3.clone();
            alone.strike_instead(request, 1, error(name), move |_| {
                other.delete(2, PRIVATE, DATA);
            });
            let answer = alone.serve(&alone.create("Somebody")).answer;
            assert_ne!(fault(answer).state, State::NothingChanged, "{name}");
            assert!(s3.newest(PRIVATE, DATA).is_none(), "{name}");
        });
    }
}

/// A change of a coach's, and what removes the coach.
fn made_by_who_is_removed() -> [Value; 2] {
    let club = workload::initial_club(BASE);
    let coach = &member(&club, "Coach Hana").user_id;
    let add = json!({"action": "coach_add_training_session", "auth_token": code("Coach Hana"),
        "start_time": BASE, "end_time": BASE + 60, "coach": coach, "comment": null,
        "operation_id": "operation-add"});
    let remove = json!({"action": "admin_delete_user", "auth_token": code("Grandmaster Oh"),
        "user_id": coach});
    [add, remove]
}

#[test]
fn who_was_removed_since_is_refused_the_answer() {
    on_the_first_club(Trust::Full, |alone| {
        let [add, remove] = made_by_who_is_removed();
        for request in [&add, &remove] {
            let answer = alone.serve(request).answer;
            assert!(answer.is_ok(), "{answer:?}");
        }
        let repeated = alone.serve(&add).answer;
        assert!(matches!(repeated, Err(Failure::Refused(_))), "{repeated:?}");
    });
}

/// It was seen on the list, where its caller was refused. Then somebody put a version back from before that, and without
/// the list.
#[test]
fn what_a_removed_caller_had_made_is_not_made_again() {
    let s3 = first_club();
    on(&s3, Trust::Full, |alone| {
        let [add, remove] = made_by_who_is_removed();
        assert!(alone.serve(&add).answer.is_ok());
        let before = s3.newest(PRIVATE, DATA).expect("there is a club");
        assert!(alone.serve(&remove).answer.is_ok());
        let (now, bytes) = (alone.scheduler.now(), before.bytes.to_vec());
        s3.write_foreign(now, PRIVATE, DATA, bytes, BTreeMap::new());
        let versions = s3.chain(PRIVATE, DATA).len();
        let answer = alone.serve(&add).answer;
        assert_eq!(fault(answer).state, State::NotKnown);
        assert_eq!(s3.chain(PRIVATE, DATA).len(), versions);
    });
}

/// Somebody puts back the version that this instance knows, after another one was there.
#[test]
fn a_restored_version_is_published_again() {
    // Whether the instance wrote that version or only read it.
    for is_own in [true, false] {
        let s3 = first_club();
        on(&s3, Trust::Full, |alone| {
            assert!(alone.serve(&alone.create("Somebody")).answer.is_ok());
            if !is_own {
                assert!(alone.serve(&alone.show()).answer.is_ok());
            }
            let looks = ["GET private data.json unless same", "HEAD public data.json"];
            let newest = s3.newest(PRIVATE, DATA).expect("there is a club");
            let at = alone.scheduler.now() + 2_000_000;
            let restored = newest.bytes.to_vec();
            s3.write_foreign(at, PRIVATE, DATA, b"{}".to_vec(), BTreeMap::new());
            s3.write_foreign(at, PRIVATE, DATA, restored, newest.metadata);
            alone.scheduler.sleep(3_000_000);
            assert_eq!(alone.serve(&alone.show()).requests, looks, "{is_own}");
            assert_eq!(alone.serve(&alone.show()).requests, looks[..1], "{is_own}");
        });
    }
}

#[test]
fn an_object_in_the_wrong_bucket_is_told() {
    let club = workload::initial_club(BASE);
    let (private, public) = (private_json(&club), public_json(&club));
    let mark = |name: &str| BTreeMap::from([(name.to_owned(), "2.x".to_owned())]);
    let none = BTreeMap::new;
    let (other, same) = ("the other bucket's object", "the public object too");
    for (in_private, in_public, expected) in [
        // The former service marks neither object.
        ((&private, none()), (&public, none()), None),
        (
            (&private, mark("dojang-shows")),
            (&public, none()),
            Some(other),
        ),
        ((&public, none()), (&private, none()), Some(other)),
        (
            (&private, none()),
            (&public, mark("dojang-journal")),
            Some(other),
        ),
        ((&private, none()), (&private, none()), Some(same)),
    ] {
        let s3 = S3::default();
        for (bucket, (bytes, metadata)) in [(PRIVATE, in_private), (PUBLIC, in_public)] {
            s3.write_foreign(0, bucket, DATA, bytes.clone(), metadata);
        }
        on(&s3, Trust::Full, |alone| {
            let answer = alone.serve(&alone.create("Somebody")).answer;
            let Some(expected) = expected else {
                assert!(answer.is_ok(), "{answer:?}");
                return;
            };
            let fault = fault(answer);
            assert!(fault.cause.contains(expected), "{}", fault.cause);
            assert!(!fault.is_passing, "{}", fault.cause);
        });
    }
}

/// What is stored by now.
fn stored(alone: &Alone<'_>, s3: &S3, key: &str) -> Value {
    let bucket = PRIVATE;
    let looked = s3.head(alone.scheduler.now(), Location { bucket, key });
    looked.expect("it is there");
    let newest = s3.newest(bucket, key).expect("it is there");
    serde_json::from_slice(&newest.bytes).expect("it is JSON")
}

/// Errors that pass, so that the same is tried again.
const PASSES: [&str; 5] = [
    "precondition failed",
    "conflict",
    "not now",
    "unreachable",
    "unknown",
];

const THIS_YEAR: &str = "sessions/participation_data_2027.json";
/// 31 December 2026, 08:00 UTC.
const LAST_DECEMBER: i64 = BASE - 15 * 86_400;
