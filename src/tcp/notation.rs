//! One line of text per segment, with relative numbers: what case files hold and timelines may print.
//!
//! ```text
//! +0.000000 > S 0:0(0)
//! +0.000100 < S. 0:0(0) ack 1 win 0
//! +0.010000 icmp < 3/1 0
//! +600.000000 end
//! ```
//!
//! The form is packetdrill's; `testdata/cases/README.md` is the grammar. `>` goes from initiator to responder.
//! A line as it is printed reads back as the same [`Line`], and prints as the same text again.

mod parse;

use std::fmt;

use crate::net::Role;
use crate::tcp::Flags;
use crate::time::TimeDelta;

/// What one line tells, and how long after the line before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Since the line before. Negative where a capture runs backwards.
    pub after: TimeDelta,
    /// What happened.
    pub step: Step,
}

/// What happened at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A TCP segment passed.
    Segment(SegmentLine),
    /// An ICMP error passed that quotes a TCP segment.
    Icmp(IcmpLine),
    /// The capture went on until here.
    End,
}

/// A TCP segment in relative numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentLine {
    /// Sender.
    pub from: Role,
    /// Control bits.
    pub flags: Flags,
    /// First sequence number, from the sender's initial one.
    pub seq: Number,
    /// Payload octets. SYN and FIN are not counted.
    pub octets: u32,
    /// Acknowledgement number, from the peer's initial one; meaningless without the ACK flag.
    pub ack: Number,
    /// Window as sent.
    pub window: u16,
    /// Time to live.
    pub ttl: u8,
    /// The sender's initial number, from that of its first incarnation; for SYN segments only.
    pub isn: Option<i64>,
}

/// An ICMP error that quotes a TCP segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IcmpLine {
    /// Who is told: the sender of the quoted segment.
    pub to: Role,
    /// ICMP type.
    pub kind: u8,
    /// ICMP code.
    pub code: u8,
    /// Sequence number of the quoted segment.
    pub seq: Number,
}

/// A sequence number relative to an initial one, modulo 2³².
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Number {
    /// Between -(2³² - 1) and 2³² - 1.
    pub value: i64,
    /// Counted from the initial number of the incarnation before.
    pub old: bool,
}

impl Line {
    /// The window that a line without `win` means.
    pub const DEFAULT_WINDOW: u16 = 65535;
    /// The time to live that a line without `ttl` means.
    pub const DEFAULT_TTL: u8 = 64;
}

/// Why a text is no line: the part that was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotationError(&'static str);

impl fmt::Display for NotationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}", self.0)
    }
}

impl std::error::Error for NotationError {}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.after >= TimeDelta::ZERO {
            f.write_str("+")?;
        }
        let mut span = Vec::with_capacity(16);
        self.after.write_seconds(&mut span);
        f.write_str(&String::from_utf8_lossy(&span))?;
        match &self.step {
            Step::Segment(segment) => write!(f, " {segment}"),
            Step::Icmp(icmp) => write!(f, " {icmp}"),
            Step::End => f.write_str(" end"),
        }
    }
}

impl fmt::Display for SegmentLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.seq.value + i64::from(self.octets);
        write!(f, "{} ", arrow(self.from))?;
        write_flags(self.flags, f)?;
        write!(f, " {}:{end}({})", self.seq, self.octets)?;
        if self.flags.ack() {
            write!(f, " ack {}", self.ack)?;
        }
        if self.window != Line::DEFAULT_WINDOW {
            write!(f, " win {}", self.window)?;
        }
        if self.ttl != Line::DEFAULT_TTL {
            write!(f, " ttl {}", self.ttl)?;
        }
        self.isn.map_or(Ok(()), |isn| write!(f, " isn {isn:+}"))
    }
}

impl fmt::Display for IcmpLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "icmp {} {}/{} {}", arrow(!self.to), self.kind, self.code, self.seq)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.old { "old:" } else { "" }, self.value)
    }
}

/// The direction of what `from` sends.
const fn arrow(from: Role) -> char {
    match from {
        Role::Initiator => '>',
        Role::Responder => '<',
    }
}

/// Letters in the order in which they are written; ACK comes last.
const LETTERS: [(char, u8); 8] = [
    ('S', Flags::SYN.0),
    ('F', Flags::FIN.0),
    ('R', Flags::RST.0),
    ('P', Flags::PSH.0),
    ('U', 0x20),
    ('E', 0x40),
    ('W', 0x80),
    ('.', Flags::ACK.0),
];

fn write_flags(flags: Flags, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if flags == Flags::default() {
        return f.write_str("-");
    }
    let set = LETTERS.iter().filter(|(_, bit)| flags.0 & bit != 0);
    set.map(|(letter, _)| letter).try_for_each(|letter| write!(f, "{letter}"))
}
