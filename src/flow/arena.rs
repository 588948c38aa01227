//! The arena that holds every live flow's events: chunks of four, chained, recycled.

use super::event::{Event, Packed};

/// Most events one flow may keep: enough for any teardown, too few to fill memory with.
pub(super) const MAX_EVENTS: u16 = 64;
/// Events of little weight (bare ACKs, probes, window changes) leave this much room for FIN and RST.
pub(super) const RESERVED: u16 = 24;

const NONE: u32 = u32::MAX;
const CHUNK: usize = 4;

/// Where a flow's events are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chain {
    head: u32,
    tail: u32,
    length: u16,
    dropped: u16,
}

impl Default for Chain {
    fn default() -> Self {
        Self { head: NONE, tail: NONE, length: 0, dropped: 0 }
    }
}

impl Chain {
    /// Events kept.
    pub(super) fn len(&self) -> u16 {
        self.length
    }

    /// Events that found no room.
    pub(super) fn dropped(&self) -> u64 {
        u64::from(self.dropped)
    }
}

#[derive(Clone, Copy, Debug)]
struct Chunk {
    events: [Packed; CHUNK],
    next: u32,
}

/// All live flows' events.
#[derive(Debug, Default)]
pub(super) struct Arena {
    chunks: Vec<Chunk>,
    free: Vec<u32>,
}

impl Arena {
    /// Appends `event` to `chain`; counts it as dropped when the flow has too many.
    pub(super) fn push(&mut self, chain: &mut Chain, event: Event) {
        if chain.length >= MAX_EVENTS {
            chain.dropped = chain.dropped.saturating_add(1);
            return;
        }
        let place = usize::from(chain.length) % CHUNK;
        if place == 0 {
            let fresh = self.allocate();
            match self.chunks.get_mut(chain.tail as usize) {
                Some(tail) => tail.next = fresh,
                None => chain.head = fresh,
            }
            chain.tail = fresh;
        }
        if let Some(slot) =
            self.chunks.get_mut(chain.tail as usize).and_then(|chunk| chunk.events.get_mut(place))
        {
            *slot = Packed::from(event);
            chain.length += 1;
        }
    }

    /// Moves the events of `chain`, in order, into `events`, and gives their place back.
    pub(super) fn drain(&mut self, chain: &mut Chain, events: &mut Vec<Event>) {
        let mut at = chain.head;
        let mut left = usize::from(chain.length);
        while let Some(chunk) = self.chunks.get(at as usize) {
            events.extend(chunk.events.iter().take(left).map(Packed::unpack));
            left = left.saturating_sub(CHUNK);
            self.free.push(at);
            at = chunk.next;
        }
        *chain = Chain { dropped: chain.dropped, ..Chain::default() };
    }

    /// The events of `chain`, in order.
    pub(super) fn iter(&self, chain: &Chain) -> impl Iterator<Item = Event> {
        let mut at = chain.head;
        let chunks = std::iter::from_fn(move || {
            let chunk = self.chunks.get(at as usize)?;
            at = chunk.next;
            Some(chunk)
        });
        chunks.flat_map(|chunk| &chunk.events).take(usize::from(chain.length)).map(Packed::unpack)
    }

    /// Reads something of every cache line of the first chunks.
    #[inline]
    pub(super) fn warm(&self, chain: &Chain) -> u64 {
        let line = |at: u32| {
            let chunk = self.chunks.get(at as usize)?;
            Some(chunk.events.iter().fold(0, |sum, event| sum ^ event.record()))
        };
        line(chain.head).unwrap_or(0) ^ line(chain.tail).unwrap_or(0)
    }

    fn allocate(&mut self) -> u32 {
        if let Some(place) = self.free.pop() {
            if let Some(chunk) = self.chunks.get_mut(place as usize) {
                chunk.next = NONE;
            }
            return place;
        }
        self.chunks.push(Chunk { events: [Packed::default(); CHUNK], next: NONE });
        u32::try_from(self.chunks.len() - 1).unwrap_or(NONE)
    }
}
