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
        let remembered = self.recents.iter().rfind(|remembered| remembered.slot == slot);
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
