//! One instance alone, where nothing goes wrong: its requests to S3, what it says of itself, and what it warns of.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dojang::club::projection::private_json;
use dojang::s3::{Condition, ETag, Fetched, Head, Location, ObjectStore, S3Error, Upload, Written};
use dojang::store::{Failure, Obstacle, Request, Store, Trace, Trust};
use serde_json::{Value, json};

use crate::connection::Connection;
use crate::faults::Faults;
use crate::instance::{data, write_first_club};
use crate::random::Random;
use crate::record::{DATA, PRIVATE, PUBLIC};
use crate::s3::{Lack, S3};
use crate::scheduler::{Micros, Scheduler};
use crate::workload::{self, TEST_SECRET, member};
use crate::world::{BASE, Clock, time};

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
    let s3 = S3::lacking(Lack::IfMatch);
    write_first_club(&s3);
    on(&s3, Trust::SingleInstance, |alone| {
        let first = alone.serve(&alone.create("First"));
        assert!(first.answer.is_ok(), "{:?}", first.answer);
        let [warning] = first.trace.warnings[..] else {
            panic!("expected one warning, found {:?}", first.trace.warnings);
        };
        assert!(warning.contains("ignores If-Match"), "{warning}");
        let second = alone.serve(&alone.create("Second"));
        assert!(second.answer.is_ok(), "{:?}", second.answer);
        assert_eq!(second.trace.warnings, [warning]);
        assert_eq!(second.requests.len(), 2, "{:?}", second.requests);
    });
    on(&s3, Trust::Probed, |alone| {
        let repeated = alone.serve(&alone.create("First"));
        assert!(repeated.answer.is_ok(), "it took effect before");
        assert_eq!(repeated.requests.len(), 2, "{:?}", repeated.requests);
        for name in ["Third", "Fourth"] {
            let refused = alone.serve(&alone.create(name)).answer;
            let Err(Failure::Fault(fault)) = refused else {
                panic!("expected a fault, found {refused:?}");
            };
            assert_eq!(fault.given_up, Some(Obstacle::Server));
            assert!(fault.cause.contains("ignores If-Match"), "{}", fault.cause);
        }
    });
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
        let repeated = alone.serve(&alone.create("Somebody")).answer;
        let Err(Failure::Fault(fault)) = repeated else {
            panic!("expected a fault, found {repeated:?}");
        };
        assert_eq!(fault.given_up, Some(Obstacle::Server));
    });
    assert_eq!(s3.newest(PRIVATE, DATA).map(|v| v.etag), Some(club.etag));
}

/// An instance, and what it knows of the club.
struct Alone<'a> {
    store: Store<Noted, Clock>,
    scheduler: &'a Scheduler,
}

/// How a request went.
struct Served {
    answer: Result<Value, Failure>,
    trace: Trace,
    /// To S3.
    requests: Vec<String>,
}

