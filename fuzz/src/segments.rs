//! Segments as octets of a fuzz input: twenty each, which say all that the flow table looks at.

use closewait::dissect::IcmpError;
use closewait::net::{Endpoint, FourTuple};
use closewait::tcp::{Flags, Segment, SeqNumber, SynOptions};
use closewait::time::Timestamp;

use crate::support::trace::Entry;

/// Octets of one segment.
pub const LENGTH: usize = 20;
/// Four-tuples that an input can name.
pub const TUPLES: u8 = 8;

const REVERSED: u8 = 1 << 3;
const CUT: u8 = 1 << 4;
const WITH_OPTIONS: u8 = 1 << 5;
const OTHER_INTERFACE: u8 = 1 << 6;
const ICMP: u8 = 1 << 7;
/// Pauses count in these, so that 32 bits hold more than two days either way.
const NANOS_PER_TICK: i64 = 50_000;
const START: i64 = 1_795_249_052_000_000_000;

/// The entries in `input`, numbered from 1.
pub fn decode(input: &[u8]) -> Vec<Entry> {
    let mut now = START;
    let (chunks, _) = input.as_chunks::<LENGTH>();
    let entries = (1..).zip(chunks).map(|(record, chunk)| {
        now += i64::from(i32::from_be_bytes(part(chunk, 16))) * NANOS_PER_TICK;
        entry(record, now, chunk)
    });
    entries.collect()
}

fn entry(record: u64, now: i64, chunk: &[u8; LENGTH]) -> Entry {
    let [flags, bits, ttl, ip_id, ..] = *chunk;
    let time = Timestamp::from_nanos(now);
    let (low, high) = ends(bits % TUPLES);
    let (tuple, from_low) =
        if bits & REVERSED == 0 { FourTuple::new(low, high, 0) } else { FourTuple::new(high, low, 0) };
    let seq = SeqNumber(u32::from_be_bytes(part(chunk, 4)));
    if bits & ICMP != 0 {
        let (reporter, kind, code) = (high.addr, ttl % 16, ip_id % 16);
        return Entry::Icmp(IcmpError {
            record,
            time,
            reporter,
            kind,
            code,
            v6: false,
            tuple,
            from_low,
            seq,
        });
    }
    Entry::Segment(Segment {
        record,
        time,
        tuple,
        from_low,
        seq,
        ack: SeqNumber(u32::from_be_bytes(part(chunk, 8))),
        flags: Flags(flags),
        octets: u32::from(u16::from_be_bytes(part(chunk, 12))),
        window: if bits & CUT == 0 { u16::from_be_bytes(part(chunk, 14)) } else { 0 },
        window_known: bits & CUT == 0,
        ttl,
        ip_id: u16::from(ip_id),
        checksum: 0,
        interface: u16::from(bits & OTHER_INTERFACE != 0),
        options: (bits & WITH_OPTIONS != 0).then(SynOptions::default),
    })
}

/// Appends `segment` of the four-tuple with number `tuple`, `pause` nanoseconds after the one before.
pub fn encode(segment: &Segment, tuple: u8, pause: i64, out: &mut Vec<u8>) {
    let mut bits = tuple % TUPLES;
    bits |= if segment.from_low { 0 } else { REVERSED };
    bits |= if segment.window_known { 0 } else { CUT };
    bits |= if segment.options.is_some() { WITH_OPTIONS } else { 0 };
    bits |= if segment.interface == 0 { 0 } else { OTHER_INTERFACE };
    out.extend([segment.flags.0, bits, segment.ttl, segment.ip_id as u8]);
    out.extend(segment.seq.0.to_be_bytes());
    out.extend(segment.ack.0.to_be_bytes());
    out.extend((segment.octets.min(u32::from(u16::MAX)) as u16).to_be_bytes());
    out.extend(segment.window.to_be_bytes());
    let ticks = (pause / NANOS_PER_TICK).clamp(i64::from(i32::MIN), i64::from(i32::MAX));
    out.extend((ticks as i32).to_be_bytes());
}

fn ends(tuple: u8) -> (Endpoint, Endpoint) {
    let end = |last, port| Endpoint { addr: [10, 0, 0, last].into(), port };
    (end(1, 40_000 + u16::from(tuple)), end(2, 80))
}

fn part<const N: usize>(chunk: &[u8; LENGTH], at: usize) -> [u8; N] {
    chunk[at..at + N].try_into().unwrap()
}
