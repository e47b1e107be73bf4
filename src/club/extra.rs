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
