//! A trace: packets of one four-tuple, or of several that differ in the initiator's port, with numbers relative to both
//! sides' first initial numbers.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use closewait::dissect::IcmpError;
use closewait::net::{Endpoint, FourTuple, Role, Sides};
use closewait::tcp::notation::{IcmpLine, Line, NotationError, Number, SegmentLine, Step};
use closewait::tcp::{Flags, Segment, SeqNumber, SynOptions};
use closewait::time::{TimeDelta, Timestamp};

use super::reader;

/// Port of the bystander whose segment marks the end of a trace.
pub const BYSTANDER_PORT: u16 = 9;

#[derive(Clone, Default)]
pub struct Trace {
    pub packets: Vec<Packet>,
    /// The capture goes on until here, in nanoseconds from its start.
    pub end: Option<i64>,
    /// What befell the capture file.
    pub file: FileFate,
    /// The local ports of the initiator, where the run is told of them.
    pub local_ports: Option<(u16, u16)>,
}

/// What befell the file of a trace about the input.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileFate {
    /// Octets captured of each frame; `None` for all.
    pub snap: Option<usize>,
    /// It breaks off inside its last record.
    pub is_cut: bool,
    /// The record that marks the end is no TCP segment, so that there is no flow besides the trace's.
    pub is_quiet: bool,
}

#[derive(Clone, Copy, Debug)]
pub struct Packet {
    /// Nanoseconds from the start.
    pub at: i64,
    /// Counted from 0: the initiator's port is so many above the first one's.
    pub connection: u16,
    pub what: What,
}

#[derive(Clone, Copy, Debug)]
pub enum What {
    Segment(Raw),
    Icmp { to: Role, kind: u8, code: u8, seq: u32 },
}

/// A segment whose numbers count from the initial ones of the first incarnation, modulo 2³².
#[derive(Clone, Copy, Debug)]
pub struct Raw {
    pub from: Role,
    pub flags: Flags,
    pub seq: u32,
    pub ack: u32,
    pub octets: u32,
    pub window: u16,
    pub ttl: u8,
    pub ip_id: u16,
    pub interface: u16,
}

/// Where and when a trace takes place: all that must not matter.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub isn: Sides<u32>,
    /// Capture time of the start, in nanoseconds.
    pub start: i64,
    /// The initiator has the higher address.
    pub mirrored: bool,
}

impl Default for Place {
    fn default() -> Self {
        let isn = Sides { initiator: 1_000_000, responder: 5_000_000 };
        Self { isn, start: 1_795_249_052_000_000_000, mirrored: false }
    }
}

/// What the flow table is given.
#[derive(Clone, Copy, Debug)]
pub enum Entry {
    Segment(Segment),
    Icmp(IcmpError),
}

impl Trace {
    /// Reads lines of notation; comments and empty lines are left out.
    pub fn parse(text: &str) -> Result<Self, (String, NotationError)> {
        reader::read(text)
    }

    /// As it enters the flow table; records are numbered `stride`, 2 × `stride`, …
    pub fn entries(&self, place: &Place, stride: u64) -> Vec<Entry> {
        let end = self.end.map(|at| (at, None));
        let packets = self.packets.iter().map(|packet| (packet.at, Some(packet))).chain(end);
        let records = (1..).map(|index| index * stride);
        records.zip(packets).map(|(record, (at, packet))| place.entry(record, at, packet)).collect()
    }

    /// Without the packet at `index`: lost before the capture point.
    pub fn lose(mut self, index: usize) -> Self {
        self.packets.remove(index);
        self
    }

    /// The packet at `index` once more on another interface, one hop on and `nanos` later.
    pub fn duplicate(mut self, index: usize, nanos: i64) -> Self {
        let copy = self.packets[index].one_hop_on(nanos);
        self.packets.insert(index + 1, copy);
        self
    }

    /// The packet at `index` and the one after it in the other order; times stay in order.
    pub fn swap(mut self, index: usize) -> Self {
        let (first, second) = (self.packets[index].what, self.packets[index + 1].what);
        self.packets[index].what = second;
        self.packets[index + 1].what = first;
        self
    }

    /// The capture begins with the packet at `index`.
    pub fn start_late(mut self, index: usize) -> Self {
        self.packets.drain(..index);
        self
    }
}

