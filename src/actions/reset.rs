//! The demo set-up: `any_reset_test_setup`.

use std::collections::BTreeMap;

use super::Occasion;
use super::request::{Refusal, Request};
use crate::club::history::History;
use crate::club::user::{digest_of, same_digest};
use crate::club::{Club, demo};

/// The demo club in place of `club`, for a caller who knows the test secret.
pub(super) fn demo_club(
    club: &Club,
    request: Request<'_>,
    occasion: &Occasion<'_>,
) -> Result<Club, Refusal> {
    let secret = known_secret(request, occasion)?;
    Ok(demo::club(secret, occasion.now, club))
}

/// The test secret, if the caller knows it.
pub(super) fn known_secret<'o>(
    request: Request<'_>,
    occasion: &Occasion<'o>,
) -> Result<&'o str, Refusal> {
    let Some(secret) = occasion.test_secret else {
        return Err(Refusal::new("There is no test set-up here."));
    };
    let sent = request.text("test_secret");
    if !sent.is_some_and(|sent| same_digest(&digest_of(sent), &digest_of(secret))) {
        return Err(Refusal::new("The test secret is wrong."));
    }
    Ok(secret)
}

/// The history that belongs to it, by year. Empty if there is no test set-up.
pub(super) fn demo_history(occasion: &Occasion<'_>) -> BTreeMap<i32, History> {
    occasion
        .test_secret
        .map(|secret| demo::history(secret, occasion.now))
        .unwrap_or_default()
}
