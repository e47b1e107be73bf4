//! Every order of two instances' requests to S3, and one crash anywhere: all runs, beside the random ones.
//!
//! Each instance has one request of a caller. Store, S3 and checker are the same; who goes next is not drawn but tried out.
//!
//! A crash comes before a request takes effect, or after a write did and before its answer. The caller then repeats the
//! request at once, on a new instance. Where there are too many orders for every day, there is no crash, unless
//! `DOJANG_ORDERS=all` asks for it.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use dojang::club::operation::OperationKey;
use dojang::store::{Failure, Request, Store, Trace};
use serde_json::{Map, Value, json};

use crate::checker::check;
use crate::connection::Killed;
use crate::instance::{data, write_first_club};
use crate::random::Random;
use crate::record::{Invocation, Operation, Outcome, PRIVATE, PUBLIC, Record};
use crate::s3::{S3, serve};
use crate::silence_kills;
use crate::turns::{Ends, Path, Step, Time, Turns};
use crate::workload::{self, TEST_SECRET, member, named};
use crate::world::{BASE, seconds, time};

#[test]
fn no_order_of_two_requests_and_one_crash_breaks_a_promise() {
    silence_kills();
    let is_asked_for_all = std::env::var("DOJANG_ORDERS").is_ok_and(|orders| orders == "all");
    let mut total = 0;
    for (name, start, requests) in pairs() {
        let has_few = start == Start::Warm && !name.contains("removing");
        let schedules = search(start, is_asked_for_all || has_few, &requests)
            .unwrap_or_else(|violation| panic!("{name}, {start:?}: {violation}"));
        println!("{schedules:6} schedules: {name}, {start:?}");
        total += schedules;
    }
    println!("{total:6} schedules in all");
    assert!(total > 10_000, "the search was too narrow: {total}");
}

/// What the instances know when the requests come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    /// The club as it is.
    Warm,
    /// Nothing.
    Cold,
    /// Nothing, and there is no club.
    Empty,
}

type Pair = [Map<String, Value>; 2];

/// Requests that get in each other's way.
fn pairs() -> Vec<(&'static str, Start, Pair)> {
    let club = workload::initial_club(BASE);
    let code = |name| {
        let user = member(&club, name);
        (user.auth_token.text().to_owned(), user.user_id.clone())
    };
    let ((admin, _), (coach, coach_id)) = (code("Grandmaster Oh"), code("Coach Hana"));
    let (amir, amir_id) = code("Amir");
    let begun = club
        .sessions
        .values()
        .find(|session| session.start_time <= BASE);
    let session = &begun.expect("one session has begun").session_id;
    let answer = |name, answer| {
        let value = json!({"action": "any_register_participation",
            "joining_sessions": {session: answer}, "user_auth_tokens": [amir]});
        named(name, value)
    };
    let attendance = |name, id: &str| {
        let value = json!({"action": "coach_register_participation", "auth_token": coach,
            "session_id": session, "participants": [id]});
        named(name, value)
    };
    let cancel = named(
        "cancel",
        json!({"action": "coach_update_training_session",
        "auth_token": admin, "session_id": session, "session_state": "cancelled"}),
    );
    let begin = |name| named(name, json!({"action": "any_trigger_initialization"}));
    let remove = named(
        "remove",
        json!({"action": "admin_delete_user", "auth_token": admin,
        "user_id": coach_id}),
    );
    let create = |name| {
        named(
            name,
            json!({"action": "admin_create_user", "auth_token": admin,
            "role": "Student", "name": "Gitte"}),
        )
    };
    vec![
        (
            "two answers",
            Start::Warm,
            [answer("a", "Yes"), answer("b", "No")],
        ),
        (
            "two answers",
            Start::Cold,
            [answer("a", "Yes"), answer("b", "No")],
        ),
        ("one request twice", Start::Warm, [create("a"), create("a")]),
        ("one request twice", Start::Cold, [create("a"), create("a")]),
        (
            "a change and a read",
            Start::Cold,
            [answer("a", "Yes"), begin("b")],
        ),
        (
            "attendance and cancelling",
            Start::Warm,
            [attendance("a", &amir_id), cancel],
        ),
        (
            "attendance and removing the coach",
            Start::Warm,
            [attendance("a", &amir_id), remove],
        ),
        ("two clubs", Start::Empty, [begin("a"), begin("b")]),
    ]
}

/// How many schedules there are, all of which keep the promises.
fn search(start: Start, has_crash: bool, requests: &Pair) -> Result<usize, String> {
    let mut path = Vec::new();
    let mut schedules = 0;
    loop {
        let (record, taken) = play(start, has_crash, requests, path);
        schedules += 1;
        check(&record, true).map_err(|violation| {
            let choices: Vec<_> = taken.iter().map(|(choice, _)| choice).collect();
            format!("schedule {schedules} {choices:?}: {violation}")
        })?;
        path = taken;
        // The next one in order: the last choice that has another left.
        while path
            .pop_if(|(choice, among)| *choice + 1 == *among)
            .is_some()
        {}
        match path.last_mut() {
            Some((choice, _)) => *choice += 1,
            None => return Ok(schedules),
        }
    }
}

