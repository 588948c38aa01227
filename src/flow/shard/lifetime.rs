//! When a flow is finished, and how it leaves the table.

use super::cold::COLD;
use super::{Due, Shard, grave_of, hash_words};
use crate::flow::clock::second_of;
use crate::flow::finished::{Outlet, Terms};
use crate::flow::index::SortedSlots;
use crate::flow::live::{NEVER, NONE, RETIRED};
use crate::flow::tombstone::Tombstone;
use crate::time::Timestamp;

/// Resting flows are finished one after the other; this many later the next fetches have arrived.
const LOOK_AHEAD: usize = 4;

impl Shard {
    /// Notes when the flow in `slot`, which has a deadline, is to be looked at next.
    pub(super) fn schedule(&mut self, slot: u32) {
        let Some(Some(live)) = self.slots.get(slot as usize) else { return };
        if live.may_rest() && self.put_away(slot) {
            return;
        }
        let Some(Some(live)) = self.slots.get(slot as usize) else { return };
        // Most deadlines come nearer once the last ACK is seen: looking early saves a second entry.
        let quiet_since = live.last().time.max(self.moment.clock.watermark());
        let look = second_of(live.deadline.min(quiet_since + self.limits.linger));
        if look < live.queued_for {
            self.queue(slot, look);
        }
    }

    /// Puts the flow in `slot` down to be looked at once `second` is over.
    pub(super) fn queue(&mut self, slot: u32, second: i64) {
        let Some(Some(live)) = self.slots.get_mut(slot as usize) else { return };
        live.queued_for = second;
        self.expiry.push(second, slot);
    }

    /// Gathers all flows whose deadline lies before `second` and has come, in the order of their deadlines: see
    /// [`Self::next_due`].
    pub(in crate::flow) fn gather_due(&mut self, second: i64) {
        self.due.clear();
        self.passed = 0;
        self.due.append(&mut self.finished);
        while let Some((at, slots)) = self.expiry.take_before(second) {
            for slot in slots {
                let due = self.come_due(slot, at, second);
                self.due.extend(due);
            }
        }
        self.due.sort_unstable();
        // A cell that was used again within the second is there twice.
        self.due.dedup();
    }

    /// The next of the flows gathered: its deadline and id.
    #[inline]
    pub(in crate::flow) fn next_due(&self) -> Option<(Timestamp, u64)> {
        self.due.get(self.passed).map(|&(deadline, id, _)| (deadline, id))
    }

    /// Hands out the next of the flows gathered.
    pub(in crate::flow) fn close_due(&mut self, out: &mut Outlet<'_>) {
        let Some(&(deadline, _, slot)) = self.due.get(self.passed) else { return };
        if let Some(&(_, _, later)) = self.due.get(self.passed + LOOK_AHEAD) {
            self.touch(later);
        }
        self.passed += 1;
        if slot & COLD != 0 {
            self.bury_packed(slot);
            self.close_packed(slot, (deadline, false), out);
        } else {
            self.unlink(slot);
            self.close(slot, deadline, out);
        }
    }

    /// Gathers all flows that are left, in the order of their ids: the input has ended.
    pub(in crate::flow) fn gather_left(&mut self) -> Left {
        let mut in_use: Vec<(u64, u32)> = (0..)
            .zip(&self.slots)
            .filter_map(|(slot, live)| Some((live.as_ref()?.first.record, slot)))
            .collect();
        in_use.sort_unstable();
        let packed = self.index.take_sorted(&|slot| Some(self.cold.get(slot)?.id()));
        Left { in_use: in_use.into_iter(), packed }
    }

    /// The id of the first of `left`.
    pub(in crate::flow) fn next_left(&self, left: &Left) -> Option<u64> {
        left.next(self).map(|(id, _)| id)
    }

    /// Hands out the first of `left`.
    pub(in crate::flow) fn close_left(&mut self, left: &mut Left, out: &mut Outlet<'_>) {
        let Some((_, slot)) = left.next(self) else { return };
        let decided = self.moment.clock.now();
        if slot & COLD != 0 {
            left.packed.pass();
            self.close_packed(slot, (decided, false), out);
        } else {
            left.in_use.next();
            self.close(slot, decided, out);
        }
    }

    /// Takes a packed flow out of the index.
    pub(super) fn bury_packed(&mut self, slot: u32) {
        let Some(packed) = self.cold.get(slot) else { return };
        let hash = hash_words(&self.hasher, &packed.tuple());
        let grave = grave_of(hash, packed.scope());
        self.graveyard.bury(grave, packed.tombstone(grave));
        self.index.remove(hash, slot);
    }

    /// Hands out a packed flow that is out of the index.
    pub(super) fn close_packed(
        &mut self,
        slot: u32,
        (decided, evicted): (Timestamp, bool),
        out: &mut Outlet<'_>,
    ) {
        let Some(packed) = self.cold.get(slot) else { return };
        out.push_packed(packed, Terms { evicted, ..self.terms(packed.id(), decided) });
        self.cold.remove(slot);
        self.live -= 1;
    }

