//! A map that stops growing and says so.

use std::collections::BTreeMap;

/// At most [`Bounded::CAP`] keys; updates of further ones are only counted.
#[derive(Clone, Debug)]
pub struct Bounded<K, V> {
    entries: BTreeMap<K, V>,
    left_out: u64,
}

impl<K, V> Default for Bounded<K, V> {
    fn default() -> Self {
        Self { entries: BTreeMap::new(), left_out: 0 }
    }
}

impl<K: Ord, V: Default> Bounded<K, V> {
    /// The most keys that are kept.
    pub const CAP: usize = 10_000;

    /// Changes the value of `key`, which begins as the default.
    pub fn update(&mut self, key: K, change: impl FnOnce(&mut V)) {
        if self.entries.len() < Self::CAP || self.entries.contains_key(&key) {
            change(self.entries.entry(key).or_default());
        } else {
            self.left_out += 1;
        }
    }

    /// The entries in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter()
    }

    /// How many keys are kept.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True when nothing was added.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Updates of keys that were not kept.
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_beyond_the_cap_are_counted() {
        let mut map: Bounded<usize, u64> = Bounded::default();
        for key in 0..Bounded::<usize, u64>::CAP + 5 {
            map.update(key, |value| *value += 1);
        }
        map.update(0, |value| *value += 1);
        assert_eq!((map.len(), map.left_out()), (10_000, 5));
        assert_eq!(map.iter().next(), Some((&0, &2)));
    }
}
