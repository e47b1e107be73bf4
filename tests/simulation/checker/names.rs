//! Which operation a version names.

use std::collections::BTreeMap;

use dojang::club::operation::{OperationKey, Remembered, Secret};
use dojang::store::journal::Journal;

/// The operations by what versions name them by.
#[derive(Default)]
pub(super) struct Names {
    by_secret: Vec<(Secret, BTreeMap<Remembered, OperationKey>)>,
}

impl Names {
    pub(super) fn add<'k>(
        &mut self,
        secret: Option<Secret>,
        keys: impl Iterator<Item = &'k OperationKey>,
    ) {
        if let Some(secret) = secret
            && !self.by_secret.iter().any(|(known, _)| *known == secret)
        {
            let names = keys.map(|key| (key.remembered(secret), *key)).collect();
            self.by_secret.push((secret, names));
        }
    }

    /// The operation that a version names, and the key under which it was applied: a protocol for which each attempt
    /// were an operation of its own would apply it under another one, in its first byte.
    pub(super) fn asked_for(&self, journal: &Journal) -> Option<(OperationKey, OperationKey)> {
        let (secret, name) = (journal.secret()?, journal.last()?);
        let (_, names) = self.by_secret.iter().find(|(known, _)| *known == secret)?;
        if let Some(key) = names.get(&name) {
            return Some((*key, *key));
        }
        names.values().find_map(|key| {
            (1..=u8::MAX).find_map(|attempt| {
                let mut as_applied = *key;
                as_applied.0[0] ^= attempt;
                (as_applied.remembered(secret) == name).then_some((*key, as_applied))
            })
        })
    }
}
