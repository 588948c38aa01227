//! Which segments of a flow are kept as events, and what they change besides the sums.

use super::event::{Event, EventKind, FOREIGN_ID, OWN_ID};
use super::facts::RecordRef;
use super::half::Seen;
use super::live::{Live, Novelty};
use crate::dissect::IcmpError;
use crate::net::Role;
use crate::tcp::{Flags, Segment, SeqNumber};

impl Live {
    /// Handles a segment that carries data or acknowledges, in the open middle of a connection.
    ///
    /// Only sums and marks change; a closing or opening window is kept as an event.
    pub(super) fn observe_plain(&mut self, segment: &Segment, from: Role) {
        self.account(segment, from, true);
        self.watch_window(segment, from);
    }

    /// Handles any segment of this flow. `trusted` is false when its numbers fit no incarnation.
    pub(super) fn observe(&mut self, segment: &Segment, from: Role, trusted: bool) {
        if !(trusted && self.proceed(segment, from)) {
            self.observe_generally(segment, from, trusted);
        }
    }

    /// Does so without looking for a shorter way.
    pub(super) fn observe_generally(&mut self, segment: &Segment, from: Role, trusted: bool) {
        let fin_was_acked = self.halves[!from].fin_acked;
        if segment.flags.rst() || segment.flags.fin() {
            self.keep_context(segment, from);
        }
        if segment.flags.is_control() {
            self.note_control(segment, from);
        }
        if segment.flags.syn() && trusted {
            self.on_syn(segment, from);
        }
        let continues = segment.flags.rst().then(|| self.halves[from].continues_ids(segment)).flatten();
        let novelty = self.account(segment, from, trusted);
        let kind = self.classify(segment, from, novelty, trusted, fin_was_acked);
        if let Some(kind) = kind {
            let mut event = Event::of(segment, from, kind);
            event.window |= match continues {
                Some(true) => OWN_ID,
                Some(false) => FOREIGN_ID,
                None => 0,
            };
            event.into_successor = self.successor().is_some();
            self.keep(event);
        }
        if !segment.flags.is_control() {
            self.watch_window(segment, from);
        }
        self.stage.plain = (self.stage.handshake_done || !(self.stage.syn || self.stage.syn_ack))
            && !self.stage.rst
            && !self.halves.initiator.fin
            && !self.halves.responder.fin;
    }

    /// Notes an ICMP error about a segment of this flow.
    pub(super) fn observe_icmp(&mut self, error: &IcmpError) {
        self.stage.icmp = true;
        self.rare_mut().icmp_reporter = Some(error.reporter);
        let event = Event {
            at: RecordRef { record: error.record, time: error.time },
            seq: error.seq,
            ack: SeqNumber::default(),
            octets: 0,
            window: u16::from(error.kind) << 8 | u16::from(error.code),
            flags: Flags::default(),
            from: !self.role_of(error.from_low),
            kind: EventKind::IcmpError,
            into_successor: self.successor().is_some(),
        };
        self.keep(event);
    }

    /// Notes in this flow that a segment of its predecessor came.
    pub(super) fn observe_ghost(&mut self, segment: &Segment, from: Role) {
        self.keep(Event::of(segment, from, EventKind::Ghost));
    }

    /// A SYN sets the sender's ISN, unless its copy did.
    fn on_syn(&mut self, segment: &Segment, from: Role) {
        let options = segment.options.unwrap_or_default();
        self.stage.fast_open |= options.fast_open && segment.octets > 0;
        self.stage.mptcp_join |= options.mptcp == crate::tcp::segment::Mptcp::Join;
        let half = &mut self.halves[from];
        if segment.options.is_some() {
            half.window_scale = options.window_scale.unwrap_or(0);
        }
        if half.seen && half.base == segment.seq {
            return;
        }
        // A responder that gave its SYN-ACK up answers the next SYN with another ISN.
        if !half.seen || !self.stage.handshake_done {
            half.known = true;
            half.base = segment.seq;
            half.next = segment.seq;
            half.holes.clear();
        }
    }

    fn classify(
        &mut self,
        segment: &Segment,
        from: Role,
        novelty: Novelty,
        trusted: bool,
        fin_was_acked: bool,
    ) -> Option<EventKind> {
        let flags = segment.flags;
        if !trusted {
            return Some(EventKind::Ghost);
        }
        if flags.rst() && self.is_outside_window(segment, from) {
            self.stage.rst_outside = true;
            return Some(EventKind::RstOutside);
        }
        if flags.rst() {
            self.halves[from].rst = true;
            self.stage.rst = true;
            return Some(EventKind::Rst);
        }
        if flags.syn() {
            return Some(self.classify_syn(flags, from));
        }
        let completes = from == Role::Initiator
            && !self.halves[from].rst
            && self.stage.syn_ack
            && !self.stage.handshake_done
            && flags.ack();
        self.stage.handshake_done |= completes;
        if flags.fin() {
            return Some(self.classify_fin(segment, from));
        }
        if completes {
            return Some(EventKind::HandshakeAck);
        }
        self.classify_teardown(segment, from, novelty, fin_was_acked)
    }

