//! A backend to test: servers, process, a club, and ways to call it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::resume_unwind;
use std::thread;
use std::time::Duration;

use dojang::actions::Action;
use dojang::club::demo;
use dojang::club::user::Role;
use local::setup::{PRIVATE_BUCKET, PUBLIC_BUCKET, TEST_SECRET, lambda_environment};
use local::{
    Delivery, Function, Outcome, PATIENCE, RequestKind, RuntimeApi, RuntimeApiOptions, S3Options,
    S3Server, StoredObject,
};
use serde_json::{Map, Value, json};

use crate::machine::open_files_max;

/// A named test. It counts its requests.
#[derive(Clone)]
pub(crate) struct Case {
    /// `topic::what_holds`.
    pub(crate) name: &'static str,
    /// Panics if it does not hold.
    pub(crate) run: fn(&Counts),
}

/// Lists functions of a module as cases.
#[macro_export]
macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        /// The cases of this topic.
        pub(crate) fn cases() -> Vec<$crate::support::Case> {
            vec![$($crate::support::Case {
                name: concat!(module_path!(), "::", stringify!($name)),
                run: $name,
            }),*]
        }
    };
}

/// How many requests were made, by action and role, and what they led to in S3.
#[derive(Default)]
pub(crate) struct Counts {
    by_action_and_role: RefCell<BTreeMap<(String, String), usize>>,
    s3_requests: RefCell<BTreeSet<RequestKind>>,
}

impl Counts {
    /// Counts the requests of `other` too.
    pub(crate) fn add(&self, other: &Self) {
        let mut counts = self.by_action_and_role.borrow_mut();
        for (key, count) in other.by_action_and_role.borrow().iter() {
            *counts.entry(key.clone()).or_default() += count;
        }
        let made = other.s3_requests.borrow().clone();
        self.s3_requests.borrow_mut().extend(made);
    }

    /// The counts.
    pub(crate) fn by_action_and_role(&self) -> BTreeMap<(String, String), usize> {
        self.by_action_and_role.borrow().clone()
    }

    /// The kinds of requests to S3.
    pub(crate) fn s3_requests(&self) -> BTreeSet<RequestKind> {
        self.s3_requests.borrow().clone()
    }

    fn count(&self, action: &str, role: &str) {
        *self
            .by_action_and_role
            .borrow_mut()
            .entry((action.to_owned(), role.to_owned()))
            .or_default() += 1;
    }
}

/// How much of what `wanted` counts may run at once where few files may be open, each with servers of its own:
/// all of it with the usual 1,024 and more.
pub(crate) fn at_once(wanted: usize) -> usize {
    match open_files_max() {
        Some(files) if files < 1_024 => (wanted * files / 2_048).max(1),
        _ => wanted,
    }
}

/// Runs `test` on every row, a few rows at a time: for rows that each wait for a deadline.
pub(crate) fn side_by_side<T: Sync>(counts: &Counts, rows: &[T], test: fn(&Counts, &T)) {
    for some in rows.chunks(at_once(ROWS_AT_ONCE)) {
        thread::scope(|scope| {
            let running: Vec<_> = some
                .iter()
                .map(|row| {
                    scope.spawn(move || {
                        let counts = Counts::default();
                        test(&counts, row);
                        counts
                    })
                })
                .collect();
            for row in running {
                match row.join() {
                    Ok(more) => counts.add(&more),
                    Err(panic) => resume_unwind(panic),
                }
            }
        });
    }
}

/// A running backend on servers of its own.
pub(crate) struct Backend<'c> {
    /// Where the objects are.
    pub(crate) s3: S3Server,
    /// What the process talks to.
    pub(crate) runtime_api: RuntimeApi,
    /// The process.
    pub(crate) function: Function,
    environment: BTreeMap<String, String>,
    counts: &'c Counts,
}

impl<'c> Backend<'c> {
    /// A backend on empty buckets.
    pub(crate) fn empty(counts: &'c Counts) -> Self {
        Self::start(counts, S3Options::default(), &[])
    }

