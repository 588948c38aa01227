//! The blocks that are read: section, interface, statistics and the three kinds of packet.

use pcap_parser::pcapng::{BOM_MAGIC, SHB_MAGIC, SJE_MAGIC, SPB_MAGIC};
use pcap_parser::pcapng::{
    CB_MAGIC, DCB_MAGIC, DSB_MAGIC, EPB_MAGIC, IDB_MAGIC, ISB_MAGIC, NRB_MAGIC, PIB_MAGIC,
};

use super::super::bytes::{ByteOrder, index};
use super::super::damage::DamageKind;
use super::super::reader::Packet;
use super::Pcapng;

/// Type, length and length again.
pub(super) const MIN_BLOCK: u32 = 12;

const MIN_SECTION: u32 = 28;
const MIN_INTERFACE: u32 = 20;
const MIN_STATISTICS: u32 = 24;
/// Enhanced and obsolete packet blocks without data.
const MIN_PACKET: u32 = 32;
const MIN_SIMPLE: u32 = 16;
/// Where the data of an enhanced or obsolete packet block starts.
pub(super) const PACKET_DATA: usize = 28;
const SIMPLE_DATA: usize = 12;
pub(super) const TRAILER: usize = 4;
/// What an obsolete packet block says when it does not know how many frames were dropped.
const DROPS_UNKNOWN: u16 = 0xffff;
/// pcap-parser does not know the obsolete packet block.
const PB_MAGIC: u32 = 2;

/// What a block is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BlockType {
    Enhanced,
    Interface,
    /// Holds no packet, and yet Wireshark gives it a frame number: journal entries, custom blocks.
    Numbered,
    /// Known, and nothing in it concerns connections.
    Other,
    Packet,
    Section,
    Simple,
    Statistics,
    Unknown,
}

impl From<u32> for BlockType {
    fn from(code: u32) -> Self {
        match code {
            EPB_MAGIC => Self::Enhanced,
            IDB_MAGIC => Self::Interface,
            PB_MAGIC => Self::Packet,
            SHB_MAGIC => Self::Section,
            SPB_MAGIC => Self::Simple,
            ISB_MAGIC => Self::Statistics,
            SJE_MAGIC | CB_MAGIC | DCB_MAGIC => Self::Numbered,
            NRB_MAGIC | DSB_MAGIC | PIB_MAGIC => Self::Other,
            _ => Self::Unknown,
        }
    }
}

impl BlockType {
    /// Code and least length, for blocks whose content is read.
    const fn layout(self) -> Option<(u32, u32)> {
        match self {
            Self::Enhanced => Some((EPB_MAGIC, MIN_PACKET)),
            Self::Interface => Some((IDB_MAGIC, MIN_INTERFACE)),
            Self::Packet => Some((PB_MAGIC, MIN_PACKET)),
            Self::Section => Some((SHB_MAGIC, MIN_SECTION)),
            Self::Simple => Some((SPB_MAGIC, MIN_SIMPLE)),
            Self::Statistics => Some((ISB_MAGIC, MIN_STATISTICS)),
            Self::Numbered | Self::Other | Self::Unknown => None,
        }
    }

    pub(super) const fn is_read(self) -> bool {
        self.layout().is_some()
    }

    /// The type's code in the file; 0 for blocks that are not read.
    pub(super) fn code(self) -> u32 {
        self.layout().map_or(0, |(code, _)| code)
    }
}

/// The byte order of the section that `block`, a section header, starts.
pub(super) fn byte_order(block: &[u8]) -> Option<ByteOrder> {
    [ByteOrder::Little, ByteOrder::Big].into_iter().find(|order| order.u32(block, 8) == BOM_MAGIC)
}

