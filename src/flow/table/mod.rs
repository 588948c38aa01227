//! The table of live flows: which incarnation a segment belongs to, and when a flow is finished.

mod lifetime;
mod placement;
mod rest;
mod reuse;

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher};

use self::rest::{REST, Rest};
use super::event::Event;
use super::facts::{Flow, Limits};
use super::history::Arena;
use super::index::Index;
use super::live::{Live, NONE};
use super::tombstone::Graveyard;
use crate::dissect::IcmpError;
use crate::net::FourTuple;
use crate::tcp::Segment;
use crate::time::{TimeDelta, Timestamp};

/// Flows finished side by side: as many as there are cache misses a core can have under way, roughly.
pub const BATCH: usize = 16;
/// A step of capture time by this much wants a second record that confirms it.
const LEAP: TimeDelta = TimeDelta::from_secs(86_400);
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
    /// How far the latest segment's time lies behind the watermark: much only after the clock was set back.
    lag: TimeDelta,
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
            lag: TimeDelta::ZERO,
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
    pub fn observe_all(&mut self, segments: &[Segment], done: &mut dyn FnMut(&Flow)) {
        for segment in segments {
            self.observe(segment, done);
        }
    }

    /// Takes one segment; flows that its capture time finishes go to `done`.
    #[inline]
    pub fn observe(&mut self, segment: &Segment, done: &mut dyn FnMut(&Flow)) {
        self.stats.segments += 1;
        self.advance(segment.time, done);
        self.lag = self.watermark - segment.time;
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
                    self.close(slot, self.now(), done);
                } else {
                    self.close_resting(slot, self.now(), done);
                }
            }
        }
    }

    /// What the clock said last. Up to here the capture shows what did not happen; one that was set back shows less
    /// than its highest time stamp promises.
    fn now(&self) -> Timestamp {
        self.watermark + -self.lag.max(TimeDelta::ZERO)
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
}

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

/// The second of capture time that holds `time`.
fn second_of(time: Timestamp) -> i64 {
    time.nanos().div_euclid(NANOS_PER_SECOND)
}
