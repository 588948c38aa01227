//! Judges every RST of a flow: who sent it, what it answers, whether it counts (RFC 5961, RFC 9293 §3.10.7).

use super::{Case, goes_on_after};
use crate::flow::event::{Event, EventKind, FOREIGN_ID, OWN_ID};
use crate::flow::facts::{FinFacts, Handshake};
use crate::flow::resets::{Answered, Reset, ResetKind};
use crate::net::Role;
use crate::time::TimeDelta;

/// A stateless RST answers its segment at once: a round trip at most when the capture was taken at the other
/// end.
const ANSWER_WINDOW: TimeDelta = TimeDelta::from_secs(3);
/// What a receiver sends sooner than this after a RST may have been on its way already.
const CROSSING: TimeDelta = TimeDelta::from_millis(300);
/// Packets overtake others by less than this.
const REORDERING: TimeDelta = TimeDelta::from_millis(50);
/// Hop counts may change a little on the way; a forged segment starts elsewhere.
const TTL_TOLERANCE: u8 = 3;
/// Numbers further than this from all that was sent are another connection's, or made up.
const FAR: i64 = 1 << 24;
/// Resets told apart per flow; the rest repeat them.
const MAX_RESETS: usize = 8;

/// Every RST of the flow, in order, up to eight.
pub(super) fn judge_resets(case: &Case<'_>) -> Vec<Reset> {
    if !case.live.stage.rst && !case.live.stage.rst_outside {
        return Vec::new();
    }
    let mut resets: Vec<Reset> = Vec::new();
    for (index, event) in case.events.iter().enumerate().filter(|(_, event)| is_rst(event)) {
        if resets.len() < MAX_RESETS {
            let reset = judge_reset(case, index, event, &resets);
            resets.push(reset);
        }
    }
    resets
}

/// The RST that decides the outcome: the first that counts.
pub(super) fn deciding(resets: &[Reset]) -> Option<usize> {
    resets.iter().position(|reset| !reset.after_close && !reset.ignored)
}

fn is_rst(event: &Event) -> bool {
    matches!(event.kind, EventKind::Rst | EventKind::RstOutside)
}

fn judge_reset(case: &Case<'_>, index: usize, rst: &Event, earlier: &[Reset]) -> Reset {
    let by = rst.from;
    let answers = answered(case, index, rst, earlier);
    let half = &case.live.halves[by];
    let [ttl, _] = rst.window.to_le_bytes();
    let stateless = answers.is_some_and(|(kind, _)| kind != Answered::Syn);
    let forged = !rst.into_successor
        && rst.window & OWN_ID == 0
        && (is_foreign_ttl(case, by, ttl) && !(stateless && is_as_far(case, by, ttl))
            || is_foreign_count(case, rst));
    let kind = if forged { ResetKind::ThirdParty } else { kind_of(case, rst, answers) };
    let after_close = is_after_close(case, rst);
    let ignored = rst.kind == EventKind::RstOutside
        || is_challenged(case, rst)
        || is_ignored(case, rst, answers.map(|(kind, _)| kind), kind);
    let disowned = !ignored && !after_close && kind != ResetKind::Refusal && is_disowned(case, rst);
    Reset {
        by,
        kind: if disowned { ResetKind::ThirdParty } else { kind },
        at: rst.at,
        answers: answers.map(|(kind, event)| (kind, event.at)),
        after_close,
        ignored,
        sender_goes_on: goes_on_after(case, by, rst.at),
        ttl,
        sender_ttl: half.ttl,
    }
}

