//! What users intend about a session.
//!
//! A club has thousands of these answers and reads them all at each start, so the ids stand in one text and not each on
//! its own.

use std::cmp::Ordering;

/// What users intend, by user id, in the order of the ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Intentions {
    /// All ids, one after the other.
    ids: String,
    entries: Vec<Entry>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    /// Where the id ends in the text; it begins where the one before ends.
    end: usize,
    intention: Participation,
}

impl Intentions {
    /// What a user intends.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<Participation> {
        let place = self.place(id).ok()?;
        Some(self.entries[place].intention)
    }

    /// Notes what a user intends, in the place of what the user intended before.
    pub fn insert(&mut self, id: &str, intention: Participation) {
        match self.place(id) {
            Ok(place) => self.entries[place].intention = intention,
            Err(place) => {
                let begin = self.begin(place);
                self.ids.insert_str(begin, id);
                for entry in &mut self.entries[place..] {
                    entry.end += id.len();
                }
                let end = begin + id.len();
                self.entries.insert(place, Entry { end, intention });
            }
        }
    }

    /// Forgets what a user intended.
    pub fn remove(&mut self, id: &str) {
        if let Ok(place) = self.place(id) {
            self.ids
                .replace_range(self.begin(place)..self.entries[place].end, "");
            self.entries.remove(place);
            for entry in &mut self.entries[place..] {
                entry.end -= id.len();
            }
        }
    }

    /// User ids, and what they intend.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Participation)> {
        self.entries
            .iter()
            .enumerate()
            .map(|(place, entry)| (self.id(place), entry.intention))
    }

    /// How many users have answered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nobody has.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Where the id is, or where it would be.
    fn place(&self, id: &str) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.entries.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.id(middle).cmp(id) {
                Ordering::Less => low = middle + 1,
                Ordering::Equal => return Ok(middle),
                Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }

    fn id(&self, place: usize) -> &str {
        &self.ids[self.begin(place)..self.entries[place].end]
    }

    fn begin(&self, place: usize) -> usize {
        place
            .checked_sub(1)
            .map_or(0, |before| self.entries[before].end)
    }

    /// Adds an intention at the end, whether it belongs there or not.
    pub(super) fn push(&mut self, id: &str, intention: Participation) {
        if self.is_empty() {
            self.ids.reserve(FEW * ID_BYTES);
            self.entries.reserve(FEW);
        }
        self.ids.push_str(id);
        self.entries.push(Entry {
            end: self.ids.len(),
            intention,
        });
    }

    /// Whether all ids are in order and none is repeated.
    fn is_in_order(&self) -> bool {
        (1..self.len()).all(|place| self.id(place - 1) < self.id(place))
    }

    /// The same in order. The service that dojang replaces stored them in the order of the answers.
    ///
    /// # Errors
    /// An id that is there twice.
    pub(super) fn in_order(self) -> Result<Self, String> {
        if self.is_in_order() {
            return Ok(self);
        }
        let mut all: Vec<_> = self.iter().collect();
        all.sort_unstable_by_key(|(id, _)| *id);
        let mut sorted = Self::default();
        for (id, intention) in all {
            sorted.push(id, intention);
        }
        let repeated = (1..sorted.len()).find(|place| sorted.id(place - 1) == sorted.id(*place));
        match repeated {
            Some(place) => Err(sorted.id(place).to_owned()),
            None => Ok(sorted),
        }
    }
}

impl<Id: AsRef<str>> FromIterator<(Id, Participation)> for Intentions {
    /// Of an id that comes twice the last intention counts.
    fn from_iter<I: IntoIterator<Item = (Id, Participation)>>(all: I) -> Self {
        let mut intentions = Self::default();
        for (id, intention) in all {
            intentions.insert(id.as_ref(), intention);
        }
        intentions
    }
}

/// What a user intends about a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Participation {
    /// Will come.
    Yes,
    /// Will not come.
    No,
    /// Does not know yet.
    Maybe,
}

impl Participation {
    /// The answer of that exact name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Yes, Self::No, Self::Maybe]
            .into_iter()
            .find(|answer| answer.name() == name)
    }

    /// The name used in requests and stored objects.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Yes => "Yes",
            Self::No => "No",
            Self::Maybe => "Maybe",
        }
    }
}

/// As many answers as many a session has: so much room is made with the first one.
const FEW: usize = 16;
/// Of an id as this service makes them, a UUID.
const ID_BYTES: usize = 36;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    const ALL: [Participation; 3] = [Participation::Yes, Participation::No, Participation::Maybe];

    proptest! {
        #[test]
        fn all_is_as_in_a_map(steps in prop::collection::vec(("[aæ]{0,3}", 0..4_usize), 0..40)) {
            let (mut intentions, mut map) = (Intentions::default(), BTreeMap::new());
            for (id, what) in steps {
                if let Some(intention) = ALL.get(what) {
                    intentions.insert(&id, *intention);
                    map.insert(id.clone(), *intention);
                } else {
                    intentions.remove(&id);
                    map.remove(&id);
                }
                prop_assert_eq!(intentions.get(&id), map.get(&id).copied());
            }
            let found: Vec<_> = intentions.iter().map(|(id, said)| (id.to_owned(), said)).collect();
            prop_assert_eq!(&found, &map.clone().into_iter().collect::<Vec<_>>());
            prop_assert_eq!((intentions.len(), intentions.is_empty()), (map.len(), map.is_empty()));
            // In whatever order they come.
            let mut unordered = Intentions::default();
            for (id, said) in found.iter().rev() {
                unordered.push(id, *said);
            }
            prop_assert_eq!(unordered.in_order(), Ok(intentions.clone()));
            prop_assert_eq!(found.into_iter().rev().collect::<Intentions>(), intentions);
        }
    }

    #[test]
    fn a_repeated_id_is_found_wherever_it_is() {
        for ids in [&["a", "a"][..], &["b", "a", "b"], &["", "a", ""]] {
            let mut intentions = Intentions::default();
            for id in ids {
                intentions.push(id, Participation::Yes);
            }
            assert_eq!(intentions.in_order(), Err(ids[0].to_owned()));
        }
    }
}
