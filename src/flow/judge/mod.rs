//! A finished flow's sums and events, made into facts and one outcome.

mod fin;
mod outcome;
mod reset;

use super::event::{Event, EventKind};
use super::facts::{CloseWait, FinFacts, Flow, Handshake, Limits, Origin, RecordRef, Traffic};
use super::half::Half;
use super::live::Live;
use super::ordinary_close::OrdinaryClose;
use super::replay::{Premise, final_states};
use super::resets::Reset;
use super::stalls::Stall;
use crate::net::{Role, Sides};
use crate::time::{TimeDelta, Timestamp};

/// Everything that the parts of the judgement look at.
pub(super) struct Case<'a> {
    pub(super) live: &'a Live,
    pub(super) events: &'a [Event],
    pub(super) limits: &'a Limits,
    /// The latest capture time.
    pub(super) now: Timestamp,
    /// The file was cut inside the flow's life.
    pub(super) cut: bool,
    /// No flow was captured in both directions, and some show that they had two.
    pub(super) one_way: bool,
    pub(super) fin: &'a Sides<Option<FinFacts>>,
    pub(super) active_closer: Option<Role>,
    pub(super) handshake: Handshake,
}

impl Case<'_> {
    /// True when `one` was taken before `other`.
    fn is_before(&self, one: RecordRef, other: RecordRef) -> bool {
        self.live.stage.order.is_before(one, other)
    }
}

/// When and on what terms a flow is judged.
pub(super) struct Circumstances<'a> {
    /// When nothing more was to be expected of it.
    pub(super) decided: Timestamp,
    /// Capture time now: the latest, or less where the clock was set back.
    pub(super) now: Timestamp,
    /// The input broke off during its life.
    pub(super) cut: bool,
    /// No flow was captured in both directions, and some show that they had two.
    pub(super) one_way: bool,
    pub(super) limits: &'a Limits,
}

/// Freezes `live`.
#[expect(clippy::too_many_lines, reason = "one fact a line")]
pub(super) fn judge(live: &Live, events: Vec<Event>, terms: &Circumstances<'_>) -> Flow {
    let close = OrdinaryClose::of(&events);
    let fin = fin::fin_facts(live, &events, close.as_ref());
    let case = Case {
        live,
        events: &events,
        limits: terms.limits,
        now: terms.now.max(latest(live)),
        cut: terms.cut,
        one_way: terms.one_way,
        fin: &fin,
        active_closer: fin::first_closer(&fin, live.stage.order),
        handshake: handshake_of(live, &events),
    };
    let resets = reset::judge_resets(&case);
    let deciding_reset = reset::deciding(&resets);
    let (outcome, undecided_because) =
        outcome::decide(&case, deciding_reset.and_then(|index| resets.get(index)));
    let premise = premise_of(live);
    let states = final_states(&events, &resets, premise, close.as_ref());
    let reset = deciding_reset.and_then(|index| resets.get(index));
    let close_wait = close_wait_of(&case, reset);
    Flow {
        id: live.first.record,
        stream: live.stream,
        initiator: if live.initiator_low { live.tuple.low() } else { live.tuple.high() },
        responder: if live.initiator_low { live.tuple.high() } else { live.tuple.low() },
        scope: live.scope(),
        order: live.stage.order,
        evicted: live.stage.evicted,
        first: live.first,
        last: live.last(),
        origin: if live.stage.syn || live.stage.syn_ack { Origin::Handshake } else { Origin::Midstream },
        handshake: case.handshake,
        handshake_rtt: handshake_rtt(&events),
        syn_retries: u32::from(live.syn_retries),
        fast_open: live.stage.fast_open,
        mptcp_join: live.stage.mptcp_join,
        outcome,
        undecided_because,
        states,
        active_closer: case.active_closer,
        fin,
        fin_delay: outcome::fin_delay(&case),
        data_after_fin: case.active_closer.is_some_and(|closer| live.halves[!closer].data_after_fin),
        close_wait,
        deciding_reset,
        incarnation: live.incarnation,
        reuse: live.reuse(),
        successor: live.successor(),
        replaced: live.replaced(),
        ghosts: live.ghosts().iter().map(|called| called.ghost).collect(),
        traffic: Sides {
            initiator: traffic(&case, Role::Initiator),
            responder: traffic(&case, Role::Responder),
        },
        exchanges: u64::from(live.exchanges),
        unanswered_octets: unanswered(live),
        last_talker: live.burst.talker.map(|role| (role, live.burst.start)),
        last_octets: live.burst.octets,
        asked: known(live.asked),
        active: live.active,
        replies: (live.replies.first.record != 0).then_some(live.replies),
        pause: live.pause(),
        icmp_reporter: live.icmp_reporter(),
        letters: live.letters,
        events_dropped: live.events.dropped(),
        premise,
        decided: terms.decided,
        resets,
        events,
    }
}

/// When the last segment came. The highest time may be an earlier one's, from before the clock was set back.
fn latest(live: &Live) -> Timestamp {
    let (initiator, responder) = (live.halves.initiator.last.at, live.halves.responder.last.at);
    if initiator.record > responder.record { initiator.time } else { responder.time }
}

fn handshake_of(live: &Live, events: &[Event]) -> Handshake {
    let stage = &live.stage;
    match (stage.syn, stage.syn_ack) {
        _ if stage.simultaneous_open && (stage.handshake_done || stage.syn_ack) => Handshake::Simultaneous,
        (_, true) if stage.handshake_done || numbers_show_a_connection(live, events) => Handshake::Complete,
        (_, true) => Handshake::SynAck,
        (true, false) => Handshake::Syn,
        (false, false) => Handshake::NotSeen,
    }
}

