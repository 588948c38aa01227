//! Random traces of plausible steps: two ends that send what TCP ends send, with loss on either side of the
//! capture point, and now and then what they should not.

use closewait::net::{Role, Sides};
use closewait::tcp::Flags;
use closewait::tcp::notation::Line;
use proptest::prelude::*;

use super::trace::{Packet, Raw, Trace, What};

/// What happens, from which side, a size, and how long after.
pub type Step = (u8, bool, u8, u8);

const MICROS: i64 = 1000;
const SECOND: i64 = 1_000_000_000;
const SYN_ACK: Flags = Flags(Flags::SYN.0 | Flags::ACK.0);
const FIN_ACK: Flags = Flags(Flags::FIN.0 | Flags::ACK.0);
const RST_ACK: Flags = Flags(Flags::RST.0 | Flags::ACK.0);

/// Traces of up to `most` steps. All times are whole microseconds, at least 50 apart.
pub fn any_trace(most: usize) -> impl Strategy<Value = Trace> {
    let steps = prop::collection::vec(any::<Step>(), 0..most);
    (0..5_u8, steps, 0..700_i64).prop_map(|(opening, steps, quiet)| trace_of(opening, &steps, quiet))
}

/// The trace of these steps after an opening of 0 to 4, and `quiet` seconds after them.
pub fn trace_of(opening: u8, steps: &[Step], quiet: i64) -> Trace {
    let mut wire = Wire::default();
    wire.open(opening);
    for step in steps {
        wire.step(*step);
    }
    wire.trace.end = Some(wire.now + quiet * SECOND);
    wire.trace
}

/// Both ends' numbers, counted from their first initial ones.
#[derive(Default)]
struct Wire {
    trace: Trace,
    now: i64,
    isn: Sides<u32>,
    next: Sides<u32>,
    received: Sides<u32>,
    ip_ids: Sides<u16>,
}

fn role(is_initiator: bool) -> Role {
    if is_initiator { Role::Initiator } else { Role::Responder }
}

impl Wire {
    fn open(&mut self, how: u8) {
        match how {
            0 => self.midstream(),
            1 => self.syn(0),
            2 => {
                self.syn(0);
                self.syn_ack(0);
            }
            _ => self.handshake(0),
        }
    }

    fn midstream(&mut self) {
        self.next = Sides { initiator: 1, responder: 1 };
        self.received = self.next;
    }

    fn step(&mut self, (what, side, luck, pause): Step) {
        let from = role(side);
        let octets = u32::from(luck) * 7 + 1;
        self.now += match pause {
            0..160 => i64::from(pause) * 1700 * MICROS,
            160..220 => i64::from(pause) * 7 * SECOND / 100,
            _ => i64::from(pause) * SECOND,
        };
        match what % 18 {
            0..3 => self.fresh(from, Flags::ACK, octets, luck),
            3..5 => self.fresh(from, Flags::ACK, 0, luck),
            5..7 => self.fresh(from, FIN_ACK, 0, luck),
            7 => self.fresh(from, FIN_ACK, octets, luck),
            8 => self.send(from, RST_ACK, self.next[from], 0),
            9 => self.answer_with_reset(from),
            10 | 11 => self.repeat(from, luck),
            12 => self.send(from, Flags::ACK, self.next[from].wrapping_sub(1), 0),
            13 => self.handshake(self.isn.initiator.wrapping_add(100_000 * u32::from(luck))),
            14 => self.syn(self.isn.initiator.wrapping_add(u32::from(luck) << 8)),
            15 => self.syn_ack(self.isn.responder.wrapping_add(u32::from(luck & 1) << 20)),
            16 => {
                self.send(from, Flags::ACK, self.next[from], 0);
                self.last().window = 0;
            }
            _ if luck < 128 => {
                let what = What::Icmp { to: from, kind: 3, code: luck % 5, seq: self.isn[from] };
                self.trace.packets.push(Packet { at: self.now, connection: 0, what });
                self.now += 50 * MICROS;
            }
            _ => {
                self.send(Role::Responder, Flags::SYN, self.isn.responder, 0);
            }
        }
    }

    fn syn(&mut self, isn: u32) {
        self.isn.initiator = isn;
        self.send(Role::Initiator, Flags::SYN, isn, 0);
        self.next.initiator = isn.wrapping_add(1);
    }

    fn syn_ack(&mut self, isn: u32) {
        self.isn.responder = isn;
        self.received.responder = self.isn.initiator.wrapping_add(1);
        self.send(Role::Responder, SYN_ACK, isn, 0);
        self.next.responder = isn.wrapping_add(1);
    }

    fn handshake(&mut self, isn: u32) {
        self.syn(isn);
        self.syn_ack(self.isn.responder.wrapping_add(if isn == 0 { 0 } else { 70_000 }));
        self.received.initiator = self.next.responder;
        self.send(Role::Initiator, Flags::ACK, self.next.initiator, 0);
    }

    /// New octets or a FIN; `luck` decides whether the capture sees it and whether it arrives.
    fn fresh(&mut self, from: Role, flags: Flags, octets: u32, luck: u8) {
        let seq = self.next[from];
        self.next[from] = seq.wrapping_add(octets).wrapping_add(u32::from(flags.fin()));
        if luck % 16 != 3 {
            self.send(from, flags, seq, octets);
        }
        if luck % 8 != 5 {
            self.received[!from] = self.next[from];
        }
    }

    /// A bare RST to the peer's last segment, or without one.
    fn answer_with_reset(&mut self, from: Role) {
        let answered = self.segments().rfind(|raw| raw.from != from && raw.flags.ack()).map(|raw| raw.ack);
        self.send(from, Flags::RST, answered.unwrap_or(self.next[from]), 0);
    }

    /// A segment of before once more, the last one as a rule.
    fn repeat(&mut self, from: Role, which: u8) {
        let own: Vec<Raw> = self.segments().filter(|raw| raw.from == from).collect();
        let back = if which < 200 { 0 } else { usize::from(which - 199) };
        if let Some(raw) = own.iter().rev().nth(back) {
            self.push(*raw);
        }
    }

    fn segments(&self) -> impl DoubleEndedIterator<Item = Raw> + '_ {
        self.trace.packets.iter().filter_map(|packet| match packet.what {
            What::Segment(raw) => Some(raw),
            What::Icmp { .. } => None,
        })
    }

    fn send(&mut self, from: Role, flags: Flags, seq: u32, octets: u32) {
        let ack = if flags.ack() { self.received[from] } else { 0 };
        let (window, ttl) = (Line::DEFAULT_WINDOW, Line::DEFAULT_TTL);
        self.push(Raw { from, flags, seq, ack, octets, window, ttl, ip_id: 0, interface: 0 });
    }

    fn push(&mut self, mut raw: Raw) {
        self.ip_ids[raw.from] += 1;
        raw.ip_id = self.ip_ids[raw.from];
        self.trace.packets.push(Packet { at: self.now, connection: 0, what: What::Segment(raw) });
        self.now += 50 * MICROS;
    }

    fn last(&mut self) -> &mut Raw {
        match self.trace.packets.last_mut().map(|packet| &mut packet.what) {
            Some(What::Segment(raw)) => raw,
            _ => panic!("a segment was sent"),
        }
    }
}
