//! One process of a variant: started, watched, ended.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::cgroup::Cgroup;

/// How to start a program.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) arguments: Vec<String>,
    /// The working directory: the function's own folder.
    pub(crate) directory: PathBuf,
}

/// A running process.
pub(crate) struct Process {
    child: Child,
    started: Instant,
    usage_before: Usage,
    /// The process that does the work, where another one watches it.
    watched: Watched,
}

/// What stands between us and the program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Watched {
    /// Nothing.
    #[default]
    Directly,
    /// A tracer, whose child the program is.
    ByTracer,
    /// A tool in the same process, which writes its results when it is asked to end.
    ByTool,
}

/// What the process used; without the tool that watched it, if any.
#[derive(Clone, Debug, Default)]
pub(crate) struct Used {
    pub(crate) cpu: Duration,
    pub(crate) peak_rss_kb: u64,
    pub(crate) minor_faults: i64,
    pub(crate) major_faults: i64,
    pub(crate) log: String,
}

impl Process {
    /// Starts the program with this environment and no other.
    pub(crate) fn start(
        program: &Program,
        environment: &BTreeMap<String, String>,
        watched: Watched,
    ) -> io::Result<Self> {
        let usage_before = usage()?;
        let mut command = command(&program.path, program, environment);
        command.args(&program.arguments).stdin(Stdio::null());
        let started = Instant::now();
        let child = command.spawn()?;
        Ok(Self {
            child,
            started,
            usage_before,
            watched,
        })
    }

    /// The same within a control group. The time begins when the program takes the place of the small
    /// process that entered the group for it, so that neither time nor quota is spent on that. `hosts` takes the
    /// place of the system's file of that name.
    pub(crate) fn start_within(
        group: &Cgroup,
        program: &Program,
        environment: &BTreeMap<String, String>,
        hosts: Option<&Path>,
    ) -> io::Result<Self> {
        let usage_before = usage()?;
        let mut command = command(&std::env::current_exe()?, program, environment);
        command
            .arg(LAUNCH)
            .arg(hosts.unwrap_or(Path::new("")))
            .arg(&program.path)
            .args(&program.arguments);
        let mut child = command.stdin(Stdio::piped()).spawn()?;
        group.take(child.id())?;
        // The group's quota must be whole again when the time begins.
        thread::sleep(crate::cgroup::PERIOD * 2);
        let mut go = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let launched = Self {
            child,
            started: Instant::now(),
            usage_before,
            watched: Watched::Directly,
        };
        match go.write_all(b"!") {
            Ok(()) => Ok(launched),
            Err(_) => Err(io::Error::other(launched.abandon())),
        }
    }

    /// When it was started.
    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends the process; what it used up to now.
    pub(crate) fn end(mut self) -> io::Result<Used> {
        let peak_rss_kb = peak_rss_kb(self.id()).unwrap_or_default();
        match self.watched {
            Watched::Directly => self.child.kill()?,
            Watched::ByTracer => {
                let children = format!("/proc/{0}/task/{0}/children", self.id());
                for pid in fs::read_to_string(children)?.split_whitespace() {
                    signal(pid.parse().map_err(io::Error::other)?, Signal::SIGKILL)?;
                }
            }
            Watched::ByTool => signal(self.id().cast_signed(), Signal::SIGTERM)?,
        }
        let mut log = Vec::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            stderr.read_to_end(&mut log)?;
        }
        self.child.wait()?;
        let (before, after) = (&self.usage_before, usage()?);
        Ok(Used {
            cpu: cpu(&after).saturating_sub(cpu(before)),
            peak_rss_kb,
            minor_faults: after.minor_page_faults() - before.minor_page_faults(),
            major_faults: after.major_page_faults() - before.major_page_faults(),
            log: String::from_utf8_lossy(&log).into_owned(),
        })
    }

    /// Ends a process that did not do what it should; what it logged.
    pub(crate) fn abandon(mut self) -> String {
        let _ = self.child.kill();
        let mut log = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            let _ = stderr.read_to_string(&mut log);
        }
        let _ = self.child.wait();
        log
    }
}

/// What `--launch` does: puts a file in the place of the hosts file, if one is named, waits for a byte and becomes the
/// program.
pub(crate) fn launch(mut arguments: impl Iterator<Item = std::ffi::OsString>) -> ExitCode {
    let (Some(hosts), Some(program)) = (arguments.next(), arguments.next()) else {
        return ExitCode::FAILURE;
    };
    if !hosts.is_empty()
        && let Err(error) = replace_hosts(Path::new(&hosts))
    {
        eprintln!("the hosts file cannot be replaced: {error}");
        return ExitCode::FAILURE;
    }
    if io::stdin().read_exact(&mut [0]).is_err() {
        return ExitCode::FAILURE;
    }
    let error = Command::new(&program)
        .args(arguments)
        .stdin(Stdio::null())
        .exec();
    eprintln!("{}: {error}", program.display());
    ExitCode::FAILURE
}

/// For this process and what it becomes, and no other.
fn replace_hosts(hosts: &Path) -> nix::Result<()> {
    let none = None::<&str>;
    unshare(CloneFlags::CLONE_NEWNS)?;
    // What is mounted here is not to be seen outside.
    let flags = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(none, "/", none, flags, none)?;
    mount(Some(hosts), "/etc/hosts", none, MsFlags::MS_BIND, none)
}

/// Drops a file's pages from the page cache, as if it had just been put there. No page of it may be in use.
pub(crate) fn evict(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            evict(&entry?.path())?;
        }
        return Ok(());
    }
    let file = fs::File::open(path)?;
    // Only pages that are on the disk can be dropped.
    file.sync_all()?;
    posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED).map_err(io::Error::from)
}

fn command(path: &Path, program: &Program, environment: &BTreeMap<String, String>) -> Command {
    let mut command = Command::new(path);
    command
        .current_dir(&program.directory)
        .env_clear()
        .envs(environment)
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

fn usage() -> io::Result<Usage> {
    getrusage(UsageWho::RUSAGE_CHILDREN).map_err(io::Error::from)
}

fn cpu(usage: &Usage) -> Duration {
    let time = usage.user_time() + usage.system_time();
    Duration::from_micros(
        u64::try_from(time.tv_sec() * 1_000_000 + time.tv_usec()).unwrap_or_default(),
    )
}

fn signal(pid: i32, signal: Signal) -> io::Result<()> {
    kill(Pid::from_raw(pid), signal).map_err(io::Error::from)
}

/// `wait4`'s `ru_maxrss` would contain the fork before `exec`; this does not.
fn peak_rss_kb(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// The first argument that makes this program a launcher.
pub(crate) const LAUNCH: &str = "--launch";
