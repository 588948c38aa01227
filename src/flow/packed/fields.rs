//! What a packed flow says behind its head, field by field.

use super::pass::Pass;
use super::{WORD, mark};
use crate::flow::event::{Event, EventKind};
use crate::flow::facts::{Pause, RecordRef, Replies, Reuse, ReuseKind};
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
    let active = event_at(live, places & 15);
    pass_at(pass, &mut live.active, active, near);
    if is(mark::RETRIED) {
        pass.small(&mut live.syn_retries);
    }
    if is(mark::PAUSE) {
        let mut pause = live.pause().unwrap_or(Pause { from: live.first, until: live.first });
        pass.at(&mut pause.from, live.first);
        pass.at(&mut pause.until, live.active);
        live.rare_mut().pause = Some(pause);
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

fn pass_events<P: Pass>(pass: &mut P, live: &mut Live) {
    let list = live.events.list_mut();
    let mut count = list.len();
    pass.count(&mut count);
    let mut course = Course {
        near: live.first,
        expected: Sides { initiator: live.halves.initiator.base, responder: live.halves.responder.base },
        windows: Sides::default(),
    };
    let mut pass_next = |event: &mut Event| {
        pass_event(pass, event, &course);
        course.advance(event);
    };
    if P::READS {
        list.extend((0..count).map(|_| {
            let mut event = Event::blank();
            pass_next(&mut event);
            event
        }));
    } else {
        list.iter_mut().for_each(pass_next);
    }
}

/// What the event before leads to expect of the next.
struct Course {
    near: RecordRef,
    /// Where each side goes on.
    expected: Sides<SeqNumber>,
    /// The last window of each.
    windows: Sides<u16>,
}

impl Course {
    /// Takes the next event.
    #[inline]
    fn advance(&mut self, event: &Event) {
        self.near = event.at;
        self.expected[event.from] = event.end();
        self.windows[event.from] = event.window;
    }

    /// Where `event` is likely to begin, and what it is likely to acknowledge.
    #[inline]
    fn numbers_of(&self, from: Role, flags: Flags) -> (SeqNumber, SeqNumber) {
        let Sides { initiator, responder } = self.expected;
        let (own, peers) =
            if from == Role::Initiator { (initiator, responder) } else { (responder, initiator) };
        (own, if flags.ack() { peers } else { SeqNumber::default() })
    }
}

/// What six octets say of an event: kind, sender, what is unusual, and the distances in records and time.
mod event {
    pub(super) const LENGTH: usize = 6;
    pub(super) const KIND: u64 = 31;
    pub(super) const FROM_RESPONDER: u64 = 1 << 5;
    /// Its flags are not those of its kind.
    pub(super) const FLAGS: u64 = 1 << 6;
    /// It does not go on where its sender's last event ended.
    pub(super) const SEQ: u64 = 1 << 7;
    /// It does not acknowledge the peer's last event.
    pub(super) const ACK: u64 = 1 << 8;
    pub(super) const OCTETS: u64 = 1 << 9;
    /// Its window is not that of its sender's last event.
    pub(super) const WINDOW: u64 = 1 << 10;
    pub(super) const RECORDS_SHIFT: u32 = 11;
    /// It lies this many records on, or more, or back.
    pub(super) const MANY_RECORDS: u64 = 0x7f;
    pub(super) const NANOS_SHIFT: u32 = 18;
    /// It came this much later, or more, or earlier: about a second.
    pub(super) const MANY_NANOS: u64 = (1 << 30) - 1;
}

#[inline]
fn word_of_event(event: &Event, course: &Course) -> u64 {
    let near = course.near;
    let (seq, ack) = course.numbers_of(event.from, event.flags);
    let records = event.at.record.wrapping_sub(near.record).min(event::MANY_RECORDS);
    let nanos = event.at.time.nanos().wrapping_sub(near.time.nanos()).cast_unsigned().min(event::MANY_NANOS);
    event.kind as u64
        | bit(event::FROM_RESPONDER, event.from == Role::Responder)
        | bit(event::FLAGS, event.flags != flags_of(event.kind))
        | bit(event::SEQ, event.seq != seq)
        | bit(event::ACK, event.ack != ack)
        | bit(event::OCTETS, event.octets != 0)
        | bit(event::WINDOW, event.window != course.windows[event.from])
        | records << event::RECORDS_SHIFT
        | nanos << event::NANOS_SHIFT
}

#[inline]
fn pass_event<P: Pass>(pass: &mut P, event: &mut Event, course: &Course) {
    let near = course.near;
    let word = pass.code(event::LENGTH, || word_of_event(event, course));
    let is = |bit: u64| word & bit != 0;
    if P::READS {
        let [kind, ..] = (word & event::KIND).to_le_bytes();
        event.kind = EventKind::ALL.get(usize::from(kind)).copied().unwrap_or_default();
        event.from = if is(event::FROM_RESPONDER) { Role::Responder } else { Role::Initiator };
        event.window = course.windows[event.from];
    }
    match word >> event::RECORDS_SHIFT & event::MANY_RECORDS {
        event::MANY_RECORDS => pass.record(&mut event.at.record, near.record),
        records if P::READS => event.at.record = near.record + records,
        _ => {}
    }
    match word >> event::NANOS_SHIFT {
        event::MANY_NANOS => pass.time(&mut event.at.time, near.time),
        nanos if P::READS => event.at.time = near.time + TimeDelta::from_nanos(nanos.cast_signed()),
        _ => {}
    }
    if P::READS {
        event.flags = flags_of(event.kind);
    }
    if is(event::FLAGS) {
        pass.octet(&mut event.flags.0);
    }
    let (seq, ack) = course.numbers_of(event.from, event.flags);
    if P::READS {
        (event.seq, event.ack) = (seq, ack);
    }
    if is(event::SEQ) {
        pass.seq(&mut event.seq, seq);
    }
    if is(event::ACK) {
        pass.seq(&mut event.ack, ack);
    }
    if is(event::OCTETS) {
        pass.small(&mut event.octets);
    }
    if is(event::WINDOW) {
        pass.pair(&mut event.window);
    }
}

/// `bit` where something is so.
#[inline]
fn bit(bit: u64, is: bool) -> u64 {
    if is { bit } else { 0 }
}

/// The flags that an event of this kind has nearly always.
const fn flags_of(kind: EventKind) -> Flags {
    const SYN_ACK: u8 = Flags::SYN.0 | Flags::ACK.0;
    const FIN_ACK: u8 = Flags::FIN.0 | Flags::ACK.0;
    const PSH_ACK: u8 = Flags::PSH.0 | Flags::ACK.0;
    Flags(match kind {
        EventKind::Syn | EventKind::SynAgain => Flags::SYN.0,
        EventKind::SynAck | EventKind::SynAckAgain => SYN_ACK,
        EventKind::Fin | EventKind::FinAgain => FIN_ACK,
        EventKind::Rst | EventKind::RstOutside => Flags::RST.0,
        EventKind::Data => PSH_ACK,
        _ => Flags::ACK.0,
    })
}

const KINDS: [ReuseKind; 4] =
    [ReuseKind::Clean, ReuseKind::WithinTimeWait, ReuseKind::HalfClosed, ReuseKind::Open];
const WAITING: [Option<Role>; 3] = [None, Some(Role::Initiator), Some(Role::Responder)];

fn pass_reuse(pass: &mut impl Pass, live: &mut Live) {
    pass.small(&mut live.incarnation);
    let none = Reuse { predecessor: live.first.record, gap: None, kind: ReuseKind::Clean, waiting: None };
    let mut reuse = live.reuse().unwrap_or(none);
    pass.record(&mut reuse.predecessor, live.first.record);
    pass_one_of(pass, &mut reuse.kind, &KINDS);
    pass_one_of(pass, &mut reuse.waiting, &WAITING);
    let mut is_known = u8::from(reuse.gap.is_some());
    pass.octet(&mut is_known);
    if is_known != 0 {
        let mut nanos = reuse.gap.unwrap_or_default().nanos();
        pass.signed(&mut nanos);
        reuse.gap = Some(TimeDelta::from_nanos(nanos));
    }
    live.rare_mut().reuse = Some(reuse);
}

fn pass_one_of<T: Copy + PartialEq>(pass: &mut impl Pass, value: &mut T, all: &[T]) {
    let mut place = all.iter().position(|one| one == value).unwrap_or_default();
    pass.count(&mut place);
    if let Some(one) = all.get(place) {
        *value = *one;
    }
}
