//! One endpoint's half of a connection: what it has sent so far, and its last segment.

use super::facts::RecordRef;
use crate::tcp::{Flags, Segment, SeqNumber};

/// What one endpoint has sent so far.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent marks, one byte each")]
pub(super) struct Half {
    /// ISN, or the first number seen of it.
    pub(super) base: SeqNumber,
    /// The number after the last octet sent (SND.NXT as far as seen, or as far as the peer acknowledged).
    pub(super) next: SeqNumber,
    /// Highest number that it acknowledged.
    pub(super) acked: SeqNumber,
    /// Octets sent or acknowledged but not captured (yet): from, up to. Empty when equal.
    pub(super) hole: (SeqNumber, SeqNumber),
    /// The number after its FIN.
    pub(super) fin_end: SeqNumber,
    /// Last window, not scaled.
    pub(super) window: u16,
    /// Shift of its windows (RFC 7323 §2.2), when both SYNs carried the option.
    pub(super) window_scale: u8,
    /// How often it closed its window.
    pub(super) zero_windows: u16,
    /// Segments with a closed window.
    pub(super) closed_windows: u16,
    /// Segments with payload that lies before the end of others: sent again, or late.
    pub(super) repeated_payloads: u16,
    pub(super) fin_copies: u16,
    /// Lowest and highest time to live of its segments other than RST.
    pub(super) ttl: (u8, u8),
    /// VLAN or tunnel in which it sends, once seen. On a trunk the two directions may differ.
    pub(super) scope: u32,
    pub(super) packets: u32,
    pub(super) retransmissions: u32,
    pub(super) probes: u16,
    pub(super) octets: u64,
    /// Its last segment.
    pub(super) last: Seen,
    /// Its numbers are known, be it only from the peer's ACKs.
    pub(super) known: bool,
    /// A segment of it was captured.
    pub(super) seen: bool,
    pub(super) ack_seen: bool,
    pub(super) fin: bool,
    /// Its FIN was acknowledged.
    pub(super) fin_acked: bool,
    pub(super) rst: bool,
    pub(super) window_closed: bool,
    /// It sent data after it had acknowledged the peer's FIN.
    pub(super) data_after_fin: bool,
}

/// The last segment of a half, in case it turns out to matter.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    pub(super) at: RecordRef,
    pub(super) seq: SeqNumber,
    pub(super) ack: SeqNumber,
    pub(super) octets: u32,
    pub(super) window: u16,
    pub(super) flags: Flags,
    pub(super) marks: u8,
}

/// Already among the events.
const KEPT: u8 = 1;
pub(super) const PROBE: u8 = 2;

impl Seen {
    #[inline]
    pub(super) fn of(segment: &Segment) -> Self {
        Self {
            at: RecordRef { record: segment.record, time: segment.time },
            seq: segment.seq,
            ack: segment.ack,
            octets: segment.octets,
            window: segment.window,
            flags: segment.flags,
            marks: 0,
        }
    }

    pub(super) fn kept(&self) -> bool {
        self.marks & KEPT != 0
    }

    pub(super) fn keep(&mut self) {
        self.marks |= KEPT;
    }

    pub(super) fn probe(&self) -> bool {
        self.marks & PROBE != 0
    }
}

impl Half {
    /// Fills the hole with `from..to` as far as they overlap; false when they do not.
    pub(super) fn fill(&mut self, from: SeqNumber, to: SeqNumber) -> bool {
        let (start, end) = self.hole;
        if start == end || !to.after(start) || !end.after(from) {
            return false;
        }
        if start.at_or_after(from) {
            self.hole.0 = if to.at_or_after(end) { end } else { to };
        } else if to.at_or_after(end) {
            self.hole.1 = from;
        }
        true
    }

    /// True when octets of this half were not captured (yet).
    #[inline]
    pub(super) fn is_holed(&self) -> bool {
        self.hole.0 != self.hole.1
    }

    /// True when the peer acknowledged octets of this half that the capture does not hold.
    pub(super) fn has_gap(&self, peer: &Self) -> bool {
        self.is_holed() && peer.ack_seen && peer.acked.after(self.hole.0)
    }
}

/// A keep-alive repeats the last acknowledged number, with no octet or one (RFC 9293 §3.8.4, RFC 1122 §4.2.3.6); a
/// probe of the closed window of `peer` repeats the next one, with its octet (RFC 9293 §3.8.6.1).
pub(super) fn is_probe(segment: &Segment, half: &Half, peer: &Half) -> bool {
    let keeps_alive = |acked: SeqNumber| segment.seq == acked.sub(1) && acked.at_or_after(half.base);
    let asks_for_window = |acked| peer.window_closed && segment.octets == 1 && segment.seq == acked;
    segment.octets <= 1
        && segment.flags.ack()
        && if peer.ack_seen {
            keeps_alive(peer.acked) || asks_for_window(peer.acked)
        } else {
            segment.octets == 0 && segment.seq == half.next.sub(1)
        }
}
