//! The one outcome of a flow, in the order of precedence that [`FlowOutcome`] lists.

use super::Case;
use crate::flow::event::{Event, EventKind};
use crate::flow::facts::{FinFacts, Handshake};
use crate::flow::outcome::FlowOutcome;
use crate::flow::resets::{Reset, ResetKind};
use crate::net::Role;
use crate::time::TimeDelta;

/// From this many copies on, a last FIN without an ACK is a failed close, not a missing last ACK.
const COPIES_OF_A_LOST_FIN: u32 = 3;
/// A FIN or data that nobody acknowledged for this long would have been acknowledged or sent again
/// (RFC 6298 §2.1: the first retransmission time-out is 1 s).
const ANSWER_TIME: TimeDelta = TimeDelta::from_secs(1);

/// The shortest retransmission time-out in use (Linux; RFC 6298 §2.4 asks for 1 s).
const LEAST_RTO: TimeDelta = TimeDelta::from_millis(200);

/// Decides, and says why when it cannot.
pub(super) fn decide(case: &Case<'_>, reset: Option<&Reset>) -> (FlowOutcome, Option<&'static str>) {
    let outcome = opening(case, reset)
        .or_else(|| by_reset(case, reset))
        .or_else(|| closing(case))
        .unwrap_or_else(|| open(case));
    let may_be_blind = outcome.rests_on_absence() || outcome == FlowOutcome::Undecided;
    match may_be_blind.then(|| blind_spot(case, outcome)).flatten() {
        Some(reason) => (FlowOutcome::Undecided, Some(reason)),
        None if outcome == FlowOutcome::Undecided => {
            (outcome, Some("the capture holds neither an answer to the last segments nor their repetition"))
        }
        None => (outcome, None),
    }
}

/// Connections that were never established.
fn opening(case: &Case<'_>, reset: Option<&Reset>) -> Option<FlowOutcome> {
    let refused = reset.is_some_and(|reset| reset.kind == ResetKind::Refusal && reset.by == Role::Responder);
    match case.handshake {
        Handshake::Syn if refused => Some(FlowOutcome::Refused),
        Handshake::Syn if reset.is_some() && case.live.halves.responder.packets > 0 => None,
        Handshake::Syn if case.live.stage.icmp && answered_by_icmp(case) => Some(FlowOutcome::RefusedIcmp),
        Handshake::Syn if case.live.halves.responder.seen && case.live.stage.handshake_done => None,
        // Its ACKs tell that the initiator was answered, captured or not, and what it did then.
        Handshake::Syn if case.live.halves.initiator.ack_seen => None,
        Handshake::Syn => Some(FlowOutcome::SynUnanswered),
        // A responder that takes its SYN-ACK back did not wait for the initiator.
        Handshake::SynAck if reset.is_some_and(|reset| reset.by == Role::Responder) => None,
        Handshake::SynAck if case.live.stage.syn => Some(FlowOutcome::HandshakeIncomplete),
        _ => None,
    }
}

/// An ICMP error about the SYN refuses the connection. One that quotes any other number is about another connection, or
/// forged (RFC 5927 §4.1).
fn answered_by_icmp(case: &Case<'_>) -> bool {
    let v4 = case.live.tuple.low().addr.is_ipv4();
    let isn = case.live.halves.initiator.base;
    let of_syn = |event: &&Event| event.from == Role::Responder && event.seq == isn;
    case.events.iter().filter(of_syn).any(|event| event.refuses_connection(v4))
}

fn by_reset(case: &Case<'_>, reset: Option<&Reset>) -> Option<FlowOutcome> {
    if reset.is_some_and(|reset| reset.kind == ResetKind::ThirdParty) {
        return Some(FlowOutcome::ResetThirdParty);
    }
    let fins =
        case.active_closer.and_then(|closer| case.fin[closer].as_ref().zip(case.fin[!closer].as_ref()));
    // A FIN that is still acknowledged with this connection's numbers came in its own life, whoever sent the SYN.
    let met_successor = |(first, second): (&FinFacts, &FinFacts)| {
        !first.into_successor && second.into_successor && second.acked.is_none()
    };
    if fins.is_some_and(met_successor) {
        return Some(FlowOutcome::LateFinIntoSuccessor);
    }
    let reset = reset?;
    Some(match reset.kind {
        ResetKind::StaleData => FlowOutcome::LateDataRst,
        ResetKind::StaleFin => FlowOutcome::LateFinRst,
        ResetKind::StaleProbe => FlowOutcome::LateProbeRst,
        // With one direction only, whether both had closed before it cannot be told.
        _ if case.fin[reset.by].is_some() && !case.live.halves[!reset.by].seen => FlowOutcome::Undecided,
        _ if reset.by == Role::Initiator => FlowOutcome::ResetInitiator,
        _ => FlowOutcome::ResetResponder,
    })
}

