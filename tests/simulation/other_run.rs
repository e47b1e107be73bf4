//! Two runs of one operation: the first one's commit has no answer, and the other one makes the change.

use std::sync::Mutex;
use std::time::Duration;

use dojang::s3::{ETag, Fetched, Head, Location, ObjectStore, S3Error, Upload, Written};
use dojang::store::{Failure, Fault, Request, State, Store, Trace};
use serde_json::{Map, Value, json};

use crate::instance::{data, write_first_club};
use crate::random::Random;
use crate::record::{DATA, PRIVATE, PUBLIC};
use crate::s3::S3;
use crate::turns::{Step, Time, Turns};
use crate::workload::{self, TEST_SECRET, member, named};
use crate::world::{BASE, time};

#[test]
fn the_change_of_another_run_is_answered_as_it_is_now() {
    let club = Requests::new();
    let (first, others) = played(&club.update, false, &[&club.answer, &club.update]);
    let answer = &others[1];
    assert!(answer.is_ok(), "{answer:?}");
    let shown = &answer.as_ref().expect("it was made")["session"]["participation"];
    assert_ne!(*shown, json!({}), "the member's answer is shown");
    assert_eq!(first, *answer);
}

/// What that run answered nobody can tell any more: the session was another when it changed it.
#[test]
fn what_another_run_answered_is_not_made_up() {
    let club = Requests::new();
    for end in [&club.delete, &club.remove] {
        let (first, others) = played(&club.update, false, &[&club.answer, &club.update, end]);
        assert!(others.iter().all(Result::is_ok), "{others:?}");
        let Err(Failure::Fault(Fault { state, .. })) = first else {
            panic!("expected a fault, found {first:?}");
        };
        assert_eq!(state, State::ChangedNotPublic, "that it was changed");
    }
}

/// The other one changed the same version: both have one answer.
#[test]
fn the_same_change_of_another_run_is_answered() {
    let club = Requests::new();
    let (first, others) = played(&club.update, false, &[&club.update, &club.delete]);
    assert_eq!(first, others[0]);
    assert!(first.is_ok(), "{first:?}");
}

#[test]
fn its_own_change_is_answered_whatever_became_of_it_since() {
    let club = Requests::new();
    for end in [&club.delete, &club.remove] {
        let (first, others) = played(&club.update, true, &[&club.answer, end]);
        assert!(others.iter().all(Result::is_ok), "{others:?}");
        let answer = first.expect("it was made");
        assert_eq!(answer["session"]["participation"], json!({}), "as it was");
    }
}

struct Requests {
    /// A coach changes a session.
    update: Map<String, Value>,
    /// A member answers to it.
    answer: Map<String, Value>,
    /// An admin deletes it.
    delete: Map<String, Value>,
    /// An admin removes the coach.
    remove: Map<String, Value>,
}

impl Requests {
    fn new() -> Self {
        let club = workload::initial_club(BASE);
        let code = |name| member(&club, name).auth_token.text();
        let session = club.sessions.keys().next().expect("a session");
        let (admin, coach) = ("Grandmaster Oh", "Coach Hana");
        Self {
            update: named(
                "update",
                json!({"action": "coach_update_training_session", "auth_token": code(coach),
                    "session_id": session, "start_time": BASE + 600, "end_time": BASE + 3_600,
                    "coach": member(&club, coach).user_id, "comment": "changed"}),
            ),
            answer: named(
                "answer",
                json!({"action": "any_register_participation",
                    "joining_sessions": {session: "Yes"}, "user_auth_tokens": [code("Amir")]}),
            ),
            delete: named(
                "delete",
                json!({"action": "coach_update_training_session", "auth_token": code(admin),
                    "session_id": session, "session_state": "deleted"}),
            ),
            remove: named(
                "remove",
                json!({"action": "admin_delete_user", "auth_token": code(admin),
                    "user_id": member(&club, coach).user_id}),
            ),
        }
    }
}

type Answer = Result<Value, Failure>;

/// How a run of `request` ends, the first commit of which has no answer, and how others end that come meanwhile.
/// `lands`: that commit took effect before them.
fn played(
    request: &Map<String, Value>,
    lands: bool,
    others: &[&Map<String, Value>],
) -> (Answer, Vec<Answer>) {
    let s3 = S3::default();
    write_first_club(&s3);
    let turns = Turns::new(false, Vec::new());
    let served = Mutex::new(Vec::new());
    let meanwhile = || {
        for (n, other) in others.iter().enumerate() {
            let answer = apply(step(&turns, &s3), &turns, 1 + n as u64, other);
            served.lock().expect("no thread panicked").push(answer);
        }
    };
    let unanswered = Unanswered {
        step: step(&turns, &s3),
        lands,
        meanwhile: Mutex::new(Some(&meanwhile)),
    };
    let first = apply(unanswered, &turns, 0, request);
    let served = served.lock().expect("no thread panicked").clone();
    assert_eq!(served.len(), others.len(), "a commit had no answer");
    (first, served)
}

fn step(turns: &Turns, s3: &S3) -> Step {
    Step {
        turns: turns.clone(),
        s3: s3.clone(),
        thread: 0,
    }
}

/// Serves a request on a new instance.
fn apply(s3: impl ObjectStore, turns: &Turns, seed: u64, request: &Map<String, Value>) -> Answer {
    let world = Time {
        turns: turns.clone(),
        random: Mutex::new(Random::new(seed)),
    };
    let secret = Some(TEST_SECRET.to_owned());
    let store = Store::new(s3, world, PRIVATE.into(), PUBLIC.into(), secret);
    let now = time(turns.now(), 0);
    let request = Request {
        data: &data(request),
        id: "no request id",
        arrived: Some(now),
        deadline: now + Duration::from_secs(10),
    };
    store.apply(&request, &mut Trace::default())
}

/// An S3 that gives no answer to the first commit; others come meanwhile.
struct Unanswered<'a> {
    step: Step,
    lands: bool,
    meanwhile: Mutex<Option<&'a dyn Fn()>>,
}

impl ObjectStore for Unanswered<'_> {
    fn get(
        &self,
        location: Location<'_>,
        unless: Option<&ETag>,
        timeout: Duration,
    ) -> Result<Fetched, S3Error> {
        self.step.get(location, unless, timeout)
    }

    fn head(&self, location: Location<'_>, timeout: Duration) -> Result<Head, S3Error> {
        self.step.head(location, timeout)
    }

    fn put(
        &self,
        location: Location<'_>,
        upload: &Upload<'_>,
        timeout: Duration,
    ) -> Result<Written, S3Error> {
        let is_commit = location.bucket == PRIVATE && location.key == DATA;
        let mut meanwhile = self.meanwhile.lock().expect("no thread panicked");
        let Some(come) = meanwhile.take_if(|_| is_commit) else {
            return self.step.put(location, upload, timeout);
        };
        if self.lands {
            self.step.put(location, upload, timeout)?;
        }
        come();
        Err(S3Error::OutcomeUnknown {
            cause: "cut off".to_owned(),
        })
    }
}