fn on_the_first_club(trust: Trust, test: impl Fn(&Alone<'_>) + Send + Sync) {
    let s3 = S3::default();
    write_first_club(&s3);
    on(&s3, trust, test);
}

fn on(s3: &S3, trust: Trust, test: impl Fn(&Alone<'_>) + Send + Sync) {
    Scheduler::run(1, |scheduler, _| {
        let skew = Arc::new(AtomicI64::new(0));
        let one_way = Micros::try_from(ROUND_TRIP.as_micros() / 2).expect("it is short");
        let connection = Connection::new(
            s3,
            scheduler,
            Faults::default(),
            (one_way, 0),
            Random::new(1),
            &skew,
            false,
        );
        let clock = Clock {
            scheduler: scheduler.clone(),
            skew,
            random: Mutex::new(Random::new(2)),
        };
        let noted = Noted {
            connection,
            requests: Mutex::default(),
        };
        let secret = Some(TEST_SECRET.to_owned());
        let store = Store::new(noted, clock, PRIVATE.into(), PUBLIC.into(), secret);
        test(&Alone {
            store: store.with_trust(trust),
            scheduler,
        });
    });
}

impl Alone<'_> {
    fn serve(&self, request: &Value) -> Served {
        self.serve_since(self.scheduler.now(), request)
    }

    /// Serves a request that came in at some time.
    fn serve_since(&self, arrived: Micros, request: &Value) -> Served {
        let mut trace = Trace::default();
        let request = data(request.as_object().expect("it was made as an object"));
        let request = Request {
            data: &request,
            id: &self.scheduler.now().to_string(),
            arrived: Some(time(arrived, 0)),
            deadline: time(self.scheduler.now(), 0) + Duration::from_secs(10),
        };
        let answer = self.store.apply(&request, &mut trace);
        Served {
            answer,
            trace,
            requests: self.requests(),
        }
    }

    /// The requests to S3 since the last time.
    fn requests(&self) -> Vec<String> {
        std::mem::take(&mut *self.store.s3().requests.lock().expect("no thread panicked"))
    }

    fn create(&self, name: &str) -> Value {
        json!({"action": "admin_create_user", "auth_token": code("Grandmaster Oh"), "name": name,
            "role": "Student", "operation_id": format!("operation-{name}")})
    }

    fn show(&self) -> Value {
        let club = workload::initial_club(BASE);
        json!({"action": "admin_show_auth_token", "auth_token": code("Grandmaster Oh"),
            "user_id": member(&club, "Coach Hana").user_id})
    }

    fn take_attendance(&self) -> Value {
        let club = workload::initial_club(BASE);
        let mut sessions = club.sessions.values();
        let begun = sessions.find(|session| session.start_time <= BASE);
        json!({"action": "coach_register_participation", "auth_token": code("Coach Hana"),
            "session_id": begun.expect("a session").session_id, "participants": []})
    }

    fn history(&self) -> Value {
        json!({"action": "coach_get_historical_participation", "auth_token": code("Coach Hana"),
            "start_time": BASE - 9_000, "end_time": BASE + 9_000})
    }
}

fn code(name: &str) -> String {
    let club = workload::initial_club(BASE);
    member(&club, name).auth_token.text().to_owned()
}

/// Notes every request.
struct Noted {
    connection: Connection,
    requests: Mutex<Vec<String>>,
}

impl Noted {
    fn note(&self, method: &str, location: Location<'_>, condition: &str) {
        let request = format!("{method} {} {}{condition}", location.bucket, location.key);
        let mut requests = self.requests.lock().expect("no thread panicked");
        requests.push(request);
    }
}

impl ObjectStore for Noted {
    fn get(
        &self,
        location: Location<'_>,
        unless: Option<&ETag>,
        timeout: Duration,
    ) -> Result<Fetched, S3Error> {
        self.note("GET", location, unless.map_or("", |_| " unless same"));
        self.connection.get(location, unless, timeout)
    }

    fn head(&self, location: Location<'_>, timeout: Duration) -> Result<Head, S3Error> {
        self.note("HEAD", location, "");
        self.connection.head(location, timeout)
    }

    fn get_beside_head(
        &self,
        get: Location<'_>,
        head: Location<'_>,
        timeout: Duration,
    ) -> (Result<Fetched, S3Error>, Result<Head, S3Error>) {
        self.note("GET", get, "");
        self.note("HEAD", head, "");
        self.connection.get_beside_head(get, head, timeout)
    }

    fn put(
        &self,
        location: Location<'_>,
        upload: &Upload<'_>,
        timeout: Duration,
    ) -> Result<Written, S3Error> {
        let condition = match upload.condition {
            Condition::Always => "",
            Condition::Absent => " if absent",
            Condition::Match(_) => " if same",
        };
        self.note("PUT", location, condition);
        self.connection.put(location, upload, timeout)
    }
}

/// To S3 and back.
const ROUND_TRIP: Duration = Duration::from_millis(20);
