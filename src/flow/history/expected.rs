//! What a sender is expected to send next: where a segment does as expected, nothing is written.

use crate::net::FourTuple;
use crate::tcp::{Flags, Segment, SeqNumber};

/// One four-tuple's last segments.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conversation {
    pub(super) tuple: FourTuple,
    low: Expected,
    high: Expected,
}

/// The segment that one endpoint would send next if nothing changed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Expected {
    pub(super) seq: SeqNumber,
    pub(super) ack: SeqNumber,
    pub(super) octets: u32,
    pub(super) window: u16,
    pub(super) ip_id: u16,
    pub(super) interface: u16,
    pub(super) ttl: u8,
    pub(super) flags: Flags,
}

impl Conversation {
    pub(super) fn new(tuple: FourTuple) -> Self {
        Self { tuple, low: Expected::default(), high: Expected::default() }
    }

    /// What the low or the high endpoint sends next.
    pub(super) fn expected(&self, from_low: bool) -> Expected {
        if from_low { self.low } else { self.high }
    }

    /// `segment` was sent.
    pub(super) fn learn(&mut self, segment: &Segment) {
        let next = Expected {
            seq: segment.end(),
            ack: segment.ack,
            octets: segment.octets,
            window: segment.window,
            // Counted up for each packet, or always 0 (RFC 6864 §4.1).
            ip_id: if segment.ip_id == 0 { 0 } else { segment.ip_id.wrapping_add(1) },
            interface: segment.interface,
            ttl: segment.ttl,
            flags: segment.flags,
        };
        if segment.from_low {
            self.low = next;
        } else {
            self.high = next;
        }
    }
}
