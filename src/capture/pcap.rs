//! Classic pcap: a file header, then records to the end.

use pcap_parser::PcapHeader;

use super::LinkType;
use super::buffer::Buffer;
use super::bytes::{ByteOrder, index};
use super::damage::{DamageKind, Notes};
use super::reader::{MAX_CAPTURED, Packet};
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
#[derive(Debug)]
pub(super) struct Pcap {
    order: ByteOrder,
    resolution: Resolution,
    nanos_per_tick: u64,
    record_header: usize,
    link: LinkType,
    snaplen: u32,
    /// Versions up to 2.3 were written with captured and original length in either order.
    lengths_may_be_swapped: bool,
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
        Ok(Self {
            order,
            resolution,
            nanos_per_tick: if resolution == Resolution::NANOSECONDS { 1 } else { 1000 },
            record_header: if modified { MODIFIED_RECORD_HEADER } else { RECORD_HEADER },
            // The upper half tells the length of the frame check sequence.
            link: LinkType((fields.network.0 & 0xffff).try_into().unwrap_or(0)),
            snaplen: fields.snaplen,
            lengths_may_be_swapped: version <= (2, 3) || version.0 == 543,
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

    /// The next record; `None` at the end or where the file is damaged.
    #[inline]
    pub(super) fn next(&self, buffer: &mut Buffer, notes: &mut Notes, number: u64) -> Option<Packet> {
        if let Some(packet) = self.whole_record(buffer) {
            return Some(packet);
        }
        self.refill(buffer).unwrap_or_else(|damage| {
            notes.push(number, buffer.offset(), damage);
            None
        })
    }

    /// The next record if all of it is in the buffer.
    #[inline]
    fn whole_record(&self, buffer: &mut Buffer) -> Option<Packet> {
        let window = buffer.window();
        let header = window.first_chunk::<RECORD_HEADER>()?;
        let (captured, original_length) = self.lengths(header);
        let length = self.record_header + index(captured);
        if captured > MAX_CAPTURED || window.len() < length {
            return None;
        }
        let seconds = u64::from(self.order.u32(header, 0));
        let fraction = u64::from(self.order.u32(header, 4));
        // At most 2^32 · 10^9 + 2^32 · 10^3, which 63 bits hold.
        let nanos = seconds * 1_000_000_000 + fraction * self.nanos_per_tick;
        let data = buffer.consume(length) + self.record_header;
        Some(Packet {
            time: Some(Timestamp::from_nanos(nanos.cast_signed())),
            link: self.link,
            interface: 0,
            original_length,
            data: data..data + index(captured),
        })
    }

    #[cold]
    fn refill(&self, buffer: &mut Buffer) -> Result<Option<Packet>, DamageKind> {
        if !buffer.fill(self.record_header) {
            let left = buffer.window().len() as u64;
            let needs = if self.record_header == RECORD_HEADER { 16 } else { 24 };
            return if left == 0 { Ok(None) } else { Err(DamageKind::CutHeader { needs, left }) };
        }
        let (captured, _) = self.lengths(buffer.window());
        if captured > MAX_CAPTURED {
            return Err(DamageKind::RecordLength { says: captured });
        }
        if !buffer.fill(self.record_header + index(captured)) {
            let left = (buffer.window().len() - self.record_header) as u64;
            return Err(DamageKind::CutRecord { says: captured, left });
        }
        Ok(self.whole_record(buffer))
    }

    /// Captured and original length.
    #[inline]
    fn lengths(&self, header: &[u8]) -> (u32, u32) {
        let (captured, original) = (self.order.u32(header, 8), self.order.u32(header, 12));
        if self.lengths_may_be_swapped {
            (captured.min(original), captured.max(original))
        } else {
            (captured, original)
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
