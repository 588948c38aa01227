//! Where the records of a capture lie, so that damage can be aimed.

use std::ops::Range;

/// A pcap record or pcapng block.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    /// All of it.
    pub(crate) all: Range<usize>,
    /// Where its 32-bit lengths stand.
    pub(crate) lengths: Vec<usize>,
    /// Where the two words of its time stand.
    pub(crate) time: usize,
    /// Where a frame would begin.
    pub(crate) frame: usize,
}

const PCAP_HEADER: usize = 24;

/// The records or blocks of `content` one after the other, as far as their lengths lead; none of what is no
/// capture. True for big-endian.
pub(crate) fn pieces(content: &[u8]) -> (Vec<Piece>, bool) {
    match content {
        [0xd4, 0xc3, 0xb2, 0xa1, ..] | [0x4d, 0x3c, 0xb2, 0xa1, ..] => (records(content, false), false),
        [0xa1, 0xb2, 0xc3, 0xd4, ..] | [0xa1, 0xb2, 0x3c, 0x4d, ..] => (records(content, true), true),
        [0x0a, 0x0d, 0x0d, 0x0a, _, _, _, _, 0x1a, ..] => (blocks(content, true), true),
        [0x0a, 0x0d, 0x0d, 0x0a, ..] => (blocks(content, false), false),
        _ => (Vec::new(), false),
    }
}

fn records(content: &[u8], big_endian: bool) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut at = PCAP_HEADER;
    while let Some(captured) = word(content, at + 8, big_endian) {
        let end = at + 16 + captured;
        if end > content.len() {
            break;
        }
        pieces.push(Piece { all: at..end, lengths: vec![at + 8, at + 12], time: at, frame: at + 16 });
        at = end;
    }
    pieces
}

fn blocks(content: &[u8], big_endian: bool) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while let Some(length) = word(content, at + 4, big_endian) {
        let end = at + length;
        if length < 12 || end > content.len() {
            break;
        }
        // Of a packet: captured and original length as well.
        let inner = if length >= 32 { vec![at + 20, at + 24] } else { Vec::new() };
        let lengths = [vec![at + 4, end - 4], inner].concat();
        pieces.push(Piece { all: at..end, lengths, time: at + 12, frame: (at + 28).min(end) });
        at = end;
    }
    pieces
}

fn word(content: &[u8], at: usize, big_endian: bool) -> Option<usize> {
    let octets: [u8; 4] = content.get(at..at + 4)?.try_into().ok()?;
    usize::try_from(if big_endian { u32::from_be_bytes(octets) } else { u32::from_le_bytes(octets) }).ok()
}
