//! The Lambda service in small: it starts the function when an event needs it, and again after it has ended.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use tokio::sync::oneshot;

use crate::function::Function;
use crate::runtime_api::{
    Delivery, ErrorReport, Invoke, Notice, Outcome, RuntimeApi, RuntimeApiOptions,
};

/// What to run, and how.
pub struct LambdaOptions {
    /// The executable of the function.
    pub program: PathBuf,
    /// Its arguments; Lambda passes none.
    pub arguments: Vec<OsString>,
    /// Its whole environment; `AWS_LAMBDA_RUNTIME_API` is set here.
    pub environment: BTreeMap<String, String>,
    /// The Runtime API it is to talk to. Its observer is called as well.
    pub runtime_api: RuntimeApiOptions,
    /// Called with every line that the function logs.
    pub on_line: Box<dyn Fn(&str) + Send + Sync>,
}

/// A function that is started on demand; its process ends when this is dropped.
pub struct Lambda {
    inner: Arc<Inner>,
}

impl Lambda {
    /// Starts the Runtime API and the function.
    ///
    /// # Errors
    ///
    /// `AddrInUse` if the port of the Runtime API is taken, and those of starting a process.
    pub fn start(mut options: LambdaOptions) -> io::Result<Self> {
        let stop_late = Arc::new(OnceLock::<Weak<Inner>>::new());
        let observer = options.runtime_api.observer.take();
        let late = Arc::clone(&stop_late);
        options.runtime_api.observer = Some(Box::new(move |notice| {
            // As Lambda does: a function that is late is ended, the next event starts it anew.
            if let (Notice::TimedOut { .. }, Some(inner)) =
                (notice, late.get().and_then(Weak::upgrade))
            {
                inner.kill();
            }
            if let Some(observer) = &observer {
                observer(notice);
            }
        }));
        let api = RuntimeApi::start(options.runtime_api)?;
        let mut environment = options.environment;
        environment.insert("AWS_LAMBDA_RUNTIME_API".to_owned(), api.address());
        let inner = Arc::new(Inner {
            program: options.program,
            arguments: options.arguments,
            environment,
            on_line: Arc::from(options.on_line),
            api,
            process: Mutex::default(),
        });
        let _ = stop_late.set(Arc::downgrade(&inner));
        inner.launch(&mut inner.process())?;
        Ok(Self { inner })
    }

    /// The Runtime API that the function talks to.
    pub fn runtime_api(&self) -> &RuntimeApi {
        &self.inner.api
    }

    /// The process id of the function, if it runs.
    pub fn process_id(&self) -> Option<u32> {
        self.inner.process().function.as_ref().map(Function::id)
    }

    /// Ends the process of the function at once (SIGKILL), if it runs, and waits until it is gone. The
    /// next event starts it anew.
    pub fn kill(&self) {
        // The lock is not held meanwhile: who notices the end needs it.
        let function = self.inner.process().function.as_ref().map(Function::shared);
        if let Some(function) = function {
            function.kill();
            function.wait();
        }
    }

    /// Has the function handle `event` and waits for what becomes of it.
    pub fn invoke(&self, event: &[u8]) -> Outcome {
        self.invoker()
            .submit(Delivery::default(), event.to_vec())
            .blocking_recv()
            .unwrap_or_else(|_| Outcome::stopped())
    }

    /// A way to invoke the function from elsewhere, such as a [`FunctionUrl`](crate::FunctionUrl).
    pub fn invoker(&self) -> Invoker {
        Invoker {
            inner: Arc::downgrade(&self.inner),
        }
    }
}

impl Drop for Lambda {
    fn drop(&mut self) {
        let function = {
            let mut process = self.inner.process();
            process.stopping = true;
            process.function.take()
        };
        if let Some(function) = function {
            function.kill();
            function.wait();
        }
    }
}

/// A way to invoke the function that does not keep it running.
#[derive(Clone)]
pub struct Invoker {
    inner: Weak<Inner>,
}

impl Invoke for Invoker {
    fn submit(&self, delivery: Delivery, event: Vec<u8>) -> oneshot::Receiver<Outcome> {
        let Some(inner) = self.inner.upgrade() else {
            return oneshot::channel().1;
        };
        let outcome = inner.api.invoker().submit(delivery, event);
        let mut process = inner.process();
        if process.function.is_none()
            && !process.stopping
            && let Err(error) = inner.launch(&mut process)
        {
            inner.api.fail_queued(&ErrorReport::new(
                "Runtime.InvalidEntrypoint",
                &format!("{} cannot be started: {error}", inner.program.display()),
                None,
            ));
        }
        drop(process);
        outcome
    }
}

struct Inner {
    program: PathBuf,
    arguments: Vec<OsString>,
    environment: BTreeMap<String, String>,
    on_line: Arc<dyn Fn(&str) + Send + Sync>,
    api: RuntimeApi,
    process: Mutex<Process>,
}

#[derive(Default)]
struct Process {
    function: Option<Function>,
    /// What the Runtime API's counters showed when the process was started.
    next_calls: u64,
    delivered: u64,
    /// Processes in a row that asked for an event and ended without having taken one.
    idle_exits: u32,
    stopping: bool,
}

impl Inner {
    fn process(&self) -> MutexGuard<'_, Process> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kill(&self) {
        if let Some(function) = &self.process().function {
            function.kill();
        }
    }

    fn launch(self: &Arc<Self>, process: &mut Process) -> io::Result<()> {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .env_clear()
            .envs(&self.environment);
        process.next_calls = self.api.next_calls();
        process.delivered = self.api.delivered();
        let on_line = Arc::clone(&self.on_line);
        let inner = Arc::downgrade(self);
        let on_exit = move |status| {
            if let Some(inner) = inner.upgrade() {
                inner.ended(status);
            }
        };
        process.function = Some(Function::start(
            command,
            move |line| on_line(line),
            on_exit,
        )?);
        Ok(())
    }

    /// The process has ended: its events fail. What is queued gets a new process, unless processes end
    /// without taking anything: then trying again would never stop.
    fn ended(self: &Arc<Self>, status: ExitStatus) {
        let report = ErrorReport::new(
            "Runtime.ExitError",
            &format!("Runtime exited with error: {status}"),
            None,
        );
        let mut process = self.process();
        process.function = None;
        if process.stopping {
            return;
        }
        self.api.fail_running(&report);
        if self.api.delivered() > process.delivered {
            process.idle_exits = 0;
        } else if self.api.next_calls() > process.next_calls {
            process.idle_exits += 1;
        } else {
            process.idle_exits = IDLE_EXITS_MAX;
        }
        if !self.api.has_queued() {
            // The next event is a fresh start.
            process.idle_exits = 0;
            return;
        }
        if process.idle_exits >= IDLE_EXITS_MAX || self.launch(&mut process).is_err() {
            process.idle_exits = 0;
            self.api.fail_queued(&report);
        }
    }
}

const IDLE_EXITS_MAX: u32 = 2;
