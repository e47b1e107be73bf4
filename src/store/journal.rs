//! What the private object's metadata remember: the last operations and the club's secret.
//!
//! They are metadata so that `data.json` itself keeps the contract's form.
//!
//! S3 takes 2 KB of user metadata, names and values together. A writer that does not know of the journal drops it: the
//! service that dojang replaces, or somebody who restores an old file by hand. Then the operations are forgotten, and
//! the next change begins a new journal with a new secret. An operation under way sees the new secret, and knows that
//! nobody can tell any more what became of it.
//!
//! # Form
//!
//! `dojang-journal: 2.BYTES`, where `BYTES` is base64url of the secret, the operations (the oldest first), and the
//! beginning of the SHA-256 of all that. The number says which form it is. A journal that is damaged, cut, or of
//! another form counts as gone, with a warning, and never as an empty list.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::club::operation::{Operation, OperationKey, Remembered, Secret};

/// The operations that a version of the private object remembers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Journal {
    secret: Option<Secret>,
    /// The oldest first.
    operations: Vec<Remembered>,
    unreadable: Option<&'static str>,
}

impl Journal {
    /// How many operations are remembered: 8 bytes each, which with name, secret and base64 makes 1,966 of the
    /// 2,048 bytes that S3 allows. Where more take effect within one invocation, an outcome that the list can no
    /// longer tell is said to be not known.
    pub const CAPACITY: usize = 180;

    /// Reads the journal from an object's user metadata; an empty one if there is none, or none that can be read.
    #[must_use]
    pub fn from_metadata(metadata: &BTreeMap<String, String>) -> Self {
        let unreadable = |why| Self {
            unreadable: Some(why),
            ..Self::default()
        };
        match metadata.get(JOURNAL) {
            Some(text) => text.strip_prefix(FORM).map_or_else(
                || unreadable(OTHER_FORM),
                |bytes| Self::from_text(bytes).unwrap_or_else(|| unreadable(DAMAGED)),
            ),
            None if FORMER_NAMES.iter().any(|name| metadata.contains_key(*name)) => {
                unreadable(OTHER_FORM)
            }
            None => Self::default(),
        }
    }

    fn from_text(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (content, check) = bytes.split_last_chunk()?;
        if *check != check_of(content) {
            return None;
        }
        let (secret, operations) = content.split_first_chunk()?;
        let (operations, rest) = operations.as_chunks();
        rest.is_empty().then(|| Self {
            secret: Some(Secret(*secret)),
            operations: operations.iter().copied().map(Remembered).collect(),
            unreadable: None,
        })
    }

