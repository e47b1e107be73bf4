//! Who may do what (`docs/api.md#authentication`).

use serde_json::{Map, Value};

use super::Action;
use super::request::{Refusal, Request};
use crate::club::Club;
use crate::club::user::{CodeDigest, Role, User, digest_of, same_digest};

/// The action that `request` names, and the id of the user who asks for it (`None` for `any_` actions).
pub(super) fn authorise<'c>(
    club: &'c Club,
    request: &Map<String, Value>,
) -> Result<(Action, Option<&'c str>), Refusal> {
    let request = Request::new(request);
    let name = request.string("action")?;
    let unknown = || Refusal::new("There is no such action.");
    let (prefix, _) = name.split_once('_').ok_or_else(unknown)?;
    let least_role = match prefix {
        "any" | "Any" => None,
        "student" | "Student" => Some(Role::Student),
        "coach" | "Coach" => Some(Role::Coach),
        "admin" | "Admin" => Some(Role::Admin),
        _ => return Err(unknown()),
    };
    let caller = match least_role {
        None => None,
        Some(least_role) => {
            let (caller_id, caller) = request
                .value("auth_token")
                .and_then(Value::as_str)
                .and_then(|code| member_with(club, &digest_of(code), same_digest))
                .ok_or_else(|| Refusal::new("Please log in: this login code is not known."))?;
            if caller.role < least_role {
                return Err(Refusal::new("Your role does not permit this."));
            }
            Some(caller_id)
        }
    };
    Ok((Action::from_name(name).ok_or_else(unknown)?, caller))
}

/// The user whose code has this digest, and the id. Visits all users, wherever the match is, so that the time
/// tells nothing.
pub(super) fn member_with<'c>(
    club: &'c Club,
    digest: &CodeDigest,
    mut same: impl FnMut(&CodeDigest, &CodeDigest) -> bool,
) -> Option<(&'c str, &'c User)> {
    club.users.iter().fold(None, |found, (id, user)| {
        let matches = same(user.auth_token.digest(), digest);
        if matches {
            found.or(Some((&**id, user)))
        } else {
            found
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::club::demo;

    #[test]
    fn every_member_is_compared_wherever_the_match_is() {
        let club = demo::club("secret", 0, &Club::default());
        let nobody = digest_of("nobody");
        for digest in club
            .users
            .values()
            .map(|user| user.auth_token.digest())
            .chain([&nobody])
        {
            let mut comparisons = 0;
            let found = member_with(&club, digest, |a, b| {
                comparisons += 1;
                same_digest(a, b)
            });
            assert_eq!(comparisons, club.users.len());
            assert_eq!(found.is_none(), *digest == nobody);
        }
    }
}
