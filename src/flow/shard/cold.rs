//! Flows that wait packed, out of the way of those in use: idle ones, and those that closed in order.
//!
//! Left among the flows in use they would push these out of the processor's cache, and take three times the memory.

use std::collections::VecDeque;

use super::heap::Heap;
use crate::flow::duplicates::{COPY_WINDOW, Recent};
use crate::flow::live::Live;
use crate::flow::packed::{Packed, Packer, is_packable};
use crate::time::Timestamp;

/// Slots with this bit set name a packed flow.
pub(super) const COLD: u32 = 1 << 31;

/// The packed flows, by slot.
#[derive(Debug, Default)]
pub(super) struct Cold {
    heap: Heap,
    packer: Packer,
    /// The last segments of those that something came for a moment ago: copies may still come.
    recents: VecDeque<Remembered>,
}

#[derive(Debug)]
struct Remembered {
    slot: u32,
    last: Timestamp,
    recent: Recent,
}

impl Cold {
    /// Packs `live`; its slot from then on. `None` when it is not of the kind that can be packed.
    pub(super) fn push(&mut self, live: &mut Live, recent: &Recent, now: Timestamp) -> Option<u32> {
        if !is_packable(live) {
            return None;
        }
        let slot = COLD | self.heap.store(self.packer.pack(live))?;
        while self.recents.front().is_some_and(|oldest| now - oldest.last > COPY_WINDOW) {
            self.recents.pop_front();
        }
        let last = live.last().time;
        if now - last <= COPY_WINDOW {
            self.recents.push_back(Remembered { slot, last, recent: *recent });
        }
        Some(slot)
    }

    /// The flow in `slot`, if that names a packed one.
    #[inline]
    pub(super) fn get(&self, slot: u32) -> Option<Packed<'_>> {
        if slot & COLD == 0 {
            return None;
        }
        Packed::new(self.heap.cell(slot & !COLD)?)
    }

    /// The last segments of the flow in `slot`, if one came a moment ago.
    pub(super) fn recent(&self, slot: u32) -> Recent {
        // The place may have been another flow's a moment ago.
        let last = self.get(slot).map(|packed| packed.last());
        let is_its = |remembered: &&Remembered| remembered.slot == slot && Some(remembered.last) == last;
        let remembered = self.recents.iter().rfind(is_its);
        remembered.map_or_else(Recent::default, |remembered| remembered.recent)
    }

    /// Forgets the flow in `slot`.
    pub(super) fn remove(&mut self, slot: u32) {
        if let Some(words) = self.get(slot).map(|packed| packed.words()) {
            self.heap.give_back(slot & !COLD, words);
        }
    }

    /// Octets in use.
    pub(super) fn octets(&self) -> usize {
        self.heap.octets()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::duplicates::Signature;
    use crate::net::{FourTuple, Role};
    use crate::tcp::Segment;

    #[test]
    fn a_flow_does_not_inherit_what_came_for_another_in_its_place() {
        let at = |seconds: i64, port| {
            let ends = FourTuple::v4([10, 0, 0, 1], [10, 0, 0, 2], (port, 80), 0);
            let time = Timestamp::from_nanos(seconds * 1_000_000_000);
            Segment { time, ip_id: 7, ..Segment::plain(ends) }
        };
        let flow = |segment: &Segment| {
            let mut live = Live::new(segment, Role::Initiator, 0, Vec::new());
            live.observe(segment, Role::Initiator, true);
            live
        };
        let (fresh, idle) = (at(100, 40_000), at(10, 40_001));
        let (signature, mut recent) = (Signature::of(&fresh), Recent::default());
        recent.remember(&fresh, signature);
        let mut cold = Cold::default();
        let slot = cold.push(&mut flow(&fresh), &recent, fresh.time).unwrap();
        assert!(cold.recent(slot).is_copy(&fresh, signature));
        cold.remove(slot);
        assert_eq!(cold.push(&mut flow(&idle), &Recent::default(), fresh.time), Some(slot));
        assert!(!cold.recent(slot).is_copy(&fresh, signature));
    }
}
