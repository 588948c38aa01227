//! The table of live flows: which incarnation a segment belongs to, and when a flow is finished.

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
use self::warmth::Warmth;
use super::duplicates::{Recent, Signature};
use super::event::Event;
use super::facts::{Limits, Order, RecordRef};
use super::finished::Outlet;
use super::index::Index;
use super::live::{Live, NONE, Ways};
use super::tombstone::Graveyard;
use crate::dissect::{Dissected, IcmpError};
use crate::net::FourTuple;
use crate::tcp::Segment;
use crate::time::{TimeDelta, Timestamp};

/// A step of capture time by this much wants a second record that confirms it.
const LEAP: TimeDelta = TimeDelta::from_secs(86_400);
/// The part of the memory for flows that those may take that are written.
const PART_OF_GRAVES: u64 = 4;
/// Most flows keep no more events than this.
const EVENTS: usize = 8;
const NANOS_PER_SECOND: i64 = 1_000_000_000;

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
    /// Largest number of flows live at once.
    pub peak_live: u64,
}

/// A packet that was captured again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketCopy {
    /// The further copy.
    pub copy: RecordRef,
    /// What it is a copy of, where that was the last segment of its sender.
    pub original: Option<RecordRef>,
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
    fn note(&mut self, ways: Ways) {
        self.both_ways += u64::from(ways.both);
        self.one_way += u64::from(ways.one);
    }

    /// Some flows show that they had another direction, and none was captured in both.
    pub const fn are_one_way(&self) -> bool {
        self.one_way > 0 && self.both_ways == 0
    }
}

/// All live flows of one capture.
///
/// Finished flows come out in the order in which they were finished: by the capture time of that decision, then by
/// first record. Nothing in the output depends on the hash seed.
///
/// ```text
/// in use: a slot, some 900 octets ──idle while others need the room, or closed in order──▶ packed, some 150 octets
///            ▲                                                                               │        │
///            └───────────────────────────── a segment comes for it ──────────────────────────┘    finished
/// ```
#[derive(Debug)]
pub struct Table {
    limits: Limits,
    hasher: foldhash::fast::RandomState,
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
    watermark: Timestamp,
    /// Times of the last segments: one alone may be damaged.
    clock: [Timestamp; 2],
    /// When the second after the watermark's begins.
    next_second: Timestamp,
    /// A time far ahead that no second record has confirmed yet.
    leap: Option<Timestamp>,
    /// Slot of the flow that the last segment belonged to.
    latest: u32,
    /// Records at which the input broke off.
    cuts: Vec<u64>,
    /// The directions of all flows that are finished, and of those that are not once the input has ended.
    directions: Directions,
    live: u64,
    stats: TableStats,
}

/// A flow that is to be finished: when, its id, its slot.
type Due = (Timestamp, u64, u32);

