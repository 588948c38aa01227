//! One description of a layout that serves both ways: it writes values, or reads them back.

use super::WORD;
use crate::flow::facts::RecordRef;
use crate::tcp::SeqNumber;
use crate::time::Timestamp;

/// Takes values one after the other: writes them, or puts what was written in their place.
pub(super) trait Pass {
    /// True when it reads: what is only needed then is left out where it writes.
    const READS: bool;

    /// A number, in as few octets as it needs.
    fn number(&mut self, number: &mut u64);
    /// The lowest `count` octets of a word, eight at most.
    fn word(&mut self, word: &mut u64, count: usize);

    /// A word of `count` octets that says several things: made where it is written only.
    #[inline]
    fn code(&mut self, count: usize, made: impl FnOnce() -> u64) -> u64 {
        let mut word = if Self::READS { 0 } else { made() };
        self.word(&mut word, count);
        word
    }

    /// Two octets.
    #[inline]
    fn pair(&mut self, pair: &mut u16) {
        let mut word = u64::from(*pair);
        self.word(&mut word, 2);
        let [low, high, ..] = word.to_le_bytes();
        *pair = u16::from_le_bytes([low, high]);
    }

    /// One octet.
    #[inline]
    fn octet(&mut self, octet: &mut u8) {
        let mut word = u64::from(*octet);
        self.word(&mut word, 1);
        [*octet, ..] = word.to_le_bytes();
    }

    /// A number of either sign, short near 0: 0, -1, 1, -2, … are taken as 0, 1, 2, 3, ….
    #[inline]
    fn signed(&mut self, number: &mut i64) {
        let mut folded = (*number << 1 ^ *number >> 63).cast_unsigned();
        self.number(&mut folded);
        *number = (folded >> 1).cast_signed() ^ -(folded & 1).cast_signed();
    }

    /// A number of a smaller type.
    #[inline]
    fn small<T: Copy + Default + Into<u64> + TryFrom<u64>>(&mut self, small: &mut T) {
        let mut number = (*small).into();
        self.number(&mut number);
        *small = T::try_from(number).unwrap_or_default();
    }

    /// How many, or which.
    #[inline]
    fn count(&mut self, count: &mut usize) {
        let mut number = *count as u64;
        self.number(&mut number);
        *count = usize::try_from(number).unwrap_or_default();
    }

    /// A sequence number, most likely at `near` or shortly after.
    #[inline]
    fn seq(&mut self, seq: &mut SeqNumber, near: SeqNumber) {
        let mut away = i64::from(seq.distance(near));
        self.signed(&mut away);
        *seq = near.add(i32::try_from(away).unwrap_or_default().cast_unsigned());
    }

    /// A capture time near another.
    #[inline]
    fn time(&mut self, time: &mut Timestamp, near: Timestamp) {
        let mut away = time.nanos().wrapping_sub(near.nanos());
        self.signed(&mut away);
        *time = Timestamp::from_nanos(near.nanos().wrapping_add(away));
    }

    /// A record near another.
    #[inline]
    fn record(&mut self, record: &mut u64, near: u64) {
        let mut away = record.wrapping_sub(near).cast_signed();
        self.signed(&mut away);
        *record = near.wrapping_add(away.cast_unsigned());
    }

    /// A record and its time near those of another.
    #[inline]
    fn at(&mut self, at: &mut RecordRef, near: RecordRef) {
        self.record(&mut at.record, near.record);
        self.time(&mut at.time, near.time);
    }
}

/// More than any packed flow takes.
const ROOM: usize = 1 << 11;

/// Where values are written. A number's length is told by its lowest bits: so many zeros and a one stand before as many
/// times seven bits, so that a number is one load or store and no loop.
#[derive(Debug)]
pub(super) struct Sink {
    octets: Box<[u8; ROOM + WORD]>,
    length: usize,
}

impl Default for Sink {
    fn default() -> Self {
        Self { octets: Box::new([0; ROOM + WORD]), length: 0 }
    }
}

impl Sink {
    /// Forgets what was written.
    pub(super) fn clear(&mut self) {
        self.length = 0;
    }

    /// What was written.
    pub(super) fn octets(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or_default()
    }

    /// What was written, to be amended.
    pub(super) fn octets_mut(&mut self) -> &mut [u8] {
        self.octets.get_mut(..self.length).unwrap_or_default()
    }

    /// Adds a word, and counts `count` octets of it.
    #[inline]
    pub(super) fn put(&mut self, word: u64, count: usize) {
        // Never too long: the remainder tells the compiler so.
        let at = self.length % ROOM;
        if let Some(place) = self.octets.get_mut(at..at + WORD) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        self.length = at + count;
    }
}

impl Pass for Sink {
    const READS: bool = false;

    #[inline]
    fn number(&mut self, number: &mut u64) {
        let number = *number;
        let bits = 64 - (number | 1).leading_zeros();
        // A seventh, rounded up; exact for all numbers of bits there are.
        let count = (bits * 9 + 64) >> 6;
        if count <= 8 {
            self.put((number << 1 | 1) << (count - 1), count as usize);
        } else {
            self.put(0, 1);
            self.put(number, 8);
        }
    }

    #[inline]
    fn word(&mut self, word: &mut u64, count: usize) {
        self.put(*word, count);
    }
}

/// Where values are read that a [`Sink`] took.
#[derive(Debug)]
pub(super) struct Source<'a>(pub(super) &'a [u8]);

impl Source<'_> {
    /// The next eight octets, of which `count` are passed.
    #[inline]
    fn take(&mut self, count: impl Fn(u64) -> usize) -> u64 {
        let word = match self.0.first_chunk() {
            Some(word) => u64::from_le_bytes(*word),
            None => self.last_word(),
        };
        self.0 = self.0.get(count(word)..).unwrap_or_default();
        word
    }

    #[cold]
    fn last_word(&self) -> u64 {
        let mut word = [0; 8];
        word.iter_mut().zip(self.0).for_each(|(to, from)| *to = *from);
        u64::from_le_bytes(word)
    }
}

impl Pass for Source<'_> {
    const READS: bool = true;

    #[inline]
    fn number(&mut self, number: &mut u64) {
        let zeros = |word: u64| (word | 1 << 8).trailing_zeros();
        // Behind eight zeros the number stands in full.
        let word = self.take(|word| (zeros(word) & 7) as usize + 1);
        *number = match zeros(word) {
            8 => self.take(|_| 8),
            zeros => word << (56 - 8 * zeros) >> (57 - 7 * zeros),
        };
    }

    #[inline]
    fn word(&mut self, word: &mut u64, count: usize) {
        *word = self.take(|_| count) & u64::MAX >> (64 - 8 * count);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_come_back(numbers in prop::collection::vec((any::<u64>(), 0..64_u32, any::<u8>()), 0..50)) {
            let numbers: Vec<_> = numbers.into_iter().map(|(number, bits, octet)| (number >> bits, octet)).collect();
            let mut sink = Sink::default();
            for (mut number, mut octet) in numbers.clone() {
                sink.number(&mut number);
                sink.signed(&mut number.cast_signed());
                sink.octet(&mut octet);
            }
            let mut source = Source(sink.octets());
            for expected in numbers {
                let (mut number, mut signed, mut octet) = (0, 0, 0);
                source.number(&mut number);
                source.signed(&mut signed);
                source.octet(&mut octet);
                prop_assert_eq!((number, octet), expected);
                prop_assert_eq!(signed, expected.0.cast_signed());
            }
        }
    }
}
