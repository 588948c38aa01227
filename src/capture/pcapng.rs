//! pcapng: blocks of typed content, in sections of either byte order.

mod blocks;
mod interfaces;

use super::buffer::Buffer;
use super::bytes::{ByteOrder, index};
use super::damage::{DamageKind, Notes};
use super::reader::{InPlace, MAX_CAPTURED, Packet};
use blocks::{BlockType, MIN_BLOCK, PACKET_DATA, TRAILER, byte_order, fold};
pub(super) use interfaces::Interfaces;
use pcap_parser::EPB_MAGIC;

/// Room for the options of a packet, beside its data.
const MAX_BLOCK: u32 = MAX_CAPTURED + 1024 * 1024;
/// Larger blocks than this are taken for damage rather than stepped over.
const ABSURD_BLOCK: u32 = 1 << 30;

/// The reader of one pcapng file.
#[derive(Debug)]
pub(super) struct Pcapng {
    order: ByteOrder,
    pub(super) interfaces: Interfaces,
    pub(super) sections: u64,
    pub(super) blocks_without_packets: u64,
    pub(super) blocks_numbered: u64,
    pub(super) blocks_unknown: u64,
}

/// What the block behind the window turned out to be.
enum Block {
    End,
    Other,
    Packet(Packet),
}

/// Type and length of a block, checked.
#[derive(Clone, Copy)]
struct Header {
    kind: BlockType,
    /// As the block says.
    says: u32,
    /// Rounded up to whole words.
    length: u32,
}

impl Pcapng {
    pub(super) fn new() -> Self {
        Self {
            order: ByteOrder::Little,
            interfaces: Interfaces::default(),
            sections: 0,
            blocks_without_packets: 0,
            blocks_numbered: 0,
            blocks_unknown: 0,
        }
    }

    /// The next packet; `None` at the end or where nothing more can be read.
    pub(super) fn next(&mut self, buffer: &mut Buffer, notes: &mut Notes) -> Option<Packet> {
        loop {
            let window = buffer.window();
            if let Some((packet, rest)) = self.split(window) {
                let (packet, length) = (packet.packet(0), window.len() - rest.len());
                return Some(packet.moved_by(buffer.consume(length)));
            }
            let offset = buffer.offset();
            match self.any_block(buffer, notes) {
                Ok(Block::Packet(packet)) => return Some(packet),
                Ok(Block::Other) => {}
                Ok(Block::End) => return None,
                Err(damage) => {
                    let ends = damage.ends_file();
                    notes.push(offset, damage);
                    if ends {
                        return None;
                    }
                }
            }
        }
    }

    /// The block that `window` begins with, if it is an enhanced packet block, all of it there and without
    /// fault, and what follows it. Nothing is counted otherwise.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a call would take what it gives through memory")]
    pub(super) fn split<'a>(&mut self, window: &'a [u8]) -> Option<(InPlace<'a>, &'a [u8])> {
        let header: &[u8; PACKET_DATA + TRAILER] = window.first_chunk()?;
        let [kind, says, interface, high] = self.order.words(header.first_chunk()?);
        let [low, captured, original_length, _] = self.order.words(header.last_chunk()?);
        let (block, rest) = window.split_at_checked(index(says))?;
        let (block, trailer) = block.split_last_chunk::<TRAILER>()?;
        if kind != EPB_MAGIC || !says.is_multiple_of(4) || self.order.u32(trailer, 0) != says {
            return None;
        }
        let (data, options) = block.get(PACKET_DATA..)?.split_at_checked(index(captured))?;
        let ticks = u64::from(high) << 32 | u64::from(low);
        let (link, time) = self.interfaces.capture_timed(interface, ticks)?;
        // Most packets have no options, only up to three octets of padding.
        if options.len() > 3 {
            let padding = index(captured).next_multiple_of(4) - index(captured);
            self.interfaces.packet_options(interface, options.get(padding..).unwrap_or_default(), self.order);
        }
        let (interface, head) = (fold(interface), PACKET_DATA);
        Some((InPlace { time, link, interface, original_length, captured, head, data }, rest))
    }

    /// The next block whatever it is. Unless the damage ends the file, the block is consumed.
    #[cold]
    fn any_block(&mut self, buffer: &mut Buffer, notes: &mut Notes) -> Result<Block, DamageKind> {
        let Some(header) = self.header(buffer)? else { return Ok(Block::End) };
        let Header { kind, says, length } = header;
        if says != length {
            notes.push(buffer.offset(), DamageKind::UnpaddedLength { says });
        }
        if !kind.is_read() || length > MAX_BLOCK {
            return self.step_over(header, buffer, notes);
        }
        if !buffer.fill(index(length)) {
            return Err(DamageKind::CutBlock { says, left: buffer.window().len() as u64 });
        }
        let offset = buffer.offset();
        let at = buffer.consume(index(length));
        let block = buffer.at(at, index(length));
        let order =
            if kind == BlockType::Section { byte_order(block).unwrap_or(self.order) } else { self.order };
        let trailing = block.last_chunk::<4>().map_or(0, |trailer| order.u32(trailer, 0));
        if trailing != says {
            notes.push(offset, DamageKind::TrailingLength { leading: says, trailing });
        }
        let packet = self.read_block(kind, block)?;
        Ok(packet.map_or(Block::Other, |packet| Block::Packet(packet.moved_by(at))))
    }

    /// The header of the next block; `None` at the end of the file.
    fn header(&self, buffer: &mut Buffer) -> Result<Option<Header>, DamageKind> {
        if !buffer.fill(index(MIN_BLOCK)) {
            let left = buffer.window().len() as u64;
            return if left == 0 { Ok(None) } else { Err(DamageKind::CutHeader { needs: MIN_BLOCK, left }) };
        }
        let window = buffer.window();
        let kind = BlockType::from(self.order.u32(window, 0));
        let order = if kind == BlockType::Section {
            byte_order(window).ok_or(DamageKind::SectionByteOrder)?
        } else {
            self.order
        };
        let says = order.u32(window, 4);
        if !(MIN_BLOCK..=ABSURD_BLOCK).contains(&says) {
            return Err(DamageKind::BlockLength { says });
        }
        Ok(Some(Header { kind, says, length: says.next_multiple_of(4) }))
    }

    fn step_over(
        &mut self,
        header: Header,
        buffer: &mut Buffer,
        notes: &mut Notes,
    ) -> Result<Block, DamageKind> {
        let Header { kind, says, length } = header;
        let had = buffer.skip(u64::from(length));
        if had < u64::from(length) {
            return Err(DamageKind::CutBlock { says, left: had });
        }
        match kind {
            BlockType::Unknown => self.blocks_unknown += 1,
            BlockType::Numbered => {
                self.blocks_numbered += 1;
                notes.frames += 1;
            }
            kind if kind.is_read() => return Err(DamageKind::BlockTooLarge { block: kind.code(), says }),
            _ => self.blocks_without_packets += 1,
        }
        Ok(Block::Other)
    }
}

#[cfg(test)]
mod tests;
