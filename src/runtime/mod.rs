//! A synchronous custom runtime for AWS Lambda, usable without the club (`examples/hello.rs`).
//!
//! It polls the Runtime API, hands each event to a handler, and posts the answer.
//!
//! * [`run`]: the whole control flow; [`Handler`], [`Context`]: what a function sees
//! * [`api`]: the Runtime API's calls and what its answers ask for; [`address`]: where it is; `http`: how it
//!   is spoken to
//! * [`report`]: errors as they are reported; [`panics`]: catching them without showing secrets
//!
//! Left out on purpose:
//!
//! * SnapStart: Lambda does not offer it for executables on `provided.al2023`
//! * SIGTERM: Lambda sends it only where an extension is registered, and nothing in memory needs saving
//! * the environment variable `_X_AMZN_TRACE_ID`: the logs carry the trace id instead

pub mod address;
pub mod api;
mod context;
mod event;
mod http;
mod invocation;
pub mod panics;
pub mod report;

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use serde_json::json;

use crate::log::{Level, Log};
use address::Address;
use api::{Invocation, RuntimeApi, Sent};
pub use context::Context;
pub use event::Event;
pub use report::{HandlerError, InitError};

/// What a function does with an event. A closure that gives a payload is a handler too.
///
/// By reference: if Lambda sends several events at once, several threads share a handler.
pub trait Handler {
    /// Makes the answer to one event, both of them JSON texts by Lambda's convention. An event that is not needed
    /// any more is best dropped: a large one keeps others waiting.
    ///
    /// # Errors
    /// What is reported to Lambda as a function error.
    fn handle(&self, event: Event, context: &Context<'_>) -> Result<Response, HandlerError>;
}

/// An answer to an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// A JSON text, by Lambda's convention.
    pub payload: Vec<u8>,
    /// Whether the process ends once it is posted: Lambda starts a new one then, with a new environment.
    pub is_last: bool,
}

impl From<Vec<u8>> for Response {
    /// An answer after which there may be others.
    fn from(payload: Vec<u8>) -> Self {
        Self {
            payload,
            is_last: false,
        }
    }
}

