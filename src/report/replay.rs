//! A flow's events played through the states of RFC 9293: what each endpoint shows, and what it must be.
//!
//! Sending is certain at once; receiving is certain only when the receiver's own segments show it. Until then
//! a signal waits in the receiver's queue, and the presumed state is the proven one with the queue applied.

use crate::flow::{EndpointState, Event as Kept, EventKind, Flow, Origin, ResetKind};
use crate::net::{Role, Sides};
use crate::tcp::{Event, SeqNumber, Signal, State};

/// One event and the states around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Index into `Flow::events`.
    pub event: usize,
    /// Both endpoints before it.
    pub before: Sides<EndpointState>,
    /// Both endpoints after it.
    pub after: Sides<EndpointState>,
}

/// Replays `flow`: one step per kept event, in order.
pub fn replay(flow: &Flow) -> Vec<Step> {
    let mut sides = beginning(flow);
    let mut steps = Vec::with_capacity(flow.events.len());
    for (event, kept) in flow.events.iter().enumerate() {
        let before = states(&sides);
        observe(flow, &mut sides, kept);
        steps.push(Step { event, before, after: states(&sides) });
    }
    steps
}

#[derive(Clone, Debug, Default)]
struct Side {
    proven: State,
    /// On their way to this side, with the number whose acknowledgement proves arrival.
    pending: Vec<(Signal, Option<SeqNumber>)>,
    sent_fin: bool,
}

impl Side {
    fn at(state: State) -> Self {
        Self { proven: state, ..Self::default() }
    }

    fn apply(&mut self, event: Event) {
        self.proven = self.proven.next(event).unwrap_or(self.proven);
    }

    /// A signal passed the capture point towards this side; a repeated one only adds the proof it lacked.
    fn expect(&mut self, signal: Signal, proof: Option<SeqNumber>) {
        match self.pending.iter_mut().find(|(waiting, _)| *waiting == signal) {
            Some((_, known)) => *known = known.or(proof),
            None => self.pending.push((signal, proof)),
        }
    }

    /// Takes what `arrived` accepts out of the queue and into the proven state.
    fn settle(&mut self, arrived: impl Fn(Signal, Option<SeqNumber>) -> bool) {
        let mut waiting = std::mem::take(&mut self.pending);
        waiting.retain(|&(signal, proof)| {
            let proven = arrived(signal, proof);
            if proven {
                self.apply(Event::Received(signal));
            }
            !proven
        });
        self.pending = waiting;
    }

    fn state(&self) -> EndpointState {
        let presumed = self
            .pending
            .iter()
            .fold(self.proven, |state, &(signal, _)| state.next(Event::Received(signal)).unwrap_or(state));
        EndpointState { proven: self.proven, presumed }
    }
}

fn states(sides: &Sides<Side>) -> Sides<EndpointState> {
    Sides { initiator: sides.initiator.state(), responder: sides.responder.state() }
}

fn beginning(flow: &Flow) -> Sides<Side> {
    let syn_seen = flow.events.iter().any(|event| event.kind == EventKind::Syn);
    match flow.origin {
        Origin::Midstream => {
            Sides { initiator: Side::at(State::Established), responder: Side::at(State::Established) }
        }
        Origin::Handshake if syn_seen => {
            Sides { initiator: Side::at(State::Closed), responder: Side::at(State::Listen) }
        }
        // The SYN-ACK alone was captured: it shows that there was a SYN.
        Origin::Handshake => {
            Sides { initiator: Side::at(State::SynSent), responder: Side::at(State::SynReceived) }
        }
    }
}

fn observe(flow: &Flow, sides: &mut Sides<Side>, event: &Kept) {
    if matches!(event.kind, EventKind::Ghost | EventKind::IcmpError) {
        return;
    }
    let (from, to) = (event.from, !event.from);
    settle_sender(&mut sides[from], event);
    let has_space = event.end() != event.seq;
    let proof = has_space.then(|| event.end());
    let arrives = !event.into_successor && !is_forgotten(flow, event);
    if event.flags.rst() {
        sides[from].apply(Event::Sent(Signal::Rst));
        let ignored = flow.resets.iter().any(|reset| reset.ignored && reset.at.record == event.at.record);
        if arrives && !ignored {
            sides[to].expect(Signal::Rst, None);
        }
        return;
    }
    if event.flags.syn() {
        let signal = if event.flags.ack() { Signal::SynAck } else { Signal::Syn };
        sides[from].apply(Event::Sent(signal));
        sides[to].expect(signal, proof);
        return;
    }
    if event.flags.ack() && arrives {
        if sides[to].proven == State::SynReceived && from == Role::Initiator {
            sides[to].expect(Signal::AckOfSyn, proof);
        }
        let covers_fin = flow.fin[to].is_some_and(|fin| event.ack.at_or_after(fin.end));
        if sides[to].sent_fin && covers_fin {
            sides[to].expect(Signal::AckOfFin, proof);
        }
    }
    if event.flags.fin() {
        sides[from].apply(Event::Sent(Signal::Fin));
        sides[from].sent_fin = true;
        if arrives {
            sides[to].expect(Signal::Fin, proof);
        }
    }
}

/// True when the receiver answered that it knows no such connection. (A segment into a successor's life
/// reaches nobody who could take it for this one either.)
fn is_forgotten(flow: &Flow, event: &Kept) -> bool {
    flow.resets.iter().any(|reset| {
        let answers = reset.answers.is_some_and(|(_, at)| at.record == event.at.record);
        answers && matches!(reset.kind, ResetKind::StaleFin | ResetKind::StaleData | ResetKind::StaleProbe)
    })
}

/// What the sender's own segment shows to have reached it.
fn settle_sender(side: &mut Side, event: &Kept) {
    if !event.flags.ack() {
        return;
    }
    let handshake_over = !event.flags.syn() && !event.flags.rst();
    side.settle(|signal, proof| match signal {
        // Data, FIN or an ACK from a responder show that it left SYN-RECEIVED.
        Signal::AckOfSyn => handshake_over,
        _ => proof.is_some_and(|proof| event.ack.at_or_after(proof)),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(proven: State, pending: &[(Signal, Option<SeqNumber>)]) -> Side {
        Side { proven, pending: pending.to_vec(), sent_fin: false }
    }

    #[test]
    fn what_is_on_its_way_is_presumed_and_not_proven() {
        let waiting = side(State::Established, &[(Signal::Fin, Some(SeqNumber(7)))]).state();
        assert_eq!(waiting, EndpointState { proven: State::Established, presumed: State::CloseWait });
    }

    #[test]
    fn an_acknowledgement_settles_only_what_it_covers() {
        let mut closer =
            side(State::FinWait1, &[(Signal::AckOfFin, None), (Signal::Fin, Some(SeqNumber(7)))]);
        closer.settle(|_, proof| proof.is_some_and(|proof| SeqNumber(6).at_or_after(proof)));
        assert_eq!(closer.proven, State::FinWait1);
        closer.expect(Signal::AckOfFin, Some(SeqNumber(7)));
        closer.settle(|_, proof| proof.is_some_and(|proof| SeqNumber(7).at_or_after(proof)));
        assert_eq!(closer.state(), EndpointState { proven: State::TimeWait, presumed: State::TimeWait });
    }

    #[test]
    fn crossing_fins_pass_through_closing() {
        let mut side = side(State::Established, &[(Signal::Fin, Some(SeqNumber(7)))]);
        side.apply(Event::Sent(Signal::Fin));
        side.settle(|_, _| true);
        assert_eq!(side.proven, State::Closing);
    }
}
