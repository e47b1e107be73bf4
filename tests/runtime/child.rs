//! Functions on the runtime, as child processes: this test executable, started again to run nothing but
//! the test `child_function`.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, Command, ExitCode, Stdio};

use dojang::log::Level;
use dojang::runtime::{self, Context, HandlerError, InitError};
use serde_json::{Value, json};

/// Does nothing, unless it is the child process of another test.
#[test]
fn child_function() {
    let Ok(behaviour) = std::env::var(BEHAVIOUR) else {
        return;
    };
    let code = run(&behaviour);
    std::process::exit(if code == ExitCode::SUCCESS { 0 } else { 1 });
}

fn run(behaviour: &str) -> ExitCode {
    match behaviour {
        "init error" => runtime::run(|_| -> Result<Answer, InitError> {
            Err(InitError::new("Runtime.ConfigInvalid", "no X"))
        }),
        "init panic" => runtime::run(|_| -> Result<Answer, InitError> { panic!("{SECRET}") }),
        _ => runtime::run(|_| Ok(handle as Answer)),
    }
}

type Answer = fn(&[u8], &Context<'_>) -> Result<Vec<u8>, HandlerError>;

/// Does what the event says.
fn handle(event: &[u8], context: &Context<'_>) -> Result<Vec<u8>, HandlerError> {
    match event {
        b"\"panic\"" => panic!("{SECRET}"),
        b"\"fail\"" => Err(HandlerError::new("Function.Wrong", "it went wrong")),
        b"\"large\"" => Ok(vec![b'1'; runtime::MAX_RESPONSE_BYTES + 1]),
        b"\"largest\"" => Ok(vec![b'1'; runtime::MAX_RESPONSE_BYTES]),
        b"\"context\"" => {
            context
                .log
                .write(Level::Info, "in the handler", &[("n", json!(7))]);
            context.log.write(Level::Debug, "in detail", &[]);
            let since = context.deadline.duration_since(std::time::UNIX_EPOCH);
            let deadline_ms = since.expect("it is after 1970").as_millis();
            let context = json!({
                "requestId": context.request_id,
                "deadlineMs": u64::try_from(deadline_ms).expect("it is before the year 10^8"),
                "arn": context.invoked_function_arn,
                "traceId": context.trace_id,
                "tenantId": context.tenant_id,
                "clientContext": context.client_context,
                "cognitoIdentity": context.cognito_identity,
                "cold": context.cold,
            });
            Ok(context.to_string().into_bytes())
        }
        event => Ok(event.to_vec()),
    }
}

/// A running child; killed when dropped.
pub(crate) struct Function {
    child: Child,
    log: BufReader<ChildStderr>,
}

impl Function {
    /// Starts a child with this behaviour and, besides `PATH`, only these variables.
    pub(crate) fn start(behaviour: &str, variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("it runs"));
        command.args(["--exact", "child::child_function", "--nocapture"]);
        command.env_clear().env(BEHAVIOUR, behaviour);
        Self::spawn(command, variables)
    }

    /// Starts an example of the package; `None` where cargo was told not to build examples.
    pub(crate) fn example(name: &str, variables: &[(&str, &str)]) -> Option<Self> {
        let tests = std::env::current_exe().expect("it runs");
        let target = tests
            .parent()
            .and_then(|deps| deps.parent())
            .expect("it is in target/…/deps");
        let example = target.join("examples").join(name);
        if !example.exists() {
            return None;
        }
        let mut command = Command::new(example);
        command.env_clear();
        Some(Self::spawn(command, variables))
    }

    fn spawn(mut command: Command, variables: &[(&str, &str)]) -> Self {
        let mut child = command
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the child starts");
        let log = BufReader::new(child.stderr.take().expect("it is piped"));
        Self { child, log }
    }

    /// The next log line.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.log.read_line(&mut line).expect("the log is UTF-8");
        line
    }

    /// The next log line, in JSON format.
    pub(crate) fn json_line(&mut self) -> Value {
        let line = self.line();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("expected JSON, found {line}"))
    }

    /// Waits for the child's end: whether it was a success, and the rest of its log.
    pub(crate) fn end(mut self) -> (bool, Vec<String>) {
        let rest = self
            .log
            .by_ref()
            .lines()
            .map(|line| line.expect("the log is UTF-8"))
            .collect();
        (self.child.wait().expect("it is our child").success(), rest)
    }

    /// Kills the child; the rest of its log.
    pub(crate) fn kill(mut self) -> Vec<String> {
        let _ = self.child.kill();
        self.log
            .by_ref()
            .lines()
            .map(|line| line.expect("the log is UTF-8"))
            .collect()
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What must be seen nowhere.
pub(crate) const SECRET: &str = "S3cret-of-a-panic";
const BEHAVIOUR: &str = "DOJANG_TEST_CHILD";