impl<F> Handler for F
where
    F: Fn(&[u8], &Context<'_>) -> Result<Vec<u8>, HandlerError>,
{
    fn handle(&self, event: Event, context: &Context<'_>) -> Result<Response, HandlerError> {
        self(&event, context).map(Response::from)
    }
}

/// Runs a function: `start` makes its handler (Lambda's INIT phase), which then serves one event after
/// the other; several at once if `AWS_LAMBDA_MAX_CONCURRENCY` says so. Returns only when it cannot go on.
pub fn run<H: Handler + Sync>(start: impl FnOnce(&Log) -> Result<H, InitError>) -> ExitCode {
    let variable = |name: &str| std::env::var(name).ok();
    let log = Log::from_environment(variable);
    panics::install_hook(log.clone());
    let address = match Address::parse(&variable("AWS_LAMBDA_RUNTIME_API").unwrap_or_default()) {
        Ok(address) => address,
        Err(error) => {
            // Without an address there is nobody to report to.
            let message = format!("environment variable AWS_LAMBDA_RUNTIME_API: {error}");
            log.write(Level::Fatal, &message, &[]);
            return ExitCode::FAILURE;
        }
    };
    let concurrency = concurrency(variable).unwrap_or_else(|| {
        let message = format!(
            "AWS_LAMBDA_MAX_CONCURRENCY must be a number from 1 to {MAX_CONCURRENCY}; 1 is taken"
        );
        log.write(Level::Warn, &message, &[]);
        1
    });
    let api = RuntimeApi::new(&address);
    let started = panics::catch(|| start(&log))
        .unwrap_or_else(|panic| Err(InitError::new("Runtime.Panic", panic.to_string())));
    let handler = match started {
        Ok(handler) => handler,
        Err(error) => return fail_init(&api, &log, &error),
    };
    poll_all(&api, &log, &handler, concurrency)
}

/// How many events Lambda sends at once: `AWS_LAMBDA_MAX_CONCURRENCY`, which Lambda Managed Instances set, else
/// 1. `None` if it is no number from 1 to 256.
pub fn concurrency(lookup: impl Fn(&str) -> Option<String>) -> Option<usize> {
    match lookup("AWS_LAMBDA_MAX_CONCURRENCY").filter(|number| !number.is_empty()) {
        None => Some(1),
        Some(number) => number
            .parse()
            .ok()
            .filter(|number| (1..=MAX_CONCURRENCY).contains(number)),
    }
}

fn fail_init(api: &RuntimeApi, log: &Log, error: &InitError) -> ExitCode {
    log.write(
        Level::Fatal,
        &error.message,
        &[("errorType", json!(error.category))],
    );
    let problem = match api.report_init_error(error) {
        Ok(Sent::Accepted) => None,
        Ok(Sent::Refused { status, meaning }) => Some(format!("refused ({status}): {meaning}")),
        Ok(Sent::Broken) => Some("refused (500)".to_owned()),
        Err(error) => Some(format!("not delivered: {error}")),
    };
    if let Some(problem) = problem {
        let message = format!("the report of the init error was {problem}");
        log.write(Level::Warn, &message, &[]);
    }
    ExitCode::FAILURE
}

/// Serves events by as many threads as Lambda sends events at once (Lambda Managed Instances).
fn poll_all(
    api: &RuntimeApi,
    log: &Log,
    handler: &(impl Handler + Sync),
    concurrency: usize,
) -> ExitCode {
    let state = State::default();
    thread::scope(|scope| {
        for _ in 1..concurrency {
            let serving = thread::Builder::new().spawn_scoped(scope, || {
                poll(api, log, handler, &state);
                // The other threads wait for events that will not come any more.
                std::process::exit(1);
            });
            if let Err(error) = serving {
                let message = format!("fewer events are served at once than Lambda sends: {error}");
                log.write(Level::Error, &message, &[]);
                break;
            }
        }
        poll(api, log, handler, &state);
        if concurrency > 1 {
            std::process::exit(1);
        }
        ExitCode::FAILURE
    })
}

/// What the threads of a process share.
#[derive(Debug, Default)]
struct State {
    /// An event has come.
    is_warm: AtomicBool,
    /// A handler has given its last answer: the process ends once nobody is at work any more.
    is_ending: AtomicBool,
    /// How many threads are at work on an event.
    busy: AtomicUsize,
}

/// Serves events until the Runtime API fails, or the process is to end.
fn poll(api: &RuntimeApi, log: &Log, handler: &impl Handler, state: &State) {
    let mut failures = 0;
    loop {
        let mut invocation = match api.next() {
            Ok(invocation) => invocation,
            Err(error) => {
                failures += 1;
                if failures < MAX_FAILURES && error.may_pass() {
                    let message = format!("no event: {error}; asking again");
                    log.write(Level::Warn, &message, &[]);
                    continue;
                }
                log.write(Level::Fatal, &format!("no event: {error}"), &[]);
                return;
            }
        };
        failures = 0;
        state.busy.fetch_add(1, Ordering::SeqCst);
        let is_cold = !state.is_warm.swap(true, Ordering::Relaxed);
        let event = std::mem::replace(&mut invocation.event, Err(String::new()));
        let context = Context::new(&invocation, is_cold, log);
        let outcome = match event {
            Ok(event) => panics::catch(|| handler.handle(event, &context))
                .unwrap_or_else(|panic| Err(HandlerError::new("Runtime.Panic", panic.to_string()))),
            Err(unreadable) => Err(HandlerError::new("Runtime.BadEvent", unreadable)),
        };
        // Before it is posted, so that no other thread takes an event meanwhile.
        let is_last = outcome.as_ref().is_ok_and(|response| response.is_last);
        if is_last && !state.is_ending.swap(true, Ordering::SeqCst) {
            let message = "the process ends, so that Lambda starts a new one";
            context.log.write(Level::Warn, message, &[]);
        }
        let next = finish(api, &invocation, &context, outcome);
        let others = state.busy.fetch_sub(1, Ordering::SeqCst) - 1;
        if next == Next::Exit {
            return;
        }
        if state.is_ending.load(Ordering::SeqCst) {
            if others == 0 {
                return;
            }
            // The thread that answers last ends the process, and this thread with it. This one takes no more events.
            loop {
                thread::park();
            }
        }
    }
}

/// Posts an answer, or the report of an error, and logs what is odd about it.
fn finish(
    api: &RuntimeApi,
    invocation: &Invocation,
    context: &Context<'_>,
    outcome: Result<Response, HandlerError>,
) -> Next {
    let log = &context.log;
    // Lambda would answer 413, and has told the caller already, in words that nobody can change.
    let outcome = outcome.and_then(|response| match response.payload.len() {
        0..=MAX_RESPONSE_BYTES => Ok(response),
        length => Err(HandlerError::new(
            "Runtime.ResponseTooLarge",
            format!("the response has {length} bytes, more than {MAX_RESPONSE_BYTES}"),
        )),
    });
    let sent = match outcome {
        Ok(response) => api.respond(invocation, &response.payload),
        Err(error) => {
            log.write(
                Level::Error,
                &error.message,
                &[("errorType", json!(error.category))],
            );
            api.report_error(invocation, &error)
        }
    };
    match sent {
        Ok(Sent::Accepted) => Next::Event,
        Ok(Sent::Refused { status, meaning }) => {
            let message = format!("the Runtime API refused the answer ({status}): {meaning}");
            log.write(Level::Warn, &message, &[]);
            Next::Event
        }
        Ok(Sent::Broken) => {
            log.write(Level::Fatal, "the Runtime API cannot go on (500)", &[]);
            Next::Exit
        }
        Err(error) => {
            log.write(
                Level::Error,
                &format!("the answer was not delivered: {error}"),
                &[],
            );
            Next::Event
        }
    }
}

/// What comes after an invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Event,
    Exit,
}

/// What Lambda takes as an answer: 6 MiB and 100 bytes.
pub const MAX_RESPONSE_BYTES: usize = 6 * 1024 * 1024 + 100;

/// More threads than any Managed Instance has use for.
const MAX_CONCURRENCY: usize = 256;

/// Failures to get an event, one after the other, before the process gives up.
const MAX_FAILURES: u32 = 3;
