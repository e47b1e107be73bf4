//! Who took part in which session (`docs/api.md#history`).
//!
//! There is one object for each calendar year (UTC) of the sessions' start.

use std::collections::BTreeMap;

use serde_core::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;
use time::OffsetDateTime;

use super::projection::{to_json, with_surrogates};
use super::session::Session;
use super::stored::{StoredError, read};
use crate::json::surrogates;

/// The history of one year: by session id, each entry verbatim.
#[derive(Clone, Debug, Default)]
pub struct History {
    entries: BTreeMap<String, Box<RawValue>>,
    /// Whether there are stand-ins for unpaired surrogates, which must be put back.
    has_stand_ins: bool,
}

impl History {
    /// Reads a stored history object.
    ///
    /// # Errors
    /// If it is not a JSON object, or repeats a key.
    pub fn read(text: &[u8]) -> Result<Self, StoredError> {
        let (entries, has_stand_ins) = read(text)?;
        Ok(Self {
            entries,
            has_stand_ins,
        })
    }

    /// The object to store.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        with_surrogates(to_json(&self.entries), self.has_stand_ins)
    }

    /// Bytes of the object to store, or a few more.
    #[must_use]
    pub fn size(&self) -> usize {
        let entries = self.entries.iter();
        entries
            .map(|(id, entry)| id.len() + entry.get().len() + ENTRY_PUNCTUATION)
            .sum()
    }

    /// Records who took part in `session`, given as it was just before it became archived.
    /// Replaces an earlier entry of that session. `participants` are in ascending order. The entry ends
    /// in `white_space`, which tells it from others with the same content.
    pub fn record(
        &mut self,
        session_id: &str,
        session: &Session,
        participants: &[String],
        white_space: &str,
    ) {
        let mut text = String::from_utf8(to_json(&Entry {
            session,
            participants,
        }))
        .expect("what serde_json wrote is UTF-8");
        text.insert_str(text.len() - 1, white_space);
        self.has_stand_ins |= surrogates::has_stand_in(&text);
        let entry = RawValue::from_string(text).expect("what serde_json wrote is JSON");
        self.entries.insert(session_id.to_owned(), entry);
    }

    /// All entries by session id, verbatim.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&String, &RawValue)> {
        self.entries.iter().map(|(id, entry)| (id, &**entry))
    }

    /// The entry of a session, verbatim.
    #[must_use]
    pub fn entry(&self, session_id: &str) -> Option<&RawValue> {
        self.entries.get(session_id).map(|entry| &**entry)
    }

    /// Puts an entry back to what it was before; `None`: there was none.
    pub fn put_back(&mut self, session_id: &str, entry: Option<Box<RawValue>>) {
        match entry {
            Some(entry) => drop(self.entries.insert(session_id.to_owned(), entry)),
            None => drop(self.entries.remove(session_id)),
        }
    }
}

/// The calendar year (UTC) of a point in time, if it is from 1 to 9999.
#[must_use]
pub fn year_of(time: i64) -> Option<i32> {
    let year = OffsetDateTime::from_unix_timestamp(time).ok()?.year();
    (1..=9999).contains(&year).then_some(year)
}

/// The key of a year's history object in the private bucket.
#[must_use]
pub fn object_key(year: i32) -> String {
    format!("sessions/participation_data_{year:04}.json")
}

/// An entry as it is written.
struct Entry<'a> {
    session: &'a Session,
    participants: &'a [String],
}

impl Serialize for Entry<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        object.serialize_entry("session", self.session)?;
        object.serialize_entry("participants", self.participants)?;
        object.end()
    }
}

/// Two quotation marks, a colon and a comma.
const ENTRY_PUNCTUATION: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_are_utc_calendar_years() {
        assert_eq!(year_of(0), Some(1970));
        assert_eq!(year_of(-5), Some(1969));
        assert_eq!(year_of(1_767_225_599), Some(2025));
        assert_eq!(year_of(1_767_225_600), Some(2026));
        assert_eq!(year_of(-62_135_596_800), Some(1));
        assert_eq!(year_of(-62_135_596_801), None);
        assert_eq!(year_of(i64::MAX), None);
        assert_eq!(object_key(33), "sessions/participation_data_0033.json");
    }

    #[test]
    fn the_size_is_that_of_the_object() {
        let mut year = History::default();
        for id in ["a", "bcd"] {
            year.put_back(id, Some(RawValue::from_string("{ }".to_owned()).unwrap()));
            let written = year.to_json().len();
            assert!((written - 1..=written).contains(&year.size()), "{written}");
        }
    }

    #[test]
    fn an_entry_ends_in_the_white_space_of_who_wrote_it() {
        let club = crate::club::demo::club("secret", 0, &crate::club::Club::default());
        let (id, session) = club.sessions.iter().next().unwrap();
        let mut year = History::default();
        year.record(id, session, &["somebody".to_owned()], " \t ");
        let entry = year.entry(id).unwrap().get();
        assert!(entry.ends_with("[\"somebody\"] \t }"), "{entry}");
    }
}
