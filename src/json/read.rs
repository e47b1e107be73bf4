//! Reading a JSON text by shape: the caller says what it wants of each value, and gets no more.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde_core::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{Checker, JsonError, PerhapsBorrowed, utf8};
use crate::limits::MAX_DIGITS;

/// Reads one JSON text.
///
/// # Errors
/// Says where (line and column) and what is wrong, without showing any of the text.
pub(crate) fn read<'de, T: FromJson<'de>>(text: &'de [u8]) -> Result<T, JsonError> {
    if has_long_number(text) {
        return Err(JsonError::long_number());
    }
    read_str(utf8(text)?)
}

/// The same for a part of a text whose numbers were looked at already.
pub(crate) fn read_str<'de, T: FromJson<'de>>(text: &'de str) -> Result<T, JsonError> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    Seed::new(&mut Checker::default())
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|error| JsonError::new(&error))
}

/// The string that `raw` is, if it is one.
pub(crate) fn string(raw: &RawValue) -> Option<Result<Cow<'_, str>, JsonError>> {
    raw.get().starts_with('"').then(|| {
        serde_json::from_str::<PerhapsBorrowed<'_>>(raw.get())
            .map(|text| text.0)
            .map_err(|error| JsonError::new(&error))
    })
}

/// A value that is no object and no list.
#[derive(Clone, Copy)]
pub(crate) enum Scalar<'t> {
    Null,
    Text(&'t str),
    /// A number without fraction or exponent that fits.
    Integer(i64),
    Boolean(bool),
    /// Another number, or an object or a list that nobody wanted.
    Other,
}

/// What can be read from any JSON value.
pub(crate) trait FromJson<'de>: Sized {
    fn from_scalar(scalar: Scalar<'_>) -> Self;

    /// An object is checked and skipped unless this is overridden.
    fn from_object<A: MapAccess<'de>>(mut members: Members<'_, 'de, A>) -> Result<Self, A::Error> {
        while members.next_key()?.is_some() {
            members.value::<()>()?;
        }
        Ok(Self::from_scalar(Scalar::Other))
    }

    /// A list is checked and skipped unless this is overridden.
    fn from_list<A: SeqAccess<'de>>(mut items: Items<'_, 'de, A>) -> Result<Self, A::Error> {
        while items.next_item::<()>()?.is_some() {}
        Ok(Self::from_scalar(Scalar::Other))
    }
}

/// Checked and skipped.
impl FromJson<'_> for () {
    fn from_scalar(_: Scalar<'_>) -> Self {}
}

/// The members of an object that is being read.
pub(crate) struct Members<'c, 'de, A> {
    map: A,
    checker: &'c mut Checker<'de>,
    begin: usize,
}

impl<'de, A: MapAccess<'de>> Members<'_, 'de, A> {
    /// The next key, whose value must then be read; `None` at the end of the object.
    pub(crate) fn next_key(&mut self) -> Result<Option<Cow<'de, str>>, A::Error> {
        let Some(PerhapsBorrowed(key)) = self.map.next_key()? else {
            return self.checker.end_object(self.begin).map(|()| None);
        };
        self.checker.keys.push(key.clone());
        Ok(Some(key))
    }

    pub(crate) fn value<T: FromJson<'de>>(&mut self) -> Result<T, A::Error> {
        self.map.next_value_seed(Seed::new(self.checker))
    }

    /// The text of the value, next to unchecked.
    pub(crate) fn raw(&mut self) -> Result<&'de RawValue, A::Error> {
        self.checker.count_value()?;
        self.map.next_value()
    }
}

/// The items of a list that is being read.
pub(crate) struct Items<'c, 'de, A> {
    list: A,
    checker: &'c mut Checker<'de>,
}

impl<'de, A: SeqAccess<'de>> Items<'_, 'de, A> {
    pub(crate) fn next_item<T: FromJson<'de>>(&mut self) -> Result<Option<T>, A::Error> {
        self.list.next_element_seed(Seed::new(self.checker))
    }
}

struct Seed<'c, 'de, T>(&'c mut Checker<'de>, PhantomData<T>);

impl<'c, 'de, T> Seed<'c, 'de, T> {
    fn new(checker: &'c mut Checker<'de>) -> Self {
        Self(checker, PhantomData)
    }
}

