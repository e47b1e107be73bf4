//! Reading the members that some action knows, each in the form that it may have.

use serde_core::de::{MapAccess, SeqAccess};
use sha2::{Digest, Sha256};

use super::{Member, RequestData};
use crate::club::participation::Participation;
use crate::club::user::{CodeDigest, digest_of};
use crate::json::read::{FromJson, Items, Members, Scalar};
use crate::limits::{MAX_ANSWERS, MAX_CODES, MAX_PARTICIPANTS, MAX_TEXT_BYTES};

/// The members that were found so far.
#[derive(Default)]
pub(crate) struct MembersRead {
    is_object: bool,
    members: Vec<(&'static str, Member)>,
}

impl MembersRead {
    /// Of an object; none so far.
    pub(crate) fn object() -> Self {
        Self {
            is_object: true,
            members: Vec::with_capacity(USUAL_MEMBERS),
        }
    }

    /// Reads the value of `key`, or skips it.
    pub(crate) fn read<'de, A: MapAccess<'de>>(
        &mut self,
        key: &str,
        members: &mut Members<'_, 'de, A>,
    ) -> Result<(), A::Error> {
        let Some((name, form)) = KNOWN.iter().find(|(name, _)| *name == key) else {
            return members.value();
        };
        let member = match form {
            Form::Plain => members.value::<Plain>()?.0,
            Form::Ids => members.value::<Ids>()?.0,
            Form::Codes => members.value::<Codes>()?.0,
            Form::Answers => members.value::<Answers>()?.0,
        };
        self.members.push((name, member));
        Ok(())
    }

    /// The request in `text`, with these members; `None` if `text` is no object.
    pub(crate) fn of(self, text: &[u8]) -> Option<RequestData> {
        self.is_object.then(|| RequestData {
            members: self.members,
            digest: Sha256::digest(text).into(),
        })
    }
}

impl<'de> FromJson<'de> for MembersRead {
    fn from_scalar(_: Scalar<'_>) -> Self {
        Self::default()
    }

    fn from_object<A: MapAccess<'de>>(mut members: Members<'_, 'de, A>) -> Result<Self, A::Error> {
        let mut found = Self::object();
        while let Some(key) = members.next_key()? {
            found.read(&key, &mut members)?;
        }
        Ok(found)
    }
}

/// What a member may be besides a string, a number and so on.
#[derive(Clone, Copy)]
enum Form {
    Plain,
    Ids,
    Codes,
    Answers,
}

/// All members that some action knows.
const KNOWN: [(&str, Form); 16] = [
    ("action", Form::Plain),
    ("auth_token", Form::Plain),
    ("operation_id", Form::Plain),
    ("user_id", Form::Plain),
    ("role", Form::Plain),
    ("name", Form::Plain),
    ("session_id", Form::Plain),
    ("session_state", Form::Plain),
    ("start_time", Form::Plain),
    ("end_time", Form::Plain),
    ("coach", Form::Plain),
    ("comment", Form::Plain),
    ("test_secret", Form::Plain),
    ("participants", Form::Ids),
    ("user_auth_tokens", Form::Codes),
    ("joining_sessions", Form::Answers),
];

struct Plain(Member);

impl FromJson<'_> for Plain {
    fn from_scalar(scalar: Scalar<'_>) -> Self {
        Self(match scalar {
            Scalar::Null => Member::Null,
            Scalar::Text(text) if text.len() > MAX_TEXT_BYTES => Member::LongText,
            Scalar::Text(text) => Member::Text(text.to_owned()),
            Scalar::Integer(number) => Member::Integer(number),
            Scalar::Boolean(_) | Scalar::Other => Member::Other,
        })
    }
}

struct Ids(Member);

impl<'de> FromJson<'de> for Ids {
    fn from_scalar(_: Scalar<'_>) -> Self {
        Self(Member::Other)
    }

    fn from_list<A: SeqAccess<'de>>(mut items: Items<'_, 'de, A>) -> Result<Self, A::Error> {
        let mut list = Collected::new(MAX_PARTICIPANTS);
        while let Some(Plain(item)) = items.next_item()? {
            list.add(match item {
                Member::Text(text) => Some(text),
                _ => None,
            });
        }
        Ok(Self(list.into_member(Member::Ids)))
    }
}

struct Codes(Member);

impl<'de> FromJson<'de> for Codes {
    fn from_scalar(_: Scalar<'_>) -> Self {
        Self(Member::Other)
    }

    fn from_list<A: SeqAccess<'de>>(mut items: Items<'_, 'de, A>) -> Result<Self, A::Error> {
        let mut list = Collected::new(MAX_CODES);
        while let Some(code) = items.next_item()? {
            match code {
                Code::Digest(digest) => list.add(Some(digest)),
                Code::Nobodys => {}
                Code::Other => list.add(None),
            }
        }
        Ok(Self(list.into_member(Member::Codes)))
    }
}

enum Code {
    Digest(CodeDigest),
    /// Longer than any login code.
    Nobodys,
    Other,
}

impl FromJson<'_> for Code {
    fn from_scalar(scalar: Scalar<'_>) -> Self {
        match scalar {
            Scalar::Text(code) if code.len() > MAX_TEXT_BYTES => Self::Nobodys,
            Scalar::Text(code) => Self::Digest(digest_of(code)),
            _ => Self::Other,
        }
    }
}

struct Answers(Member);

impl<'de> FromJson<'de> for Answers {
    fn from_scalar(_: Scalar<'_>) -> Self {
        Self(Member::Other)
    }

    fn from_object<A: MapAccess<'de>>(mut members: Members<'_, 'de, A>) -> Result<Self, A::Error> {
        let mut list = Collected::new(MAX_ANSWERS);
        while let Some(session_id) = members.next_key()? {
            let answer = members.value::<Answer>()?.0;
            let is_possible = session_id.len() <= MAX_TEXT_BYTES;
            list.add(
                answer
                    .filter(|_| is_possible)
                    .map(|answer| (session_id.into_owned(), answer)),
            );
        }
        Ok(Self(list.into_member(Member::Answers)))
    }
}

/// `None`: it is none.
struct Answer(Option<Option<Participation>>);

impl FromJson<'_> for Answer {
    fn from_scalar(scalar: Scalar<'_>) -> Self {
        Self(match scalar {
            Scalar::Null => Some(None),
            Scalar::Text(name) => Participation::from_name(name).map(Some),
            _ => None,
        })
    }
}

/// What a list or an object has given so far.
enum Collected<T> {
    Good { items: Vec<T>, most: usize },
    Bad(Member),
}

impl<T> Collected<T> {
    fn new(most: usize) -> Self {
        let items = Vec::new();
        Self::Good { items, most }
    }

    /// Adds an item; with `None`, or one too many, the whole is of no use.
    fn add(&mut self, item: Option<T>) {
        if let Self::Good { items, most } = self {
            match item {
                Some(item) if items.len() < *most => items.push(item),
                Some(_) => *self = Self::Bad(Member::TooMany),
                None => *self = Self::Bad(Member::Other),
            }
        }
    }

    fn into_member(self, member: impl FnOnce(Vec<T>) -> Member) -> Member {
        match self {
            Self::Good { items, .. } => member(items),
            Self::Bad(bad) => bad,
        }
    }
}

/// Most requests have fewer.
const USUAL_MEMBERS: usize = 8;
