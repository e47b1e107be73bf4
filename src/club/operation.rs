//! The identity of an operation, and what is derived from it instead of being drawn at random.
//!
//! A request may be run more than once: S3 refused the first write because another instance was
//! faster, or Lambda or the client repeats it after a lost answer. So that every run gives the same
//! ids, codes and answer, these are derived from the operation with a secret that the club's private
//! object carries, and never drawn again.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::user::LoginCode;

/// Names one operation: the SHA-256 of the request and of what the caller names it by, which [`crate::request`]
/// makes. Nobody can find two requests with the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OperationKey(pub [u8; Self::BYTES]);

impl OperationKey {
    /// Bytes of a key.
    pub const BYTES: usize = 32;

    /// What a club with this secret remembers of it.
    #[must_use]
    pub fn remembered(self, secret: Secret) -> Remembered {
        let block = derive_block(&secret.0, &[b"remembered operation", &self.0], 0);
        let mut beginning = [0; Remembered::BYTES];
        beginning.copy_from_slice(&block[..Remembered::BYTES]);
        Remembered(beginning)
    }
}

/// What a club remembers of an operation: the beginning of its key's HMAC with the club's secret.
///
/// 64 bits: enough that a new operation meets one of the list by chance once in 10^17 times. Who does not know the
/// secret cannot search for one that does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Remembered(pub [u8; Self::BYTES]);

impl Remembered {
    /// Bytes of it.
    pub const BYTES: usize = 8;
}

/// Random bytes that never leave the private bucket; ids and codes are derived with them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Secret(pub [u8; Self::BYTES]);

impl Secret {
    /// Bytes of a secret.
    pub const BYTES: usize = 16;
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// One operation: its key, and the means to derive its ids and codes.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// Which operation.
    pub key: OperationKey,
    /// The club's secret.
    pub secret: Secret,
}

impl Operation {
    /// A new id (`docs/api.md#values`). The same operation and
    /// `purpose` give the same id.
    #[must_use]
    pub fn uuid(&self, purpose: &str) -> String {
        derive_uuid(&self.secret.0, &[b"id", &self.key.0, purpose.as_bytes()])
    }

    /// A new login code; the same for every run of the operation. Different purposes give different codes.
    #[must_use]
    pub fn login_code(&self, purpose: CodePurpose) -> LoginCode {
        let label: &[u8] = match purpose {
            CodePurpose::FirstAdmin => b"code of the first admin",
            CodePurpose::NewMember => b"code of a new member",
            CodePurpose::Replacement => b"code in place of another",
            CodePurpose::OwnReplacement => b"code in place of one's own",
        };
        derive_login_code(&self.secret.0, &[label, &self.key.0])
    }

    /// What tells a version of the private object from all others, to be spelt in white space. It depends on the
    /// operation and on the metadata that the version is stored with: versions that are equal in both are equal.
    #[must_use]
    pub fn version_name(&self, metadata: &[u8]) -> [u8; 8] {
        let block = derive_block(&self.secret.0, &[b"version", &self.key.0, metadata], 0);
        let mut name = [0; 8];
        name.copy_from_slice(&block[..8]);
        name
    }
}

/// What a login code is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodePurpose {
    /// Making a club.
    FirstAdmin,
    /// `admin_create_user`
    NewMember,
    /// `admin_reset_auth_token`
    Replacement,
    /// The same, where an admin replaces the own code.
    OwnReplacement,
}

