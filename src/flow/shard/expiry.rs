//! Which flows are to be looked at once a second of capture time is over.

use std::collections::BTreeMap;

/// Slots by the second of capture time after which they are looked at.
#[derive(Debug, Default)]
pub(super) struct Expiry {
    buckets: BTreeMap<i64, Vec<u32>>,
    /// The bucket that was filled last, taken out: the next slot is most likely for the same second.
    open: (i64, Vec<u32>),
}

impl Expiry {
    /// Puts `slot` down for `second`.
    #[inline]
    pub(super) fn push(&mut self, second: i64, slot: u32) {
        if second != self.open.0 {
            self.turn_to(second);
        }
        self.open.1.push(slot);
    }

    /// Takes the slots of the first second before `end` that has any, and that second.
    pub(super) fn take_before(&mut self, end: i64) -> Option<(i64, Vec<u32>)> {
        // No slot is put down for this one: whatever is open is closed.
        self.turn_to(i64::MAX);
        let first = self.buckets.first_entry().filter(|first| *first.key() < end)?;
        Some(first.remove_entry())
    }

    #[cold]
    fn turn_to(&mut self, second: i64) {
        let slots = self.buckets.remove(&second).unwrap_or_default();
        let (before, slots) = std::mem::replace(&mut self.open, (second, slots));
        if !slots.is_empty() {
            self.buckets.insert(before, slots);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_come_back_by_seconds_each_in_the_order_in_which_it_was_put_down() {
        let mut expiry = Expiry::default();
        for (second, slot) in [(5, 1), (5, 2), (3, 3), (5, 4), (4, 5), (3, 6)] {
            expiry.push(second, slot);
        }
        assert_eq!(expiry.take_before(5), Some((3, vec![3, 6])));
        expiry.push(4, 7);
        assert_eq!(expiry.take_before(5), Some((4, vec![5, 7])));
        assert_eq!(expiry.take_before(5), None);
        assert_eq!(expiry.take_before(6), Some((5, vec![1, 2, 4])));
        assert_eq!(expiry.take_before(i64::MAX), None);
    }
}
