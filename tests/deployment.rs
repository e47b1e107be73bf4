//! Package, template, role and takeover are tested by `tests/more/deployment`, which needs more than Rust.

use std::process::Command;

#[test]
#[ignore = "needs Debian's cross gcc and qemu, and Python: run tests/more/run deployment"]
fn package_template_role_and_takeover() {
    let status = Command::new("tests/more/run")
        .arg("deployment")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .expect("the script can be started");
    assert!(status.success());
}
