//! A function in a process of its own, and the Runtime API that it talks to.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};

use local::PATIENCE;
use serde_json::Value;

use crate::child::{BEHAVIOUR, SECRET};
use crate::server::{Answer, Event, Request, listen};

/// A running function. Killed when dropped.
pub(crate) struct Function {
    events: Receiver<Event>,
    child: Child,
    log: Option<JoinHandle<Vec<String>>>,
}

impl Function {
    /// Starts the function with this behaviour, see `child.rs`.
    pub(crate) fn start(behaviour: &str) -> Self {
        Self::start_with(behaviour, &[])
    }

    /// Starts it with more environment variables.
    pub(crate) fn start_with(behaviour: &str, environment: &[(&str, &str)]) -> Self {
        let address = |address: SocketAddr| address.to_string();
        Self::start_at("127.0.0.1", address, test_child(behaviour, environment)).unwrap()
    }

    /// Starts a program with a server on `host`, told of its address by `variable`.
    ///
    /// # Errors
    /// If `host` cannot be listened on.
    pub(crate) fn start_at(
        host: &str,
        variable: impl FnOnce(SocketAddr) -> String,
        mut program: Command,
    ) -> std::io::Result<Self> {
        let (sender, events) = channel();
        let address = listen(host, sender.clone())?;
        program.env("AWS_LAMBDA_RUNTIME_API", variable(address));
        let mut child = program.spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let log = thread::spawn(move || {
            let lines = lines.map(Result::unwrap).collect();
            // The test may be over already.
            let _ = sender.send(Event::End);
            lines
        });
        Ok(Self {
            events,
            child,
            log: Some(log),
        })
    }

    /// The next request of the runtime.
    #[track_caller]
    pub(crate) fn expect_any(&self) -> Request {
        match self.events.recv_timeout(PATIENCE) {
            Ok(Event::Request(request)) => request,
            Ok(Event::End) => panic!("expected a request, but the process has ended"),
            Err(_) => panic!("expected a request, but nothing came within {PATIENCE:?}"),
        }
    }

    /// The next request of the runtime, which is to be this one.
    #[track_caller]
    pub(crate) fn expect(&self, method: &str, call: &str) -> Request {
        let request = self.expect_any();
        let path = format!("/2018-06-01/runtime/{call}");
        assert_eq!((&*request.method, &*request.path), (method, &*path));
        request
    }

    /// Waits for `/next`.
    #[track_caller]
    pub(crate) fn expect_next(&self) -> Request {
        self.expect("GET", "invocation/next")
    }

    /// Gives it an event, and returns what it makes of it.
    #[track_caller]
    pub(crate) fn invoke(&self, request_id: &str, event: &[u8], call: &str) -> Request {
        self.expect_next().answer(&Answer::event(request_id, event));
        self.expect("POST", &format!("invocation/{request_id}/{call}"))
    }

    /// Gives it an event to answer; the answer is accepted.
    #[track_caller]
    pub(crate) fn respond(&self, request_id: &str, event: &[u8]) -> Vec<u8> {
        let request = self.invoke(request_id, event, "response");
        let body = request.body.clone();
        request.answer(&Answer::status(202));
        body
    }

    /// Sees it ask for another event, kills it, and returns its log.
    #[track_caller]
    pub(crate) fn stop(mut self) -> Vec<String> {
        drop(self.expect_next());
        self.child.kill().unwrap();
        self.log.take().unwrap().join().unwrap()
    }

    /// Sees it end by itself without a further request. Returns its exit code and its log.
    #[track_caller]
    pub(crate) fn end(mut self) -> (Option<i32>, Vec<String>) {
        match self.events.recv_timeout(PATIENCE) {
            Ok(Event::End) => {}
            Ok(Event::Request(request)) => {
                panic!(
                    "expected the end, found {} {}",
                    request.method, request.path
                )
            }
            Err(_) => panic!("within {PATIENCE:?} the process neither asks nor ends"),
        }
        let log = self.log.take().unwrap().join().unwrap();
        (self.child.wait().unwrap().code(), log)
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// This executable as a function. Its environment holds nothing but what is given.
pub(crate) fn test_child(behaviour: &str, environment: &[(&str, &str)]) -> Command {
    let mut command = bare(&std::env::current_exe().unwrap());
    command
        .args(["--exact", "child::child_function", "--nocapture"])
        .env(BEHAVIOUR, behaviour)
        .envs(environment.iter().copied());
    command
}

/// The example `hello`.
pub(crate) fn hello() -> Command {
    bare(&example("hello"))
}

/// An example, which `cargo test` builds unless it is told to build only some tests.
pub(crate) fn example(name: &str) -> PathBuf {
    let deps = std::env::current_exe().unwrap();
    let profile = deps.parent().and_then(Path::parent).unwrap();
    let path: PathBuf = profile.join("examples").join(name);
    if !path.exists() {
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--example", name, "--target-dir"])
            .arg(profile.parent().unwrap())
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .unwrap();
        assert!(built.success());
    }
    path
}

fn bare(program: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

/// The only line of a log.
#[track_caller]
pub(crate) fn only(log: &[String]) -> &str {
    assert_eq!(log.len(), 1, "{log:?}");
    &log[0]
}

/// The lines of a log in JSON format.
#[track_caller]
pub(crate) fn json_lines(log: &[String]) -> Vec<Value> {
    log.iter()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect()
}

/// The message of a report of a panic: the place in the source, and nothing that the panic said.
#[track_caller]
pub(crate) fn place_of_panic(report: &Request) -> String {
    let name = "lambda-runtime-function-error-type";
    assert_eq!(report.header(name), Some("Runtime.Panic"));
    let body = report.json();
    assert_eq!(body["errorType"], "Runtime.Panic");
    let message = body["errorMessage"].as_str().unwrap().to_owned();
    let begin = "panicked at tests/runtime/child.rs:";
    assert!(message.starts_with(begin), "{message}");
    assert!(!String::from_utf8_lossy(&report.body).contains(SECRET));
    let mut values = report.headers.iter().map(|(_, value)| value);
    assert!(values.all(|value| !value.contains(SECRET)));
    message
}
