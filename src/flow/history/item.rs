//! One segment or ICMP error as its difference from what was expected.

use std::net::IpAddr;

use super::code::{Reader, Writer};
use super::expected::Expected;
use crate::dissect::IcmpError;
use crate::net::FourTuple;
use crate::tcp::{Flags, Mptcp, Segment, SeqNumber, SynOptions};
use crate::time::Timestamp;

/// What is written of an item, one bit each; those that are often needed take the lowest seven, so that most items
/// have one octet of them.
pub(super) mod mark {
    pub(in crate::flow::history) const FROM_LOW: u64 = 1;
    pub(in crate::flow::history) const OTHER_TUPLE: u64 = 1 << 1;
    pub(in crate::flow::history) const SEQ: u64 = 1 << 2;
    pub(in crate::flow::history) const ACK: u64 = 1 << 3;
    pub(in crate::flow::history) const OCTETS: u64 = 1 << 4;
    pub(in crate::flow::history) const WINDOW: u64 = 1 << 5;
    pub(in crate::flow::history) const FLAGS: u64 = 1 << 6;
    pub(in crate::flow::history) const RECORD: u64 = 1 << 7;
    pub(in crate::flow::history) const IP_ID: u64 = 1 << 8;
    pub(in crate::flow::history) const TTL: u64 = 1 << 9;
    pub(in crate::flow::history) const INTERFACE: u64 = 1 << 10;
    pub(in crate::flow::history) const OPTIONS: u64 = 1 << 11;
    pub(in crate::flow::history) const NO_WINDOW: u64 = 1 << 12;
    pub(in crate::flow::history) const ICMP: u64 = 1 << 13;
    pub(in crate::flow::history) const FRAGMENT: u64 = 1 << 14;
}

/// Where a segment or an ICMP error stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) record: u64,
    pub(super) time: Timestamp,
    pub(super) tuple: FourTuple,
    pub(super) from_low: bool,
}

/// The marks of `segment`.
pub(super) fn marks_of(segment: &Segment, expected: &Expected) -> u64 {
    let differences = [
        (mark::SEQ, segment.seq != expected.seq),
        (mark::ACK, segment.ack != expected.ack),
        (mark::OCTETS, segment.octets != expected.octets),
        (mark::WINDOW, segment.window != expected.window),
        (mark::FLAGS, segment.flags != expected.flags),
        (mark::IP_ID, segment.ip_id != expected.ip_id),
        (mark::TTL, segment.ttl != expected.ttl),
        (mark::INTERFACE, segment.interface != expected.interface),
        (mark::OPTIONS, segment.options.is_some()),
        (mark::NO_WINDOW, !segment.window_known),
    ];
    differences.into_iter().filter(|(_, differs)| *differs).fold(0, |marks, (mark, _)| marks | mark)
}

/// Writes what `marks` say of `segment`.
pub(super) fn write_segment(segment: &Segment, expected: &Expected, marks: u64, out: &mut Writer<'_>) {
    let distance = |number: SeqNumber, expected: SeqNumber| i64::from(number.distance(expected));
    out.octets(&segment.checksum.to_le_bytes());
    if marks & mark::SEQ != 0 {
        out.signed(distance(segment.seq, expected.seq));
    }
    if marks & mark::ACK != 0 {
        out.signed(distance(segment.ack, expected.ack));
    }
    let numbers = [
        (mark::OCTETS, segment.octets),
        (mark::WINDOW, segment.window.into()),
        (mark::FLAGS, segment.flags.0.into()),
        (mark::IP_ID, segment.ip_id.into()),
        (mark::TTL, segment.ttl.into()),
        (mark::INTERFACE, segment.interface.into()),
    ];
    for (_, number) in numbers.into_iter().filter(|(mark, _)| marks & mark != 0) {
        out.number(number.into());
    }
    if let Some(options) = &segment.options {
        write_options(options, out);
    }
}

