//! A part of the club that is shared by its versions, and keeps its written form, until it is changed.
//!
//! A change makes a new version of the club. Most of it is as before: of 10,000 members none may have
//! changed, and their JSON text is known from the last time.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, OnceLock};

use sha2::{Digest, Sha256};

/// A `T` that is cheap to clone, and a `W` that is made from it once.
///
/// Mutable access gives a `T` of its own to this clone, and forgets its `W`.
pub struct Kept<T, W>(Arc<Part<T, W>>);

struct Part<T, W> {
    value: T,
    written: OnceLock<W>,
}

impl<T, W> Kept<T, W> {
    /// A value whose written form is known.
    pub(super) fn as_written(value: T, written: W) -> Self {
        Self(Arc::new(Part {
            value,
            written: written.into(),
        }))
    }

    /// What `write` makes of the value; called only if it was not since the last change.
    pub(super) fn written(&self, write: impl FnOnce(&T) -> W) -> &W {
        self.0.written.get_or_init(|| write(&self.0.value))
    }
}

impl<T, W> From<T> for Kept<T, W> {
    fn from(value: T) -> Self {
        Self(Arc::new(Part {
            value,
            written: OnceLock::new(),
        }))
    }
}

impl<T, W> Deref for Kept<T, W> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.value
    }
}

impl<T: Clone, W> DerefMut for Kept<T, W> {
    fn deref_mut(&mut self) -> &mut T {
        if Arc::get_mut(&mut self.0).is_none() {
            *self = Self::from(self.0.value.clone());
        }
        let part = Arc::get_mut(&mut self.0).expect("nobody else has it, see above");
        part.written = OnceLock::new();
        &mut part.value
    }
}

impl<T, W> Clone for Kept<T, W> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Default, W> Default for Kept<T, W> {
    fn default() -> Self {
        Self::from(T::default())
    }
}

impl<T: PartialEq, W> PartialEq for Kept<T, W> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.value == other.0.value
    }
}

impl<T: fmt::Debug, W> fmt::Debug for Kept<T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.value.fmt(f)
    }
}

/// The written members.
pub struct Members {
    pub(super) private: Beginning,
    pub(super) public: Beginning,
}

/// The text of an object up to and including its members.
pub(super) struct Beginning {
    pub(super) json: Vec<u8>,
    /// After that text.
    pub(super) sha256: Sha256,
}

impl Beginning {
    pub(super) fn new(json: Vec<u8>) -> Self {
        let sha256 = Sha256::new_with_prefix(&json);
        Self { json, sha256 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_shares_value_and_written_form_until_one_is_changed() {
        let mut one = Kept::<String, usize>::from("one".to_owned());
        let two = one.clone();
        assert_eq!(one.written(String::len), &3);
        assert_eq!(two.written(|_| unreachable!("it is known")), &3);
        one.push_str(" and more");
        assert_eq!((&**one, &**two), ("one and more", "one"));
        assert_ne!(one, two);
        assert_eq!(two, Kept::from("one".to_owned()));
        assert_eq!(format!("{one:?}"), "\"one and more\"");
        assert_eq!(one.written(String::len), &12);
        // Also where nobody shares it.
        one.clear();
        assert_eq!(one.written(String::len), &0);
        assert_eq!(two.written(|_| unreachable!("it is known")), &3);
    }
}
