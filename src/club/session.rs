//! Training sessions.

use super::extra::Extra;
use super::participation::Intentions;

/// A training session (`docs/api.md#private-datajson`).
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// Equal to the key under which the session is stored.
    pub session_id: String,
    /// Seconds since 1970 UTC.
    pub start_time: i64,
    /// Seconds since 1970 UTC.
    pub end_time: i64,
    /// Whether it will take place, or did.
    pub state: SessionState,
    /// A user's id, perhaps of one who no longer exists. The outer `None`: older data lacks the key.
    pub coach: Option<Option<String>>,
    /// Any text. The outer `None`: older data lacks the key.
    pub comment: Option<Option<String>>,
    /// What users intend, by user id; some may no longer exist.
    pub participation: Intentions,
    /// Stored keys that the contract does not name.
    pub extra: Extra,
}

impl Session {
    /// Whether a save at `now` leaves this session out: it is archived and ended more than 12 hours
    /// ago (`docs/api.md#saving`).
    #[must_use]
    pub fn is_over(&self, now: i64) -> bool {
        self.state == SessionState::Archived && self.end_time.saturating_add(KEPT_SECONDS) < now
    }
}

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionState {
    /// It will take place, or nobody has taken attendance yet.
    Scheduled,
    /// It will not take place.
    Cancelled,
    /// Attendance was taken.
    Archived,
}

impl SessionState {
    /// The state of that exact name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Scheduled, Self::Cancelled, Self::Archived]
            .into_iter()
            .find(|state| state.name() == name)
    }

    /// The name used in requests and stored objects.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Cancelled => "cancelled",
            Self::Archived => "archived",
        }
    }
}

/// How long an archived session stays after its end.
const KEPT_SECONDS: i64 = 12 * 3600;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archived_sessions_are_over_twelve_hours_after_their_end() {
        let mut session = Session {
            session_id: "s".into(),
            start_time: 0,
            end_time: 1_000,
            state: SessionState::Archived,
            coach: None,
            comment: None,
            participation: Intentions::default(),
            extra: Extra::default(),
        };
        assert!(!session.is_over(1_000 + 43_200));
        assert!(session.is_over(1_000 + 43_201));
        for state in [SessionState::Scheduled, SessionState::Cancelled] {
            session.state = state;
            assert!(!session.is_over(i64::MAX));
        }
    }
}
