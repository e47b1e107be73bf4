//! Wires configuration, S3 client, store and runtime loop together: what `bootstrap` runs.

use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};

use crate::actions::Action;
use crate::answer::Answer;
use crate::club::operation::Secret;
use crate::config::Config;
use crate::event::Call;
use crate::log::{Level, Log};
use crate::runtime::{self, Context, Event, Handler, HandlerError, InitError, Response, panics};
use crate::s3::Client;
use crate::store::{Failure, Fault, Obstacle, Request, State, Store, Trace, World};

/// Serves invocations until the Runtime API goes away.
#[must_use]
pub fn run() -> ExitCode {
    runtime::run(Backend::start)
}

/// The club's backend.
#[derive(Debug)]
pub struct Backend {
    store: Store<Client, System>,
}

impl Backend {
    /// Reads the configuration, makes the S3 client and, unless `DOJANG_PREFETCH` says `off`, reads the club: then the
    /// first request need not wait for it. If this prefetch fails, the function starts all the same.
    ///
    /// # Errors
    /// Names the environment variable that is not as expected.
    pub fn start(log: &Log) -> Result<Self, InitError> {
        let begun = Instant::now();
        let config =
            Config::from_environment(|name| std::env::var(name).ok(), |path| std::fs::read(path))
                .map_err(|error| InitError::new("Runtime.ConfigInvalid", error.to_string()))?;
        let client = Client::new(
            config.endpoint,
            config.roots,
            config.credentials,
            &config.region,
            config.concurrency,
        );
        if config.prefetch {
            client.look_up_ahead([&config.private_bucket, &config.public_bucket]);
        }
        let store = Store::new(
            client,
            System::default(),
            config.private_bucket,
            config.public_bucket,
            config.test_secret.map(|secret| secret.0),
        )
        .with_trust(config.trust);
        let mut fields = vec![("client_ms", ms(begun.elapsed()))];
        if config.prefetch {
            let begun = Instant::now();
            if let Err(cause) = store.prefetch(PREFETCH_TIMEOUT) {
                let fields = [("cause", json!(cause))];
                log.write(Level::Warn, "the club could not be prefetched", &fields);
            }
            fields.push(("prefetch_ms", ms(begun.elapsed())));
        }
        log.write(Level::Info, "S3 client ready", &fields);
        Ok(Self { store })
    }

    fn answer(&self, call: &Call, context: &Context<'_>, trace: &mut Trace) -> Answer {
        match call {
            Call::Preflight => Answer::preflight(),
            Call::MethodNotAllowed => Answer::method_not_allowed(),
            Call::Unreadable(text) => Answer::bad_request(text),
            Call::Request { data, arrived } => {
                let request = Request {
                    data,
                    id: context.request_id,
                    // By Lambda's clock.
                    arrived: arrived.filter(|_| !context.are_clocks_apart),
                    deadline: context.deadline,
                };
                self.answer_request(&request, context, trace)
            }
        }
    }

    fn answer_request(
        &self,
        request: &Request<'_>,
        context: &Context<'_>,
        trace: &mut Trace,
    ) -> Answer {
        // A panic must not cost the caller an answer with the contract's form.
        let applied = panics::catch(|| self.store.apply(request, trace));
        let failure = match applied {
            Ok(Ok(body)) => return Answer::success(body),
            Ok(Err(failure)) => failure,
            Err(panic) => Failure::Fault(Fault::new(State::NotKnown, false, panic.to_string())),
        };
        match failure {
            Failure::Refused(refusal) => Answer::refused(&refusal),
            Failure::Fault(mut fault) => {
                // It passes with the next process.
                fault.is_passing |= self.store.s3().is_token_refused();
                let mut fields = vec![
                    ("cause", json!(fault.cause)),
                    ("state", json!(fault.state.name())),
                ];
                // The template's alarm counts these.
                fields.extend(fault.given_up.map(|why| ("given_up", json!(why.name()))));
                if fault.given_up == Some(Obstacle::Server) {
                    fields.push((
                        "server",
                        json!(self.store.s3().server(self.store.private_bucket())),
                    ));
                }
                context.log.write(Level::Error, "request failed", &fields);
                Answer::fault(&fault)
            }
        }
    }
}

impl Handler for Backend {
    fn handle(&self, event: Event, context: &Context<'_>) -> Result<Response, HandlerError> {
        let requests_before = self.store.s3().requests_made();
        let call = Call::from_event(&event);
        drop(event);
        let mut trace = Trace::default();
        let (answer, payload) = self.answer(&call, context, &mut trace).into_payload();
        for warning in &trace.warnings {
            context.log.write(Level::Warn, warning, &[]);
        }
        context.log.write(
            Level::Info,
            "request served",
            &[
                ("action", json!(logged_action(&call))),
                ("status", json!(answer.status())),
                ("load_ms", ms(trace.load)),
                ("act_ms", ms(trace.act)),
                ("commit_ms", ms(trace.commit)),
                ("publish_ms", ms(trace.publish)),
                ("wait_ms", ms(trace.wait)),
                ("attempts", json!(trace.attempts)),
                (
                    "s3_requests",
                    json!(self.store.s3().requests_made() - requests_before),
                ),
                ("start", json!(if context.cold { "cold" } else { "warm" })),
            ],
        );
        // The environment holds the only credentials that there are.
        let is_last = answer.is_passing_fault() && self.store.s3().is_token_refused();
        Ok(Response { payload, is_last })
    }
}

/// What the log calls the call. A name that is no action's may hold anything and is not shown.
fn logged_action(call: &Call) -> &'static str {
    match call {
        Call::Preflight => "preflight",
        Call::MethodNotAllowed | Call::Unreadable(_) => "none",
        Call::Request { data, .. } => data
            .text("action")
            .and_then(Action::from_name)
            .map_or("unknown", Action::name),
    }
}

/// Milliseconds, to the microsecond.
fn ms(duration: Duration) -> Value {
    json!((duration.as_secs_f64() * 1e6).round() / 1e3)
}

/// The system's clock and random generator.
#[derive(Clone, Copy, Debug)]
pub struct System {
    started: Instant,
}

impl Default for System {
    fn default() -> Self {
        Self {
            started: Instant::now(),
        }
    }
}

impl World for System {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }

    fn random(&self) -> Option<[u8; Secret::BYTES]> {
        let mut bytes = [0; Secret::BYTES];
        getrandom::getrandom(&mut bytes).ok().map(|()| bytes)
    }

    fn pause(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

/// INIT has 10 s. If S3 does not answer in this time, the first invocation asks again.
const PREFETCH_TIMEOUT: Duration = Duration::from_secs(2);
