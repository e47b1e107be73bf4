//! Who took part: taking attendance, and looking back.

use super::request::{Refusal, Request};
use super::sessions::existing_session;
use super::{AttendanceRecord, HistoryRange};
use crate::club::Club;
use crate::club::history::year_of;
use crate::club::session::SessionState;

/// `coach_register_participation`: archives the session and says what to record.
pub(super) fn register(
    club: &mut Club,
    request: Request<'_>,
    now: i64,
) -> Result<AttendanceRecord, Refusal> {
    let session_id = request.string("session_id")?;
    let participants = request.participants()?;
    let session = existing_session(club, request)?;
    if session.state == SessionState::Cancelled {
        return Err(Refusal::new("This session is cancelled."));
    }
    if now < session.start_time.saturating_sub(BEFORE_START_SECONDS) {
        return Err(Refusal::new(
            "Attendance can be taken from 10 minutes before the start.",
        ));
    }
    let year = year_of(session.start_time)
        .ok_or_else(|| Refusal::new("A session before the year 1 cannot be recorded."))?;
    if !participants.iter().all(|id| club.users.contains_key(id)) {
        return Err(Refusal::new("A participant does not exist (any more)."));
    }
    let mut participants = participants.to_vec();
    participants.sort();
    participants.dedup();
    let record = AttendanceRecord {
        year,
        session_id: session_id.to_owned(),
        session: session.clone(),
        participants,
    };
    if let Some(session) = club.sessions.get_mut(session_id) {
        session.state = SessionState::Archived;
    }
    Ok(record)
}

/// `coach_get_historical_participation`: what to read.
pub(super) fn history_range(request: Request<'_>, now: i64) -> Result<HistoryRange, Refusal> {
    let (start_time, end_time) = (request.integer("start_time")?, request.integer("end_time")?);
    if start_time >= end_time {
        return Err(Refusal::new("The period must end after its start."));
    }
    if start_time < EARLIEST_HISTORY {
        return Err(Refusal::new(
            "The period must not start before 14 November 2023.",
        ));
    }
    if end_time > now.saturating_add(AHEAD_SECONDS) {
        return Err(Refusal::new("The period must end within 31 days from now."));
    }
    let (Some(first), Some(last)) = (year_of(start_time), year_of(end_time - 1)) else {
        return Err(Refusal::new("The period must lie before the year 10000."));
    };
    Ok(HistoryRange {
        start_time,
        end_time,
        years: first..=last,
    })
}

const BEFORE_START_SECONDS: i64 = 600;
/// 2023-11-14 22:13:20 UTC, before the first session that was recorded.
const EARLIEST_HISTORY: i64 = 1_700_000_000;
const AHEAD_SECONDS: i64 = 31 * 24 * 3600;
