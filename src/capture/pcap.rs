//! Classic pcap: a file header, then records to the end.

use pcap_parser::PcapHeader;

use super::LinkType;
use super::buffer::Buffer;
use super::bytes::{ByteOrder, index};
use super::damage::{DamageKind, Notes};
use super::reader::{InPlace, MAX_CAPTURED, Packet};
use super::summary::Format;
use super::timestamps::Resolution;
use crate::time::Timestamp;

/// Length of the file header.
pub(super) const HEADER: usize = 24;

const RECORD_HEADER: usize = 16;
/// The Kuznetzov patch adds interface, protocol and packet type.
const MODIFIED_RECORD_HEADER: usize = 24;

/// True if `magic`, the first four octets, is one of pcap's.
pub(super) fn is_magic(magic: [u8; 4]) -> bool {
    variant(magic).is_some()
}

/// Byte order, resolution, modified.
fn variant(magic: [u8; 4]) -> Option<(ByteOrder, Resolution, bool)> {
    let of = |order, word| match word {
        0xa1b2_c3d4 => Some((order, Resolution::MICROSECONDS, false)),
        0xa1b2_3c4d => Some((order, Resolution::NANOSECONDS, false)),
        0xa1b2_cd34 => Some((order, Resolution::MICROSECONDS, true)),
        _ => None,
    };
    of(ByteOrder::Big, u32::from_be_bytes(magic)).or_else(|| of(ByteOrder::Little, u32::from_le_bytes(magic)))
}

/// The reader of one pcap file, past its header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pcap {
    order: ByteOrder,
    resolution: Resolution,
    nanos_per_tick: u64,
    record_header: usize,
    link: LinkType,
    snaplen: u32,
    /// Versions up to 2.3 were written with captured and original length in either order.
    lengths_may_be_swapped: bool,
    /// Little-endian, lengths in their order: as nearly all files are.
    is_usual: bool,
}

impl Pcap {
    /// Reads the file header; the error says what was found instead.
    pub(super) fn open(header: &[u8; HEADER]) -> Result<Self, String> {
        let Some(&magic) = header.first_chunk() else { return Err(String::new()) };
        let Some((order, resolution, modified)) = variant(magic) else {
            return Err("no pcap magic".to_owned());
        };
        let fields = parse_header(header, order).ok_or("unreadable pcap header")?;
        let version = (fields.version_major, fields.version_minor);
        // 543.0 is what DG/UX wrote.
        if version.0 != 2 && version != (543, 0) {
            return Err(format!("pcap of unknown version {}.{}", version.0, version.1));
        }
        let lengths_may_be_swapped = version <= (2, 3) || version.0 == 543;
        Ok(Self {
            order,
            resolution,
            nanos_per_tick: if resolution == Resolution::NANOSECONDS { 1 } else { 1000 },
            record_header: if modified { MODIFIED_RECORD_HEADER } else { RECORD_HEADER },
            // The upper half tells the length of the frame check sequence.
            link: LinkType((fields.network.0 & 0xffff).try_into().unwrap_or(0)),
            snaplen: fields.snaplen,
            lengths_may_be_swapped,
            is_usual: order == ByteOrder::Little && !lengths_may_be_swapped,
        })
    }

    pub(super) const fn format(&self) -> Format {
        Format::Pcap { resolution: self.resolution, modified: self.record_header == MODIFIED_RECORD_HEADER }
    }

    pub(super) const fn resolution(&self) -> Resolution {
        self.resolution
    }

    pub(super) const fn link(&self) -> LinkType {
        self.link
    }

    pub(super) const fn snaplen(&self) -> u32 {
        self.snaplen
    }

    /// The next record, read on for if need be; `None` at the end or where the file is damaged.
    pub(super) fn next(&self, buffer: &mut Buffer, notes: &mut Notes) -> Option<Packet> {
        self.whole_record(buffer).or_else(|| {
            self.refill(buffer).unwrap_or_else(|damage| {
                notes.push(buffer.offset(), damage);
                None
            })
        })
    }

