//! Flows that closed in order and wait for late segments, out of the way of those that are in use.
//!
//! For a minute of capture time nothing happens to nearly all of them. Left among the live flows they would
//! push these out of the processor's cache, and finishing each would fetch a dozen scattered cache lines.
//! Here they lie one after the other with their events, in the order in which they will be finished.

use std::collections::VecDeque;

use super::Due;
use crate::flow::duplicates::{COPY_WINDOW, Recent};
use crate::flow::event::{Event, Packed};
use crate::flow::live::{Live, ROOM};
use crate::time::Timestamp;

/// Slots with this bit set name a resting flow.
pub(super) const REST: u32 = 1 << 31;
const PAGE: usize = 256;

/// One resting flow.
#[derive(Debug)]
pub(super) struct Resting {
    pub(super) live: Live,
    events: [Packed; ROOM],
    kept: usize,
    /// How many were laid down before it.
    number: u64,
}

impl Resting {
    /// The flow's events, in order.
    pub(super) fn events(&self) -> impl Iterator<Item = Event> {
        self.events.iter().take(self.kept).map(Packed::unpack)
    }
}

/// A queue of resting flows in pages that are used again.
#[derive(Debug, Default)]
pub(super) struct Rest {
    pages: VecDeque<Vec<Option<Resting>>>,
    spare: Vec<Vec<Option<Resting>>>,
    /// Number of the first place of the first page; numbers wrap below [`REST`].
    first: u32,
    /// Places of the first page that were passed.
    passed: usize,
    /// The deadline and id of the last one: they come in order.
    latest: Option<(Timestamp, u64)>,
    /// Flows that were laid down so far.
    laid_down: u64,
    /// The last segments of those that were laid down a moment ago, with that moment: copies may still come.
    recents: VecDeque<(Timestamp, Recent)>,
}

impl Rest {
    /// True when `live` may be laid down: it does not come before one that rests already.
    pub(super) fn accepts(&self, live: &Live) -> bool {
        self.latest.is_none_or(|latest| latest < (live.deadline, live.first.record))
    }

    /// Lays a flow down at the capture time `now`; its slot from then on.
    pub(super) fn push(&mut self, live: Live, kept: &[Event], recent: Recent, now: Timestamp) -> u32 {
        self.latest = Some((live.deadline, live.first.record));
        if self.pages.back().is_none_or(|page| page.len() == PAGE) {
            let page = self.spare.pop().unwrap_or_else(|| Vec::with_capacity(PAGE));
            self.pages.push_back(page);
        }
        let before = (self.pages.len() - 1) * PAGE;
        let mut events = [Packed::default(); ROOM];
        for (place, event) in events.iter_mut().zip(kept) {
            *place = Packed::from(*event);
        }
        let Some(page) = self.pages.back_mut() else { return REST };
        let place = u32::try_from(before + page.len()).unwrap_or(0);
        page.push(Some(Resting { live, events, kept: kept.len(), number: self.laid_down }));
        self.laid_down += 1;
        while self.recents.front().is_some_and(|&(since, _)| now - since > COPY_WINDOW) {
            self.recents.pop_front();
        }
        self.recents.push_back((now, recent));
        REST | self.first.wrapping_add(place)
    }

    /// The flow in `slot`, if that names one that rests.
    pub(super) fn get(&self, slot: u32) -> Option<&Resting> {
        let (page, place) = self.locate(slot)?;
        self.pages.get(page)?.get(place)?.as_ref()
    }

    /// Takes the flow in `slot` away, with its last segments if it was laid down a moment ago.
    pub(super) fn take(&mut self, slot: u32) -> Option<(Resting, Recent)> {
        let (page, place) = self.locate(slot)?;
        let resting = self.pages.get_mut(page)?.get_mut(place)?.take()?;
        let behind = usize::try_from(self.laid_down - resting.number).ok()?;
        let recent = self.recents.len().checked_sub(behind).and_then(|place| self.recents.get(place));
        Some((resting, recent.map_or_else(Recent::default, |&(_, recent)| recent)))
    }

    /// Forgets the flow in `slot`.
    pub(super) fn drop_at(&mut self, slot: u32) {
        if let Some((page, place)) = self.locate(slot)
            && let Some(resting) = self.pages.get_mut(page).and_then(|page| page.get_mut(place))
        {
            *resting = None;
        }
    }

    /// The first of those that still rest, if its deadline lies before `end`.
    pub(super) fn first_due(&mut self, end: Timestamp) -> Option<Due> {
        loop {
            let page = self.pages.front()?;
            match page.get(self.passed) {
                Some(Some(Resting { live, .. })) => {
                    let slot = REST | self.first.wrapping_add(u32::try_from(self.passed).unwrap_or(0));
                    return (live.deadline < end).then_some((live.deadline, live.first.record, slot));
                }
                Some(None) => self.passed += 1,
                None if page.len() < PAGE => return None,
                None => self.turn_page(),
            }
        }
    }

    /// All that still rest: id and slot.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, u32)> {
        let places = self.pages.iter().flatten();
        (0_u32..).zip(places).filter_map(|(place, resting)| {
            let id = resting.as_ref()?.live.first.record;
            Some((id, REST | self.first.wrapping_add(place)))
        })
    }

    /// Leaves the first page: all of it was taken.
    fn turn_page(&mut self) {
        self.passed = 0;
        self.first = self.first.wrapping_add(u32::try_from(PAGE).unwrap_or(0));
        if let Some(mut page) = self.pages.pop_front() {
            page.clear();
            self.spare.push(page);
        }
    }

    fn locate(&self, slot: u32) -> Option<(usize, usize)> {
        let number = (slot & REST != 0).then_some(slot & !REST)?;
        let place = (number.wrapping_sub(self.first) & !REST) as usize;
        Some((place / PAGE, place % PAGE))
    }
}
