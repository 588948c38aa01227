//! Two honest ends, an unreliable way between them and a capture point on it: whatever is lost, before the capture
//! or behind it, and wherever the capture begins and ends, nobody is at fault.

mod support;

use std::collections::{BTreeMap, VecDeque};

use closewait::diagnose::Severity;
use closewait::net::{Role, Sides};
use closewait::tcp::Flags;
use proptest::prelude::*;
use support::outcome::Outcome;
use support::trace::{Packet, Place, Raw, Trace, What};

const MILLI: i64 = 1_000_000;
const SECOND: i64 = 1000 * MILLI;
/// Nobody waits longer for the other to take what was sent.
const PATIENCE: i64 = 600 * SECOND;
const SYN_ACK: Flags = Flags(Flags::SYN.0 | Flags::ACK.0);
const FIN_ACK: Flags = Flags(Flags::FIN.0 | Flags::ACK.0);

/// One end: sends its chunks and its FIN, repeats what is not acknowledged (RFC 6298), takes only what comes next.
#[derive(Clone, Default)]
struct End {
    /// Not sent yet: sizes of chunks.
    waiting: VecDeque<u32>,
    /// Sent and not acknowledged: number, octets, flags.
    flying: VecDeque<(u32, u32, Flags)>,
    next: u32,
    received: u32,
    is_open: bool,
    heard_fin: bool,
    sent_fin: bool,
    attempts: u32,
    /// Which of its timers is the current one.
    timer: u64,
    ip_id: u16,
}

#[derive(Clone, Copy)]
enum Happening {
    Passes(Raw),
    Arrives(Raw),
    Timer(Role, u64),
    Closes(Role),
}

struct World {
    ends: Sides<End>,
    agenda: BTreeMap<(i64, u64), Happening>,
    count: u64,
    now: i64,
    seen: Vec<Packet>,
    luck: u64,
    loss: Sides<u64>,
    delay: Sides<i64>,
    rto: i64,
    closes_first: Role,
    answer: u32,
}

impl World {
    fn chance(&mut self) -> u64 {
        self.luck = self.luck.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.luck >> 33) % 100
    }

    fn later(&mut self, after: i64, what: Happening) {
        self.count += 1;
        self.agenda.insert((self.now + after, self.count), what);
    }

    /// From `from` to the capture point: the way's half on that side.
    fn send(&mut self, from: Role, (seq, octets, flags): (u32, u32, Flags)) {
        let end = &mut self.ends[from];
        end.ip_id += 1;
        let ack = if flags.ack() { end.received } else { 0 };
        let ip_id = end.ip_id;
        let raw = Raw { from, flags, seq, ack, octets, window: 65_535, ttl: 64, ip_id, interface: 0 };
        if self.chance() >= self.loss[from] {
            let jitter = i64::try_from(self.chance()).unwrap_or(0) * self.delay[from] / 200;
            self.later(self.delay[from] + jitter, Happening::Passes(raw));
        }
    }

    fn arm(&mut self, role: Role) {
        self.ends[role].timer += 1;
        let (timer, attempts) = (self.ends[role].timer, self.ends[role].attempts);
        if !self.ends[role].flying.is_empty() && attempts < 8 {
            self.later(self.rto << attempts, Happening::Timer(role, timer));
        }
    }

    fn push(&mut self, role: Role) {
        while self.ends[role].is_open && self.ends[role].flying.len() < 4 {
            let Some(octets) = self.ends[role].waiting.pop_front() else { break };
            self.transmit(role, octets, Flags::ACK);
        }
    }

    fn transmit(&mut self, role: Role, octets: u32, flags: Flags) {
        let segment = (self.ends[role].next, octets, flags);
        self.ends[role].next += octets + u32::from(flags.fin()) + u32::from(flags.syn());
        self.ends[role].flying.push_back(segment);
        self.send(role, segment);
        self.arm(role);
    }

    fn close(&mut self, role: Role) {
        if self.ends[role].is_open && !self.ends[role].sent_fin {
            self.push(role);
            if self.ends[role].waiting.is_empty() {
                self.ends[role].sent_fin = true;
                self.transmit(role, 0, FIN_ACK);
            } else if self.now < PATIENCE {
                self.later(10 * MILLI, Happening::Closes(role));
            }
        }
    }

    fn arrive(&mut self, raw: &Raw) {
        let role = !raw.from;
        if raw.flags.ack() {
            self.acknowledge(role, raw.ack);
        }
        let length = raw.octets + u32::from(raw.flags.syn()) + u32::from(raw.flags.fin());
        if length == 0 {
            return;
        }
        let answers_syn = raw.flags.0 == Flags::SYN.0;
        if raw.seq == self.ends[role].received {
            self.ends[role].received += length;
            self.ends[role].heard_fin |= raw.flags.fin();
            if answers_syn {
                return self.transmit(role, 0, SYN_ACK);
            }
            self.ends[role].is_open = true;
            self.react(role, raw);
        }
        if !answers_syn {
            let now = (self.ends[role].next, 0, Flags::ACK);
            self.send(role, now);
        }
        self.push(role);
    }

    fn acknowledge(&mut self, role: Role, ack: u32) {
        let end = &mut self.ends[role];
        let before = end.flying.len();
        end.flying.retain(|(seq, octets, flags)| {
            seq + octets + u32::from(flags.syn()) + u32::from(flags.fin()) > ack
        });
        if end.flying.len() < before {
            end.attempts = 0;
            end.is_open = true;
            self.arm(role);
            self.push(role);
        }
    }

    /// The programs: the initiator asks, the responder answers, one closes, the other follows at once.
    fn react(&mut self, role: Role, raw: &Raw) {
        if raw.flags.fin() {
            return self.later(MILLI, Happening::Closes(role));
        }
        if role == Role::Initiator && raw.flags.syn() {
            self.ends[role].waiting = VecDeque::from([300, 200]);
        }
        if role == Role::Responder && self.ends[role].received == 501 {
            self.ends[role].waiting = (0..self.answer).map(|_| 1000).collect();
            if self.closes_first == Role::Responder {
                self.later(5 * MILLI, Happening::Closes(role));
            }
        }
        let is_answered = self.ends[Role::Initiator].received == 1 + 1000 * self.answer;
        if role == Role::Initiator && is_answered && self.closes_first == Role::Initiator {
            self.later(5 * MILLI, Happening::Closes(role));
        }
    }

    fn run(&mut self) {
        self.transmit(Role::Initiator, 0, Flags::SYN);
        while let Some((at, what)) = self.agenda.pop_first() {
            self.now = at.0;
            match what {
                Happening::Passes(raw) => {
                    self.seen.push(Packet { at: self.now, connection: 0, what: What::Segment(raw) });
                    if self.chance() >= self.loss[!raw.from] {
                        self.later(self.delay[!raw.from], Happening::Arrives(raw));
                    }
                }
                Happening::Arrives(raw) => self.arrive(&raw),
                Happening::Timer(role, timer) if timer == self.ends[role].timer => {
                    self.ends[role].attempts += 1;
                    if let Some(first) = self.ends[role].flying.front().copied() {
                        self.send(role, first);
                    }
                    self.arm(role);
                }
                Happening::Timer(..) => {}
                Happening::Closes(role) => self.close(role),
            }
        }
    }
}

