//! What is true or false of a packed flow, one bit each.

use crate::flow::facts::Order;
use crate::flow::live::Live;
use crate::net::{Role, Sides};
use crate::time::{TimeDelta, Timestamp};

/// Bits of both sides, initiator first.
const fn sides(initiator: u32, responder: u32) -> Sides<u64> {
    Sides { initiator: 1 << initiator, responder: 1 << responder }
}

pub(super) const INITIATOR_LOW: u64 = 1;
pub(super) const SYN: u64 = 1 << 1;
pub(super) const RST: u64 = 1 << 7;
/// Of the initiator and the responder: bits of their eight.
pub(super) const KNOWN: Sides<u64> = sides(10, 18);
pub(super) const SEEN: Sides<u64> = sides(11, 19);
pub(super) const FIN: Sides<u64> = sides(13, 21);

/// The initiator's last octets are not answered.
pub(super) const ASKED: u64 = 1 << 26;
/// A side kept its window closed.
pub(super) const STALLED: Sides<u64> = sides(27, 28);
pub(super) const IPV4: u64 = 1 << 32;
pub(super) const BY_RECORDS: u64 = 1 << 33;
pub(super) const BOTH_WAYS: u64 = 1 << 34;
pub(super) const ONE_WAY: u64 = 1 << 35;
/// It is due one day, which a word tells: it is not so many seconds after its last segment as its marks can say.
pub(super) const DEADLINE: u64 = 1 << 36;
/// The directions have other scopes than the tuple, which a word tells.
pub(super) const SCOPES: u64 = 1 << 37;
/// Somebody sent octets.
pub(super) const TALK: u64 = 1 << 38;
pub(super) const RESPONDER_TALKS: u64 = 1 << 39;
pub(super) const RESPONDER_ASKED: u64 = 1 << 40;
/// A side sent something again, probed, or closed its window.
pub(super) const ODD: Sides<u64> = sides(41, 42);
/// Nothing of a side was captured.
pub(super) const BLANK: Sides<u64> = sides(43, 44);
pub(super) const PAUSE: u64 = 1 << 45;
pub(super) const REUSE: u64 = 1 << 46;
/// It has more than twelve letters.
pub(super) const WORDY: u64 = 1 << 47;
/// The responder replied more than once, or was asked again.
pub(super) const REPLIES: u64 = 1 << 63;
/// Its SYN was sent again.
pub(super) const RETRIED: u64 = 1 << 48;

/// Above all marks: after how many seconds without a segment it is due; 0 where it is not, or a word tells.
const DELAY_SHIFT: u32 = 49;
const DELAY_BITS: u32 = 14;
const SECOND: i64 = TimeDelta::from_secs(1).nanos();

/// When a flow is due by its `marks` whose last segment came at `last`, unless a word tells.
pub(super) fn due_by(marks: u64, last: Timestamp) -> Timestamp {
    match (marks >> DELAY_SHIFT & ((1 << DELAY_BITS) - 1)).cast_signed() {
        0 => Timestamp::MAX,
        seconds => Timestamp::from_nanos(last.nanos().wrapping_add(seconds * SECOND)),
    }
}

/// The marks that tell when `live` is due.
fn deadline_of(live: &Live) -> u64 {
    if live.deadline == Timestamp::MAX {
        return 0;
    }
    let nanos = live.deadline.nanos().wrapping_sub(live.last().time.nanos());
    match u64::try_from(nanos / SECOND) {
        Ok(seconds @ 1..) if nanos % SECOND == 0 && seconds >> DELAY_BITS == 0 => seconds << DELAY_SHIFT,
        _ => DEADLINE,
    }
}

/// All that is true or false of a flow, in the order of its marks.
pub(super) fn bools(live: &mut Live) -> [&mut bool; 26] {
    let Live { initiator_low, stage, halves: Sides { initiator, responder }, .. } = live;
    [
        initiator_low,
        &mut stage.syn,
        &mut stage.syn_ack,
        &mut stage.handshake_done,
        &mut stage.simultaneous_open,
        &mut stage.fast_open,
        &mut stage.mptcp_join,
        &mut stage.rst,
        &mut stage.rst_outside,
        &mut stage.plain,
        &mut initiator.known,
        &mut initiator.seen,
        &mut initiator.ack_seen,
        &mut initiator.fin,
        &mut initiator.fin_acked,
        &mut initiator.rst,
        &mut initiator.window_closed,
        &mut initiator.data_after_fin,
        &mut responder.known,
        &mut responder.seen,
        &mut responder.ack_seen,
        &mut responder.fin,
        &mut responder.fin_acked,
        &mut responder.rst,
        &mut responder.window_closed,
        &mut responder.data_after_fin,
    ]
}

/// The marks of `live`.
pub(super) fn marks_of(live: &mut Live) -> u64 {
    let marks = bools(live).iter().rev().fold(0, |marks, it| marks << 1 | u64::from(**it));
    let Sides { initiator, responder } = &live.halves;
    let scope = live.tuple.scope();
    let responds = |role: Option<Role>| role == Some(Role::Responder);
    let has_other_scope = |seen: bool, its: u32| its != if seen { scope } else { 0 };
    let ways = live.ways();
    let mark = |mark: u64, is: bool| if is { mark } else { 0 };
    marks
        | deadline_of(live)
        | mark(IPV4, live.tuple.is_ipv4())
        | mark(BY_RECORDS, live.stage.order == Order::Records)
        | mark(BOTH_WAYS, ways.both)
        | mark(ONE_WAY, ways.one)
        | mark(SCOPES, has_other_scope(initiator.seen, initiator.scope))
        | mark(SCOPES, has_other_scope(responder.seen, responder.scope))
        | mark(TALK, live.burst.talker.is_some())
        | mark(RESPONDER_TALKS, responds(live.burst.talker))
        | mark(RESPONDER_ASKED, responds(live.burst.requester))
        | mark(ODD.initiator, initiator.is_odd())
        | mark(ODD.responder, responder.is_odd())
        | mark(BLANK.initiator, initiator.is_blank())
        | mark(BLANK.responder, responder.is_blank())
        | mark(PAUSE, live.pause().is_some())
        | mark(ASKED, live.asked.record != 0)
        | mark(STALLED.initiator, initiator.zero_windows != 0)
        | mark(STALLED.responder, responder.zero_windows != 0)
        | mark(REUSE, live.reuse().is_some())
        | mark(REPLIES, !live.has_few_replies())
        | mark(RETRIED, live.syn_retries != 0)
        | mark(WORDY, live.letters.to_words()[1] != 0)
}
