//! What other programs may have written into the club's objects.

use serde_json::value::RawValue;

/// Members of a stored object that the contract does not name, in their order and verbatim.
#[derive(Clone, Debug, Default)]
pub struct Extra(pub(super) Vec<(String, Box<RawValue>)>);

impl Extra {
    /// The members: key and JSON text.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }
}

impl PartialEq for Extra {
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len()
            && self
                .iter()
                .zip(other.iter())
                .all(|((a, x), (b, y))| a == b && x.get() == y.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_is_the_same_to_the_letter() {
        let extra = |members: &[(&str, &str)]| {
            let raw = |json: &str| RawValue::from_string(json.to_owned()).unwrap();
            let members = members.iter();
            Extra(
                members
                    .map(|(key, json)| ((*key).to_owned(), raw(json)))
                    .collect(),
            )
        };
        let some = extra(&[("a", "1"), ("b", "[ ]")]);
        assert!(some == some.clone());
        for other in [
            &[][..],
            &[("a", "1")],
            &[("b", "[ ]"), ("a", "1")],
            &[("a", "1"), ("b", "[]")],
            &[("a", "1"), ("c", "[ ]")],
            &[("a", "2"), ("b", "[ ]")],
            &[("a", "1"), ("b", "[ ]"), ("c", "3")],
        ] {
            assert!(some != extra(other), "{other:?}");
        }
    }
}
