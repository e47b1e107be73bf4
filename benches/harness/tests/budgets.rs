//! Counts against `benches/budgets.toml`. Needs valgrind and strace, so `cargo test` alone leaves it out.

use std::path::Path;

#[test]
#[ignore = "needs valgrind and strace: tests/more/budgets/run"]
fn no_budget_is_exceeded() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    if let Err(error) = harness::budgets::check(&root, None) {
        panic!("{error}");
    }
}