    /// Hands out a flow in use that is out of the index.
    pub(super) fn close(&mut self, slot: u32, decided: Timestamp, out: &mut Outlet<'_>) {
        let Some(live) = self.slots.get_mut(slot as usize).and_then(Option::take) else { return };
        self.free.push(slot);
        let terms = Terms { evicted: live.stage.evicted, ..self.terms(live.first.record, decided) };
        self.live -= 1;
        let room = out.push(live, terms);
        self.rooms.push(room);
    }

    /// The terms on which the flow that began with the record `first` leaves.
    fn terms(&self, first: u64, decided: Timestamp) -> Terms {
        Terms {
            decided,
            now: self.moment.clock.now(),
            cut: self.cuts.iter().any(|&record| record >= first),
            place: self.moment.place,
            evicted: false,
        }
    }

    /// The flow in `slot` if its deadline has come; it is put down for later if it moved. `at` is the second for
    /// which it was put down: it may have been put down for an earlier one since, or be gone.
    fn come_due(&mut self, slot: u32, at: i64, second: i64) -> Option<Due> {
        if slot & COLD != 0 {
            let packed = self.cold.get(slot)?;
            let deadline = packed.deadline();
            let is_due = second_of(deadline) == at && deadline <= self.moment.clock.watermark();
            return is_due.then(|| (deadline, packed.id(), slot));
        }
        let live = self.slots.get_mut(slot as usize)?.as_mut()?;
        if live.queued_for != at {
            return None;
        }
        live.queued_for = NEVER;
        let deadline = live.deadline;
        if second_of(deadline) >= second {
            if deadline < Timestamp::MAX {
                self.queue(slot, second_of(deadline));
            }
            return None;
        }
        (deadline <= self.moment.clock.watermark() && deadline != RETIRED).then_some((
            deadline,
            live.first.record,
            slot,
        ))
    }

    /// Reads what finishing the flow in `slot` will need: it waited for a minute and is out of the processor's cache,
    /// and so are its places in both indexes. A few flows later they have arrived.
    #[inline]
    fn touch(&self, slot: u32) {
        if let Some(packed) = self.cold.get(slot) {
            let hash = hash_words(&self.hasher, &packed.tuple());
            self.index.touch(hash);
            self.graveyard.touch(grave_of(hash, packed.scope()));
        }
    }

    /// Finishes a flow before its turn to be written has come.
    pub(super) fn retire(&mut self, slot: u32) {
        self.unlink(slot);
        let Some(Some(live)) = self.slots.get_mut(slot as usize) else { return };
        self.finished.push((live.deadline.min(self.moment.clock.watermark()), live.first.record, slot));
        live.deadline = RETIRED;
    }

    /// Takes a flow out of the index, unless that was done: no segment finds it any more.
    pub(super) fn unlink(&mut self, slot: u32) {
        let Some(Some(live)) = self.slots.get_mut(slot as usize) else { return };
        if live.deadline == RETIRED {
            return;
        }
        let hash = hash_words(&self.hasher, &live.tuple);
        let predecessor = std::mem::replace(&mut live.predecessor, NONE);
        let grave = grave_of(hash, live.scope());
        self.graveyard.bury(grave, Tombstone::of(live, grave));
        let newest = match predecessor {
            NONE => self.index.remove(hash, slot),
            older => self.index.replace(hash, slot, older),
        };
        if newest {
            return;
        }
        // Not the newest: unlink it from the chain.
        let mut at = self.index.find(hash, |newest| self.chain_holds(newest, slot)).unwrap_or(NONE);
        while let Some(Some(live)) = self.slots.get_mut(at as usize) {
            if live.predecessor == slot {
                live.predecessor = predecessor;
                return;
            }
            at = live.predecessor;
        }
    }

    /// True when `slot` is an older incarnation of the flow in `newest`.
    fn chain_holds(&self, newest: u32, slot: u32) -> bool {
        let mut at = newest;
        while let Some(Some(live)) = self.slots.get(at as usize) {
            if live.predecessor == slot {
                return true;
            }
            at = live.predecessor;
        }
        false
    }
}

/// Flows that are left at the end.
pub(in crate::flow) struct Left {
    /// Ids and slots.
    in_use: std::vec::IntoIter<(u64, u32)>,
    packed: SortedSlots,
}

impl Left {
    /// The next one's id and slot.
    fn next(&self, shard: &Shard) -> Option<(u64, u32)> {
        let in_use = self.in_use.as_slice().first().copied();
        let packed = self.packed.first().and_then(|slot| Some((shard.cold.get(slot)?.id(), slot)));
        match (in_use, packed) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }
}
