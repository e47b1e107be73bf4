//! The club's rules: what each action checks, changes and answers (`docs/api.md#actions`).
//!
//! They are pure functions of club, request, time and operation. [`decide`] says what a request is to do, and
//! [`crate::store`] does it. A request may be decided several times, on newer and newer clubs, before its change is
//! committed. So nothing here may depend on anything but the arguments.

mod attendance;
mod authentication;
mod participation;
mod request;
mod reset;
mod sessions;
#[cfg(test)]
mod tests;
mod users;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde_json::{Value, json};

use crate::club::Club;
use crate::club::history::History;
use crate::club::operation::Operation;
use crate::club::projection::written_bytes;
use crate::club::session::Session;
use crate::club::user::Role;
use crate::limits;
use crate::request::RequestData;
pub use request::Refusal;
use request::Request;

/// Decides what `request` does to `club`.
///
/// # Errors
/// The text that refuses the request; nothing may then be changed.
pub fn decide(
    club: &Club,
    request: &RequestData,
    occasion: &Occasion<'_>,
) -> Result<Decision, Refusal> {
    let (action, caller_id) = authentication::authorise(club, request)?;
    let request = Request::new(request);
    let mut after = club.clone();
    let mut history = HistoryChange::None;
    let answer = match action {
        Action::CreateUser => users::create(&mut after, request, &occasion.operation)?,
        Action::UpdateUser => users::update(&mut after, request)?,
        Action::DeleteUser => users::delete(&mut after, request, caller_id)?,
        Action::ShowAuthToken => {
            return Ok(Decision::Answer(users::show_auth_token(club, request)?));
        }
        Action::ResetAuthToken => {
            users::reset_auth_token(&mut after, request, caller_id, &occasion.operation)?
        }
        Action::AddTrainingSession => sessions::add(&mut after, request, &occasion.operation)?,
        Action::UpdateTrainingSession => sessions::update(&mut after, request)?,
        Action::RegisterAttendance => {
            let record = attendance::register(&mut after, request, occasion.now)?;
            history = HistoryChange::Record(record);
            json!({})
        }
        Action::GetHistoricalParticipation => {
            return attendance::history_range(request, occasion.now).map(Decision::ReadHistory);
        }
        Action::RegisterParticipation => participation::register(&mut after, request)?,
        Action::TriggerInitialization => return Ok(Decision::Answer(json!({}))),
        Action::ResetTestSetup => {
            after = reset::demo_club(club, request, occasion)?;
            history = HistoryChange::Replace(reset::demo_history(occasion));
            json!({})
        }
    };
    after.prune(occasion.now);
    if after == *club && matches!(history, HistoryChange::None) {
        return Ok(Decision::Answer(answer));
    }
    limits::DATA
        .check(written_bytes(&after), || written_bytes(club))
        .map_err(Refusal::new)?;
    Ok(Decision::Change(Box::new(Change {
        club: after,
        history,
        answer,
    })))
}

/// The answer to a request whose operation has taken effect before: the same as then, since new ids and codes are
/// derived from the operation. Only a session that was updated is shown as it is in `club`.
///
/// # Errors
/// If the caller may not make the request any more, unless it was the operation that took this from its caller (an
/// admin's own code, or own role). If the answer would show a session that has been deleted since.
pub fn repeat(
    club: &Club,
    request: &RequestData,
    occasion: &Occasion<'_>,
) -> Result<Value, Refusal> {
    let (action, is_own) = authentication::authorise_again(club, request, occasion)?;
    let (request, operation) = (Request::new(request), &occasion.operation);
    match action {
        Action::CreateUser => users::created(request, operation),
        Action::ResetAuthToken => {
            let code = users::replacement(operation, is_own);
            Ok(json!({"auth_token": code.text()}))
        }
        Action::AddTrainingSession => sessions::added(request, operation),
        Action::UpdateTrainingSession => sessions::updated(club, request),
        _ => Ok(json!({})),
    }
}

/// The years of history that `request` replaces as a whole once its change is committed.
#[must_use]
pub fn replaced_history(request: &RequestData, occasion: &Occasion<'_>) -> BTreeMap<i32, History> {
    match Request::new(request)
        .string("action")
        .ok()
        .and_then(Action::from_name)
    {
        Some(Action::ResetTestSetup) => reset::demo_history(occasion),
        _ => BTreeMap::new(),
    }
}

