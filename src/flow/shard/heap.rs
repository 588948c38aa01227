//! Cells of whole words for packed flows, given back and used again.

use crate::flow::packed::WORD;

/// Words of one page: so many come from the system as they are, zero.
const PAGE: usize = 1 << 15;
/// Cells are this long at most: the length of a packed flow is told in one octet.
const LONGEST: usize = 255;

/// Cells of one to 255 words, by the number of their first word.
#[derive(Debug)]
pub(super) struct Heap {
    pages: Vec<Box<[u8]>>,
    /// Words taken of the last page.
    taken: usize,
    /// Cells given back, by length.
    free: Vec<Vec<u32>>,
    /// Words in use.
    used: usize,
}

impl Default for Heap {
    fn default() -> Self {
        Self { pages: Vec::new(), taken: PAGE, free: vec![Vec::new(); LONGEST + 1], used: 0 }
    }
}

impl Heap {
    /// Puts `octets`, whole words, into a cell; `None` when there are too many of them, or no number is left.
    pub(super) fn store(&mut self, octets: &[u8]) -> Option<u32> {
        let words = octets.len() / WORD;
        let place = match self.free.get_mut(words)?.pop() {
            Some(place) => place,
            None => self.cut(words)?,
        };
        self.cell_mut(place)?.get_mut(..octets.len())?.copy_from_slice(octets);
        self.used += words;
        Some(place)
    }

    /// The cell at `place` and what is behind it in its page.
    #[inline]
    pub(super) fn cell(&self, place: u32) -> Option<&[u8]> {
        let place = place as usize;
        self.pages.get(place / PAGE)?.get(place % PAGE * WORD..)
    }

    /// Takes the cell of `words` words at `place` back, and wipes its first two.
    pub(super) fn give_back(&mut self, place: u32, words: usize) {
        if let Some(free) = self.free.get_mut(words) {
            free.push(place);
            self.used -= words;
        }
        if let Some(head) = self.cell_mut(place).and_then(|cell| cell.get_mut(..2 * WORD)) {
            head.fill(0);
        }
    }

    /// Octets in use.
    pub(super) fn octets(&self) -> usize {
        self.used * WORD
    }

    fn cell_mut(&mut self, place: u32) -> Option<&mut [u8]> {
        let place = place as usize;
        self.pages.get_mut(place / PAGE)?.get_mut(place % PAGE * WORD..)
    }

    /// A cell that was never used.
    fn cut(&mut self, words: usize) -> Option<u32> {
        if self.taken + words > PAGE {
            self.pages.push(vec![0; PAGE * WORD].into_boxed_slice());
            self.taken = 0;
        }
        let place = (self.pages.len() - 1) * PAGE + self.taken;
        self.taken += words;
        u32::try_from(place).ok().filter(|place| place & super::COLD == 0)
    }
}
