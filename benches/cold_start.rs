//! `cargo bench --bench cold_start`: cold and warm starts of the function and of its peers.
//!
//! All that it does is in `benches/harness`.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    harness::main(Path::new(env!("CARGO_MANIFEST_DIR")))
}
