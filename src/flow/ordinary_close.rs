//! The ordinary end of a connection, known at a glance.
//!
//! Most flows end like that, and of these nothing needs to be worked out segment by segment.

use super::event::{Event, EventKind};

/// A FIN, the other side's FIN that acknowledges it, and an ACK of that; nothing else but data and ACKs from the first
/// of them on, and nobody's ACK of the last one's sequence space.
///
/// Events are in the order in which they were kept: data from before a FIN may come behind it.
#[derive(Clone, Copy, Debug)]
pub(super) struct OrdinaryClose<'a> {
    /// What came before the first FIN.
    pub(super) before: &'a [Event],
    /// The first FIN, which does not acknowledge the second.
    pub(super) first: &'a Event,
    /// The first segment that acknowledges it; the second FIN does in any case.
    pub(super) first_acked: &'a Event,
    /// The second FIN.
    pub(super) second: &'a Event,
    /// The first segment that acknowledges it, and all that came with an ACK of the first.
    pub(super) second_acked: &'a Event,
}

impl<'a> OrdinaryClose<'a> {
    /// How `events` end, if that is so.
    pub(super) fn of(events: &'a [Event]) -> Option<Self> {
        let begin = events.iter().position(is_fin)?;
        let (before, closing) = events.split_at_checked(begin)?;
        let (first, mut rest) = closing.split_first()?;
        if first.kind != EventKind::Fin || !is_undoubted(first) {
            return None;
        }
        let (mut first_acked, mut must_be_acked) = (None, None);
        let second = loop {
            let (event, later) = rest.split_first()?;
            rest = later;
            if acknowledges(event, first) {
                first_acked = first_acked.or(Some(event));
                must_be_acked = must_be_acked.or_else(|| (event.end() != event.seq).then(|| event.end()));
            }
            if event.kind == EventKind::Fin {
                break event;
            }
            if !is_talk(event) {
                return None;
            }
        };
        if !is_undoubted(second) || !acknowledges(second, first) || first.ack.at_or_after(second.end()) {
            return None;
        }
        let second_acked = Self::only_acknowledged_in(rest, second)?;
        let is_complete = must_be_acked.is_none_or(|end| second_acked.ack.at_or_after(end));
        is_complete.then_some(Self {
            before,
            first,
            first_acked: first_acked.unwrap_or(second),
            second,
            second_acked,
        })
    }

