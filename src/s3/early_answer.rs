//! A connection whose answer is read even if the request could not be sent to its end.
//!
//! A server may refuse a request by its head and close the connection while the body is under way (RFC
//! 9112, section 9.6). `ureq` ends with the error of the write then, and the answer, which says what is
//! wrong, stays unread. So the write is said to have gone well, and reading comes next. This stands beneath
//! TLS, which would not read after a failed write either.

use std::cell::RefCell;
use std::time::Duration;

use ureq::Error;
use ureq::unversioned::transport::time::Duration::Exact;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

/// Why the last request of this thread could not be sent to its end.
pub(super) fn failed_write() -> Option<String> {
    FAILED.with_borrow(Clone::clone)
}

/// Call it before each request.
pub(super) fn forget_failed_write() {
    FAILED.set(None);
}

thread_local! {
    static FAILED: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Wraps connections of the connector before it.
#[derive(Debug)]
pub(super) struct EarlyAnswers;

impl<In: Transport> Connector<In> for EarlyAnswers {
    type Out = ReadsEarlyAnswers<In>;

    fn connect(
        &self,
        _: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        Ok(chained.map(|connection| ReadsEarlyAnswers {
            connection,
            failure: Failure::None,
            has_input: false,
        }))
    }
}

/// A connection, and what became of writing to it.
#[derive(Debug)]
pub(super) struct ReadsEarlyAnswers<T> {
    connection: T,
    failure: Failure,
    /// What was read while writing is in the buffer. [`Buffers::can_use_input`] does not count it before the
    /// connection's first input was consumed, so `ureq` would wait for more.
    has_input: bool,
}

#[derive(Debug)]
enum Failure {
    None,
    /// Nobody has been told yet.
    Untold(Error),
    Told,
}

impl<T: Transport> Transport for ReadsEarlyAnswers<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.connection.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        if !matches!(self.failure, Failure::None) {
            return Ok(());
        }
        // The other side may take a part of a write just before it takes nothing more: then the time that is
        // allowed passes twice. And some must be left for the answer.
        let mut part = timeout;
        if let Exact(after) = part.after {
            part.after = Exact(after / 4);
        }
        let Err(error) = self.connection.transmit_output(amount, part) else {
            return Ok(());
        };
        if matches!(error, Error::Timeout(_)) {
            // Nobody reads what is sent. Is that because the answer is there already?
            let mut at_once = timeout;
            at_once.after = AT_ONCE.into();
            if !self.connection.await_input(at_once).unwrap_or(false) {
                return Err(error);
            }
            self.has_input = !self.buffers().can_use_input();
        }
        FAILED.set(Some(error.to_string()));
        self.failure = Failure::Untold(error);
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        if std::mem::take(&mut self.has_input) {
            return Ok(true);
        }
        let result = self.connection.await_input(timeout);
        if matches!(result, Ok(true)) {
            return result;
        }
        // There is no answer: what counts is why the request was not sent.
        match std::mem::replace(&mut self.failure, Failure::Told) {
            Failure::Untold(error) => Err(error),
            Failure::None => {
                self.failure = Failure::None;
                result
            }
            Failure::Told => result,
        }
    }

    fn is_open(&mut self) -> bool {
        matches!(self.failure, Failure::None) && self.connection.is_open()
    }

    fn is_tls(&self) -> bool {
        self.connection.is_tls()
    }
}

/// As long as it takes to look, on a busy machine too.
const AT_ONCE: Duration = Duration::from_millis(100);
