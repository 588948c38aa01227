//! Which states are certain besides those that a socket's own segments show.

use super::life::Span;
use super::stack::INITIAL_RTO;
use crate::flow::{FinFacts, Flow, Reset, ResetKind};
use crate::net::Role;
use crate::tcp::State;

/// Marks the spans of `role`'s socket that silence shows, and those that are in doubt whatever its segments show.
pub(super) fn settle_certainty(flow: &Flow, role: Role, spans: &mut [Span]) {
    if has_heard_ack_of_fin(flow, role) {
        spans.iter_mut().filter(|span| span.state == State::FinWait2).for_each(|span| span.is_shown = true);
    }
    if let Some(last) = spans.last_mut() {
        let may_have_ended = last.until.is_none() && flow.undecided_because.is_some();
        last.is_shown &= !may_have_ended && !had_lost_its_state(flow, role);
    }
}

/// True when the ACK of `role`'s FIN arrived: otherwise the FIN would have come again.
fn has_heard_ack_of_fin(flow: &Flow, role: Role) -> bool {
    let acked = |fin: FinFacts| fin.acked.map(|acked| (fin.last, acked));
    flow.fin[role].and_then(acked).is_some_and(|(last, acked)| {
        !flow.order.is_before(acked, last) && flow.decided - acked.time >= INITIAL_RTO
    })
}

/// True when `role` answered with a RST as one who knows of no connection: it lost it at some time before.
fn had_lost_its_state(flow: &Flow, role: Role) -> bool {
    let lost = |reset: &Reset| reset.by == role && reset.kind == ResetKind::StateLost;
    flow.resets.iter().any(lost)
}
