//! One instance alone: what it asks of S3, and what follows from S3's answers.
//!
//! * `calm`: nothing goes wrong
//! * `mishaps`: one request goes wrong, or each of a kind; or somebody else writes

mod calm;
mod mishaps;

use std::sync::atomic::{AtomicI64, AtomicU64};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dojang::s3::{Condition, ETag, Fetched, Head, Location, ObjectStore, S3Error, Upload, Written};
use dojang::store::{Failure, Fault, Request, Store, Trace, Trust};
use serde_json::{Value, json};

use crate::connection::Connection;
use crate::faults::Faults;
use crate::instance::{data, write_first_club};
use crate::random::Random;
use crate::record::{PRIVATE, PUBLIC};
use crate::s3::{S3, Write};
use crate::scheduler::{Micros, Scheduler};
use crate::workload::{self, TEST_SECRET, member};
use crate::world::{BASE, Clock, time};

/// An instance, and what it knows of the club.
struct Alone<'a> {
    store: Store<Noted, Clock>,
    scheduler: &'a Scheduler,
    /// How much time passes before it looks at its clock.
    look_takes: Arc<AtomicU64>,
}

/// How a request went.
struct Served {
    answer: Result<Value, Failure>,
    trace: Trace,
    /// To S3.
    requests: Vec<String>,
}

fn on_the_first_club(trust: Trust, test: impl Fn(&Alone<'_>) + Send + Sync) {
    on(&first_club(), trust, test);
}

fn first_club() -> S3 {
    let s3 = S3::default();
    write_first_club(&s3);
    s3
}

fn on(s3: &S3, trust: Trust, test: impl Fn(&Alone<'_>) + Send + Sync) {
    on_a_server(s3, true, trust, test);
}

/// `is_atomic`: it heeds `If-Match` between writes at once too.
fn on_a_server(s3: &S3, is_atomic: bool, trust: Trust, test: impl Fn(&Alone<'_>) + Send + Sync) {
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
        let look_takes = Arc::<AtomicU64>::default();
        let clock = Clock {
            scheduler: scheduler.clone(),
            skew,
            look_takes: Arc::clone(&look_takes),
            random: Mutex::new(Random::new(2)),
        };
        let noted = Noted {
            connection,
            is_atomic,
            requests: Mutex::default(),
            mishap: Mutex::default(),
        };
        let secret = Some(TEST_SECRET.to_owned());
        let store = Store::new(noted, clock, PRIVATE.into(), PUBLIC.into(), secret);
        test(&Alone {
            store: store.with_trust(trust),
            scheduler,
            look_takes,
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

    /// From now on so many of the requests that begin so end with this error, and get nowhere.
    fn strike(&self, request: &'static str, times: usize, error: S3Error) {
        self.strike_instead(request, times, error, |_| {});
    }

    fn strike_instead(
        &self,
        request: &'static str,
        times: usize,
        error: S3Error,
        instead: impl Fn(Option<&Write>) + Send + 'static,
    ) {
        *self.store.s3().mishap.lock().expect("no thread panicked") = Some(Mishap {
            request,
            times,
            error,
            instead: Box::new(instead),
        });
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

/// What an answer is if it must be a fault.
fn fault(answer: Result<Value, Failure>) -> Fault {
    match answer {
        Err(Failure::Fault(fault)) => fault,
        other => panic!("expected a fault, found {other:?}"),
    }
}

fn code(name: &str) -> String {
    let club = workload::initial_club(BASE);
    member(&club, name).auth_token.text().to_owned()
}

/// Notes every request, and has some go wrong.
struct Noted {
    connection: Connection,
    is_atomic: bool,
    requests: Mutex<Vec<String>>,
    mishap: Mutex<Option<Mishap>>,
}

/// What goes wrong.
struct Mishap {
    /// How the requests begin, as they are noted.
    request: &'static str,
    /// How many.
    times: usize,
    /// How they end, without having got to S3.
    error: S3Error,
    /// What happens instead of them.
    instead: Box<Instead>,
}

/// Is given the write, if it was one.
type Instead = dyn Fn(Option<&Write>) + Send;

impl Noted {
    fn note(
        &self,
        method: &str,
        location: Location<'_>,
        condition: &str,
        write: Option<&Write>,
    ) -> Result<(), S3Error> {
        let request = format!("{method} {} {}{condition}", location.bucket, location.key);
        let mut mishap = self.mishap.lock().expect("no thread panicked");
        let strikes =
            |mishap: &&mut Mishap| request.starts_with(mishap.request) && mishap.times > 0;
        let struck = mishap.as_mut().filter(strikes).map(|mishap| {
            mishap.times -= 1;
            (mishap.instead)(write);
            mishap.error.clone()
        });
        self.requests
            .lock()
            .expect("no thread panicked")
            .push(request);
        struck.map_or(Ok(()), Err)
    }
}

impl ObjectStore for Noted {
    fn get(
        &self,
        location: Location<'_>,
        unless: Option<&ETag>,
        timeout: Duration,
    ) -> Result<Fetched, S3Error> {
        self.note("GET", location, unless.map_or("", |_| " unless same"), None)?;
        self.connection.get(location, unless, timeout)
    }

    fn head(&self, location: Location<'_>, timeout: Duration) -> Result<Head, S3Error> {
        self.note("HEAD", location, "", None)?;
        self.connection.head(location, timeout)
    }

    fn get_beside_head(
        &self,
        get: Location<'_>,
        head: Location<'_>,
        timeout: Duration,
    ) -> (Result<Fetched, S3Error>, Result<Head, S3Error>) {
        let noted = (
            self.note("GET", get, "", None),
            self.note("HEAD", head, "", None),
        );
        let (got, looked) = self.connection.get_beside_head(get, head, timeout);
        (noted.0.and(got), noted.1.and(looked))
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
        let write = Write::new(location, upload);
        self.note("PUT", location, condition, Some(&write))?;
        self.connection.put(location, upload, timeout)
    }

    fn put_at_once(
        &self,
        location: Location<'_>,
        uploads: &[Upload<'_>],
        timeout: Duration,
    ) -> Vec<Result<Written, S3Error>> {
        let put = |upload: &Upload<'_>| {
            let condition = if self.is_atomic {
                upload.condition
            } else {
                Condition::Always
            };
            let upload = Upload {
                condition,
                ..*upload
            };
            self.put(location, &upload, timeout)
        };
        uploads.iter().map(put).collect()
    }
}

/// To S3 and back.
const ROUND_TRIP: Duration = Duration::from_millis(20);
