//! A hash index: from a keyed hash to a slot elsewhere, eight octets an entry, one cache line a look-up.
//!
//! A general hash map costs two cache misses a look-up (control octets and entry) and cannot be asked to
//! fetch a line ahead of its use. With a million flows the misses are the cost, so this index is its own:
//! linear probing over entries of 32 hash bits and a 32-bit slot. What lies in the slot is compared by the
//! caller. The hash is keyed by a seed drawn at run time, so nobody can choose four-tuples that collide.

/// Entries per place at most: beyond this load the index grows. Linear probing stays short up to here.
const MAX_LOAD: (usize, usize) = (5, 8);
const FIRST_CAPACITY: usize = 1 << 10;
/// From this many places on it grows by less than its double at a time: the room is felt more than the work.
const MANY: usize = 1 << 16;
const EMPTY: u64 = 0;

/// From hashes to slots. Several slots may stand under one hash.
#[derive(Debug)]
pub(super) struct Index {
    /// Upper half: hash bits; lower half: slot plus one. They lie in the order of their hash bits, but for the wrap at
    /// the end.
    entries: Vec<u64>,
    used: usize,
}

impl Default for Index {
    fn default() -> Self {
        Self { entries: vec![EMPTY; FIRST_CAPACITY], used: 0 }
    }
}

impl Index {
    /// Reads the line that a look-up of `hash` will need.
    #[inline]
    pub(super) fn touch(&self, hash: u64) {
        let place = self.place_of(tag_of(hash));
        std::hint::black_box(self.entries.get(place).copied());
    }

    /// The first slot under `hash` that `is_it`.
    #[inline]
    pub(super) fn find(&self, hash: u64, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let tag = tag_of(hash);
        let mut place = self.place_of(tag);
        loop {
            let entry = *self.entries.get(place)?;
            if entry == EMPTY {
                return None;
            }
            if tag_in(entry) == tag && is_it(slot_in(entry)) {
                return Some(slot_in(entry));
            }
            place = self.after(place);
        }
    }

    /// Adds `slot` under `hash`.
    pub(super) fn insert(&mut self, hash: u64, slot: u32) {
        if (self.used + 1) * MAX_LOAD.1 > self.entries.len() * MAX_LOAD.0 {
            self.grow();
        }
        self.used += 1;
        self.put(u64::from(tag_of(hash)) << 32 | u64::from(slot.wrapping_add(1)));
    }

    /// Puts `new` in the place of `old` under `hash`; false when `old` is not there.
    pub(super) fn replace(&mut self, hash: u64, old: u32, new: u32) -> bool {
        let Some(place) = self.place_holding(hash, old) else { return false };
        if let Some(entry) = self.entries.get_mut(place) {
            *entry = *entry >> 32 << 32 | u64::from(new.wrapping_add(1));
        }
        true
    }

    /// Takes `slot` out from under `hash`; false when it is not there.
    pub(super) fn remove(&mut self, hash: u64, slot: u32) -> bool {
        let Some(mut hole) = self.place_holding(hash, slot) else { return false };
        self.used -= 1;
        // Linear probing leaves no holes: later entries of the run move up as far as their own place allows.
        let mut place = hole;
        loop {
            place = self.after(place);
            let entry = self.entries.get(place).copied().unwrap_or(EMPTY);
            if entry == EMPTY {
                break;
            }
            let own_place = self.place_of(tag_in(entry));
            if self.steps(own_place, place) >= self.steps(hole, place) {
                self.set(hole, entry);
                hole = place;
            }
        }
        self.set(hole, EMPTY);
        true
    }

    /// Every slot, in no order.
    pub(super) fn slots(&self) -> impl Iterator<Item = u32> {
        self.entries.iter().filter(|entry| **entry != EMPTY).map(|&entry| slot_in(entry))
    }

    /// Takes out all slots that have an id, in the order of the ids. Sorts in place: with millions of flows, a list of
    /// them beside the index would be felt.
    pub(super) fn take_sorted(&mut self, id: &dyn Fn(u32) -> Option<u64>) -> SortedSlots {
        self.used = 0;
        let mut entries = std::mem::take(&mut self.entries);
        entries.retain(|&entry| entry != EMPTY && id(slot_in(entry)).is_some());
        let id = |slot| id(slot).unwrap_or_default();
        let ids = || entries.iter().map(|&entry| id(slot_in(entry)));
        let (least, most) = (ids().min().unwrap_or_default(), ids().max().unwrap_or_default());
        if most - least < 1 << 32 {
            for entry in &mut entries {
                *entry = (id(slot_in(*entry)) - least) << 32 | *entry & u64::from(u32::MAX);
            }
            entries.sort_unstable();
        } else {
            entries.sort_unstable_by_key(|&entry| id(slot_in(entry)));
        }
        SortedSlots(entries.into_iter())
    }

    /// Octets that it takes.
    pub(super) fn octets(&self) -> usize {
        self.entries.len() * size_of::<u64>()
    }

