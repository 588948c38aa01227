//! What ends a socket without a segment: timers, attempts given up, and its four-tuple used again.

use super::life::{Span, is_own};
use super::stack::{INITIAL_RTO, LONGEST_RTO, OLD_INITIAL_RTO, Stack, lateness};
use crate::flow::{Answered, Event, EventKind, Flow, FlowOutcome, ResetKind};
use crate::net::Role;
use crate::tcp::State;
use crate::time::{TimeDelta, Timestamp};

/// Ends the spans of `role`'s socket that its stack ends by itself.
pub(super) fn end_spans(flow: &Flow, role: Role, stack: &Stack, spans: &mut Vec<Span>) {
    give_up(flow, role, spans);
    for index in 0..spans.len() {
        let Some(span) = spans.get_mut(index) else { break };
        match span.state {
            State::FinWait2 => expire(flow, role, stack, span),
            State::TimeWait => end_time_wait(flow, role, stack, span),
            _ => {}
        }
    }
    if let Some((_, taken)) = flow.successor.filter(|_| has_left(flow)) {
        give_way(flow, role, taken, spans);
    }
}

/// The four-tuple was taken by a successor: whoever sent its SYN has no socket of this flow any more. At the other end
/// a socket that has nothing to wait for but the peer gives way as well (RFC 6191); one that has is to be ended by a
/// RST, and gone at the latest when its host answers with a SYN-ACK.
fn give_way(flow: &Flow, role: Role, taken: Timestamp, spans: &mut Vec<Span>) {
    let accepted = flow.replaced.filter(|accepted| !is_heard_after(flow, role, *accepted));
    let Some(last) = spans.last() else { return };
    let gone = match (role, last.state) {
        (Role::Initiator, _) | (_, State::TimeWait | State::FinWait2 | State::Closing) => Some(taken),
        (Role::Responder, _) => accepted,
    };
    let Some(gone) = gone else { return };
    spans.retain(|span| span.since < gone);
    if let Some(last) = spans.last_mut() {
        end(last, gone);
    }
}

/// True when `role` goes on with this flow after `time`: then two hosts share its address.
fn is_heard_after(flow: &Flow, role: Role, time: Timestamp) -> bool {
    flow.events.iter().any(|event| event.from == role && is_own(event) && event.time() > time)
}

/// Ends `span` at `time` unless it ended before.
fn end(span: &mut Span, time: Timestamp) {
    span.until = Some(span.until.map_or(time, |until| until.min(time)).max(span.since));
}

/// Attempts that are repeated until they are answered, or given up: when the next copy would have been due and did not
/// come.
fn give_up(flow: &Flow, role: Role, spans: &mut Vec<Span>) {
    let Some(last) = spans.last_mut().filter(|last| last.until.is_none()) else { return };
    let copies = match last.state {
        State::SynSent => copies(flow, role, [EventKind::Syn, EventKind::SynAgain]),
        State::SynReceived => copies(flow, role, [EventKind::SynAck, EventKind::SynAckAgain]),
        State::FinWait1 | State::Closing | State::LastAck => {
            copies(flow, role, [EventKind::Fin, EventKind::FinAgain])
        }
        State::Established => {
            return unheard_until(flow, role).into_iter().for_each(|time| end(last, time));
        }
        _ => return,
    };
    if last.state == State::SynSent
        && flow.outcome == FlowOutcome::RefusedIcmp
        && let Some(refusal) = icmp_refusal(flow)
    {
        return end(last, refusal);
    }
    let is_fin = !matches!(last.state, State::SynSent | State::SynReceived);
    let is_answered = copies.count == 1 || flow.traffic[!role].unseen;
    if is_fin && is_answered && flow.decided - copies.last >= OLD_INITIAL_RTO {
        return take_as_acknowledged(copies.last, spans);
    }
    end(last, copies.next_due());
}

/// When a side whose octets nobody acknowledged must have given up: when the next copy would have been due. As each
/// time-out is twice the one before, that is at most twice as long after the last copy as that was after the first.
fn unheard_until(flow: &Flow, role: Role) -> Option<Timestamp> {
    let (_, since) = flow.last_talker.filter(|(talker, _)| *talker == role)?;
    let last = flow.traffic[role].last?.time;
    let tried = last - since.time;
    let is_stuck = flow.outcome == FlowOutcome::OpenUnacked && flow.traffic[role].unacked > 0;
    let timeout = TimeDelta::from_nanos(tried.nanos().saturating_mul(2)).min(LONGEST_RTO);
    (is_stuck && tried > TimeDelta::ZERO).then(|| last + timeout + lateness(timeout))
}

