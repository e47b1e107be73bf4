//! What became of a request's change: pure functions of what was sent and of the version that was read since.

use serde_json::value::RawValue;

use super::State;
use super::journal::Journal;
use crate::club::operation::{OperationKey, Remembered, Secret};
use crate::s3::ETag;

/// What is known of the request's change.
#[derive(Debug, Default)]
pub(super) enum Progress {
    /// Nothing was sent whose outcome is open: it has not taken effect, or the list of this version says that it has.
    #[default]
    Nothing,
    /// A commit was sent, and no answer tells what became of it: it may have been applied, or may be yet.
    Open(OpenCommit),
    /// It has taken effect: it was seen on the list of operations beside this secret.
    Committed(Secret),
    /// The same, but its caller is refused by now, and is not to learn it.
    Concealed(Secret),
    /// What became of it can no longer be told.
    Untold,
}

/// A commit without an answer.
#[derive(Debug)]
pub(super) struct OpenCommit {
    /// Its operation.
    pub(super) key: OperationKey,
    /// The secret beside the list of operations that it would be on.
    pub(super) secret: Secret,
    /// The version that it was to replace; `None`: it was to make the club.
    pub(super) replaced: Option<Replaced>,
}

/// By what a version that was to be replaced is known again.
#[derive(Debug)]
pub(super) struct Replaced {
    pub(super) etag: ETag,
    pub(super) secret: Option<Secret>,
    /// The last operation on its list.
    pub(super) last: Option<Remembered>,
}

impl Progress {
    /// What is known now that a later version was read.
    ///
    /// # Errors
    /// Why it can no longer be told.
    pub(super) fn after_reading(
        self,
        key: OperationKey,
        etag: &ETag,
        journal: &Journal,
    ) -> Result<Self, &'static str> {
        match self {
            Self::Open(open) => open.after_reading(etag, journal),
            Self::Committed(secret) | Self::Concealed(secret) if !journal.contains(key) => {
                if journal.secret() != Some(secret) {
                    return Err("the list of operations is gone on which this one was");
                }
                if journal.may_have_forgotten_since(None) {
                    return Err("the list of operations forgot this one");
                }
                // An older version was restored: there, it did not take effect.
                Ok(Self::Nothing)
            }
            same => Ok(same),
        }
    }

    /// Whether the club must not be made anew if it is gone: the list of operations is gone with it, and this one may
    /// have been on it.
    pub(super) fn needs_the_list(&self) -> bool {
        match self {
            Self::Open(open) => open.replaced.is_some(),
            Self::Committed(_) | Self::Concealed(_) => true,
            Self::Nothing | Self::Untold => false,
        }
    }
}

impl OpenCommit {
    fn after_reading(self, etag: &ETag, journal: &Journal) -> Result<Progress, &'static str> {
        // It was to make the club where there was none. Now there is one, perhaps that one.
        let Some(replaced) = &self.replaced else {
            return Ok(Progress::Nothing);
        };
        // The ETag alone does not tell: somebody may have put the same bytes back without the list.
        let is_same = *etag == replaced.etag && journal.secret() == replaced.secret;
        if is_same {
            // Not applied so far. It may be yet; then the redo's condition fails.
            return Ok(Progress::Open(self));
        }
        if journal.secret() != Some(self.secret) {
            // Somebody wrote over the club who dropped the list of operations: whether this one was on it can no
            // longer be told, and it must not take effect twice.
            return Err("the list of operations is gone");
        }
        if !journal.contains(self.key) && journal.may_have_forgotten_since(replaced.last) {
            return Err("so many operations took effect since that the list forgot some");
        }
        // It is on the list, or will never be applied: what it was to replace is gone for good.
        Ok(Progress::Nothing)
    }
}

/// What this request did to the history.
#[derive(Debug)]
pub(super) struct Recorded {
    pub(super) year: i32,
    pub(super) session_id: String,
    /// The entry as it was before.
    pub(super) before: Option<Box<RawValue>>,
    /// The version (`Some(None)`: none yet) that a write of ours was to replace which has not been seen to
    /// be applied. As long as that version is the newest, the write may be applied yet.
    pub(super) open: Option<Option<ETag>>,
}

