//! Faults of S3's or ours, as the caller is told of them (`docs/api.md#answers`).

/// A fault: what became of the change, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What became of the change.
    pub state: State,
    /// Whether the same request may well succeed a little later.
    pub is_passing: bool,
    /// For the log only. Holds no login code, credential or request data.
    pub cause: String,
    /// Set if trying was given up: what was in the way. For the log and its alarms.
    pub given_up: Option<Obstacle>,
}

impl Fault {
    /// A fault with its cause.
    pub fn new(state: State, is_passing: bool, cause: impl Into<String>) -> Self {
        Self {
            state,
            is_passing,
            cause: cause.into(),
            given_up: None,
        }
    }
}

/// What a request was given up for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// Other writers were faster each time.
    Conflicts,
    /// S3 failed or took too long.
    Errors,
    /// The S3-compatible server does not keep what a change needs.
    Server,
}

impl Obstacle {
    /// The name used in logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Conflicts => "conflicts",
            Self::Errors => "errors",
            Self::Server => "server",
        }
    }
}

/// What became of the change that a request asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing was changed.
    NothingChanged,
    /// The change is in the private object; other objects do not all show it yet.
    ChangedNotPublic,
    /// It may have been made or not.
    NotKnown,
}

impl State {
    /// The name used in logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NothingChanged => "nothing changed",
            Self::ChangedNotPublic => "changed, not public",
            Self::NotKnown => "not known",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What alarms and queries look for.
    #[test]
    fn the_log_names_are_those_of_the_document() {
        let document = include_str!("../../docs/running.md");
        for obstacle in [Obstacle::Conflicts, Obstacle::Errors, Obstacle::Server] {
            let name = format!("`{}`", obstacle.name());
            assert!(document.contains(&name), "{name}");
        }
        for state in [
            State::NothingChanged,
            State::ChangedNotPublic,
            State::NotKnown,
        ] {
            let name = format!("`{}`", state.name());
            assert!(document.contains(&name), "{name}");
        }
    }
}
