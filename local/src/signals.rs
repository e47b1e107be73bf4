//! SIGINT and SIGTERM.

use std::future::{Future, pending, poll_fn};
use std::io;
use std::pin::pin;
use std::task::Poll;

use tokio::runtime::Runtime;
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
#[cfg(windows)]
use tokio::signal::windows::CtrlC as Signal;

/// From its creation on no signal is lost, and none ends the process.
pub(crate) struct Signals {
    runtime: Runtime,
    signals: Vec<Signal>,
}

impl Signals {
    pub(crate) fn listen() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let signals = {
            let _context = runtime.enter();
            #[cfg(unix)]
            let signals = vec![
                signal(SignalKind::interrupt())?,
                signal(SignalKind::terminate())?,
            ];
            #[cfg(windows)]
            let signals = vec![tokio::signal::windows::ctrl_c()?];
            signals
        };
        Ok(Self { runtime, signals })
    }

    /// What `work` comes to; `None` if a signal comes first.
    pub(crate) fn unless_signalled<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let Self { runtime, signals } = self;
        let mut work = pin!(work);
        runtime.block_on(poll_fn(|context| {
            for signal in &mut *signals {
                if signal.poll_recv(context).is_ready() {
                    return Poll::Ready(None);
                }
            }
            work.as_mut().poll(context).map(Some)
        }))
    }

    /// Waits for a signal.
    pub(crate) fn wait(&mut self) {
        let _: Option<()> = self.unless_signalled(pending());
    }
}
