//! Frames as octets of a fuzz input: link type, octets on the wire beyond the captured ones, captured length,
//! and the captured octets.

use closewait::capture::{LinkType, Record};
use closewait::time::Timestamp;

/// Link types that are read, and one that is not.
const LINKS: [u16; 19] = [1, 0, 9, 10, 12, 14, 50, 51, 101, 104, 108, 113, 117, 228, 229, 239, 242, 276, 999];
const NANOS_PER_FRAME: i64 = 1_000_000;

/// The records in `input`, numbered from 1, a millisecond apart.
pub fn decode(mut input: &[u8]) -> Vec<Record<'_>> {
    let mut records = Vec::new();
    while let Some((&[link, beyond, high, low], rest)) = input.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes([high, low])).min(rest.len());
        let (data, after) = rest.split_at(length);
        let number = records.len() as u64 + 1;
        records.push(Record {
            number,
            time: Timestamp::from_nanos(number as i64 * NANOS_PER_FRAME),
            link: LinkType(LINKS[usize::from(link) % LINKS.len()]),
            interface: u16::from(beyond >> 7),
            original_length: length as u32 + u32::from(beyond & 0x7f) * 599,
            data,
        });
        input = after;
    }
    records
}

/// Appends `record` to `out`; false when its link type is none of ours.
pub fn encode(record: &Record<'_>, out: &mut Vec<u8>) -> bool {
    let Some(link) = LINKS.iter().position(|link| *link == record.link.0) else { return false };
    let data = &record.data[..record.data.len().min(usize::from(u16::MAX))];
    out.extend([link as u8, 0]);
    out.extend((data.len() as u16).to_be_bytes());
    out.extend(data);
    true
}