/// The segment that a RST answers: the peer's, just before it, whose ACK number it repeats (or, for a RST with
/// ACK to a SYN, whose end it acknowledges). Several RSTs answer several segments in turn.
fn answered<'a>(
    case: &'a Case<'_>,
    index: usize,
    rst: &Event,
    earlier: &[Reset],
) -> Option<(Answered, &'a Event)> {
    let before = case.events.get(..index)?;
    let taken =
        |event: &Event| earlier.iter().any(|reset| reset.answers.is_some_and(|(_, at)| at == event.at));
    // Octets on the SYN (RFC 7413) may be acknowledged or not.
    let to_syn = |event: &&Event| {
        matches!(event.kind, EventKind::Syn | EventKind::SynAgain)
            && event.from != rst.from
            && rst.ack.after(event.seq)
            && event.end().at_or_after(rst.ack)
    };
    // Who has sent a SYN-ACK has a connection to give up.
    let accepted = |event: &Event| {
        matches!(event.kind, EventKind::SynAck | EventKind::SynAckAgain) && event.from == rst.from
    };
    if rst.flags.ack() {
        let refused = !before.iter().any(accepted);
        return before.iter().rfind(|event| refused && to_syn(event)).map(|event| (Answered::Syn, event));
    }
    let candidates = || {
        before.iter().filter(|event| {
            event.from != rst.from
                && event.flags.ack()
                && event.ack == rst.seq
                && rst.time() - event.time() <= ANSWER_WINDOW
                && !acknowledged(case, rst, event)
                && !matches!(event.kind, EventKind::Ghost | EventKind::IcmpError)
                && !is_rst(event)
        })
    };
    // What has sequence space draws the RST before what only acknowledges; of several, the first unanswered.
    let solid = candidates().find(|event| !taken(event) && !is_bare(event));
    let event =
        solid.or_else(|| candidates().rfind(|event| !taken(event))).or_else(|| candidates().next_back())?;
    Some((answered_kind(event), event))
}

fn is_bare(event: &Event) -> bool {
    matches!(answered_kind(event), Answered::Ack)
}

/// True when the RST's sender had acknowledged `event` before.
fn acknowledged(case: &Case<'_>, rst: &Event, event: &Event) -> bool {
    let sender = &case.live.halves[rst.from];
    event.end() != event.seq && sender.ack_seen && sender.acked.at_or_after(event.end())
}

fn answered_kind(event: &Event) -> Answered {
    match event.kind {
        EventKind::Syn | EventKind::SynAgain => Answered::Syn,
        EventKind::Probe => Answered::Probe,
        _ if event.octets > 0 => Answered::Data,
        _ if event.flags.fin() => Answered::Fin,
        _ => Answered::Ack,
    }
}

fn kind_of(case: &Case<'_>, rst: &Event, answers: Option<(Answered, &Event)>) -> ResetKind {
    let by = rst.from;
    let own_fin = case.fin[by].filter(|fin| case.is_before(fin.first, rst.at));
    if matches!(answers, Some((Answered::Syn, _))) {
        return ResetKind::Refusal;
    }
    // The only segment of a side whose connection was not seen to begin: it may have closed a port as well as a
    // connection (CLOSED answers with RST and ACK, too: RFC 9293 §3.10.7.1).
    if rst.flags.ack() && case.handshake == Handshake::NotSeen && !case.live.halves[by].seen {
        return ResetKind::Unsolicited;
    }
    if rst.flags.ack() {
        return if own_fin.is_some() { ResetKind::AfterOwnFin } else { ResetKind::Abort };
    }
    if rst.into_successor && matches!(answers, Some((Answered::Ack, _))) {
        return ResetKind::SuccessorSyn;
    }
    match (own_fin, answers) {
        (_, None) => ResetKind::Unsolicited,
        (Some(fin), Some((Answered::Data | Answered::Fin, event))) if has_crossed(case, &fin, rst, event) => {
            ResetKind::CrossedFin
        }
        (Some(_), Some((Answered::Data, _))) if case.active_closer == Some(by) => ResetKind::StaleData,
        (Some(_), Some((Answered::Fin, _))) if case.active_closer == Some(by) => ResetKind::StaleFin,
        (Some(_), Some((Answered::Probe, _))) if case.active_closer == Some(by) => ResetKind::StaleProbe,
        (Some(_), Some(_)) => ResetKind::AfterOwnFin,
        (None, Some(_)) => ResetKind::StateLost,
    }
}

