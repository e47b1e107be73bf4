//! What goes wrong between an instance and S3, and how often.

use crate::scheduler::Micros;

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection is cut before the request takes effect.
    CutBefore,
    /// The connection is cut after it.
    CutAfter,
    /// A write takes effect a little later than its sender waits for.
    Late,
    /// A write takes effect when the request that it belonged to has long been answered.
    VeryLate,
    /// 500, of which S3 does not say whether the request took effect.
    Error,
    /// 503 `SlowDown`.
    SlowDown,
    /// 307: the bucket's name is not known everywhere yet.
    Redirect,
    /// 409, for conditional writes.
    Conflict,
    /// The instance is killed before or after the request takes effect, or long before it does.
    Kill,
    /// Nothing comes until the client has waited long enough.
    Stall,
    /// The instance's clock is set while a request is under way.
    ClockJump,
    /// The session token expires: S3 grants this process nothing any more.
    ExpiredToken,
}

impl Fault {
    pub(crate) const ALL: [Self; 12] = [
        Self::CutBefore,
        Self::CutAfter,
        Self::Late,
        Self::VeryLate,
        Self::Error,
        Self::SlowDown,
        Self::Redirect,
        Self::Conflict,
        Self::Kill,
        Self::Stall,
        Self::ClockJump,
        Self::ExpiredToken,
    ];
}

/// How often each happens, in so many of 1,000 requests.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    pub(crate) per_mille: [u64; Fault::ALL.len()],
    /// From when to when S3 cannot be reached at all, in µs.
    pub(crate) outage: (Micros, Micros),
}

impl Faults {
    pub(crate) fn with(mut self, rates: impl IntoIterator<Item = (Fault, u64)>) -> Self {
        for (fault, per_mille) in rates {
            self.per_mille[fault as usize] = per_mille;
        }
        self
    }

    pub(crate) fn per_mille(&self, fault: Fault) -> u64 {
        self.per_mille[fault as usize]
    }
}

/// How much later than sent a write takes effect at most.
pub(crate) const MOST_LATE: Micros = 30_000_000;
/// The same of one that its sender may still be waiting for.
pub(crate) const LATE: Micros = 3_000_000;
