//! Connections of which one direction only was captured.

use super::life::{Span, enter, is_own};
use crate::flow::{EventKind, Flow};
use crate::net::Role;
use crate::tcp::State;
use crate::time::Timestamp;

/// The states of `role`'s socket where nothing of one side was captured although it sent; `None` for all other flows.
///
/// What the captured side sent shows how far it was. Of the other one that is all there is, too: it had a socket while
/// the captured side was open, and what it did after that side's FIN is not known.
pub(super) fn states_by_one_side(flow: &Flow, role: Role) -> Option<Vec<Span>> {
    let unseen = Role::BOTH.into_iter().find(|role| flow.traffic[*role].unseen)?;
    let mut spans = Vec::new();
    let mut now = flow.first.time;
    let mut state = if flow.premise.midstream { State::Established } else { State::Closed };
    tell(role, unseen, state, now, &mut spans);
    for event in flow.events.iter().filter(|event| event.from != unseen) {
        state = match (event.kind, state) {
            (EventKind::Syn, _) => State::SynSent,
            // Its octets need not be among the events.
            (EventKind::SynAck, _) if flow.premise.established[!unseen] => State::Established,
            (EventKind::SynAck, _) => State::SynReceived,
            (EventKind::Rst, _) => State::Closed,
            (EventKind::Fin, _) => State::FinWait1,
            (_, State::SynSent | State::SynReceived)
                if event.flags.ack() && !event.flags.syn() && is_own(event) =>
            {
                State::Established
            }
            _ => continue,
        };
        now = now.max(event.time());
        tell(role, unseen, state, now, &mut spans);
    }
    Some(spans)
}

/// Enters `state`, that of the captured side, or what `role` is known to have been in meanwhile.
fn tell(role: Role, unseen: Role, state: State, now: Timestamp, spans: &mut Vec<Span>) {
    let state = match state {
        _ if role != unseen => state,
        State::Established => State::Established,
        // Who is answered with a SYN-ACK has sent a SYN.
        State::SynReceived => State::SynSent,
        _ => State::Closed,
    };
    enter(spans, state, now, false);
}