impl Table {
    /// An empty table.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            hasher: foldhash::fast::RandomState::default(),
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
            watermark: Timestamp::MIN,
            clock: [Timestamp::MIN; 2],
            next_second: Timestamp::MIN,
            leap: None,
            latest: NONE,
            cuts: Vec::new(),
            directions: Directions::default(),
            live: 0,
            stats: TableStats::default(),
        }
    }

    /// What was done so far.
    pub fn stats(&self) -> TableStats {
        TableStats { forgotten: self.graveyard.forgotten(), ..self.stats }
    }

    /// Flows that are live now.
    pub fn live(&self) -> u64 {
        self.live
    }

    /// The directions that were captured of the flows that are live now.
    pub fn directions(&self) -> Directions {
        let in_use = self.slots.iter().flatten().map(Live::ways);
        let packed = self.index.slots().filter_map(|slot| Some(self.cold.get(slot)?.ways()));
        let mut directions = Directions::default();
        in_use.chain(packed).for_each(|ways| directions.note(ways));
        directions
    }

    /// Takes what was dissected, whatever it is; flows that its capture time finishes go to `out`.
    #[inline]
    pub fn observe_any(&mut self, found: &Dissected, out: &mut Outlet<'_>) {
        match found {
            Dissected::Segment(segment) => self.observe(segment, out),
            Dissected::IcmpError(error) => self.observe_icmp(error, out),
            Dissected::Skipped => {}
        }
    }

    /// Takes one segment; flows that its capture time finishes go to `out`.
    #[inline]
    pub fn observe(&mut self, segment: &Segment, out: &mut Outlet<'_>) {
        self.stats.segments += 1;
        self.advance(segment.time, out);
        self.clock = [self.clock[1], segment.time];
        // Segments of one flow come in rows: try the latest before looking any up.
        let slot = match self.slots.get(self.latest as usize) {
            Some(Some(live)) if live.is_newest_of(segment, self.watermark) => self.latest,
            _ => {
                let hash = self.hash_of(&segment.tuple);
                let Some(slot) = self.find(hash, segment) else {
                    self.observe_unknown(segment, hash);
                    return self.keep_within_limit(out);
                };
                slot
            }
        };
        self.latest = slot;
        let Some((live, recent)) = in_use(&mut self.slots, &mut self.recents, slot) else { return };
        let from = live.role_of(segment.from_low);
        if segment.time < self.watermark {
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
            if live.set_deadline(&self.limits, self.watermark) {
                self.schedule(slot);
            }
        } else {
            self.observe_in_chain(segment, signature, slot);
        }
        self.keep_within_limit(out);
    }

    /// Counts `segment`, a copy of one that came for the flow in `slot`.
    #[cold]
    fn note_copy(&mut self, slot: u32, segment: &Segment) {
        let live = self.slots.get(slot as usize).and_then(Option::as_ref);
        let original = live.and_then(|live| live.original_of(segment));
        self.stats.note_copy(segment, original);
    }

    /// Moves capture time to `now`, unless it is there already; flows that are due by then go to `out`.
    #[inline]
    pub fn advance(&mut self, now: Timestamp, out: &mut Outlet<'_>) {
        if now <= self.watermark {
            return;
        }
        self.clock = [self.clock[1], now];
        if now >= self.next_second {
            if self.is_a_leap(now) {
                return;
            }
            self.watermark = now;
            self.expire(second_of(now), out);
        }
        self.watermark = now;
    }

    /// The latest capture time, or less while the clock is behind it because it was set back.
    fn now(&self) -> Timestamp {
        let [before, last] = self.clock;
        before.max(last).min(self.watermark)
    }

    /// True when a record lies so far ahead of all before it that one damaged time stamp is likelier than
    /// silence. The next one decides: if it confirms the time, that counts.
    fn is_a_leap(&mut self, now: Timestamp) -> bool {
        let confirmed = self.leap.is_some_and(|leap| (now - leap).abs() < LEAP);
        let leaps = self.watermark != Timestamp::MIN && now - self.watermark >= LEAP && !confirmed;
        self.leap = leaps.then_some(now);
        leaps
    }

    /// Takes an ICMP error about a segment; flows that its capture time finishes go to `out`.
    pub fn observe_icmp(&mut self, error: &IcmpError, out: &mut Outlet<'_>) {
        self.advance(error.time, out);
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

    /// Notes at which records the input broke off: a file was cut short or damaged there. Flows that lived
    /// then, and are judged by what was not seen, cannot be.
    pub fn cut(&mut self, records: impl IntoIterator<Item = u64>) {
        self.cuts.extend(records);
    }

    /// Finishes every flow: the input has ended.
    pub fn finish(&mut self, out: &mut Outlet<'_>) {
        self.expire(second_of(self.watermark).saturating_add(1), out);
        let coming = self.directions();
        self.directions.both_ways += coming.both_ways;
        self.directions.one_way += coming.one_way;
        let decided = self.now();
        let mut in_use: Vec<(u64, u32)> = (0..)
            .zip(&self.slots)
            .filter_map(|(slot, live)| Some((live.as_ref()?.first.record, slot)))
            .collect();
        in_use.sort_unstable();
        let mut in_use = in_use.into_iter().peekable();
        let packed = self.index.take_sorted(&|slot| Some(self.cold.get(slot)?.id()));
        for slot in packed {
            let id = self.cold.get(slot).map_or(0, |packed| packed.id());
            while let Some((_, slot)) = in_use.next_if(|(other, _)| *other < id) {
                self.close(slot, decided, out);
            }
            self.close_packed(slot, (decided, false), out);
        }
        for (_, slot) in in_use {
            self.close(slot, decided, out);
        }
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
        let due = self.slots.get(slot as usize)?.as_ref()?.deadline <= self.watermark;
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
    pub(super) fn note_copy(&mut self, segment: &Segment, original: Option<RecordRef>) {
        self.copies += 1;
        let copy = RecordRef { record: segment.record, time: segment.time };
        self.first_copy.get_or_insert(PacketCopy { copy, original });
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

/// The second of capture time that holds `time`.
fn second_of(time: Timestamp) -> i64 {
    time.nanos().div_euclid(NANOS_PER_SECOND)
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
        let chosen: Vec<_> = tuples.filter(|tuple| hash_words(&known, tuple) >> 32 & 0xfff < 32).collect();
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
