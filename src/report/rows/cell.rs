//! Words that many rows share, with their comma.

use crate::report::pen::Pen;

/// A word and its comma, of constant size so that appending it takes no call.
#[derive(Debug)]
pub(super) struct Cell {
    text: [u8; Self::ROOM],
    length: usize,
}

impl Cell {
    const ROOM: usize = 24;

    /// The cell that holds `word`, which needs no quotes; one that is too long does not compile.
    pub(super) const fn new(word: &str) -> Self {
        let mut text = [b','; Self::ROOM];
        let (place, _) = text.split_at_mut(word.len());
        place.copy_from_slice(word.as_bytes());
        assert!(word.len() < Self::ROOM, "no room for the comma");
        Self { text, length: word.len() + 1 }
    }

    #[inline]
    pub(super) fn push(&self, out: &mut Pen<'_>) {
        out.put(&self.text, self.length);
    }
}

/// The cell of a word that is known when the program is built.
macro_rules! cell {
    ($word:expr) => {
        const { &$crate::report::rows::cell::Cell::new($word) }
    };
}

/// The cell of an enumeration's value, of which every variant must be named.
macro_rules! cell_of {
    ($value:expr, $type:ident { $($variant:ident),+ $(,)? }) => {
        match $value {
            $($type::$variant => cell!($type::$variant.as_str()),)+
        }
    };
}

pub(super) use {cell, cell_of};
