//! What a packed flow says behind its head, field by field.

use super::events::pass_events;
use super::extras::{pass_pause, pass_reuse, pass_stalls};
use super::pass::Pass;
use super::{WORD, mark};
use crate::flow::event::Event;
use crate::flow::facts::{RecordRef, Replies};
use crate::flow::half::{Half, Seen};
use crate::flow::live::{Live, MICROSECOND};
use crate::net::{Role, Sides};
use crate::tcp::{Flags, SeqNumber};
use crate::time::{TimeDelta, Timestamp};

/// Passes all that is not in the head, which is in `live` already; `last` is the time of its last segment.
pub(super) fn pass_flow(pass: &mut impl Pass, live: &mut Live, last: Timestamp, marks: u64) {
    let is = |mark: u64| marks & mark != 0;
    pass.time(&mut live.first.time, last);
    // Of one length: what a flow takes must not depend on how its table is parted, nor its number with it.
    pass.word(&mut live.stream, 4);
    pass_letters(pass, live, is(mark::WORDY));
    let Sides { initiator, responder } = &mut live.halves;
    pass.seq(&mut initiator.base, initiator.next);
    pass.seq(&mut responder.base, responder.next);
    pass_events(pass, live);
    if !is(mark::BLANK.initiator) {
        pass_half(pass, initiator_of(live), is(mark::ODD.initiator));
    }
    if !is(mark::BLANK.responder) {
        pass_half(pass, responder_of(live), is(mark::ODD.responder));
    }
    let places = pass.code(1, || places_of(live));
    let mut near = live.first;
    if is(mark::TALK) {
        pass.small(&mut live.exchanges);
        let start = event_at(live, places >> 4);
        pass_at(pass, &mut live.burst.start, start, live.first);
        pass.number(&mut live.burst.octets);
        near = live.burst.start;
        pass_replies(pass, live, is(mark::REPLIES));
    }
    if is(mark::ASKED) {
        pass.at(&mut live.asked, near);
    }
    let active = event_at(live, places & 15);
    pass_at(pass, &mut live.active, active, near);
    if is(mark::RETRIED) {
        pass.small(&mut live.syn_retries);
    }
    if is(mark::PAUSE) {
        pass_pause(pass, live);
    }
    for role in Role::BOTH.into_iter().filter(|role| is(mark::STALLED[*role])) {
        pass_stalls(pass, live, role);
    }
    if is(mark::REUSE) {
        pass_reuse(pass, live);
    }
}

/// Where the only reply is the last that was said, only how long it took is not known yet.
fn pass_replies<P: Pass>(pass: &mut P, live: &mut Live, are_more: bool) {
    let (burst, replies) = (live.burst, &mut live.replies);
    let mut micros = replies.slowest.waited.nanos() / MICROSECOND;
    if are_more {
        pass.at(&mut replies.first, live.first);
        pass.at(&mut replies.last, burst.start);
        let mut before = replies.before.unwrap_or(replies.last.time);
        pass.time(&mut before, replies.last.time);
        replies.before = (before != replies.last.time).then_some(before);
        pass.time(&mut replies.slowest.until, replies.last.time);
    } else if burst.talker != Some(Role::Responder) {
        return;
    } else if P::READS {
        *replies = Replies { first: burst.start, last: burst.start, ..Replies::default() };
        replies.slowest.until = burst.start.time;
    }
    pass.signed(&mut micros);
    replies.slowest.waited = TimeDelta::from_nanos(micros.wrapping_mul(MICROSECOND));
}

/// Which events, counted from 1, are the last segment that was more than an acknowledgement (lower half) and the
/// start of the burst (upper half); 0 where none is.
fn places_of(live: &Live) -> u64 {
    let events = live.events.list();
    let place = |at: RecordRef| {
        let place = events.iter().rposition(|event| event.at == at).map_or(0, |place| place as u64 + 1);
        if place < 16 { place } else { 0 }
    };
    place(live.active) | place(live.burst.start) << 4
}

/// When the event came of which [`places_of`] told.
fn event_at(live: &Live, place: u64) -> Option<RecordRef> {
    let place = usize::try_from(place).ok()?.checked_sub(1)?;
    live.events.list().get(place).map(|event| event.at)
}

/// A record that may be that of an event.
fn pass_at(pass: &mut impl Pass, at: &mut RecordRef, event: Option<RecordRef>, near: RecordRef) {
    match event {
        Some(event) => *at = event,
        None => pass.at(at, near),
    }
}

/// A half with what its numbers are told from.
struct HalfIn<'a> {
    half: &'a mut Half,
    peers_next: SeqNumber,
    first: RecordRef,
    events: &'a [Event],
}

fn initiator_of(live: &mut Live) -> HalfIn<'_> {
    let Sides { initiator, responder } = &mut live.halves;
    HalfIn { half: initiator, peers_next: responder.next, first: live.first, events: live.events.list() }
}

fn responder_of(live: &mut Live) -> HalfIn<'_> {
    let Sides { initiator, responder } = &mut live.halves;
    HalfIn { half: responder, peers_next: initiator.next, first: live.first, events: live.events.list() }
}

