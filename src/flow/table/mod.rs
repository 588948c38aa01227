//! The table of live flows: which incarnation a segment belongs to, and when a flow is finished.

mod rest;

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher};

use self::rest::{REST, Rest};
use super::event::Event;
use super::facts::{Flow, Limits, Reuse, ReuseKind};
use super::history::Arena;
use super::index::Index;
use super::judge::{self, Circumstances};
use super::live::{Live, NEVER, NONE};
use super::tombstone::{Graveyard, Tombstone};
use crate::dissect::IcmpError;
use crate::net::{FourTuple, Role};
use crate::tcp::{Segment, SeqNumber};
use crate::time::{TimeDelta, Timestamp};

/// Incarnations of one four-tuple that may be live at once; the oldest is finished when there are more.
const MAX_CHAIN: usize = 8;
/// Flows finished side by side: as many as there are cache misses a core can have under way, roughly.
pub const BATCH: usize = 16;
/// Resting flows are finished one after the other; this many later the next fetches have arrived.
const LOOK_AHEAD: u32 = 4;
/// A step of capture time by this much wants a second record that confirms it.
const LEAP: TimeDelta = TimeDelta::from_secs(86_400);
/// From this many live flows on they outgrow the processor's cache.
const MANY: u64 = 1 << 14;
const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// What the table did with the segments it was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableStats {
    /// Segments given.
    pub segments: u64,
    /// Further copies of packets that were captured more than once.
    pub copies: u64,
    /// Segments of flows whose row was already written.
    pub late: u64,
    /// ICMP errors about no flow that is live.
    pub stray_icmp: u64,
    /// Flows begun.
    pub flows: u64,
    /// Largest number of flows live at once.
    pub peak_live: u64,
}

/// All live flows of one capture.
///
/// Finished flows come out through a callback, in the order in which they were finished: by the capture time
/// of that decision, then by first record. Nothing in the output depends on the hash seed.
#[derive(Debug)]
pub struct Table {
    limits: Limits,
    hasher: foldhash::fast::RandomState,
    /// Slots of the newest live incarnation of each four-tuple.
    index: Index,
    slots: Vec<Option<Live>>,
    free: Vec<u32>,
    arena: Arena,
    rest: Rest,
    graveyard: Graveyard,
    /// Flows to look at once a second of capture time is over: flow id and slot.
    expiry: BTreeMap<i64, Vec<(u64, u32)>>,
    /// Flows that are finished but whose turn has not come.
    finished: Vec<Due>,
    /// Kept for its allocation.
    scratch: Vec<Event>,
    watermark: Timestamp,
    /// When the second after the watermark's begins.
    next_second: Timestamp,
    /// A time far ahead that no second record has confirmed yet.
    leap: Option<Timestamp>,
    /// Slot of the flow that the last segment belonged to.
    latest: u32,
    /// Records at which the input broke off.
    cuts: Vec<u64>,
    live: u64,
    stats: TableStats,
}

/// A flow that is to be finished: when, its id, its slot.
type Due = (Timestamp, u64, u32);

/// Where a segment belongs.
enum Place {
    /// To the incarnation in this slot, by its numbers or for want of a better one.
    Flow { slot: u32, trusted: bool },
    /// To none yet.
    New,
}