/// True when the numbers show that the handshake was completed where the capture did not, or not in that order: the
/// initiator acknowledged the SYN-ACK; or the responder acknowledged more than the SYN; or a bare RST of the
/// initiator lies beyond its SYN, so what that answers had acknowledged more.
fn numbers_show_a_connection(live: &Live, events: &[Event]) -> bool {
    let Sides { initiator, responder } = &live.halves;
    let after_syn = initiator.base.add(1);
    let acknowledged = initiator.ack_seen && initiator.acked.after(responder.base);
    let went_on = responder.ack_seen && responder.acked.after(after_syn);
    let forgot = |event: &Event| {
        let is_bare_rst = event.kind == EventKind::Rst && !event.flags.ack();
        is_bare_rst && event.from == Role::Initiator && event.seq.after(after_syn)
    };
    live.stage.syn_ack
        && (acknowledged || live.stage.syn && !live.stage.fast_open && (went_on || events.iter().any(forgot)))
}

/// From the SYN copy that was answered to the ACK of the SYN-ACK.
fn handshake_rtt(events: &[Event]) -> Option<TimeDelta> {
    use EventKind::{HandshakeAck, Syn, SynAck, SynAckAgain, SynAgain};
    // Negative when the clock stepped.
    let rtt = |syn: &Event, ack: &Event| Some(ack.time() - syn.time()).filter(|rtt| *rtt >= TimeDelta::ZERO);
    if let [syn, syn_ack, ack, ..] = events
        && (syn.kind, syn_ack.kind, ack.kind) == (Syn, SynAck, HandshakeAck)
    {
        return rtt(syn, ack);
    }
    let done = events.iter().position(|event| event.kind == HandshakeAck)?;
    let before = events.get(..done)?;
    let answer = before.iter().rposition(|event| matches!(event.kind, SynAck | SynAckAgain))?;
    let first_answer = before.iter().position(|event| event.kind == SynAck).unwrap_or(answer);
    let syn = before.get(..first_answer)?.iter().rfind(|event| matches!(event.kind, Syn | SynAgain))?;
    (answer == first_answer).then(|| before.get(answer)).flatten()?;
    rtt(syn, events.get(done)?)
}

/// What the replay must know of a flow besides its events.
fn premise_of(live: &Live) -> Premise {
    let established = |role: Role| {
        let (half, peer) = (&live.halves[role], &live.halves[!role]);
        half.octets > 0 || half.ack_seen && half.acked.after(peer.base.add(1))
    };
    Premise {
        midstream: !live.stage.syn && !live.stage.syn_ack,
        syn_missing: !live.stage.syn && live.stage.syn_ack,
        established: Sides {
            initiator: established(Role::Initiator),
            responder: established(Role::Responder),
        },
    }
}

fn close_wait_of(case: &Case<'_>, reset: Option<&Reset>) -> Option<CloseWait> {
    let closer = case.active_closer?;
    let first = case.fin[closer].as_ref()?;
    let second = case.fin[!closer].as_ref();
    if second.is_some_and(|fin| !fin.acknowledges_peer) {
        return None;
    }
    let since = first.acked.unwrap_or(first.first);
    let own_fin = second.map(|fin| fin.first);
    let rst = reset.filter(|reset| case.is_before(first.first, reset.at)).map(|reset| reset.at);
    let until = match (own_fin, rst) {
        (Some(fin), Some(rst)) => Some(if case.is_before(rst, fin) { rst } else { fin }),
        (fin, rst) => fin.or(rst),
    };
    let end = until.map_or(case.now, |until| until.time);
    Some(CloseWait {
        at: !closer,
        since,
        until,
        lasted: (end - since.time).max(TimeDelta::ZERO),
        proven: first.acked.is_some(),
    })
}

#[inline]
fn traffic(case: &Case<'_>, role: Role) -> Traffic {
    let live = case.live;
    let (half, peer) = (&live.halves[role], &live.halves[!role]);
    let missed = half.missed(peer);
    Traffic {
        packets: u64::from(half.packets),
        octets: half.octets,
        retransmissions: u64::from(half.retransmissions),
        probes: u64::from(half.probes),
        zero_windows: u32::from(half.zero_windows),
        gap: missed > 0,
        missed,
        unseen: live.is_unseen(role),
        unacked: unacked(half, peer),
        last: known(half.last.at),
        stall: stall(case, role),
    }
}

/// A record that there is.
fn known(at: RecordRef) -> Option<RecordRef> {
    (at.record != 0).then_some(at)
}

/// Sequence numbers of `half` that `peer` has not acknowledged, where anything of it was captured.
fn unacked(half: &Half, peer: &Half) -> u32 {
    let acked = if peer.ack_seen { peer.acked } else { half.base };
    let is_open = half.seen && peer.seen;
    if is_open { u32::try_from(half.next.distance(acked)).unwrap_or(0) } else { 0 }
}

/// Most flows have nothing of it to look for.
#[inline]
fn stall(case: &Case<'_>, role: Role) -> Option<Stall> {
    let Sides { initiator, responder } = &case.live.halves;
    let never = initiator.zero_windows == 0 && responder.zero_windows == 0;
    if never { None } else { case.live.stalls()[role].longest_by(case.now, case.live.halves[!role].probes) }
}

/// Octets of the last burst, when it came from the side that asks.
fn unanswered(live: &Live) -> u64 {
    let asked = live.burst.talker.is_some() && live.burst.talker == live.burst.requester;
    if asked { live.burst.octets } else { 0 }
}

/// The first and last record of a flow's events after `record`, by `role`, with numbers of its own.
pub(super) fn goes_on_after(case: &Case<'_>, role: Role, at: RecordRef) -> bool {
    let half = &case.live.halves[role];
    case.is_before(at, half.last.at) && !half.last.flags.rst()
}