fn pass_letters<P: Pass>(pass: &mut P, live: &mut Live, are_many: bool) {
    let [mut front, mut back] = live.letters.to_words();
    pass.number(&mut front);
    if are_many {
        pass.number(&mut back);
    }
    if P::READS {
        live.letters = crate::flow::Letters::of_words([front, back]);
    }
}

/// What is unusual about a half, one bit each.
mod half {
    /// It did not acknowledge all that the peer sent.
    pub(super) const ACKED: u64 = 1;
    /// It sent something behind its FIN.
    pub(super) const FIN_END: u64 = 1 << 1;
    /// Its segments came different ways.
    pub(super) const TTL: u64 = 1 << 2;
    /// Its last segment is none of the events.
    pub(super) const LAST: u64 = 1 << 3;
}

/// Window, identification, time to live, shift, the mark bits of the last segment, its place among the events, and what
/// is unusual.
fn word_of_half(it: &HalfIn<'_>) -> u64 {
    let HalfIn { half, peers_next, events, .. } = it;
    let last = Seen { marks: 0, ..half.last };
    let is_last = |event: &Event| event.at.record == last.at.record && Seen::of_event(event) == last;
    let place = if half.last.kept() { events.iter().rposition(is_last) } else { None };
    let unusual = bit(half::ACKED, half.ack_seen && half.acked != *peers_next)
        | bit(half::FIN_END, half.fin && half.fin_end != half.next)
        | bit(half::TTL, half.ttl.0 != half.ttl.1)
        | bit(half::LAST, place.is_none());
    u64::from(half.window)
        | u64::from(half.ip_id) << 16
        | u64::from(half.ttl.0) << 32
        | u64::from(half.window_scale) << 40
        | u64::from(half.last.marks) << 48
        | (place.unwrap_or_default() as u64) << 52
        | unusual << 60
}

fn pass_half<P: Pass>(pass: &mut P, it: HalfIn<'_>, odd: bool) {
    let word = pass.code(WORD, || word_of_half(&it));
    let HalfIn { half, peers_next, first, events } = it;
    let [low, high, id_low, id_high, ttl, scale, more, top] = word.to_le_bytes();
    half.window = u16::from_le_bytes([low, high]);
    half.ip_id = u16::from_le_bytes([id_low, id_high]);
    half.window_scale = scale;
    let unusual = u64::from(top >> 4);
    pass.small(&mut half.packets);
    pass.number(&mut half.octets);
    if unusual & half::TTL != 0 {
        pass.octet(&mut half.ttl.1);
        half.ttl.0 = ttl;
    } else {
        half.ttl = (ttl, ttl);
    }
    if unusual & half::ACKED != 0 {
        pass.seq(&mut half.acked, peers_next);
    } else if half.ack_seen {
        half.acked = peers_next;
    }
    if unusual & half::FIN_END != 0 {
        pass.seq(&mut half.fin_end, half.next);
    } else if half.fin {
        half.fin_end = half.next;
    }
    half.fin_copies = half.fin_copies.max(u8::from(half.fin));
    if odd {
        pass_odd_half(pass, half);
    }
    if unusual & half::LAST != 0 {
        pass_last(pass, half, first);
    } else if P::READS
        && let Some(event) = events.get(usize::from(more >> 4 | top << 4))
    {
        half.last = Seen::of_event(event);
    }
    half.last.marks = more & 15;
}

fn pass_odd_half(pass: &mut impl Pass, half: &mut Half) {
    pass.small(&mut half.retransmissions);
    pass.small(&mut half.probes);
    pass.small(&mut half.zero_windows);
    pass.small(&mut half.closed_windows);
    pass.small(&mut half.repeated_payloads);
    pass.octet(&mut half.fin_copies);
}

/// What is unusual about the last segment of a half, one bit each.
mod last {
    /// It does not end where the half does, or acknowledges less.
    pub(super) const NUMBERS: u8 = 1;
    /// Its window is not the half's.
    pub(super) const WINDOW: u8 = 2;
    /// It is no mere acknowledgement.
    pub(super) const FLAGS: u8 = 4;
}

fn pass_last(pass: &mut impl Pass, half: &mut Half, first: RecordRef) {
    let mut seen = half.last;
    let in_order = |seen: &Seen| (half.next.sub(seen.sequence_length()), half.acked);
    let mut unusual = if in_order(&seen) == (seen.seq, seen.ack) { 0 } else { last::NUMBERS }
        | if seen.window == half.window { 0 } else { last::WINDOW }
        | if seen.flags == Flags::ACK { 0 } else { last::FLAGS };
    pass.octet(&mut unusual);
    pass.at(&mut seen.at, first);
    pass.small(&mut seen.octets);
    if unusual & last::FLAGS != 0 {
        pass.octet(&mut seen.flags.0);
    } else {
        seen.flags = Flags::ACK;
    }
    if unusual & last::WINDOW != 0 {
        pass.small(&mut seen.window);
    } else {
        seen.window = half.window;
    }
    let (seq, ack) = in_order(&seen);
    if unusual & last::NUMBERS != 0 {
        pass.seq(&mut seen.seq, seq);
        pass.seq(&mut seen.ack, ack);
    } else {
        (seen.seq, seen.ack) = (seq, ack);
    }
    half.last = seen;
}

/// `bit` where something is so.
#[inline]
pub(super) fn bit(bit: u64, is: bool) -> u64 {
    if is { bit } else { 0 }
}
