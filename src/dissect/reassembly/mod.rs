//! Puts IP fragments together (RFC 791 §3.2, RFC 8200 §4.5), or lets the first one go alone.
//!
//! **Whole.** A datagram is whole once its last fragment came and every octet before. It stands in the place
//! of the record that completed it, with that record's number and time. Only the start of it is kept: headers
//! are all that is read.
//!
//! **Alone.** Captures that are filtered by port hold first fragments only, so a first fragment with a TCP
//! header gives a segment in any case, with its own octets, record and time. It is held until one of these:
//!
//! - a segment of the same endpoints and direction passes: the sender has gone on;
//! - a segment of the other direction passes that acknowledges an octet of the one held, or bears SYN, FIN or
//!   RST: the receiver has it, or the order matters. Other segments of that direction pass without effect,
//!   because they often meet a datagram half way;
//! - a segment or fragment shows [`PATIENCE`] gone by, a bound below is met, or the input ends.
//!
//! It goes out before the segment that released it, behind all that were held before it on the same endpoints.
//! Fragments release nothing themselves, so that datagrams whose fragments are mixed become whole; a datagram
//! that became whole releases only what came before its own first record. Packets without a segment (ICMP,
//! UDP, …) release nothing either.
//!
//! **Overlap.** Octets and length that came first stay; real stacks drop such datagrams (RFC 5722), but what a
//! capture holds twice may differ in part. A fragment that adds nothing is counted as repeated, also shortly
//! after its datagram became whole. A first fragment with other octets than those known begins a new datagram:
//! its identification is used again.
//!
//! **Accounts.** Every fragment is counted once: as the segment it gave, as joined with the one that completed
//! its datagram, as repeated, as late (its first fragment had gone alone), or as one of no whole datagram.
//!
//! `etherparse::defrag` does not fit: it wants each fragment's octets in full, where a snap length cuts them,
//! and has no bounds and no order.

mod datagram;
#[cfg(test)]
mod fixtures;
mod fragment;
#[cfg(test)]
mod laws;
mod spans;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

pub(super) use datagram::Whole;
pub use fragment::Fragment;

use super::{Dissected, SkipReason, SkipTally};
use crate::tcp::{Segment, SeqNumber};
use crate::time::{TimeDelta, Timestamp};
use datagram::Datagram;

/// How long fragments wait for the others. They leave their sender in one go: hosts wait for half a minute or
/// more, but what a second of capture time does not bring was dropped.
const PATIENCE: TimeDelta = TimeDelta::from_secs(1);
/// Datagrams that wait at once, some 5 KiB each. More than this many open ones come from loss, from filters
/// or from malice; the oldest is given up.
const MOST_WAITING: usize = 256;
/// Whole datagrams whose repeated fragments are known, 2 KiB each at most: a second capture point or a second
/// interface repeats a packet within a few others.
const MOST_RECENT: usize = 64;

/// Fragments that wait for others, in the order in which their datagrams began.
#[derive(Clone, Debug, Default)]
pub(super) struct Reassembler {
    waiting: VecDeque<Datagram>,
    /// How many of these hold a segment.
    held: usize,
    recent: VecDeque<Whole>,
}

/// Where segments go, and where records are counted.
pub(super) struct Outlet<'a> {
    found: &'a mut Vec<Dissected>,
    tally: &'a mut SkipTally,
}

impl<'a> Outlet<'a> {
    pub(super) const fn new(found: &'a mut Vec<Dissected>, tally: &'a mut SkipTally) -> Self {
        Self { found, tally }
    }

    pub(super) fn tell(&mut self, segment: Segment) {
        self.tally.count_segment();
        self.found.push(Dissected::Segment(segment));
    }
}

impl Reassembler {
    /// True while any segment is held: only then has [`Self::passes`] anything to do.
    #[inline]
    pub(super) const fn holds(&self) -> bool {
        self.held != 0
    }

    /// Takes a fragment. Gives its datagram if that is whole now; else the fragment is counted, or waits.
    pub(super) fn accept(&mut self, fragment: &Fragment, outlet: &mut Outlet<'_>) -> Option<&Whole> {
        self.expire(fragment.time(), outlet);
        let record = fragment.record();
        let place = self.place(fragment, outlet);
        let known = place.and_then(|place| self.waiting.get_mut(place));
        let Some(datagram) = known.filter(|datagram| !datagram.knows(fragment)) else {
            outlet.tally.count_skip(SkipReason::RepeatedFragment, record);
            return None;
        };
        let held_before = datagram.held().is_some();
        let scattered = datagram.add(fragment).is_err();
        self.held += usize::from(datagram.held().is_some() && !held_before);
        if scattered {
            datagram.wait(record);
            self.give_up(place?, outlet);
            return None;
        }
        if datagram.is_told() {
            outlet.tally.count_skip(SkipReason::LateFragment, record);
        }
        if datagram.is_whole() {
            return self.complete(place?, fragment, outlet);
        }
        if !datagram.is_told() {
            datagram.wait(record);
        }
        None
    }

