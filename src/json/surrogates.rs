//! Stored texts that are no Unicode: they hold half of a surrogate pair.
//!
//! The service that dojang replaces cut strings between the two halves of a character, and stored the half as an escape
//! such as `\ud83d`. Rust's strings cannot hold it.
//!
//! So a stand-in takes its place while the text is in memory, and the escape is put back when the text is written.
//! People see U+FFFD there, as a browser shows it.

use std::borrow::Cow;

/// `text` with a stand-in for every unpaired surrogate; `None` if it has none.
pub(crate) fn replaced(text: &str) -> Option<String> {
    let mut replaced = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        let (taken, half) = match code_unit(escape) {
            Some(first) if is_leading(first) => match code_unit(&escape[6..]) {
                Some(second) if is_trailing(second) => (12, None),
                _ => (6, Some(first)),
            },
            Some(first) if is_trailing(first) => (6, Some(first)),
            // An escape of one character, or what is no JSON.
            _ => (2, None),
        };
        replaced.push_str(before);
        match half {
            Some(half) => push_stand_in(&mut replaced, half),
            None => replaced.push_str(escape.get(..taken).unwrap_or(escape)),
        }
        rest = escape.get(taken..).unwrap_or_default();
    }
    replaced.push_str(rest);
    (replaced.len() != text.len()).then_some(replaced)
}

/// `text` with the escapes in place of their stand-ins.
pub(crate) fn put_back(text: &str) -> Cow<'_, str> {
    without_stand_ins(text, |written, half| {
        written.push_str(&format!("\\u{half:04x}"));
    })
}

/// `text` as people are shown it.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    without_stand_ins(text, |shown, _| shown.push(char::REPLACEMENT_CHARACTER))
}

/// Whether this is what people are shown of `text`.
pub(crate) fn is_shown_as(text: &str, sent: &str) -> bool {
    text == sent || shown(text) == sent
}

/// Whether `text` holds a stand-in.
pub(crate) fn has_stand_in(text: &str) -> bool {
    next_stand_in(text).is_some()
}

fn without_stand_ins(text: &str, mut replace: impl FnMut(&mut String, u16)) -> Cow<'_, str> {
    let mut rest = text;
    let mut result = String::new();
    while let Some((at, half)) = next_stand_in(rest) {
        result.push_str(&rest[..at]);
        replace(&mut result, half);
        rest = &rest[at + STAND_IN_BYTES..];
    }
    if rest.len() == text.len() {
        return Cow::Borrowed(text);
    }
    result.push_str(rest);
    Cow::Owned(result)
}

/// Where the next stand-in is, and what it stands for.
fn next_stand_in(text: &str) -> Option<(usize, u16)> {
    text.match_indices(char::REPLACEMENT_CHARACTER)
        .find_map(|(at, _)| {
            let mut digits = text[at..].chars().skip(1);
            let mut offset = 0;
            for _ in 0..DIGITS {
                let digit = u32::from(digits.next()?).checked_sub(FIRST_DIGIT)?;
                offset = offset << BITS | u16::try_from(digit).ok().filter(|d| *d < 1 << BITS)?;
            }
            (offset < SURROGATES).then(|| (at, FIRST_SURROGATE + offset))
        })
}

/// U+FFFD and three noncharacters, which are for use within a program: no text that is interchanged has any.
fn push_stand_in(text: &mut String, half: u16) {
    text.push(char::REPLACEMENT_CHARACTER);
    let offset = half - FIRST_SURROGATE;
    for digit in (0..DIGITS).rev() {
        let digit = offset >> (digit * BITS) & ((1 << BITS) - 1);
        text.extend(char::from_u32(FIRST_DIGIT + u32::from(digit)));
    }
}

/// The UTF-16 code unit that a text begins with as `\uXXXX`.
fn code_unit(escape: &str) -> Option<u16> {
    let digits = escape.strip_prefix("\\u")?.get(..4)?;
    // `from_str_radix` would take a sign.
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| u16::from_str_radix(digits, 16).ok())?
}

fn is_leading(unit: u16) -> bool {
    (0xd800..0xdc00).contains(&unit)
}

fn is_trailing(unit: u16) -> bool {
    (0xdc00..0xe000).contains(&unit)
}

const FIRST_SURROGATE: u16 = 0xd800;
const SURROGATES: u16 = 0x800;
/// U+FDD0 to U+FDEF are 32 noncharacters: 5 bits each.
const FIRST_DIGIT: u32 = 0xfdd0;
const BITS: u32 = 5;
const DIGITS: u32 = 3;
/// All its characters have three bytes.
const STAND_IN_BYTES: usize = 3 * (1 + DIGITS as usize);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_of_a_character_is_taken_and_put_back() {
        for half in 0xd800..0xe000_u16 {
            let text = format!("\"a \\u{half:04x}b\"");
            let taken = replaced(&text).unwrap();
            let read: String = serde_json::from_str(&taken).unwrap();
            assert!(has_stand_in(&read));
            assert_eq!(shown(&read), "a \u{fffd}b");
            assert!(is_shown_as(&read, &read) && is_shown_as(&read, "a \u{fffd}b"));
            assert!(!is_shown_as(&read, "a b"));
            assert_eq!(put_back(&serde_json::to_string(&read).unwrap()), text);
        }
    }

    #[test]
    fn halves_next_to_whole_characters_are_told_apart() {
        for (text, read) in [
            (r"\ud83d\ud83e\udd4b", "\u{fffd}\u{1f94b}"),
            (r"\ud83e\udd4b\udd4b", "\u{1f94b}\u{fffd}"),
            (r"\uD83E\uDd4b\\ud800", "\u{1f94b}\\ud800"),
            (r"\\\udd4b", "\\\u{fffd}"),
            (r"\ud800\ud800\n\u00e6", "\u{fffd}\u{fffd}\næ"),
        ] {
            let text = format!("\"{text}\"");
            let taken = replaced(&text).unwrap_or(text);
            let found: String = serde_json::from_str(&taken).unwrap();
            assert_eq!(shown(&found), read, "{taken}");
        }
    }

    #[test]
    fn all_other_texts_stay_as_they_are() {
        for text in [
            "",
            r#""\ud83e\udd4b""#,
            "\"\u{fffd} \u{fffd}\u{fdd0}\u{fdd0} \u{fffd}\u{fddf}\u{fdd0}\u{fdd0}\"",
            // One more than the last digit, and one more than the last of the halves.
            "\u{fffd}\u{fdd0}\u{fdd0}\u{fdf0}",
            "\u{fffd}\u{fdd2}\u{fdd0}\u{fdd0}",
            "\\",
            "\\u",
            "\\ud83",
            "\\ud8æx",
            "\\u+123",
            "\\\u{e6}",
        ] {
            assert_eq!(replaced(text), None, "{text}");
            assert_eq!(put_back(text), text);
            assert_eq!(shown(text), text);
            assert!(!has_stand_in(text));
        }
    }
}
