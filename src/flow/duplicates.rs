//! Recognises a packet that the capture holds more than once.
//!
//! A router captured on `any`, a mirror port that sees both legs, or two merged captures show every packet
//! twice. The copies are identical but for the time to live and the interface. Retransmissions differ: a
//! sender gives every IPv4 packet an identification of its own (unless it is 0), and repeats a segment no
//! sooner than its retransmission time-out.

use crate::tcp::Segment;
use crate::time::{TimeDelta, Timestamp};

/// Copies lie no further apart than this: a forwarding delay, less than any retransmission time-out
/// (RFC 6298 §2.4 asks for 1 s, Linux uses at least 200 ms).
pub(super) const COPY_WINDOW: TimeDelta = TimeDelta::from_millis(100);

/// Copies of one packet are this many routers apart at most.
const MOST_HOPS: u8 = 8;
/// A short connection in full, so that copies that come after its end are still told.
const REMEMBERED: usize = 12;

/// The last few segments of one flow.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Recent {
    /// By themselves, to be compared all at once.
    signatures: [Signature; REMEMBERED],
    passages: [Passage; REMEMBERED],
    next: u8,
}

/// Everything that a copy of a packet repeats, mixed into 32 bits. 0 marks an empty place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Signature(u32);

/// When and how a packet came.
#[derive(Clone, Copy, Debug, Default)]
struct Passage {
    /// Capture time in units of 2²⁰ ns (1.05 ms), wrapping after 52 days.
    time: u32,
    /// Interface (folded to eight bits) and time to live.
    path: (u8, u8),
}

impl Recent {
    /// Remembers `segment`.
    #[inline]
    pub(super) fn remember(&mut self, segment: &Segment, signature: Signature) {
        let place = usize::from(self.next);
        self.next = if place + 1 < REMEMBERED { self.next + 1 } else { 0 };
        if let (Some(its), Some(passage)) = (self.signatures.get_mut(place), self.passages.get_mut(place)) {
            *its = signature;
            *passage = Passage { time: coarse(segment.time), path: path_of(segment) };
        }
    }

    /// True when `segment` is another copy of a remembered packet.
    #[inline]
    pub(super) fn is_copy(&self, segment: &Segment, signature: Signature) -> bool {
        // All of them, whatever comes first: they fit into three registers.
        let matches = self.signatures.iter().map(|its| u32::from(*its == signature));
        matches.fold(0, |any, one| any | one) != 0 && self.is_passage(segment, signature)
    }

    /// True when `segment` is another copy of a remembered packet.
    ///
    /// Without an IP identification, equal numbers alone may be a retransmission or a repeated ACK: then the
    /// copy must differ in time to live or interface, which a sender's own repetition does not. A SYN is repeated
    /// by time-out only.
    #[cold]
    fn is_passage(&self, segment: &Segment, signature: Signature) -> bool {
        let now = coarse(segment.time);
        let window = coarse(Timestamp::from_nanos(COPY_WINDOW.nanos()));
        self.signatures.iter().zip(&self.passages).any(|(its, passage)| {
            let apart = now.wrapping_sub(passage.time).min(passage.time.wrapping_sub(now));
            *its == signature && apart <= window && is_another_way(passage.path, segment)
        })
    }
}

#[inline]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "wraps by design")]
fn coarse(time: Timestamp) -> u32 {
    (time.nanos() >> 20) as u32
}

/// What differs between two copies of a packet.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "folded on purpose")]
const fn path_of(segment: &Segment) -> (u8, u8) {
    ((segment.interface ^ segment.interface >> 8) as u8, segment.ttl)
}

/// True when a packet equal but for its way may be the same one: a few routers apart, and, where nothing but the
/// way tells it from a repetition, another way.
fn is_another_way(path: (u8, u8), segment: &Segment) -> bool {
    let way = path_of(segment);
    let told_apart = segment.ip_id != 0 || segment.flags.syn() || path != way;
    path.1.abs_diff(way.1) <= MOST_HOPS && told_apart
}

impl Signature {
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "folded on purpose")]
    pub(super) fn of(segment: &Segment) -> Self {
        let numbers = u64::from(segment.seq.0) << 32 | u64::from(segment.ack.0);
        let header = u64::from(segment.ip_id) << 48
            | u64::from(segment.checksum) << 32
            | u64::from(segment.window) << 16
            | u64::from(segment.flags.0) << 8
            | u64::from(segment.from_low);
        // One multiplication folds both halves; each is disturbed first so that neither can be nothing.
        let product =
            u128::from(numbers ^ 0x9e37_79b9_7f4a_7c15) * u128::from(header ^ 0xd6e8_feb8_6659_fd93);
        Self(((product >> 48) as u32 ^ segment.octets) | 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::FourTuple;
    use crate::tcp::SeqNumber;

    fn segment(nanos: i64) -> Segment {
        let (tuple, from_low) = FourTuple::v4([10, 0, 0, 1], [10, 0, 0, 2], (40_000, 80), 0);
        Segment {
            time: Timestamp::from_nanos(nanos),
            seq: SeqNumber(1),
            ack: SeqNumber(1),
            octets: 1,
            ip_id: 7,
            ..Segment::plain((tuple, from_low))
        }
    }

    #[test]
    fn a_copy_comes_soon_and_not_a_minute_later() {
        let (first, mut recent) = (segment(0), Recent::default());
        recent.remember(&first, Signature::of(&first));
        let is_copy = |nanos| recent.is_copy(&segment(nanos), Signature::of(&segment(nanos)));
        assert!(is_copy(90_000_000));
        assert!(!is_copy(200_000_000));
        // Where sixteen bits of such units begin anew.
        assert!(!is_copy(1 << 36));
    }
}
