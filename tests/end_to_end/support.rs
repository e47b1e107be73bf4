//! A backend to test: servers, process, a club, and ways to call it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use dojang::actions::Action;
use dojang::club::demo;
use dojang::club::user::Role;
use local::setup::{PRIVATE_BUCKET, PUBLIC_BUCKET, TEST_SECRET, lambda_environment};
use local::{
    Delivery, Function, Outcome, RequestKind, RuntimeApi, RuntimeApiOptions, S3Options, S3Server,
    StoredObject,
};
use serde_json::{Map, Value, json};

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

    /// A backend with the demo club, made by `any_reset_test_setup`.
    pub(crate) fn demo(counts: &'c Counts) -> Self {
        let backend = Self::empty(counts);
        let reset = json!({"action": "any_reset_test_setup", "test_secret": TEST_SECRET});
        assert_eq!(backend.call(&reset), (200, json!({})));
        backend.s3.clear_requests();
        backend
    }

    /// A backend with further or other environment variables; an empty value removes one. Its process has
    /// started, prefetch included, and waits for an event.
    pub(crate) fn start(counts: &'c Counts, s3: S3Options, variables: &[(&str, &str)]) -> Self {
        let s3 = S3Server::start(s3).expect("a loopback port is free");
        let runtime_api =
            RuntimeApi::start(RuntimeApiOptions::default()).expect("a loopback port is free");
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
        assert!(runtime_api.wait_for_next(PATIENCE));
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
        assert!(self.runtime_api.wait_for_next(PATIENCE));
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

    /// The id of the demo session that began at the start of the present hour.
    pub(crate) fn present_session(&self) -> String {
        let club = self.private();
        let sessions = club["sessions"].as_object().expect("sessions is an object");
        let present = sessions
            .iter()
            .min_by_key(|(_, session)| session["start_time"].as_i64());
        present.expect("the demo club has sessions").0.clone()
    }

    /// The id of the demo session that lies ahead first.
    pub(crate) fn next_session(&self) -> String {
        let present = self.present_session();
        let club = self.private();
        let sessions = club["sessions"].as_object().expect("sessions is an object");
        let next = sessions
            .iter()
            .filter(|(id, _)| **id != present)
            .min_by_key(|(_, session)| session["start_time"].as_i64());
        next.expect("the demo club has sessions ahead").0.clone()
    }

    /// Waits for the log line of this request (JSON format), summary or other, that `wanted` holds for.
    #[track_caller]
    pub(crate) fn log_line(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let line = self.function.wait_for_log_line(PATIENCE, |line| {
            serde_json::from_str(line).is_ok_and(|line: Value| wanted(&line))
        });
        serde_json::from_str(&line.expect("the log has such a line")).expect("it is JSON")
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

/// Until the deadline of an invocation whose requests to S3 fail again and again.
const HURRY: Duration = Duration::from_millis(1_500);
/// How long to wait for what must happen; tests never depend on it being short.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
