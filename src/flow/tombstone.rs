//! What is left of a flow once its row is written.

use hashbrown::HashTable;

use crate::tcp::SeqNumber;
use crate::time::Timestamp;

/// The last incarnation of a four-tuple whose row is written: enough to recognise late segments and reuse.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tombstone {
    /// The four-tuple, as its keyed 64-bit hash: nobody can choose addresses that collide.
    pub(super) fingerprint: u64,
    /// Flow id.
    pub(super) flow: u64,
    /// Time of its last segment.
    pub(super) end: Timestamp,
    /// The numbers after the last octets of the tuple's low and high endpoint.
    pub(super) next: [SeqNumber; 2],
    pub(super) incarnation: u32,
    /// True when it closed in order (its four-tuple may be in TIME-WAIT).
    pub(super) orderly: bool,
}

/// Tombstones by four-tuple.
#[derive(Debug, Default)]
pub(super) struct Graveyard {
    stones: HashTable<Tombstone>,
}

impl Graveyard {
    /// Puts `stone` in the place of an older one on its four-tuple.
    pub(super) fn bury(&mut self, stone: Tombstone) {
        let same = |other: &Tombstone| other.fingerprint == stone.fingerprint;
        let entry = self.stones.entry(stone.fingerprint, same, |other| other.fingerprint);
        if let hashbrown::hash_table::Entry::Occupied(mut old) = entry {
            if old.get().flow < stone.flow {
                *old.get_mut() = stone;
            }
        } else {
            entry.insert(stone);
        }
    }

    /// The last written incarnation of a four-tuple.
    pub(super) fn find(&self, fingerprint: u64) -> Option<&Tombstone> {
        self.stones.find(fingerprint, |stone| stone.fingerprint == fingerprint)
    }
}
