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
