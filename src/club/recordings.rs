//! The answer about the past, put together from the years' histories.

use std::collections::BTreeMap;

use serde_core::de::{Deserializer, MapAccess};
use serde_json::{Value, json};

use super::history::History;
use super::stored::{
    Fields, Place, Stored, StoredError, StoredObject, read, read_object, required,
};
use crate::json::surrogates;
use crate::limits::MAX_ANSWER_BYTES;

/// The sessions that start in a period, put together from one year after the other, in the form of
/// `coach_get_historical_participation`'s answer.
#[derive(Debug)]
pub struct Recordings {
    start_time: i64,
    end_time: i64,
    /// By session id: the entry, and its bytes in the answer at most.
    found: BTreeMap<String, (Value, usize)>,
    size: usize,
}

impl Recordings {
    /// Of sessions with a start in `[start_time, end_time)`.
    #[must_use]
    pub fn between(start_time: i64, end_time: i64) -> Self {
        Self {
            start_time,
            end_time,
            found: BTreeMap::new(),
            size: 0,
        }
    }

    /// Adds the sessions of a year. Years are added in their order: of a session recorded in several of
    /// them the entry of the latest counts.
    ///
    /// # Errors
    /// If an entry does not have the shape of `docs/api.md#history`, or if it all becomes more than one answer
    /// holds.
    pub fn add(&mut self, year: &History) -> Result<(), NoAnswer> {
        for (id, entry) in year.entries() {
            if let Some((_, size)) = self.found.remove(id) {
                self.size -= size;
            }
            let (recorded, _) = read::<Recorded>(entry.get().as_bytes())
                .map_err(|error| NoAnswer::NotRead(error.within(id)))?;
            if !(self.start_time..self.end_time).contains(&recorded.session.start_time) {
                continue;
            }
            let size = carried_bytes(id) + recorded.carried_bytes();
            self.size += size;
            if self.size > MAX_ANSWER_BYTES - HEAD_BYTES {
                return Err(NoAnswer::TooLarge);
            }
            self.found.insert(id.clone(), (recorded.shown(), size));
        }
        Ok(())
    }

    /// The answer.
    #[must_use]
    pub fn answer(self) -> Value {
        let found = self.found.into_iter();
        let shown = found.map(|(id, (entry, _))| (surrogates::shown(&id).into_owned(), entry));
        Value::Object(shown.collect())
    }
}

/// Why the history of a period cannot be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// An entry is not what it should be.
    NotRead(StoredError),
    /// It is more than one answer holds: the period is to be shorter.
    TooLarge,
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

impl Recorded {
    /// Bytes of it in the answer, at most.
    fn carried_bytes(&self) -> usize {
        let texts = [&self.session.coach, &self.session.comment];
        let texts = texts.into_iter().flatten().chain(&self.participants);
        ENTRY_BYTES + texts.map(|text| carried_bytes(text)).sum::<usize>()
    }