/// The capture of a connection, without some of its records, from some record to some moment.
fn any_capture() -> impl Strategy<Value = Trace> {
    let way = (0..40_u64, 0..40_u64, 1..150_i64, 1..150_i64);
    (any::<u64>(), way, any::<bool>(), 0..6_u32, 0..3_usize, 0..40_u64, 200..1000_i64).prop_map(
        |(luck, (loss_a, loss_b, delay_a, delay_b), responder_closes, answer, late, missed, rto)| {
            let mut world = World {
                ends: Sides::default(),
                agenda: BTreeMap::new(),
                count: 0,
                now: 0,
                seen: Vec::new(),
                luck,
                loss: Sides { initiator: loss_a / 2, responder: loss_b / 2 },
                delay: Sides { initiator: delay_a * MILLI, responder: delay_b * MILLI },
                rto: rto.max(2 * (delay_a + delay_b) + 50) * MILLI,
                closes_first: if responder_closes { Role::Responder } else { Role::Initiator },
                answer,
            };
            world.run();
            let end = world.now;
            let mut seen = std::mem::take(&mut world.seen);
            let begin = if late == 2 { seen.len() / 3 } else { 0 };
            seen.drain(..begin);
            // A FIN that only the capture missed leaves no trace but silence.
            let is_fin = |packet: &Packet| matches!(packet.what, What::Segment(raw) if raw.flags.fin());
            seen.retain(|packet| is_fin(packet) || world.chance() >= missed.saturating_sub(10));
            if late == 1 {
                seen.truncate(seen.len() * 2 / 3);
            }
            let end = if late == 1 { seen.last().map_or(0, |packet| packet.at) } else { end + 20 * SECOND };
            Trace { packets: seen, end: Some(end), ..Trace::default() }
        },
    )
}

proptest! {
    #[test]
    fn nobody_is_at_fault(trace in any_capture()) {
        for told in Outcome::of(&trace.entries(&Place::default(), 1)).by_start() {
            for finding in &told.findings {
                let text = finding.summary(&told.flow);
                prop_assert!(finding.severity < Severity::Fault, "{}: {text}\n{trace:?}", finding.rule.code);
                let is_about_resets = finding.rule.code.starts_with("RST") || finding.rule.code.starts_with("TUP");
                prop_assert!(!is_about_resets, "{}: {text}\n{trace:?}", finding.rule.code);
                if std::env::var_os("TELL").is_some() {
                    println!("{} {} {}: {text}", finding.rule.code, finding.severity, finding.certainty);
                }
            }
        }
    }
}
