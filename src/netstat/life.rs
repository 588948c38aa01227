//! The states of one endpoint's socket, one after the other.

use super::one_way::states_by_one_side;
use super::opening::has_no_socket;
use crate::flow::{EndpointState, Event, EventKind, Flow, Premise, Step};
use crate::net::Role;
use crate::tcp::State;
use crate::time::{TimeDelta, Timestamp};

/// A stretch of a socket's life in one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The state, as it must have been if all that passed the capture point arrived.
    pub state: State,
    /// When it began.
    pub since: Timestamp,
    /// When it ended; `None` when nothing tells.
    pub until: Option<Timestamp>,
    /// True when the endpoint's own segments, or its silence, show that it was in this state.
    pub is_shown: bool,
    /// When the timer that ends the state was to go off.
    pub timer: Option<Timestamp>,
}

impl Span {
    /// True when the socket was in this state at `time`.
    pub fn holds(&self, time: Timestamp) -> bool {
        self.since <= time && self.until.is_none_or(|until| time < until)
    }

    /// True when the state is certain at `time`: it was shown, and no timer was to have ended it.
    pub fn is_certain(&self, time: Timestamp) -> bool {
        self.is_shown && self.timer.is_none_or(|timer| time <= timer)
    }
}

/// The states of `role`'s socket by what passed the capture point alone, in order; without those that are none (LISTEN,
/// CLOSED). `steps`: the flow's [`replay`](crate::flow::replay).
pub(super) fn states_by_segments(flow: &Flow, role: Role, steps: &[Step]) -> Vec<Span> {
    if let Some(spans) = states_by_one_side(flow, role) {
        return spans;
    }
    if has_no_socket(flow, role) {
        return Vec::new();
    }
    let mut life = Life::new(flow, role);
    for step in steps {
        if let Some(event) = flow.events.get(step.event) {
            life.take(step, event);
        }
    }
    life.spans
}

/// What a host sends sooner than this after a RST passed may have been on its way already.
const CROSSING: TimeDelta = TimeDelta::from_millis(300);

struct Life<'a> {
    flow: &'a Flow,
    role: Role,
    spans: Vec<Span>,
    /// The time of the last event, or of an earlier one that is later: spans follow each other.
    now: Timestamp,
    /// What had passed but did not come.
    missing: Missing,
    /// The initiator has begun, the responder answered.
    is_open: bool,
    /// The initiator's ACK of the SYN-ACK is among the events, if there was one.
    acknowledges_syn_ack: bool,
}

/// What passed the capture point but did not come to the socket, as that shows by what it sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Missing {
    Nothing,
    /// What would have ended the socket: the RST, or the ACK of its last FIN.
    End,
    /// The peer's FIN, or what came before it.
    Fin,
}

impl<'a> Life<'a> {
    fn new(flow: &'a Flow, role: Role) -> Self {
        let is_open = role == Role::Initiator;
        let now = flow.first.time;
        let acknowledges_syn_ack = !flow.premise.established[role]
            || flow.events.iter().any(|event| event.kind == EventKind::HandshakeAck);
        let mut life = Self {
            flow,
            role,
            spans: Vec::new(),
            now,
            missing: Missing::Nothing,
            is_open,
            acknowledges_syn_ack,
        };
        let Premise { midstream, syn_missing, .. } = flow.premise;
        if midstream {
            life.enter(State::Established, false);
        } else if syn_missing && role == Role::Initiator {
            life.enter(State::SynSent, false);
        }
        life
    }

    fn take(&mut self, step: &Step, event: &Event) {
        let (role, now) = (self.role, self.now.max(event.time()));
        let (before, after) = (step.before[role], step.after[role]);
        let acts = event.from == role && is_own(event);
        if acts && is_socket(after.proven) && !is_socket(before.presumed) && self.has_ended_before(event, now)
        {
            self.revive();
        }
        if acts && self.shows_no_fin(event) {
            self.take_fin_back();
        } else if self.missing == Missing::Fin && (acts || event.kind == EventKind::FinAgain) {
            self.missing = Missing::Nothing;
        }
        self.now = now;
        self.is_open |= acts && event.flags.syn() || self.flow.premise.midstream;
        if self.missing == Missing::End && self.is_ended_by(event) {
            self.missing = Missing::Nothing;
            return self.enter(State::Closed, false);
        }
        if acts && let Some(last) = self.spans.last_mut() {
            last.is_shown |= last.until.is_none() && last.state == before.presumed;
        }
        let (state, is_shown) = self.state_after(after);
        if self.is_open {
            self.enter(state, is_shown);
        }
    }