    /// A backend with the demo club, made by `any_reset_test_setup`, at the same distance from the clock on
    /// every day of the week: Coach Hana's session begins in two days, Coach Jonas's in five.
    pub(crate) fn demo(counts: &'c Counts) -> Self {
        let backend = Self::empty(counts);
        let reset = json!({"action": "any_reset_test_setup", "test_secret": TEST_SECRET});
        assert_eq!(backend.call(&reset), (200, json!({})));
        let club = backend.private();
        for (coach, ahead) in [("Coach Hana", 2 * DAY), ("Coach Jonas", 5 * DAY)] {
            let mut sessions = club["sessions"]
                .as_object()
                .into_iter()
                .flat_map(Map::values);
            let session = sessions.find(|session| session["coach"] == id(coach));
            let session = session.expect("each coach has a session");
            let start_time = now() + ahead;
            let update = json!({"action": "coach_update_training_session",
                "session_id": session["session_id"], "start_time": start_time,
                "end_time": start_time + 5_400, "coach": session["coach"],
                "comment": session["comment"]});
            backend.ok_as(coach, &update);
        }
        backend.s3.clear_requests();
        backend
    }

    /// A backend with further or other environment variables; an empty value removes one. Its process has
    /// started, prefetch included, and waits for an event.
    pub(crate) fn start(counts: &'c Counts, s3: S3Options, variables: &[(&str, &str)]) -> Self {
        let s3 = S3Server::start(s3).expect("a loopback port is free");
        let runtime_api =
            RuntimeApi::start(patient_runtime_api()).expect("a loopback port is free");
        let mut environment = lambda_environment(&runtime_api.address(), &s3.endpoint());
        environment.insert("AWS_LAMBDA_LOG_FORMAT".into(), "JSON".into());
        for (name, value) in variables {
            if value.is_empty() {
                environment.remove(*name);
            } else {
                environment.insert((*name).to_owned(), (*value).to_owned());
            }
        }
        let function = spawn(&environment);
        expect_next(&runtime_api);
        Self {
            s3,
            runtime_api,
            function,
            environment,
            counts,
        }
    }

    /// Kills the process with SIGKILL and starts another one on the same servers.
    pub(crate) fn restart(&mut self) {
        self.function.kill();
        self.function.wait();
        self.function = spawn(&self.environment);
        expect_next(&self.runtime_api);
    }

    /// [`Backend::restart`], and the new process has read nothing from S3.
    pub(crate) fn restart_without_prefetch(&mut self) {
        self.set_variable("DOJANG_PREFETCH", "off");
        self.restart();
    }

    /// Changes an environment variable for the next [`Backend::restart`].
    pub(crate) fn set_variable(&mut self, name: &str, value: &str) {
        self.environment.insert(name.to_owned(), value.to_owned());
    }

    /// Kills the process; all lines that it has logged.
    pub(crate) fn last_log_lines(&self) -> Vec<String> {
        self.function.kill();
        self.function.wait();
        self.function.log_lines()
    }

    /// Posts request data through a Function URL event; status and body of the answer.
    pub(crate) fn call(&self, data: &Value) -> (u64, Value) {
        self.count(data);
        answer(&self.event(&url_event(&data.to_string())))
    }

    /// The same, as the demo member `name`.
    pub(crate) fn call_as(&self, name: &str, data: &Value) -> (u64, Value) {
        let mut data = data.clone();
        data["auth_token"] = json!(code(name));
        self.call(&data)
    }

    /// Calls as `name` and expects success.
    #[track_caller]
    pub(crate) fn ok_as(&self, name: &str, data: &Value) -> Value {
        let (status, body) = self.call_as(name, data);
        assert_eq!(status, 200, "{body} to {data}");
        body
    }

    /// Calls as `name` and expects a refusal that changes no object; its text.
    #[track_caller]
    pub(crate) fn refused_as(&self, name: &str, data: &Value) -> String {
        let before = self.objects();
        let (status, body) = self.call_as(name, data);
        assert_eq!(status, 400, "{body} to {data}");
        assert_eq!(self.objects(), before, "{data} changed something");
        error_text(&body)
    }

    /// Hands an event to the function; the whole answer, headers and all.
    #[track_caller]
    pub(crate) fn event(&self, event: &Value) -> Value {
        self.raw_event(event.to_string().as_bytes())
    }

    /// The same for an event that need not be JSON.
    #[track_caller]
    pub(crate) fn raw_event(&self, event: &[u8]) -> Value {
        response(self.runtime_api.invoke(event))
    }