/// `block` is a whole block, its length in front included, of a multiple of four octets.
impl Pcapng {
    /// Reads a block of a kind that is read; the place of the packet's data is relative to `block`.
    pub(super) fn read_block(&mut self, kind: BlockType, block: &[u8]) -> Result<Option<Packet>, DamageKind> {
        if let Some((code, needs)) = kind.layout()
            && block.len() < index(needs)
        {
            return Err(DamageKind::ShortBlock { block: code, says: self.order.u32(block, 4), needs });
        }
        match kind {
            BlockType::Enhanced => self.enhanced_packet(block).map(Some),
            BlockType::Packet => self.obsolete_packet(block).map(Some),
            BlockType::Simple => self.simple_packet(block).map(Some),
            BlockType::Interface => self.interfaces.describe(block, self.order).map(|()| None),
            BlockType::Statistics => self.interfaces.statistics(block, self.order).map(|()| None),
            BlockType::Section => self.section(block).map(|()| None),
            BlockType::Numbered | BlockType::Other | BlockType::Unknown => Ok(None),
        }
    }

    /// An enhanced packet block.
    pub(super) fn enhanced_packet(&mut self, block: &[u8]) -> Result<Packet, DamageKind> {
        let interface = self.order.u32(block, 8);
        let captured = self.order.u32(block, 20);
        let room = block.len().wrapping_sub(PACKET_DATA + TRAILER);
        let packet = self.packet(block, interface, captured)?;
        // Most packets have no options.
        if room > index(captured).next_multiple_of(4) {
            let options = block.get(PACKET_DATA + index(captured).next_multiple_of(4)..PACKET_DATA + room);
            self.interfaces.packet_options(interface, options.unwrap_or_default(), self.order);
        }
        Ok(packet)
    }

    /// A packet block (type 2), which enhanced packet blocks replaced: 16 bits of interface, 16 of drops.
    fn obsolete_packet(&mut self, block: &[u8]) -> Result<Packet, DamageKind> {
        let interface = u32::from(self.order.u16(block, 8));
        let packet = self.packet(block, interface, self.order.u32(block, 20))?;
        match self.order.u16(block, 10) {
            DROPS_UNKNOWN => {}
            drops => self.interfaces.add_drops(interface, u64::from(drops)),
        }
        Ok(packet)
    }

    fn packet(&mut self, block: &[u8], interface: u32, captured: u32) -> Result<Packet, DamageKind> {
        let room = block.len().saturating_sub(PACKET_DATA + TRAILER);
        if index(captured) > room || block.len() < PACKET_DATA + TRAILER {
            return Err(DamageKind::CapturedBeyondBlock {
                says: captured,
                room: u32::try_from(room).unwrap_or(u32::MAX),
            });
        }
        let (link, clock) = self.interfaces.capture(interface)?;
        Ok(Packet {
            time: clock.moment(self.order.split_u64(block, 12)),
            link,
            interface: fold(interface),
            original_length: self.order.u32(block, 24),
            captured,
            place: PACKET_DATA,
        })
    }

    /// A simple packet block: interface 0, no time, and the captured length is whatever fits.
    fn simple_packet(&mut self, block: &[u8]) -> Result<Packet, DamageKind> {
        let original_length = self.order.u32(block, 8);
        let (link, _) = self.interfaces.capture(0)?;
        let limit = match self.interfaces.snaplen(0) {
            0 => u32::MAX,
            snaplen => snaplen,
        };
        let room = u32::try_from(block.len() - SIMPLE_DATA - TRAILER).unwrap_or(u32::MAX);
        let captured = original_length.min(limit).min(room);
        Ok(Packet { time: None, link, interface: 0, original_length, captured, place: SIMPLE_DATA })
    }

    /// A section header: a byte order, and no interfaces yet.
    fn section(&mut self, block: &[u8]) -> Result<(), DamageKind> {
        let order = byte_order(block).ok_or(DamageKind::SectionByteOrder)?;
        let (major, minor) = (order.u16(block, 12), order.u16(block, 14));
        // 1.2 was written by tools that took the draft's number; the layout is that of 1.0.
        if major != 1 || !matches!(minor, 0 | 2) {
            return Err(DamageKind::SectionVersion { major, minor });
        }
        self.order = order;
        self.sections += 1;
        self.interfaces.next_section();
        Ok(())
    }
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "what folding to 16 bits means")]
pub(super) const fn fold(interface: u32) -> u16 {
    interface as u16
}
