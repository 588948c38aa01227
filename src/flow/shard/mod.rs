//! One shard of the table of live flows: which incarnation a segment belongs to, and when a flow is finished.

mod cold;
mod expiry;
mod full;
mod heap;
mod lifetime;
mod placement;
mod reuse;
mod warmth;

use std::hash::{BuildHasher, Hasher};

use self::cold::{COLD, Cold};
use self::expiry::Expiry;
pub(in crate::flow) use self::lifetime::Left;
use self::warmth::Warmth;
use super::clock::Clock;
use super::duplicates::{Recent, Signature};
use super::event::Event;
use super::facts::{Limits, Order, RecordRef};
use super::index::Index;
use super::live::{Live, NONE, Ways};
use super::tombstone::Graveyard;
use crate::dissect::IcmpError;
use crate::keyed::Key;
use crate::net::FourTuple;
use crate::tcp::Segment;
use crate::time::Timestamp;

/// The part of the memory for flows that those may take that are written.
const PART_OF_GRAVES: u64 = 4;
/// Most flows keep no more events than this.
const EVENTS: usize = 8;

/// What the table did with the segments it was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableStats {
    /// Segments given.
    pub segments: u64,
    /// Further copies of packets that were captured more than once.
    pub copies: u64,
    /// The first of them.
    pub first_copy: Option<PacketCopy>,
    /// Segments of flows whose row was already written.
    pub late: u64,
    /// Flows that were written before their end because [`Limits::max_flows`] or [`Limits::max_memory`] was
    /// reached.
    pub evicted: u64,
    /// Flows that were written and then forgotten: reuse of their four-tuples was not recognised.
    pub forgotten: u64,
    /// ICMP errors about no flow that is live.
    pub stray_icmp: u64,
    /// Flows begun.
    pub flows: u64,
}

/// A packet that was captured again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketCopy {
    /// The further copy.
    pub copy: RecordRef,
    /// What it is a copy of, where that was the last segment of its sender.
    pub original: Option<RecordRef>,
    /// How many segments and ICMP errors had been taken until then.
    pub place: u64,
}

/// Flows by the directions that were captured of them. Those of which one side never sent count as neither.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Directions {
    /// Both sides were captured.
    pub both_ways: u64,
    /// One side was not captured although it sent.
    pub one_way: u64,
}

impl Directions {
    pub(super) fn note(&mut self, ways: Ways) {
        self.both_ways += u64::from(ways.both);
        self.one_way += u64::from(ways.one);
    }

    /// Of both together.
    pub(crate) const fn joined(self, other: Self) -> Self {
        Self { both_ways: self.both_ways + other.both_ways, one_way: self.one_way + other.one_way }
    }

    /// Some flows show that they had another direction, and none was captured in both.
    pub const fn are_one_way(&self) -> bool {
        self.one_way > 0 && self.both_ways == 0
    }
}

/// Live flows of some of the four-tuples of one capture.
///
/// ```text
/// in use: a slot, some 900 octets ──idle while others need the room, or closed in order──▶ packed, some 150 octets
///            ▲                                                                               │        │
///            └───────────────────────────── a segment comes for it ──────────────────────────┘    finished
/// ```
#[derive(Debug)]
pub(super) struct Shard {
    limits: Limits,
    hasher: Key,
    /// Slots of the newest live incarnation of each four-tuple.
    index: Index,
    slots: Vec<Option<Live>>,
    /// The last segments of the flow in each slot.
    recents: Vec<Recent>,
    free: Vec<u32>,
    /// Memory for events.
    rooms: Vec<Vec<Event>>,
    warmth: Warmth,
    cold: Cold,
    graveyard: Graveyard,
    /// Slots of flows to look at once a second of capture time is over.
    expiry: Expiry,
    /// Flows that are finished but whose turn has not come.
    finished: Vec<Due>,
    /// Flows whose turn it is, from the place `passed` on.
    due: Vec<Due>,
    passed: usize,
    /// Capture time, and how many segments and ICMP errors there were until now, in all shards.
    moment: Moment,
    /// Slot of the flow that the last segment belonged to.
    latest: u32,
    /// Records at which the input broke off.
    cuts: Vec<u64>,
    live: u64,
    stats: TableStats,
}

/// Where a table is in its input.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moment {
    pub(super) clock: Clock,
    /// Segments and ICMP errors so far.
    pub(super) place: u64,
    /// Flows begun so far.
    pub(super) begun: u64,
}

/// A flow that is to be finished: when, its id, its slot.
type Due = (Timestamp, u64, u32);

