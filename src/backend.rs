//! Wires configuration, S3 client and club into the runtime loop.

use std::process::ExitCode;

/// Runs the backend until the Runtime API goes away.
pub fn run() -> ExitCode {
    ExitCode::FAILURE
}