    /// The first of `rest` that acknowledges `fin`, if all that do so only acknowledge.
    fn only_acknowledged_in(rest: &'a [Event], fin: &Event) -> Option<&'a Event> {
        let mut first = None;
        for event in rest {
            let is_answer = acknowledges(event, fin);
            if !is_talk(event) || is_answer && event.end() != event.seq {
                return None;
            }
            if is_answer {
                first = first.or(Some(event));
            }
        }
        first
    }
}

/// True for a segment of the other side whose ACK number covers `fin`.
#[inline]
fn acknowledges(event: &Event, fin: &Event) -> bool {
    event.from != fin.from && event.ack.at_or_after(fin.end())
}

/// True for a FIN, first copy or not.
#[inline]
pub(super) fn is_fin(event: &Event) -> bool {
    matches!(event.kind, EventKind::Fin | EventKind::FinAgain)
}

/// True for a segment with an ACK number that neither resets nor belongs to another incarnation.
#[inline]
fn is_undoubted(event: &Event) -> bool {
    event.flags.ack() && !event.flags.rst() && !event.into_successor
}

/// True for a segment of an open connection that neither opens nor closes it.
#[inline]
pub(super) fn is_talk(event: &Event) -> bool {
    use EventKind::{Ack, AckOfFin, Data, Probe, WindowOpened, ZeroWindow};
    is_undoubted(event) && matches!(event.kind, Data | Ack | AckOfFin | Probe | ZeroWindow | WindowOpened)
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::flow::facts::RecordRef;
    use crate::net::{Role, Sides};
    use crate::tcp::{Flags, SeqNumber};
    use crate::time::Timestamp;

    /// What one segment is drawn from: its kind, its sender, what its numbers lack of being the next ones, its octets,
    /// and what is odd about it.
    type Draw = (usize, bool, (u32, u32), u32, u8);

    const USUAL: [EventKind; 5] =
        [EventKind::Data, EventKind::Ack, EventKind::AckOfFin, EventKind::Fin, EventKind::Fin];

    /// Segments of which most are in order, behind an opening or not.
    pub(in crate::flow) fn event_lists() -> impl Strategy<Value = Vec<Event>> {
        let kind = prop_oneof![9 => 17..17 + USUAL.len(), 1 => 0..17_usize];
        let lack = || prop_oneof![9 => Just(0_u32), 1 => 0..3_u32];
        let octets = prop_oneof![3 => Just(0), 1 => 0..3_u32];
        let oddity = prop_oneof![30 => Just(0), 1 => any::<u8>()];
        let draw = (kind, any::<bool>(), (lack(), lack()), octets, oddity);
        (0..4_u8, any::<u32>(), prop::collection::vec(draw, 0..9))
            .prop_map(|(opening, isn, draws)| list(opening, isn, &draws))
    }

    fn list(opening: u8, isn: u32, draws: &[Draw]) -> Vec<Event> {
        let mut next = Sides { initiator: SeqNumber(isn), responder: SeqNumber(isn.rotate_left(7)) };
        let mut events: Vec<Event> = Vec::new();
        if opening > 0 {
            for (kind, from) in [
                (EventKind::Syn, Role::Initiator),
                (EventKind::SynAck, Role::Responder),
                (EventKind::HandshakeAck, Role::Initiator),
            ] {
                push(&mut events, &mut next, (kind, from), (0, 0), 0, 0);
            }
        }
        for &(kind, low, lack, octets, oddity) in draws {
            let kind = EventKind::ALL.iter().chain(&USUAL).nth(kind).copied().unwrap();
            let from = if low { Role::Initiator } else { Role::Responder };
            push(&mut events, &mut next, (kind, from), lack, octets, oddity);
        }
        events
    }

    fn push(
        events: &mut Vec<Event>,
        next: &mut Sides<SeqNumber>,
        (kind, from): (EventKind, Role),
        (behind, unseen): (u32, u32),
        octets: u32,
        oddity: u8,
    ) {
        use EventKind::{Fin, FinAgain, Rst, RstOutside, Syn, SynAck, SynAckAgain, SynAgain};
        let flag = |so: bool, flag: Flags| if so { flag.0 } else { 0 };
        let syn = flag(matches!(kind, Syn | SynAgain | SynAck | SynAckAgain), Flags::SYN);
        let fin = flag(matches!(kind, Fin | FinAgain), Flags::FIN);
        let rst = flag(matches!(kind, Rst | RstOutside) || oddity & 0b11 == 1, Flags::RST);
        let ack = flag(!(matches!(kind, Syn | SynAgain) || oddity & 0b1100 == 0b100), Flags::ACK);
        let record = events.len() as u64;
        let event = Event {
            at: RecordRef { record, time: Timestamp::from_nanos(record.cast_signed()) },
            seq: next[from].sub(behind),
            ack: next[!from].sub(unseen),
            octets,
            flags: Flags(syn | fin | rst | ack),
            from,
            kind,
            into_successor: oddity & 0b11_0000 == 0b1_0000,
            ..Event::blank()
        };
        if event.end().after(next[from]) {
            next[from] = event.end();
        }
        events.push(event);
    }

    fn story(steps: &[(EventKind, Role)]) -> Vec<Event> {
        let mut next = Sides { initiator: SeqNumber(u32::MAX - 1), responder: SeqNumber(7) };
        let mut events = Vec::new();
        for &step in steps {
            push(&mut events, &mut next, step, (0, 0), 0, 0);
        }
        events
    }

    #[test]
    fn both_ways_to_close_in_order_are_known() {
        use EventKind::{Ack, AckOfFin, Fin, FinAgain};
        for closer in Role::BOTH {
            let short = story(&[(Fin, closer), (Fin, !closer), (AckOfFin, closer)]);
            let close = OrdinaryClose::of(&short).unwrap();
            assert_eq!((close.first_acked, close.second_acked), (&short[1], &short[2]));
            let long =
                story(&[(Ack, closer), (Fin, closer), (AckOfFin, !closer), (Fin, !closer), (Ack, closer)]);
            let close = OrdinaryClose::of(&long).unwrap();
            assert_eq!((close.before.len(), close.first_acked, close.second), (1, &long[2], &long[3]));
            let again = story(&[(Fin, closer), (FinAgain, closer), (Fin, !closer), (AckOfFin, closer)]);
            assert!(OrdinaryClose::of(&again).is_none() && OrdinaryClose::of(&short[..2]).is_none());
        }
    }
}
