//! What admins do with members.

use serde_json::{Value, json};

use super::request::{Refusal, Request};
use crate::club::Club;
use crate::club::extra::Extra;
use crate::club::name;
use crate::club::operation::{CodePurpose, Operation};
use crate::club::user::{LoginCode, Role, User};
use crate::json::surrogates;

/// `admin_create_user`
pub(super) fn create(
    club: &mut Club,
    request: Request<'_>,
    operation: &Operation,
) -> Result<Value, Refusal> {
    let user = new_user(request, operation)?;
    if club.users.values().any(|other| other.name == user.name) {
        return Err(Refusal::new(NAME_IN_USE));
    }
    let answer = created_answer(&user);
    club.users.insert(user.user_id.clone(), user);
    Ok(answer)
}

/// The answer of an `admin_create_user` that took effect before.
pub(super) fn created(request: Request<'_>, operation: &Operation) -> Result<Value, Refusal> {
    new_user(request, operation).map(|user| created_answer(&user))
}

fn new_user(request: Request<'_>, operation: &Operation) -> Result<User, Refusal> {
    Ok(User {
        role: role(request)?,
        name: name::normalised(request.string("name")?).map_err(Refusal::new)?,
        user_id: operation.uuid("user"),
        auth_token: operation.login_code(CodePurpose::NewMember),
        extra: Extra::default(),
    })
}

fn created_answer(user: &User) -> Value {
    json!({
        "user_id": user.user_id,
        "role": user.role.name(),
        "name": user.name,
        "auth_token": user.auth_token.text(),
    })
}

/// `admin_update_user`
pub(super) fn update(club: &mut Club, request: Request<'_>) -> Result<Value, Refusal> {
    let user = existing_user(club, request)?;
    let role = role(request)?;
    let sent = request.string("name")?;
    // The stored name sent unchanged is always accepted: it may be older than today's rules.
    let name = if surrogates::is_shown_as(&user.name, sent) {
        user.name.clone()
    } else {
        name::normalised(sent).map_err(Refusal::new)?
    };
    let user_id = request.string("user_id")?;
    let mut others = club
        .users
        .iter()
        .filter(|(id, _)| *id != user_id)
        .map(|(_, user)| user);
    if name != user.name && others.clone().any(|other| other.name == name) {
        return Err(Refusal::new(NAME_IN_USE));
    }
    if user.role == Role::Admin && role != Role::Admin && !others.any(|u| u.role == Role::Admin) {
        return Err(Refusal::new("The last admin must stay an admin."));
    }
    if let Some(user) = club.users.get_mut(user_id) {
        user.role = role;
        user.name = name;
    }
    Ok(json!({}))
}

/// `admin_delete_user`
pub(super) fn delete(
    club: &mut Club,
    request: Request<'_>,
    caller_id: Option<&str>,
) -> Result<Value, Refusal> {
    existing_user(club, request)?;
    let user_id = request.string("user_id")?;
    if caller_id == Some(user_id) {
        return Err(Refusal::new("You cannot delete yourself."));
    }
    club.users.remove(user_id);
    Ok(json!({}))
}

/// `admin_show_auth_token`
pub(super) fn show_auth_token(club: &Club, request: Request<'_>) -> Result<Value, Refusal> {
    Ok(json!({"auth_token": existing_user(club, request)?.auth_token.text()}))
}

/// `admin_reset_auth_token`
pub(super) fn reset_auth_token(
    club: &mut Club,
    request: Request<'_>,
    caller_id: Option<&str>,
    operation: &Operation,
) -> Result<Value, Refusal> {
    existing_user(club, request)?;
    let user_id = request.string("user_id")?;
    let code = replacement(operation, caller_id == Some(user_id));
    let answer = json!({"auth_token": code.text()});
    if let Some(user) = club.users.get_mut(user_id) {
        user.auth_token = code;
    }
    Ok(answer)
}

/// The login code that an `admin_reset_auth_token` gives: to the caller, or to somebody else.
pub(super) fn replacement(operation: &Operation, is_own: bool) -> LoginCode {
    operation.login_code(if is_own {
        CodePurpose::OwnReplacement
    } else {
        CodePurpose::Replacement
    })
}

fn existing_user<'c>(club: &'c Club, request: Request<'_>) -> Result<&'c User, Refusal> {
    club.users
        .get(request.string("user_id")?)
        .ok_or_else(|| Refusal::new("This member does not exist (any more)."))
}

pub(super) fn role(request: Request<'_>) -> Result<Role, Refusal> {
    Role::from_name(request.string("role")?)
        .ok_or_else(|| Refusal::new("`role` must be Admin, Coach or Student."))
}

const NAME_IN_USE: &str = "Another member has this name.";
