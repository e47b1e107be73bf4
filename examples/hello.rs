//! A whole Lambda function on the runtime of this crate: `{"name": "Kim"}` in, a greeting out.

use std::process::ExitCode;

use dojang::runtime::{self, Context, HandlerError};
use serde_json::{Value, json};

fn main() -> ExitCode {
    runtime::run(|_log| Ok(hello))
}

fn hello(event: &[u8], context: &Context<'_>) -> Result<Vec<u8>, HandlerError> {
    let event: Value = serde_json::from_slice(event)
        .map_err(|_| HandlerError::new("Function.BadEvent", "expected JSON"))?;
    let name = event["name"].as_str().unwrap_or("stranger");
    let greeting = json!({"greeting": format!("Hello, {name}!"), "requestId": context.request_id});
    Ok(greeting.to_string().into_bytes())
}
