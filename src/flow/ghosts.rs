//! Segments of one incarnation that came in the life of a later one: whom they met, and what they drew.

use serde::Serialize;

use super::event::{Event, EventKind};
use super::facts::RecordRef;
use super::live::Live;
use super::resets::Answered;
use crate::net::Role;
use crate::tcp::{Segment, SeqNumber, State};
use crate::time::TimeDelta;

/// What is answered is answered at once: a round trip at most when the capture was taken at the other end.
const ANSWER_WINDOW: TimeDelta = TimeDelta::from_secs(1);
/// Ghosts told apart per flow; the rest repeat them.
const MOST_GHOSTS: usize = 8;

/// A segment with octets or a FIN, or a probe, that came after a later incarnation had taken its four-tuple. Both
/// incarnations know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Ghost {
    /// The segment.
    pub at: RecordRef,
    /// Its sender, as a role in this flow.
    pub from: Role,
    /// What it was.
    pub what: Answered,
    /// The flow to which it belongs.
    pub of: u64,
    /// The newest flow on the four-tuple.
    pub met: u64,
    /// The state in which that flow's end was to which it was sent, if all that had passed the capture had arrived.
    pub state: State,
    /// What it drew.
    pub drew: Option<(Drew, RecordRef)>,
}

/// What a ghost drew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Drew {
    /// A RST.
    Rst,
    /// An ACK with the numbers of the later incarnation (RFC 9293 §3.10.7.4).
    Ack,
    /// An ACK with the numbers of the incarnation to which it belongs: its socket is still there.
    OldAck,
}

/// A ghost while answers to it may come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Called {
    pub(super) ghost: Ghost,
    /// Its ACK number, which is the sequence number of a RST that it draws.
    ack: SeqNumber,
}

impl Live {
    /// Notes a ghost, `from` being its sender here.
    pub(super) fn note_ghost(&mut self, called: Called, from: Role) {
        let ghosts = &mut self.rare_mut().ghosts;
        if ghosts.len() < MOST_GHOSTS {
            ghosts.push(Called { ghost: Ghost { from, ..called.ghost }, ..called });
        }
    }

    /// What `segment`, sent by `from` and just taken by this flow, is as a ghost in the life of `newest`; `None` for a
    /// mere answer.
    pub(super) fn ghost_of(&self, segment: &Segment, from: Role, newest: &Self) -> Option<Called> {
        let flags = segment.flags;
        let what = match segment.octets {
            _ if flags.rst() || flags.syn() => return None,
            _ if self.halves[from].last.probe() => Answered::Probe,
            0 if flags.fin() => Answered::Fin,
            0 => return None,
            _ => Answered::Data,
        };
        let ghost = Ghost {
            at: RecordRef { record: segment.record, time: segment.time },
            from,
            what,
            of: self.first.record,
            met: newest.first.record,
            state: newest.state_of(newest.role_of(!segment.from_low)),
            drew: None,
        };
        Some(Called { ghost, ack: segment.ack })
    }

    /// What the last ghost draws with `segment`, sent by `from`; `is_old` if that has the ghost's numbers.
    pub(super) fn answer_to_ghost(&self, segment: &Segment, from: Role, is_old: bool) -> Option<Drew> {
        let Called { ghost, ack } = self.ghosts().last()?;
        let is_late = segment.time - ghost.at.time > ANSWER_WINDOW;
        if ghost.drew.is_some() || ghost.from == from || is_late || segment.flags.syn() {
            return None;
        }
        let is_bare = segment.octets == 0 && segment.flags.ack() && !segment.flags.is_control();
        match (segment.flags.rst(), is_old) {
            (true, _) => (segment.seq == *ack).then_some(Drew::Rst),
            (false, true) => is_bare.then_some(Drew::OldAck),
            (false, false) => (is_bare && !self.adds(segment, from)).then_some(Drew::Ack),
        }
    }

    /// Notes what the ghost at `ghost` drew.
    pub(super) fn note_answer(&mut self, ghost: RecordRef, drew: Drew, at: RecordRef) {
        let ghosts = self.rare.as_mut().map(|rare| rare.ghosts.as_mut_slice()).unwrap_or_default();
        if let Some(called) = ghosts.iter_mut().find(|it| it.ghost.at == ghost) {
            called.ghost.drew = Some((drew, at));
        }
    }

    /// Keeps `segment`, sent by `from` and just taken by this flow: it answers a ghost.
    pub(super) fn keep_answer(&mut self, segment: &Segment, from: Role) {
        if !self.halves[from].last.kept() {
            self.keep(Event::of(segment, from, EventKind::Ack));
        }
    }

    /// The state of `role` if all that had passed the capture so far has arrived.
    fn state_of(&self, role: Role) -> State {
        let (half, peer) = (&self.halves[role], &self.halves[!role]);
        let stage = &self.stage;
        let is_first =
            || self.events.list().iter().find(|event| is_fin(event)).is_some_and(|it| it.from == role);
        match (half.fin, peer.fin) {
            _ if stage.rst => State::Closed,
            (false, false) if stage.handshake_done || !(stage.syn || stage.syn_ack) => State::Established,
            (false, false) => match (role, stage.syn_ack) {
                (Role::Initiator, true) => State::Established,
                (Role::Initiator, false) => State::SynSent,
                (Role::Responder, true) => State::SynReceived,
                (Role::Responder, false) => State::Listen,
            },
            (false, true) => State::CloseWait,
            (true, false) if half.fin_acked => State::FinWait2,
            (true, false) => State::FinWait1,
            (true, true) if is_first() => {
                if half.fin_acked {
                    State::TimeWait
                } else {
                    State::Closing
                }
            }
            (true, true) if half.fin_acked => State::Closed,
            (true, true) => State::LastAck,
        }
    }
}

fn is_fin(event: &Event) -> bool {
    matches!(event.kind, EventKind::Fin | EventKind::FinAgain)
}
