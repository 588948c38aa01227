//! What is left of a flow once its row is written.

use super::index::Index;
use crate::tcp::SeqNumber;
use crate::time::Timestamp;

/// The last incarnation of a four-tuple whose row is written: enough to recognise late segments and reuse.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tombstone {
    /// The four-tuple, as its keyed 64-bit hash: nobody can choose addresses that collide.
    pub(super) fingerprint: u64,
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
    /// What is left of the flow `flow`; `orderly` when it closed in order, so that its four-tuple may be in
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
        Self { fingerprint, packed, end, next: next.map(Option::unwrap_or_default) }
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

/// Tombstones at most: 128 MiB, and half as much for their index. Beyond, the oldest give way.
const MOST_STONES: usize = 1 << 22;

/// Octets of a tombstone and its place in the index, at least.
const OCTETS: u64 = 44;

/// Tombstones by four-tuple. They lie in order of burial; burying touches little memory besides the end.
#[derive(Debug)]
pub(super) struct Graveyard {
    /// Tombstones at most.
    most: usize,
    stones: Vec<Tombstone>,
    index: Index,
    /// Tombstones that gave way: the next to go lies at this place, modulo `most`.
    forgotten: u64,
}

impl Graveyard {
    /// An empty one of so many octets at most, or 192 MiB.
    pub(super) fn within(octets: Option<u64>) -> Self {
        let most = octets.and_then(|octets| usize::try_from(octets / OCTETS).ok());
        let most = most.map_or(MOST_STONES, |most| most.clamp(1, MOST_STONES));
        Self { most, stones: Vec::new(), index: Index::default(), forgotten: 0 }
    }

    /// Octets that it takes.
    pub(super) fn octets(&self) -> usize {
        self.stones.len() * size_of::<Tombstone>() + self.index.octets()
    }

    /// Puts `stone` in the place of an older one on its four-tuple.
    pub(super) fn bury(&mut self, stone: Tombstone) {
        if let Some(place) = self.place(stone.fingerprint)
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
            self.index.insert(stone.fingerprint, place);
        }
    }

    /// Tombstones that gave way to others.
    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    #[cold]
    fn replace_oldest(&mut self, stone: Tombstone) -> usize {
        let oldest = usize::try_from(self.forgotten % self.most as u64).unwrap_or(0);
        self.forgotten += 1;
        if let Some(old) = self.stones.get_mut(oldest) {
            let fingerprint = std::mem::replace(old, stone).fingerprint;
            self.index.remove(fingerprint, u32::try_from(oldest).unwrap_or(u32::MAX));
        }
        oldest
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
        let same = |place: u32| {
            self.stones.get(place as usize).is_some_and(|stone| stone.fingerprint == fingerprint)
        };
        self.index.find(fingerprint, same)
    }
}
