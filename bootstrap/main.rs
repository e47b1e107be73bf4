//! The executable that Lambda starts. Nothing but wiring: see `dojang::backend`.

use std::process::ExitCode;

fn main() -> ExitCode {
    dojang::backend::run()
}
