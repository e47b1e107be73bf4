//! An emulator of the Lambda Runtime API.
//!
//! It answers as the service does (AWS documentation, "Using the Lambda runtime API for custom
//! runtimes"), including what a runtime rarely meets: second and late answers, answers that are too
//! large, deadlines, and the `Lambda-Runtime-Invocation-Id` that tells one delivery of a request from the
//! next. `state` holds the rules, `handlers` speaks HTTP.

mod handlers;
mod outcome;
mod state;

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};

pub use outcome::{ErrorReport, Notice, Outcome};

use crate::http::{Connection, Dropped, Server};
use crate::{random, setup};
use state::{Assignment, Event, State};

/// How the emulator is to behave.
pub struct RuntimeApiOptions {
    /// Port on 127.0.0.1; 0 takes any free one.
    pub port: u16,
    /// The function's timeout: from the delivery of an event to its answer.
    pub timeout: Duration,
    /// How long an event may wait for a function that asks for it; Lambda gives INIT ten seconds.
    pub patience: Duration,
    /// The ARN that `Lambda-Runtime-Invoked-Function-Arn` names.
    pub function_arn: String,
    /// Told of what goes wrong, on the emulator's threads.
    pub observer: Option<Observer>,
}

/// Is told of what goes wrong.
pub type Observer = Box<dyn Fn(&Notice) + Send + Sync>;

impl Default for RuntimeApiOptions {
    /// A free port, a timeout of 10 seconds, and 30 seconds of patience.
    fn default() -> Self {
        Self {
            port: 0,
            timeout: Duration::from_secs(10),
            patience: Duration::from_secs(30),
            function_arn: setup::FUNCTION_ARN.to_owned(),
            observer: None,
        }
    }
}

/// How one event is delivered. What is `None` is chosen as Lambda would.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// `Lambda-Runtime-Aws-Request-Id`: the same for every delivery of a retried request.
    pub request_id: Option<String>,
    /// When the emulator gives up waiting for the answer; the options' timeout if `None`.
    pub timeout: Option<Duration>,
    /// `Lambda-Runtime-Deadline-Ms`; the time of delivery and the timeout if `None`.
    pub deadline: Option<SystemTime>,
    /// `Lambda-Runtime-Trace-Id`; absent if `None`.
    pub trace_id: Option<String>,
    /// `Lambda-Runtime-Client-Context`; absent if `None`.
    pub client_context: Option<String>,
    /// `Lambda-Runtime-Cognito-Identity`; absent if `None`.
    pub cognito_identity: Option<String>,
    /// `Lambda-Runtime-Aws-Tenant-Id`; absent if `None`.
    pub tenant_id: Option<String>,
    /// Whether `Lambda-Runtime-Invocation-Id` is sent; Lambda began to in July 2026.
    pub invocation_id: bool,
}

impl Default for Delivery {
    /// Everything as Lambda would choose it, with a trace id and an invocation id.
    fn default() -> Self {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            request_id: None,
            timeout: None,
            deadline: None,
            trace_id: random::trace_id(now.as_secs()).ok(),
            client_context: None,
            cognito_identity: None,
            tenant_id: None,
            invocation_id: true,
        }
    }
}

/// A running emulator; it ends when this is dropped.
pub struct RuntimeApi {
    server: Server,
    shared: Arc<Shared>,
}

impl RuntimeApi {
    /// Starts listening.
    ///
    /// # Errors
    ///
    /// `AddrInUse` if the port is taken.
    pub fn start(options: RuntimeApiOptions) -> io::Result<Self> {
        let port = options.port;
        let shared = Arc::new(Shared {
            options,
            state: Mutex::default(),
            changed: Condvar::new(),
            event_queued: Notify::new(),
        });
        let handler = Arc::clone(&shared);
        let server = Server::start(port, handlers::BODY_LIMIT, move |received| {
            handlers::answer(Arc::clone(&handler), received)
        })?;
        Ok(Self { server, shared })
    }

    /// `127.0.0.1:PORT`, the value of `AWS_LAMBDA_RUNTIME_API`.
    pub fn address(&self) -> String {
        self.server.address().to_string()
    }

    /// Delivers `event` to the function and waits for what becomes of it.
    pub fn invoke(&self, event: &[u8]) -> Outcome {
        self.invoke_with(Delivery::default(), event)
    }

    /// Like [`RuntimeApi::invoke`], with a say in how the event is delivered.
    pub fn invoke_with(&self, delivery: Delivery, event: &[u8]) -> Outcome {
        let outcome = self.invoker().submit(delivery, event.to_vec());
        outcome
            .blocking_recv()
            .unwrap_or_else(|_| Outcome::stopped())
    }

