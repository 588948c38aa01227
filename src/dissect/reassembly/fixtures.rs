//! Packets in fragments, made by hand.

use crate::capture::{LinkType, Record};
use crate::dissect::{Dissected, Dissector, SkipTally};
use crate::tcp::Segment;
use crate::time::Timestamp;

pub(super) const FIN: u8 = 0x01;
pub(super) const RST: u8 = 0x04;
pub(super) const ACK: u8 = 0x10;
pub(super) const TCP: u8 = 6;

/// A TCP header with a payload of `octets` zeros. Way 0 goes from port 40000 to 80, way 1 back.
pub(super) fn tcp(way: u8, seq: u32, ack: u32, flags: u8, octets: usize) -> Vec<u8> {
    let (from, to) = if way == 0 { (40000u16, 80u16) } else { (80, 40000) };
    let numbers = [&from.to_be_bytes()[..], &to.to_be_bytes(), &seq.to_be_bytes(), &ack.to_be_bytes()];
    [&numbers.concat()[..], &[0x50, flags, 1, 0, 0, 0, 0, 0], &vec![0; octets]].concat()
}

/// An IPv4 packet between 10.0.0.1 (sender on way 0) and 10.0.0.2, or the part of one.
pub(super) fn v4(way: u8, id: u16, (offset, more): (usize, bool), protocol: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(20 + payload.len()).unwrap().to_be_bytes();
    let place = u16::try_from(offset / 8).unwrap() | u16::from(more) << 13;
    let [id, place] = [id, place].map(u16::to_be_bytes);
    let (from, to) = (1 + way, 2 - way);
    let fixed = [0x45, 0, length[0], length[1], id[0], id[1], place[0], place[1], 64, protocol, 0, 0];
    [&fixed[..], &[10, 0, 0, from, 10, 0, 0, to], payload].concat()
}

/// An IPv6 fragment between addresses of ones and of twos.
pub(super) fn v6(id: u32, (offset, more): (usize, bool), next: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + payload.len()).unwrap().to_be_bytes();
    let place = (u16::try_from(offset).unwrap() | u16::from(more)).to_be_bytes();
    let fixed = [&[0x60, 0, 0, 0, length[0], length[1], 44, 64][..], &[1; 16], &[2; 16]].concat();
    [&fixed[..], &[next, 0, place[0], place[1]], &id.to_be_bytes(), payload].concat()
}

/// The parts of `payload` between `cuts`: each with its offset, whether more follow, and its octets.
pub(super) fn parts<'a>(payload: &'a [u8], cuts: &[usize]) -> Vec<((usize, bool), &'a [u8])> {
    let ends = cuts.iter().copied().chain([payload.len()]);
    let mut start = 0;
    ends.map(|end| {
        let part = ((start, end < payload.len()), &payload[start..end]);
        start = end;
        part
    })
    .collect()
}

/// `payload` in IPv4 fragments.
pub(super) fn v4_parts(way: u8, id: u16, protocol: u8, payload: &[u8], cuts: &[usize]) -> Vec<Vec<u8>> {
    parts(payload, cuts).into_iter().map(|(place, part)| v4(way, id, place, protocol, part)).collect()
}

/// A packet as captured: in milliseconds, with its octets.
pub(super) type Frame = (i64, Vec<u8>);

/// What frames came to. A segment is told by its record and its octets.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) segments: Vec<(u64, u32)>,
    /// Names of reasons, how often, and the first record.
    pub(super) reasons: Vec<(&'static str, u64, u64)>,
}

/// Dissects packets a millisecond apart.
pub(super) fn told(packets: &[Vec<u8>]) -> Told {
    let frames: Vec<Frame> = (0..).zip(packets.iter().cloned()).collect();
    told_at(&frames)
}

pub(super) fn told_at(frames: &[Frame]) -> Told {
    let (segments, tally) = one_pass(frames);
    let reasons = tally.reasons().map(|(reason, skips)| (reason.name(), skips.count, skips.first_record));
    let octets = |segment: &Segment| (segment.record, segment.octets);
    Told { segments: segments.iter().map(octets).collect(), reasons: reasons.collect() }
}

/// The segments in the order in which they are told, every record accounted for.
pub(super) fn one_pass(frames: &[Frame]) -> (Vec<Segment>, SkipTally) {
    let mut dissector = Dissector::new();
    let mut found = Vec::with_capacity(frames.len());
    for (number, frame) in (1..).zip(frames) {
        dissector.dissect_onto(&record(number, frame), &mut found);
    }
    dissector.finish(&mut found);
    let segments = segments(found);
    assert_eq!(dissector.tally().records(), frames.len() as u64, "{:?}", dissector.tally());
    assert_eq!(dissector.tally().segments(), segments.len() as u64);
    (segments, dissector.tally().clone())
}

/// The same in parts of `size` frames, each dissected by itself, and gone through afterwards.
pub(super) fn in_parts(frames: &[Frame], size: usize) -> (Vec<Segment>, SkipTally) {
    let mut whole = Dissector::new();
    let mut tally = SkipTally::default();
    let mut all = Vec::new();
    let numbered: Vec<_> = (1..).zip(frames).collect();
    for part in numbered.chunks(size) {
        let mut dissector = Dissector::deferring();
        for (number, frame) in part {
            let mut found = Vec::new();
            dissector.dissect_onto(&record(*number, frame), &mut found);
            for next in found {
                whole.passes(&next, &mut all);
                all.push(next);
            }
            for fragment in dissector.take_fragments() {
                whole.resume(fragment, &mut all);
            }
        }
        tally.join(0, dissector.tally());
    }
    whole.finish(&mut all);
    tally.join(0, whole.tally());
    (segments(all), tally)
}

fn segments(found: Vec<Dissected>) -> Vec<Segment> {
    let segment = |found| match found {
        Dissected::Segment(segment) => Some(segment),
        _ => None,
    };
    found.into_iter().filter_map(segment).collect()
}

fn record(number: u64, (millis, data): &Frame) -> Record<'_> {
    let time = Timestamp::from_nanos(millis * 1_000_000);
    let original_length = u32::try_from(data.len()).unwrap();
    Record { number, time, link: LinkType(101), interface: 0, original_length, data }
}
