//! The rules of the Runtime API, without I/O.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::oneshot::Sender;

use super::{Delivery, ErrorReport, Outcome};
use crate::http::Connection;

#[derive(Default)]
pub(super) struct State {
    pub(super) queued: VecDeque<Event>,
    /// In the order of delivery; the last [`REMEMBERED`].
    taken: VecDeque<Taken>,
    pub(super) init_errors: Vec<ErrorReport>,
    /// The connections of open `/next` requests.
    pub(super) waiting: Vec<Arc<Connection>>,
    pub(super) next_calls: u64,
    pub(super) delivered: u64,
}

/// An event that waits for a function.
pub(super) struct Event {
    pub(super) request_id: String,
    /// Tells this delivery from others of the same request.
    pub(super) nonce: String,
    pub(super) delivery: Delivery,
    pub(super) bytes: Vec<u8>,
    pub(super) sender: Sender<Outcome>,
}

/// An event that a function has been given.
struct Taken {
    request_id: String,
    nonce: String,
    phase: Phase,
}

enum Phase {
    Running(Sender<Outcome>),
    /// An answer was taken, or refused as too large; the runtime has not asked for the next event.
    Answered,
    /// The runtime has asked for the next event.
    Complete,
    /// The caller had been given an outcome before the function answered.
    Stale,
}

/// What `/next` is answered with.
pub(super) struct Assignment {
    pub(super) request_id: String,
    pub(super) nonce: String,
    pub(super) delivery: Delivery,
    pub(super) deadline: SystemTime,
    pub(super) timeout: Duration,
    pub(super) bytes: Vec<u8>,
}

/// Why an answer is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// 400 `InvalidRequestID`: no such invocation, or one that is complete.
    InvalidRequestId,
    /// 403 `InvalidStateTransition`: there was an answer already.
    InvalidStateTransition,
    /// 410: the delivery that is answered is over.
    Stale,
}

impl State {
    /// A runtime asks for an event: whatever it has answered is complete.
    pub(super) fn begin_next(&mut self, connection: &Arc<Connection>) {
        for taken in &mut self.taken {
            if matches!(taken.phase, Phase::Answered) {
                taken.phase = Phase::Complete;
            }
        }
        self.next_calls += 1;
        self.waiting.push(Arc::clone(connection));
    }

    /// The `/next` request of this connection is over, whether or not it got an event.
    pub(super) fn end_next(&mut self, connection: &Arc<Connection>) {
        if let Some(place) = self
            .waiting
            .iter()
            .position(|other| Arc::ptr_eq(other, connection))
        {
            self.waiting.swap_remove(place);
        }
    }

    pub(super) fn is_function_waiting(&self) -> bool {
        self.waiting.iter().any(|connection| connection.is_open())
    }

    pub(super) fn is_function_running(&self) -> bool {
        self.taken
            .iter()
            .any(|taken| matches!(taken.phase, Phase::Running(_)))
    }

    pub(super) fn take(&mut self, now: SystemTime, timeout: Duration) -> Option<Assignment> {
        let event = self.queued.pop_front()?;
        if self.taken.len() == REMEMBERED {
            self.taken.pop_front();
        }
        self.taken.push_back(Taken {
            request_id: event.request_id.clone(),
            nonce: event.nonce.clone(),
            phase: Phase::Running(event.sender),
        });
        self.delivered += 1;
        let timeout = event.delivery.timeout.unwrap_or(timeout);
        Some(Assignment {
            request_id: event.request_id,
            nonce: event.nonce,
            deadline: event.delivery.deadline.unwrap_or(now + timeout),
            delivery: event.delivery,
            timeout,
            bytes: event.bytes,
        })
    }

    /// Ends the invocation with `outcome` if the function may answer it. `nonce` is what it echoed.
    pub(super) fn answer(
        &mut self,
        request_id: &str,
        nonce: Option<&str>,
        outcome: Outcome,
    ) -> Result<(), Refusal> {
        let mut deliveries: Vec<&mut Taken> = self
            .taken
            .iter_mut()
            .filter(|taken| taken.request_id == request_id)
            .collect();
        if deliveries.is_empty() {
            return Err(Refusal::InvalidRequestId);
        }
        let taken = match nonce {
            // A runtime that does not know the header means the delivery it was given last.
            None => deliveries.pop(),
            Some(nonce) => deliveries.into_iter().find(|taken| taken.nonce == nonce),
        };
        let taken = taken.ok_or(Refusal::Stale)?;
        match &taken.phase {
            Phase::Running(_) => {}
            Phase::Answered => return Err(Refusal::InvalidStateTransition),
            Phase::Complete => return Err(Refusal::InvalidRequestId),
            Phase::Stale => return Err(Refusal::Stale),
        }
        taken.finish(Phase::Answered, outcome);
        Ok(())
    }

    /// The deadline of a delivery has come; the request's id if there was no answer.
    pub(super) fn expire(&mut self, nonce: &str) -> Option<String> {
        let taken = self.taken.iter_mut().find(|taken| taken.nonce == nonce)?;
        if !matches!(taken.phase, Phase::Running(_)) {
            return None;
        }
        taken.finish(Phase::Stale, Outcome::TimedOut);
        Some(taken.request_id.clone())
    }

    /// No function has asked for the event in time; the request's id if it is still queued.
    pub(super) fn give_up(&mut self, nonce: &str) -> Option<String> {
        let place = self.queued.iter().position(|event| event.nonce == nonce)?;
        let event = self.queued.remove(place)?;
        let _ = event.sender.send(Outcome::TimedOut);
        Some(event.request_id)
    }

    pub(super) fn fail_running(&mut self, report: &ErrorReport) {
        for taken in &mut self.taken {
            if matches!(taken.phase, Phase::Running(_)) {
                let report = ErrorReport {
                    request_id: Some(taken.request_id.clone()),
                    ..report.clone()
                };
                taken.finish(Phase::Stale, Outcome::Error(report));
            }
        }
    }

    pub(super) fn fail_queued(&mut self, report: &ErrorReport) {
        for event in self.queued.drain(..) {
            let report = ErrorReport {
                request_id: Some(event.request_id),
                ..report.clone()
            };
            let _ = event.sender.send(Outcome::Error(report));
        }
    }
}

impl Taken {
    fn finish(&mut self, phase: Phase, outcome: Outcome) {
        if let Phase::Running(sender) = std::mem::replace(&mut self.phase, phase) {
            // The caller may have gone away.
            let _ = sender.send(outcome);
        }
    }
}

/// Enough that no late answer of a test is taken for an unknown one.
const REMEMBERED: usize = 1000;
