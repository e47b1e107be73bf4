//! Reading stored objects: strict about what the contract names, verbatim about what it does not.
//!
//! A stored object that does not have the contract's shape is an error that says which place was
//! wrong and what was expected there, and shows no stored text: it may hold login codes.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::marker::PhantomData;

use serde_core::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::Club;
use super::extra::Extra;
use super::kept::{Kept, Members};
use super::participation::{Intentions, Participation};
use super::session::{Session, SessionState};
use super::user::{LoginCode, Role, User};
use crate::json::{self, JsonError, PerhapsBorrowed, StoredTime, surrogates};

/// Reads a private `data.json`.
///
/// # Errors
/// If it is not JSON or not of the shape of `docs/api.md#private-datajson`; a repeated key is an error too.
pub fn read_club(text: &[u8]) -> Result<Club, StoredError> {
    let (mut club, has_stand_ins) = read::<Club>(text)?;
    club.has_stand_ins = has_stand_ins;
    Ok(club)
}

/// Reads a whole stored object. Whether it has stand-ins for what no string can hold
/// ([`surrogates`]): they must be put back when it is written.
pub(super) fn read<T: Stored>(text: &[u8]) -> Result<(T, bool), StoredError> {
    let text = json::utf8(text).map_err(|problem| StoredError {
        place: String::new(),
        problem,
    })?;
    read_unicode(text)
        .map(|value| (value, false))
        .or_else(|error| {
            let text = surrogates::replaced(text).ok_or(error)?;
            read_unicode(&text).map(|value| (value, true))
        })
}

fn read_unicode<T: Stored>(text: &str) -> Result<T, StoredError> {
    let place = Place::default();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    T::read(&mut deserializer, &place)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|error| StoredError {
            place: place.to_string(),
            problem: JsonError::new(&error),
        })
}

/// Where a stored object is not what it should be, and what was expected there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredError {
    place: String,
    problem: JsonError,
}

impl fmt::Display for StoredError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at the object{}: {}", self.place, self.problem)
    }
}

impl StoredError {
    /// The same for a part read on its own that stands under `key`.
    pub(super) fn within(self, key: &str) -> Self {
        Self {
            place: format!("/{key}{}", self.place),
            ..self
        }
    }
}

impl std::error::Error for StoredError {}

/// What can be read from a stored object.
pub(super) trait Stored: Sized {
    fn read<'de, D: Deserializer<'de>>(deserializer: D, place: &Place) -> Result<Self, D::Error>;
}

impl Stored for Club {
    fn read<'de, D: Deserializer<'de>>(deserializer: D, place: &Place) -> Result<Self, D::Error> {
        read_object(deserializer, place)
    }
}

impl StoredObject for Club {
    const EXPECTED: &'static str = "an object with users and sessions";

    fn from_fields<'de, A: MapAccess<'de>>(mut fields: Fields<'_, A>) -> Result<Self, A::Error> {
        let (mut users, mut sessions) = (None, None);
        while let Some(key) = fields.next_key()? {
            match &*key {
                "users" => fields.read(&key, &mut users)?,
                "sessions" => fields.read(&key, &mut sessions)?,
                _ => fields.keep(&key)?,
            }
        }
        Ok(Self {
            users: required(users, "users")?,
            sessions: required(sessions, "sessions")?,
            extra: fields.extra,
            has_stand_ins: false,
        })
    }
}

impl Stored for Kept<BTreeMap<String, User>, Members> {
    fn read<'de, D: Deserializer<'de>>(deserializer: D, place: &Place) -> Result<Self, D::Error> {
        BTreeMap::read(deserializer, place).map(Self::from)
    }
}

impl Stored for Kept<Session, Vec<u8>> {
    /// Keeps the stored text as well: most sessions are written as they were read, to the letter. Not those
    /// with a time that has to be put right.
    fn read<'de, D: Deserializer<'de>>(deserializer: D, place: &Place) -> Result<Self, D::Error> {
        let text = <&RawValue>::deserialize(deserializer)?.get();
        place.has_converted.set(false);
        let session = Session::read(&mut serde_json::Deserializer::from_str(text), place)
            .map_err(|error| D::Error::custom(without_position(&error)))?;
        Ok(match place.has_converted.get() {
            true => Self::from(session),
            false => Self::as_written(session, text.into()),
        })
    }
}

/// What `error` says, but not where: a line and column of a part would be mistaken for those of the whole.
fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&position).unwrap_or(&text).to_owned()
}

impl Stored for User {
    fn read<'de, D: Deserializer<'de>>(deserializer: D, place: &Place) -> Result<Self, D::Error> {
        read_object(deserializer, place)
    }
}

impl StoredObject for User {
    const EXPECTED: &'static str = "a user object";

