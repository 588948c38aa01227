//! Replays a flow's events through the states of RFC 9293, for both endpoints, as seen from outside.
//!
//! An observer is certain of what an endpoint *sent*. What it *received* is certain only when its own later
//! segments show it. So each endpoint has a proven state and a list of signals on their way to it; the
//! presumed state is the proven one plus those signals.

mod pending;

use self::pending::{Pending, arrived};
use super::event::{Event, EventKind};
use super::facts::{EndpointState, Flow};
use super::ordinary_close::{OrdinaryClose, is_talk};
use super::resets::{Reset, ResetKind};
use crate::net::{Role, Sides};
use crate::tcp::Event as TcpEvent;
use crate::tcp::{SeqNumber, Signal, State};

/// What the replay must know besides the events.
#[derive(Clone, Copy, Debug, Default)]
pub struct Premise {
    /// The capture began inside the connection: both ends start in ESTABLISHED.
    pub midstream: bool,
    /// The capture began with the SYN-ACK: the initiator starts in SYN-SENT.
    pub syn_missing: bool,
    /// Who acknowledged octets or sent some: they had left SYN-SENT and SYN-RECEIVED.
    pub established: Sides<bool>,
}

/// One event and the states around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Index into [`Flow::events`].
    pub event: usize,
    /// Both endpoints before it.
    pub before: Sides<EndpointState>,
    /// Both endpoints after it.
    pub after: Sides<EndpointState>,
}

/// Replays a finished flow: one step per kept event, in order.
pub fn replay(flow: &Flow) -> Vec<Step> {
    let mut replay = Replay::new(flow.premise);
    let mut steps = Vec::with_capacity(flow.events.len());
    for (index, event) in flow.events.iter().enumerate() {
        let before = replay.states();
        replay.step(event, fate(event, &flow.resets, &flow.events));
        steps.push(Step { event: index, before, after: replay.states() });
    }
    steps
}

/// Both endpoints' states after all of `events`. `close`: how these end, if that is known.
pub(super) fn final_states(
    events: &[Event],
    resets: &[Reset],
    premise: Premise,
    close: Option<&OrdinaryClose<'_>>,
) -> Sides<EndpointState> {
    if let Some(close) = close.filter(|close| resets.is_empty() && is_plain_before(close)) {
        return states_after(close);
    }
    let (mut replay, rest) = Replay::begin(events, resets, premise);
    for event in rest {
        replay.step(event, fate(event, resets, events));
    }
    replay.states()
}

/// A segment reached no socket of this connection when its receiver said so with a RST, was another incarnation
/// already, or went on as if nothing had come. Nor was a RST sent whose alleged sender goes on as well.
#[inline]
fn fate(event: &Event, resets: &[Reset], events: &[Event]) -> Fate {
    if resets.is_empty() && !event.into_successor {
        return Fate::OnItsWay;
    }
    rare_fate(event, resets, events)
}

fn rare_fate(event: &Event, resets: &[Reset], events: &[Event]) -> Fate {
    let forged = |reset: &&Reset| {
        let is_foreign = reset.kind == ResetKind::ThirdParty;
        reset.at == event.at && reset.sender_goes_on && (reset.ignored || is_foreign)
    };
    if let Some(reset) = resets.iter().find(forged) {
        return if reset.ignored { Fate::NotSent } else { Fate::Forged };
    }
    let to_successor = event.into_successor && event.from == Role::Responder && has_left(events);
    let unknown = |reset: &Reset| {
        matches!(reset.kind, ResetKind::StaleFin | ResetKind::StaleData | ResetKind::StaleProbe)
            && reset.answers.is_some_and(|(_, at)| at == event.at)
    };
    let ignored = |reset: &Reset| reset.ignored && reset.at == event.at;
    if to_successor || resets.iter().any(|reset| unknown(reset) || ignored(reset)) {
        return Fate::Lost;
    }
    Fate::OnItsWay
}

/// True unless the initiator goes on with this incarnation although its four-tuple is in use again: then the SYN
/// came from somebody else.
fn has_left(events: &[Event]) -> bool {
    !events.iter().any(|event| {
        event.into_successor
            && event.from == Role::Initiator
            && !event.flags.rst()
            && event.kind != EventKind::Ghost
    })
}

