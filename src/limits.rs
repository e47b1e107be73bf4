//! How much there may be of everything, in requests, in stored objects and in answers.

/// Values in one JSON text that somebody sent, those inside of others included. A request with 10,000 participants has
/// a tenth of this. Without a bound, the values of a request of 6 MB would take more memory than their text.
pub(crate) const MAX_VALUES: usize = 100_000;
/// Digits of a number in a request: far more than any has use for.
pub(crate) const MAX_DIGITS: usize = 1_000;
/// Bytes of a string in a request that an action looks at. So much, because the service that dojang replaces stored
/// comments without a limit, and clients send them back unchanged.
pub(crate) const MAX_TEXT_BYTES: usize = 256 * 1024;
/// Code points of a session's comment.
pub const MAX_COMMENT_CODE_POINTS: usize = 10_000;
/// Participants in one request.
pub const MAX_PARTICIPANTS: usize = 20_000;
/// Login codes in one request.
pub const MAX_CODES: usize = 10_000;
/// Sessions that one request answers for.
pub const MAX_ANSWERS: usize = 10_000;
/// Bytes of an answer that Lambda carries.
pub(crate) const MAX_ANSWER_BYTES: usize = 6 * 1024 * 1024;

/// Bytes of an object that is read, even if another program wrote it.
pub(crate) const MAX_OBJECT_BYTES: u64 = 32 * 1024 * 1024;

/// How large a kind of object may become. Nothing is stored that the default memory of 256 MB would not let
/// every instance read, change, write and publish again (`docs/running.md`, "Memory").
#[derive(Clone, Copy, Debug)]
pub struct ObjectLimit {
    /// Bytes.
    pub most: usize,
    too_large: &'static str,
    nearly_full: &'static str,
}

impl ObjectLimit {
    /// Whether an object of `before` bytes may be replaced by one of `after`. One that is too large already,
    /// from an earlier time, may not grow.
    ///
    /// # Errors
    /// The text that refuses the change.
    pub fn check(self, after: usize, before: impl FnOnce() -> usize) -> Result<(), &'static str> {
        if after <= self.most || after <= before() {
            return Ok(());
        }
        Err(self.too_large)
    }

    /// What the log is to say of an object of `size` bytes.
    #[must_use]
    pub fn warning(self, size: usize) -> Option<&'static str> {
        (size > self.most / 100 * WARNING_PERCENT).then_some(self.nearly_full)
    }
}

/// The private `data.json`.
pub const DATA: ObjectLimit = ObjectLimit {
    most: MAX_DATA_BYTES,
    too_large: "The club has too much data for this. Sessions or members must be deleted first.",
    nearly_full: "data.json has more than 80 % of the bytes that it may have (docs/running.md, \"Limits\")",
};
/// The history of a year.
pub const HISTORY: ObjectLimit = ObjectLimit {
    most: MAX_YEAR_BYTES,
    too_large: "This year's history is full: nothing can be recorded in it any more.",
    nearly_full: "a year's history has more than 80 % of the bytes that it may have (docs/running.md, \"Limits\")",
};
const MAX_DATA_BYTES: usize = 8 * 1024 * 1024;
const MAX_YEAR_BYTES: usize = 8 * 1024 * 1024;
const WARNING_PERCENT: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_large_may_only_shrink() {
        let check = |after, before| DATA.check(after, || before).is_ok();
        let most = DATA.most;
        for (after, before, good) in [
            (most, 0, true),
            (most, most + 9, true),
            (most + 1, most, false),
            (most + 1, most + 1, true),
            (most + 1, most + 2, true),
            (most + 2, most + 1, false),
        ] {
            assert_eq!(check(after, before), good, "{before} to {after}");
        }
        assert_eq!(DATA.warning(most / 100 * 80), None);
        assert!(DATA.warning(most / 100 * 80 + 1).is_some());
        assert!(DATA.most as u64 <= MAX_OBJECT_BYTES && HISTORY.most as u64 <= MAX_OBJECT_BYTES);
    }
}
