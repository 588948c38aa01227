//! Replays a flow's events through the states of RFC 9293, for both endpoints, as seen from outside.
//!
//! An observer is certain of what an endpoint *sent*. What it *received* is certain only when its own later
//! segments show it. So each endpoint has a proven state and a list of signals on their way to it; the
//! presumed state is the proven one plus those signals.

use super::event::{Event, EventKind};
use super::facts::{EndpointState, Flow};
use super::resets::{Reset, ResetKind};
use crate::net::{Role, Sides};
use crate::tcp::Event as TcpEvent;
use crate::tcp::{SeqNumber, Signal, State};

/// More signals than this are never on their way to one endpoint: each kind travels once.
const MAX_PENDING: usize = 6;

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
    let initiator_left = has_left(&flow.events);
    let mut replay = Replay::new(flow.premise);
    let mut steps = Vec::with_capacity(flow.events.len());
    for (index, event) in flow.events.iter().enumerate() {
        let before = replay.states();
        replay.step(event, fate(event, &flow.resets, initiator_left));
        steps.push(Step { event: index, before, after: replay.states() });
    }
    steps
}

/// Both endpoints' states after all of `events`.
pub(super) fn final_states(events: &[Event], resets: &[Reset], premise: Premise) -> Sides<EndpointState> {
    let initiator_left = has_left(events);
    let mut replay = Replay::new(premise);
    for event in events {
        replay.step(event, fate(event, resets, initiator_left));
    }
    replay.states()
}

