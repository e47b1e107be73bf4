//! `cargo run -p local`: the whole club backend on your machine. See `local::command`.

use std::process::ExitCode;

fn main() -> ExitCode {
    local::command::run(std::env::args_os().skip(1))
}
