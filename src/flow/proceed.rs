//! The straight way of most segments that open or close a connection: in order, with nothing else under way.

use super::event::{Event, EventKind};
use super::letters::Letter;
use super::live::Live;
use crate::net::Role;
use crate::tcp::{Flags, Segment};

impl Live {
    /// Takes the ACK that completes the handshake, a FIN, or an ACK behind one, if it comes next in order. False when
    /// `segment` is any other; then nothing was changed.
    ///
    /// Does what [`Live::observe_generally`] does for such a segment, with fewer questions.
    #[inline]
    pub(super) fn proceed(&mut self, segment: &Segment, from: Role) -> bool {
        if !self.is_next(segment, from) {
            return false;
        }
        let is_fin = segment.flags.fin();
        let completes = from == Role::Initiator && self.stage.syn_ack && !self.stage.handshake_done;
        let (half, peer) = self.halves.of_both(from);
        let kind = match (is_fin, completes) {
            (true, true) => return false,
            (true, false) if half.fin || self.letters.has(from, Letter::F) => return false,
            (true, false) => EventKind::Fin,
            // A keep-alive repeats the number before.
            _ if segment.octets > 0 || peer.acked == segment.seq.add(1) => return false,
            (false, true) if half.fin || peer.fin => return false,
            (false, true) => EventKind::HandshakeAck,
            (false, false) if peer.fin && !peer.fin_acked && segment.ack.at_or_after(peer.fin_end) => {
                EventKind::AckOfFin
            }
            (false, false) if (half.fin || peer.fin) && !peer.data_after_fin => EventKind::Ack,
            (false, false) => return false,
        };
        // What a FIN ends is told if it was data.
        if is_fin && half.last.octets > 0 {
            self.keep_context(segment, from);
        }
        let (half, peer) = self.halves.of_both(from);
        peer.fin_acked |= peer.fin && segment.ack.at_or_after(peer.fin_end);
        half.next = segment.end();
        half.acked = segment.ack;
        half.ack_seen = true;
        half.packets += 1;
        half.octets += u64::from(segment.octets);
        half.ttl = (half.ttl.0.min(segment.ttl), half.ttl.1.max(segment.ttl));
        half.follow(segment, 0);
        if is_fin {
            half.fin = true;
            half.fin_end = half.next;
            half.fin_copies = half.fin_copies.saturating_add(1);
            half.data_after_fin |= segment.octets > 0 && peer.fin_acked;
            self.letters.note(from, Letter::F);
            if segment.octets > 0 {
                self.talk(segment, from);
            }
            self.act(segment, from, true);
        } else {
            half.window = segment.window;
            self.letters.note(from, Letter::A);
            self.stage.handshake_done |= completes;
        }
        self.stage.plain = kind == EventKind::HandshakeAck;
        self.keep(Event::of(segment, from, kind));
        true
    }

    /// True when `segment` is an ACK, or a FIN with one, whose numbers are the next ones, of a side whose window is
    /// open, on a flow that was not reset.
    #[inline]
    fn is_next(&self, segment: &Segment, from: Role) -> bool {
        let (half, peer) = (&self.halves[from], &self.halves[!from]);
        half.seen
            && peer.known
            && segment.seq == half.next
            && segment.flags.0 & !(Flags::PSH.0 | Flags::FIN.0) == Flags::ACK.0
            && (!half.ack_seen || segment.ack.at_or_after(half.acked))
            && peer.next.at_or_after(segment.ack)
            && segment.window != 0
            && !half.window_closed
            && !peer.is_holed()
            && !self.stage.rst
            && self.successor().is_none()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::net::FourTuple;
    use crate::tcp::SeqNumber;
    use crate::time::Timestamp;

    /// Who sends, with which flags; how far its numbers are from the next ones; octets, window; time passed.
    type Step = (bool, u8, (i8, i8), (u32, u16), i64);

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let flags =
            prop::sample::select(vec![0x10, 0x10, 0x10, 0x18, 0x11, 0x11, 0x19, 0x12, 0x02, 0x14, 0x01]);
        let away = || prop::sample::select(vec![0, 0, 0, 0, 0, 0, 0, 0, 0, 1, -1, 9, -9]);
        let octets = prop::sample::select(vec![0, 0, 0, 1, 100]);
        let window = prop::sample::select(vec![0, 1, 2, 3, 4, 5, 6, 512, u16::MAX]);
        let step = prop::sample::select(vec![0, 1_000, 1_000_000, 3_000_000_000_i64]);
        let opening = Just(vec![
            (true, 0x02, (0, 0), (0, 512), 0),
            (false, 0x12, (0, 0), (0, 512), 1000),
            (true, 0x10, (0, 0), (0, 512), 1000),
        ]);
        let steps =
            prop::collection::vec((any::<bool>(), flags, (away(), away()), (octets, window), step), 1..30);
        (opening, 0..4_usize, steps)
            .prop_map(|(opening, count, steps)| opening.into_iter().take(count).chain(steps).collect())
    }