/// What a decision depends on besides club and request.
#[derive(Clone, Copy, Debug)]
pub struct Occasion<'a> {
    /// Seconds since 1970 UTC.
    pub now: i64,
    /// The operation that the request is a run of.
    pub operation: Operation,
    /// Enables `any_reset_test_setup`; `None` if it is unset or empty.
    pub test_secret: Option<&'a str>,
}

/// What a request does.
#[derive(Clone, Debug)]
pub enum Decision {
    /// Nothing is to be written.
    Answer(Value),
    /// The answer is read from the history.
    ReadHistory(HistoryRange),
    /// Something is to be written.
    Change(Box<Change>),
}

/// What is to be written, and the answer once it is.
#[derive(Clone, Debug)]
pub struct Change {
    /// The club after the change, without the sessions that a save leaves out.
    pub club: Club,
    /// What is written besides.
    pub history: HistoryChange,
    /// The body of the answer.
    pub answer: Value,
}

/// What a change writes into the history.
#[derive(Clone, Debug)]
pub enum HistoryChange {
    /// Nothing.
    None,
    /// One entry, before the club is saved.
    Record(AttendanceRecord),
    /// Whole years, after the club is saved.
    Replace(BTreeMap<i32, History>),
}

/// Who took part in a session.
#[derive(Clone, Debug)]
pub struct AttendanceRecord {
    /// The calendar year (UTC) of the session's start.
    pub year: i32,
    /// Under which the club keeps the session, and the history the entry.
    pub session_id: String,
    /// The session as it is just before it becomes archived.
    pub session: Session,
    /// User ids in ascending order, each once.
    pub participants: Vec<String>,
}

/// The sessions that a caller wants to see: those that start in `[start_time, end_time)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryRange {
    /// Seconds since 1970 UTC.
    pub start_time: i64,
    /// Seconds since 1970 UTC.
    pub end_time: i64,
    /// The years whose objects are read.
    pub years: RangeInclusive<i32>,
}

/// An action (`docs/api.md#actions`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// `admin_create_user`
    CreateUser,
    /// `admin_update_user`
    UpdateUser,
    /// `admin_delete_user`
    DeleteUser,
    /// `admin_show_auth_token`
    ShowAuthToken,
    /// `admin_reset_auth_token`
    ResetAuthToken,
    /// `coach_add_training_session`
    AddTrainingSession,
    /// `coach_update_training_session`
    UpdateTrainingSession,
    /// `coach_register_participation`: who took part
    RegisterAttendance,
    /// `coach_get_historical_participation`
    GetHistoricalParticipation,
    /// `any_register_participation`: who intends to take part
    RegisterParticipation,
    /// `any_trigger_initialization`
    TriggerInitialization,
    /// `any_reset_test_setup`
    ResetTestSetup,
}

impl Action {
    /// All actions.
    pub const ALL: [Self; 12] = [
        Self::CreateUser,
        Self::UpdateUser,
        Self::DeleteUser,
        Self::ShowAuthToken,
        Self::ResetAuthToken,
        Self::AddTrainingSession,
        Self::UpdateTrainingSession,
        Self::RegisterAttendance,
        Self::GetHistoricalParticipation,
        Self::RegisterParticipation,
        Self::TriggerInitialization,
        Self::ResetTestSetup,
    ];

    /// The action of that exact name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.name() == name)
    }

    /// The name used in requests and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CreateUser => "admin_create_user",
            Self::UpdateUser => "admin_update_user",
            Self::DeleteUser => "admin_delete_user",
            Self::ShowAuthToken => "admin_show_auth_token",
            Self::ResetAuthToken => "admin_reset_auth_token",
            Self::AddTrainingSession => "coach_add_training_session",
            Self::UpdateTrainingSession => "coach_update_training_session",
            Self::RegisterAttendance => "coach_register_participation",
            Self::GetHistoricalParticipation => "coach_get_historical_participation",
            Self::RegisterParticipation => "any_register_participation",
            Self::TriggerInitialization => "any_trigger_initialization",
            Self::ResetTestSetup => "any_reset_test_setup",
        }
    }

    /// The least role that the action asks for; `None` if it asks for no login code.
    #[must_use]
    pub fn least_role(self) -> Option<Role> {
        match self.name().split_once('_') {
            Some(("admin", _)) => Some(Role::Admin),
            Some(("coach", _)) => Some(Role::Coach),
            _ => None,
        }
    }
}
