//! Flows that left the table, on their way to be judged: at once, or by another thread.

use std::collections::VecDeque;

use super::event::Event;
use super::facts::Limits;
use super::judge::{Circumstances, judge};
use super::live::Live;
use super::packed::{Packed, Packer, is_packable};
use super::{Directions, Flow};
use crate::time::Timestamp;

/// Flows that are told at once: enough to make handing them over cheap, few enough to lie in a cache.
const BATCH: usize = 512;

/// Flows that are finished, in the order in which they were, and not judged yet. Filled by a
/// [`Table`](super::Table) through an [`Outlet`], emptied by a [`Judge`]; used again, it allocates nothing.
#[derive(Debug, Default)]
pub struct Finished {
    terms: Vec<(Terms, Form)>,
    /// How many of them were taken out again.
    taken: usize,
    /// Packed flows, one behind the other, from the octet `start` on.
    octets: Vec<u8>,
    start: usize,
    /// Those that cannot be packed.
    whole: VecDeque<Live>,
    packer: Packer,
    /// At which places of the input flows began that are this table's; a table that follows all does not tell.
    begun: Vec<u64>,
    /// All that was finished until this place of the input is here, or was.
    place: u64,
}

/// When and on what terms a flow left the table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// When nothing more was to be expected of it.
    pub(super) decided: Timestamp,
    /// Capture time then: the latest, or less where the clock was set back.
    pub(super) now: Timestamp,
    /// How many segments and ICMP errors had been taken then.
    pub(super) place: u64,
    /// The input broke off during its life.
    pub(super) cut: bool,
    /// It left before its end.
    pub(super) evicted: bool,
}

#[derive(Clone, Copy, Debug)]
enum Form {
    Packed,
    Whole,
}

/// What orders finished flows: the place of the input at which they were finished, when that was to be, and the id.
pub(crate) type Turn = (u64, Timestamp, u64);

impl Finished {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.terms.len() - self.taken
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The turn of the first one.
    #[inline]
    pub(crate) fn next_turn(&self) -> Option<Turn> {
        let &(Terms { place, decided, .. }, form) = self.terms.get(self.taken)?;
        let id = match form {
            Form::Packed => self.packed()?.id(),
            Form::Whole => self.whole.front()?.first.record,
        };
        Some((place, decided, id))
    }

    /// All flows that were finished until this place of the input are in here, or were.
    pub(crate) const fn place(&self) -> u64 {
        self.place
    }

    /// At which places of the input flows of this table began since it was last asked.
    pub(crate) fn take_begun(&mut self) -> impl Iterator<Item = u64> {
        self.begun.drain(..)
    }

    /// True when there is nothing to be told in here.
    pub(crate) fn is_blank(&self) -> bool {
        self.is_empty() && self.begun.is_empty()
    }

    fn packed(&self) -> Option<Packed<'_>> {
        Packed::new(self.octets.get(self.start..)?)
    }

    /// Makes room where all were taken out.
    fn tidy(&mut self) {
        if self.is_empty() {
            self.terms.clear();
            self.octets.clear();
            (self.taken, self.start) = (0, 0);
        }
    }

    /// Adds a packed flow.
    fn push_packed(&mut self, packed: Packed<'_>, terms: Terms) {
        self.octets.extend_from_slice(packed.octets());
        self.terms.push((terms, Form::Packed));
    }

    /// Adds any flow; gives back the memory of its events where that is not needed.
    fn push(&mut self, mut live: Live, terms: Terms) -> Vec<Event> {
        if is_packable(&live) {
            self.octets.extend_from_slice(self.packer.pack(&mut live));
            self.terms.push((terms, Form::Packed));
            return live.events.into_room();
        }
        self.whole.push_back(live);
        self.terms.push((terms, Form::Whole));
        Vec::new()
    }
}

/// Judges finished flows, in the order in which they were finished.
#[derive(Debug)]
pub struct Judge {
    limits: Limits,
    /// The directions of all flows so far, and of those to come once the input has ended.
    directions: Directions,
    /// Kept for its allocation.
    room: Vec<Event>,
}

