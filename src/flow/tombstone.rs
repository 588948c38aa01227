//! What is left of a flow once its row is written.

use super::index::Index;
use crate::tcp::SeqNumber;
use crate::time::Timestamp;

/// The last incarnation of a four-tuple whose row is written: enough to recognise late segments and reuse.
///
/// 28 octets: there are more of them than of anything else.
#[derive(Clone, Copy, Debug)]
#[repr(Rust, packed(4))]
pub(super) struct Tombstone {
    /// The lower half of the four-tuple's keyed 64-bit hash, of which the index has the upper one: nobody can choose
    /// addresses that collide.
    fingerprint: u32,
    /// Flow id (40 bits), incarnation (21 bits), which numbers are known (2 bits: low, high endpoint), and
    /// whether it closed in order (1 bit).
    packed: u64,
    /// Time of its last segment.
    pub(super) end: Timestamp,
    /// See [`Tombstone::next`].
    next: [SeqNumber; 2],
}

const FLOW_BITS: u32 = 40;
const MAX_INCARNATION: u32 = (1 << 21) - 1;
const KNOWN: [u64; 2] = [1 << 61, 1 << 62];
const ORDERLY: u64 = 1 << 63;

impl Tombstone {
    /// What is left on the four-tuple `fingerprint` of the flow `flow`; `orderly` when it closed in order, so that its four-tuple may be in
    /// TIME-WAIT.
    pub(super) fn new(
        fingerprint: u64,
        (flow, incarnation): (u64, u32),
        (end, next): (Timestamp, [Option<SeqNumber>; 2]),
        orderly: bool,
    ) -> Self {
        let incarnation = u64::from(incarnation.min(MAX_INCARNATION)) << FLOW_BITS;
        let [low, high] = next.map(|number| number.is_some());
        let marks = [(low, KNOWN[0]), (high, KNOWN[1]), (orderly, ORDERLY)];
        let marks = marks.into_iter().filter(|(set, _)| *set).fold(0, |sum, (_, bit)| sum | bit);
        let packed = flow & ((1 << FLOW_BITS) - 1) | incarnation | marks;
        Self { fingerprint: lower(fingerprint), packed, end, next: next.map(Option::unwrap_or_default) }
    }

    /// Flow id.
    pub(super) fn flow(&self) -> u64 {
        self.packed & ((1 << FLOW_BITS) - 1)
    }

    /// How many incarnations of the four-tuple there were up to this one.
    pub(super) fn incarnation(&self) -> u32 {
        u32::try_from(self.packed >> FLOW_BITS).unwrap_or(0) & MAX_INCARNATION
    }

    /// The numbers after the last octets of the low and the high endpoint, as far as they are known.
    pub(super) fn next(&self) -> [Option<SeqNumber>; 2] {
        let [low, high] = self.next;
        [(self.packed & KNOWN[0] != 0).then_some(low), (self.packed & KNOWN[1] != 0).then_some(high)]
    }

    /// True when it closed in order.
    pub(super) fn orderly(&self) -> bool {
        self.packed & ORDERLY != 0
    }
}

/// Tombstones at most: 112 MiB, and half as much for their index. Beyond, the oldest give way.
const MOST_STONES: usize = 1 << 22;
/// This part of them gives way at once: it takes a look at the whole index to find their places in it.
const PART: usize = 8;

/// Octets of a tombstone and its place in the index, at least.
const OCTETS: u64 = 40;

/// Tombstones by four-tuple. They lie in order of burial; burying touches little memory besides the end.
#[derive(Debug)]
pub(super) struct Graveyard {
    /// Tombstones at most.
    most: usize,
    stones: Vec<Tombstone>,
    index: Index,
    /// Tombstones that gave way: the next to go lies at this place, modulo `most`.
    forgotten: u64,
    /// Those of them in whose place another lies.
    replaced: u64,
}

impl Graveyard {
    /// An empty one of so many octets at most, or 168 MiB.
    pub(super) fn within(octets: Option<u64>) -> Self {
        let most = octets.and_then(|octets| usize::try_from(octets / OCTETS).ok());
        let most = most.map_or(MOST_STONES, |most| most.clamp(1, MOST_STONES));
        Self { most, stones: Vec::new(), index: Index::default(), forgotten: 0, replaced: 0 }
    }

    /// Octets that it takes.
    pub(super) fn octets(&self) -> usize {
        self.stones.len() * size_of::<Tombstone>() + self.index.octets()
    }

    /// Puts `stone` in the place of an older one on its four-tuple, which is `fingerprint`.
    pub(super) fn bury(&mut self, fingerprint: u64, stone: Tombstone) {
        if let Some(place) = self.place(fingerprint)
            && let Some(old) = self.stones.get_mut(place as usize)
        {
            if old.flow() < stone.flow() {
                *old = stone;
            }
            return;
        }
        let place = if self.stones.len() < self.most {
            self.stones.push(stone);
            self.stones.len() - 1
        } else {
            self.replace_oldest(stone)
        };
        if let Ok(place) = u32::try_from(place) {
            self.index.insert(fingerprint, place);
        }
    }

    /// Tombstones that gave way to others.
    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    #[cold]
    fn replace_oldest(&mut self, stone: Tombstone) -> usize {
        if self.replaced == self.forgotten {
            self.forget_oldest();
        }
        let oldest = self.round(self.replaced);
        self.replaced += 1;
        if let Some(old) = self.stones.get_mut(oldest) {
            *old = stone;
        }
        oldest
    }

    fn forget_oldest(&mut self) {
        let (most, part) = (self.most, self.most.div_ceil(PART));
        let first = self.round(self.forgotten);
        self.index.retain(|place| (place as usize + most - first) % most >= part);
        self.forgotten += part as u64;
    }

    /// The place of the `count`th tombstone that is buried, going around.
    fn round(&self, count: u64) -> usize {
        usize::try_from(count % self.most as u64).unwrap_or(0)
    }

    /// The last written incarnation of a four-tuple.
    pub(super) fn find(&self, fingerprint: u64) -> Option<&Tombstone> {
        self.stones.get(self.place(fingerprint)? as usize)
    }

    /// Reads what a look-up will need.
    pub(super) fn touch(&self, fingerprint: u64) {
        self.index.touch(fingerprint);
    }

    fn place(&self, fingerprint: u64) -> Option<u32> {
        let lower = lower(fingerprint);
        let same =
            |place: u32| self.stones.get(place as usize).is_some_and(|stone| stone.fingerprint == lower);
        self.index.find(fingerprint, same)
    }
}

/// The lower half of a fingerprint.
#[expect(clippy::cast_possible_truncation, reason = "the lower half")]
const fn lower(fingerprint: u64) -> u32 {
    fingerprint as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_eighth_gives_way_when_there_are_too_many() {
        const MOST: u64 = 100;
        let fingerprint = |flow: u64| flow.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut graveyard = Graveyard::within(Some(MOST * OCTETS));
        for flow in 1..=1000 {
            let stone = Tombstone::new(fingerprint(flow), (flow, 1), (Timestamp::MIN, [None; 2]), true);
            graveyard.bury(fingerprint(flow), stone);
            let forgotten = graveyard.forgotten();
            assert!(forgotten <= flow && flow - forgotten <= MOST);
            assert!(flow <= MOST || flow - forgotten > MOST - MOST.div_ceil(PART as u64));
            let is_known =
                |other: u64| graveyard.find(fingerprint(other)).map(Tombstone::flow) == Some(other);
            assert!((1..=flow).all(|other| is_known(other) == (other > forgotten)));
        }
    }
}
