//! The open connections of a server.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

#[derive(Default)]
pub(crate) struct Connections {
    state: Mutex<State>,
    /// Signalled when a connection has ended.
    ended: Condvar,
}

#[derive(Default)]
struct State {
    opened: u64,
    /// What tells an open connection to close; `None` once it has been told.
    open: BTreeMap<u64, Option<oneshot::Sender<()>>>,
}

impl Connections {
    pub(crate) fn open(connections: &Arc<Self>) -> Open {
        let (sender, close) = oneshot::channel();
        let mut state = connections.state();
        state.opened += 1;
        let number = state.opened;
        state.open.insert(number, Some(sender));
        drop(state);
        Open {
            number,
            close: Some(close),
            connections: Arc::clone(connections),
        }
    }

    /// Tells all connections to close, and waits until those that are open now have ended, though not
    /// longer than `limit`: one with a running request may take its time.
    pub(crate) fn close(&self, limit: Duration) {
        let end = Instant::now() + limit;
        let mut state = self.state();
        let last = state.opened;
        for close in state.open.values_mut().filter_map(Option::take) {
            let _ = close.send(());
        }
        while state.open.range(..=last).next().is_some() {
            let Some(left) = end.checked_duration_since(Instant::now()) else {
                return;
            };
            state = self
                .ended
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One open connection; it counts as ended when this is dropped.
pub(crate) struct Open {
    number: u64,
    close: Option<oneshot::Receiver<()>>,
    connections: Arc<Connections>,
}

impl Open {
    /// Whether the connection has been told to close since this was asked last. Wakes the task later if
    /// it has not.
    pub(crate) fn is_to_close(&mut self, context: &mut Context<'_>) -> bool {
        let Some(close) = &mut self.close else {
            return false;
        };
        match std::pin::Pin::new(close).poll(context) {
            Poll::Pending => false,
            Poll::Ready(told) => {
                self.close = None;
                told.is_ok()
            }
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.connections.state().open.remove(&self.number);
        self.connections.ended.notify_all();
    }
}
