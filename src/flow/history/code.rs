//! Numbers in as few octets as they need.

/// Writes numbers behind what is there.
pub(super) struct Writer<'a>(pub(super) &'a mut Vec<u8>);

impl Writer<'_> {
    /// Seven bits an octet, least first; the top bit says that more follow.
    #[expect(clippy::cast_possible_truncation, reason = "seven bits at a time")]
    pub(super) fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    /// Small numbers of either sign stay short: 0, -1, 1, -2, … are written as 0, 1, 2, 3, ….
    pub(super) fn signed(&mut self, number: i64) {
        self.number((number << 1 ^ number >> 63).cast_unsigned());
    }

    /// Octets as they are.
    pub(super) fn octets(&mut self, octets: &[u8]) {
        self.0.extend_from_slice(octets);
    }
}

/// Reads what [`Writer`] wrote. `None` where it wrote nothing.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl Reader<'_> {
    pub(super) fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let [octet] = self.octets()?;
            number |= u64::from(octet & 0x7f) << shift;
            if octet < 0x80 {
                return Some(number);
            }
        }
        None
    }

    /// A number that fits the type that is asked for.
    pub(super) fn small<T: TryFrom<u64>>(&mut self) -> Option<T> {
        self.number()?.try_into().ok()
    }

    pub(super) fn signed(&mut self) -> Option<i64> {
        let number = self.number()?;
        Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    pub(super) fn octets<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (octets, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*octets)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_come_back(numbers in prop::collection::vec(any::<(u64, i64)>(), 0..50)) {
            let mut octets = Vec::new();
            for &(number, signed) in &numbers {
                Writer(&mut octets).number(number);
                Writer(&mut octets).signed(signed);
            }
            let mut reader = Reader(&octets);
            for (number, signed) in numbers {
                prop_assert_eq!(reader.number(), Some(number));
                prop_assert_eq!(reader.signed(), Some(signed));
            }
            prop_assert_eq!(reader.number(), None);
        }
    }

    #[test]
    fn small_numbers_of_either_sign_take_one_octet() {
        let mut octets = Vec::new();
        for number in [0, -1, 63, -64] {
            Writer(&mut octets).signed(number);
        }
        assert_eq!(octets.len(), 4);
    }
}
