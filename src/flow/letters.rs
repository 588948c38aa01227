//! Zeek's `history`: one letter per kind of packet in order of first appearance, upper case when the
//! initiator sent it. The best one-cell fingerprint of a connection.

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
    /// Retransmitted payload.
    T,
    /// Zero window.
    W,
    /// A gap: octets that were acknowledged but never captured.
    G,
    /// SYN with FIN or RST: an inconsistent packet.
    I,
}

const PER_WORD: usize = 6;
const ALPHABET: &[u8; 11] = b"?shadfrtwgi";

/// Up to 24 letters in order of first appearance; each is kept once per side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Letters {
    /// Five bits a letter, six letters a word, the first one lowest: kind, plus 16 for the initiator.
    packed: [u32; 4],
    seen: u32,
}

impl Letters {
    /// Notes a packet; only the first of its kind and side adds a letter.
    #[inline]
    pub fn note(&mut self, from: Role, letter: Letter) {
        let code = letter as u32 | u32::from(from == Role::Initiator) << 4;
        let bit = 1 << code;
        if self.seen & bit == 0 {
            let place = self.seen.count_ones();
            self.seen |= bit;
            if let Some(word) = self.packed.get_mut(place as usize / PER_WORD) {
                *word |= code << (5 * (place % 6));
            }
        }
    }

    /// The letters as written, first one first.
    pub fn iter(self) -> impl Iterator<Item = u8> {
        let codes =
            self.packed.into_iter().flat_map(|word| (0..6).map(move |place| word >> (5 * place) & 31));
        codes.take_while(|&code| code != 0).filter_map(|code| {
            let letter = *ALPHABET.get(code as usize & 15)?;
            Some(if code & 16 == 0 { letter } else { letter.to_ascii_uppercase() })
        })
    }

    /// The same packets with the roles exchanged.
    #[must_use]
    pub fn mirrored(self) -> Self {
        let mut packed = self.packed;
        for word in &mut packed {
            for place in 0..6 {
                let used = *word >> (5 * place) & 31 != 0;
                *word ^= u32::from(used) << (5 * place + 4);
            }
        }
        Self { packed, seen: self.seen.rotate_left(16) }
    }
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
        assert_eq!(letters.mirrored().to_string(), "sHadAF");
    }
}