    fn place_holding(&self, hash: u64, slot: u32) -> Option<usize> {
        let wanted = u64::from(tag_of(hash)) << 32 | u64::from(slot.wrapping_add(1));
        let mut place = self.place_of(tag_of(hash));
        loop {
            match *self.entries.get(place)? {
                EMPTY => return None,
                entry if entry == wanted => return Some(place),
                _ => place = self.after(place),
            }
        }
    }

    /// Takes out all slots but those that `stay`.
    pub(super) fn retain(&mut self, stay: impl Fn(u32) -> bool) {
        self.move_to(self.entries.len(), stay);
    }

    #[cold]
    fn grow(&mut self) {
        let places = self.entries.len();
        // A power of two, and half as many more, by turns.
        let more = match places {
            ..MANY => places,
            _ if places.is_power_of_two() => places / 2,
            _ => places / 3,
        };
        self.move_to(places + more, |_| true);
    }

    /// Moves the slots that `stay` to as many new `places`.
    fn move_to(&mut self, places: usize, stay: impl Fn(u32) -> bool) {
        let mut used = 0;
        for entry in std::mem::replace(&mut self.entries, vec![EMPTY; places]) {
            if entry != EMPTY && stay(slot_in(entry)) {
                self.put(entry);
                used += 1;
            }
        }
        self.used = used;
    }

    fn put(&mut self, entry: u64) {
        let mut place = self.place_of(tag_in(entry));
        while self.entries.get(place).is_some_and(|&other| other != EMPTY) {
            place = self.after(place);
        }
        self.set(place, entry);
    }

    #[inline]
    fn set(&mut self, place: usize, entry: u64) {
        if let Some(slot) = self.entries.get_mut(place) {
            *slot = entry;
        }
    }

    /// As far from the front as `tag` is in all of them.
    #[inline]
    fn place_of(&self, tag: u32) -> usize {
        ((u64::from(tag) * self.entries.len() as u64) >> 32) as usize
    }

    #[inline]
    fn after(&self, place: usize) -> usize {
        if place + 1 < self.entries.len() { place + 1 } else { 0 }
    }

    /// The most entries that a look-up may have to pass.
    #[cfg(test)]
    pub(super) fn longest_run(&self) -> usize {
        self.entries.split(|entry| *entry == EMPTY).map(<[u64]>::len).max().unwrap_or(0)
    }

    /// From `from` on to `to`, around the end.
    fn steps(&self, from: usize, to: usize) -> usize {
        if to < from { to + self.entries.len() - from } else { to - from }
    }
}

/// Slots in the order of their ids, in the memory of the index that held them.
#[derive(Debug)]
pub(super) struct SortedSlots(std::vec::IntoIter<u64>);

impl SortedSlots {
    /// The next slot.
    pub(super) fn first(&self) -> Option<u32> {
        self.0.as_slice().first().map(|&entry| slot_in(entry))
    }

    /// Goes on to the one behind.
    pub(super) fn pass(&mut self) {
        self.0.next();
    }
}

#[inline]
const fn tag_of(hash: u64) -> u32 {
    (hash >> 32) as u32
}

#[inline]
const fn tag_in(entry: u64) -> u32 {
    tag_of(entry)
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the lower half")]
const fn slot_in(entry: u64) -> u32 {
    (entry as u32).wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_finds_what_a_map_finds(steps in prop::collection::vec((0_u64..64, 0_u32..3), 0..3000)) {
            let mut index = Index::default();
            let mut map = BTreeMap::new();
            for (number, (key, action)) in (0_u32..).zip(steps) {
                // Few hash bits, so that runs are long and wrap around the end.
                let hash = (u64::from(u32::MAX) - ((key % 8) << 22)) << 32 | key;
                match (action, map.get(&key).copied()) {
                    (0, None) => {
                        index.insert(hash, number);
                        map.insert(key, number);
                    }
                    (1, Some(slot)) => {
                        prop_assert!(index.remove(hash, slot));
                        map.remove(&key);
                    }
                    (2, Some(slot)) => {
                        prop_assert!(index.replace(hash, slot, number));
                        map.insert(key, number);
                    }
                    _ => {}
                }
                for (&key, &slot) in &map {
                    let hash = (u64::from(u32::MAX) - ((key % 8) << 22)) << 32 | key;
                    prop_assert_eq!(index.find(hash, |found| found == slot), Some(slot));
                }
                prop_assert_eq!(index.used, map.len());
            }
        }
    }

    #[test]
    fn growing_keeps_everything() {
        let mut index = Index::default();
        let hash = |slot: u32| u64::from(slot).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for slot in 0..100_000 {
            index.insert(hash(slot), slot);
        }
        assert!((0..100_000).all(|slot| index.find(hash(slot), |found| found == slot) == Some(slot)));
        assert_eq!(index.find(hash(100_001), |_| true), None);
        assert_eq!(index.octets(), (3 << 16) * size_of::<u64>());
        index.retain(|slot| slot % 8 == 1);
        assert_eq!((index.used, index.slots().count()), (12_500, 12_500));
        let kept = |slot: u32| index.find(hash(slot), |found| found == slot).is_some();
        assert!((0..100_000).all(|slot| kept(slot) == (slot % 8 == 1)));
    }
}