/// What a caller is told of the change if a fault ends the request.
///
/// `has_made_club`: there was no club, this request made one, and it is not public yet. `asked_for_it`: the request was
/// for nothing else. `has_recorded`: it wrote a history entry.
pub(super) fn state(
    progress: &Progress,
    has_made_club: bool,
    asked_for_it: bool,
    has_recorded: bool,
) -> State {
    match progress {
        Progress::Untold => State::NotKnown,
        Progress::Committed(_) => State::ChangedNotPublic,
        // To somebody who asked for anything else, neither "nothing" nor "the change" would be true.
        _ if has_made_club && asked_for_it => State::ChangedNotPublic,
        _ if has_made_club || has_recorded => State::NotKnown,
        Progress::Open(_) => State::NotKnown,
        Progress::Nothing | Progress::Concealed(_) => State::NothingChanged,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: Secret = Secret([7; 16]);
    const OTHER: Secret = Secret([8; 16]);

    fn key(n: usize) -> OperationKey {
        let mut bytes = [0; OperationKey::BYTES];
        bytes[..8].copy_from_slice(&(n as u64).to_le_bytes());
        OperationKey(bytes)
    }

    /// The list after these operations.
    fn list(secret: Secret, keys: impl IntoIterator<Item = usize>) -> Journal {
        keys.into_iter()
            .fold(Journal::new(secret), |list, n| list.with(secret, key(n)))
    }

    fn etag(name: &str) -> ETag {
        ETag(name.to_owned())
    }

    /// Operation 0, which was to replace version `a`, the list of which ends with operation 100.
    fn open() -> Progress {
        let before = list(SECRET, [100]);
        Progress::Open(OpenCommit {
            key: key(0),
            secret: SECRET,
            replaced: Some(Replaced {
                etag: etag("a"),
                secret: before.secret(),
                last: before.last(),
            }),
        })
    }

    fn after(progress: Progress, version: &str, journal: &Journal) -> &'static str {
        match progress.after_reading(key(0), &etag(version), journal) {
            Ok(Progress::Nothing) => "nothing",
            Ok(Progress::Open(_)) => "open",
            Ok(Progress::Committed(_)) => "committed",
            Ok(Progress::Concealed(_)) => "concealed",
            Ok(Progress::Untold) => "untold",
            Err(_) => "cannot be told",
        }
    }

    #[test]
    fn what_became_of_an_open_commit() {
        let others = || 101..101 + Journal::CAPACITY;
        for (version, journal, expected) in [
            ("a", list(SECRET, [100]), "open"),
            // The same bytes, put back by somebody without the list, or with another.
            ("a", Journal::default(), "cannot be told"),
            ("a", list(OTHER, [100]), "cannot be told"),
            // Applied: `decide` finds it on the list.
            ("b", list(SECRET, [100, 0]), "nothing"),
            ("b", list(SECRET, [100, 0, 101]), "nothing"),
            // Somebody else was faster.
            ("b", list(SECRET, [100, 101]), "nothing"),
            ("b", list(OTHER, [101]), "cannot be told"),
            ("b", Journal::default(), "cannot be told"),
            // The list is full. It reaches back to the version that was to be replaced, or it does not.
            (
                "b",
                list(SECRET, [100].into_iter().chain(others().skip(1))),
                "nothing",
            ),
            (
                "b",
                list(SECRET, [100].into_iter().chain(others())),
                "cannot be told",
            ),
            ("b", list(SECRET, others().chain([0])), "nothing"),
        ] {
            assert_eq!(
                after(open(), version, &journal),
                expected,
                "{version} {journal:?}"
            );
        }
    }

    #[test]
    fn a_commit_that_was_to_make_the_club_is_settled_by_any_club() {
        for journal in [Journal::default(), list(OTHER, [1])] {
            let open = Progress::Open(OpenCommit {
                key: key(0),
                secret: SECRET,
                replaced: None,
            });
            assert!(!open.needs_the_list());
            assert_eq!(after(open, "a", &journal), "nothing");
        }
    }

    #[test]
    fn what_became_of_a_commit_that_was_seen() {
        let full = || 1..=Journal::CAPACITY;
        for (journal, expected) in [
            (list(SECRET, [0]), "the same"),
            (list(SECRET, [0, 1, 2]), "the same"),
            // An older version was restored.
            (list(SECRET, [1]), "nothing"),
            (list(SECRET, full().skip(1)), "nothing"),
            (list(SECRET, full()), "cannot be told"),
            (list(OTHER, [1]), "cannot be told"),
            (Journal::default(), "cannot be told"),
        ] {
            for (progress, same) in [
                (Progress::Committed(SECRET), "committed"),
                (Progress::Concealed(SECRET), "concealed"),
            ] {
                assert!(progress.needs_the_list());
                let expected = if expected == "the same" {
                    same
                } else {
                    expected
                };
                assert_eq!(after(progress, "b", &journal), expected, "{journal:?}");
            }
        }
    }

    #[test]
    fn a_caller_is_told_no_more_than_is_known() {
        use State::{ChangedNotPublic, NotKnown, NothingChanged};
        let committed = || Progress::Committed(SECRET);
        for (progress, made_club, asked_for_it, recorded, expected) in [
            (Progress::Nothing, false, false, false, NothingChanged),
            (Progress::Nothing, false, true, false, NothingChanged),
            (Progress::Nothing, false, false, true, NotKnown),
            (Progress::Nothing, true, false, false, NotKnown),
            (Progress::Nothing, true, true, false, ChangedNotPublic),
            (open(), false, false, false, NotKnown),
            (open(), true, false, false, NotKnown),
            (
                Progress::Concealed(SECRET),
                false,
                false,
                false,
                NothingChanged,
            ),
            (committed(), false, false, true, ChangedNotPublic),
            (committed(), true, false, false, ChangedNotPublic),
            (Progress::Untold, true, true, false, NotKnown),
            (Progress::Untold, false, false, false, NotKnown),
        ] {
            let found = state(&progress, made_club, asked_for_it, recorded);
            assert_eq!(
                found, expected,
                "{progress:?} {made_club} {asked_for_it} {recorded}"
            );
        }
    }
}
