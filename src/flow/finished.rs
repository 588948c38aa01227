//! Flows that left the table, on their way to be judged: at once, or by another thread.

use super::Flow;
use super::event::Event;
use super::facts::Limits;
use super::judge::{Circumstances, judge};
use super::live::Live;
use super::packed::{Packed, Packer, is_packable};
use crate::time::Timestamp;

/// Flows that are told at once: enough to make handing them over cheap, few enough to lie in a cache.
const BATCH: usize = 512;

/// Flows that are finished, in the order in which they were, and not judged yet. Filled by a
/// [`Table`](super::Table) through an [`Outlet`], emptied by [`Finished::judge`]; used again, it allocates nothing.
#[derive(Debug, Default)]
pub struct Finished {
    terms: Vec<(Terms, Form)>,
    /// Packed flows, one behind the other.
    octets: Vec<u8>,
    /// Those that cannot be packed.
    whole: Vec<Live>,
    /// Kept for its allocation.
    room: Vec<Event>,
    packer: Packer,
}

/// When and on what terms a flow left the table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// When nothing more was to be expected of it.
    pub(super) decided: Timestamp,
    /// Capture time then: the latest, or less where the clock was set back.
    pub(super) now: Timestamp,
    /// The input broke off during its life.
    pub(super) cut: bool,
    /// No flow was captured in both directions, and some show that they had two.
    pub(super) one_way: bool,
    /// It left before its end.
    pub(super) evicted: bool,
}

#[derive(Clone, Copy, Debug)]
enum Form {
    Packed,
    Whole,
}

impl Finished {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.terms.len()
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Judges them in their order by `limits`, and hands each to `tell`; none is left.
    pub fn judge(&mut self, limits: &Limits, mut tell: impl FnMut(&Flow)) {
        let mut whole = self.whole.drain(..);
        let mut at = 0;
        for (terms, form) in self.terms.drain(..) {
            let mut tell = |live: &mut Live| {
                live.stage.evicted = terms.evicted;
                let events = std::mem::take(live.events.list_mut());
                let Terms { decided, now, cut, one_way, .. } = terms;
                let flow = judge(live, events, &Circumstances { decided, now, cut, one_way, limits });
                tell(&flow);
                flow.events
            };
            match form {
                Form::Packed => {
                    let rest = self.octets.get(at..).and_then(Packed::new);
                    let Some(packed) = rest else { continue };
                    at += packed.octets().len();
                    self.room = tell(&mut packed.unpack(std::mem::take(&mut self.room)));
                }
                Form::Whole => {
                    if let Some(mut live) = whole.next() {
                        tell(&mut live);
                    }
                }
            }
        }
        drop(whole);
        self.octets.clear();
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
        self.whole.push(live);
        self.terms.push((terms, Form::Whole));
        Vec::new()
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

    pub(super) fn push_packed(&mut self, packed: Packed<'_>, terms: Terms) {
        self.batch.push_packed(packed, terms);
        self.pass_on();
    }

    /// Takes a flow in use; gives back the memory of its events where that is not needed.
    pub(super) fn push(&mut self, live: Live, terms: Terms) -> Vec<Event> {
        let room = self.batch.push(live, terms);
        self.pass_on();
        room
    }

    fn pass_on(&mut self) {
        if let Some(take) = &mut self.take
            && self.batch.len() >= BATCH
        {
            take(self.batch);
        }
    }
}
