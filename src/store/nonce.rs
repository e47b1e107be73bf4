//! White space that makes a version's bytes, and so its ETag, unlike those of all others.
//!
//! JSON lets four characters stand after a text without meaning: 2 bits each, so 32 of them spell 64
//! bits. `docs/api.md#objects` leaves white space free.

/// What tells a version from others with the same content.
pub(super) type Nonce = [u8; 8];

/// The white space that spells `nonce`.
pub(super) fn white_space(nonce: Nonce) -> String {
    let mut spelt = String::with_capacity(4 * nonce.len());
    for byte in nonce {
        for shift in [6, 4, 2, 0] {
            spelt.push(char::from(CHARACTERS[usize::from(byte >> shift & 3)]));
        }
    }
    spelt
}

const CHARACTERS: &[u8; 4] = b" \t\r\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_nonces_are_different_white_space_that_json_ignores() {
        let mut seen = std::collections::BTreeSet::new();
        for byte in 0..=255 {
            let space = white_space([byte, 0, 1, 2, 3, 4, 5, byte ^ 0x55]);
            assert_eq!(space.len(), 32);
            assert_eq!(serde_json::from_str::<u8>(&format!("7{space}")).unwrap(), 7);
            assert!(seen.insert(space));
        }
    }
}