    fn from_fields<'de, A: MapAccess<'de>>(mut fields: Fields<'_, A>) -> Result<Self, A::Error> {
        let (mut user_id, mut name, mut role, mut auth_token) = (None, None, None, None);
        while let Some(key) = fields.next_key()? {
            match &*key {
                "user_id" => fields.read(&key, &mut user_id)?,
                "name" => fields.read(&key, &mut name)?,
                "role" => fields.read(&key, &mut role)?,
                "auth_token" => fields.read(&key, &mut auth_token)?,
                _ => fields.keep(&key)?,
            }
        }
        Ok(Self {
            user_id: required(user_id, "user_id")?,
            name: required(name, "name")?,
            role: required(role, "role")?,
            auth_token: required(auth_token, "auth_token")?,
            extra: fields.extra,
        })
    }
}

impl Stored for Session {
    fn read<'de, D: Deserializer<'de>>(deserializer: D, place: &Place) -> Result<Self, D::Error> {
        read_object(deserializer, place)
    }
}

impl StoredObject for Session {
    const EXPECTED: &'static str = "a session object";

    fn from_fields<'de, A: MapAccess<'de>>(mut fields: Fields<'_, A>) -> Result<Self, A::Error> {
        let (mut session_id, mut start_time, mut end_time, mut state) = (None, None, None, None);
        let (mut coach, mut comment, mut participation) = (None, None, None);
        while let Some(key) = fields.next_key()? {
            match &*key {
                "session_id" => fields.read(&key, &mut session_id)?,
                "start_time" => fields.read(&key, &mut start_time)?,
                "end_time" => fields.read(&key, &mut end_time)?,
                "state" => fields.read(&key, &mut state)?,
                "coach" => fields.read(&key, &mut coach)?,
                "comment" => fields.read(&key, &mut comment)?,
                "participation" => fields.read(&key, &mut participation)?,
                _ => fields.keep(&key)?,
            }
        }
        Ok(Self {
            session_id: required(session_id, "session_id")?,
            start_time: required(start_time, "start_time")?,
            end_time: required(end_time, "end_time")?,
            state: required(state, "state")?,
            coach,
            comment,
            participation: required(participation, "participation")?,
            extra: fields.extra,
        })
    }
}

/// A stored JSON object with named members.
pub(super) trait StoredObject: Sized {
    /// What is expected where the object stands.
    const EXPECTED: &'static str;

    fn from_fields<'de, A: MapAccess<'de>>(fields: Fields<'_, A>) -> Result<Self, A::Error>;
}

pub(super) fn read_object<'de, T: StoredObject, D: Deserializer<'de>>(
    deserializer: D,
    place: &Place,
) -> Result<T, D::Error> {
    struct ObjectVisitor<'p, T>(&'p Place, PhantomData<T>);

    impl<'de, T: StoredObject> Visitor<'de> for ObjectVisitor<'_, T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(T::EXPECTED)
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            T::from_fields(Fields {
                map,
                place: self.0,
                extra: Extra::default(),
            })
        }
    }

    deserializer.deserialize_map(ObjectVisitor(place, PhantomData))
}

/// The members of an object that is being read.
pub(super) struct Fields<'p, A> {
    map: A,
    place: &'p Place,
    pub(super) extra: Extra,
}

impl<'de, A: MapAccess<'de>> Fields<'_, A> {
    pub(super) fn next_key(&mut self) -> Result<Option<Cow<'de, str>>, A::Error> {
        match self.map.next_key::<PerhapsBorrowed<'de>>()? {
            Some(key) => Ok(Some(key.0)),
            None => self.end().map(|()| None),
        }
    }

    /// Looks for repeated keys among those that were kept: only now, since each on its own would be
    /// compared with all before.
    fn end(&self) -> Result<(), A::Error> {
        let mut keys: Vec<_> = self.extra.iter().map(|(key, _)| key).collect();
        keys.sort_unstable();
        match keys.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => self
                .place
                .on_error(pair[0], Err(A::Error::custom("repeated key"))),
            None => Ok(()),
        }
    }

    /// Reads the value of `key` into its slot, which must still be empty.
    pub(super) fn read<T: Stored>(
        &mut self,
        key: &str,
        slot: &mut Option<T>,
    ) -> Result<(), A::Error> {
        if slot.is_some() {
            return self
                .place
                .on_error(key, Err(A::Error::custom("repeated key")));
        }
        *slot = Some(self.place.value_of(key, &mut self.map)?);
        Ok(())
    }

    /// Keeps the value of a `key` that the contract does not name.
    pub(super) fn keep(&mut self, key: &str) -> Result<(), A::Error> {
        let value = self.place.on_error(key, self.map.next_value())?;
        self.extra.0.push((key.to_owned(), value));
        Ok(())
    }
}

