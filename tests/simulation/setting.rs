//! Kinds of runs: how many instances, what is asked of them, and how much goes wrong.

use dojang::store::Trust;

use crate::faults::{Fault, Faults};
use crate::scheduler::Micros;

/// A run of the simulation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) seed: u64,
    pub(crate) instances: usize,
    /// So many threads serve requests in one process (`AWS_LAMBDA_MAX_CONCURRENCY`); of `instances` in all.
    pub(crate) threads: usize,
    /// There is no club in the beginning.
    pub(crate) is_empty: bool,
    /// Requests of each instance.
    pub(crate) requests: u64,
    /// Between two of them at most, in µs.
    pub(crate) pause: Micros,
    /// One way between an instance and S3, in µs: the least, and what may come on top.
    pub(crate) latency: (Micros, Micros),
    pub(crate) faults: Faults,
    /// The clocks of so many of 1,000 processes are ahead or behind from the start.
    pub(crate) clocks: u64,
    pub(crate) trust: Trust,
    /// The server refuses to be tried by so many of 1,000 processes, for good.
    pub(crate) refused_probes: u64,
    /// So many of 100 requests take attendance, or change the session that it is taken of.
    pub(crate) attendance: u64,
    /// So many of 1,000 requests are made twice at once.
    pub(crate) twice: u64,
    /// So many of 1,000 requests reset the test set-up.
    pub(crate) resets: u64,
    /// So many of 1,000 requests repeat one that the list of operations is about to forget.
    pub(crate) old: u64,
    /// In so many of 1,000 requests, somebody restores an old version or the old service writes.
    pub(crate) foreign: u64,
}

/// What a run is to bring about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Everything in turn, and nobody else writes.
    #[default]
    AsTheyCome,
    /// Attendance of few sessions is taken, often twice at once, on an S3 that is often busy.
    Attendance,
    /// The same, where S3 is so busy that requests are given up, and writes land after that.
    BusyAttendance,
    /// There is no club yet, and who makes it is often cut short.
    NewClubs,
    /// The test set-up is reset.
    Resets,
    /// So much is going on that the list of operations forgets some within one request.
    Crowd,
    /// Others write too, who know nothing of conditions, restore old versions or delete them.
    Foreign,
    /// The same while instances idle: what they know has become old.
    ForeignAtLeisure,
    /// Some processes may not try the server, which the others do.
    RefusedProbes,
}

impl Kind {
    pub(crate) const ALL: [(Self, &'static str); 9] = [
        (Self::AsTheyCome, "as they come"),
        (Self::Attendance, "attendance"),
        (Self::BusyAttendance, "busy attendance"),
        (Self::NewClubs, "new clubs"),
        (Self::Resets, "resets"),
        (Self::Crowd, "crowd"),
        (Self::Foreign, "foreign"),
        (Self::ForeignAtLeisure, "foreign at leisure"),
        (Self::RefusedProbes, "refused probes"),
    ];

    pub(crate) fn named(name: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(_, known)| *known == name);
        found.map(|(kind, _)| *kind)
    }

    pub(crate) fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// A run that is different for each seed, also in how much goes wrong.
    pub(crate) fn setting(self, seed: u64) -> Setting {
        let setting = setting(seed);
        let faults = setting.faults;
        match self {
            Self::AsTheyCome => setting,
            Self::Attendance => Setting {
                attendance: 75,
                twice: 500,
                faults: faults.with([(Fault::SlowDown, 150), (Fault::Kill, 0)]),
                ..setting
            },
            Self::BusyAttendance => Setting {
                attendance: 90,
                is_empty: false,
                faults: faults.with([(Fault::SlowDown, 300), (Fault::Late, 250), (Fault::Kill, 0)]),
                ..setting
            },
            Self::NewClubs => Setting {
                is_empty: true,
                requests: 10,
                faults: faults.with([(Fault::ExpiredToken, 100), (Fault::Kill, 50)]),
                ..setting
            },
            Self::Resets => Setting {
                instances: 2,
                threads: 1,
                resets: 60,
                attendance: 40,
                faults: faults.with([(Fault::Kill, 30)]),
                ..setting
            },
            Self::Crowd => Setting {
                instances: 6 + setting.instances,
                threads: 1,
                requests: 90,
                pause: 6_000,
                latency: (200, 600),
                old: 60,
                faults: faults.with([(Fault::Stall, 8)]),
                ..setting
            },
            Self::Foreign => Setting {
                foreign: 60,
                ..setting
            },
            Self::ForeignAtLeisure => Setting {
                instances: 2 + setting.instances % 2,
                threads: 1,
                pause: 4_000_000,
                foreign: 250,
                ..setting
            },
            Self::RefusedProbes => Setting {
                trust: Trust::Probed,
                refused_probes: 300,
                faults: faults.with([(Fault::Kill, 10)]),
                ..setting
            },
        }
    }
}

fn setting(seed: u64) -> Setting {
    let scale = [1, 1, 3, 8][usize::try_from(seed % 4).expect("it is small")];
    let faults = Faults {
        // Longer than a deadline: what was begun must end in a fault that tells the truth.
        outage: if seed.is_multiple_of(5) {
            (1_500_000, 13_000_000)
        } else {
            (0, 0)
        },
        ..Faults::default()
    };
    Setting {
        seed,
        instances: usize::try_from(2 + seed % 7).expect("it is small"),
        requests: 60,
        pause: 60_000,
        latency: (4_000, 16_000),
        threads: if seed.is_multiple_of(3) { 2 } else { 1 },
        is_empty: seed % 8 == 3,
        faults: faults.with([
            (Fault::CutBefore, 4 * scale),
            (Fault::CutAfter, 6 * scale),
            (Fault::Late, 4 * scale),
            (Fault::VeryLate, 2 * scale),
            (Fault::Error, 4 * scale),
            (Fault::SlowDown, 3 * scale),
            (Fault::Redirect, 2 * scale),
            (Fault::Conflict, 3 * scale),
            (Fault::Kill, 3 * scale),
            (Fault::ExpiredToken, scale),
            (Fault::Stall, if seed % 9 == 5 { 8 } else { 0 }),
            (Fault::ClockJump, if seed % 9 == 1 { 20 } else { 0 }),
        ]),
        clocks: if seed % 9 == 2 { 500 } else { 0 },
        // A server that keeps everything is not to be suspected, whatever goes wrong.
        trust: if seed % 9 == 4 {
            Trust::Probed
        } else {
            Trust::Full
        },
        refused_probes: 0,
        attendance: 0,
        twice: 60,
        resets: 0,
        old: 0,
        foreign: 0,
    }
}
