//! The process of the function.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// A running (or ended) process of the function. It is killed when this is dropped.
pub struct Function {
    shared: Arc<Shared>,
}

impl Function {
    /// Starts `program` with `arguments`, and with `environment` as its whole environment.
    ///
    /// # Errors
    ///
    /// Those of starting a process, such as `NotFound`.
    pub fn spawn(
        program: impl AsRef<OsStr>,
        arguments: &[&str],
        environment: &BTreeMap<String, String>,
    ) -> io::Result<Self> {
        let mut command = Command::new(program);
        command.args(arguments).env_clear().envs(environment);
        Self::start(command, |_| {}, |_| {})
    }

    /// Starts `command`; `on_line` is called with every line that it logs, `on_exit` after it has ended.
    pub(crate) fn start(
        mut command: Command,
        on_line: impl Fn(&str) + Send + Sync + 'static,
        on_exit: impl FnOnce(ExitStatus) + Send + 'static,
    ) -> io::Result<Self> {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // A Ctrl-C at the terminal is the parent's to act upon; it goes to the whole process group.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn()?;
        let outputs: [Option<Box<dyn Read + Send>>; 2] = [
            child.stdout.take().map(|stdout| Box::new(stdout) as _),
            child.stderr.take().map(|stderr| Box::new(stderr) as _),
        ];
        let shared = Arc::new(Shared {
            id: child.id(),
            child: Mutex::new(child),
            log: Mutex::default(),
            changed: Condvar::new(),
        });
        let open = Arc::new(AtomicUsize::new(outputs.len()));
        let on_line = Arc::new(on_line);
        let on_exit = Arc::new(Mutex::new(Some(on_exit)));
        for output in outputs {
            let (shared, open) = (Arc::clone(&shared), Arc::clone(&open));
            let (on_line, on_exit) = (Arc::clone(&on_line), Arc::clone(&on_exit));
            thread::spawn(move || {
                if let Some(output) = output {
                    shared.copy(output, &*on_line);
                }
                // Both outputs are closed when the process is about to be gone; the thread that sees the second
                // one close waits for that.
                if open.fetch_sub(1, Ordering::AcqRel) == 1 {
                    let status = lock(&shared.child).wait();
                    let on_exit = lock(&on_exit).take();
                    if let (Ok(status), Some(on_exit)) = (status, on_exit) {
                        shared.end(status);
                        on_exit(status);
                    }
                }
            });
        }
        Ok(Self { shared })
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.shared.id
    }

    /// The lines that the process has written to standard output and standard error.
    pub fn log_lines(&self) -> Vec<String> {
        lock(&self.shared.log).lines.clone()
    }

    /// Waits for a line that `wanted` holds for; `None` if there is none within `limit` or before the end.
    pub fn wait_for_log_line(
        &self,
        limit: Duration,
        wanted: impl Fn(&str) -> bool,
    ) -> Option<String> {
        let end = Instant::now() + limit;
        let mut log = lock(&self.shared.log);
        loop {
            if let Some(line) = log.lines.iter().find(|line| wanted(line)) {
                return Some(line.clone());
            }
            let left = end.checked_duration_since(Instant::now())?;
            if log.status.is_some() {
                return None;
            }
            let waited = self.shared.changed.wait_timeout(log, left);
            log = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Ends the process at once (SIGKILL) if it runs.
    pub fn kill(&self) {
        self.shared.kill();
    }

    /// Waits until the process has ended and all that it logged has been read.
    pub fn wait(&self) -> ExitStatus {
        let mut log = lock(&self.shared.log);
        loop {
            if let Some(status) = log.status {
                return status;
            }
            log = self
                .shared
                .changed
                .wait(log)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub(crate) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// Whether the process has not ended yet.
    pub fn is_running(&self) -> bool {
        lock(&self.shared.log).status.is_none()
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The process, apart from the duty to end it.
pub(crate) struct Shared {
    id: u32,
    child: Mutex<Child>,
    log: Mutex<Log>,
    /// Signalled after every change of `log`.
    changed: Condvar,
}

#[derive(Default)]
struct Log {
    lines: Vec<String>,
    status: Option<ExitStatus>,
}

impl Shared {
    fn copy(&self, output: impl Read, on_line: &(dyn Fn(&str) + Send + Sync)) {
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line)
                .trim_end_matches('\r')
                .to_owned();
            on_line(&line);
            lock(&self.log).lines.push(line);
            self.changed.notify_all();
        }
    }

    pub(crate) fn kill(&self) {
        // An error means that it has ended already.
        let _ = lock(&self.child).kill();
    }

    pub(crate) fn wait(&self) -> ExitStatus {
        let mut log = lock(&self.log);
        loop {
            if let Some(status) = log.status {
                return status;
            }
            log = self
                .changed
                .wait(log)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn end(&self, status: ExitStatus) {
        lock(&self.log).status = Some(status);
        self.changed.notify_all();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