    /// The next record if all of it is in the buffer.
    fn whole_record(&self, buffer: &mut Buffer) -> Option<Packet> {
        let window = buffer.window();
        let (record, rest) = self.split(window)?;
        let (packet, length) = (record.packet(0), window.len() - rest.len());
        Some(packet.moved_by(buffer.consume(length)))
    }

    /// The record that `window` begins with, if all of it is there, and what follows it.
    #[inline]
    pub(super) fn split<'a>(&self, window: &'a [u8]) -> Option<(InPlace<'a>, &'a [u8])> {
        let [seconds, fraction, captured, original_length] = self.fields(window.first_chunk()?);
        if captured > MAX_CAPTURED {
            return None;
        }
        let (data, rest) = window.get(self.record_header..)?.split_at_checked(index(captured))?;
        // At most 2^32 · 10^9 + 2^32 · 10^3, which 63 bits hold.
        let nanos = u64::from(seconds) * 1_000_000_000 + u64::from(fraction) * self.nanos_per_tick;
        let time = Timestamp::from_nanos(nanos.cast_signed());
        let (link, head) = (self.link, self.record_header);
        Some((InPlace { time, link, interface: 0, original_length, captured, head, data }, rest))
    }

    #[cold]
    fn refill(&self, buffer: &mut Buffer) -> Result<Option<Packet>, DamageKind> {
        if !buffer.fill(self.record_header) {
            let left = buffer.window().len() as u64;
            let needs = if self.record_header == RECORD_HEADER { 16 } else { 24 };
            return if left == 0 { Ok(None) } else { Err(DamageKind::CutHeader { needs, left }) };
        }
        let Some(header) = buffer.window().first_chunk() else { return Ok(None) };
        let [_, _, captured, _] = self.fields(header);
        if captured > MAX_CAPTURED {
            return Err(DamageKind::RecordLength { says: captured });
        }
        if !buffer.fill(self.record_header + index(captured)) {
            let left = (buffer.window().len() - self.record_header) as u64;
            return Err(DamageKind::CutRecord { says: captured, left });
        }
        Ok(self.whole_record(buffer))
    }

    /// What every record header has: seconds, fraction, captured length, original length.
    #[inline]
    fn fields(&self, header: &[u8; RECORD_HEADER]) -> [u32; 4] {
        if self.is_usual { ByteOrder::Little.words(header) } else { self.unusual_fields(header) }
    }

    #[inline(never)]
    fn unusual_fields(&self, header: &[u8; RECORD_HEADER]) -> [u32; 4] {
        let [seconds, fraction, captured, original] = self.order.words(header);
        if self.lengths_may_be_swapped {
            [seconds, fraction, captured.min(original), captured.max(original)]
        } else {
            [seconds, fraction, captured, original]
        }
    }
}

