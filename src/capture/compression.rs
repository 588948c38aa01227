//! gzip and zstd, recognised by content.

use std::io::{self, BufReader, Read};

use super::buffer::{Buffer, Reading};
use super::summary::Compression;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// A zstd file may begin with a skippable frame, 0x184d2a50 to 0x184d2a5f.
const ZSTD_SKIPPABLE: u32 = 0x184d_2a50;

/// Compressed octets read at once.
const COMPRESSED_CHUNK: usize = 128 * 1024;

/// What a stream that begins with `start` is packed in.
pub(super) fn recognise(start: &[u8]) -> Compression {
    let skippable = |magic: &[u8; 4]| u32::from_le_bytes(*magic) & 0xffff_fff0 == ZSTD_SKIPPABLE;
    if start.starts_with(&GZIP) {
        Compression::Gzip
    } else if start.starts_with(&ZSTD) || start.first_chunk().is_some_and(skippable) {
        Compression::Zstd
    } else {
        Compression::None
    }
}

/// The content of what `packed` holds, of which nothing was consumed yet.
pub(super) fn unpack(packed: Buffer, compression: Compression, reading: Reading) -> io::Result<Buffer> {
    let (start, rest) = packed.into_parts();
    let input =
        BufReader::with_capacity(COMPRESSED_CHUNK.min(reading.chunk), io::Cursor::new(start).chain(rest));
    let source: Box<dyn Read + Send> = match compression {
        Compression::None => Box::new(input),
        // A decoder of one member would silently end at the first of a concatenation.
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(input)),
        Compression::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(input)?),
    };
    Ok(Buffer::new(source, reading, Vec::new()))
}
