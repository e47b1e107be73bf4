//! The club: its members and sessions, as pure data.
//!
//! * [`user`], [`session`], [`participation`]: the parts; [`extra`]: what others wrote beside them; [`name`]: which names are acceptable
//! * [`stored`]: reading stored objects; [`projection`]: writing the private and the public form
//! * [`kept`]: what versions of a club share
//! * [`history`]: who took part in which session, a year an object; [`recordings`]: an answer about it
//! * [`operation`]: the identity of an operation, and the ids and codes derived from it
//! * [`demo`]: the ready-made club of `any_reset_test_setup`, the tests and the local command

use std::collections::BTreeMap;

pub mod demo;
pub mod extra;
pub mod history;
pub mod kept;
pub mod name;
pub mod operation;
pub mod participation;
pub mod projection;
pub mod recordings;
pub mod session;
pub mod stored;
pub mod user;

use extra::Extra;
use kept::{Kept, Members};
use operation::{CodePurpose, Operation};
use session::Session;
use user::{Role, User};

/// All that the private `data.json` holds (`docs/api.md#private-datajson`).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Club {
    /// By user id.
    pub users: Kept<BTreeMap<String, User>, Members>,
    /// By session id.
    pub sessions: BTreeMap<String, Kept<Session, Vec<u8>>>,
    /// Stored keys that the contract does not name.
    pub extra: Extra,
    /// Whether it was read with stand-ins for unpaired surrogates: writing puts these back.
    pub has_stand_ins: bool,
}

impl Club {
    /// The club that is made if there is none: no sessions and a single admin
    /// (`docs/api.md#initialisation`).
    #[must_use]
    pub fn initial(operation: &Operation) -> Self {
        let admin = User {
            user_id: operation.uuid("default admin"),
            name: "Default admin".to_owned(),
            role: Role::Admin,
            auth_token: operation.login_code(CodePurpose::FirstAdmin),
            extra: Extra::default(),
        };
        Self {
            users: BTreeMap::from([(admin.user_id.clone(), admin)]).into(),
            ..Self::default()
        }
    }

    /// Whether all members have what stands for login codes in the public object, and there are some.
    #[must_use]
    pub fn has_hashes_for_codes(&self) -> bool {
        let is_hash = |code: &str| {
            code.len() == 64 && code.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        };
        let mut users = self.users.values().peekable();
        users.peek().is_some() && users.all(|user| is_hash(user.auth_token.text()))
    }

    /// Leaves out the sessions that a save at `now` leaves out.
    pub fn prune(&mut self, now: i64) {
        self.sessions.retain(|_, session| !session.is_over(now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use operation::{OperationKey, Secret};
    use session::SessionState;
    use user::LoginCode;

    #[test]
    fn a_new_club_has_an_admin_and_nothing_else() {
        let operation = Operation {
            key: OperationKey([1; OperationKey::BYTES]),
            secret: Secret([2; Secret::BYTES]),
        };
        let club = Club::initial(&operation);
        let [(id, admin)] = &club.users.iter().collect::<Vec<_>>()[..] else {
            panic!("expected one member, found {}", club.users.len());
        };
        assert_eq!((*id, admin.role), (&admin.user_id, Role::Admin));
        assert_eq!(admin.name, "Default admin");
        assert!(club.sessions.is_empty());
    }

    #[test]
    fn hashes_are_told_from_codes() {
        let hash = "0123456789abcdef".repeat(4);
        let with_codes = |codes: &[&str]| {
            let mut club = demo::club("secret", 0, &Club::default());
            let mut left = codes.iter();
            club.users.retain(|_, user| {
                let code = left.next();
                code.is_some_and(|code| {
                    user.auth_token = LoginCode::new((*code).to_owned());
                    true
                })
            });
            club.has_hashes_for_codes()
        };
        assert!(with_codes(&[&hash]));
        assert!(with_codes(&[&hash, &hash]));
        for codes in [
            &[][..],
            &["code"],
            &[&*hash, "code"],
            &["code", &hash],
            &[&hash[1..]],
            &[&(hash.clone() + "0")],
            &[&hash.to_uppercase()],
            &[&hash.replace('0', "g")],
            &[&hash.replace('0', "/")],
        ] {
            assert!(!with_codes(codes), "{codes:?}");
        }
    }

    #[test]
    fn a_save_leaves_out_what_is_over() {
        let now = 1_800_000_000;
        let mut club = demo::club("secret", now, &Club::default());
        let archived = club.sessions.keys().next().unwrap().clone();
        club.sessions.get_mut(&archived).unwrap().state = SessionState::Archived;
        let mut later = club.clone();
        later.prune(now);
        assert!(later == club, "nothing is over");
        later.prune(now + 14 * 24 * 3600);
        assert!(!later.sessions.contains_key(&archived));
        assert_eq!(later.sessions.len(), club.sessions.len() - 1);
        assert!(later.users == club.users);
    }
}