    fn segment(record: u64, time: i64, live: Option<&Live>, step: Step) -> Segment {
        let (there, flags, (seq, ack), (octets, window), _) = step;
        let (from, to) = if there { ([10, 0, 0, 1], [10, 0, 0, 2]) } else { ([10, 0, 0, 2], [10, 0, 0, 1]) };
        let ports = if there { (40_000, 80) } else { (80, 40_000) };
        let (tuple, from_low) = FourTuple::v4(from, to, ports, 0);
        let next =
            |from_low: bool| live.map_or(SeqNumber(0), |live| live.halves[live.role_of(from_low)].next);
        let near = |number: SeqNumber, away: i8| number.add(i32::from(away).cast_unsigned());
        let [ip_id, ..] = record.to_le_bytes();
        Segment {
            record,
            time: Timestamp::from_nanos(time),
            seq: near(next(from_low), seq),
            ack: if flags & 0x10 == 0 { SeqNumber(0) } else { near(next(!from_low), ack) },
            flags: Flags(flags),
            window,
            octets: if flags & 6 == 0 { octets } else { 0 },
            ip_id: ip_id.into(),
            ..Segment::plain((tuple, from_low))
        }
    }

    proptest! {
        /// Every segment is taken both ways, wherever the ones before led.
        #[test]
        fn the_straight_way_leads_where_the_general_one_does(steps in steps()) {
            let mut flow: Option<Live> = None;
            let mut time = 0;
            for (record, step) in (1..).zip(steps) {
                time += step.4;
                let segment = segment(record, time, flow.as_ref(), step);
                let mut live = flow.unwrap_or_else(|| Live::new(&segment, Role::Initiator, 0, Vec::new()));
                let from = live.role_of(segment.from_low);
                let mut general = live.clone();
                general.observe_generally(&segment, from, true);
                if live.proceed(&segment, from) {
                    prop_assert_eq!(format!("{live:?}"), format!("{general:?}"));
                }
                flow = Some(general);
            }
        }
    }

    #[test]
    fn an_ordinary_connection_goes_straight_from_its_handshake_on() {
        let steps = [
            (true, 0x02),
            (false, 0x12),
            (true, 0x10),
            (true, 0x11),
            (false, 0x10),
            (false, 0x11),
            (true, 0x10),
        ];
        let mut flow: Option<Live> = None;
        let straight = (1..).zip(steps).map(|(record, (there, flags))| {
            let segment = segment(record, 0, flow.as_ref(), (there, flags, (0, 0), (0, 512), 0));
            let live = flow.get_or_insert_with(|| Live::new(&segment, Role::Initiator, 0, Vec::new()));
            let from = live.role_of(segment.from_low);
            let went = live.proceed(&segment, from);
            if !went {
                live.observe_generally(&segment, from, true);
            }
            went
        });
        assert_eq!(straight.collect::<Vec<_>>(), [false, false, true, true, true, true, true]);
    }
}
