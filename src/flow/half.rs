//! One endpoint's half of a connection: what it has sent so far, and its last segment.

use super::event::Event;
use super::facts::RecordRef;
use super::holes::Holes;
use crate::tcp::{Flags, Segment, SeqNumber};
use crate::time::TimeDelta;

/// What one endpoint has sent so far.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent marks, one byte each")]
pub(super) struct Half {
    /// ISN, or the first number seen of it.
    pub(super) base: SeqNumber,
    /// The number after the last octet sent (SND.NXT as far as seen, or as far as the peer acknowledged).
    pub(super) next: SeqNumber,
    /// Highest number that it acknowledged.
    pub(super) acked: SeqNumber,
    /// Sent or acknowledged but not captured (yet).
    pub(super) holes: Holes,
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
    pub(super) fin_copies: u8,
    /// Lowest and highest time to live of its segments other than RST.
    pub(super) ttl: (u8, u8),
    /// IP identification of its last segment.
    pub(super) ip_id: u16,
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
/// The IP identifications of its half are no count: somewhere they jumped.
const JUMPED: u8 = 4;
/// IP identifications that count go up by the segments sent since: a few, or as many as fit one large send.
const ID_STEP: u16 = 64;

/// From so many segments on a count is none by chance.
const COUNTED: u32 = 4;
/// Nothing else that a host sends takes this many identifications in the time of [`COUNTING`], or it would show as jumps.
const FAR_ID: u16 = 4096;
/// See [`FAR_ID`].
const COUNTING: TimeDelta = TimeDelta::from_secs(1);

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

    /// The segment that was kept as `event`.
    pub(super) fn of_event(event: &Event) -> Self {
        let Event { at, seq, ack, octets, window, flags, .. } = *event;
        Self { at, seq, ack, octets, window, flags, marks: 0 }
    }

    /// Sequence space that it occupies.
    pub(super) const fn sequence_length(&self) -> u32 {
        self.octets + self.flags.syn() as u32 + self.flags.fin() as u32
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
    /// Takes `segment` for its last one. The mark of a jump in its IP identifications stays.
    #[inline]
    pub(super) fn follow(&mut self, segment: &Segment, marks: u8) {
        // Identification 0 stands for none (RFC 6864 §4.1), or for a segment that no socket sent.
        let jumps = self.ip_id != 0 && segment.ip_id != 0 && is_id_jump(self.ip_id, segment.ip_id);
        let jumped = self.last.marks & JUMPED | if jumps { JUMPED } else { 0 };
        self.ip_id = segment.ip_id;
        self.last = Seen { marks: marks | jumped, ..Seen::of(segment) };
    }

    /// Takes `segment`, a RST, for its last one. It may not be its own, so its identification counts for nothing.
    pub(super) fn end_with(&mut self, segment: &Segment) {
        self.last = Seen { marks: self.last.marks & JUMPED, ..Seen::of(segment) };
    }

    /// Whether the IP identification of `segment` continues this half's count, if it has one that can be told from
    /// chance. `None` as well where something else may have counted on meanwhile.
    pub(super) fn continues_ids(&self, segment: &Segment) -> Option<bool> {
        let counts = self.packets >= COUNTED && self.last.marks & JUMPED == 0 && self.ip_id != 0;
        if !counts || segment.ip_id == 0 {
            return None;
        }
        let away = segment.ip_id.wrapping_sub(self.ip_id);
        let is_far = away.wrapping_add(FAR_ID) > 2 * FAR_ID && segment.time - self.last.at.time <= COUNTING;
        if is_id_jump(self.ip_id, segment.ip_id) { is_far.then_some(false) } else { Some(true) }
    }

    /// Takes note that the numbers from `next` up to `to` were skipped.
    #[cold]
    pub(super) fn skip_to(&mut self, to: SeqNumber) {
        self.holes.open(self.next, to, self.octets);
    }

    /// True when no segment of it was captured.
    pub(super) fn is_blank(&self) -> bool {
        self.packets == 0
    }

    /// True when it did what most do not: send again, probe, close its window.
    pub(super) fn is_odd(&self) -> bool {
        self.retransmissions != 0
            || self.fin_copies != u8::from(self.fin)
            || (self.probes | self.zero_windows | self.closed_windows | self.repeated_payloads) != 0
    }

    /// True when octets of this half were not captured (yet).
    #[inline]
    pub(super) fn is_holed(&self) -> bool {
        self.holes.any()
    }

    /// How many sequence numbers of this half the capture does not hold although the peer acknowledged them. Where
    /// nothing of the peer was captured, those that were skipped and never sent again.
    pub(super) fn missed(&self, peer: &Self) -> u64 {
        match (peer.ack_seen, peer.seen) {
            (true, _) => self.holes.acknowledged(peer.acked, self.octets),
            (false, true) => 0,
            (false, false) => self.holes.all(),
        }
    }

    /// True when the capture missed segments of this half.
    pub(super) fn has_gap(&self, peer: &Self) -> bool {
        self.missed(peer) > 0
    }
}

/// True when `next` is no count that comes soon after, or shortly before, `last`.
#[inline]
pub(super) const fn is_id_jump(last: u16, next: u16) -> bool {
    next.wrapping_sub(last).wrapping_add(ID_STEP) > 2 * ID_STEP
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