impl Judge {
    /// One who has seen none yet.
    pub fn new(limits: Limits) -> Self {
        Self { limits, directions: Directions::default(), room: Vec::new() }
    }

    /// The input has ended: the directions of all flows that are still to come.
    pub fn expect(&mut self, coming: Directions) {
        self.directions = self.directions.joined(coming);
    }

    /// Judges all of `finished`, and hands each to `tell`; none is left.
    pub fn judge(&mut self, finished: &mut Finished, mut tell: impl FnMut(&Flow)) {
        let mut tell = |flow: Flow| {
            tell(&flow);
            flow.events
        };
        while self.judge_first(finished, |stream| stream, &mut tell) {}
    }

    /// Judges the first of `finished` and hands it to `tell`, which gives back memory for events; `number` gives its
    /// number among all flows for that among its table's. False when there is none.
    #[inline]
    pub(crate) fn judge_first(
        &mut self,
        finished: &mut Finished,
        number: impl FnOnce(u64) -> u64,
        tell: impl FnOnce(Flow) -> Vec<Event>,
    ) -> bool {
        let Some(&(terms, form)) = finished.terms.get(finished.taken) else { return false };
        finished.taken += 1;
        // Judged where it was unpacked: a flow is large.
        match form {
            Form::Packed => {
                let Some(packed) = finished.packed() else { return false };
                let mut live = packed.unpack(std::mem::take(&mut self.room));
                let length = packed.octets().len();
                finished.start += length;
                self.pronounce(&mut live, terms, number, tell);
            }
            Form::Whole => {
                let Some(mut live) = finished.whole.pop_front() else { return false };
                self.pronounce(&mut live, terms, number, tell);
            }
        }
        finished.tidy();
        true
    }

    #[inline(never)]
    fn pronounce(
        &mut self,
        live: &mut Live,
        terms: Terms,
        number: impl FnOnce(u64) -> u64,
        tell: impl FnOnce(Flow) -> Vec<Event>,
    ) {
        live.stage.evicted = terms.evicted;
        live.stream = number(live.stream);
        let one_way = self.directions.are_one_way();
        self.directions.note(live.ways());
        let events = std::mem::take(live.events.list_mut());
        let Terms { decided, now, cut, .. } = terms;
        self.room =
            tell(judge(live, events, &Circumstances { decided, now, cut, one_way, limits: &self.limits }));
        self.room.clear();
    }
}

/// Where a [`Table`](super::Table) puts flows that are finished.
pub struct Outlet<'a> {
    batch: &'a mut Finished,
    take: Option<&'a mut dyn FnMut(&mut Finished)>,
}

impl<'a> Outlet<'a> {
    /// Puts flows into `batch`; once it is full, `take` has to empty it. Whatever is left in it when no more come is its
    /// owner's to take.
    pub fn new(batch: &'a mut Finished, take: &'a mut dyn FnMut(&mut Finished)) -> Self {
        Self { batch, take: Some(take) }
    }

    /// Gathers flows in `batch`, however many come.
    pub fn gather(batch: &'a mut Finished) -> Self {
        Self { batch, take: None }
    }

    /// A flow of a part of a table began at this place of the input.
    pub(super) fn note_begun(&mut self, place: u64) {
        self.batch.begun.push(place);
    }

    /// Nothing more was finished until this place of the input.
    pub(super) fn note_place(&mut self, place: u64) {
        self.batch.place = place;
    }

    pub(super) fn push_packed(&mut self, packed: Packed<'_>, terms: Terms) {
        self.batch.push_packed(packed, terms);
        self.pass_on(terms.place);
    }

    /// Takes a flow in use; gives back the memory of its events where that is not needed.
    pub(super) fn push(&mut self, live: Live, terms: Terms) -> Vec<Event> {
        let room = self.batch.push(live, terms);
        self.pass_on(terms.place);
        room
    }

    fn pass_on(&mut self, place: u64) {
        if let Some(take) = &mut self.take
            && self.batch.len() >= BATCH
        {
            // What is finished at the same place comes later.
            self.batch.place = place.saturating_sub(1);
            take(self.batch);
        }
    }
}