impl Shard {
    /// An empty shard, with limits of its own.
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            hasher: Key::default(),
            index: Index::default(),
            slots: Vec::new(),
            recents: Vec::new(),
            free: Vec::new(),
            rooms: Vec::new(),
            warmth: Warmth::default(),
            cold: Cold::default(),
            graveyard: Graveyard::within(limits.max_memory.map(|octets| octets / PART_OF_GRAVES)),
            expiry: Expiry::default(),
            finished: Vec::new(),
            due: Vec::new(),
            passed: 0,
            moment: Moment::default(),
            latest: NONE,
            cuts: Vec::new(),
            live: 0,
            stats: TableStats::default(),
        }
    }

    /// What was done so far.
    pub(super) fn stats(&self) -> TableStats {
        TableStats { forgotten: self.graveyard.forgotten(), ..self.stats }
    }

    /// Flows that are live now.
    pub(super) fn live(&self) -> u64 {
        self.live
    }

    /// The directions that were captured of the flows that are live now.
    pub(super) fn directions(&self) -> Directions {
        let in_use = self.slots.iter().flatten().map(Live::ways);
        let packed = self.index.slots().filter_map(|slot| Some(self.cold.get(slot)?.ways()));
        let mut directions = Directions::default();
        in_use.chain(packed).for_each(|ways| directions.note(ways));
        directions
    }

    /// Flows begun so far, in all shards that have told of theirs.
    pub(super) fn begun(&self) -> u64 {
        self.moment.begun
    }

    /// Learns how far the input is.
    #[inline]
    pub(super) fn set(&mut self, moment: &Moment) {
        self.moment = *moment;
    }

    /// Takes one segment.
    #[inline]
    pub(super) fn observe(&mut self, segment: &Segment) {
        self.stats.segments += 1;
        // Segments of one flow come in rows: try the latest before looking any up.
        let slot = match self.slots.get(self.latest as usize) {
            Some(Some(live)) if live.is_newest_of(segment, self.moment.clock.watermark()) => self.latest,
            _ => {
                let hash = self.hash_of(&segment.tuple);
                let Some(slot) = self.find(hash, segment) else {
                    return self.observe_unknown(segment, hash);
                };
                slot
            }
        };
        self.latest = slot;
        let Some((live, recent)) = in_use(&mut self.slots, &mut self.recents, slot) else { return };
        let from = live.role_of(segment.from_low);
        if segment.time < self.moment.clock.watermark() {
            live.stage.order = Order::Records;
        }
        let signature = Signature::of(segment);
        let is_alone = live.predecessor == NONE;
        if is_alone && live.stage.plain && !segment.flags.is_control() {
            if !live.carry(segment, from) {
                // Not simply the next one.
                if !live.adds(segment, from) && recent.is_copy(segment, signature) {
                    return self.note_copy(slot, segment);
                }
                live.observe_plain(segment, from);
            }
            return recent.remember(segment, signature);
        }
        if is_alone && recent.is_copy(segment, signature) {
            self.note_copy(slot, segment);
        } else if is_alone && live.claims(segment, from) {
            live.observe(segment, from, true);
            recent.remember(segment, signature);
            if live.set_deadline(&self.limits, self.moment.clock.watermark()) {
                self.schedule(slot);
            }
        } else {
            self.observe_in_chain(segment, signature, slot);
        }
    }

    /// Counts `segment`, a copy of one that came for the flow in `slot`.
    #[cold]
    fn note_copy(&mut self, slot: u32, segment: &Segment) {
        let live = self.slots.get(slot as usize).and_then(Option::as_ref);
        let original = live.and_then(|live| live.original_of(segment));
        self.stats.note_copy(segment, original, self.moment.place);
    }

    /// Takes an ICMP error about a segment.
    pub(super) fn observe_icmp(&mut self, error: &IcmpError) {
        let hash = self.hash_of(&error.tuple);
        // An error comes back in whatever scope.
        let same = |slot: u32| self.tuple_in(slot).is_some_and(|tuple| tuple.same_endpoints(&error.tuple));
        let mut slot = self.index.find(hash, same);
        if let Some(packed) = slot.filter(|slot| slot & COLD != 0) {
            slot = self.wake(packed, error.record);
        }
        match slot.and_then(|slot| self.slots.get_mut(slot as usize)) {
            Some(Some(live)) => live.observe_icmp(error),
            _ => self.stats.stray_icmp += 1,
        }
    }

    /// Notes at which records the input broke off.
    pub(super) fn cut(&mut self, records: &[u64]) {
        self.cuts.extend(records);
    }

    fn hash_of(&self, tuple: &FourTuple) -> u64 {
        hash_words(&self.hasher, tuple)
    }

    /// The slot of the newest incarnation that is not yet due to be finished.
    #[inline]
    fn find(&mut self, hash: u64, segment: &Segment) -> Option<u32> {
        let mut slot = self.index_of(hash, segment)?;
        if slot & COLD != 0 {
            slot = self.wake(slot, segment.record)?;
        }
        let due = self.slots.get(slot as usize)?.as_ref()?.deadline <= self.moment.clock.watermark();
        if due {
            self.retire(slot);
            return self.find(hash, segment);
        }
        Some(slot)
    }

    #[inline]
    fn index_of(&self, hash: u64, segment: &Segment) -> Option<u32> {
        let between = |slot: u32, any: bool| match self.slots.get(slot as usize) {
            Some(live) => live.as_ref().is_some_and(|live| live.is_between(segment, any)),
            None => self.cold.get(slot).is_some_and(|packed| packed.is_between(segment, any)),
        };
        // Nothing has its hash, most likely: then no scope is the right one.
        let mut is_known = false;
        let found = self.index.find(hash, |slot| {
            is_known = true;
            between(slot, false)
        });
        if found.is_some() || !is_known {
            return found;
        }
        self.index.find(hash, |slot| between(slot, true))
    }

    /// The four-tuple of the flow in `slot`, in use or packed.
    fn tuple_in(&self, slot: u32) -> Option<FourTuple> {
        match self.slots.get(slot as usize) {
            Some(live) => Some(live.as_ref()?.tuple),
            None => Some(self.cold.get(slot)?.tuple()),
        }
    }
}