/// True when `event` carries octets that its sender had sent before it received `fin`, or lies behind some that were
/// never acknowledged: these draw the RST then (RFC 1122 §4.2.2.13), however late a copy of them comes.
///
/// A segment without octets has the number of the next new one, so the first that acknowledges `fin` tells what
/// had been sent by then.
fn has_crossed(case: &Case<'_>, fin: &FinFacts, rst: &Event, event: &Event) -> bool {
    let octets_end = event.seq.add(event.octets);
    let receiver = &case.live.halves[rst.from];
    if receiver.ack_seen && receiver.acked.at_or_after(octets_end) {
        return false;
    }
    let sent_before = |first: &Event| {
        !first.ack.at_or_after(fin.end) || first.at != event.at && first.seq.at_or_after(octets_end)
    };
    let first_to_acknowledge = case.events.iter().find(|first| {
        first.from == event.from
            && first.flags.ack()
            && first.ack.at_or_after(fin.end)
            && !is_rst(first)
            && !matches!(first.kind, EventKind::Ghost | EventKind::IcmpError)
    });
    first_to_acknowledge.is_none_or(|first| case.is_before(rst.at, first.at) || sent_before(first))
}

/// Both FINs had been acknowledged before it.
fn is_after_close(case: &Case<'_>, rst: &Event) -> bool {
    Role::BOTH.into_iter().all(|role| {
        case.fin[role].is_some_and(|fin| fin.acked.is_some_and(|acked| case.is_before(acked, rst.at)))
    })
}

/// A RST counts unless its receiver goes on with the same numbers: then it was lost behind the capture point
/// or not accepted.
///
/// A RST that answers data or a FIN is proven by silence: the receiver would retransmit. One that answers a
/// bare ACK is not, so when the same RST was ignored before, it is taken to be ignored again.
fn is_ignored(case: &Case<'_>, rst: &Event, answers: Option<Answered>, kind: ResetKind) -> bool {
    let receiver = !rst.from;
    if kind == ResetKind::Refusal {
        return case.live.stage.syn_ack && case.live.stage.handshake_done;
    }
    // RSTs that come together share what follows them.
    let later_rst = |event: &&Event| {
        event.kind == EventKind::Rst
            && event.from == rst.from
            && case.is_before(rst.at, event.at)
            && event.time() - rst.time() > CROSSING
    };
    let next_rst = case.events.iter().find(later_rst).map(|event| event.at);
    let went_on = |event: &&Event| {
        event.from == receiver
            && case.is_before(rst.at, event.at)
            && next_rst.is_none_or(|next| case.is_before(event.at, next))
            && event.time() - rst.time() > CROSSING
            && !matches!(
                event.kind,
                EventKind::Rst
                    | EventKind::Ghost
                    | EventKind::IcmpError
                    | EventKind::Syn
                    | EventKind::SynAgain
            )
    };
    // A receiver that acknowledges what the sender sent after the RST has gone on, however soon.
    let after =
        |event: &&Event| case.is_before(rst.at, event.at) && !is_rst(event) && event.kind != EventKind::Ghost;
    let sent_after =
        case.events.iter().filter(after).find(|event| event.from == rst.from && event.end() != event.seq);
    let taken_after = |event: &&Event| {
        event.from == receiver
            && event.flags.ack()
            && sent_after
                .is_some_and(|sent| case.is_before(sent.at, event.at) && event.ack.at_or_after(sent.end()))
    };
    if case.events.iter().any(|event| went_on(&event) || after(&event) && taken_after(&event)) {
        return true;
    }
    if next_rst.is_none() && goes_on_after(case, receiver, rst.at) {
        return case.live.halves[receiver].last.at.time - rst.time() > CROSSING;
    }
    let repeats_ignored = || {
        case.events.iter().any(|event| {
            event.kind == EventKind::Rst
                && event.from == rst.from
                && case.is_before(event.at, rst.at)
                && event.seq == rst.seq
                && is_ignored(case, event, answers, kind)
        })
    };
    matches!(answers, Some(Answered::Ack)) && next_rst.is_none() && repeats_ignored()
}