    /// The same with a choice of request id, deadline and the like.
    #[track_caller]
    pub(crate) fn delivered(&self, delivery: Delivery, event: &Value) -> Value {
        response(
            self.runtime_api
                .invoke_with(delivery, event.to_string().as_bytes()),
        )
    }

    /// The same with little time until the deadline: for what is tried again until time is up.
    #[track_caller]
    pub(crate) fn hurried(&self, event: &Value) -> Value {
        self.hurried_as(Delivery::default(), event)
    }

    /// The same, with a choice of request id.
    #[track_caller]
    pub(crate) fn hurried_as(&self, delivery: Delivery, event: &Value) -> Value {
        let deadline = Some(std::time::SystemTime::now() + HURRY);
        self.delivered(
            Delivery {
                deadline,
                ..delivery
            },
            event,
        )
    }

    /// The S3 requests made so far, such as `GET private data.json 200`.
    pub(crate) fn s3_requests(&self) -> Vec<String> {
        let made = self.s3.requests();
        let name = |bucket: &str| {
            if bucket == PRIVATE_BUCKET {
                "private"
            } else {
                "public"
            }
        };
        made.iter()
            .map(|made| {
                let status = made.status.unwrap_or_default();
                format!(
                    "{} {} {} {status}",
                    made.method,
                    name(&made.bucket),
                    made.key
                )
            })
            .collect()
    }

    /// The club as the private object holds it.
    #[track_caller]
    pub(crate) fn private(&self) -> Value {
        parsed(self.s3.object(PRIVATE_BUCKET, "data.json"))
    }

    /// The club as the public object holds it.
    #[track_caller]
    pub(crate) fn public(&self) -> Value {
        parsed(self.s3.object(PUBLIC_BUCKET, "data.json"))
    }

    /// A year's history.
    #[track_caller]
    pub(crate) fn history(&self, year: i32) -> Value {
        parsed(
            self.s3
                .object(PRIVATE_BUCKET, &dojang::club::history::object_key(year)),
        )
    }

    /// The id of the demo session that has begun, at the start of the hour in which the club was made.
    pub(crate) fn present_session(&self) -> String {
        self.session_in_order(0)
    }

    /// The id of the demo session that lies ahead first, by two days.
    pub(crate) fn next_session(&self) -> String {
        self.session_in_order(1)
    }

    fn session_in_order(&self, place: usize) -> String {
        let club = self.private();
        let sessions = club["sessions"].as_object().expect("sessions is an object");
        let mut ids: Vec<_> = sessions.keys().collect();
        ids.sort_by_key(|id| sessions[*id]["start_time"].as_i64());
        ids[place].clone()
    }

    /// Waits for the log line of this request (JSON format), summary or other, that `wanted` holds for.
    #[track_caller]
    pub(crate) fn log_line(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let line = expect_line(&self.function, "as expected", |line| {
            serde_json::from_str(line).is_ok_and(|line: Value| wanted(&line))
        });
        serde_json::from_str(&line).expect("it is JSON")
    }

    /// All that a refused request must leave alone.
    fn objects(&self) -> [Option<StoredObject>; 2] {
        [(PRIVATE_BUCKET), (PUBLIC_BUCKET)].map(|bucket| self.s3.object(bucket, "data.json"))
    }

    /// Counts a request that is not made by [`Self::call`].
    pub(crate) fn count(&self, data: &Value) {
        let action = data["action"].as_str().and_then(Action::from_name);
        let caller = data["auth_token"].as_str().and_then(|token| {
            demo::MEMBERS
                .into_iter()
                .find(|(name, _)| code(name) == token)
                .map(|(_, role)| role)
        });
        let action = action.map_or("(no action)", Action::name);
        self.counts
            .count(action, caller.map_or("nobody", Role::name));
    }
}

impl Drop for Backend<'_> {
    fn drop(&mut self) {
        let kinds = self.s3.kinds();
        self.counts.s3_requests.borrow_mut().extend(kinds);
    }
}

