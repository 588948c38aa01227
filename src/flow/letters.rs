//! Zeek's `history`: a letter per kind of packet in order of appearance, upper case when the initiator sent it. The
//! best one-cell fingerprint of a connection.
//!
//! As documented in Zeek's `base/protocols/conn/main.zeek`, `s` `h` `f` `r` come again when their number moved; `t`
//! and `w` at the 10th, 100th and 1000th packet; all others once per side.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::net::Role;

/// A kind of packet with a letter of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Letter {
    /// SYN without ACK.
    S = 1,
    /// SYN with ACK.
    H,
    /// An acknowledgement alone.
    A,
    /// Payload.
    D,
    /// FIN.
    F,
    /// RST.
    R,
    /// Payload before the end of what was seen: Zeek takes it for retransmitted, whether it was seen before or not.
    T,
    /// Zero window.
    W,
    /// A gap: octets that were acknowledged but never captured.
    G,
    /// FIN with RST: an inconsistent packet.
    I,
    /// SYN with FIN or RST: a packet with several flags.
    Q,
    /// The responder was seen first: Zeek calls this a flipped direction.
    Flipped,
}

const PER_WORD: u32 = 12;
/// Above the last place of a word.
const FULL: u32 = 5 * (PER_WORD - 1);
/// By code: what the responder sent, what the initiator sent.
static WRITTEN: &[u8; 32] = b"?shadfrtwgiq^????SHADFRTWGIQ^???";

/// The first 24 letters, in order of appearance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Letters {
    /// Five bits a letter, twelve letters a word, the first one lowest: kind, plus 16 for the initiator.
    packed: [u64; 2],
    seen: u32,
}

impl Letters {
    /// Notes a packet; only the first of its kind and side adds a letter.
    #[inline]
    pub fn note(&mut self, from: Role, letter: Letter) {
        if self.seen & 1 << code_of(from, letter) == 0 {
            self.note_again(from, letter);
        }
    }

    /// Notes a packet whose letter is told once more, if it was told before.
    #[cold]
    pub fn note_again(&mut self, from: Role, letter: Letter) {
        let code = code_of(from, letter);
        self.seen |= 1 << code;
        let free = |word: &&mut u64| **word >> FULL == 0;
        if let Some(word) = self.packed.iter_mut().find(free) {
            // No code is 0: the highest bit set lies in the last place that is taken.
            *word |= u64::from(code) << (5 * (u64::BITS - word.leading_zeros()).div_ceil(5));
        }
    }

    /// Notes the `count`th packet of a kind whose 1st, 10th, 100th and so on are told.
    #[inline]
    pub fn note_scaled(&mut self, from: Role, letter: Letter, count: u16) {
        if matches!(count, 1 | 10 | 100 | 1_000 | 10_000) {
            self.note_again(from, letter);
        }
    }

    /// True when `letter` was told of `from`.
    pub fn has(&self, from: Role, letter: Letter) -> bool {
        self.seen & 1 << code_of(from, letter) != 0
    }

    /// All letters in two words.
    pub(super) fn to_words(self) -> [u64; 2] {
        self.packed
    }

    /// The letters that [`Self::to_words`] gave.
    pub(super) fn of_words(packed: [u64; 2]) -> Self {
        Self { packed, seen: packed.into_iter().flat_map(codes_in).fold(0, |seen, code| seen | 1 << code) }
    }

    /// True when a letter still finds room: then they tell which were seen.
    pub(super) fn are_few(self) -> bool {
        self.packed[1] >> (FULL / 2) == 0
    }

    /// The letters as written, first one first.
    pub fn iter(self) -> impl Iterator<Item = u8> {
        let (text, length) = self.text();
        text.into_iter().take(length)
    }

    /// The letters as written, first one first; how many they are.
    #[inline]
    pub(crate) fn text(self) -> ([u8; 24], usize) {
        let mut text = [0; 24];
        let mut length = 0;
        let (words, _) = text.as_chunks_mut::<{ PER_WORD as usize }>();
        for (mut word, places) in self.packed.into_iter().zip(words) {
            for place in places {
                if word == 0 {
                    return (text, length);
                }
                *place = WRITTEN.get((word & 31) as usize).copied().unwrap_or(b'?');
                word >>= 5;
                length += 1;
            }
        }
        (text, length)
    }
}

/// The codes in a word, which end where nothing more is set.
fn codes_in(mut word: u64) -> impl Iterator<Item = u8> {
    std::iter::from_fn(move || {
        let [code, ..] = (word & 31).to_le_bytes();
        word >>= 5;
        (code != 0).then_some(code)
    })
}

#[inline]
fn code_of(from: Role, letter: Letter) -> u32 {
    letter as u32 | u32::from(from == Role::Initiator) << 4
}

impl fmt::Display for Letters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|letter| write!(f, "{}", char::from(letter)))
    }
}

impl Serialize for Letters {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_written_once_per_side_in_order() {
        let mut letters = Letters::default();
        for (from, letter) in [
            (Role::Initiator, Letter::S),
            (Role::Responder, Letter::H),
            (Role::Initiator, Letter::A),
            (Role::Initiator, Letter::D),
            (Role::Initiator, Letter::D),
            (Role::Responder, Letter::A),
            (Role::Responder, Letter::F),
        ] {
            letters.note(from, letter);
        }
        assert_eq!(letters.to_string(), "ShADaf");
    }

    #[test]
    fn what_is_told_again_keeps_its_place_up_to_24_letters() {
        let mut letters = Letters::default();
        for count in 1..=1_000 {
            letters.note_scaled(Role::Initiator, Letter::T, count);
            letters.note(Role::Responder, Letter::A);
        }
        assert_eq!(letters.to_string(), "TaTTT");
        (0..30).for_each(|_| letters.note_again(Role::Responder, Letter::Flipped));
        assert_eq!(letters.to_string(), format!("TaTTT{}", "^".repeat(19)));
    }
}
