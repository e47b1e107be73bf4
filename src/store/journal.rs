//! What the private object's metadata remembers: the last operations and the club's secret. It is
//! kept in metadata so that `data.json` itself keeps the contract's form.
//!
//! S3 takes 2 KB of user metadata, names and values together. A writer that does not know of it (the
//! service that dojang replaces, somebody who restores an old file by hand) drops it: then the
//! operations are forgotten, and the next change begins a new journal.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::club::operation::{OperationKey, Remembered, Secret};

/// The operations that a version of the private object remembers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Journal {
    secret: Option<Secret>,
    /// The oldest first.
    operations: Vec<Remembered>,
}

impl Journal {
    /// How many operations are remembered: 5 bytes each, which with names, the secret and base64 makes
    /// 1,994 of the 2,048 bytes that S3 allows. A rush may make more changes
    /// while one invocation waits: an outcome that the list can no longer tell is then said to be not
    /// known.
    pub const CAPACITY: usize = 288;

    /// Reads the journal from an object's user metadata; an empty one if there is none, or a broken
    /// one.
    #[must_use]
    pub fn from_metadata(metadata: &BTreeMap<String, String>) -> Self {
        let value = |name| URL_SAFE_NO_PAD.decode(metadata.get(name)?).ok();
        let secret = value(SECRET)
            .and_then(|bytes| bytes.try_into().ok())
            .map(Secret);
        let operations = value(OPERATIONS).unwrap_or_default();
        match secret {
            None => Self::default(),
            Some(_) => Self {
                secret,
                operations: operations
                    .as_chunks()
                    .0
                    .iter()
                    .copied()
                    .map(Remembered)
                    .collect(),
            },
        }
    }

    /// The user metadata to store: names and values.
    #[must_use]
    pub fn to_metadata(&self) -> Vec<(&'static str, String)> {
        let Some(secret) = self.secret else {
            return Vec::new();
        };
        let mut metadata = vec![(SECRET, URL_SAFE_NO_PAD.encode(secret.0))];
        // Not every S3-compatible server keeps empty values.
        if !self.operations.is_empty() {
            let operations: Vec<u8> = self.operations.iter().flat_map(|key| key.0).collect();
            metadata.push((OPERATIONS, URL_SAFE_NO_PAD.encode(operations)));
        }
        metadata
    }

    /// The club's secret; `None` where there is no journal.
    #[must_use]
    pub fn secret(&self) -> Option<Secret> {
        self.secret
    }

    /// Whether the operation has taken effect.
    #[must_use]
    pub fn contains(&self, key: OperationKey) -> bool {
        self.operations.contains(&key.remembered())
    }

    /// The operation that made this version; `None` if it made the club, or is not known.
    #[must_use]
    pub fn last(&self) -> Option<Remembered> {
        self.operations.last().copied()
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
            .chain([key.remembered()])
            .collect();
        Self {
            secret: Some(secret),
            operations,
        }
    }

    /// The journal of a new club.
    #[must_use]
    pub fn new(secret: Secret) -> Self {
        Self {
            secret: Some(secret),
            operations: Vec::new(),
        }
    }
}

const SECRET: &str = "dojang-secret";
const OPERATIONS: &str = "dojang-operations";

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: usize) -> OperationKey {
        OperationKey((n as u64).to_le_bytes())
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
    fn what_may_be_forgotten_is_told() {
        let mut journal = Journal::new(Secret([7; 16]));
        assert!(!journal.may_have_forgotten_since(None));
        let capacity = Journal::CAPACITY;
        for n in 0..=capacity {
            journal = journal.with(Secret([7; 16]), key(n));
            let is_full = n + 1 >= capacity;
            assert_eq!(journal.may_have_forgotten_since(None), is_full, "{n}");
        }
        let since = |n| journal.may_have_forgotten_since(Some(key(n).remembered()));
        assert!(since(0), "what came next may be gone");
        assert!(!since(1), "all that came after it is there");
        assert!(!since(capacity));
    }

    #[test]
    fn a_missing_or_broken_journal_is_an_empty_one() {
        let journal = Journal::default().with(Secret([7; 16]), key(1));
        assert_eq!(Journal::from_metadata(&BTreeMap::new()), Journal::default());
        let mut metadata = stored(&journal);
        metadata.insert(SECRET.into(), "?".into());
        assert_eq!(Journal::from_metadata(&metadata), Journal::default());
        let mut metadata = stored(&journal);
        metadata.insert(OPERATIONS.into(), "?".into());
        assert_eq!(
            Journal::from_metadata(&metadata),
            Journal::new(Secret([7; 16]))
        );
    }
}
