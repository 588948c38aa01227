//! A trace: packets of one four-tuple, or of several that differ in the initiator's port, with numbers relative to both
//! sides' first initial numbers.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use closewait::dissect::IcmpError;
use closewait::net::{Endpoint, FourTuple, Role, Sides};
use closewait::tcp::notation::{IcmpLine, Line, NotationError, Number, SegmentLine, Step};
use closewait::tcp::{Flags, Segment, SeqNumber, SynOptions};
use closewait::time::{TimeDelta, Timestamp};

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
        let mut reader = LineReader::default();
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let lines: Vec<_> = lines.collect();
        let mut rest = lines.as_slice();
        while let [line, after @ ..] = rest {
            rest = after;
            if let Some(times) = Times::of(line) {
                let done = rest.iter().position(|line| *line == "done").unwrap();
                reader.repeat(&times, &rest[..done])?;
                rest = &rest[done + 1..];
            } else {
                reader.read_line(line, 0)?;
            }
        }
        Ok(reader.trace)
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

/// `times N every SECONDS [from K] [step S]`: what follows, up to `done`, happens on N connections.
struct Times {
    count: u16,
    /// In nanoseconds.
    every: i64,
    from: u16,
    step: u16,
}

impl Times {
    fn of(line: &str) -> Option<Self> {
        let words: Vec<_> = line.split(' ').collect();
        let ["times", count, "every", every, rest @ ..] = words.as_slice() else { return None };
        let value = |name: &str, usual: u16| {
            rest.chunks(2).find(|pair| pair[0] == name).map_or(usual, |pair| pair[1].parse().unwrap())
        };
        let every: Line = format!("+{every} end").parse().unwrap();
        let (from, step) = (value("from", 1) - 1, value("step", 1));
        Some(Self { count: count.parse().unwrap(), every: every.after.nanos(), from, step })
    }
}

/// Follows initial numbers from line to line.
#[derive(Default)]
struct LineReader {
    trace: Trace,
    now: i64,
    numbers: BTreeMap<u16, Numbers>,
}

/// Of one connection.
#[derive(Clone, Copy, Debug, Default)]
struct Numbers {
    /// Initial numbers now and in the incarnation before, from the first ones.
    isn: Sides<u32>,
    old: Sides<u32>,
    ip_ids: Sides<u16>,
}

impl LineReader {
    /// Reads `lines` so many times, each on a connection of its own.
    fn repeat(&mut self, times: &Times, lines: &[&str]) -> Result<(), (String, NotationError)> {
        let (start, first) = (self.now, self.trace.packets.len());
        for index in 0..times.count {
            self.now = start + i64::from(index) * times.every;
            let connection = times.from + index * times.step % times.count;
            lines.iter().try_for_each(|line| self.read_line(line, connection))?;
        }
        self.trace.packets[first..].sort_by_key(|packet| packet.at);
        Ok(())
    }

    /// Reads a line of `connection`, unless it names another.
    fn read_line(&mut self, line: &str, connection: u16) -> Result<(), (String, NotationError)> {
        let (connection, rest) = match line.strip_prefix('@').and_then(|named| named.split_once(' ')) {
            Some((number, rest)) => (number.parse::<u16>().unwrap() - 1, rest),
            None => (connection, line),
        };
        if !self.read_fate(rest) {
            self.read(rest.parse().map_err(|error| (line.to_owned(), error))?, connection);
        }
        Ok(())
    }

    /// Reads a line about the file or the run; false when it is none.
    fn read_fate(&mut self, line: &str) -> bool {
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["cut"] => self.trace.file.is_cut = true,
            ["snap", octets] => self.trace.file.snap = Some(octets.parse().unwrap()),
            ["copy"] => {
                let copy = self.trace.packets.last().unwrap().one_hop_on(10_000);
                self.trace.packets.push(copy);
            }
            ["local-ports", range] => {
                let (low, high) = range.split_once('-').unwrap();
                self.trace.local_ports = Some((low.parse().unwrap(), high.parse().unwrap()));
            }
            _ => return false,
        }
        true
    }

    fn read(&mut self, line: Line, connection: u16) {
        self.now += line.after.nanos();
        let numbers = self.numbers.entry(connection).or_default();
        let what = match line.step {
            Step::End => return self.trace.end = Some(self.now),
            Step::Icmp(icmp) => What::Icmp {
                to: icmp.to,
                kind: icmp.kind,
                code: icmp.code,
                seq: numbers.absolute(icmp.seq, icmp.to),
            },
            Step::Segment(segment) => What::Segment(numbers.segment(&segment)),
        };
        self.trace.packets.push(Packet { at: self.now, connection, what });
    }
}

impl Numbers {
    fn segment(&mut self, line: &SegmentLine) -> Raw {
        if let Some(isn) = line.isn {
            if !line.flags.ack() {
                self.old = self.isn;
            }
            self.isn[line.from] = modulo(isn);
        }
        self.ip_ids[line.from] += 1;
        Raw {
            from: line.from,
            flags: line.flags,
            seq: self.absolute(line.seq, line.from),
            ack: if line.flags.ack() { self.absolute(line.ack, !line.from) } else { 0 },
            octets: line.octets,
            window: line.window,
            ttl: line.ttl,
            ip_id: self.ip_ids[line.from],
            interface: 0,
        }
    }

    fn absolute(&self, number: Number, of: Role) -> u32 {
        let base = if number.old { self.old[of] } else { self.isn[of] };
        base.wrapping_add(modulo(number.value))
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "modulo 2³² is the definition")]
fn modulo(value: i64) -> u32 {
    value as u32
}