/// True for a SYN, the SYN-ACK that acknowledges all of it, and the ACK of that.
#[inline]
fn is_plain_opening([syn, syn_ack, ack]: &[Event; 3]) -> bool {
    let acknowledges = |event: &Event| event.flags.ack() && !event.flags.rst() && !event.into_successor;
    (syn.kind, syn.from) == (EventKind::Syn, Role::Initiator)
        && (syn_ack.kind, syn_ack.from) == (EventKind::SynAck, Role::Responder)
        && (ack.kind, ack.from) == (EventKind::HandshakeAck, Role::Initiator)
        && !syn.flags.ack()
        && acknowledges(syn_ack)
        && acknowledges(ack)
        && syn_ack.ack.at_or_after(syn.end())
        && ack.ack.at_or_after(syn_ack.seq.add(1))
}

/// True when nothing but a plain opening, data and ACKs came before the first FIN. Then its sender, or by its own FIN the
/// receiver, shows that the opening was completed.
fn is_plain_before(close: &OrdinaryClose<'_>) -> bool {
    let parts = close.before.split_first_chunk();
    parts.is_some_and(|(opening, talk)| is_plain_opening(opening) && talk.iter().all(is_talk))
}

/// The second FIN acknowledges the first and is acknowledged itself, but by what nobody acknowledges any more.
fn states_after(close: &OrdinaryClose<'_>) -> Sides<EndpointState> {
    let mut states = Sides::<EndpointState>::default();
    let (active, passive) = states.of_both(close.first.from);
    *active = EndpointState { proven: State::TimeWait, presumed: State::TimeWait };
    *passive = EndpointState { proven: State::LastAck, presumed: State::Closed };
    states
}

/// What became of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It may have reached the other end.
    OnItsWay,
    /// It reached no socket of this connection.
    Lost,
    /// The endpoint whose address it bears did not send it, and the other one did not take it.
    NotSent,
    /// The endpoint whose address it bears did not send it.
    Forged,
}

#[derive(Clone, Copy, Debug, Default)]
struct Endpoint {
    proven: State,
    pending: Pending,
    syn_end: Option<SeqNumber>,
    fin_end: Option<SeqNumber>,
    fin_acked: bool,
}

/// Both endpoints while events are replayed.
#[derive(Clone, Debug)]
struct Replay {
    ends: Sides<Endpoint>,
    premise: Premise,
}

impl Replay {
    /// Both endpoints before the first event.
    fn new(premise: Premise) -> Self {
        let mut ends = Sides::<Endpoint>::default();
        if premise.midstream {
            ends.initiator.proven = State::Established;
            ends.responder.proven = State::Established;
        } else {
            ends.responder.proven = State::Listen;
            ends.initiator.proven = if premise.syn_missing { State::SynSent } else { State::Closed };
        }
        Self { ends, premise }
    }

    /// Both endpoints after the first events, and the events after these: most flows begin with the same three, of
    /// which the outcome is known.
    #[inline]
    fn begin<'a>(events: &'a [Event], resets: &[Reset], premise: Premise) -> (Self, &'a [Event]) {
        let mut replay = Self::new(premise);
        match events.split_first_chunk() {
            Some((opening, rest)) if resets.is_empty() && is_plain_opening(opening) => {
                replay.open(opening);
                (replay, rest)
            }
            _ => (replay, events),
        }
    }

    /// Takes the SYN, the SYN-ACK, and the ACK of that, each of which shows that the one before arrived.
    #[inline]
    fn open(&mut self, [syn, _, ack]: &[Event; 3]) {
        let Sides { initiator, responder } = &mut self.ends;
        initiator.syn_end = Some(syn.seq.add(1));
        initiator.proven = State::Established;
        responder.proven = State::SynReceived;
        responder.pending.push(Signal::AckOfSyn, Some(ack.seq.add(1)));
    }

    /// Both endpoints' states now.
    fn states(&self) -> Sides<EndpointState> {
        Sides { initiator: self.ends.initiator.state(), responder: self.ends.responder.state() }
    }

    /// Takes the next event: settles what its sender shows to have received, then what it sends.
    #[expect(clippy::inline_always, reason = "a call would cost as much as most events do")]
    #[inline(always)]
    fn step(&mut self, event: &Event, fate: Fate) {
        let arrives = fate == Fate::OnItsWay;
        if fate == Fate::NotSent {
            return;
        }
        if fate == Fate::Forged {
            return self.ends[!event.from].pending.push(Signal::Rst, None);
        }
        if matches!(event.kind, EventKind::Ghost | EventKind::IcmpError | EventKind::RstOutside) {
            return;
        }
        let shown = self.premise.established[event.from];
        let (sender, receiver) = self.ends.of_both(event.from);
        sender.settle(event, shown);
        sender.act(event, arrives.then_some(&mut *receiver));
        let acknowledges = event.flags.ack() && !event.flags.rst();
        if arrives && acknowledges {
            if event.from == Role::Responder {
                receiver.expect_ack_of_crossing_syn(event);
            }
            receiver.expect_ack_of_fin(event);
        }
    }
}