/// Connections with at least one FIN.
fn closing(case: &Case<'_>) -> Option<FlowOutcome> {
    let closer = case.active_closer?;
    let first = case.fin[closer].as_ref()?;
    let Some(second) = &case.fin[!closer] else {
        return Some(match first.acked {
            Some(_) if is_missing_an_answer(case, !closer) => FlowOutcome::Undecided,
            Some(_) => FlowOutcome::HalfClosed,
            None if is_repeated(first, 2) => FlowOutcome::FinUnacked,
            // Its sender would have repeated it had nobody acknowledged: the capture ends too soon, or missed the
            // answer.
            None => FlowOutcome::Undecided,
        });
    };
    if [first, second].iter().any(|fin| fin.acked.is_none() && is_repeated(fin, COPIES_OF_A_LOST_FIN)) {
        return Some(FlowOutcome::FinUnacked);
    }
    let delay = second.first.time - first.first.time;
    let silent = !case.live.halves[!closer].data_after_fin
        && !first.is_answered_promptly_by(second, case.live.stage.order);
    Some(match second.acknowledges_peer {
        true if silent && delay >= case.limits.fin_delay => FlowOutcome::DelayedFin,
        true => FlowOutcome::CleanClose,
        false => FlowOutcome::SimultaneousClose,
    })
}

/// True when its sender, not the way to the capture, made `copies` of a FIN: that takes it a while.
fn is_repeated(fin: &FinFacts, copies: u32) -> bool {
    fin.copies >= copies && (fin.last.time - fin.first.time).abs() >= LEAST_RTO
}

/// Connections that nobody closed.
fn open(case: &Case<'_>) -> FlowOutcome {
    let live = case.live;
    let stalled = Role::BOTH.into_iter().any(|role| live.halves[role].window_closed);
    let is_stuck = |role: Role| has_unacked(case, role) && has_repeated_octets(case, role);
    let stuck = Role::BOTH.into_iter().any(is_stuck);
    let missed = Role::BOTH.into_iter().any(|role| is_missing_an_answer(case, role));
    let asked = live.burst.talker == Some(Role::Initiator);
    if stalled {
        FlowOutcome::OpenStalled
    } else if asked && !has_unacked(case, Role::Initiator) {
        FlowOutcome::OpenUnanswered
    } else if stuck {
        FlowOutcome::OpenUnacked
    } else if missed {
        // Neither acknowledged nor sent again: the capture did not see what followed.
        FlowOutcome::Undecided
    } else {
        FlowOutcome::Open
    }
}

/// True when `role` sent more again than its SYN.
fn has_repeated_octets(case: &Case<'_>, role: Role) -> bool {
    let is_syn = |event: &&Event| {
        event.from == role && matches!(event.kind, EventKind::SynAgain | EventKind::SynAckAgain)
    };
    let kept = u32::try_from(case.events.iter().filter(is_syn).count()).unwrap_or(u32::MAX);
    let repeated_syns = match role {
        Role::Initiator => kept.max(u32::from(case.live.syn_retries)),
        Role::Responder => kept,
    };
    case.live.halves[role].retransmissions > repeated_syns
}

/// Octets of `role` were not acknowledged.
fn has_unacked(case: &Case<'_>, role: Role) -> bool {
    let (half, peer) = (&case.live.halves[role], &case.live.halves[!role]);
    half.octets > 0 && (!peer.ack_seen || half.next.after(peer.acked))
}

/// Octets of `role` were neither acknowledged nor sent again, though there was time for it.
fn is_missing_an_answer(case: &Case<'_>, role: Role) -> bool {
    let half = &case.live.halves[role];
    let waited = case.now - half.last.at.time >= ANSWER_TIME;
    has_unacked(case, role) && waited && !has_repeated_octets(case, role)
}

/// What the capture cannot have seen of this flow, where the verdict rests on not having seen it.
fn blind_spot(case: &Case<'_>, outcome: FlowOutcome) -> Option<&'static str> {
    if case.live.stage.evicted {
        return Some("too many connections were live at once to follow them all (--max-flows, --max-memory)");
    }
    if case.cut {
        return Some("the capture file breaks off inside this flow");
    }
    let halves = &case.live.halves;
    let silent_role = Role::BOTH.into_iter().find(|&role| !halves[role].seen);
    if Role::BOTH.into_iter().any(|role| halves[role].has_gap(&halves[!role])) && silent_role.is_none() {
        return Some("the capture missed segments of this flow");
    }
    if outcome == FlowOutcome::SynUnanswered {
        return case.one_way.then_some("only one direction was captured");
    }
    if silent_role.is_some() {
        return Some("only one direction was captured");
    }
    let midstream = case.handshake == Handshake::NotSeen;
    let closer = case.active_closer;
    if outcome == FlowOutcome::HalfClosed
        && midstream
        && closer.is_some_and(|closer| halves[!closer].octets == 0)
    {
        return Some("the other side's FIN may have come before the capture began");
    }
    None
}

/// From the first FIN to the other side's; nothing where two clocks put the second before the first.
pub(super) fn fin_delay(case: &Case<'_>) -> Option<TimeDelta> {
    let closer = case.active_closer?;
    let (first, second) = (case.fin[closer].as_ref()?, case.fin[!closer].as_ref()?);
    let delay = second.first.time - first.first.time;
    // Negative where the clock was set back.
    (delay >= TimeDelta::ZERO).then_some(delay)
}
