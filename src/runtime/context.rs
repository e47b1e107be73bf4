//! What a handler is told besides the event.

use std::time::{Duration, SystemTime};

use super::api::Invocation;
use crate::log::{Log, RequestLog};

/// The circumstances of an invocation.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Lambda's id of the request; the same when Lambda repeats it.
    pub request_id: &'a str,
    /// When Lambda gives up.
    pub deadline: SystemTime,
    /// Whether our clock is known to differ from Lambda's.
    pub are_clocks_apart: bool,
    /// The ARN, with version or alias, that was invoked.
    pub invoked_function_arn: Option<&'a str>,
    /// The X-Ray trace header.
    pub trace_id: Option<&'a str>,
    /// In tenant isolation mode.
    pub tenant_id: Option<&'a str>,
    /// From the mobile SDKs: JSON.
    pub client_context: Option<&'a str>,
    /// From the mobile SDKs: JSON.
    pub cognito_identity: Option<&'a str>,
    /// Whether this is the first invocation of the process.
    pub cold: bool,
    /// Writes lines with the request's id.
    pub log: RequestLog<'a>,
}

impl<'a> Context<'a> {
    pub(super) fn new(invocation: &'a Invocation, cold: bool, log: &'a Log) -> Self {
        let (trace_id, tenant_id) = (
            invocation.trace_id.as_deref(),
            invocation.tenant_id.as_deref(),
        );
        Self {
            request_id: &invocation.request_id,
            deadline: invocation.deadline,
            are_clocks_apart: invocation.are_clocks_apart,
            invoked_function_arn: invocation.invoked_function_arn.as_deref(),
            trace_id,
            tenant_id,
            client_context: invocation.client_context.as_deref(),
            cognito_identity: invocation.cognito_identity.as_deref(),
            cold,
            log: log.of_request(&invocation.request_id, trace_id, tenant_id),
        }
    }

    /// The time that is left at `now`; none if the deadline has passed.
    #[must_use]
    pub fn remaining(&self, now: SystemTime) -> Duration {
        self.deadline.duration_since(now).unwrap_or_default()
    }
}
