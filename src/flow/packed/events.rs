//! The events of a packed flow, each as its difference from what the ones before lead to expect.

use super::fields::bit;
use super::pass::Pass;
use crate::flow::event::{Event, EventKind};
use crate::flow::facts::RecordRef;
use crate::flow::live::Live;
use crate::net::{Role, Sides};
use crate::tcp::{Flags, SeqNumber};
use crate::time::TimeDelta;

pub(super) fn pass_events<P: Pass>(pass: &mut P, live: &mut Live) {
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
