//! Which names users may have (`docs/api.md#names`).

use unicode_normalization::UnicodeNormalization;

/// The stored form of a name: stripped of white space at both ends, normalised to NFKC, stripped
/// again.
///
/// # Errors
/// A text for the caller if what is left has fewer than 3 or more than 60 code points, or control
/// characters or line separators.
pub fn normalised(name: &str) -> Result<String, &'static str> {
    let name: String = strip(name).nfkc().collect();
    let name = strip(&name);
    if !(MIN_CODE_POINTS..=MAX_CODE_POINTS).contains(&name.chars().count()) {
        return Err("A name must have 3 to 60 characters.");
    }
    if name
        .chars()
        .any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
    {
        return Err("A name must not have control characters or line breaks.");
    }
    Ok(name.to_owned())
}

fn strip(name: &str) -> &str {
    // The information separators U+001C to U+001F count as white space in the service that dojang
    // replaces, not in Unicode's property.
    name.trim_matches(|c: char| c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c))
}

const MIN_CODE_POINTS: usize = 3;
const MAX_CODE_POINTS: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_stripped_and_normalised_before_they_are_counted() {
        assert_eq!(normalised("  Kim Lee\u{a0}\n").as_deref(), Ok("Kim Lee"));
        assert_eq!(normalised("\u{1c}Kim\u{3000}").as_deref(), Ok("Kim"));
        assert_eq!(normalised("\u{fb03}").as_deref(), Ok("ffi"));
        assert_eq!(normalised(&"a\u{30a}".repeat(60)), Ok("å".repeat(60)));
        // U+00B4 becomes a space and a combining accent: the space is stripped then.
        assert_eq!(normalised("\u{b4}ab").as_deref(), Ok("\u{301}ab"));
    }

    #[test]
    fn three_to_sixty_code_points() {
        for (name, good) in [
            ("ab", false),
            ("abc", true),
            ("   a   ", false),
            ("", false),
        ] {
            assert_eq!(normalised(name).is_ok(), good, "{name:?}");
        }
        assert!(normalised(&"x".repeat(60)).is_ok());
        assert!(normalised(&"x".repeat(61)).is_err());
        assert!(normalised(&"😀".repeat(60)).is_ok());
    }

    #[test]
    fn no_control_characters_inside() {
        for name in [
            "a\0bc",
            "a\nbc",
            "a\u{85}bc",
            "a\u{2028}bc",
            "a\u{2029}bc",
            "a\u{7f}bc",
        ] {
            assert!(normalised(name).is_err(), "{name:?}");
        }
    }
}