    /// Lets go what `segment` releases; the first record of the segment's datagram is `since`.
    pub(super) fn passes(&mut self, segment: &Segment, since: u64, outlet: &mut Outlet<'_>) {
        if self.holds() {
            self.release(outlet, |datagram, held| {
                is_over(datagram.begun, segment.time) || held.record < since && releases(segment, held)
            });
        }
    }

    /// Gives up all that wait.
    pub(super) fn finish(&mut self, outlet: &mut Outlet<'_>) {
        self.release(outlet, |_, _| true);
        for datagram in self.waiting.drain(..) {
            datagram.count(outlet.tally);
        }
        self.recent.clear();
    }

    /// Gives up what waits for too long.
    fn expire(&mut self, now: Timestamp, outlet: &mut Outlet<'_>) {
        self.recent.retain(|whole| !is_over(whole.context.time, now));
        if self.holds() {
            self.release(outlet, |datagram, _| is_over(datagram.begun, now));
        }
        self.waiting.retain(|datagram| {
            let over = is_over(datagram.begun, now);
            if over {
                datagram.count(outlet.tally);
            }
            !over
        });
    }

    /// The place of the fragment's datagram, which may begin with it; `None` when it is known from one that is
    /// whole already.
    fn place(&mut self, fragment: &Fragment, outlet: &mut Outlet<'_>) -> Option<usize> {
        if let Some(place) = self.waiting.iter().position(|datagram| datagram.key == fragment.key) {
            if !self.waiting.get(place)?.contradicts(fragment) {
                return Some(place);
            }
            self.give_up(place, outlet);
        } else if let Some(place) = self.recent.iter().position(|whole| whole.key == fragment.key) {
            if self.recent.get(place)?.knows(fragment) {
                return None;
            }
            self.recent.remove(place);
        }
        if self.waiting.len() == MOST_WAITING {
            self.give_up(0, outlet);
        }
        self.waiting.push_back(Datagram::begin(fragment));
        Some(self.waiting.len() - 1)
    }

    /// Takes the datagram that `fragment` made whole; one that was told has been told for good.
    fn complete(&mut self, place: usize, fragment: &Fragment, outlet: &mut Outlet<'_>) -> Option<&Whole> {
        let datagram = self.waiting.remove(place)?;
        let told = datagram.is_told();
        if told {
            datagram.count(outlet.tally);
        } else {
            datagram.count_joined(fragment.record(), outlet.tally);
        }
        self.held -= usize::from(datagram.held().is_some());
        if self.recent.len() == MOST_RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(datagram.into_whole(fragment)?);
        if told { None } else { self.recent.back() }
    }

    fn give_up(&mut self, place: usize, outlet: &mut Outlet<'_>) {
        if let Some(key) = self.waiting.get(place).map(|datagram| datagram.key) {
            self.release(outlet, |datagram, _| datagram.key == key);
        }
        if let Some(datagram) = self.waiting.remove(place) {
            datagram.count(outlet.tally);
        }
    }

    /// Lets go what is due, and what was held before it on the same endpoints, in the order of records.
    fn release(&mut self, outlet: &mut Outlet<'_>, is_due: impl Fn(&Datagram, &Segment) -> bool) {
        let held = |datagram: &Datagram| datagram.held().copied();
        let due: Vec<Segment> = self
            .waiting
            .iter()
            .filter_map(|datagram| held(datagram).filter(|held| is_due(datagram, held)))
            .collect();
        if due.is_empty() {
            return;
        }
        let goes = |own: &Segment| {
            due.iter().any(|due| own.record <= due.record && own.tuple.same_endpoints(&due.tuple))
        };
        let mut gone: Vec<Segment> = self
            .waiting
            .iter_mut()
            .filter(|datagram| held(datagram).as_ref().is_some_and(goes))
            .filter_map(Datagram::let_go)
            .collect();
        gone.sort_by_key(|segment| segment.record);
        self.held -= gone.len();
        for segment in gone {
            outlet.tell(segment);
        }
    }
}

/// True when what began at `begun` has waited too long by `now`, or time was set.
const fn is_over(begun: Timestamp, now: Timestamp) -> bool {
    now.since(begun).abs().nanos() > PATIENCE.nanos()
}

/// True when `passing` shows that the rest of what is held has passed unseen, or their order matters.
fn releases(passing: &Segment, held: &Segment) -> bool {
    let acknowledges = |seq: SeqNumber| passing.flags.ack() && passing.ack.after(seq);
    passing.tuple.same_endpoints(&held.tuple)
        && (passing.from_low == held.from_low || passing.flags.is_control() || acknowledges(held.seq))
}
