//! What unpacking a gzip or zstd file costs by itself: `cargo run --release --example unpack -- FILE`
//!
//! The decoders that closewait uses, in pieces of 256 KiB, to nowhere: what no program that reads such a capture through
//! them can stay below.

use std::error::Error;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};

use flate2::bufread::MultiGzDecoder;

const PACKED: usize = 128 << 10;
const PIECE: usize = 256 << 10;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: unpack FILE")?;
    let mut file = BufReader::with_capacity(PACKED, File::open(path)?);
    let mut source: Box<dyn Read> = if file.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
        Box::new(MultiGzDecoder::new(file))
    } else {
        Box::new(zstd::stream::read::Decoder::with_buffer(file)?)
    };
    let (mut piece, mut octets) = (vec![0; PIECE], 0);
    loop {
        let length = source.read(&mut piece)?;
        if length == 0 {
            break;
        }
        octets += length;
    }
    writeln!(io::stdout().lock(), "{octets} octets")?;
    Ok(())
}
