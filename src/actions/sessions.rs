//! What coaches do with training sessions.

use serde_json::{Value, json};

use super::request::{Refusal, Request};
use crate::club::Club;
use crate::club::extra::Extra;
use crate::club::operation::Operation;
use crate::club::participation::{Intentions, Participation};
use crate::club::session::{Session, SessionState};
use crate::json::surrogates;

/// `coach_add_training_session`
pub(super) fn add(
    club: &mut Club,
    request: Request<'_>,
    operation: &Operation,
) -> Result<Value, Refusal> {
    let session = new_session(request, operation)?;
    existing_coach(club, request)?;
    let answer = json!({"session": session});
    club.sessions
        .insert(session.session_id.clone(), session.into());
    Ok(answer)
}

/// The answer of a `coach_add_training_session` that took effect before.
pub(super) fn added(request: Request<'_>, operation: &Operation) -> Result<Value, Refusal> {
    new_session(request, operation).map(|session| json!({"session": session}))
}

fn new_session(request: Request<'_>, operation: &Operation) -> Result<Session, Refusal> {
    let (start_time, end_time) = request.times()?;
    let coach = request.string("coach")?;
    Ok(Session {
        session_id: operation.uuid("session"),
        start_time,
        end_time,
        state: SessionState::Scheduled,
        coach: Some(Some(coach.to_owned())),
        comment: Some(request.comment(None)?),
        participation: Intentions::from_iter([(coach, Participation::Yes)]),
        extra: Extra::default(),
    })
}

/// `coach_update_training_session`: the state where `session_state` is there, else the content.
pub(super) fn update(club: &mut Club, request: Request<'_>) -> Result<Value, Refusal> {
    if request.has("session_state") {
        return update_state(club, request);
    }
    let (start_time, end_time) = request.times()?;
    let session = existing_session(club, request)?;
    if session.state != SessionState::Scheduled {
        return Err(Refusal::new("Only a scheduled session can be changed."));
    }
    let coach = existing_coach(club, request)?.to_owned();
    let session = Session {
        start_time,
        end_time,
        coach: Some(Some(coach)),
        comment: Some(request.comment(session.comment.as_ref().and_then(Option::as_deref))?),
        ..session.clone()
    };
    let answer = answer(club, &session);
    club.sessions
        .insert(request.string("session_id")?.to_owned(), session.into());
    Ok(answer)
}

fn update_state(club: &mut Club, request: Request<'_>) -> Result<Value, Refusal> {
    existing_session(club, request)?;
    let session_id = request.string("session_id")?;
    let state = request.string("session_state")?;
    if state == "deleted" {
        club.sessions.remove(session_id);
        return Ok(json!({}));
    }
    let state = SessionState::from_name(state).ok_or_else(|| {
        Refusal::new("`session_state` must be scheduled, cancelled, archived or deleted.")
    })?;
    if let Some(session) = club.sessions.get_mut(session_id) {
        session.state = state;
    }
    Ok(json!({}))
}

/// The answer of a `coach_update_training_session` that took effect before: with the session as it is
/// now, since members may have answered meanwhile.
pub(super) fn updated(club: &Club, request: Request<'_>) -> Result<Value, Refusal> {
    if request.has("session_state") {
        return Ok(json!({}));
    }
    existing_session(club, request).map(|session| answer(club, session))
}

/// The answer that shows a stored session.
fn answer(club: &Club, session: &Session) -> Value {
    if !club.has_stand_ins {
        return json!({"session": session});
    }
    let shown = |text: &str| surrogates::shown(text).into_owned();
    let mut session = session.clone();
    let texts = [&mut session.coach, &mut session.comment];
    for text in texts.into_iter().flatten().flatten() {
        *text = shown(text);
    }
    let participation = session.participation.iter();
    session.participation = participation.map(|(id, said)| (shown(id), said)).collect();
    json!({"session": session})
}

pub(super) fn existing_session<'c>(
    club: &'c Club,
    request: Request<'_>,
) -> Result<&'c Session, Refusal> {
    club.sessions
        .get(request.string("session_id")?)
        .map(|session| &**session)
        .ok_or_else(|| Refusal::new("This session does not exist (any more)."))
}

fn existing_coach<'r>(club: &Club, request: Request<'r>) -> Result<&'r str, Refusal> {
    let coach = request.string("coach")?;
    if !club.users.contains_key(coach) {
        return Err(Refusal::new("This coach does not exist (any more)."));
    }
    Ok(coach)
}
