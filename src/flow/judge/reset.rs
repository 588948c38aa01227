//! Judges every RST of a flow: who sent it, what it answers, whether it counts (RFC 5961, RFC 9293 §3.10.7).

use super::{Case, goes_on_after};
use crate::flow::event::{Event, EventKind};
use crate::flow::facts::{Answered, Handshake, Reset, ResetKind};
use crate::net::Role;
use crate::time::TimeDelta;

/// A stateless RST answers its segment at once: a round trip at most when the capture was taken at the other
/// end.
const ANSWER_WINDOW: TimeDelta = TimeDelta::from_secs(3);
/// What a receiver sends sooner than this after a RST may have been on its way already.
const CROSSING: TimeDelta = TimeDelta::from_millis(300);
/// Hop counts may change a little on the way; a forged segment starts elsewhere.
const TTL_TOLERANCE: u8 = 3;
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
    let ttl = u8::try_from(rst.window).unwrap_or(0);
    let stateless = answers.is_some_and(|(kind, _)| kind != Answered::Syn);
    let forged =
        !rst.into_successor && is_foreign_ttl(case, by, ttl) && !(stateless && is_as_far(case, by, ttl));
    let kind = if forged {
        ResetKind::ThirdParty
    } else {
        kind_of(case, rst, answers.as_ref().map(|(kind, event)| (*kind, *event)))
    };
    Reset {
        by,
        kind,
        at: rst.at,
        answers: answers.map(|(kind, event)| (kind, event.at)),
        after_close: is_after_close(case, rst),
        ignored: rst.kind == EventKind::RstOutside
            || is_ignored(case, rst, answers.map(|(kind, _)| kind), kind),
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
    let to_syn = |event: &&Event| {
        matches!(event.kind, EventKind::Syn | EventKind::SynAgain)
            && event.from != rst.from
            && rst.ack == event.end()
    };
    if rst.flags.ack() {
        return before.iter().rfind(to_syn).map(|event| (Answered::Syn, event));
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
    let own_fin = case.fin[by].filter(|fin| fin.first.record < rst.at.record);
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
        (Some(fin), Some((Answered::Data, data))) if !data.ack.at_or_after(fin.end) => ResetKind::CrossedFin,
        (Some(_), Some((Answered::Data, _))) if case.active_closer == Some(by) => ResetKind::StaleData,
        (Some(_), Some((Answered::Fin, _))) if case.active_closer == Some(by) => ResetKind::StaleFin,
        (Some(_), Some((Answered::Probe, _))) if case.active_closer == Some(by) => ResetKind::StaleProbe,
        (Some(_), Some(_)) => ResetKind::AfterOwnFin,
        (None, Some(_)) => ResetKind::StateLost,
    }
}

/// Both FINs had been acknowledged before it.
fn is_after_close(case: &Case<'_>, rst: &Event) -> bool {
    Role::BOTH.into_iter().all(|role| {
        case.fin[role].is_some_and(|fin| fin.acked.is_some_and(|acked| acked.record < rst.at.record))
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
            && event.at.record > rst.at.record
            && event.time() - rst.time() > CROSSING
    };
    let next_rst = case.events.iter().find(later_rst).map(|event| event.at.record);
    let went_on = |event: &&Event| {
        event.from == receiver
            && event.at.record > rst.at.record
            && next_rst.is_none_or(|next| event.at.record < next)
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
        |event: &&Event| event.at.record > rst.at.record && !is_rst(event) && event.kind != EventKind::Ghost;
    let sent_after =
        case.events.iter().filter(after).find(|event| event.from == rst.from && event.end() != event.seq);
    let taken_after = |event: &&Event| {
        event.from == receiver
            && event.flags.ack()
            && sent_after
                .is_some_and(|sent| event.at.record > sent.at.record && event.ack.at_or_after(sent.end()))
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
                && event.at.record < rst.at.record
                && event.seq == rst.seq
                && is_ignored(case, event, answers, kind)
        })
    };
    matches!(answers, Some(Answered::Ack)) && next_rst.is_none() && repeats_ignored()
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