    /// A way to invoke the function from elsewhere, such as a [`FunctionUrl`](crate::FunctionUrl).
    pub fn invoker(&self) -> Invoker {
        Invoker {
            shared: Arc::clone(&self.shared),
            tasks: self.server.tasks(),
        }
    }

    /// The reports of functions that failed before they asked for an event.
    pub fn init_errors(&self) -> Vec<ErrorReport> {
        self.shared.state().init_errors.clone()
    }

    /// Waits until a function has reported that it could not start; `None` if none has within `limit`.
    pub fn wait_for_init_error(&self, limit: Duration) -> Option<ErrorReport> {
        self.shared
            .wait(limit, |state| state.init_errors.first().cloned())
    }

    /// Waits until a function is waiting for an event; whether that happened within `limit`.
    pub fn wait_for_next(&self, limit: Duration) -> bool {
        self.shared
            .wait(limit, |state| state.is_function_waiting().then_some(()))
            .is_some()
    }

    /// How often an event was asked for since the start.
    pub fn next_calls(&self) -> u64 {
        self.shared.state().next_calls
    }

    /// How many events were delivered since the start.
    pub fn delivered(&self) -> u64 {
        self.shared.state().delivered
    }

    /// Whether an event waits for a function.
    pub(crate) fn has_queued(&self) -> bool {
        !self.shared.state().queued.is_empty()
    }

    /// The process of the function has ended: what it had been given fails.
    pub(crate) fn fail_running(&self, report: &ErrorReport) {
        self.shared.state().fail_running(report);
    }

    /// No function will take what is queued.
    pub(crate) fn fail_queued(&self, report: &ErrorReport) {
        self.shared.state().fail_queued(report);
    }
}

/// Has a function handle events.
pub trait Invoke: Send + Sync + 'static {
    /// Queues `event`; the outcome comes later. A receiver that fails means that there is no function
    /// any more.
    fn submit(&self, delivery: Delivery, event: Vec<u8>) -> oneshot::Receiver<Outcome>;
}

/// See [`RuntimeApi::invoker`].
#[derive(Clone)]
pub struct Invoker {
    shared: Arc<Shared>,
    tasks: Handle,
}

impl Invoke for Invoker {
    fn submit(&self, delivery: Delivery, event: Vec<u8>) -> oneshot::Receiver<Outcome> {
        let (sender, receiver) = oneshot::channel();
        let (Ok(request_id), Ok(nonce)) = (random::uuid(), random::uuid()) else {
            return receiver;
        };
        let request_id = delivery.request_id.clone().unwrap_or(request_id);
        let event = Event {
            request_id,
            nonce,
            delivery,
            bytes: event,
            sender,
        };
        self.shared.queue(event, &self.tasks);
        receiver
    }
}

struct Shared {
    options: RuntimeApiOptions,
    state: Mutex<State>,
    /// Signalled after every change of `state` that somebody may wait for in a thread.
    changed: Condvar,
    /// Wakes all open `/next` requests.
    event_queued: Notify,
}

impl Shared {
    /// What a panicking test leaves behind is still valid: every change under the lock is a single step.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn queue(self: &Arc<Self>, event: Event, tasks: &Handle) {
        let nonce = event.nonce.clone();
        self.state().queued.push_back(event);
        self.event_queued.notify_waiters();
        let shared = Arc::clone(self);
        tasks.spawn(async move {
            tokio::time::sleep(shared.options.patience).await;
            let given_up = shared.state().give_up(&nonce);
            if let Some(request_id) = given_up {
                shared.notify(&Notice::NotTaken { request_id });
            }
        });
    }

    /// The next event, if there is one, for the function that holds `connection`.
    fn take(self: &Arc<Self>, connection: &Connection) -> Result<Option<Assignment>, Dropped> {
        let mut state = self.state();
        if !connection.is_open() {
            return Err(Dropped);
        }
        let Some(assignment) = state.take(SystemTime::now(), self.options.timeout) else {
            return Ok(None);
        };
        drop(state);
        self.changed.notify_all();
        let shared = Arc::clone(self);
        let (nonce, timeout) = (assignment.nonce.clone(), assignment.timeout);
        tokio::spawn(async move {
            tokio::time::sleep(timeout).await;
            let expired = shared.state().expire(&nonce);
            if let Some(request_id) = expired {
                shared.notify(&Notice::TimedOut { request_id });
            }
        });
        Ok(Some(assignment))
    }

    fn notify(&self, notice: &Notice) {
        self.changed.notify_all();
        if let Some(observer) = &self.options.observer {
            observer(notice);
        }
    }

    fn wait<T>(&self, limit: Duration, ready: impl Fn(&State) -> Option<T>) -> Option<T> {
        let end = Instant::now() + limit;
        let mut state = self.state();
        loop {
            if let Some(value) = ready(&state) {
                return Some(value);
            }
            let left = end.checked_duration_since(Instant::now())?;
            state = self
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}