impl<'de, T: FromJson<'de>> DeserializeSeed<'de> for Seed<'_, 'de, T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        self.0.count_value()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: FromJson<'de>> Visitor<'de> for Seed<'_, 'de, T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::from_scalar(Scalar::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<T, E> {
        Ok(T::from_scalar(Scalar::Boolean(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<T, E> {
        Ok(T::from_scalar(Scalar::Integer(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<T, E> {
        Ok(T::from_scalar(
            i64::try_from(value).map_or(Scalar::Other, Scalar::Integer),
        ))
    }

    fn visit_f64<E>(self, _: f64) -> Result<T, E> {
        Ok(T::from_scalar(Scalar::Other))
    }

    fn visit_str<E>(self, text: &str) -> Result<T, E> {
        Ok(T::from_scalar(Scalar::Text(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<T, A::Error> {
        let checker = self.0;
        T::from_list(Items { list, checker })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        let checker = self.0;
        let begin = checker.keys.len();
        T::from_object(Members {
            map,
            checker,
            begin,
        })
    }
}

/// Whether there are more than [`MAX_DIGITS`] digits in a row outside of strings.
fn has_long_number(text: &[u8]) -> bool {
    let (mut digits, mut in_string, mut is_escaped) = (0, false, false);
    text.iter().any(|byte| {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = in_string,
            b'"' => in_string = !in_string,
            b'0'..=b'9' if !in_string => digits += 1,
            _ => digits = 0,
        }
        digits > MAX_DIGITS
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::MAX_VALUES;

    fn check(text: &[u8]) -> Result<(), JsonError> {
        read(text)
    }

    #[test]
    fn accepts_what_is_json() {
        for text in [
            &br#"{"a":[1,-2,3.5,true,null,"x"],"b":{"c":{}},"c":{"c":1,"a":2}}"#[..],
            b" 7 ",
            br#""\ud83e\udd4b \" \\ud800""#,
            b"[{},{}]",
        ] {
            check(text).unwrap();
        }
    }

    #[test]
    fn refuses_what_is_not_strict() {
        for text in [
            &br#"{"a":1,"a":1}"#[..],
            br#"{"x":[{"a":1,"b":{},"\u0061":2}]}"#,
            br#"{"a":{"b":1},"b":[],"a":{"b":1}}"#,
            b"NaN",
            b"[Infinity]",
            b"1e400",
            br#""\ud800""#,
            br#"{"\udc00":1}"#,
            b"\xef\xbb\xbf{}",
            b"{} {}",
            b"",
            b"\xff",
            b"[1,]",
            b"\"a\nb\"",
        ] {
            assert!(check(text).is_err(), "{}", String::from_utf8_lossy(text));
        }
        assert!(check(&b"[".repeat(100_000)).is_err());
        let many = "9".repeat(5_000);
        for number in [
            &*many,
            &format!("-{many}"),
            &format!("0.{many}"),
            &format!("{many}e-4990"),
        ] {
            assert!(check(number.as_bytes()).is_err());
            assert!(check(format!(r#"{{"a\"1":[{number}]}}"#).as_bytes()).is_err());
        }
        assert!(check(format!(r#"{{"a":"\"{many}"}}"#).as_bytes()).is_ok());
        let digits = |count| format!("0.{}", "1".repeat(count));
        assert!(check(digits(MAX_DIGITS).as_bytes()).is_ok());
        let error = check(digits(MAX_DIGITS + 1).as_bytes()).unwrap_err();
        assert_eq!(error, JsonError::long_number());
    }

    #[test]
    fn values_are_counted_wherever_they_are() {
        let list = |count: usize| format!("[{}0]", "0,".repeat(count - 2));
        check(list(MAX_VALUES).as_bytes()).unwrap();
        let object = |count| {
            let members: Vec<_> = (1..count).map(|n| format!("\"{n}\":{{}}")).collect();
            format!("{{{}}}", members.join(","))
        };
        check(object(MAX_VALUES).as_bytes()).unwrap();
        for text in [
            list(MAX_VALUES + 1),
            object(MAX_VALUES + 1),
            format!("{{\"a\":{}}}", list(MAX_VALUES)),
            format!("[{}[]]", "[],".repeat(MAX_VALUES)),
        ] {
            let error = check(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains("values"), "{error}");
        }
    }
}