/// The header's fields. pcap-parser does not know the big-endian modified magic, so each variant is shown to
/// it under the plain magic of the same byte order.
fn parse_header(header: &[u8; HEADER], order: ByteOrder) -> Option<PcapHeader> {
    let mut plain = *header;
    *plain.first_chunk_mut()? = match order {
        ByteOrder::Big => 0xa1b2_c3d4_u32.to_be_bytes(),
        ByteOrder::Little => 0xa1b2_c3d4_u32.to_le_bytes(),
    };
    pcap_parser::parse_pcap_header(&plain).ok().map(|(_, fields)| fields)
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{pcap, problems, read};
    use super::ByteOrder::{Big, Little};
    use super::*;

    #[test]
    fn both_byte_orders_and_units_are_read() {
        for order in [Big, Little] {
            for (magic, nanos) in [(0xa1b2_c3d4, 7_000_000_500_000), (0xa1b2_3c4d, 7_000_000_000_500)] {
                let file = pcap(order, magic).record(7_000, 500, 60, &[1, 2, 3]);
                let (records, input) = read(&file.bytes);
                assert_eq!(records, [(1, nanos, 1, 60, vec![1, 2, 3])], "{order:?} {magic:x}");
                assert_eq!(input.files()[0].clipped.count, 1);
                assert!(input.problems().is_empty());
            }
        }
    }

    #[test]
    fn modified_records_have_longer_headers() {
        for order in [Big, Little] {
            let mut file = pcap(order, 0xa1b2_cd34);
            for second in [1, 2] {
                file = file.u32(second).u32(5).u32(2).u32(2).u64(u64::MAX).raw(&[8, 9]);
            }
            let (records, input) = read(&file.bytes);
            assert_eq!(records.len(), 2);
            assert_eq!(records[1], (2, 2_000_005_000, 1, 2, vec![8, 9]));
            assert_eq!(input.files()[0].format.unwrap().to_string(), "pcap (µs, modified)");
        }
    }

    #[test]
    fn flags_above_the_link_type_are_masked() {
        let mut file = pcap(Little, 0xa1b2_c3d4).record(0, 0, 1, &[0]).bytes;
        file[20..24].copy_from_slice(&0x2400_0071_u32.to_le_bytes());
        assert_eq!(read(&file).0[0].2, 113);
    }

    #[test]
    fn old_versions_may_swap_the_lengths() {
        let mut file = pcap(Big, 0xa1b2_c3d4).u64(0).u32(60).u32(2).raw(&[1, 2]).bytes;
        file[6..8].copy_from_slice(&3_u16.to_be_bytes());
        assert_eq!(read(&file).0, [(1, 0, 1, 60, vec![1, 2])]);
    }

    #[test]
    fn times_after_2106_and_long_fractions_do_not_wrap() {
        let file = pcap(Little, 0xa1b2_c3d4).record(u32::MAX, u32::MAX, 0, &[]);
        assert_eq!(read(&file.bytes).0[0].1, 4_294_967_295_000_000_000 + 4_294_967_295_000);
    }

    #[test]
    fn every_prefix_gives_its_whole_records() {
        let file = pcap(Little, 0xa1b2_c3d4).record(1, 0, 9, &[1; 9]).record(2, 0, 5, &[2; 5]).bytes;
        for length in 0..file.len() {
            let (records, input) = read(&file[..length]);
            assert_eq!(records.len(), usize::from(length >= 49), "{length}");
            let whole = length == 24 || length == 49;
            assert_eq!(input.problems().is_empty(), whole, "{length}: {:?}", problems(&input));
        }
        assert_eq!(
            problems(&read(&file[..67]).1),
            ["t: cut short in record 2 at byte 49 (record says 5 octets, 2 left)"]
        );
        assert_eq!(
            problems(&read(&file[..50]).1),
            ["t: cut short in record 2 at byte 49 (header has 16 octets, 1 left)"]
        );
    }

    #[test]
    fn a_captured_length_that_lies_stops_the_file() {
        let file = pcap(Big, 0xa1b2_c3d4).record(1, 0, 1, &[1]).u64(0).u32(1 << 31).u32(60).raw(&[0; 99]);
        let (records, input) = read(&file.bytes);
        assert_eq!(records.len(), 1);
        let told = "t: damaged in record 2 at byte 41 (record says 2 147 483 648 octets; the rest of the file is lost)";
        assert_eq!(problems(&input), [told]);
    }

    #[test]
    fn a_record_longer_than_the_buffer_is_read_and_one_beyond_the_cap_is_not() {
        let long = vec![7; index(MAX_CAPTURED)];
        let file = pcap(Little, 0xa1b2_c3d4).record(1, 0, MAX_CAPTURED, &long).record(2, 0, 1, &[1]);
        let (records, _) = read(&file.bytes);
        assert_eq!((records.len(), records[0].4.len(), records[1].4.len()), (2, long.len(), 1));
        let file = pcap(Little, 0xa1b2_c3d4).record(1, 0, 1, &vec![7; long.len() + 1]);
        assert_eq!(read(&file.bytes).0.len(), 0);
    }

    #[test]
    fn an_unknown_version_is_no_capture() {
        let mut file = pcap(Little, 0xa1b2_c3d4).bytes;
        file[4] = 1;
        assert!(problems(&read(&file).1)[0].contains("pcap of unknown version 1.4"));
    }
}
