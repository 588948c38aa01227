//! RST: connections that were cut, by whom, and what for.

mod abort;
mod after_idle;
mod after_own_fin;
mod ignored;
mod no_connection;
mod stale_port_data;
mod stale_port_fin;
mod state_lost;
mod third_party;

use crate::flow::{Flow, FlowOutcome, Handshake, Origin, Reset, ResetKind};
use crate::net::Role;

pub(in crate::diagnose) use abort::ABORT;
pub(in crate::diagnose) use after_idle::AFTER_IDLE;
pub(in crate::diagnose) use after_own_fin::AFTER_OWN_FIN;
pub(in crate::diagnose) use ignored::IGNORED;
pub(in crate::diagnose) use no_connection::NO_CONNECTION;
pub(in crate::diagnose) use stale_port_data::STALE_PORT_DATA;
pub(in crate::diagnose) use stale_port_fin::STALE_PORT_FIN;
pub(in crate::diagnose) use state_lost::STATE_LOST;
pub(in crate::diagnose) use third_party::THIRD_PARTY;

/// The deciding RST if it is one of `kinds` and ended a connection: not one that the flow begins with, nor the
/// initiator's refusal of a SYN-ACK.
fn ending(flow: &Flow, kinds: &[ResetKind]) -> Option<Reset> {
    // An attempt that nobody answered is no connection that could be reset.
    if flow.outcome == FlowOutcome::SynUnanswered {
        return None;
    }
    let reset = flow.reset().filter(|reset| kinds.contains(&reset.kind))?;
    let is_refusal = flow.handshake == Handshake::SynAck && reset.by == Role::Initiator;
    (!is_refusal && !begins(flow, reset)).then_some(*reset)
}

/// True when the capture knows nothing of the flow before this RST.
fn begins(flow: &Flow, reset: &Reset) -> bool {
    flow.origin == Origin::Midstream && reset.at.record == flow.first.record
}