    /// The user metadata to store: name and value.
    #[must_use]
    pub fn to_metadata(&self) -> Option<(&'static str, String)> {
        let secret = self.secret?;
        let mut bytes = secret.0.to_vec();
        bytes.extend(self.operations.iter().flat_map(|operation| operation.0));
        bytes.extend(check_of(&bytes));
        Some((JOURNAL, FORM.to_owned() + &URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Why metadata that are there cannot be read, for the log.
    #[must_use]
    pub fn unreadable(&self) -> Option<&'static str> {
        self.unreadable
    }

    /// Whether an object with these metadata is one that this protocol keeps in the private bucket.
    #[must_use]
    pub fn is_in(metadata: &BTreeMap<String, String>) -> bool {
        metadata.contains_key(JOURNAL)
            || FORMER_NAMES.iter().any(|name| metadata.contains_key(*name))
    }

    /// What the version that is written with this journal is told by (see `nonce`): no other version has both the
    /// same bytes and another list. `metadata` is the value of [`Self::to_metadata`].
    #[must_use]
    pub fn version_name(&self, key: OperationKey, metadata: &str) -> [u8; 8] {
        let secret = self.secret.unwrap_or(Secret([0; Secret::BYTES]));
        Operation { key, secret }.version_name(metadata.as_bytes())
    }

    /// The club's secret; `None` if there is no journal.
    #[must_use]
    pub fn secret(&self) -> Option<Secret> {
        self.secret
    }

    /// Whether the operation has taken effect.
    #[must_use]
    pub fn contains(&self, key: OperationKey) -> bool {
        self.secret
            .is_some_and(|secret| self.operations.contains(&key.remembered(secret)))
    }

    /// The operation that made this version; `None` if it made the club, or is not known.
    #[must_use]
    pub fn last(&self) -> Option<Remembered> {
        self.operations.last().copied()
    }

    /// Whether this is the operation that made this version.
    #[must_use]
    pub fn is_last(&self, key: OperationKey) -> bool {
        self.secret
            .is_some_and(|secret| self.last() == Some(key.remembered(secret)))
    }

    /// Whether the operation `key` took effect right after `last` (`None`: as the first one). Not if that is forgotten.
    #[must_use]
    pub fn follows(&self, key: OperationKey, last: Option<Remembered>) -> bool {
        let key = self.secret.map(|secret| key.remembered(secret));
        let mut operations = self.operations.iter();
        match operations.rposition(|operation| Some(*operation) == key) {
            Some(0) => last.is_none() && self.operations.len() < Self::CAPACITY,
            Some(at) => last == Some(self.operations[at - 1]),
            None => false,
        }
    }

    /// Whether an operation may be forgotten by now that took effect after `last` did (`None`: after the
    /// list was begun).
    #[must_use]
    pub fn may_have_forgotten_since(&self, last: Option<Remembered>) -> bool {
        self.operations.len() >= Self::CAPACITY
            && !last.is_some_and(|last| self.operations.contains(&last))
    }

    /// The journal once `key` has taken effect too. The oldest operation is forgotten if need be.
    #[must_use]
    pub fn with(&self, secret: Secret, key: OperationKey) -> Self {
        let begin = (self.operations.len() + 1).saturating_sub(Self::CAPACITY);
        let operations = self.operations[begin..]
            .iter()
            .copied()
            .chain([key.remembered(secret)])
            .collect();
        Self {
            secret: Some(secret),
            operations,
            unreadable: None,
        }
    }

    /// The journal of a new club.
    #[must_use]
    pub fn new(secret: Secret) -> Self {
        Self {
            secret: Some(secret),
            ..Self::default()
        }
    }
}

fn check_of(content: &[u8]) -> [u8; 4] {
    let [a, b, c, d, ..] = <[u8; 32]>::from(Sha256::digest(content));
    [a, b, c, d]
}

const JOURNAL: &str = "dojang-journal";
const FORM: &str = "2.";
/// Under which releases before form 2 kept secret and list.
const FORMER_NAMES: [&str; 2] = ["dojang-secret", "dojang-operations"];

const OTHER_FORM: &str = "the list of operations in private data.json's metadata has the form of another \
    release: what took effect before is not known, and a request that is repeated may take effect again";
const DAMAGED: &str = "the list of operations in private data.json's metadata is damaged: what took effect \
    before is not known, and a request that is repeated may take effect again";

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: usize) -> OperationKey {
        let mut bytes = [0; OperationKey::BYTES];
        bytes[..8].copy_from_slice(&(n as u64).to_le_bytes());
        OperationKey(bytes)
    }

