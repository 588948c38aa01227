//! What is left of a flow once its row is written.

use super::index::Index;
use crate::tcp::SeqNumber;
use crate::time::Timestamp;

/// The last incarnation of a four-tuple whose row is written: enough to recognise late segments and reuse.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tombstone {
    /// The four-tuple, as its keyed 64-bit hash: nobody can choose addresses that collide.
    pub(super) fingerprint: u64,
    /// Flow id (40 bits), incarnation (23 bits), and whether it closed in order (1 bit).
    packed: u64,
    /// Time of its last segment.
    pub(super) end: Timestamp,
    /// The numbers after the last octets of the tuple's low and high endpoint.
    pub(super) next: [SeqNumber; 2],
}

const FLOW_BITS: u32 = 40;
const MAX_INCARNATION: u32 = (1 << 23) - 1;
const ORDERLY: u64 = 1 << 63;

impl Tombstone {
    /// What is left of the flow `flow`; `orderly` when it closed in order, so that its four-tuple may be in
    /// TIME-WAIT.
    pub(super) fn new(
        fingerprint: u64,
        (flow, incarnation): (u64, u32),
        (end, next): (Timestamp, [SeqNumber; 2]),
        orderly: bool,
    ) -> Self {
        let incarnation = u64::from(incarnation.min(MAX_INCARNATION)) << FLOW_BITS;
        let packed = flow & ((1 << FLOW_BITS) - 1) | incarnation | if orderly { ORDERLY } else { 0 };
        Self { fingerprint, packed, end, next }
    }

    /// Flow id.
    pub(super) fn flow(&self) -> u64 {
        self.packed & ((1 << FLOW_BITS) - 1)
    }

    /// How many incarnations of the four-tuple there were up to this one.
    pub(super) fn incarnation(&self) -> u32 {
        u32::try_from((self.packed & !ORDERLY) >> FLOW_BITS).unwrap_or(MAX_INCARNATION)
    }

    /// True when it closed in order.
    pub(super) fn orderly(&self) -> bool {
        self.packed & ORDERLY != 0
    }
}

/// Tombstones by four-tuple. They lie in order of burial; burying touches little memory besides the end.
#[derive(Debug, Default)]
pub(super) struct Graveyard {
    stones: Vec<Tombstone>,
    index: Index,
}

impl Graveyard {
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
        if let Ok(place) = u32::try_from(self.stones.len()) {
            self.stones.push(stone);
            self.index.insert(stone.fingerprint, place);
        }
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
