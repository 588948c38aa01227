//! One to three kinds of damage to a capture.

use super::layout::{Piece, pieces};

/// Values at which lengths, counts and times go wrong.
const EXTREMES: [u32; 18] = [
    0,
    1,
    3,
    11,
    12,
    15,
    16,
    0x7f,
    0xff,
    0x7fff,
    0xffff,
    0x1_0000,
    0x00ff_ffff,
    0x0100_0001,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_fffc,
    0xffff_ffff,
];
/// Octets of a frame that are headers, roughly.
const HEADERS: usize = 80;

pub(crate) struct Mutant {
    pub(crate) content: Vec<u8>,
    /// What was done, for whoever looks into a failure.
    pub(crate) steps: Vec<String>,
}

impl Mutant {
    /// `base`, damaged; `other` is a capture to take parts of.
    pub(crate) fn of(base: &[u8], other: &[u8], random: &mut Random) -> Self {
        let mut mutant = Self { content: base.to_vec(), steps: Vec::new() };
        for _ in 0..=random.below(3) {
            mutant.damage(other, random);
        }
        mutant
    }

    fn damage(&mut self, other: &[u8], random: &mut Random) {
        let (pieces, big_endian) = pieces(&self.content);
        if self.content.is_empty() {
            return;
        }
        let piece = (!pieces.is_empty()).then(|| pieces[random.below(pieces.len())].clone());
        match (random.below(10), piece) {
            (0 | 1, Some(piece)) => self.spoil_headers(&piece, random),
            (2, Some(piece)) => {
                self.put_extreme(piece.lengths[random.below(piece.lengths.len())], big_endian, random);
            }
            (3, Some(piece)) => self.put_extreme(piece.time + 4 * random.below(2), big_endian, random),
            (4, Some(piece)) => self.move_pieces(&pieces, &piece, random),
            (5, _) => self.join(&pieces, other, random),
            (6, _) => self.cut(random),
            (7, _) => self.put_extreme(random.below(self.content.len()), big_endian, random),
            _ => self.flip(random),
        }
    }

    fn flip(&mut self, random: &mut Random) {
        for _ in 0..=random.below(8) {
            let (at, bit) = (random.below(self.content.len()), random.below(8));
            self.content[at] ^= 1 << bit;
            self.steps.push(format!("bit {bit} at {at}"));
        }
    }

    fn spoil_headers(&mut self, piece: &Piece, random: &mut Random) {
        let end = piece.all.end.min(piece.frame + HEADERS);
        for _ in 0..=random.below(4) {
            let at = piece.frame + random.below((end - piece.frame).max(1));
            if let Some(octet) = self.content.get_mut(at) {
                *octet = random.octet();
                self.steps.push(format!("octet at {at}"));
            }
        }
    }

    fn put_extreme(&mut self, at: usize, big_endian: bool, random: &mut Random) {
        let value = EXTREMES[random.below(EXTREMES.len())];
        let octets = if big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
        for (place, octet) in self.content.iter_mut().skip(at).zip(octets) {
            *place = octet;
        }
        self.steps.push(format!("{value:#x} at {at}"));
    }

    fn cut(&mut self, random: &mut Random) {
        let at = random.below(self.content.len());
        self.content.truncate(at);
        self.steps.push(format!("cut at {at}"));
    }

    /// Some records once more elsewhere, or taken out.
    fn move_pieces(&mut self, pieces: &[Piece], first: &Piece, random: &mut Random) {
        let last = &pieces[random.below(pieces.len())];
        let moved = first.all.start.min(last.all.start)..first.all.end.max(last.all.end);
        let taken = self.content[moved.clone()].to_vec();
        let stays = random.below(3) == 0;
        if !stays {
            self.content.drain(moved.clone());
        }
        let to = pieces[random.below(pieces.len())].all.start.min(self.content.len());
        let comes_back = stays || random.below(2) == 0;
        if comes_back {
            self.content.splice(to..to, taken);
        }
        self.steps.push(format!("{moved:?} stays {stays}, at {to} {comes_back}"));
    }

    /// The beginning of this capture, then the end of the other, at records or anywhere.
    fn join(&mut self, pieces: &[Piece], other: &[u8], random: &mut Random) {
        let place = |pieces: &[Piece], length: usize, random: &mut Random| {
            let aimed = random.below(2) == 0 && !pieces.is_empty();
            if aimed { pieces[random.below(pieces.len())].all.start } else { random.below(length.max(1)) }
        };
        let here = place(pieces, self.content.len(), random);
        let there = place(&super::layout::pieces(other).0, other.len(), random);
        self.content.truncate(here);
        self.content.extend(other.iter().skip(there));
        self.steps.push(format!("joined at {here} with another from {there}"));
    }
}

/// `SplitMix64` (Steele, Lea and Flood 2014).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap_or(0)
    }

    fn octet(&mut self) -> u8 {
        // Extremes more often than chance would.
        match self.below(4) {
            0 => 0,
            1 => 0xff,
            _ => self.next().to_le_bytes()[0],
        }
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }
}