    fn stored(journal: &Journal) -> BTreeMap<String, String> {
        journal
            .to_metadata()
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    #[test]
    fn the_last_operations_are_remembered_within_s3s_limit() {
        let mut journal = Journal::default();
        for n in 0..1_000 {
            journal = journal.with(Secret([7; 16]), key(n));
            let metadata = stored(&journal);
            assert_eq!(Journal::from_metadata(&metadata), journal);
            // As S3 counts, and the prefix on top to be on the safe side.
            let bytes: usize = metadata
                .iter()
                .map(|(name, value)| "x-amz-meta-".len() + name.len() + value.len())
                .sum();
            assert!(bytes < 2_048, "{bytes}");
            assert!(journal.contains(key(n)));
        }
        let remembered = (0..1_000).filter(|&n| journal.contains(key(n))).count();
        assert_eq!(remembered, Journal::CAPACITY);
        assert!(journal.contains(key(1_000 - Journal::CAPACITY)));
    }

    #[test]
    fn objects_with_a_list_of_any_release_are_known() {
        let metadata = |name: &str| BTreeMap::from([(name.to_owned(), "x".to_owned())]);
        for name in [JOURNAL, "dojang-secret", "dojang-operations"] {
            assert!(Journal::is_in(&metadata(name)), "{name}");
        }
        for name in ["dojang-shows", "journal"] {
            assert!(!Journal::is_in(&metadata(name)), "{name}");
        }
        assert!(!Journal::is_in(&BTreeMap::new()));
    }

    #[test]
    fn what_may_be_forgotten_is_told() {
        let mut journal = Journal::new(Secret([7; 16]));
        assert!(!journal.may_have_forgotten_since(None));
        let capacity = Journal::CAPACITY;
        for n in 0..=capacity {
            journal = journal.with(Secret([7; 16]), key(n));
            let is_full = n + 1 >= capacity;
            assert_eq!(journal.may_have_forgotten_since(None), is_full, "{n}");
        }
        let since = |n| journal.may_have_forgotten_since(Some(key(n).remembered(Secret([7; 16]))));
        assert!(since(0), "what came next may be gone");
        assert!(!since(1), "all that came after it is there");
        assert!(!since(capacity));
    }

    #[test]
    fn what_an_operation_followed_is_told_while_it_is_remembered() {
        let secret = Secret([7; 16]);
        let mut journal = Journal::new(secret);
        for n in 0..=Journal::CAPACITY {
            let last = journal.last();
            assert!(!journal.follows(key(n), last), "{n}: not yet");
            journal = journal.with(secret, key(n));
            assert!(journal.follows(key(n), last), "{n}");
            let is_first = n == 0;
            assert_eq!(journal.follows(key(n), None), is_first, "{n}");
        }
        // Of the oldest that is remembered, nobody knows what came before.
        let forgotten = key(0).remembered(secret);
        assert!(!journal.follows(key(1), Some(forgotten)));
        assert!(!journal.follows(key(1), None));
        assert!(journal.follows(key(2), Some(key(1).remembered(secret))));
        assert!(!Journal::default().follows(key(1), None));
    }

    #[test]
    fn what_cannot_be_read_is_gone_and_said_to_be() {
        assert_eq!(Journal::from_metadata(&BTreeMap::new()), Journal::default());
        assert_eq!(Journal::default().unreadable(), None);
        let mut journal = Journal::new(Secret([7; 16]));
        let read = |name: &str, value: &str| {
            Journal::from_metadata(&BTreeMap::from([(name.to_owned(), value.to_owned())]))
        };
        for n in 0..4 {
            let (name, text) = journal.to_metadata().unwrap();
            assert_eq!(read(name, &text), journal);
            // Cut anywhere, with anything else at any place, of another form.
            let cut = (0..text.len()).map(|end| text[..end].to_owned());
            let other = (0..text.len()).flat_map(|at| {
                ["A", "z", "?", " "].map(|c| text[..at].to_owned() + c + &text[at + 1..])
            });
            let further = ["1.", "3.", ""].map(|form| text.replacen(FORM, form, 1));
            for broken in cut
                .chain(other)
                .chain(further)
                .filter(|broken| *broken != text)
            {
                let read = read(name, &broken);
                assert!(read.unreadable().is_some(), "{broken}");
                assert_eq!((read.secret(), read.last()), (None, None), "{broken}");
                assert!(!read.contains(key(0)));
            }
            journal = journal.with(Secret([7; 16]), key(n));
        }
        for name in FORMER_NAMES {
            let read = read(name, "AAAA");
            assert!(read.unreadable().is_some() && read.secret().is_none());
        }
    }

    #[test]
    fn a_version_is_told_by_its_operation_and_its_whole_list() {
        let list = |keys: &[usize]| {
            let begin = Journal::new(Secret([7; 16]));
            keys.iter()
                .fold(begin, |list, n| list.with(Secret([7; 16]), key(*n)))
        };
        let name = |keys: &[usize]| {
            let metadata = list(keys).to_metadata().unwrap().1;
            list(keys).version_name(key(*keys.last().unwrap()), &metadata)
        };
        assert_eq!(name(&[1, 2, 3]), name(&[1, 2, 3]));
        let others = [&[3][..], &[2, 3], &[2, 1, 3], &[1, 2, 2, 3], &[1, 2, 4]];
        for (n, other) in others.iter().enumerate() {
            assert_ne!(name(&[1, 2, 3]), name(other));
            assert!(
                others[..n]
                    .iter()
                    .all(|earlier| name(earlier) != name(other))
            );
        }
    }
}