    fn classify_syn(&mut self, flags: Flags, from: Role) -> EventKind {
        if flags.ack() {
            let again = self.stage.syn_ack;
            self.stage.syn_ack = true;
            return if again { EventKind::SynAckAgain } else { EventKind::SynAck };
        }
        let again = self.stage.syn && from == Role::Initiator;
        if again {
            self.syn_retries = self.syn_retries.saturating_add(1);
        }
        self.stage.simultaneous_open |= self.stage.syn && from == Role::Responder;
        self.stage.syn = true;
        if again { EventKind::SynAgain } else { EventKind::Syn }
    }

    fn classify_fin(&mut self, segment: &Segment, from: Role) -> EventKind {
        let peer_fin_acked = self.halves[!from].fin_acked;
        let half = &mut self.halves[from];
        half.fin_copies = half.fin_copies.saturating_add(1);
        let again = half.fin;
        // The end of a FIN that moves is an anomaly; a copy may carry more data in front.
        if !again || segment.end().after(half.fin_end) {
            half.fin_end = segment.end();
        }
        half.fin = true;
        half.data_after_fin |= segment.octets > 0 && peer_fin_acked && !again;
        if again { EventKind::FinAgain } else { EventKind::Fin }
    }

    /// Segments without SYN, FIN and RST are kept only while a connection is torn down.
    fn classify_teardown(
        &mut self,
        segment: &Segment,
        from: Role,
        novelty: Novelty,
        fin_was_acked: bool,
    ) -> Option<EventKind> {
        let peer_fin_acked = self.halves[!from].fin_acked;
        let tearing_down = self.halves.initiator.fin || self.halves.responder.fin || self.stage.rst;
        if !tearing_down {
            return self.stage.syn.then_some(EventKind::Ack).filter(|_| !self.stage.handshake_done);
        }
        let late_data = segment.octets > 0 && !novelty.probe && peer_fin_acked;
        let first_late_data = late_data && !self.halves[from].data_after_fin;
        self.halves[from].data_after_fin |= late_data && novelty.new_octets;
        if peer_fin_acked && !fin_was_acked {
            return Some(EventKind::AckOfFin);
        }
        if novelty.probe {
            return Some(EventKind::Probe);
        }
        if segment.octets > 0 {
            return (first_late_data || self.stage.rst).then_some(EventKind::Data);
        }
        // Acknowledgements of a working half-close are many and say nothing new.
        let peer_moves = self.halves[!from].data_after_fin && !self.stage.rst;
        (!peer_moves).then_some(EventKind::Ack)
    }

    /// What came just before a FIN or RST tells what it answers, or what it ends.
    pub(super) fn keep_context(&mut self, segment: &Segment, from: Role) {
        let (own, peers) = (self.halves[from].last.at, self.halves[!from].last.at);
        let (first, then) =
            if self.stage.order.is_before(peers, own) { (!from, from) } else { (from, !from) };
        for role in [first, then] {
            let seen = &self.halves[role].last;
            let matters =
                if role == from { segment.flags.fin() && seen.octets > 0 } else { segment.flags.rst() };
            if matters && seen.at.record != 0 && !seen.kept() {
                let event = seen.as_event(role, self.successor().is_some());
                self.halves[role].last.keep();
                self.keep(event);
            }
        }
    }

    fn watch_window(&mut self, segment: &Segment, from: Role) {
        if !segment.window_known {
            return;
        }
        let half = &mut self.halves[from];
        half.window = segment.window;
        if half.window_closed == (segment.window == 0) {
            return;
        }
        half.window_closed = segment.window == 0;
        let kind = if half.window_closed { EventKind::ZeroWindow } else { EventKind::WindowOpened };
        if half.window_closed {
            half.zero_windows = half.zero_windows.saturating_add(1);
        }
        self.note_stall(segment, from);
        self.keep(Event::of(segment, from, kind));
    }
}

impl Seen {
    fn as_event(&self, from: Role, into_successor: bool) -> Event {
        let kind = match self.octets {
            _ if self.probe() => EventKind::Probe,
            0 => EventKind::Ack,
            _ => EventKind::Data,
        };
        Event {
            at: self.at,
            seq: self.seq,
            ack: self.ack,
            octets: self.octets,
            window: self.window,
            flags: self.flags,
            from,
            kind,
            into_successor,
        }
    }
}
