//! Lines of notation to a trace.

use std::collections::BTreeMap;

use closewait::net::{Role, Sides};
use closewait::tcp::notation::{Line, NotationError, Number, SegmentLine, Step};

use super::trace::{Packet, Raw, Trace, What};

type Result<T> = std::result::Result<T, (String, NotationError)>;

/// Reads lines; comments and empty ones are left out.
pub fn read(text: &str) -> Result<Trace> {
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
    fn repeat(&mut self, times: &Times, lines: &[&str]) -> Result<()> {
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
    fn read_line(&mut self, line: &str, connection: u16) -> Result<()> {
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
