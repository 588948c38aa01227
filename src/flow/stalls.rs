//! How long a side kept its window closed while its peer waited.

use serde::Serialize;

use super::facts::RecordRef;
use super::live::Live;
use crate::net::Role;
use crate::tcp::Segment;
use crate::time::{TimeDelta, Timestamp};

/// A time in which one side took no more octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Stall {
    /// The segment that closed the window.
    pub since: RecordRef,
    /// The one that opened it again; `None` when none did.
    pub until: Option<RecordRef>,
    /// How often the peer probed meanwhile: it had something to send (RFC 9293 §3.8.6.1).
    pub probes: u32,
}

impl Stall {
    /// How long it was, to `end` at the latest.
    pub fn lasted(&self, end: Timestamp) -> TimeDelta {
        self.until.map_or(end, |until| until.time) - self.since.time
    }
}

/// Watches the window of one side.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Watch {
    /// It is closed since here; the peer had sent so many probes by then.
    pub(super) closed: Option<(RecordRef, u16)>,
    /// The longest time that is over.
    pub(super) longest: Option<Stall>,
}

impl Watch {
    /// The longest time of all: that which goes on at `now` if it is one, when the peer has sent `probes`.
    pub(super) fn longest_by(&self, now: Timestamp, probes: u16) -> Option<Stall> {
        let open = self.closed.map(|closed| stall(closed, None, probes));
        match (open, self.longest) {
            (Some(open), Some(longest)) if longest.lasted(now) > open.lasted(now) => Some(longest),
            (open, longest) => open.or(longest),
        }
    }
}

fn stall((since, before): (RecordRef, u16), until: Option<RecordRef>, probes: u16) -> Stall {
    Stall { since, until, probes: u32::from(probes.saturating_sub(before)) }
}

impl Live {
    /// `from` closed its window, or opened it, with `segment`.
    pub(super) fn note_stall(&mut self, segment: &Segment, from: Role) {
        let at = RecordRef { record: segment.record, time: segment.time };
        let (is_closed, probes) = (self.halves[from].window_closed, self.halves[!from].probes);
        let watch = &mut self.rare_mut().stalls[from];
        if is_closed {
            watch.closed = Some((at, probes));
        } else if let Some(closed) = watch.closed.take() {
            let over = stall(closed, Some(at), probes);
            let lasted = |stall: Stall| stall.lasted(at.time);
            watch.longest = watch.longest.filter(|longest| lasted(*longest) >= lasted(over)).or(Some(over));
        }
    }
}
