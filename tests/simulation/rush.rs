//! A rush: so many members answer in the same second, each on a cold instance of its own.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dojang::club::Club;
use dojang::club::extra::Extra;
use dojang::club::operation::Secret;
use dojang::club::participation::Participation;
use dojang::club::projection::private_json;
use dojang::club::stored::read_club;
use dojang::club::user::{LoginCode, Role, User};
use dojang::store::journal::Journal;
use dojang::store::{Request, Store, Trace};
use serde_json::json;

use crate::connection::Connection;
use crate::faults::Faults;
use crate::instance::data;
use crate::random::Random;
use crate::record::{DATA, PRIVATE, PUBLIC};
use crate::s3::S3;
use crate::scheduler::{Micros, Scheduler};
use crate::workload;
use crate::world::{BASE, Clock, time};

/// With S3 at 25 ms a request, all are acknowledged within Lambda's 10 s.
#[test]
fn everybody_is_acknowledged_in_time() {
    println!("members | acknowledged | the last one after | S3 requests in all | attempts at most");
    for members in [10, 50, 100, 200] {
        let Rush {
            last,
            requests,
            attempts,
            acknowledged,
        } = rush(members);
        println!(
            "{members:7} | {acknowledged:12} | {:16.2} s | {requests:18} | {attempts:16}",
            last as f64 / 1e6
        );
        if members <= 100 {
            assert_eq!(acknowledged, members, "acknowledged in time");
            assert!(last < 10_000_000, "{members} members: {last} µs");
        }
    }
}

struct Rush {
    last: Micros,
    requests: usize,
    attempts: u32,
    acknowledged: usize,
}

fn rush(members: usize) -> Rush {
    let mut club = workload::initial_club(BASE);
    for n in 0..members {
        let user = User {
            user_id: format!("member {n}"),
            name: format!("Member {n}"),
            role: Role::Student,
            auth_token: LoginCode::new(format!("code {n}")),
            extra: Extra::default(),
        };
        club.users.insert(user.user_id.clone(), user);
    }
    let session = club
        .sessions
        .keys()
        .next()
        .expect("the club has sessions")
        .clone();
    let s3 = S3::default();
    let metadata: BTreeMap<_, _> = Journal::new(Secret([7; 16]))
        .to_metadata()
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    s3.write_foreign(0, PRIVATE, DATA, private_json(&club), metadata);
    let results = Mutex::new(Vec::new());
    Scheduler::run(members, |scheduler, thread| {
        let mut random = Random::new(thread as u64);
        // All within one second.
        scheduler.sleep(random.below(1_000_000));
        let start = scheduler.now();
        let skew = Arc::new(AtomicI64::new(0));
        let connection = Connection::new(
            &s3,
            scheduler,
            Faults::default(),
            (12_500, 0),
            random.clone(),
            &skew,
            true,
        );
        let clock = Clock {
            scheduler: scheduler.clone(),
            skew,
            look_takes: Arc::default(),
            random: Mutex::new(random),
        };
        let store = Store::new(connection, clock, PRIVATE.into(), PUBLIC.into(), None);
        let request = json!({"action": "any_register_participation",
            "joining_sessions": {&session: "Yes"}, "user_auth_tokens": [format!("code {thread}")]});
        let deadline = time(start, 0) + Duration::from_secs(10);
        let mut trace = Trace::default();
        let request = Request {
            data: &data(request.as_object().expect("it is an object")),
            id: &thread.to_string(),
            arrived: None,
            deadline,
        };
        let served = store.apply(&request, &mut trace);
        let taken = scheduler.now() - start;
        results
            .lock()
            .expect("no thread panicked")
            .push((served.is_ok(), taken, trace.attempts));
    });
    let results = results.into_inner().expect("no thread panicked");
    let stored = s3.newest(PRIVATE, DATA).expect("there is a club");
    let stored: Club = read_club(&stored.bytes).expect("it can be read");
    let answers = &stored.sessions[&session].participation;
    let acknowledged = results.iter().filter(|(is_ok, ..)| *is_ok).count();
    let there = answers
        .iter()
        .filter(|(_, intention)| *intention == Participation::Yes)
        .count();
    assert!(
        there >= acknowledged,
        "{acknowledged} were acknowledged, {there} are there"
    );
    Rush {
        last: results
            .iter()
            .filter(|(is_ok, ..)| *is_ok)
            .map(|(_, taken, _)| *taken)
            .max()
            .unwrap_or(0),
        requests: s3.requests(),
        attempts: results
            .iter()
            .map(|(.., attempts)| *attempts)
            .max()
            .unwrap_or(0),
        acknowledged,
    }
}