/// Plays the schedule that begins with these choices, and then takes the first of each.
fn play(start: Start, has_crash: bool, requests: &Pair, path: Path) -> (Record, Path) {
    let s3 = S3::default();
    let turns = Turns::new(has_crash, path);
    if start != Start::Empty {
        write_first_club(&s3);
        // That it becomes public is no part of what is tried out.
        serve_one(&turns, 0, &instance(&turns, &s3, SETUP), &last_request());
    }
    let served = Mutex::new(Vec::new());
    let warm: Vec<_> = (0..2).map(|n| instance(&turns, &s3, n)).collect();
    if start == Start::Warm {
        for store in &warm {
            store.prefetch(Duration::from_secs(2)).expect("S3 answers");
        }
    }
    turns.begin();
    thread::scope(|scope| {
        for (n, store) in warm.into_iter().enumerate() {
            let (turns, s3, served) = (&turns, &s3, &served);
            scope.spawn(move || {
                let _end = Ends(turns, n);
                let mut store = store;
                for id in [1, 3] {
                    let invocation = serve_one(turns, id + n as u64, &store, &requests[n]);
                    let is_killed = matches!(invocation.outcome, Outcome::Killed);
                    served
                        .lock()
                        .expect("no thread panics with it")
                        .push((n, invocation));
                    if !is_killed {
                        break;
                    }
                    store = instance(turns, s3, n + 2);
                }
            });
        }
        turns.conduct();
    });
    let mut operations = BTreeMap::<OperationKey, Operation>::new();
    let mut note = |request: &Map<String, Value>, invocation| {
        let key = OperationKey::new(&data(request), "no request id");
        let operation = operations
            .entry(key)
            .or_insert_with(|| Operation::new(request.clone()));
        operation.invocations.push(invocation);
    };
    for (n, invocation) in served.into_inner().expect("no thread panicked") {
        note(&requests[n], invocation);
    }
    // One more request brings the public object in line, if a killed instance did not.
    let request = last_request();
    let taken = turns.end();
    let store = instance(&turns, &s3, LAST);
    note(&request, serve_one(&turns, 5, &store, &request));
    let record = Record {
        s3,
        operations,
        looks: Vec::new(),
    };
    (record, taken)
}

fn last_request() -> Map<String, Value> {
    let request = json!({"action": "any_trigger_initialization", "operation_id": "operation-last"});
    request.as_object().cloned().expect("an object")
}

fn serve_one(
    turns: &Turns,
    id: u64,
    store: &Store<Step, Time>,
    request: &Map<String, Value>,
) -> Invocation {
    serve(id);
    let start = turns.now();
    let applied = catch_unwind(AssertUnwindSafe(|| {
        let request = Request {
            data: &data(request),
            id: "no request id",
            arrived: Some(time(start, 0)),
            deadline: time(start, 0) + Duration::from_secs(10),
        };
        store.apply(&request, &mut Trace::default())
    }));
    let outcome = match applied {
        Ok(Ok(answer)) => Outcome::Answer(answer),
        Ok(Err(Failure::Refused(refusal))) => Outcome::Refused(refusal.to_string()),
        Ok(Err(Failure::Fault(fault))) => Outcome::Fault(fault.state),
        Err(panic) if panic.is::<Killed>() => Outcome::Killed,
        Err(panic) => resume_unwind(panic),
    };
    Invocation {
        id,
        arrived: start,
        start,
        end: turns.now(),
        limit: 10_000_000,
        now: seconds(start),
        is_probe_refused: false,
        outcome,
    }
}

fn instance(turns: &Turns, s3: &S3, number: usize) -> Store<Step, Time> {
    let step = Step {
        turns: turns.clone(),
        s3: s3.clone(),
        thread: number % 2,
    };
    let world = Time {
        turns: turns.clone(),
        random: Mutex::new(Random::new(number as u64)),
    };
    let secret = Some(TEST_SECRET.to_owned());
    Store::new(step, world, PRIVATE.into(), PUBLIC.into(), secret)
}

/// Numbers of instances beside those of the two requests, 0 and 1, and those that follow killed ones, 2 and 3. Each
/// draws other random bytes.
const SETUP: usize = 4;
const LAST: usize = 5;

#[test]
fn an_assertion_of_the_conductor_ends_the_run() {
    let (_, start, requests) = pairs().swap_remove(0);
    // Nothing has so many choices.
    let played = catch_unwind(|| play(start, false, &requests, vec![(0, usize::MAX)]));
    assert!(played.is_err(), "the first choice is among fewer");
}
