//! Strict JSON, as `docs/api.md#events` says: a repeated key is refused, and so is everything
//! that `serde_json` refuses by itself (NaN, numbers out of range, unpaired surrogates, byte order
//! marks, nesting deeper than 128).

use std::fmt;

use serde_core::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor,
};
use serde_json::{Map, Number, Value};

/// Parses one JSON text, refusing objects that repeat a key at any level.
///
/// # Errors
/// Says where (line and column) and what is wrong, without showing any of the text.
pub fn parse(text: &[u8]) -> Result<Value, JsonError> {
    if has_long_number(text) {
        let message = format!("a number has more than {MAX_DIGITS} digits");
        return Err(JsonError { message });
    }
    let mut deserializer = serde_json::Deserializer::from_str(utf8(text)?);
    Strict
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|error| JsonError::new(&error))
}

/// All of `text` at once, which takes less time than each string on its own.
pub(crate) fn utf8(text: &[u8]) -> Result<&str, JsonError> {
    str::from_utf8(text).map_err(|error| JsonError {
        message: format!(
            "expected UTF-8, found something else from byte {} on",
            error.valid_up_to()
        ),
    })
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
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for JsonError {}

/// Builds a [`Value`] like `serde_json` does, but fails on a repeated key.
struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Self)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(Self)?;
            if object.insert(key, value).is_some() {
                return Err(A::Error::custom("repeated key in an object"));
            }
        }
        Ok(Value::Object(object))
    }
}

/// Digits of a number: far more than any number that a request has use for.
const MAX_DIGITS: usize = 1_000;

/// A point in time as stored: seconds since 1970 UTC.
///
/// The service that dojang replaces stored `true` and `false` where a client sent them for a time
/// (`docs/api.md#corrections`) and integers of any size; neither may make a whole club unreadable.
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
                #[allow(clippy::cast_possible_truncation)]
                Ok(StoredTime::converted(value as i64))
            }
        }

        deserializer.deserialize_any(TimeVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn parses_what_serde_json_parses() {
        let text = br#"{"a":[1,-2,3.5,true,null,"x"],"b":{"c":{}}}"#;
        assert_eq!(
            parse(text).unwrap(),
            json!({"a":[1,-2,3.5,true,null,"x"],"b":{"c":{}}})
        );
    }

    #[test]
    fn refuses_what_is_not_strict() {
        for text in [
            &br#"{"a":1,"a":1}"#[..],
            br#"{"x":[{"a":1,"\u0061":2}]}"#,
            b"NaN",
            b"[Infinity]",
            b"1e400",
            br#""\ud800""#,
            b"\xef\xbb\xbf{}",
            b"{} {}",
            b"",
            b"\xff",
            b"[1,]",
        ] {
            assert!(parse(text).is_err(), "{}", String::from_utf8_lossy(text));
        }
        assert!(parse(&b"[".repeat(100_000)).is_err());
        let many = "9".repeat(5_000);
        for number in [
            &*many,
            &format!("-{many}"),
            &format!("0.{many}"),
            &format!("{many}e-4990"),
        ] {
            assert!(parse(number.as_bytes()).is_err());
            assert!(parse(format!(r#"{{"a\"1":[{number}]}}"#).as_bytes()).is_err());
        }
        assert!(parse(format!(r#"{{"a":"\"{many}"}}"#).as_bytes()).is_ok());
    }

    #[test]
    fn errors_quote_nothing() {
        #[derive(Debug)]
        struct Time;
        let error = serde_json::from_str::<StoredTime>(r#""S3cretC0de, expected x""#)
            .map(|_| Time)
            .unwrap_err();
        let text = JsonError::new(&error).to_string();
        assert!(text.starts_with("expected an integer"), "{text}");
        assert!(!text.contains("S3cret"), "{text}");
    }
}
