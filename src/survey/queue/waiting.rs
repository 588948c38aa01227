//! When a connection asked for its service, and when it got it.

use super::Waiting;
use crate::flow::{EventKind, Flow, FlowOutcome, Handshake, Origin, RecordRef};
use crate::net::Role;
use crate::time::{TimeDelta, Timestamp};

/// What the service had to do with a connection, and when it first did something.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wait {
    /// When the handshake was complete, as far as the capture shows.
    pub(super) opened: RecordRef,
    /// When the initiator asked for something or closed; `None` when it did neither before the service acted.
    demand: Option<Timestamp>,
    /// What the service's program did first.
    pub(super) act: Option<RecordRef>,
}

impl Wait {
    /// Of an established connection.
    pub(super) fn of(flow: &Flow) -> Option<Self> {
        let is_open = matches!(flow.handshake, Handshake::Complete | Handshake::Simultaneous)
            || flow.origin == Origin::Midstream;
        let act = first_act(flow);
        is_open.then(|| Self { opened: opened(flow), demand: demand(flow), act })
    }

    /// Since when and until when it waited, if for at least `shortest`.
    pub(super) fn as_brief(&self, shortest: TimeDelta) -> Option<(Timestamp, RecordRef)> {
        let (demand, act) = self.demand.zip(self.act)?;
        (act.time - demand >= shortest).then_some((demand, act))
    }

    /// If it waited: for at least `shortest`.
    pub(super) fn as_waiting(&self, flow: &Flow, shortest: TimeDelta) -> Option<Waiting> {
        let demand = self.demand?;
        let ended = flow.reset().map(|reset| reset.at.time).filter(|_| self.act.is_none());
        let until = self.act.map(|act| act.time).or(ended).unwrap_or(flow.decided);
        (until - demand >= shortest && flow.outcome != FlowOutcome::Undecided).then(|| Waiting {
            flow: flow.id,
            opened: self.opened,
            round_trip: flow.handshake_rtt.unwrap_or_default(),
            demand,
            abandoned: flow.fin.initiator.is_some_and(|fin| fin.first.time < until),
            released: self.act,
            ended,
        })
    }
}

/// The ACK that completes the handshake puts a connection into the accept queue.
fn opened(flow: &Flow) -> RecordRef {
    let of_kind = |kind| flow.events.iter().find(|event| event.kind == kind).map(|event| event.at);
    of_kind(EventKind::HandshakeAck).or_else(|| of_kind(EventKind::SynAck)).unwrap_or(flow.first)
}

/// The first thing that only the program behind the socket makes it do: octets, a FIN; or the probe that goes out when
/// a keep-alive timer is armed long after the last segment, where that is all that ever came.
fn first_act(flow: &Flow) -> Option<RecordRef> {
    let reply = flow.replies.map(|replies| replies.first);
    let fin = flow.fin.responder.map(|fin| fin.first);
    let is_probe =
        |event: &&crate::flow::Event| event.kind == EventKind::Probe && event.from == Role::Responder;
    let probe = (flow.outcome == FlowOutcome::LateProbeRst)
        .then(|| flow.events.iter().find(is_probe).map(|event| event.at))
        .flatten();
    [reply, fin, probe].into_iter().flatten().min_by_key(|at| (at.time, at.record))
}

/// When the initiator first wanted something of the service: its first request, or its FIN.
fn demand(flow: &Flow) -> Option<Timestamp> {
    let request = match (flow.replies, flow.last_talker) {
        (Some(replies), _) => {
            let is_of_first = replies.slowest.until == replies.first.time;
            is_of_first.then(|| replies.first.time + -replies.slowest.waited)
        }
        (None, Some((Role::Initiator, at))) => Some(at.time),
        (None, _) => None,
    };
    let fin = flow.fin.initiator.map(|fin| fin.first.time);
    match (request, fin) {
        (Some(request), Some(fin)) => Some(request.min(fin)),
        (request, fin) => request.or(fin),
    }
}
