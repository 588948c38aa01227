//! Connections that one end took for open and the other had no socket for.

use super::stack::OLD_INITIAL_RTO;
use crate::flow::{EventKind, Flow, Handshake};
use crate::net::Role;

/// True when `role` never had a socket for this connection although the segments alone would give it one.
///
/// A listener whose accept queue is full, or that is flooded with SYNs, answers with a SYN cookie: the SYN-ACK leaves,
/// and nothing is kept. It is not sent again then, and what the initiator sends is not acknowledged.
pub(super) fn has_no_socket(flow: &Flow, role: Role) -> bool {
    let copies = || {
        flow.events.iter().filter(|event| matches!(event.kind, EventKind::SynAck | EventKind::SynAckAgain))
    };
    let answered_once = copies().count() == 1;
    let waited = copies().next().is_some_and(|event| flow.decided - event.time() >= OLD_INITIAL_RTO);
    role == Role::Responder
        && answered_once
        && (flow.has_deaf_responder()
            || flow.handshake == Handshake::SynAck && waited && flow.resets.is_empty())
}
