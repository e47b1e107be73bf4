//! Who took part in which session: one object a calendar year (UTC) of the session's start
//! (`docs/api.md#history`).

use std::collections::BTreeMap;

use serde_core::de::{Deserializer, MapAccess};
use serde_core::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::projection::to_json;
use super::session::Session;
use super::stored::{
    Fields, Place, Stored, StoredError, StoredObject, read, read_object, required,
};

/// The history of one year: by session id, each entry verbatim.
#[derive(Clone, Debug, Default)]
pub struct History(BTreeMap<String, Box<RawValue>>);

impl History {
    /// Reads a stored history object.
    ///
    /// # Errors
    /// If it is not a JSON object, or repeats a key.
    pub fn read(text: &[u8]) -> Result<Self, StoredError> {
        read(text).map(Self)
    }

    /// The object to store.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        to_json(&self.0)
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
        let entry = RawValue::from_string(text).expect("what serde_json wrote is JSON");
        self.0.insert(session_id.to_owned(), entry);
    }

    /// The entry of a session, verbatim.
    #[must_use]
    pub fn entry(&self, session_id: &str) -> Option<&RawValue> {
        self.0.get(session_id).map(|entry| &**entry)
    }

    /// Puts an entry back to what it was before; `None`: there was none.
    pub fn put_back(&mut self, session_id: &str, entry: Option<Box<RawValue>>) {
        match entry {
            Some(entry) => drop(self.0.insert(session_id.to_owned(), entry)),
            None => drop(self.0.remove(session_id)),
        }
    }
}

/// The sessions that `years` record with a start in `[start_time, end_time)`, in the form of
/// `coach_get_historical_participation`'s answer. Of a session recorded in several years the entry
/// of the latest counts.
///
/// # Errors
/// If an entry does not have the shape of `docs/api.md#history`.
pub fn recorded_between<'a>(
    years: impl IntoIterator<Item = &'a History>,
    start_time: i64,
    end_time: i64,
) -> Result<Value, StoredError> {
    let mut entries = BTreeMap::new();
    for year in years {
        entries.extend(&year.0);
    }
    let mut answer = serde_json::Map::new();
    for (id, entry) in entries {
        let Recorded {
            session,
            participants,
        } = read(entry.get().as_bytes()).map_err(|error: StoredError| error.within(id))?;
        if (start_time..end_time).contains(&session.start_time) {
            let entry = json!({
                "session": {
                    "start_time": session.start_time,
                    "end_time": session.end_time,
                    "coach": session.coach,
                    "comment": session.comment,
                },
                "participants": participants,
            });
            answer.insert(id.clone(), entry);
        }
    }
    Ok(Value::Object(answer))
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

/// An entry as it is read.
struct Recorded {
    session: RecordedSession,
    participants: Vec<String>,
}

impl Stored for Recorded {
    fn read<'de, D: Deserializer<'de>>(deserializer: D, place: &Place) -> Result<Self, D::Error> {
        read_object(deserializer, place)
    }
}

impl StoredObject for Recorded {
    const EXPECTED: &'static str = "an entry with session and participants";

    fn from_fields<'de, A: MapAccess<'de>>(mut fields: Fields<'_, A>) -> Result<Self, A::Error> {
        let (mut session, mut participants) = (None, None);
        while let Some(key) = fields.next_key()? {
            match &*key {
                "session" => fields.read(&key, &mut session)?,
                "participants" => fields.read(&key, &mut participants)?,
                _ => fields.keep(&key)?,
            }
        }
        Ok(Self {
            session: required(session, "session")?,
            participants: required(participants, "participants")?,
        })
    }
}

/// What the answer shows of a recorded session. `coach` and `comment` are absent in older data.
struct RecordedSession {
    start_time: i64,
    end_time: i64,
    coach: Option<String>,
    comment: Option<String>,
}

impl Stored for RecordedSession {
    fn read<'de, D: Deserializer<'de>>(deserializer: D, place: &Place) -> Result<Self, D::Error> {
        read_object(deserializer, place)
    }
}

impl StoredObject for RecordedSession {
    const EXPECTED: &'static str = "a session object";

    fn from_fields<'de, A: MapAccess<'de>>(mut fields: Fields<'_, A>) -> Result<Self, A::Error> {
        let (mut start_time, mut end_time) = (None, None);
        let (mut coach, mut comment) = (None::<Option<String>>, None::<Option<String>>);
        while let Some(key) = fields.next_key()? {
            match &*key {
                "start_time" => fields.read(&key, &mut start_time)?,
                "end_time" => fields.read(&key, &mut end_time)?,
                "coach" => fields.read(&key, &mut coach)?,
                "comment" => fields.read(&key, &mut comment)?,
                _ => fields.keep(&key)?,
            }
        }
        Ok(Self {
            start_time: required(start_time, "start_time")?,
            end_time: required(end_time, "end_time")?,
            coach: coach.flatten(),
            comment: comment.flatten(),
        })
    }
}

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
    fn the_range_is_half_open_and_the_later_year_counts() {
        let year = |text: &str| History::read(text.as_bytes()).unwrap();
        let first = year(
            r#"{"a": {"session": {"start_time": 10, "end_time": 20}, "participants": ["u"]},
                "b": {"session": {"start_time": 19, "end_time": 20, "coach": "k", "comment": null,
                     "state": "scheduled"}, "participants": [], "note": 1}}"#,
        );
        let second = year(
            r#"{"a": {"session": {"start_time": 11, "end_time": 30}, "participants": []},
                "c": {"session": {"start_time": 20, "end_time": 30}, "participants": []}}"#,
        );
        assert_eq!(
            recorded_between([&first, &second], 11, 20).unwrap(),
            json!({
                "a": {"session": {"start_time": 11, "end_time": 30, "coach": null, "comment": null},
                    "participants": []},
                "b": {"session": {"start_time": 19, "end_time": 20, "coach": "k", "comment": null},
                    "participants": []},
            })
        );
    }

    #[test]
    fn wrong_entries_are_errors_that_name_the_place() {
        let year = History::read(br#"{"a": {"session": {"start_time": 1}, "participants": []}}"#);
        let error = recorded_between([&year.unwrap()], 0, 9)
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("at the object/a/session: the key end_time is missing"),
            "{error}"
        );
        assert!(History::read(b"[]").is_err());
        assert!(History::read(br#"{"a":1,"a":1}"#).is_err());
    }
}
