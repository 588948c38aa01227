//! How many octets may have lain unread in a socket.

use crate::flow::{EventKind, Flow};
use crate::net::Role;
use crate::tcp::State;
use crate::time::Timestamp;

/// Bounds of Recv-Q as `ss` and `netstat` show it: octets received that the program has not read, and one for a FIN
/// that it has not read either.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecvQueue {
    /// At least so many: only a closed window proves any.
    pub least: Option<u64>,
    /// At most so many: an answer shows that what came before it was read.
    pub most: u64,
}

/// Recv-Q of `role`'s socket in `state` at `time`.
pub(super) fn recv_queue(flow: &Flow, role: Role, state: State, time: Timestamp) -> RecvQueue {
    let fin = u64::from(matches!(state, State::CloseWait | State::LastAck | State::Closing));
    let octets = match state {
        State::SynSent | State::SynReceived | State::TimeWait => return RecvQueue::default(),
        // A program that closes with octets unread sends RST (RFC 2525 §2.17).
        State::LastAck | State::Closing => 0,
        _ => unread(flow, role, time),
    };
    let is_full = fin == 0 && octets > 0 && has_closed_window(flow, role, time);
    RecvQueue { least: is_full.then_some(1), most: octets + fin }
}

/// Octets that came for `role` since it last spoke, or more: how many of them came between its answers is known at the
/// flow's end only.
fn unread(flow: &Flow, role: Role, time: Timestamp) -> u64 {
    let sent = &flow.traffic[!role];
    let all = flow.octets_up_to_fin(!role).unwrap_or(sent.octets + sent.missed);
    let nothing_yet = role == Role::Initiator && flow.replies.is_none_or(|replies| time < replies.first.time);
    match flow.last_talker {
        _ if nothing_yet => 0,
        Some((talker, since)) if talker == role && time >= since.time => 0,
        Some((talker, since)) if talker != role && time >= since.time && flow.unanswered_octets > 0 => {
            flow.unanswered_octets
        }
        _ => all,
    }
}

/// True when `role`'s last word about its window before `time` was that it is closed.
fn has_closed_window(flow: &Flow, role: Role, time: Timestamp) -> bool {
    let words = flow.events.iter().rev().filter(|event| event.from == role && event.time() <= time);
    let mut words =
        words.filter(|event| matches!(event.kind, EventKind::ZeroWindow | EventKind::WindowOpened));
    flow.events_dropped == 0 && words.next().is_some_and(|event| event.kind == EventKind::ZeroWindow)
}