impl Table {
    /// An empty table.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            hasher: foldhash::fast::RandomState::default(),
            index: Index::default(),
            slots: Vec::new(),
            free: Vec::new(),
            arena: Arena::default(),
            rest: Rest::default(),
            graveyard: Graveyard::default(),
            expiry: BTreeMap::new(),
            finished: Vec::new(),
            scratch: Vec::new(),
            watermark: Timestamp::MIN,
            next_second: Timestamp::MIN,
            leap: None,
            latest: NONE,
            cuts: Vec::new(),
            live: 0,
            stats: TableStats::default(),
        }
    }

    /// What was done so far.
    pub fn stats(&self) -> TableStats {
        self.stats
    }

    /// Flows that are live now.
    pub fn live(&self) -> u64 {
        self.live
    }

    /// Takes some segments in the order of capture; flows that capture time finishes go to `done`.
    ///
    /// When there are many flows, those of up to [`BATCH`] segments are looked up before the first is changed,
    /// so that the memory serves the cache misses side by side.
    pub fn observe_all(&mut self, segments: &[Segment], done: &mut dyn FnMut(&Flow)) {
        if self.live < MANY {
            for segment in segments {
                self.observe(segment, done);
            }
            return;
        }
        let mut found = [(0, NONE); BATCH];
        for batch in segments.chunks(BATCH) {
            for ((hash, _), segment) in found.iter_mut().zip(batch) {
                *hash = self.hash_of(&segment.tuple);
                self.index.touch(*hash);
            }
            for ((hash, slot), segment) in found.iter_mut().zip(batch) {
                *slot = self.index_of(*hash, segment).unwrap_or(NONE);
                match self.slots.get(*slot as usize) {
                    Some(Some(live)) => drop(std::hint::black_box(live.warm())),
                    _ => self.graveyard.touch(grave_of(*hash, segment.tuple.scope())),
                }
            }
            for (&(_, slot), segment) in found.iter().zip(batch) {
                self.latest = slot;
                self.observe(segment, done);
            }
        }
    }

    /// Takes one segment; flows that its capture time finishes go to `done`.
    #[inline]
    pub fn observe(&mut self, segment: &Segment, done: &mut dyn FnMut(&Flow)) {
        self.stats.segments += 1;
        self.advance(segment.time, done);
        // Segments of one flow come in rows: try the latest before looking any up.
        let slot = match self.slots.get(self.latest as usize) {
            Some(Some(live)) if live.is_newest_of(segment, self.watermark) => self.latest,
            _ => match self.find(self.hash_of(&segment.tuple), segment) {
                Some(slot) => slot,
                None => return self.observe_unknown(segment),
            },
        };
        self.latest = slot;
        let Some(Some(live)) = self.slots.get_mut(slot as usize) else { return };
        let from = live.role_of(segment.from_low);
        let plain = live.stage.plain && live.predecessor == NONE && !segment.flags.is_control();
        if !plain {
            self.observe_known(segment, slot);
        } else if !live.carry(segment, from) {
            if live.is_copy(segment, from) {
                self.stats.copies += 1;
            } else {
                live.observe_plain(segment, from, &mut self.arena);
            }
        }
    }

    /// Moves capture time to `now`, unless it is there already; flows that are due by then go to `done`.
    #[inline]
    pub fn advance(&mut self, now: Timestamp, done: &mut dyn FnMut(&Flow)) {
        if now <= self.watermark {
            return;
        }
        if now >= self.next_second {
            if self.is_a_leap(now) {
                return;
            }
            self.watermark = now;
            self.expire(second_of(now), done);
        }
        self.watermark = now;
    }

    /// True when a record lies so far ahead of all before it that one damaged time stamp is likelier than
    /// silence. The next one decides: if it confirms the time, that counts.
    fn is_a_leap(&mut self, now: Timestamp) -> bool {
        let confirmed = self.leap.is_some_and(|leap| (now - leap).abs() < LEAP);
        let leaps = self.watermark != Timestamp::MIN && now - self.watermark >= LEAP && !confirmed;
        self.leap = leaps.then_some(now);
        leaps
    }

    /// Takes an ICMP error about a segment; flows that its capture time finishes go to `done`.
    pub fn observe_icmp(&mut self, error: &IcmpError, done: &mut dyn FnMut(&Flow)) {
        self.advance(error.time, done);
        let hash = self.hash_of(&error.tuple);
        // An error comes back in whatever scope.
        let same = |slot: u32| self.live_at(slot).is_some_and(|live| live.tuple.same_endpoints(&error.tuple));
        let mut slot = self.index.find(hash, same);
        if let Some(resting) = slot.filter(|slot| slot & REST != 0) {
            slot = self.wake(resting, hash);
        }
        match slot.and_then(|slot| self.slots.get_mut(slot as usize)) {
            Some(Some(live)) => live.observe_icmp(error, &mut self.arena),
            _ => self.stats.stray_icmp += 1,
        }
    }

    /// Notes at which records the input broke off: a file was cut short or damaged there. Flows that lived
    /// then, and are judged by what was not seen, cannot be.
    pub fn cut(&mut self, records: impl IntoIterator<Item = u64>) {
        self.cuts.extend(records);
    }

    /// Finishes every flow: the input has ended.
    pub fn finish(&mut self, done: &mut dyn FnMut(&Flow)) {
        self.expire(second_of(self.watermark).saturating_add(1), done);
        let flows =
            (0..).zip(&self.slots).filter_map(|(slot, live)| Some((live.as_ref()?.first.record, slot)));
        let mut left: Vec<(u64, u32)> = flows.chain(self.rest.iter()).collect();
        left.sort_unstable();
        for batch in left.chunks(BATCH) {
            for &(_, slot) in batch {
                self.touch(slot);
            }
            for &(_, slot) in batch {
                if slot & REST == 0 {
                    self.close(slot, self.watermark, done);
                } else {
                    self.close_resting(slot, self.watermark, done);
                }
            }
        }
    }

    fn hash_of(&self, tuple: &FourTuple) -> u64 {
        hash_words(&self.hasher, tuple)
    }

    /// The slot of the newest incarnation that is not yet due to be finished.
    #[inline]
    fn find(&mut self, hash: u64, segment: &Segment) -> Option<u32> {
        let mut slot = self.index_of(hash, segment)?;
        if slot & REST != 0 {
            slot = self.wake(slot, hash)?;
        }
        let due = self.slots.get(slot as usize)?.as_ref()?.deadline <= self.watermark;
        if due {
            self.retire(slot);
            return self.find(hash, segment);
        }
        Some(slot)
    }

    #[inline]
    fn index_of(&self, hash: u64, segment: &Segment) -> Option<u32> {
        let between =
            |slot: u32, any: bool| self.live_at(slot).is_some_and(|live| live.is_between(segment, any));
        let found = self.index.find(hash, |slot| between(slot, false));
        found.or_else(|| self.index.find(hash, |slot| between(slot, true)))
    }

    /// The flow in `slot`, in use or at rest.
    #[inline]
    fn live_at(&self, slot: u32) -> Option<&Live> {
        match self.slots.get(slot as usize) {
            Some(live) => live.as_ref(),
            None => self.rest.get(slot).map(|resting| &resting.live),
        }
    }

    /// A segment of a four-tuple that has no live flow: late, or the first of a new one.
    #[cold]
    fn observe_unknown(&mut self, segment: &Segment) {
        let hash = self.hash_of(&segment.tuple);
        let grave = grave_of(hash, segment.tuple.scope());
        if !segment.flags.syn() && self.graveyard.find(grave).is_some_and(|stone| stone.fits(segment)) {
            self.stats.late += 1;
            return;
        }
        self.begin(segment, hash, None);
    }

    fn observe_known(&mut self, segment: &Segment, newest: u32) {
        // The first copy may have changed where the next one would be placed: ask before, and ask all.
        if self.chain(newest).any(|(_, live)| live.repeats(segment)) {
            self.stats.copies += 1;
            return;
        }
        match self.place(segment, newest) {
            Place::New => self.begin(segment, self.hash_of(&segment.tuple), Some(newest)),
            Place::Flow { slot, trusted } => {
                let Some(Some(live)) = self.slots.get_mut(slot as usize) else { return };
                let from = live.role_of(segment.from_low);
                live.observe(segment, from, trusted, &mut self.arena);
                self.schedule(slot);
                if slot != newest
                    && let Some(Some(successor)) = self.slots.get_mut(newest as usize)
                {
                    let from = successor.role_of(segment.from_low);
                    successor.observe_ghost(segment, from, &mut self.arena);
                }
            }
        }
    }

    /// Finds the incarnation that a segment belongs to, by its numbers.
    fn place(&self, segment: &Segment, newest: u32) -> Place {
        if !segment.flags.syn()
            && let Some(Some(live)) = self.slots.get(newest as usize)
            && live.believes_anything()
        {
            return Place::Flow { slot: newest, trusted: true };
        }
        let chain = || {
            self.chain(newest)
                .filter(|(_, live)| live.deadline > self.watermark)
                .map(|(slot, live)| (slot, live, live.role_of(segment.from_low)))
        };
        let found = |slot| Place::Flow { slot, trusted: true };
        if segment.flags.syn() {
            let own = |&(_, live, from): &(u32, &Live, Role)| live.knows_syn(segment, from);
            if let Some((slot, ..)) = chain().find(own) {
                return found(slot);
            }
            return match chain().next() {
                Some((slot, live, from)) if live.may_be_opened_by(segment, from) => found(slot),
                // A SYN-ACK answers a SYN; one that answers none that was seen opens nothing on a live flow.
                Some((slot, live, _)) if segment.flags.ack() && !live.is_over() => {
                    Place::Flow { slot, trusted: false }
                }
                _ => Place::New,
            };
        }
        if let Some((slot, ..)) = chain().find(|(_, live, from)| live.fits_exactly(segment, *from)) {
            return found(slot);
        }
        match chain().find(|(_, live, from)| live.fits_roughly(segment, *from)) {
            Some((slot, ..)) => found(slot),
            None => {
                Place::Flow { slot: newest, trusted: chain().all(|(_, live, _)| live.believes_anything()) }
            }
        }
    }

    /// The live incarnations of one four-tuple from the newest back, with their slots.
    fn chain(&self, newest: u32) -> impl Iterator<Item = (u32, &Live)> {
        let mut at = newest;
        std::iter::from_fn(move || {
            let slot = at;
            let live = self.slots.get(slot as usize)?.as_ref()?;
            at = live.predecessor;
            Some((slot, live))
        })
    }

    /// Opens a new incarnation with `segment`, on top of `newest` if that is still live.
    fn begin(&mut self, segment: &Segment, hash: u64, newest: Option<u32>) {
        let opener = opener_of(segment);
        let mut live = Live::new(segment, opener, self.stats.flows);
        self.stats.flows += 1;
        self.live += 1;
        self.stats.peak_live = self.stats.peak_live.max(self.live);
        self.inherit(&mut live, segment, hash, newest);
        let slot = self.store(live);
        if let Some(Some(live)) = self.slots.get_mut(slot as usize) {
            live.observe(segment, opener, true, &mut self.arena);
        }
        if !newest.is_some_and(|old| self.index.replace(hash, old, slot)) {
            self.index.insert(hash, slot);
        }
        self.schedule(slot);
        self.trim_chain(slot);
    }

    /// Tells `live` which incarnation came before it.
    fn inherit(&mut self, live: &mut Live, segment: &Segment, hash: u64, newest: Option<u32>) {
        let stone = self.graveyard.find(grave_of(hash, segment.tuple.scope())).copied();
        let previous = newest.and_then(|slot| self.slots.get_mut(slot as usize)).and_then(Option::as_mut);
        if let Some(previous) = previous {
            previous.rare_mut().successor = Some((segment.record, segment.time));
            live.predecessor = newest.unwrap_or(NONE);
            if stone.is_none_or(|stone| stone.flow() < previous.first.record) {
                live.incarnation = previous.incarnation.saturating_add(1);
                let mut reuse = previous.reused_at(segment.time, &self.limits);
                if previous.initiator_low != live.initiator_low {
                    reuse.waiting = reuse.waiting.map(|role| !role);
                }
                live.rare_mut().reuse = Some(reuse);
                return;
            }
        }
        if let Some(stone) = stone {
            live.incarnation = stone.incarnation().saturating_add(1);
            live.rare_mut().reuse = Some(stone.reused_at(segment.time, &self.limits));
        }
    }

    fn store(&mut self, live: Live) -> u32 {
        if let Some(slot) = self.free.pop() {
            if let Some(place) = self.slots.get_mut(slot as usize) {
                *place = Some(live);
            }
            return slot;
        }
        self.slots.push(Some(live));
        u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
    }

    /// Notes when the flow in `slot` is to be looked at next.
    fn schedule(&mut self, slot: u32) {
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
        let resting = self.rest.push(live, &events);
        self.index.replace(hash, slot, resting);
        events.clear();
        self.scratch = events;
    }

    /// Takes a flow back into use: a segment came for it after all.
    #[cold]
    fn wake(&mut self, resting: u32, hash: u64) -> Option<u32> {
        let mut flow = self.rest.take(resting)?;
        let events: Vec<Event> = flow.events().collect();
        for event in events {
            self.arena.push(&mut flow.live.events, event);
        }
        flow.live.queued_for = NEVER;
        let second = second_of(flow.live.deadline);
        let slot = self.store(flow.live);
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

    /// Keeps the number of live incarnations of one four-tuple small.
    fn trim_chain(&mut self, newest: u32) {
        let mut length = 0;
        let mut at = newest;
        while let Some(Some(live)) = self.slots.get(at as usize) {
            length += 1;
            let older = live.predecessor;
            if length < MAX_CHAIN {
                at = older;
                continue;
            }
            if let Some(Some(oldest)) = self.slots.get_mut(older as usize) {
                oldest.deadline = self.watermark;
            }
            return self.retire(older);
        }
    }

    /// Finishes all flows whose deadline lies before `second` and has come, in the order of their deadlines.
    #[cold]
    fn expire(&mut self, second: i64, done: &mut dyn FnMut(&Flow)) {
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
    fn finish_resting(&mut self, (decided, _, slot): Due, done: &mut dyn FnMut(&Flow)) {
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

    fn close_resting(&mut self, slot: u32, decided: Timestamp, done: &mut dyn FnMut(&Flow)) {
        let mut events = std::mem::take(&mut self.scratch);
        let Some(resting) = self.rest.get(slot) else { return };
        events.extend(resting.events());
        let flow = judge::judge(&resting.live, events, &self.terms(&resting.live, decided));
        self.rest.drop_at(slot);
        self.live -= 1;
        done(&flow);
        self.scratch = flow.events;
        self.scratch.clear();
    }

    fn terms(&self, live: &Live, decided: Timestamp) -> Circumstances<'_> {
        Circumstances {
            decided,
            now: self.watermark,
            cut: self.cuts.iter().any(|&record| record >= live.first.record),
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
    fn touch(&self, slot: u32) {
        if let Some(Some(live)) = self.slots.get(slot as usize) {
            std::hint::black_box(live.warm() ^ self.arena.warm(&live.events));
        }
    }

    /// Finishes a flow before its turn to be written has come.
    fn retire(&mut self, slot: u32) {
        self.unlink(slot);
        let Some(Some(live)) = self.slots.get_mut(slot as usize) else { return };
        self.finished.push((live.deadline.min(self.watermark), live.first.record, slot));
        live.deadline = RETIRED;
    }

    /// Takes a flow out of the index, unless that was done: no segment finds it any more.
    fn unlink(&mut self, slot: u32) {
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
    fn close(&mut self, slot: u32, decided: Timestamp, done: &mut dyn FnMut(&Flow)) {
        let mut events = std::mem::take(&mut self.scratch);
        let Some(Some(live)) = self.slots.get_mut(slot as usize) else { return };
        self.arena.drain(&mut live.events, &mut events);
        let Some(Some(live)) = self.slots.get(slot as usize) else { return };
        let flow = judge::judge(live, events, &self.terms(live, decided));
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

/// Deadline of a flow that is out of the index and waits for its row.
const RETIRED: Timestamp = Timestamp::MIN;

/// Hashes a tuple word by word: hashing an array would go through its bytes.
#[inline]
fn hash_words(hasher: &foldhash::fast::RandomState, tuple: &FourTuple) -> u64 {
    let mut state = hasher.build_hasher();
    for word in tuple.words() {
        state.write_u64(word);
    }
    state.finish()
}

/// Where the last written incarnation of a four-tuple lies: the scope tells equal addresses apart.
fn grave_of(hash: u64, scope: u32) -> u64 {
    hash ^ u64::from(scope).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// The moment at which `second` begins.
fn start_of(second: i64) -> Timestamp {
    Timestamp::from_nanos(second.saturating_mul(NANOS_PER_SECOND))
}

/// The second of capture time that holds `time`.
fn second_of(time: Timestamp) -> i64 {
    time.nanos().div_euclid(NANOS_PER_SECOND)
}

/// Who opened the connection whose first captured segment this is.
///
/// Without SYN the roles are a guess: the lower of a well-known and a dynamic port, else the lower port, is
/// the service's (RFC 6335 §6).
fn opener_of(segment: &Segment) -> Role {
    if segment.flags.syn() {
        return if segment.flags.ack() { Role::Responder } else { Role::Initiator };
    }
    let (low, high) = segment.tuple.ports();
    let (own, peer) = if segment.from_low { (low, high) } else { (high, low) };
    if own < peer { Role::Responder } else { Role::Initiator }
}

impl Live {
    /// True when `segment` belongs here as far as addresses and scope tell.
    #[inline]
    fn is_newest_of(&self, segment: &Segment, now: Timestamp) -> bool {
        self.is_between(segment, false) && self.successor().is_none() && self.deadline > now
    }

    /// True when `segment` is a SYN (or SYN-ACK) of this incarnation: the ISN tells.
    fn knows_syn(&self, segment: &Segment, from: Role) -> bool {
        let half = &self.halves[from];
        // Who reset its own attempt and sends the same SYN again begins anew.
        let same_isn = half.known
            && half.seen
            && !half.rst
            && half.base == segment.seq
            && (self.stage.syn || self.stage.syn_ack);
        // The SYN of a flow whose later segments were captured first.
        let found_late = half.known && !self.stage.syn && half.base == segment.seq.add(1);
        same_isn || found_late || (segment.flags.ack() && self.acknowledges_syn(segment, from))
    }

    /// True when the flow was closed or reset, so that another may follow unseen.
    fn is_over(&self) -> bool {
        self.stage.rst || (self.halves.initiator.fin && self.halves.responder.fin)
    }

    /// True when the SYN-ACK `segment` answers this incarnation's SYN.
    fn acknowledges_syn(&self, segment: &Segment, from: Role) -> bool {
        let opened = &self.halves[!from];
        self.stage.syn
            && opened.known
            && opened.seen
            && segment.ack.distance(opened.base) > 0
            && opened.next.at_or_after(segment.ack)
    }

    /// True when numbers far from the known ones are more likely this flow's after a gap in the capture than
    /// some other connection's: it is open, and has no predecessor whose they could be.
    fn believes_anything(&self) -> bool {
        self.predecessor == NONE && (self.stage.handshake_done || !(self.stage.syn || self.stage.syn_ack))
    }

    /// A SYN of the responder while the initiator's is unanswered: a simultaneous open (RFC 9293 §3.5).
    fn may_be_opened_by(&self, segment: &Segment, from: Role) -> bool {
        from == Role::Responder
            && !segment.flags.ack()
            && self.stage.syn
            && !self.stage.syn_ack
            && !self.halves.responder.seen
    }

    /// What a SYN meets that takes this flow's four-tuple at `now`.
    fn reused_at(&self, now: Timestamp, limits: &Limits) -> Reuse {
        let gap = now - self.last().time;
        let closed = |role| self.halves[role].fin;
        let (kind, waiting) = match (closed(Role::Initiator), closed(Role::Responder)) {
            _ if self.stage.rst || !(self.halves.responder.seen && self.halves.initiator.seen) => {
                (ReuseKind::Clean, None)
            }
            (true, true) if (TimeDelta::ZERO..limits.time_wait).contains(&gap) => {
                (ReuseKind::WithinTimeWait, None)
            }
            (true, true) => (ReuseKind::Clean, None),
            (true, false) => (ReuseKind::HalfClosed, Some(Role::Responder)),
            (false, true) => (ReuseKind::HalfClosed, Some(Role::Initiator)),
            (false, false) => (ReuseKind::Open, None),
        };
        Reuse { predecessor: self.first.record, gap, kind, waiting }
    }
}

impl Tombstone {
    fn of(live: &Live, fingerprint: u64) -> Self {
        let role = |low: bool| live.role_of(low);
        let next = [true, false].map(|low| {
            let half = &live.halves[role(low)];
            half.known.then_some(half.next)
        });
        let orderly = live.halves.initiator.fin && live.halves.responder.fin;
        Self::new(fingerprint, (live.first.record, live.incarnation), (live.last().time, next), orderly)
    }

    /// True when `segment` may be a late one of the buried flow.
    fn fits(&self, segment: &Segment) -> bool {
        const NEAR: u32 = 1 << 24;
        let [low, high] = self.next();
        let (own, peer) = if segment.from_low { (low, high) } else { (high, low) };
        let near = |number: SeqNumber, known: Option<SeqNumber>| {
            known.is_none_or(|known| number.distance(known).unsigned_abs() < NEAR)
        };
        near(segment.seq, own) && (!segment.flags.ack() || near(segment.ack, peer))
    }

    fn reused_at(&self, now: Timestamp, limits: &Limits) -> Reuse {
        let gap = now - self.end;
        let in_time_wait = self.orderly() && (TimeDelta::ZERO..limits.time_wait).contains(&gap);
        let kind = if in_time_wait { ReuseKind::WithinTimeWait } else { ReuseKind::Clean };
        Reuse { predecessor: self.flow(), gap, kind, waiting: None }
    }
}
