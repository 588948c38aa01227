//! Questions that several rules ask a flow.

use crate::diagnose::Context;
use crate::flow::{Event, EventKind, Flow, Handshake, Origin, RecordRef, Reset, ResetKind};
use crate::net::Role;
use crate::time::{TimeDelta, span_in_words};

/// The first retransmission time-out (RFC 6298 §2.1). An answer that is missing for less says nothing yet.
pub(super) const INITIAL_RTO: TimeDelta = TimeDelta::from_secs(1);

/// A segment that was lost twice before the capture point is captured so long after it was first sent (RFC 6298 §2.1,
/// §5.5).
pub(super) const TWO_LOSSES: TimeDelta = TimeDelta::from_secs(3);

/// The first event of `kind`.
pub(super) fn first(flow: &Flow, kind: EventKind) -> Option<&Event> {
    flow.events.iter().find(|event| event.kind == kind)
}

/// The last event of `kind`.
pub(super) fn last(flow: &Flow, kind: EventKind) -> Option<&Event> {
    flow.events.iter().rev().find(|event| event.kind == kind)
}

/// The record of the first event of `kind`.
pub(super) fn first_record(flow: &Flow, kind: EventKind) -> Option<RecordRef> {
    first(flow, kind).map(|event| event.at)
}

/// The record of the last event of `kind`.
pub(super) fn last_record(flow: &Flow, kind: EventKind) -> Option<RecordRef> {
    last(flow, kind).map(|event| event.at)
}

/// The record of the connection request; the flow's first where none was kept.
pub(super) fn syn(flow: &Flow) -> RecordRef {
    first_record(flow, EventKind::Syn).unwrap_or(flow.first)
}

/// The RST that refused an earlier SYN of a connection that was accepted when asked again, as Windows does by itself.
pub(super) fn refusal_before_success(flow: &Flow) -> Option<&Reset> {
    let is_open = matches!(flow.handshake, Handshake::Complete | Handshake::Simultaneous);
    flow.resets.iter().find(|reset| is_open && reset.ignored && reset.kind == ResetKind::Refusal)
}

/// The ACK with the predecessor's numbers that answered this flow's SYN (RFC 9293 §3.10.7.4: a SYN that
/// reaches a synchronised state draws an ACK).
pub(super) fn challenge_ack(flow: &Flow) -> Option<&Event> {
    flow.events
        .iter()
        .take_while(|event| event.kind != EventKind::SynAck)
        .find(|event| is_challenge(event) && event.from == Role::Responder)
}

/// True when the one whose address the SYN bears goes on with the connection before it, and nothing else came of the
/// SYN: somebody else sent that (RFC 5961 §4), or two hosts share the address. Nothing took the four-tuple over.
pub(super) fn is_foreign_syn(flow: &Flow) -> bool {
    let goes_on = |event: &Event| {
        event.kind == EventKind::Ghost
            && event.from == Role::Initiator
            && !event.flags.rst()
            && event.flags.ack()
    };
    flow.handshake == Handshake::Syn && flow.syn_retries == 0 && flow.events.iter().any(goes_on)
}

/// True when both sides go on with the connection although a SYN had come for its four-tuple: it was not reused.
pub(super) fn outlives_successor(flow: &Flow) -> bool {
    let goes_on = |role: Role| {
        flow.events.iter().any(|event| {
            event.into_successor
                && event.from == role
                && !event.flags.rst()
                && !matches!(event.kind, EventKind::Ghost | EventKind::IcmpError)
        })
    };
    Role::BOTH.into_iter().all(goes_on)
}

/// True for a ghost that takes no sequence space: the predecessor's socket answering, not acting.
pub(super) fn is_challenge(event: &Event) -> bool {
    event.kind == EventKind::Ghost && event.octets == 0 && event.flags.ack() && !event.flags.is_control()
}

/// True when `role` closed its window and did not open it again.
pub(super) fn window_is_closed(flow: &Flow, role: Role) -> bool {
    let of_window = |event: &&Event| {
        matches!(event.kind, EventKind::ZeroWindow | EventKind::WindowOpened) && event.from == role
    };
    flow.events.iter().rfind(of_window).is_some_and(|event| event.kind == EventKind::ZeroWindow)
}

/// True when every request was followed by an answer.
pub(super) fn is_answered(flow: &Flow) -> bool {
    flow.exchanges > 0 && flow.unanswered_octets == 0
}

/// Why what `role` did and did not do may not all be known: the capture missed segments of it.
pub(super) fn missed_of(flow: &Flow, role: Role) -> Option<&'static str> {
    let side = &flow.traffic[role];
    (side.gap || side.unseen).then_some("the capture missed segments of this flow")
}

/// The same for either side.
pub(super) fn missed(flow: &Flow) -> Option<&'static str> {
    missed_of(flow, Role::Initiator).or_else(|| missed_of(flow, Role::Responder))
}

/// Why `role` may have closed without its FIN in the capture: segments of it are missing, or nothing but RSTs was seen
/// of it in a connection that began before.
pub(super) fn closed_unseen(flow: &Flow, role: Role) -> Option<&'static str> {
    let resets = flow.resets.iter().filter(|reset| reset.by == role).count() as u64;
    let has_acted = flow.traffic[role].packets > resets || flow.origin == Origin::Handshake;
    missed_of(flow, role).or_else(|| (!has_acted).then_some("it may have closed before the capture began"))
}

/// From one record to a later one, in words.
pub(super) fn span(from: RecordRef, to: RecordRef) -> String {
    span_in_words(Some(to.time - from.time))
}

/// From `record` to the latest moment the capture knows.
pub(super) fn since(record: RecordRef, context: &Context<'_>) -> TimeDelta {
    context.now - record.time
}
