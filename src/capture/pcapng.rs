//! pcapng: blocks of typed content, in sections of either byte order.

mod blocks;
mod interfaces;

use super::buffer::Buffer;
use super::bytes::{ByteOrder, index};
use super::damage::{DamageKind, Notes};
use super::reader::{MAX_CAPTURED, Packet};
use blocks::{BlockType, MIN_BLOCK, byte_order};
pub(super) use interfaces::Interfaces;

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
    #[inline]
    pub(super) fn next(&mut self, buffer: &mut Buffer, notes: &mut Notes) -> Option<Packet> {
        loop {
            if let Some(packet) = self.sound_packet(buffer) {
                return Some(packet);
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

    /// The next block, if it is an enhanced packet block, whole in the buffer and without fault. Nothing is
    /// consumed otherwise.
    #[inline]
    fn sound_packet(&mut self, buffer: &mut Buffer) -> Option<Packet> {
        let window = buffer.window();
        let says = self.order.u32(window.first_chunk::<8>()?, 4);
        let length = index(says);
        let block = window.get(..length)?;
        let trailer = self.order.u32(block.last_chunk::<4>()?, 0);
        if self.order.u32(block, 0) != pcap_parser::EPB_MAGIC || !length.is_multiple_of(4) || trailer != says
        {
            return None;
        }
        let packet = self.enhanced_packet(block).ok()?;
        Some(packet.moved_by(buffer.consume(length)))
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