/// The flow in `slot`, one in use, and its last segments.
#[inline]
fn in_use<'a>(
    slots: &'a mut [Option<Live>],
    recents: &'a mut [Recent],
    slot: u32,
) -> Option<(&'a mut Live, &'a mut Recent)> {
    Some((slots.get_mut(slot as usize)?.as_mut()?, recents.get_mut(slot as usize)?))
}

impl TableStats {
    /// Of two tables that follow different flows of one input.
    pub(crate) fn joined(self, other: Self) -> Self {
        let first_copy = match (self.first_copy, other.first_copy) {
            (Some(one), Some(other)) => Some(if other.place < one.place { other } else { one }),
            (one, other) => one.or(other),
        };
        Self {
            segments: self.segments + other.segments,
            copies: self.copies + other.copies,
            first_copy,
            late: self.late + other.late,
            evicted: self.evicted + other.evicted,
            forgotten: self.forgotten + other.forgotten,
            stray_icmp: self.stray_icmp + other.stray_icmp,
            flows: self.flows + other.flows,
        }
    }

    pub(super) fn note_copy(&mut self, segment: &Segment, original: Option<RecordRef>, place: u64) {
        self.copies += 1;
        let copy = RecordRef { record: segment.record, time: segment.time };
        self.first_copy.get_or_insert(PacketCopy { copy, original, place });
    }
}

/// Hashes a tuple word by word: hashing an array would go through its bytes.
#[inline]
fn hash_words(hasher: &impl BuildHasher, tuple: &FourTuple) -> u64 {
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

#[cfg(test)]
mod tests {
    use foldhash::fast::{FixedState, RandomState};

    use super::*;

    /// Whoever knows the hash can choose four-tuples for one place, if it has no key or an old one.
    #[test]
    fn four_tuples_that_collide_under_one_key_do_not_under_another() {
        let known = FixedState::with_seed(0);
        let tuples = (0..1 << 18).map(|number: u32| {
            let [_, high, middle, low] = number.to_be_bytes();
            FourTuple::v4([10, 0, high, middle], [10, 1, 0, 1], (1024 + u16::from(low), 80), 0).0
        });
        let chosen: Vec<_> = tuples.filter(|tuple| hash_words(&known, tuple) >> 52 < 32).collect();
        assert!(chosen.len() > 1900, "{}", chosen.len());
        let longest_run = |hash: &dyn Fn(&FourTuple) -> u64| {
            let mut index = Index::default();
            for (slot, tuple) in (0..).zip(&chosen) {
                index.insert(hash(tuple), slot);
            }
            index.longest_run()
        };
        assert!(longest_run(&|tuple| hash_words(&known, tuple)) > 1900);
        for _ in 0..4 {
            let keyed = RandomState::default();
            assert!(longest_run(&|tuple| hash_words(&keyed, tuple)) < 200);
        }
    }
}
