//! From the number that a flow has in its part of the table to that which it has among all.

use std::collections::{BTreeMap, VecDeque};

/// Flows in one block: their numbers are told from the first one's.
const BLOCK: usize = 64;
/// A step that an octet cannot say.
const FAR: u8 = u8::MAX;

/// Numbers flows in the order in which they began, whichever part they are in.
#[derive(Debug)]
pub(super) struct Numbers {
    parts: Vec<Part>,
    /// Flows numbered so far.
    count: u64,
}

#[derive(Debug, Default)]
struct Part {
    /// Where the flows began that have no number yet.
    waiting: VecDeque<u64>,
    numbers: Ascending,
}

impl Numbers {
    pub(super) fn new(parts: usize) -> Self {
        Self { parts: (0..parts).map(|_| Part::default()).collect(), count: 0 }
    }

    /// Takes the places of the input at which the next flows of `part` began.
    pub(super) fn note(&mut self, part: usize, begun: impl Iterator<Item = u64>) {
        if let Some(part) = self.parts.get_mut(part) {
            part.waiting.extend(begun);
        }
    }

    /// All flows that began up to `place` were noted: they get their numbers.
    pub(super) fn settle(&mut self, place: u64) {
        loop {
            let next = self.parts.iter_mut().filter_map(|part| Some((*part.waiting.front()?, part)));
            let Some((begun, next)) = next.min_by_key(|(begun, _)| *begun) else { return };
            if begun > place {
                return;
            }
            next.waiting.pop_front();
            next.numbers.push(self.count);
            self.count += 1;
        }
    }

    /// The number among all flows of the flow `number` of `part`, which is settled.
    pub(super) fn of(&self, part: usize, number: u64) -> u64 {
        self.parts.get(part).and_then(|part| part.numbers.get(number)).unwrap_or(number)
    }
}

/// Ascending numbers, little more than an octet each.
#[derive(Debug, Default)]
struct Ascending {
    /// The first number of each block.
    firsts: Vec<u64>,
    /// How much more each number is than the one before.
    steps: Vec<u8>,
    /// Steps that are [`FAR`], by place.
    far: BTreeMap<usize, u64>,
    last: u64,
}

impl Ascending {
    fn push(&mut self, number: u64) {
        if self.steps.len().is_multiple_of(BLOCK) {
            self.firsts.push(number);
        }
        let step = number - self.last;
        self.last = number;
        let octet = u8::try_from(step).unwrap_or(FAR);
        if octet == FAR {
            self.far.insert(self.steps.len(), step);
        }
        self.steps.push(octet);
    }

    fn get(&self, place: u64) -> Option<u64> {
        let place = usize::try_from(place).ok()?;
        let block = place / BLOCK;
        let steps = self.steps.get(block * BLOCK + 1..=place)?;
        let far = steps.contains(&FAR).then(|| {
            let far = self.far.range(block * BLOCK + 1..=place);
            far.map(|(_, step)| step - u64::from(FAR)).sum::<u64>()
        });
        let steps = steps.iter().map(|step| u64::from(*step)).sum::<u64>();
        Some(self.firsts.get(block)? + steps + far.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn flows_are_numbered_in_the_order_in_which_they_began(parts in prop::collection::vec(0..3_usize, 1..2000)) {
            let mut numbers = Numbers::new(3);
            let mut own = [0_u64; 3];
            let mut expected = Vec::new();
            for (global, part) in (0_u64..).zip(parts) {
                numbers.note(part, std::iter::once(global * 7));
                expected.push((part, own[part], global));
                own[part] += 1;
            }
            numbers.settle(u64::MAX);
            for (part, own, global) in expected.into_iter().rev() {
                prop_assert_eq!(numbers.of(part, own), global);
            }
        }
    }

    #[test]
    fn steps_may_be_large() {
        let all = [0, 1, 255, 256, 511, 1_000_000, 1_000_001, 5_000_000_000];
        let mut numbers = Ascending::default();
        for _ in 0..40 {
            let base = numbers.last + u64::from(numbers.last > 0);
            for number in all {
                numbers.push(base + number);
            }
        }
        let mut base = 0;
        for round in 0..40 {
            for (place, number) in (0..).zip(all) {
                assert_eq!(numbers.get(round * 8 + place), Some(base + number));
            }
            base += 5_000_000_001;
        }
        assert_eq!(numbers.get(320), None);
    }
}
