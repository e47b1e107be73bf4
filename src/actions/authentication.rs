//! Who may do what (`docs/api.md#authentication`).

use super::request::{Refusal, Request};
use super::{Action, Occasion, participation, reset, users};
use crate::club::Club;
use crate::club::user::{CodeDigest, Role, User, digest_of, same_digest};
use crate::request::RequestData;

/// The action that `request` names, and the id of the user who asks for it (`None` for `any_` actions).
pub(super) fn authorise<'c>(
    club: &'c Club,
    request: &RequestData,
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
                .text("auth_token")
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

/// The same for a request that has taken effect before; besides, whether it is about its caller. The caller is
/// authenticated once more, on the club as it is now; only what the operation itself has taken from its caller is not
/// asked for again.
pub(super) fn authorise_again(
    club: &Club,
    request: &RequestData,
    occasion: &Occasion<'_>,
) -> Result<(Action, bool), Refusal> {
    let asked = authorise(club, request);
    let request = Request::new(request);
    match asked {
        Ok((Action::ResetTestSetup, _)) => {
            reset::known_secret(request, occasion)?;
            Ok((Action::ResetTestSetup, false))
        }
        Ok((Action::RegisterParticipation, _)) => {
            participation::known_users(club, request.codes()?)?;
            Ok((Action::RegisterParticipation, false))
        }
        Ok((action, caller_id)) => {
            let is_own = caller_id.is_some() && caller_id == request.text("user_id");
            Ok((action, is_own))
        }
        Err(refusal) => took_from_its_caller(club, request, occasion)
            .map(|action| (action, true))
            .ok_or(refusal),
    }
}

/// The action of a request that its caller may no longer make because it took effect: an admin who took another
/// code, or gave up the role.
fn took_from_its_caller(
    club: &Club,
    request: Request<'_>,
    occasion: &Occasion<'_>,
) -> Option<Action> {
    let action = request.text("action").and_then(Action::from_name)?;
    let target = club.users.get(request.text("user_id")?)?;
    let digest = target.auth_token.digest();
    let is_own = match action {
        // This code follows from the whole request, the replaced code included, and only its owner's request makes
        // it: the sender of this request knew that code.
        Action::ResetAuthToken => {
            let own = users::replacement(&occasion.operation, true);
            target.role == Role::Admin && same_digest(digest, own.digest())
        }
        Action::UpdateUser => {
            request
                .text("auth_token")
                .is_some_and(|code| same_digest(digest, &digest_of(code)))
                && users::role(request).is_ok_and(|role| role == target.role)
        }
        _ => false,
    };
    is_own.then_some(action)
}

/// The user whose code has this digest, and the id. Visits all users, even after a match, so that the time
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
