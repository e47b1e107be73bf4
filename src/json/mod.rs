//! Strict JSON: a repeated key is refused, and whatever `serde_json` refuses.
//!
//! `serde_json` refuses NaN, numbers out of range, unpaired surrogates, byte order marks, and nesting deeper than 128.
//!
//! A text is read, not collected. A value that nobody asked for is checked, and leaves nothing behind but the keys of
//! the objects that are still open. The number of values is bounded. So the memory that reading takes does not depend
//! on what a text is made of.
//!
//! * `read`: reading by shape; `surrogates`: texts that are no Unicode

pub(crate) mod read;
pub(crate) mod surrogates;

use std::borrow::Cow;
use std::fmt;

use serde_core::de::{Deserialize, Deserializer, Error, Visitor};

use crate::limits::{MAX_DIGITS, MAX_VALUES};

/// All of `text` at once, which takes less time than each string on its own.
pub(crate) fn utf8(text: &[u8]) -> Result<&str, JsonError> {
    str::from_utf8(text).map_err(|error| JsonError {
        message: format!(
            "expected UTF-8, found something else from byte {} on",
            error.valid_up_to()
        ),
    })
}

/// Why a text is not acceptable as JSON. Shows nothing of the text itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError {
    message: String,
}

impl JsonError {
    /// Keeps of `error` what cannot quote the text: what was expected and where.
    #[must_use]
    pub fn new(error: &serde_json::Error) -> Self {
        let text = error.to_string();
        // Type errors read «invalid type: string "…", expected X at line …»: the first half quotes
        // the input. All other texts are fixed ones, of serde_json's or ours.
        let message = match text.rsplit_once(", expected ") {
            Some((_, expected)) => format!("expected {expected}"),
            None => text,
        };
        Self { message }
    }

    fn long_number() -> Self {
        let message = format!("a number has more than {MAX_DIGITS} digits");
        Self { message }
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for JsonError {}

/// What all objects of one text have in common: how many values there may be yet, and the keys of the
/// objects that are open.
#[derive(Default)]
pub(crate) struct Checker<'de> {
    values: usize,
    keys: Vec<Cow<'de, str>>,
}

impl<'de> Checker<'de> {
    fn count_value<E: Error>(&mut self) -> Result<(), E> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(E::custom(format_args!("more than {MAX_VALUES} values")));
        }
        Ok(())
    }

    /// Ends the object whose keys begin at `begin`.
    fn end_object<E: Error>(&mut self, begin: usize) -> Result<(), E> {
        let keys = &mut self.keys[begin..];
        keys.sort_unstable();
        if keys.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(E::custom("repeated key in an object"));
        }
        self.keys.truncate(begin);
        Ok(())
    }
}

/// A string, borrowed from the text that it is read from if it has no escapes.
pub(crate) struct PerhapsBorrowed<'de>(pub(crate) Cow<'de, str>);

impl<'de> Deserialize<'de> for PerhapsBorrowed<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PerhapsBorrowedVisitor;

        impl<'de> Visitor<'de> for PerhapsBorrowedVisitor {
            type Value = PerhapsBorrowed<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<PerhapsBorrowed<'de>, E> {
                Ok(PerhapsBorrowed(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<PerhapsBorrowed<'de>, E> {
                Ok(PerhapsBorrowed(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(PerhapsBorrowedVisitor)
    }
}

/// A point in time as stored: seconds since 1970 UTC.
///
/// The service that dojang replaces stored `true` and `false` if a client sent them for a time
/// (`docs/api.md`, "Corrections") and integers of any size; neither may make a whole club unreadable.
pub(crate) struct StoredTime {
    pub(crate) seconds: i64,
    /// Whether it is stored as what it is now: an integer that fits.
    pub(crate) is_plain: bool,
}
impl StoredTime {
    fn plain(seconds: i64) -> Self {
        Self {
            seconds,
            is_plain: true,
        }
    }

    fn converted(seconds: i64) -> Self {
        Self {
            seconds,
            is_plain: false,
        }
    }
}

impl<'de> Deserialize<'de> for StoredTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TimeVisitor;

        impl Visitor<'_> for TimeVisitor {
            type Value = StoredTime;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an integer (seconds since 1970)")
            }

            fn visit_bool<E>(self, value: bool) -> Result<StoredTime, E> {
                Ok(StoredTime::converted(i64::from(value)))
            }

            fn visit_i64<E>(self, value: i64) -> Result<StoredTime, E> {
                Ok(StoredTime::plain(value))
            }

            fn visit_u64<E>(self, value: u64) -> Result<StoredTime, E> {
                Ok(i64::try_from(value).map_or(StoredTime::converted(i64::MAX), StoredTime::plain))
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<StoredTime, E> {
                if value.fract() != 0.0 {
                    return Err(E::custom("expected an integer (seconds since 1970)"));
                }
                // `as` saturates, which is what an integer beyond 64 bits should do here.
                Ok(StoredTime::converted(value as i64))
            }
        }

        deserializer.deserialize_any(TimeVisitor)
    }
}