/// A UUID (version 4, RFC 9562) whose random bits are derived from `secret` and `parts`.
pub(super) fn derive_uuid(secret: &[u8], parts: &[&[u8]]) -> String {
    let block = derive_block(secret, parts, 0);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&block[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits = hex::encode(bytes);
    [
        &digits[..8],
        &digits[8..12],
        &digits[12..16],
        &digits[16..20],
        &digits[20..],
    ]
    .join("-")
}

/// A login code of [`LoginCode::NEW_LENGTH`] letters and digits derived from `secret` and `parts`.
pub(super) fn derive_login_code(secret: &[u8], parts: &[&[u8]]) -> LoginCode {
    // Bytes that do not fall into a whole multiple of the alphabet are passed over, so that all
    // characters are equally likely.
    let fair = 256 / ALPHABET.len() * ALPHABET.len();
    let code: String = (0..)
        .flat_map(|counter| derive_block(secret, parts, counter))
        .filter(|&byte| usize::from(byte) < fair)
        .map(|byte| char::from(ALPHABET[usize::from(byte) % ALPHABET.len()]))
        .take(LoginCode::NEW_LENGTH)
        .collect();
    LoginCode::new(code)
}

fn derive_block(secret: &[u8], parts: &[&[u8]], counter: u8) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of every length");
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.update(&[counter]);
    mac.finalize().into_bytes().into()
}

const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_codes_have_the_contracts_form_and_depend_on_operation_and_secret() {
        let operation = Operation {
            key: OperationKey([1; 32]),
            secret: Secret([2; 16]),
        };
        let id = operation.uuid("user");
        assert_eq!(id.len(), 36);
        assert_eq!(id.as_bytes()[14], b'4');
        assert!(
            id.bytes()
                .all(|b| b == b'-' || b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        );
        assert_eq!(id, operation.uuid("user"));
        assert_ne!(id, operation.uuid("session"));

        let purposes = [
            CodePurpose::FirstAdmin,
            CodePurpose::NewMember,
            CodePurpose::Replacement,
            CodePurpose::OwnReplacement,
        ];
        for (n, purpose) in purposes.into_iter().enumerate() {
            for other in &purposes[..n] {
                assert_ne!(operation.login_code(purpose), operation.login_code(*other));
            }
        }
        let code = operation.login_code(CodePurpose::NewMember);
        assert_eq!(code.text().len(), LoginCode::NEW_LENGTH);
        assert!(code.text().bytes().all(|b| b.is_ascii_alphanumeric()));
        assert_eq!(code, operation.login_code(CodePurpose::NewMember));
        let others = [
            Operation {
                key: OperationKey([3; 32]),
                ..operation
            },
            Operation {
                secret: Secret([3; 16]),
                ..operation
            },
        ];
        for other in others {
            assert_ne!(other.uuid("user"), id);
            assert_ne!(other.login_code(CodePurpose::NewMember), code);
        }
    }

    #[test]
    fn every_character_of_the_alphabet_is_used_about_equally() {
        let mut counts = [0_usize; 128];
        for n in 0..5_000_u64 {
            let mut key = [0; OperationKey::BYTES];
            key[..8].copy_from_slice(&n.to_be_bytes());
            let operation = Operation {
                key: OperationKey(key),
                secret: Secret([9; 16]),
            };
            operation
                .login_code(CodePurpose::NewMember)
                .text()
                .bytes()
                .for_each(|b| counts[usize::from(b)] += 1);
        }
        // 60,000 characters over 62: 968 each, standard deviation 31.
        for &b in ALPHABET {
            assert!(
                (780..1160).contains(&counts[usize::from(b)]),
                "{}",
                char::from(b)
            );
        }
    }

    #[test]
    fn all_bits_of_an_id_are_derived_but_those_of_version_and_variant() {
        let (mut all, mut any) = (u128::MAX, 0);
        for n in 0..200_u8 {
            let id = derive_uuid(b"secret", &[&[n]]).replace('-', "");
            let bits = u128::from_str_radix(&id, 16).expect("hex digits");
            (all, any) = (all & bits, any | bits);
        }
        // RFC 9562, 5.4.
        assert_eq!(format!("{all:032x}"), "00000000000040008000000000000000");
        assert_eq!(format!("{any:032x}"), "ffffffffffff4fffbfffffffffffffff");
    }

    #[test]
    fn a_secret_is_not_shown() {
        assert_eq!(format!("{:?}", Secret([97; 16])), "Secret(…)");
    }
}