    /// The state after a step, and whether it is shown.
    fn state_after(&self, after: EndpointState) -> (State, bool) {
        let EndpointState { proven, presumed } = after;
        // Who has received the SYN-ACK acknowledges it at once. Until then it may have been lost.
        let unanswered =
            proven == State::SynSent && presumed == State::Established && self.acknowledges_syn_ack;
        match self.missing {
            Missing::Nothing if !unanswered => (presumed, after.is_proven()),
            Missing::Fin if !unanswered => (without_fin(presumed), true),
            _ => (proven, true),
        }
    }

    /// True when `event`, an own one, acknowledges less than the peer's FIN, which had passed before, and is not late
    /// itself.
    fn shows_no_fin(&self, event: &Event) -> bool {
        let Some(fin) = self.flow.fin[!self.role].filter(|_| event.flags.ack()) else { return false };
        let order = self.flow.order;
        order.is_before(fin.first, event.at)
            && fin.acked.is_none_or(|acked| order.is_before(event.at, acked))
            && !event.ack.at_or_after(fin.end)
    }

    /// The state was not what the FIN would have made of it.
    fn take_fin_back(&mut self) {
        self.missing = Missing::Fin;
        let Some(last) = self.spans.last_mut().filter(|last| last.until.is_none()) else { return };
        last.state = without_fin(last.state);
        let (state, since) = (last.state, last.since);
        let merges = |before: &Span| before.state == state && before.until == Some(since);
        if let [.., before, _] = self.spans.as_mut_slice()
            && merges(before)
        {
            before.until = None;
            self.spans.pop();
        }
    }

    /// Whether what ended the socket is long enough ago for `event` not to have been on its way then.
    fn has_ended_before(&self, event: &Event, now: Timestamp) -> bool {
        let ended = self.spans.last().and_then(|last| last.until);
        let by_reset = self.flow.resets.iter().any(|reset| {
            reset.by != self.role && !reset.ignored && self.flow.order.is_before(reset.at, event.at)
        });
        ended.is_some_and(|ended| !by_reset || now - ended > CROSSING)
    }

    /// What had ended the socket did not arrive.
    fn revive(&mut self) {
        self.missing = Missing::End;
        if let Some(last) = self.spans.last_mut() {
            last.until = None;
        }
    }

    /// True when `event` may end the socket that outlived the same before.
    fn is_ended_by(&self, event: &Event) -> bool {
        let fin = self.flow.fin[self.role];
        let acknowledges = |end| event.flags.ack() && event.ack.at_or_after(end);
        let is_close = fin.is_some_and(|fin| acknowledges(fin.end)) && !event.flags.rst();
        event.from != self.role && is_own(event) && is_close || event.kind == EventKind::Rst
    }

    fn enter(&mut self, state: State, is_shown: bool) {
        let is_shown = is_shown || state == State::Established && self.flow.premise.established[self.role];
        enter(&mut self.spans, state, self.now, is_shown);
    }
}

/// The socket is in `state` from `now` on.
pub(super) fn enter(spans: &mut Vec<Span>, state: State, now: Timestamp, is_shown: bool) {
    match spans.last_mut().filter(|last| last.until.is_none()) {
        Some(last) if last.state == state => return last.is_shown |= is_shown,
        Some(last) => last.until = Some(now),
        None => {}
    }
    if is_socket(state) {
        spans.push(Span { state, since: now, until: None, is_shown, timer: None });
    }
}

/// The state of a socket that has not received the peer's FIN, but all else.
const fn without_fin(state: State) -> State {
    match state {
        State::CloseWait => State::Established,
        State::Closing | State::LastAck => State::FinWait1,
        State::TimeWait => State::FinWait2,
        other => other,
    }
}

/// True for a state in which a host keeps a socket for the connection.
const fn is_socket(state: State) -> bool {
    !matches!(state, State::Listen | State::Closed)
}

/// True for a segment of this incarnation that a socket sent.
pub(super) fn is_own(event: &Event) -> bool {
    !matches!(event.kind, EventKind::Rst | EventKind::RstOutside | EventKind::Ghost | EventKind::IcmpError)
}
