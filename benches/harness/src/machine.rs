//! Where and when the benchmark ran.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Iso8601;

/// What belongs beside every figure.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    /// `2026-11-24`
    pub(crate) date: String,
    /// Short hash, with `+` if the work tree differs from it.
    pub(crate) commit: String,
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) system: String,
    /// Of the last minute, at the end.
    pub(crate) load: String,
}

impl Machine {
    pub(crate) fn here(root: &Path) -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let field = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name));
            let value = line.and_then(|line| line.split_once([':', '=']));
            value.map(|(_, value)| value.trim().trim_matches('"').to_owned())
        };
        let said = |program: &str, arguments: &[&str]| {
            let output = Command::new(program)
                .args(arguments)
                .current_dir(root)
                .output()
                .ok()?;
            let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
            output.status.success().then_some(text)
        };
        let changed = said("git", &["status", "--porcelain", "--untracked-files=no"]);
        let commit =
            said("git", &["rev-parse", "--short=10", "HEAD"]).unwrap_or("unknown".to_owned());
        let date = OffsetDateTime::now_utc()
            .format(&Iso8601::DATE)
            .unwrap_or_default();
        let system = [
            field(&read("/etc/os-release"), "PRETTY_NAME").unwrap_or_default(),
            format!("Linux {}", read("/proc/sys/kernel/osrelease").trim()),
            std::env::consts::ARCH.to_owned(),
        ];
        Self {
            date,
            commit: commit
                + if changed.is_some_and(|changed| !changed.is_empty()) {
                    "+"
                } else {
                    ""
                },
            processor: field(&read("/proc/cpuinfo"), "model name")
                .unwrap_or("unknown processor".to_owned()),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            system: system.join(", "),
            load: read("/proc/loadavg")
                .split(' ')
                .next()
                .unwrap_or_default()
                .to_owned(),
        }
    }

    pub(crate) fn sentence(&self) -> String {
        format!(
            "Measured on {} at commit {} on {} cores of {} ({}), load {} at the end.",
            self.date, self.commit, self.cores, self.processor, self.system, self.load
        )
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({"date": self.date, "commit": self.commit, "processor": self.processor,
            "cores": self.cores, "system": self.system, "load": self.load})
    }
}
