//! When a flow is finished, and how it leaves the table.

use super::rest::REST;
use super::{BATCH, Due, NANOS_PER_SECOND, Table, grave_of, hash_words, second_of};
use crate::flow::judge::{self, Circumstances};
use crate::flow::live::{Live, NEVER, NONE, RETIRED};
use crate::flow::tombstone::Tombstone;
use crate::flow::{Event, Flow};
use crate::time::{TimeDelta, Timestamp};

/// Resting flows are finished one after the other; this many later the next fetches have arrived.
const LOOK_AHEAD: u32 = 4;

impl Table {
    /// Notes when the flow in `slot` is to be looked at next.
    pub(super) fn schedule(&mut self, slot: u32) {
        let Some(Some(live)) = self.slots.get_mut(slot as usize) else { return };
        // A clock that was set back must not make the flow due at once.
        let quiet_since = live.last().time.max(self.watermark);
        live.deadline = live.quiet_time(&self.limits).map_or(Timestamp::MAX, |quiet| quiet_since + quiet);
        if live.deadline == Timestamp::MAX {
            return;
        }
        if live.may_rest() && self.rest.accepts(live) {
            return self.lay_down(slot);
        }
        // Most deadlines come nearer once the last ACK is seen: looking early saves a second entry.
        let look = second_of(live.deadline.min(quiet_since + self.limits.linger));
        if look < live.queued_for {
            self.queue(slot, look);
        }
    }

    /// Moves a flow that closed in order out of the way of those in use.
    fn lay_down(&mut self, slot: u32) {
        let Some(mut live) = self.slots.get_mut(slot as usize).and_then(Option::take) else { return };
        self.free.push(slot);
        let mut events = std::mem::take(&mut self.scratch);
        self.arena.drain(&mut live.events, &mut events);
        let hash = self.hash_of(&live.tuple);
        let recent = self.recents.get(slot as usize).copied().unwrap_or_default();
        let resting = self.rest.push(live, &events, recent, self.watermark);
        self.index.replace(hash, slot, resting);
        events.clear();
        self.scratch = events;
    }

    /// Takes a flow back into use: a segment came for it after all.
    #[cold]
    pub(super) fn wake(&mut self, resting: u32, hash: u64) -> Option<u32> {
        let (mut flow, recent) = self.rest.take(resting)?;
        let events: Vec<Event> = flow.events().collect();
        for event in events {
            self.arena.push(&mut flow.live.events, event);
        }
        flow.live.queued_for = NEVER;
        let second = second_of(flow.live.deadline);
        let slot = self.store(flow.live, recent);
        self.index.replace(hash, resting, slot);
        self.queue(slot, second);
        Some(slot)
    }

    /// Puts the flow in `slot` down to be looked at once `second` is over.
    fn queue(&mut self, slot: u32, second: i64) {
        let Some(Some(live)) = self.slots.get_mut(slot as usize) else { return };
        live.queued_for = second;
        self.expiry.entry(second).or_default().push((live.first.record, slot));
    }

    /// Finishes all flows whose deadline lies before `second` and has come, in the order of their deadlines.
    #[cold]
    pub(super) fn expire(&mut self, second: i64, done: &mut dyn FnMut(&Flow)) {
        self.next_second = start_of(second.saturating_add(1));
        let mut due = std::mem::take(&mut self.finished);
        while let Some(entry) = self.expiry.first_entry() {
            let at = *entry.key();
            if at >= second {
                break;
            }
            for (id, slot) in entry.remove() {
                due.extend(self.come_due(id, slot, at, second));
            }
        }
        due.sort_unstable();
        let end = (self.watermark + TimeDelta::from_nanos(1)).min(start_of(second));
        let mut passed = 0;
        loop {
            let resting = self.rest.first_due(end);
            let next = due.get(passed).copied();
            if passed % BATCH == 0 && next.is_some() {
                due.iter().skip(passed).take(BATCH).for_each(|&(_, _, slot)| self.touch(slot));
            }
            match (resting, next) {
                (Some(resting), next) if next.is_none_or(|next| resting < next) => {
                    self.finish_resting(resting, done);
                }
                (_, Some((deadline, _, slot))) => {
                    passed += 1;
                    self.unlink(slot);
                    self.close(slot, deadline, done);
                }
                _ => break,
            }
        }
        due.clear();
        self.finished = due;
    }