/// Starts the executable under test: what Cargo has built, or what `DOJANG_EXECUTABLE` names (a packaged
/// one, or a script that runs one for another machine).
pub(crate) fn spawn(environment: &BTreeMap<String, String>) -> Function {
    let packaged = std::env::var("DOJANG_EXECUTABLE").ok();
    let program = packaged
        .as_deref()
        .unwrap_or(env!("CARGO_BIN_EXE_bootstrap"));
    Function::spawn(program, &[], environment).expect("bootstrap starts")
}

/// Options under which an event ends by its answer, however slow the machine is.
pub(crate) fn patient_runtime_api() -> RuntimeApiOptions {
    RuntimeApiOptions {
        timeout: PATIENCE,
        patience: PATIENCE,
        ..RuntimeApiOptions::default()
    }
}

/// Waits for a started process to ask for its first event.
#[track_caller]
pub(crate) fn expect_next(runtime_api: &RuntimeApi) {
    assert!(
        runtime_api.wait_for_next(PATIENCE),
        "the executable has not asked for its first event within {PATIENCE:?}"
    );
}

/// Waits for a line of the log that contains `text`.
#[track_caller]
pub(crate) fn expect_log_line(function: &Function, text: &str) -> String {
    expect_line(function, text, |line| line.contains(text))
}

#[track_caller]
fn expect_line(function: &Function, what: &str, wanted: impl Fn(&str) -> bool) -> String {
    let line = function.wait_for_log_line(PATIENCE, wanted);
    line.unwrap_or_else(|| {
        let lines = function.log_lines();
        panic!("no line {what:?} in the log within {PATIENCE:?}: {lines:#?}")
    })
}

/// A Function URL event with this body.
pub(crate) fn url_event(body: &str) -> Value {
    json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/",
        "rawQueryString": "",
        "headers": {"content-type": "application/json"},
        "requestContext": {"http": {"method": "POST", "path": "/"}},
        "body": body,
        "isBase64Encoded": false,
    })
}

/// Status and body of an answer, which must have the contract's form (`docs/api.md#answers`).
#[track_caller]
pub(crate) fn answer(answer: &Value) -> (u64, Value) {
    let headers: &Map<_, _> = answer["headers"].as_object().expect("headers is an object");
    let header = |name: &str| {
        let found = headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found
            .and_then(|(_, value)| value.as_str())
            .unwrap_or_default()
    };
    assert!(
        header("Content-Type").starts_with("application/json"),
        "{answer}"
    );
    assert_eq!(header("Access-Control-Allow-Origin"), "*", "{answer}");
    assert!(header("Access-Control-Allow-Headers").eq_ignore_ascii_case("Content-Type"));
    assert!(
        header("Access-Control-Allow-Methods").contains("POST"),
        "{answer}"
    );
    assert_eq!(header("Cache-Control"), "no-store", "{answer}");
    let status = answer["statusCode"]
        .as_u64()
        .expect("statusCode is an integer");
    let body = answer["body"].as_str().expect("body is a string");
    let body: Value = serde_json::from_str(body).expect("the body is JSON");
    if status != 200 {
        assert!(!error_text(&body).is_empty(), "{answer}");
    }
    (status, body)
}

/// The text of a refusal.
#[track_caller]
pub(crate) fn error_text(body: &Value) -> String {
    body["error"]
        .as_str()
        .expect("error is a string")
        .to_owned()
}

/// The login code of the demo member `name`.
pub(crate) fn code(name: &str) -> String {
    demo::login_code(TEST_SECRET, name).text().to_owned()
}

/// The id of the demo member `name`.
pub(crate) fn id(name: &str) -> String {
    demo::user_id(TEST_SECRET, name)
}

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(now.expect("it is after 1970").as_secs()).expect("it is before the year 10^11")
}

#[track_caller]
fn response(outcome: Outcome) -> Value {
    match outcome {
        Outcome::Response(payload) => serde_json::from_slice(&payload).expect("answers are JSON"),
        other => panic!("expected an answer, found {other:?}"),
    }
}

#[track_caller]
fn parsed(object: Option<StoredObject>) -> Value {
    serde_json::from_slice(&object.expect("the object exists").bytes).expect("it is JSON")
}

const DAY: i64 = 86_400;
const ROWS_AT_ONCE: usize = 6;
/// Until the deadline of an invocation whose requests to S3 fail again and again: a hundred times what the
/// first of them take on an idle machine, so that they are made on a busy one too.
const HURRY: Duration = Duration::from_secs(3);