pub(super) fn required<T, E: Error>(value: Option<T>, key: &'static str) -> Result<T, E> {
    value.ok_or_else(|| E::custom(format_args!("the key {key} is missing")))
}

/// What is to be said of a place besides its value.
#[derive(Default)]
pub(super) struct Place {
    /// The path to a wrong place. Filled from the inside outwards once an error is on its way up, so
    /// that reading without errors pays nothing for it.
    path: RefCell<Vec<String>>,
    /// Whether a value was read as another one than the stored text says.
    has_converted: Cell<bool>,
}

impl Place {
    /// Notes that `key` leads to the wrong place, if there is one.
    fn on_error<T, E>(&self, key: &str, result: Result<T, E>) -> Result<T, E> {
        if result.is_err() {
            self.path.borrow_mut().push(key.to_owned());
        }
        result
    }

    /// Reads the value of `key`, which was just read from `map`.
    fn value_of<'de, T: Stored, A: MapAccess<'de>>(
        &self,
        key: &str,
        map: &mut A,
    ) -> Result<T, A::Error> {
        self.on_error(key, map.next_value_seed(Seed(self, PhantomData)))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path
            .borrow()
            .iter()
            .rev()
            .try_for_each(|key| write!(f, "/{key}"))
    }
}

struct Seed<'p, T>(&'p Place, PhantomData<T>);

impl<'de, T: Stored> DeserializeSeed<'de> for Seed<'_, T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        T::read(deserializer, self.0)
    }
}

impl<T: Stored> Stored for BTreeMap<String, T> {
    fn read<'de, D: Deserializer<'de>>(deserializer: D, place: &Place) -> Result<Self, D::Error> {
        struct MapVisitor<'p, T>(&'p Place, PhantomData<T>);

        impl<'de, T: Stored> Visitor<'de> for MapVisitor<'_, T> {
            type Value = BTreeMap<String, T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = BTreeMap::new();
                while let Some(key) = map.next_key::<String>()? {
                    let value = self.0.value_of(&key, &mut map)?;
                    match entries.entry(key) {
                        Entry::Vacant(place) => drop(place.insert(value)),
                        Entry::Occupied(earlier) => {
                            let error = A::Error::custom("repeated key");
                            return self.0.on_error(earlier.key(), Err(error));
                        }
                    }
                }
                Ok(entries)
            }
        }

        deserializer.deserialize_map(MapVisitor(place, PhantomData))
    }
}

impl Stored for Intentions {
    fn read<'de, D: Deserializer<'de>>(deserializer: D, place: &Place) -> Result<Self, D::Error> {
        struct IntentionsVisitor<'p>(&'p Place);

        impl<'de> Visitor<'de> for IntentionsVisitor<'_> {
            type Value = Intentions;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Intentions, A::Error> {
                let mut intentions = Intentions::default();
                while let Some(PerhapsBorrowed(id)) = map.next_key()? {
                    let intention = self.0.value_of(&id, &mut map)?;
                    intentions.push(&id, intention);
                }
                intentions
                    .in_order()
                    .or_else(|id| self.0.on_error(&id, Err(A::Error::custom("repeated key"))))
            }
        }

        deserializer.deserialize_map(IntentionsVisitor(place))
    }
}

impl Stored for LoginCode {
    fn read<'de, D: Deserializer<'de>>(deserializer: D, _: &Place) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

impl Stored for i64 {
    fn read<'de, D: Deserializer<'de>>(deserializer: D, place: &Place) -> Result<Self, D::Error> {
        let time = StoredTime::deserialize(deserializer)?;
        if !time.is_plain {
            place.has_converted.set(true);
        }
        Ok(time.seconds)
    }
}

impl Stored for Role {
    fn read<'de, D: Deserializer<'de>>(deserializer: D, _: &Place) -> Result<Self, D::Error> {
        read_name(
            deserializer,
            Self::from_name,
            "expected Admin, Coach or Student",
        )
    }
}

impl Stored for SessionState {
    fn read<'de, D: Deserializer<'de>>(deserializer: D, _: &Place) -> Result<Self, D::Error> {
        read_name(
            deserializer,
            Self::from_name,
            "expected scheduled, cancelled or archived",
        )
    }
}

impl Stored for Participation {
    fn read<'de, D: Deserializer<'de>>(deserializer: D, _: &Place) -> Result<Self, D::Error> {
        read_name(deserializer, Self::from_name, "expected Yes, No or Maybe")
    }
}

/// Reads one of a few names, which takes no copy of it.
fn read_name<'de, T, D: Deserializer<'de>>(
    deserializer: D,
    from_name: fn(&str) -> Option<T>,
    expected: &'static str,
) -> Result<T, D::Error> {
    let PerhapsBorrowed(name) = PerhapsBorrowed::deserialize(deserializer)?;
    from_name(&name).ok_or_else(|| D::Error::custom(expected))
}

/// Lets types that `serde` can read by itself stand in stored objects.
macro_rules! stored_as_it_is {
    ($($type:ty),*) => {$(
        impl Stored for $type {
            fn read<'de, D: Deserializer<'de>>(d: D, _: &Place) -> Result<Self, D::Error> {
                Self::deserialize(d)
            }
        }
    )*};
}

stored_as_it_is!(String, Option<String>, Vec<String>, Box<RawValue>);

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Why a club cannot be read.
    fn refusal(text: &str) -> String {
        let error = read_club(text.as_bytes()).unwrap_err().to_string();
        // A position may follow.
        error
            .split(" at line")
            .next()
            .unwrap_or_default()
            .to_owned()
    }

