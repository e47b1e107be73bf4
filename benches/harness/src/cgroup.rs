//! Emulates a Lambda's memory size by its share of a CPU: cgroups, version 1 or 2.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A control group of our own, removed in the end.
pub(crate) struct Cgroup {
    directory: PathBuf,
    version: Version,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

impl Cgroup {
    /// # Errors
    /// Why CPU time cannot be limited here.
    pub(crate) fn new() -> Result<Self, String> {
        let mounts = fs::read_to_string("/proc/mounts").map_err(|error| error.to_string())?;
        let (root, version) =
            find(&mounts).ok_or("no cgroup file system with a cpu controller is mounted")?;
        let directory = root.join(format!("dojang-bench-{}", std::process::id()));
        let cannot = |what: &Path| {
            let what = what.display().to_string();
            move |error: io::Error| format!("{what}: {error}")
        };
        if version == Version::Two {
            let control = root.join("cgroup.subtree_control");
            fs::write(&control, "+cpu").map_err(cannot(&control))?;
        }
        fs::create_dir(&directory).map_err(cannot(&directory))?;
        let group = Self { directory, version };
        group
            .limit(None)
            .map_err(|error| format!("the quota cannot be set: {error}"))?;
        Ok(group)
    }

    /// Permits the share of a CPU that Lambda gives a function of so many MB (a whole one at 1,769 MB, AWS
    /// documentation, "Configure Lambda function memory"), but at most one; or any.
    pub(crate) fn limit(&self, megabytes: Option<u32>) -> io::Result<()> {
        let quota = megabytes.map(quota_us);
        match self.version {
            Version::One => {
                fs::write(
                    self.directory.join("cpu.cfs_period_us"),
                    PERIOD.as_micros().to_string(),
                )?;
                let quota = quota.map_or("-1".to_owned(), |quota| quota.to_string());
                fs::write(self.directory.join("cpu.cfs_quota_us"), quota)
            }
            Version::Two => {
                let quota = quota.map_or("max".to_owned(), |quota| quota.to_string());
                fs::write(
                    self.directory.join("cpu.max"),
                    format!("{quota} {}", PERIOD.as_micros()),
                )
            }
        }
    }

    /// Moves a process with all its threads into this group.
    pub(crate) fn take(&self, pid: u32) -> io::Result<()> {
        fs::write(self.directory.join("cgroup.procs"), pid.to_string())
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // Fails while a process is being taken apart; then the empty group stays behind, which does no harm.
        let _ = fs::remove_dir(&self.directory);
    }
}

fn quota_us(megabytes: u32) -> u128 {
    PERIOD.as_micros() * u128::from(megabytes) / u128::from(MEGABYTES_OF_ONE_CPU)
}

/// The group's file system: version 1's cpu controller before version 2.
fn find(mounts: &str) -> Option<(PathBuf, Version)> {
    let lines: Vec<Vec<&str>> = mounts
        .lines()
        .map(|line| line.split(' ').collect())
        .collect();
    let one = lines.iter().find(|fields| {
        fields.get(2) == Some(&"cgroup")
            && fields
                .get(3)
                .is_some_and(|options| options.split(',').any(|option| option == "cpu"))
    });
    if let Some(fields) = one {
        return Some((fields[1].into(), Version::One));
    }
    let two = lines
        .iter()
        .find(|fields| fields.get(2) == Some(&"cgroup2"))?;
    Some((two[1].into(), Version::Two))
}

/// Lambda's memory sizes that are emulated, in MB.
pub(crate) const SIZES: [u32; 6] = [128, 256, 512, 1_024, 1_769, 2_048];
/// Lambda's own period.
pub(crate) const PERIOD: Duration = Duration::from_millis(20);
const MEGABYTES_OF_ONE_CPU: u32 = 1_769;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_are_found() {
        let one = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\n\
            cgroup /sys/fs/cgroup/cpuset cgroup rw,cpuset 0 0\n\
            cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0\n";
        assert_eq!(
            find(one),
            Some(("/sys/fs/cgroup/cpu,cpuacct".into(), Version::One))
        );
        let two = "cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n";
        assert_eq!(find(two), Some(("/sys/fs/cgroup".into(), Version::Two)));
        assert_eq!(find("proc /proc proc rw 0 0\n"), None);
    }

    #[test]
    fn quotas_follow_the_documentation() {
        assert_eq!((quota_us(128), quota_us(1_769)), (1_447, 20_000));
    }
}
