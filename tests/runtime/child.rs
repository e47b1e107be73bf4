//! The functions under test, each a behaviour that the environment variable [`BEHAVIOUR`] names.
//!
//! They run in a process of their own: this test executable, told to run `child_function` only.

use std::process::ExitCode;
use std::sync::{Condvar, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use dojang::log::Level;
use dojang::runtime::{
    self, Context, Event, Handler, HandlerError, InitError, MAX_RESPONSE_BYTES, Response,
};
use serde_json::json;

/// Not a test: the process that the tests start. Does nothing among the other tests.
#[test]
fn child_function() {
    let Ok(behaviour) = std::env::var(BEHAVIOUR) else {
        return;
    };
    let code = match behaviour.as_str() {
        "echo" => runtime::run(|_| Ok(echo)),
        "script" => runtime::run(|_| Ok(script)),
        "last" => runtime::run(|_| Ok(LastWords::default())),
        "context" => runtime::run(|_| Ok(context_dump)),
        "logger" => runtime::run(|log| {
            log_all(|level, message| log.write(level, message, &[]));
            Ok(logger)
        }),
        "init-error" => run_failing(|| {
            let message = "TABLE: expected a name, found nothing";
            Err(InitError::new("Runtime.ConfigInvalid", message))
        }),
        "init-error-odd-category" => run_failing(|| Err(InitError::new("two\nlines", "odd"))),
        "init-panic" => run_failing(|| panic!("{SECRET} in init")),
        other => panic!("no such behaviour: {other}"),
    };
    // 1 for failure, unlike the test harness, whose own failures are 101.
    std::process::exit(i32::from(code != ExitCode::SUCCESS));
}

type Answer = Result<Vec<u8>, HandlerError>;

fn run_failing(start: fn() -> Result<(), InitError>) -> ExitCode {
    runtime::run(|_| start().map(|()| echo))
}

fn echo(event: &[u8], _: &Context<'_>) -> Answer {
    Ok(event.to_vec())
}

/// Does what the event says; echoes all else.
fn script(event: &[u8], _: &Context<'_>) -> Answer {
    match event {
        b"panic" => panic!("{SECRET} in {}", String::from_utf8_lossy(event)),
        b"panic with a value" => std::panic::panic_any(PanicsAgain(SECRET)),
        b"fail" => Err(HandlerError::new("Function.Unwilling", "not today")),
        b"fail oddly" => Err(HandlerError::new("two\nlines", "not today")),
        b"largest" => Ok(vec![b'x'; MAX_RESPONSE_BYTES]),
        b"too large" => Ok(vec![b'x'; MAX_RESPONSE_BYTES + 1]),
        event => Ok(event.to_vec()),
    }
}

/// Gives the process's last answer to the event `last`. The event `wait` is at work
/// until another one has been answered so.
#[derive(Default)]
struct LastWords {
    is_said: Mutex<bool>,
    said: Condvar,
}

impl Handler for LastWords {
    fn handle(&self, event: Event, _: &Context<'_>) -> Result<Response, HandlerError> {
        let mut is_said = self.is_said.lock().unwrap();
        let event: &[u8] = &event;
        match event {
            b"last" => {
                *is_said = true;
                self.said.notify_all();
            }
            b"wait" => {
                while !*is_said {
                    is_said = self.said.wait(is_said).unwrap();
                }
            }
            _ => {}
        }
        Ok(Response {
            payload: event.to_vec(),
            is_last: event == b"last",
        })
    }
}

/// A panic's value whose destructor panics.
struct PanicsAgain(&'static str);

impl Drop for PanicsAgain {
    fn drop(&mut self) {
        panic!("{} in a destructor", self.0);
    }
}

fn context_dump(event: &[u8], context: &Context<'_>) -> Answer {
    let ms = |time: SystemTime| {
        let since = time.duration_since(UNIX_EPOCH).unwrap();
        u64::try_from(since.as_millis()).unwrap()
    };
    let dump = json!({
        "event": String::from_utf8_lossy(event),
        "request_id": context.request_id,
        "deadline_ms": ms(context.deadline),
        "now_ms": ms(SystemTime::now()),
        "remaining_ms": context.remaining(context.deadline).as_millis() as u64,
        "invoked_function_arn": context.invoked_function_arn,
        "trace_id": context.trace_id,
        "tenant_id": context.tenant_id,
        "client_context": context.client_context,
        "cognito_identity": context.cognito_identity,
        "cold": context.cold,
        "trace_variable": std::env::var("_X_AMZN_TRACE_ID").ok(),
    });
    Ok(dump.to_string().into_bytes())
}

fn logger(event: &[u8], context: &Context<'_>) -> Answer {
    log_all(|level, message| {
        let fields = [("n", json!(2)), ("words", json!("a b"))];
        context.log.write(level, message, &fields);
    });
    echo(event, context)
}

/// Writes two lines at every level.
fn log_all(write: impl Fn(Level, &str)) {
    for level in [
        Level::Trace,
        Level::Debug,
        Level::Info,
        Level::Warn,
        Level::Error,
        Level::Fatal,
    ] {
        write(level, "first\nsecond");
    }
}

/// Names what the child is to do.
pub(crate) const BEHAVIOUR: &str = "DOJANG_TEST_CHILD";
/// Must be seen nowhere.
pub(crate) const SECRET: &str = "s3cret-login-code";
