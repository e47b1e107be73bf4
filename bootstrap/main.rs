//! The executable that Lambda starts. Nothing but wiring: see `dojang::backend`.

use std::process::ExitCode;

#[cfg(target_env = "musl")]
use copying as _;

#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> ExitCode {
    dojang::backend::run()
}