impl Endpoint {
    #[inline]
    fn state(&self) -> EndpointState {
        EndpointState { proven: self.proven, presumed: self.pending.presume(self.proven) }
    }

    /// The ACK number of its next segment, or what it does, proves what it received. `shown`: it had left SYN-RECEIVED.
    #[inline]
    fn settle(&mut self, event: &Event, shown: bool) {
        if self.pending.is_empty() {
            return;
        }
        let acts = event.octets > 0 || event.flags.fin();
        let opens = acts || shown && event.kind != EventKind::SynAckAgain;
        let acknowledges = event.flags.ack() && !event.flags.rst();
        let has_come = |signal, proof: Option<SeqNumber>| {
            let covered = acknowledges && proof.is_some_and(|proof| event.ack.at_or_after(proof));
            covered || opens && signal == Signal::AckOfSyn
        };
        self.proven = self.pending.settle(self.proven, has_come);
    }

    /// Does what `event` shows it to do. `receiver`: its peer, if the segment is on its way to it.
    #[inline]
    fn act(&mut self, event: &Event, receiver: Option<&mut Self>) {
        let (signal, proof) = match event.kind {
            EventKind::Syn => {
                self.syn_end = Some(event.seq.add(1));
                (Signal::Syn, Some(event.end()))
            }
            EventKind::SynAck => {
                // Sent from LISTEN only after the SYN has come, captured or not.
                if self.proven == State::Listen {
                    self.proven = arrived(self.proven, Signal::Syn);
                }
                (Signal::SynAck, Some(event.seq.add(1)))
            }
            EventKind::HandshakeAck => (Signal::AckOfSyn, Some(event.seq.add(1))),
            EventKind::Fin => {
                self.fin_end = Some(event.end());
                (Signal::Fin, self.fin_end)
            }
            EventKind::Rst => (Signal::Rst, None),
            _ => return,
        };
        self.send(signal);
        let Some(receiver) = receiver else { return };
        if event.kind == EventKind::Fin && receiver.proven == State::SynReceived {
            // Its ACK number is past the SYN-ACK, so it acknowledges the SYN as well.
            receiver.pending.push(Signal::AckOfSyn, proof);
        }
        receiver.pending.push(signal, proof);
    }

    #[inline]
    fn send(&mut self, signal: Signal) {
        if signal == Signal::Rst {
            // Whoever answers with RST has no connection, whatever it had.
            *self = Self { fin_end: self.fin_end, fin_acked: self.fin_acked, ..Self::default() };
            return;
        }
        self.proven = self.proven.next(TcpEvent::Sent(signal)).unwrap_or(self.proven);
    }

    /// In a simultaneous open the initiator, too, waits in SYN-RECEIVED for an ACK of its SYN (RFC 9293 §3.5, figure 7):
    /// `event`, an ACK of its peer, may be one.
    #[inline]
    fn expect_ack_of_crossing_syn(&mut self, event: &Event) {
        // From any other state nothing that is on its way leads to SYN-RECEIVED.
        let may_wait = matches!(self.proven, State::Listen | State::SynSent | State::SynReceived);
        if may_wait
            && self.syn_end.is_some_and(|end| event.ack.at_or_after(end))
            && self.state().presumed == State::SynReceived
        {
            self.pending.push(Signal::AckOfSyn, event.flags.syn().then(|| event.seq.add(1)));
        }
    }

    /// An ACK of its peer that covers its FIN is itself a signal on its way to it.
    #[inline]
    fn expect_ack_of_fin(&mut self, event: &Event) {
        if !self.fin_end.is_some_and(|end| event.ack.at_or_after(end)) {
            return;
        }
        let proof = (event.end() != event.seq).then(|| event.end());
        if self.fin_acked {
            // A bare ACK proves nothing; the same ACK on a segment that must be acknowledged does.
            self.pending.prove_by(Signal::AckOfFin, proof);
        } else {
            self.fin_acked = true;
            // RFC 9293 §3.10.7.4 looks at the ACK before the FIN of the same segment.
            self.pending.push_before_fin(Signal::AckOfFin, proof);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::flow::ordinary_close::tests::event_lists;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn the_end_of_an_ordinary_close_is_that_of_its_replay(
            events in event_lists(),
            (initiator, responder) in any::<(bool, bool)>(),
        ) {
            let premise = Premise { established: Sides { initiator, responder }, ..Premise::default() };
            let close = OrdinaryClose::of(&events);
            let known = final_states(&events, &[], premise, close.as_ref());
            prop_assert_eq!(known, final_states(&events, &[], premise, None));
        }
    }
}
