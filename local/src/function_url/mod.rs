//! The Function URL: HTTP in front of the function, in payload format 2.0.
//!
//! It adds no CORS headers of its own; the function answers preflights itself. [`event`] makes the event
//! of a request, [`answer`] the response of an outcome.

pub mod answer;
pub mod event;

use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use http_body_util::Full;
use hyper::Response;
use hyper::body::Bytes;
use hyper::header::HeaderValue;

use crate::http::{Received, Server, response};
use crate::random;
use crate::runtime_api::{Delivery, Invoke, Outcome};

/// A running Function URL; it ends when this is dropped.
pub struct FunctionUrl {
    server: Server,
}

impl FunctionUrl {
    /// Listens on 127.0.0.1 at `port` (0: any free one) and has `function` answer.
    ///
    /// # Errors
    ///
    /// `AddrInUse` if the port is taken.
    pub fn start(port: u16, function: impl Invoke) -> io::Result<Self> {
        let function = Arc::new(function);
        let server = Server::start(port, EVENT_LIMIT, move |received| {
            let function = Arc::clone(&function);
            async move { Ok(serve(&*function, received).await) }
        })?;
        Ok(Self { server })
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.server.address().port()
    }
}

async fn serve(function: &impl Invoke, received: Received) -> Response<Full<Bytes>> {
    let Received {
        head,
        body,
        connection,
    } = received;
    let Ok(body) = body else { return too_large() };
    let Ok(request_id) = random::uuid() else {
        return response(500, "text/plain", "Internal Server Error");
    };
    let event = event::event(
        &head,
        &body,
        connection.peer.ip(),
        &request_id,
        SystemTime::now(),
    )
    .to_string();
    if event.len() > EVENT_LIMIT {
        return too_large();
    }
    let delivery = Delivery {
        request_id: Some(request_id.clone()),
        ..Delivery::default()
    };
    let outcome = function.submit(delivery, event.into_bytes()).await;
    let mut answer = answer::response(outcome.unwrap_or_else(|_| Outcome::stopped()));
    if let Ok(id) = HeaderValue::from_str(&request_id) {
        answer.headers_mut().insert("x-amzn-requestid", id);
    }
    answer
}

fn too_large() -> Response<Full<Bytes>> {
    response(413, "application/json", r#"{"message":"Request Too Long"}"#)
}

/// 6 MiB: what Lambda takes as the event of a synchronous invocation.
const EVENT_LIMIT: usize = 6_291_456;
