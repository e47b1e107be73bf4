//! Members: roles and login codes.

use std::fmt;
use std::hint::black_box;
use std::sync::OnceLock;

use sha2::{Digest, Sha256};

use super::extra::Extra;

/// A member of the club (`docs/api.md#private-datajson`).
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// Equal to the key under which the user is stored.
    pub user_id: String,
    /// 3 to 60 code points for users made by this contract.
    pub name: String,
    /// What the user may do.
    pub role: Role,
    /// Proves who the user is.
    pub auth_token: LoginCode,
    /// Stored keys that the contract does not name.
    pub extra: Extra,
}

/// What a user may do. Ordered: a later role may do everything that an earlier one may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Answers for the own participation.
    Student,
    /// Also holds training sessions.
    Coach,
    /// Also manages the members.
    Admin,
}

impl Role {
    /// The role of that exact name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Student, Self::Coach, Self::Admin]
            .into_iter()
            .find(|role| role.name() == name)
    }

    /// The name used in requests and stored objects.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Student => "Student",
            Self::Coach => "Coach",
            Self::Admin => "Admin",
        }
    }
}

/// The SHA-256 of a login code's UTF-8 bytes. Its hex form stands in the public object.
pub type CodeDigest = [u8; 32];

/// A login code (`docs/api.md#values`). `Debug` does not show it.
#[derive(Clone)]
pub struct LoginCode {
    text: String,
    digest: OnceLock<CodeDigest>,
}

impl LoginCode {
    /// Characters of a new code: about 71 bits, since anybody can read its SHA-256. Existing
    /// 8-character codes keep working.
    pub const NEW_LENGTH: usize = 12;

    /// Takes a code of any length and form, as stored or as sent.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self {
            text,
            digest: OnceLock::new(),
        }
    }

    /// The code itself: for the private object and for the answers that hand it out.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What codes are compared by. Computed once.
    #[must_use]
    pub fn digest(&self) -> &CodeDigest {
        self.digest.get_or_init(|| digest_of(&self.text))
    }
}

impl PartialEq for LoginCode {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Debug for LoginCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LoginCode(…)")
    }
}

/// The digest of a code that somebody sent.
#[must_use]
pub fn digest_of(code: &str) -> CodeDigest {
    Sha256::digest(code).into()
}

/// Compares two digests in a time that does not depend on where they differ.
#[must_use]
pub fn same_digest(a: &CodeDigest, b: &CodeDigest) -> bool {
    black_box(
        a.iter()
            .zip(b)
            .fold(0, |difference, (x, y)| difference | (x ^ y)),
    ) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_differ_in_every_single_bit() {
        let a = digest_of("abc");
        assert_eq!(
            hex::encode(a),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert!(same_digest(&a, &a));
        for bit in 0..256 {
            let mut b = a;
            b[bit / 8] ^= 1 << (bit % 8);
            assert!(!same_digest(&a, &b));
            // Differences do not cancel each other.
            b[(bit / 8 + 1) % 32] ^= 1 << (bit % 8);
            assert!(!same_digest(&a, &b));
        }
    }

    #[test]
    fn debug_shows_no_code() {
        assert_eq!(
            format!("{:?}", LoginCode::new("S3cret".into())),
            "LoginCode(…)"
        );
    }

    #[test]
    fn roles_are_ordered_by_what_they_may_do() {
        assert!(Role::Student < Role::Coach && Role::Coach < Role::Admin);
        assert_eq!(Role::from_name("Coach"), Some(Role::Coach));
        assert_eq!(Role::from_name("coach"), None);
    }
}