/// A segment reached no socket of this connection when its receiver said so with a RST, was another incarnation
/// already, or went on as if nothing had come. Nor was a RST sent whose alleged sender goes on as well.
fn fate(event: &Event, resets: &[Reset], initiator_left: bool) -> Fate {
    let forged = |reset: &&Reset| {
        let is_foreign = reset.kind == ResetKind::ThirdParty;
        reset.at == event.at && reset.sender_goes_on && (reset.ignored || is_foreign)
    };
    if let Some(reset) = resets.iter().find(forged) {
        return if reset.ignored { Fate::NotSent } else { Fate::Forged };
    }
    let to_successor = initiator_left && event.into_successor && event.from == Role::Responder;
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

#[derive(Clone, Copy, Debug)]
struct Pending {
    signal: Signal,
    /// An ACK at or after this number shows that the signal arrived.
    proof: Option<SeqNumber>,
}

/// Signals on their way to one endpoint, in order of arrival.
#[derive(Clone, Copy, Debug)]
struct Queue {
    waiting: [Pending; MAX_PENDING],
    length: usize,
}

impl Default for Queue {
    fn default() -> Self {
        Self { waiting: [Pending { signal: Signal::Rst, proof: None }; MAX_PENDING], length: 0 }
    }
}

impl Queue {
    fn iter(&self) -> impl Iterator<Item = &Pending> {
        self.waiting.iter().take(self.length)
    }

    fn find(&mut self, signal: Signal) -> Option<&mut Pending> {
        self.waiting.iter_mut().take(self.length).find(|pending| pending.signal == signal)
    }

    fn push(&mut self, pending: Pending) {
        if let Some(free) = self.waiting.get_mut(self.length) {
            *free = pending;
            self.length += 1;
        }
    }

    /// Takes out what `arrived` accepts, and hands it to `receive`, in order.
    fn settle(&mut self, arrived: impl Fn(&Pending) -> bool, mut receive: impl FnMut(Signal)) {
        let before = *self;
        self.length = 0;
        for pending in before.iter() {
            if arrived(pending) {
                receive(pending.signal);
            } else {
                self.push(*pending);
            }
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Endpoint {
    proven: State,
    pending: Queue,
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

    /// Both endpoints' states now.
    fn states(&self) -> Sides<EndpointState> {
        Sides { initiator: self.ends.initiator.state(), responder: self.ends.responder.state() }
    }

    /// Takes the next event: settles what its sender shows to have received, then what it sends.
    fn step(&mut self, event: &Event, fate: Fate) {
        let arrives = fate == Fate::OnItsWay;
        if fate == Fate::NotSent {
            return;
        }
        if fate == Fate::Forged {
            return self.ends[!event.from].expect(Signal::Rst, None);
        }
        if matches!(event.kind, EventKind::Ghost | EventKind::IcmpError | EventKind::RstOutside) {
            return;
        }
        self.settle(event);
        self.act(event, arrives);
        if arrives {
            self.expect_ack_of_crossing_syn(event);
            self.expect_ack_of_fin(event);
        }
    }

    /// The sender's ACK number, or what it does, proves what it received.
    fn settle(&mut self, event: &Event) {
        let end = &mut self.ends[event.from];
        if end.pending.length == 0 {
            return;
        }
        let acts = event.octets > 0 || event.flags.fin();
        let shown = self.premise.established[event.from];
        let acknowledges = event.flags.ack() && !event.flags.rst();
        let arrived = |pending: &Pending| {
            let covered = acknowledges && pending.proof.is_some_and(|proof| event.ack.at_or_after(proof));
            let opened = pending.signal == Signal::AckOfSyn
                && (acts || (shown && event.kind != EventKind::SynAckAgain));
            covered || opened
        };
        let proven = &mut end.proven;
        end.pending
            .settle(arrived, |signal| *proven = proven.next(TcpEvent::Received(signal)).unwrap_or(*proven));
    }

    fn act(&mut self, event: &Event, arrives: bool) {
        let (signal, proof) = match event.kind {
            EventKind::Syn => (Signal::Syn, Some(event.end())),
            EventKind::SynAck => {
                // Sent from LISTEN only after the SYN has come, captured or not.
                if self.ends[event.from].proven == State::Listen {
                    self.ends[event.from].receive(Signal::Syn);
                }
                (Signal::SynAck, Some(event.seq.add(1)))
            }
            EventKind::HandshakeAck => (Signal::AckOfSyn, Some(event.seq.add(1))),
            EventKind::Fin => (Signal::Fin, Some(event.end())),
            EventKind::Rst => (Signal::Rst, None),
            _ => return,
        };
        match event.kind {
            EventKind::Syn => self.ends[event.from].syn_end = Some(event.seq.add(1)),
            EventKind::Fin => self.ends[event.from].fin_end = Some(event.end()),
            _ => {}
        }
        self.ends[event.from].send(signal);
        if !arrives {
            return;
        }
        if event.kind == EventKind::Fin && self.ends[!event.from].proven == State::SynReceived {
            // Its ACK number is past the SYN-ACK, so it acknowledges the SYN as well.
            self.ends[!event.from].expect(Signal::AckOfSyn, Some(event.end()));
        }
        self.ends[!event.from].expect(signal, proof);
    }

    /// In a simultaneous open the initiator, too, waits in SYN-RECEIVED for an ACK of its SYN (RFC 9293 §3.5, figure 7).
    fn expect_ack_of_crossing_syn(&mut self, event: &Event) {
        let peer = &mut self.ends[!event.from];
        let is_waiting = event.from == Role::Responder && peer.state().presumed == State::SynReceived;
        let acknowledges = event.flags.ack() && !event.flags.rst();
        if is_waiting && acknowledges && peer.syn_end.is_some_and(|end| event.ack.at_or_after(end)) {
            peer.expect(Signal::AckOfSyn, event.flags.syn().then(|| event.seq.add(1)));
        }
    }

    /// An ACK that covers the peer's FIN is itself a signal on its way to the peer.
    fn expect_ack_of_fin(&mut self, event: &Event) {
        let peer = &mut self.ends[!event.from];
        let covers = event.flags.ack()
            && !event.flags.rst()
            && peer.fin_end.is_some_and(|end| event.ack.at_or_after(end));
        if !covers {
            return;
        }
        let proof = (event.end() != event.seq).then(|| event.end());
        if !peer.fin_acked {
            peer.fin_acked = true;
            // RFC 9293 §3.10.7.4 looks at the ACK before the FIN of the same segment.
            peer.expect_first(Signal::AckOfFin, proof);
        } else if let Some(waiting) = peer.pending.find(Signal::AckOfFin) {
            // A bare ACK proves nothing; the same ACK on a segment that must be acknowledged does.
            waiting.proof = waiting.proof.or(proof);
        }
    }
}

impl Endpoint {
    fn state(&self) -> EndpointState {
        let arrive =
            |state: State, pending: &Pending| state.next(TcpEvent::Received(pending.signal)).unwrap_or(state);
        EndpointState { proven: self.proven, presumed: self.pending.iter().fold(self.proven, arrive) }
    }

    fn receive(&mut self, signal: Signal) {
        self.proven = self.proven.next(TcpEvent::Received(signal)).unwrap_or(self.proven);
    }

    fn send(&mut self, signal: Signal) {
        if signal == Signal::Rst {
            // Whoever answers with RST has no connection, whatever it had.
            *self = Self { fin_end: self.fin_end, fin_acked: self.fin_acked, ..Self::default() };
            return;
        }
        self.proven = self.proven.next(TcpEvent::Sent(signal)).unwrap_or(self.proven);
    }

    /// A signal is on its way; one kind travels once.
    fn expect(&mut self, signal: Signal, proof: Option<SeqNumber>) {
        if self.pending.find(signal).is_none() {
            self.pending.push(Pending { signal, proof });
        }
    }

    /// As [`Endpoint::expect`], before a FIN that is on its way in the same segment.
    fn expect_first(&mut self, signal: Signal, proof: Option<SeqNumber>) {
        self.expect(signal, proof);
        let last = self.pending.length.saturating_sub(1);
        let [.., before, new] = self.pending.waiting.get_mut(..=last).unwrap_or_default() else { return };
        if before.signal == Signal::Fin && before.proof == proof {
            std::mem::swap(before, new);
        }
    }
}