    /// Finishes a flow that rested to its end.
    pub(super) fn finish_resting(&mut self, (decided, _, slot): Due, done: &mut dyn FnMut(&Flow)) {
        // What the flow a few places behind will need of the two indexes can be fetched meanwhile.
        if let Some(later) = self.rest.get(REST | slot.wrapping_add(LOOK_AHEAD)) {
            let hash = hash_words(&self.hasher, &later.live.tuple);
            self.index.touch(hash);
            self.graveyard.touch(grave_of(hash, later.live.scope()));
        }
        let Some(resting) = self.rest.get(slot) else { return };
        let hash = hash_words(&self.hasher, &resting.live.tuple);
        self.graveyard.bury(Tombstone::of(&resting.live, grave_of(hash, resting.live.scope())));
        self.index.remove(hash, slot);
        self.close_resting(slot, decided, done);
    }

    pub(super) fn close_resting(&mut self, slot: u32, decided: Timestamp, done: &mut dyn FnMut(&Flow)) {
        let mut events = std::mem::take(&mut self.scratch);
        let Some(resting) = self.rest.get(slot) else { return };
        events.extend(resting.events());
        let flow = judge::judge(&resting.live, events, &self.terms(&resting.live, decided));
        self.directions.note(&resting.live);
        self.rest.drop_at(slot);
        self.live -= 1;
        done(&flow);
        self.scratch = flow.events;
        self.scratch.clear();
    }

    fn terms(&self, live: &Live, decided: Timestamp) -> Circumstances<'_> {
        Circumstances {
            decided,
            now: self.now(),
            cut: self.cuts.iter().any(|&record| record >= live.first.record),
            one_way: self.directions.are_one_way(),
            limits: &self.limits,
        }
    }

    /// The flow in `slot` if its deadline has come; it is put down for later if it moved. `at` is the second for
    /// which it was put down: it may have been put down for an earlier one since, or be gone.
    fn come_due(&mut self, id: u64, slot: u32, at: i64, second: i64) -> Option<Due> {
        let live = self.slots.get_mut(slot as usize)?.as_mut()?;
        if live.first.record != id || live.queued_for != at {
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
        (deadline <= self.watermark && deadline != RETIRED).then_some((deadline, id, slot))
    }

    /// Looks at all that finishing the flow in `slot` will need. A flow that rested for a minute is out of the
    /// processor's cache; looking at a batch of them first lets the memory serve them side by side.
    #[inline]
    pub(super) fn touch(&self, slot: u32) {
        if let Some(Some(live)) = self.slots.get(slot as usize) {
            std::hint::black_box(live.warm() ^ self.arena.warm(&live.events));
        }
    }

    /// Finishes a flow before its turn to be written has come.
    pub(super) fn retire(&mut self, slot: u32) {
        self.unlink(slot);
        let Some(Some(live)) = self.slots.get_mut(slot as usize) else { return };
        self.finished.push((live.deadline.min(self.watermark), live.first.record, slot));
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
        self.graveyard.bury(Tombstone::of(live, grave_of(hash, live.scope())));
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

    /// Judges one flow, hands it out and frees its place.
    pub(super) fn close(&mut self, slot: u32, decided: Timestamp, done: &mut dyn FnMut(&Flow)) {
        let mut events = std::mem::take(&mut self.scratch);
        let Some(Some(live)) = self.slots.get_mut(slot as usize) else { return };
        self.arena.drain(&mut live.events, &mut events);
        let Some(Some(live)) = self.slots.get(slot as usize) else { return };
        let flow = judge::judge(live, events, &self.terms(live, decided));
        self.directions.note(live);
        if let Some(place) = self.slots.get_mut(slot as usize) {
            *place = None;
        }
        self.free.push(slot);
        self.live -= 1;
        done(&flow);
        self.scratch = flow.events;
        self.scratch.clear();
    }
}

/// The moment at which `second` begins.
pub(super) fn start_of(second: i64) -> Timestamp {
    Timestamp::from_nanos(second.saturating_mul(NANOS_PER_SECOND))
}