    /// What the answer shows of it.
    fn shown(self) -> Value {
        let session = self.session;
        let shown = |text: Option<String>| text.map(|text| surrogates::shown(&text).into_owned());
        let participants = self.participants.into_iter();
        json!({
            "session": {
                "start_time": session.start_time,
                "end_time": session.end_time,
                "coach": shown(session.coach),
                "comment": shown(session.comment),
            },
            "participants": participants.map(|id| shown(Some(id))).collect::<Vec<_>>(),
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

/// Bytes at most of a string in the body of an answer, itself a string within the answer: quotation marks
/// become `\\\"`, control characters `\\u0000`.
fn carried_bytes(text: &str) -> usize {
    let bytes = text.bytes().map(|byte| match byte {
        b'"' | b'\\' => 4,
        0..=0x1f => 7,
        _ => 1,
    });
    bytes.sum::<usize>() + STRING_PUNCTUATION
}

/// Of a string within a string: two escaped quotation marks and a comma.
const STRING_PUNCTUATION: usize = 5;
/// Of an entry without its strings: the keys, escaped, and two times.
const ENTRY_BYTES: usize = 160;
/// What an answer has around its body.
const HEAD_BYTES: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded_between(years: &[&History], start_time: i64, end_time: i64) -> Value {
        let mut recordings = Recordings::between(start_time, end_time);
        for year in years {
            recordings.add(year).unwrap();
        }
        recordings.answer()
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
            recorded_between(&[&first, &second], 11, 20),
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
        let error = Recordings::between(0, 9).add(&year.unwrap()).unwrap_err();
        let NoAnswer::NotRead(error) = error else {
            panic!("{error:?}")
        };
        let error = error.to_string();
        assert!(
            error.starts_with("at the object/a/session: the key end_time is missing"),
            "{error}"
        );
        assert!(History::read(b"[]").is_err());
        assert!(History::read(br#"{"a":1,"a":1}"#).is_err());
    }

    #[test]
    fn halves_of_characters_are_shown_and_stay() {
        let text = r#"{"a\ud83d":{"session":{"start_time":1,"end_time":2,"comment":"\ud83d"},"participants":["\udd4b"]},"b":{"session":{"start_time":1,"end_time":2},"participants":[]}}"#;
        let mut year = History::read(text.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(year.to_json()).unwrap(), text);
        year.put_back("b", None);
        assert_eq!(
            recorded_between(&[&year], 0, 9),
            json!({"a\u{fffd}": {"session": {"start_time": 1, "end_time": 2, "coach": null, "comment": "\u{fffd}"},
                "participants": ["\u{fffd}"]}})
        );
        // Also where only the entry has some, and where a session brings them along.
        let entry =
            r#"{"session":{"start_time":1,"end_time":2,"comment":"\ud83d"},"participants":[]}"#;
        let mut year = History::read(format!(r#"{{"a":{entry}}}"#).as_bytes()).unwrap();
        assert_eq!(
            recorded_between(&[&year], 0, 9)["a"]["session"]["comment"],
            "\u{fffd}"
        );
        let club = r#"{"users":{},"sessions":{"s":{"session_id":"s","start_time":1,"end_time":2,"state":"scheduled","comment":"\ud83d","participation":{}}}}"#;
        let club = super::super::stored::read_club(club.as_bytes()).unwrap();
        year.record("s", &club.sessions["s"], &[], "");
        let written = String::from_utf8(year.to_json()).unwrap();
        assert_eq!(
            written.matches(r#""comment":"\ud83d""#).count(),
            2,
            "{written}"
        );
    }

    #[test]
    fn the_limit_is_the_last_that_fits() {
        let with = |letters: usize| {
            let comment = "x".repeat(letters);
            let text = format!(
                r#"{{"a":{{"session":{{"start_time":1,"end_time":2,"comment":"{comment}"}},"participants":[]}}}}"#
            );
            let mut recordings = Recordings::between(0, 9);
            let added = recordings.add(&History::read(text.as_bytes()).unwrap());
            added.map(|()| recordings.size)
        };
        let most = MAX_ANSWER_BYTES - HEAD_BYTES;
        let room = most - with(0).unwrap();
        assert_eq!(with(room), Ok(most));
        assert_eq!(with(room + 1), Err(NoAnswer::TooLarge));
    }

    #[test]
    fn what_is_answered_is_no_more_than_lambda_carries() {
        // Plain text, and what is escaped most in the answer: once and twice.
        for (stored, per_answer) in [("x", 1), ("\\\"", 4), ("\\u0001", 7)] {
            let comment = stored.repeat(200_000);
            let mut recordings = Recordings::between(0, 9);
            let year = |n: usize| {
                let text = format!(
                    r#"{{"{n}":{{"session":{{"start_time":1,"end_time":2,"comment":"{comment}"}},"participants":["u"]}}}}"#
                );
                History::read(text.as_bytes()).unwrap()
            };
            let mut count = 0;
            while recordings.add(&year(count)).is_ok() {
                // Once more changes nothing.
                recordings.add(&year(count)).unwrap();
                count += 1;
            }
            assert_eq!(
                count,
                (MAX_ANSWER_BYTES - HEAD_BYTES) / (200_000 * per_answer + 260)
            );
            recordings.found.remove(&count.to_string());
            let (answer, payload) =
                crate::answer::Answer::success(recordings.answer()).into_payload();
            assert_eq!(answer.status(), 200, "{}", payload.len());
        }
    }
}
