//! Which names users may have (`docs/api.md#names`).

use unicode_normalization::UnicodeNormalization;

/// The stored form of a name: stripped of white space at both ends, normalised to NFKC, stripped
/// again.
///
/// # Errors
/// A text for the caller if what is left has fewer than 3 or more than 60 code points, characters that
/// control a line or the direction of writing, or none that can be seen.
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
    // What stands around such a name would be shown in another order, so that it looks like another.
    if name.chars().any(is_bidirectional_control) {
        return Err("A name must not have characters that change the direction of writing.");
    }
    if !name.chars().any(is_visible) {
        return Err("A name must have a character that can be seen.");
    }
    Ok(name.to_owned())
}

fn strip(name: &str) -> &str {
    // The information separators U+001C to U+001F count as white space in the service that dojang
    // replaces, not in Unicode's property.
    name.trim_matches(|c: char| c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c))
}

/// Unicode's property `Bidi_Control`.
fn is_bidirectional_control(c: char) -> bool {
    matches!(
        c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

/// Whether a character leaves something to see, by itself or on the one before it.
fn is_visible(c: char) -> bool {
    // Unicode's property `Default_Ignorable_Code_Point`, other format characters that are not shown, the
    // empty Braille pattern, and noncharacters.
    let is_invisible = matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{fdd0}'..='\u{fdef}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{13430}'..='\u{1343f}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d159}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    );
    let is_noncharacter = u32::from(c) & 0xfffe == 0xfffe;
    !(is_invisible || is_noncharacter || c.is_whitespace() || c.is_control())
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
    fn a_name_can_be_seen() {
        let invisible = [
            0xad, 0x34f, 0x115f, 0x1160, 0x17b4, 0x180e, 0x200b, 0x200c, 0x200d, 0x2060, 0x2064,
            0x206a, 0x2800, 0x3164, 0xfe0f, 0xfeff, 0xffa0, 0xfff9, 0xfdd0, 0xffff, 0x1d159,
            0x1d173, 0xe0001, 0xe0041, 0xe0100, 0x10_fffe,
        ];
        for c in invisible.map(|c| char::from_u32(c).unwrap()) {
            let name = c.to_string().repeat(5);
            assert!(normalised(&name).is_err(), "{name:?}");
            assert!(normalised(&format!("{c} {c} {c}")).is_err(), "{name:?}");
            // Beside what can be seen it may stand: some languages and emoji need such characters.
            assert!(normalised(&format!("Ki{c}m")).is_ok(), "{name:?}");
        }
        for name in [
            "...",
            "🥋🥋🥋",
            "김철수",
            "محمد",
            "\u{1f468}\u{200d}\u{1f467}",
            "\u{301}\u{301}\u{301}",
        ] {
            assert_eq!(normalised(name).as_deref(), Ok(name));
        }
    }

    #[test]
    fn nothing_changes_the_direction_of_writing() {
        let controls = [
            0x61c, 0x200e, 0x200f, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e,
        ];
        for c in controls.into_iter().chain(0x2066..=0x2069) {
            let c = char::from_u32(c).unwrap();
            for name in [format!("K{c}im"), format!("Kim{c}"), format!("{c}{c}{c}")] {
                assert!(normalised(&name).is_err(), "{name:?}");
            }
        }
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