/// A FIN that is not sent again was acknowledged, captured or not. One that is sent again was so in the end, as far as
/// can be known where nothing of the other side was captured.
fn take_as_acknowledged(fin: Timestamp, spans: &mut Vec<Span>) {
    let Some(last) = spans.last_mut() else { return };
    let next = match last.state {
        State::FinWait1 => Some(State::FinWait2),
        State::Closing => Some(State::TimeWait),
        _ => None,
    };
    let since = last.since.max(fin);
    last.until = Some(since);
    spans.extend(next.map(|state| Span { state, since, until: None, is_shown: false, timer: None }));
}

/// When a segment was sent how often.
struct Copies {
    count: usize,
    before_last: Option<Timestamp>,
    last: Timestamp,
}

fn copies(flow: &Flow, role: Role, kinds: [EventKind; 2]) -> Copies {
    let mut copies = Copies { count: 0, before_last: None, last: flow.first.time };
    for event in flow.events.iter().filter(|event| event.from == role && kinds.contains(&event.kind)) {
        copies.before_last = (copies.count > 0).then_some(copies.last);
        copies.last = event.time().max(copies.last);
        copies.count += 1;
    }
    copies
}

impl Copies {
    /// When the next copy must have come, were the segment not given up: the time-out doubles (RFC 6298 §5.5). What
    /// came sooner than the first time-out was sent again for another reason.
    fn next_due(&self) -> Timestamp {
        let gap = self.before_last.map_or(TimeDelta::ZERO, |before| self.last - before);
        let doubled = TimeDelta::from_nanos(gap.nanos().saturating_mul(2));
        let timeout = doubled.clamp(INITIAL_RTO, LONGEST_RTO);
        self.last + timeout + lateness(timeout)
    }
}

/// When an ICMP error ended the attempt to connect.
fn icmp_refusal(flow: &Flow) -> Option<Timestamp> {
    let v4 = flow.initiator.addr.is_ipv4();
    let refuses = |event: &&Event| event.from == Role::Responder && event.refuses_connection(v4);
    flow.events.iter().find(refuses).map(Event::time)
}

/// FIN-WAIT-2 ends by a timer once the program has closed the socket; after `shutdown(SHUT_WR)` it does not.
fn expire(flow: &Flow, role: Role, stack: &Stack, span: &mut Span) {
    let timer = span.since + stack.fin_timeout;
    let latest = timer + lateness(stack.fin_timeout);
    if is_only_shut_down(flow, role, span, latest) {
        return;
    }
    span.timer = Some(timer);
    end(span, latest);
}

/// True when the socket of `role` took data after its own FIN, or was still there when the timer of a closed one must
/// have gone off: its program has shut it down, not closed it.
fn is_only_shut_down(flow: &Flow, role: Role, span: &Span, latest: Timestamp) -> bool {
    let refuses_data = |kind| matches!(kind, ResetKind::StaleData | ResetKind::CrossedFin);
    let refused = flow.resets.iter().any(|reset| {
        reset.by == role && (refuses_data(reset.kind) || matches!(reset.answers, Some((Answered::Data, _))))
    });
    let speaks_later = flow
        .events
        .iter()
        .any(|event| event.from == role && is_own(event) && !event.into_successor && event.time() > latest);
    let outlived = span.until.is_some_and(|until| until > latest) && speaks_later;
    flow.active_closer == Some(role) && flow.data_after_fin && !refused || outlived
}

/// TIME-WAIT lasts from the peer's last FIN on: each copy that finds it starts it anew (RFC 9293 §3.10.7.8).
fn end_time_wait(flow: &Flow, role: Role, stack: &Stack, span: &mut Span) {
    let late = lateness(stack.time_wait);
    let mut timer = span.since + stack.time_wait;
    let is_copy =
        |event: &&Event| event.from != role && event.kind == EventKind::FinAgain && !event.into_successor;
    for copy in flow.events.iter().filter(is_copy) {
        if copy.time() <= timer + late || is_heard_after(flow, role, copy.time()) {
            timer = timer.max(copy.time() + stack.time_wait);
        }
    }
    span.timer = Some(timer);
    end(span, timer + late);
}

/// True unless the initiator goes on with this incarnation although its four-tuple is in use again: then the SYN came
/// from somebody else.
fn has_left(flow: &Flow) -> bool {
    !flow.events.iter().any(|event| event.into_successor && event.from == Role::Initiator && is_own(event))
}
