//! Capture files cut between records into files that are whole by themselves.

use std::io::Read;
use std::path::Path;

use flate2::read::MultiGzDecoder;

/// A capture file and the places where it may be cut.
pub struct Cuttable {
    octets: Vec<u8>,
    /// Where each record begins, and which of `heads` a file that begins there needs.
    places: Vec<(usize, usize)>,
    heads: Vec<Vec<u8>>,
}

impl Cuttable {
    /// The content of the file at `path`, unpacked. `None` for what is no capture, or holds no record.
    pub fn read(path: &Path) -> Option<Self> {
        Self::new(unpack(std::fs::read(path).unwrap()))
    }

    pub fn new(octets: Vec<u8>) -> Option<Self> {
        let mut cuttable = Self { octets, places: Vec::new(), heads: Vec::new() };
        match cuttable.octets.first_chunk()? {
            [0x0a, 0x0d, 0x0d, 0x0a] => cuttable.find_blocks(),
            magic => cuttable.find_records(*magic)?,
        }
        (!cuttable.places.is_empty()).then_some(cuttable)
    }

    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    pub fn records(&self) -> usize {
        self.places.len()
    }

    /// Keeps only the places before the first `records` records: what lies behind cannot be cut.
    pub fn limit(&mut self, records: usize) {
        self.places.truncate(records);
    }

    /// Files that hold, one after the other, all records: cut before each of the records named (from 0, ascending).
    pub fn pieces(&self, cuts: &[usize]) -> Vec<Vec<u8>> {
        let ends = cuts.iter().map(|&cut| self.places[cut].0).chain([self.octets.len()]);
        let starts = std::iter::once(None).chain(cuts.iter().map(|&cut| Some(self.places[cut])));
        let piece = |(start, end): (Option<(usize, usize)>, usize)| match start {
            None => self.octets[..end].to_vec(),
            Some((offset, head)) => [&self.heads[head], &self.octets[offset..end]].concat(),
        };
        starts.zip(ends).map(piece).collect()
    }

    fn find_records(&mut self, magic: [u8; 4]) -> Option<()> {
        let (big_endian, header) = match magic {
            [0xa1, 0xb2, 0xc3, 0xd4] | [0xa1, 0xb2, 0x3c, 0x4d] => (true, 16),
            [0xd4, 0xc3, 0xb2, 0xa1] | [0x4d, 0x3c, 0xb2, 0xa1] => (false, 16),
            [0xa1, 0xb2, 0xcd, 0x34] => (true, 24),
            [0x34, 0xcd, 0xb2, 0xa1] => (false, 24),
            _ => return None,
        };
        self.heads.push(self.octets.get(..24)?.to_vec());
        let mut at = 24;
        while let Some(length) = word(&self.octets, at + 8, big_endian) {
            let end = at + header + length;
            if end > self.octets.len() {
                break;
            }
            self.places.push((at, 0));
            at = end;
        }
        Some(())
    }

    fn find_blocks(&mut self) {
        const SECTION: usize = 0x0a0d_0d0a;
        const INTERFACE: usize = 1;
        const PACKETS: [usize; 3] = [2, 3, 6];
        let (mut at, mut big_endian) = (0, false);
        while let Some(kind) = word(&self.octets, at, big_endian) {
            if kind == SECTION {
                big_endian = self.octets.get(at + 8) == Some(&0x1a);
            }
            let Some(length) = word(&self.octets, at + 4, big_endian) else { break };
            let Some(block) = self.octets.get(at..at + length).filter(|_| length >= 12) else { break };
            match kind {
                SECTION => self.heads.push(block.to_vec()),
                INTERFACE => {
                    let head = [self.heads.last().map_or(&[][..], Vec::as_slice), block].concat();
                    self.heads.push(head);
                }
                _ if PACKETS.contains(&kind) => self.places.push((at, self.heads.len().saturating_sub(1))),
                _ => {}
            }
            at += length;
        }
    }
}

fn word(octets: &[u8], at: usize, big_endian: bool) -> Option<usize> {
    let word = *octets.get(at..)?.first_chunk()?;
    let word = if big_endian { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) };
    usize::try_from(word).ok()
}

/// What can be unpacked of `octets`; they themselves when they are not packed.
pub fn unpack(octets: Vec<u8>) -> Vec<u8> {
    let mut plain = Vec::new();
    let all = match octets.get(..4) {
        Some([0x1f, 0x8b, ..]) => MultiGzDecoder::new(octets.as_slice()).read_to_end(&mut plain),
        Some([0x28, 0xb5, 0x2f, 0xfd]) => {
            zstd::Decoder::new(octets.as_slice()).and_then(|mut decoder| decoder.read_to_end(&mut plain))
        }
        _ => return octets,
    };
    // A stream that breaks off gives what it held up to there.
    drop(all);
    plain
}
