//! The HTTP side of the Runtime API.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::HeaderValue;
use hyper::http::request::Parts;
use hyper::{Method, Response};
use serde_json::json;

use super::state::{Assignment, Refusal};
use super::{ErrorReport, Notice, Outcome, Shared};
use crate::http::{Connection, Dropped, Received, TooLarge, response};

pub(super) async fn answer(
    shared: Arc<Shared>,
    received: Received,
) -> Result<Response<Full<Bytes>>, Dropped> {
    let Received {
        head,
        body,
        connection,
    } = received;
    let path = head.uri.path().to_owned();
    let Some(call) = path.strip_prefix(PREFIX) else {
        return Ok(not_found());
    };
    let segments: Vec<&str> = call.split('/').collect();
    let answer = match (&head.method, &segments[..]) {
        (&Method::GET, ["invocation", "next"]) => return next(&shared, connection).await,
        (&Method::POST, ["invocation", id, "response"]) => {
            invocation_response(&shared, id, &head, body)
        }
        (&Method::POST, ["invocation", id, "error"]) => invocation_error(&shared, id, &head, body),
        (&Method::POST, ["init", "error"]) => init_error(&shared, &head, body),
        (
            _,
            ["invocation", "next"] | ["invocation", _, "response" | "error"] | ["init", "error"],
        ) => {
            return Ok(error(405, "MethodNotAllowed", "Method not allowed"));
        }
        _ => return Ok(not_found()),
    };
    if !answer.status().is_success() {
        shared.notify(&Notice::Refused {
            path,
            status: answer.status().as_u16(),
        });
    }
    Ok(answer)
}

/// Waits until there is an event for the function.
async fn next(
    shared: &Arc<Shared>,
    connection: Arc<Connection>,
) -> Result<Response<Full<Bytes>>, Dropped> {
    shared.state().begin_next(&connection);
    shared.changed.notify_all();
    let _waiting = Waiting {
        shared,
        connection: &connection,
    };
    loop {
        let mut queued = std::pin::pin!(shared.event_queued.notified());
        // From here on no wake-up is missed, so it is safe to look at the queue.
        queued.as_mut().enable();
        if let Some(assignment) = shared.take(&connection)? {
            return Ok(event(assignment, &shared.options.function_arn));
        }
        queued.await;
    }
}

/// Ends an open `/next` also when the client goes away and the future is dropped.
struct Waiting<'a> {
    shared: &'a Shared,
    connection: &'a Arc<Connection>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.shared.state().end_next(self.connection);
    }
}

fn event(assignment: Assignment, function_arn: &str) -> Response<Full<Bytes>> {
    let delivery = assignment.delivery;
    let deadline = assignment
        .deadline
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis();
    let mut answer = response(200, "application/json", assignment.bytes);
    for (name, value) in [
        ("lambda-runtime-aws-request-id", Some(assignment.request_id)),
        ("lambda-runtime-deadline-ms", Some(deadline.to_string())),
        (
            "lambda-runtime-invoked-function-arn",
            Some(function_arn.to_owned()),
        ),
        ("lambda-runtime-trace-id", delivery.trace_id),
        ("lambda-runtime-client-context", delivery.client_context),
        ("lambda-runtime-cognito-identity", delivery.cognito_identity),
        ("lambda-runtime-aws-tenant-id", delivery.tenant_id),
        (
            INVOCATION_ID,
            delivery.invocation_id.then_some(assignment.nonce),
        ),
    ] {
        // Bytes rather than text: a test may choose a value that is not ASCII.
        if let Some(value) = value
            && let Ok(value) = HeaderValue::from_bytes(value.as_bytes())
        {
            answer.headers_mut().insert(name, value);
        }
    }
    answer
}

fn invocation_response(
    shared: &Shared,
    id: &str,
    head: &Parts,
    body: Result<Bytes, TooLarge>,
) -> Response<Full<Bytes>> {
    let large = body.is_err();
    let outcome = match body {
        Ok(bytes) => Outcome::Response(bytes.to_vec()),
        Err(TooLarge) => Outcome::ResponseTooLarge,
    };
    let answered = shared
        .state()
        .answer(id, header(head, INVOCATION_ID), outcome);
    match answered {
        Err(refusal) => refused(refusal),
        Ok(()) if large => {
            shared.notify(&Notice::ResponseTooLarge {
                request_id: id.to_owned(),
            });
            error(
                413,
                "RequestEntityTooLarge",
                &format!("Exceeded maximum allowed payload size ({BODY_LIMIT} bytes)."),
            )
        }
        Ok(()) => accepted(),
    }
}

fn invocation_error(
    shared: &Shared,
    id: &str,
    head: &Parts,
    body: Result<Bytes, TooLarge>,
) -> Response<Full<Bytes>> {
    let report = report(head, body, Some(id.to_owned()));
    let answered = shared.state().answer(
        id,
        header(head, INVOCATION_ID),
        Outcome::Error(report.clone()),
    );
    match answered {
        Err(refusal) => refused(refusal),
        Ok(()) => {
            shared.notify(&Notice::InvocationError(report));
            accepted()
        }
    }
}

fn init_error(
    shared: &Shared,
    head: &Parts,
    body: Result<Bytes, TooLarge>,
) -> Response<Full<Bytes>> {
    let report = report(head, body, None);
    {
        let mut state = shared.state();
        // Past INIT when a function waits for events or works on one.
        if state.is_function_waiting() || state.is_function_running() {
            return refused(Refusal::InvalidStateTransition);
        }
        state.init_errors.push(report.clone());
        state.fail_queued(&report);
    }
    shared.notify(&Notice::InitError(report));
    accepted()
}

fn report(head: &Parts, body: Result<Bytes, TooLarge>, request_id: Option<String>) -> ErrorReport {
    ErrorReport {
        error_type: header(head, "lambda-runtime-function-error-type").map(str::to_owned),
        request_id,
        body: body.unwrap_or_default().to_vec(),
    }
}

fn accepted() -> Response<Full<Bytes>> {
    response(
        202,
        "application/json",
        json!({ "status": "OK" }).to_string(),
    )
}

fn refused(refusal: Refusal) -> Response<Full<Bytes>> {
    match refusal {
        Refusal::InvalidRequestId => error(400, "InvalidRequestID", "Invalid request ID"),
        Refusal::InvalidStateTransition => error(
            403,
            "InvalidStateTransition",
            "State transition is not allowed",
        ),
        Refusal::Stale => error(410, "InvalidInvocationID", "The invocation is over"),
    }
}

fn not_found() -> Response<Full<Bytes>> {
    error(404, "NotFound", "404 page not found")
}

fn error(status: u16, error_type: &str, message: &str) -> Response<Full<Bytes>> {
    let body = json!({ "errorType": error_type, "errorMessage": message });
    response(status, "application/json", body.to_string())
}

fn header<'a>(head: &'a Parts, name: &str) -> Option<&'a str> {
    head.headers.get(name).and_then(|value| value.to_str().ok())
}

/// 6 MiB and 100 bytes: what Lambda takes as an answer.
pub(super) const BODY_LIMIT: usize = 6_291_556;
const PREFIX: &str = "/2018-06-01/runtime/";
const INVOCATION_ID: &str = "lambda-runtime-invocation-id";
