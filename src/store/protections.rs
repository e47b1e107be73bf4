//! What keeps the promises, each to be switched off by a test that shows that it is needed. Nothing
//! but such tests uses anything but the default.

/// Protections; all on by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "they are independent switches"
)]
pub struct Protections {
    /// A commit replaces only the version that it started from.
    pub commit_condition: bool,
    /// Where no answer came to a commit, S3 is asked what became of it. Off: it is sent again, and a
    /// failed condition is taken for its own success.
    pub look_after_lost_answer: bool,
    /// A redo looks whether its operation is among those that took effect.
    pub look_for_own_operation: bool,
    /// Publishing replaces only the version that it started from.
    pub publish_condition: bool,
    /// No version of the public object has the bytes of another.
    pub publish_new_bytes: bool,
    /// A list of operations that is gone or may have forgotten some is heeded where an operation may have
    /// been on it.
    pub heed_lost_lists: bool,
    /// A history entry belongs to the run that wrote it, not to all runs of its operation.
    pub entries_name_their_run: bool,
    /// All attempts are one operation.
    pub one_operation_for_all_attempts: bool,
    /// Answers that rest on a cached copy are confirmed first.
    pub confirm_cached_copies: bool,
    /// Only a copy that was asked for after the request came in counts as confirmed.
    pub earlier_copies_are_unconfirmed: bool,
    /// A public object that lags behind is noticed at load and repaired.
    pub repair_at_load: bool,
    /// A history entry is written before the session is archived.
    pub history_before_club: bool,
}

impl Default for Protections {
    fn default() -> Self {
        Self {
            commit_condition: true,
            look_after_lost_answer: true,
            look_for_own_operation: true,
            publish_condition: true,
            publish_new_bytes: true,
            heed_lost_lists: true,
            entries_name_their_run: true,
            one_operation_for_all_attempts: true,
            confirm_cached_copies: true,
            earlier_copies_are_unconfirmed: true,
            repair_at_load: true,
            history_before_club: true,
        }
    }
}
