//! The events that a live flow keeps.

use super::event::Event;

/// Most events one flow may keep: enough for any teardown, too few to fill memory with.
pub(super) const MAX_EVENTS: u16 = 64;
/// Events of little weight (bare ACKs, probes, window changes) leave this much room for FIN and RST.
pub(super) const RESERVED: u16 = 24;

/// A flow's events, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept {
    list: Vec<Event>,
    dropped: u16,
}

impl Kept {
    /// None yet; they will lie in `room`.
    pub(super) fn within(mut room: Vec<Event>) -> Self {
        room.clear();
        Self { list: room, dropped: 0 }
    }

    /// The events.
    #[inline]
    pub(super) fn list(&self) -> &[Event] {
        &self.list
    }

    /// The events, to be filled in.
    pub(super) fn list_mut(&mut self) -> &mut Vec<Event> {
        &mut self.list
    }

    /// The memory they lie in.
    pub(super) fn into_room(self) -> Vec<Event> {
        self.list
    }

    /// Events kept.
    #[inline]
    pub(super) fn len(&self) -> u16 {
        u16::try_from(self.list.len()).unwrap_or(u16::MAX)
    }

    /// Events that found no room.
    pub(super) fn dropped(&self) -> u64 {
        u64::from(self.dropped)
    }

    /// Appends `event`; counts it as dropped when there are too many.
    pub(super) fn push(&mut self, event: Event) {
        if self.len() < MAX_EVENTS {
            self.list.push(event);
        } else {
            self.dropped = self.dropped.saturating_add(1);
        }
    }
}