/// Reads back what [`write_segment`] wrote.
pub(super) fn read_segment(
    place: Place,
    expected: &Expected,
    marks: u64,
    reader: &mut Reader<'_>,
) -> Option<Segment> {
    let checksum = u16::from_le_bytes(reader.octets()?);
    let mut number = |mark, expected: SeqNumber| {
        if marks & mark == 0 {
            return Some(expected);
        }
        Some(expected.add(i32::try_from(reader.signed()?).ok()?.cast_unsigned()))
    };
    let (seq, ack) = (number(mark::SEQ, expected.seq)?, number(mark::ACK, expected.ack)?);
    Some(Segment {
        record: place.record,
        time: place.time,
        tuple: place.tuple,
        from_low: place.from_low,
        seq,
        ack,
        checksum,
        octets: given(marks & mark::OCTETS, expected.octets, reader)?,
        window: given(marks & mark::WINDOW, expected.window, reader)?,
        flags: Flags(given(marks & mark::FLAGS, expected.flags.0, reader)?),
        ip_id: given(marks & mark::IP_ID, expected.ip_id, reader)?,
        ttl: given(marks & mark::TTL, expected.ttl, reader)?,
        interface: given(marks & mark::INTERFACE, expected.interface, reader)?,
        window_known: marks & mark::NO_WINDOW == 0,
        options: if marks & mark::OPTIONS == 0 { None } else { Some(read_options(reader)?) },
    })
}

/// The number that was written, or else the expected one.
fn given<T: TryFrom<u64>>(mark: u64, expected: T, reader: &mut Reader<'_>) -> Option<T> {
    if mark == 0 { Some(expected) } else { reader.small() }
}

const WINDOW_SCALE: u8 = 1;
const SACK: u8 = 2;
const TIMESTAMP: u8 = 4;
const FAST_OPEN: u8 = 8;
const MPTCP_CAPABLE: u8 = 16;
const MPTCP_JOIN: u8 = 32;

fn write_options(options: &SynOptions, out: &mut Writer<'_>) {
    let marks = [
        (WINDOW_SCALE, options.window_scale.is_some()),
        (SACK, options.sack_permitted),
        (TIMESTAMP, options.timestamp.is_some()),
        (FAST_OPEN, options.fast_open),
        (MPTCP_CAPABLE, options.mptcp == Mptcp::Capable),
        (MPTCP_JOIN, options.mptcp == Mptcp::Join),
    ];
    let marks = marks.into_iter().filter(|(_, set)| *set).fold(0, |sum, (mark, _)| sum | mark);
    out.octets(&[marks]);
    out.number(options.mss.into());
    out.octets(options.window_scale.as_slice());
    if let Some(timestamp) = options.timestamp {
        out.octets(&timestamp.to_le_bytes());
    }
}

fn read_options(reader: &mut Reader<'_>) -> Option<SynOptions> {
    let [marks] = reader.octets()?;
    let mss = reader.small()?;
    let window_scale =
        if marks & WINDOW_SCALE == 0 { None } else { Some(u8::from_le_bytes(reader.octets()?)) };
    let timestamp = if marks & TIMESTAMP == 0 { None } else { Some(u32::from_le_bytes(reader.octets()?)) };
    Some(SynOptions {
        mss,
        window_scale,
        sack_permitted: marks & SACK != 0,
        timestamp,
        fast_open: marks & FAST_OPEN != 0,
        mptcp: match marks & (MPTCP_CAPABLE | MPTCP_JOIN) {
            0 => Mptcp::None,
            MPTCP_CAPABLE => Mptcp::Capable,
            _ => Mptcp::Join,
        },
    })
}

const V6: u8 = 1;
const REPORTER_V6: u8 = 2;

/// Writes what is not common to all kinds.
pub(super) fn write_icmp(error: &IcmpError, out: &mut Writer<'_>) {
    let reporter_v6 = if error.reporter.is_ipv6() { REPORTER_V6 } else { 0 };
    out.octets(&[error.kind, error.code, if error.v6 { V6 } else { 0 } | reporter_v6]);
    out.octets(&error.seq.0.to_le_bytes());
    match error.reporter {
        IpAddr::V4(addr) => out.octets(&addr.octets()),
        IpAddr::V6(addr) => out.octets(&addr.octets()),
    }
}

/// Reads back what [`write_icmp`] wrote.
pub(super) fn read_icmp(place: Place, reader: &mut Reader<'_>) -> Option<IcmpError> {
    let [kind, code, versions] = reader.octets()?;
    let seq = SeqNumber(u32::from_le_bytes(reader.octets()?));
    let reporter = if versions & REPORTER_V6 == 0 {
        IpAddr::from(reader.octets::<4>()?)
    } else {
        IpAddr::from(reader.octets::<16>()?)
    };
    Some(IcmpError {
        record: place.record,
        time: place.time,
        reporter,
        kind,
        code,
        v6: versions & V6 != 0,
        tuple: place.tuple,
        from_low: place.from_low,
        seq,
    })
}
