//! Which letters of Zeek's `history` a segment adds.

use super::event::{Event, EventKind};
use super::letters::Letter;
use super::live::Live;
use crate::net::Role;
use crate::tcp::{Flags, Segment, SeqNumber};

impl Live {
    /// Tells payload, or an acknowledgement alone. Where a packet has SYN, FIN or RST, that is its letter.
    #[inline]
    pub(super) fn note_plain(&mut self, segment: &Segment, from: Role) {
        if segment.flags.is_control() {
            return;
        }
        if segment.octets > 0 {
            self.letters.note(from, Letter::D);
        } else if segment.flags.ack() {
            self.letters.note(from, Letter::A);
        }
    }

    /// Tells a closed window, unless it bores: nothing more is to be sent into it.
    #[inline]
    pub(super) fn note_window(&mut self, segment: &Segment, from: Role) {
        if segment.window == 0
            && segment.window_known
            && !segment.flags.rst()
            && !self.halves[!from].fin
            && !self.halves[from].rst
        {
            let half = &mut self.halves[from];
            half.closed_windows = half.closed_windows.saturating_add(1);
            self.letters.note_scaled(from, Letter::W, half.closed_windows);
        }
    }

    /// Tells a SYN, FIN or RST.
    pub(super) fn note_control(&mut self, segment: &Segment, from: Role) {
        let flags = segment.flags;
        let letter = match (flags.syn(), flags.fin(), flags.rst()) {
            (_, true, true) => return self.letters.note(from, Letter::I),
            (true, true, _) | (true, _, true) => return self.letters.note(from, Letter::Q),
            (true, ..) if flags.ack() => Letter::H,
            (true, ..) => Letter::S,
            (_, true, _) => Letter::F,
            _ => Letter::R,
        };
        let told = match letter {
            Letter::S | Letter::H => self.letters.has(from, Letter::S) || self.letters.has(from, Letter::H),
            _ => self.letters.has(from, letter),
        };
        let control = Flags::SYN.0 | Flags::FIN.0 | Flags::RST.0;
        let same_kind = |event: &&Event| {
            event.from == from
                && (event.flags.0 ^ flags.0) & control == 0
                && !matches!(event.kind, EventKind::Ghost | EventKind::IcmpError)
        };
        // A FIN stands at the end of its packet.
        let number = |seq: SeqNumber, end| if flags.fin() { end } else { seq };
        let last = || self.events.list().iter().rfind(same_kind);
        let moved =
            || last().is_some_and(|it| number(it.seq, it.end()) != number(segment.seq, segment.end()));
        if !told || moved() {
            self.letters.note_again(from, letter);
        }
    }

    /// Tells octets that `segment` acknowledges but the capture does not hold.
    #[inline]
    pub(super) fn note_gap(&mut self, segment: &Segment, from: Role) {
        let peer = &self.halves[!from];
        // Without a handshake, what came before the capture cannot be told from what it missed; of a side that was
        // never captured, all was missed.
        if peer.is_holed()
            && peer.seen
            && self.stage.syn_ack
            && !segment.flags.is_control()
            && peer.has_gap(&self.halves[from])
        {
            self.letters.note(!from, Letter::G);
        }
    }
}