/// The trace as a case file may hold it; all numbers count from the first incarnation's.
impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.end.map(|at| (0, at, Step::End));
        let mut before = 0;
        f.write_str("\n")?;
        let steps = self.packets.iter().map(|packet| (packet.connection, packet.at, packet.what.step()));
        for (connection, at, step) in steps.chain(end) {
            if connection > 0 {
                write!(f, "@{} ", connection + 1)?;
            }
            writeln!(f, "{}", Line { after: TimeDelta::from_nanos(at - before), step })?;
            before = at;
        }
        Ok(())
    }
}

impl What {
    fn step(self) -> Step {
        match self {
            Self::Segment(raw) => Step::Segment(SegmentLine {
                from: raw.from,
                flags: raw.flags,
                seq: number(raw.seq),
                octets: raw.octets,
                ack: number(raw.ack),
                window: raw.window,
                ttl: raw.ttl,
                isn: None,
            }),
            Self::Icmp { to, kind, code, seq } => Step::Icmp(IcmpLine { to, kind, code, seq: number(seq) }),
        }
    }
}

#[expect(clippy::cast_possible_wrap, reason = "small negative numbers read better than large ones")]
fn number(value: u32) -> Number {
    Number { value: i64::from(value as i32), old: false }
}

impl Packet {
    pub fn one_hop_on(mut self, nanos: i64) -> Self {
        self.at += nanos;
        if let What::Segment(raw) = &mut self.what {
            raw.ttl -= 1;
            raw.interface += 1;
        }
        self
    }
}

impl Place {
    /// Where `role` of a connection, counted from 0, is.
    pub fn endpoint(&self, role: Role, connection: u16) -> Endpoint {
        let is_first = (role == Role::Initiator) != self.mirrored;
        let addr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, if is_first { 1 } else { 2 }));
        Endpoint { addr, port: if role == Role::Initiator { 40000 + connection } else { 80 } }
    }

    pub fn time(&self, at: i64) -> Timestamp {
        Timestamp::from_nanos(self.start + at)
    }

    /// `None` is the bystander.
    pub fn entry(&self, record: u64, at: i64, packet: Option<&Packet>) -> Entry {
        let time = self.time(at);
        let tuple = |connection: u16, from: Role| {
            FourTuple::new(self.endpoint(from, connection), self.endpoint(!from, connection), 0)
        };
        match packet.map(|packet| (packet.connection, packet.what)) {
            Some((connection, What::Segment(raw))) => {
                Entry::Segment(self.segment(record, time, tuple(connection, raw.from), &raw))
            }
            Some((connection, What::Icmp { to, kind, code, seq })) => {
                let (tuple, from_low) = tuple(connection, to);
                let seq = SeqNumber(self.isn[to]).add(seq);
                let reporter = IpAddr::V4(ROUTER);
                Entry::Icmp(IcmpError { record, time, reporter, kind, code, v6: false, tuple, from_low, seq })
            }
            None => {
                let [from, to] = bystanders();
                Entry::Segment(self.segment(record, time, FourTuple::new(from, to, 0), &bystander_raw()))
            }
        }
    }

    fn segment(&self, record: u64, time: Timestamp, tuple: (FourTuple, bool), raw: &Raw) -> Segment {
        let (tuple, from_low) = tuple;
        let ack = SeqNumber(self.isn[!raw.from]).add(raw.ack);
        Segment {
            record,
            time,
            tuple,
            from_low,
            seq: SeqNumber(self.isn[raw.from]).add(raw.seq),
            ack: if raw.flags.ack() { ack } else { SeqNumber(0) },
            flags: raw.flags,
            window: raw.window,
            window_known: true,
            octets: raw.octets,
            ttl: raw.ttl,
            ip_id: raw.ip_id,
            checksum: 0,
            interface: raw.interface,
            options: raw.flags.syn().then(SynOptions::default),
        }
    }
}

pub const ROUTER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 254);

pub fn bystanders() -> [Endpoint; 2] {
    [8, 9].map(|last| Endpoint {
        addr: IpAddr::V4(Ipv4Addr::new(10, 9, 9, last)),
        port: if last == 8 { 50000 } else { BYSTANDER_PORT },
    })
}

pub fn bystander_raw() -> Raw {
    Raw {
        from: Role::Initiator,
        flags: Flags::ACK,
        seq: 1,
        ack: 1,
        octets: 0,
        window: Line::DEFAULT_WINDOW,
        ttl: Line::DEFAULT_TTL,
        ip_id: 1,
        interface: 0,
    }
}
