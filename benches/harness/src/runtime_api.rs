//! A Lambda Runtime API for one run of one process, that notes when it was called.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::http::{Delays, Event, Listening, Request, Response, Server};

/// A running Runtime API.
pub(crate) struct RuntimeApi {
    server: Server,
    queue: Arc<Queue>,
    notices: Receiver<Notice>,
}

/// What the function did.
#[derive(Debug)]
pub(crate) enum Notice {
    /// It asked for an event.
    Next(Instant),
    /// An event was handed over.
    Delivered(Instant),
    /// It answered.
    Answered(Instant, Vec<u8>),
    /// It reported an error.
    Failed(String),
}

#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    events: VecDeque<Vec<u8>>,
    delivered: u64,
    is_closed: bool,
}

impl RuntimeApi {
    pub(crate) fn start() -> io::Result<Self> {
        let queue = Arc::new(Queue::default());
        let (sender, notices) = channel();
        let handler = Arc::clone(&queue);
        let sender = Mutex::new(sender);
        let listening = Listening {
            hosts: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
            tls: None,
            port: 0,
            delays: Delays::default(),
        };
        let server = Server::start(
            listening,
            Box::new(move |request| {
                let sender = sender
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .clone();
                handler.answer(request, &sender)
            }),
        )?;
        Ok(Self {
            server,
            queue,
            notices,
        })
    }

    /// The value of `AWS_LAMBDA_RUNTIME_API`.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.server.port())
    }

    /// Hands `event` to the function as soon as it asks for one.
    pub(crate) fn deliver(&self, event: Vec<u8>) {
        self.queue.state().events.push_back(event);
        self.queue.changed.notify_all();
    }

    pub(crate) fn wait(&self, limit: Duration) -> Result<Notice, String> {
        match self.notices.recv_timeout(limit) {
            Ok(Notice::Failed(error)) => Err(format!("the function failed: {error}")),
            Ok(notice) => Ok(notice),
            Err(RecvTimeoutError::Timeout) => Err(format!("nothing within {limit:?}")),
            Err(RecvTimeoutError::Disconnected) => Err("the server is gone".to_owned()),
        }
    }

    pub(crate) fn events(&self) -> Vec<(Instant, Event)> {
        self.server.events()
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.queue.state().is_closed = true;
        self.queue.changed.notify_all();
    }
}

impl Queue {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, request: &Request, notices: &Sender<Notice>) -> Response {
        let path = request
            .target
            .strip_prefix("/2018-06-01/runtime/")
            .unwrap_or_default();
        // A failed send means that the run is over.
        match path.split('/').collect::<Vec<_>>()[..] {
            ["invocation", "next"] => {
                let _ = notices.send(Notice::Next(request.at));
                let response = self.next();
                let _ = notices.send(Notice::Delivered(Instant::now()));
                response
            }
            ["invocation", _, "response"] => {
                let _ = notices.send(Notice::Answered(request.at, request.body.to_vec()));
                accepted()
            }
            _ => {
                let body = String::from_utf8_lossy(&request.body);
                let _ = notices.send(Notice::Failed(format!("{} {body}", request.target)));
                accepted()
            }
        }
    }

    fn next(&self) -> Response {
        let state = self.state();
        let waited = self
            .changed
            .wait_while(state, |state| state.events.is_empty() && !state.is_closed);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        let Some(event) = state.events.pop_front() else {
            return Response::without_body(500, Vec::new());
        };
        state.delivered += 1;
        let id = format!("8476a536-e9f4-11e8-9739-{:012x}", state.delivered);
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let deadline = now.as_millis() + FUNCTION_TIMEOUT.as_millis();
        let headers = [
            ("Content-Type", "application/json".to_owned()),
            ("Lambda-Runtime-Aws-Request-Id", id),
            ("Lambda-Runtime-Deadline-Ms", deadline.to_string()),
            (
                "Lambda-Runtime-Invoked-Function-Arn",
                local::setup::FUNCTION_ARN.to_owned(),
            ),
            (
                "Lambda-Runtime-Trace-Id",
                "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0"
                    .to_owned(),
            ),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value)).into();
        Response::new(200, headers, Arc::new(event))
    }
}

fn accepted() -> Response {
    let headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
    Response::new(202, headers, Arc::new(br#"{"status":"OK"}"#.to_vec()))
}

const FUNCTION_TIMEOUT: Duration = Duration::from_secs(60);