/// True when the receiver had not got all that comes before the RST, said so once more when the RST came, and no
/// second RST confirmed the first: a RST in the window but not at its edge draws such an ACK (RFC 5961 §3.2).
fn is_challenged(case: &Case<'_>, rst: &Event) -> bool {
    let of_receiver = |event: &&Event| {
        event.from != rst.from
            && event.flags.ack()
            && !event.flags.is_control()
            && !matches!(event.kind, EventKind::Ghost | EventKind::IcmpError)
    };
    let after = || case.events.iter().filter(|event| case.is_before(rst.at, event.at));
    let mut before = case.events.iter().filter(|event| case.is_before(event.at, rst.at));
    let Some(last) = before.rfind(of_receiver) else { return false };
    let repeats = |event: &Event| {
        event.octets == 0
            && event.seq == last.end()
            && event.ack == last.ack
            && event.time() - rst.time() <= ANSWER_WINDOW
    };
    let confirmed = after().any(|event| event.kind == EventKind::Rst && event.from == rst.from);
    rst.seq.after(last.ack) && !confirmed && after().find(of_receiver).is_some_and(repeats)
}

/// True when the alleged sender of a RST goes on with the connection: then it sent none. A socket that resets is
/// gone, and what it had sent before overtakes nothing by much.
fn is_disowned(case: &Case<'_>, rst: &Event) -> bool {
    let after = || case.events.iter().filter(|event| case.is_before(rst.at, event.at));
    let opens = |event: &Event| matches!(event.kind, EventKind::HandshakeAck | EventKind::SynAck);
    let speaks = |event: &Event| {
        let is_ordered = rst.flags.ack() || event.time() - rst.time() > REORDERING;
        let is_beyond = is_ordered && event.octets > 0 && event.seq.at_or_after(rst.seq);
        event.from == rst.from
            && !event.flags.rst()
            && !event.flags.syn()
            && !matches!(event.kind, EventKind::Ghost | EventKind::IcmpError)
            && (is_beyond || event.time() - rst.time() > CROSSING)
    };
    let was_open = !matches!(case.handshake, Handshake::Syn | Handshake::SynAck) && !after().any(opens);
    !rst.into_successor && was_open && after().any(speaks)
}

/// The RST of a live socket whose IP identification or ACK number cannot be that socket's. A stateless answer may
/// have an identification of its own.
fn is_foreign_count(case: &Case<'_>, rst: &Event) -> bool {
    let peer = &case.live.halves[!rst.from];
    let behind = i64::from(peer.next.distance(peer.base));
    let away = i64::from(rst.ack.distance(peer.next));
    let acks_nothing_known = peer.known && peer.seen && behind >= 0 && !(-behind - FAR..=FAR).contains(&away);
    let is_of_socket = rst.flags.ack() && rst.kind == EventKind::Rst && case.handshake != Handshake::Syn;
    is_of_socket && (rst.window & FOREIGN_ID != 0 || acks_nothing_known)
}

/// The segment came as many routers as its alleged sender's others, from another of the usual first values: a host
/// may use one for its connections and another for stateless answers.
fn is_as_far(case: &Case<'_>, by: Role, ttl: u8) -> bool {
    let hops = |ttl: u8| [64, 128, 255].into_iter().find(|&first| first >= ttl).unwrap_or(ttl) - ttl;
    let (low, high) = case.live.halves[by].ttl;
    (1..).contains(&hops(ttl)) && (hops(high)..=hops(low)).contains(&hops(ttl))
}

/// The time to live fits none of its alleged sender's other segments.
fn is_foreign_ttl(case: &Case<'_>, by: Role, ttl: u8) -> bool {
    let half = &case.live.halves[by];
    let (low, high) = half.ttl;
    half.seen
        && ttl != 0
        && low != 0
        && (ttl > high.saturating_add(TTL_TOLERANCE) || ttl < low.saturating_sub(TTL_TOLERANCE))
}