    #[test]
    fn what_is_not_as_expected_is_named_with_its_place() {
        let whole = json!({
            "users": {"u": {"user_id": "u", "name": "Kim", "role": "Coach", "auth_token": "secret"}},
            "sessions": {"s": {"session_id": "s", "start_time": 1, "end_time": 2, "coach": "u", "comment": "",
                "state": "scheduled", "participation": {"u": "Yes"}}},
        });
        read_club(whole.to_string().as_bytes()).unwrap();
        for (place, found, expected) in [
            (
                "",
                json!("secret"),
                "expected an object with users and sessions",
            ),
            ("/users", json!([]), "expected an object"),
            ("/users/u", json!("secret"), "expected a user object"),
            ("/users/u/name", json!(7), "expected a string"),
            ("/users/u/role", json!(7), "expected a string"),
            (
                "/users/u/role",
                json!("secret"),
                "expected Admin, Coach or Student",
            ),
            ("/sessions", json!([]), "expected an object"),
            ("/sessions/s", json!("secret"), "expected a session object"),
            (
                "/sessions/s/start_time",
                json!("secret"),
                "expected an integer (seconds since 1970)",
            ),
            (
                "/sessions/s/start_time",
                json!(1.5),
                "expected an integer (seconds since 1970)",
            ),
            (
                "/sessions/s/state",
                json!("secret"),
                "expected scheduled, cancelled or archived",
            ),
            (
                "/sessions/s/participation",
                json!("secret"),
                "expected an object",
            ),
            (
                "/sessions/s/participation/u",
                json!("secret"),
                "expected Yes, No or Maybe",
            ),
        ] {
            let mut club: Value = whole.clone();
            *club.pointer_mut(place).unwrap() = found;
            let said = refusal(&club.to_string());
            assert_eq!(said, format!("at the object{place}: {expected}"));
        }
    }

    #[test]
    fn a_repeated_key_is_refused_wherever_it_is() {
        let user = |more: &str| {
            format!(r#"{{"user_id":"u","name":"Kim","role":"Coach","auth_token":"c"{more}}}"#)
        };
        let session = |participation: &str, more: &str| {
            format!(
                r#"{{"session_id":"s","start_time":1,"end_time":2,"state":"scheduled",
                    "participation":{{{participation}}}{more}}}"#
            )
        };
        let club = |users: &str, sessions: &str, more: &str| {
            format!(r#"{{"users":{{{users}}},"sessions":{{{sessions}}}{more}}}"#)
        };
        let of_user = |more: &str| club(&format!(r#""u":{}"#, user(more)), "", "");
        let of_session =
            |said: &str, more: &str| club("", &format!(r#""s":{}"#, session(said, more)), "");
        for good in [
            of_user(r#","x":1,"y":1"#),
            of_session("", r#","x":1,"y":1"#),
        ] {
            read_club(good.as_bytes()).unwrap();
        }
        let (one, other) = (user(""), session("", ""));
        for (text, place) in [
            (club("", "", r#","users":{}"#), "/users"),
            (club("", "", r#","sessions":{}"#), "/sessions"),
            (club("", "", r#","x":1,"y":1,"x":2"#), "/x"),
            (club(&format!(r#""u":{one},"u":{one}"#), "", ""), "/users/u"),
            (of_user(r#","name":"Kim""#), "/users/u/name"),
            (of_user(r#","x":1,"y":1,"x":1"#), "/users/u/x"),
            (
                club("", &format!(r#""s":{other},"s":{other}"#), ""),
                "/sessions/s",
            ),
            (of_session("", r#","end_time":2"#), "/sessions/s/end_time"),
            (of_session("", r#","x":1,"y":1,"x":1"#), "/sessions/s/x"),
            (
                of_session(r#""a":"Yes","a":"No""#, ""),
                "/sessions/s/participation/a",
            ),
            (
                of_session(r#""a":"Yes","b":"No","a":"Yes""#, ""),
                "/sessions/s/participation/a",
            ),
        ] {
            assert_eq!(
                refusal(&text),
                format!("at the object{place}: repeated key"),
                "{text}"
            );
        }
    }
}
