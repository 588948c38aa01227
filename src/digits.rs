//! Decimal digits, in few steps: a million rows carry twenty million numbers.

/// Appends the first `length` octets of `text` (all, when there are fewer).
///
/// All of it is copied and the rest cut off again: copying a constant number of octets takes a few
/// instructions, any other number a call.
#[inline]
pub(crate) fn push_first<const N: usize>(text: &[u8; N], length: usize, out: &mut Vec<u8>) {
    let end = out.len() + length;
    out.extend_from_slice(text);
    out.truncate(end);
}

/// Appends `value` in decimal.
#[inline]
pub(crate) fn push_number(value: u64, out: &mut Vec<u8>) {
    push_number_cell(value, out);
    out.pop();
}

/// Appends `value` in decimal, and a comma.
#[inline]
pub(crate) fn push_number_cell(value: u64, out: &mut Vec<u8>) {
    match u32::try_from(value) {
        Ok(value @ 0..10) => out.extend_from_slice(&[digit(value), b',']),
        Ok(value @ 10..10_000_000) => push_medium(value, out),
        _ => push_long(value, out),
    }
}

#[inline]
fn push_medium(value: u32, out: &mut Vec<u8>) {
    let (text, length) = medium_number_cell(value);
    push_first(&text, length, out);
}

/// `value`, from 10 to 10⁷ − 1, and a comma; how many octets that are.
#[inline(never)]
pub(crate) fn medium_number_cell(value: u32) -> ([u8; 8], usize) {
    let digits = u64::from_le_bytes(eight_digits(value));
    // At least one zero is in front: the comma takes the room that it leaves at the end.
    let zeros = (digits & LOW_HALVES).trailing_zeros() / 8;
    let text = (digits >> 8 | u64::from(b',') << 56) >> (8 * (zeros - 1));
    (text.to_le_bytes(), 9 - zeros as usize)
}

/// Apart, for the frequent numbers to need no room for its buffer.
#[cold]
#[inline(never)]
fn push_long(value: u64, out: &mut Vec<u8>) {
    let (text, length) = long_number(value);
    push_first(&text, length, out);
    out.push(b',');
}

/// Any value in decimal; how many octets that are.
pub(crate) fn long_number(value: u64) -> ([u8; 20], usize) {
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(value).as_bytes();
    let mut text = [0; 20];
    text.iter_mut().zip(digits).for_each(|(place, &digit)| *place = digit);
    (text, digits.len())
}

/// `value`, which is less than 10⁸, in eight digits.
///
/// Halves, then quarters, then digits are parted side by side in one word: division by a constant is
/// multiplication by its inverse, exact in these ranges, and no lane overflows into the next.
#[inline]
pub(crate) fn eight_digits(value: u32) -> [u8; 8] {
    let value = u64::from(value);
    let high = value / 10_000;
    let fours = high | (value - high * 10_000) << 32;
    let hundreds = (fours * 10_486) >> 20 & 0x0000_007f_0000_007f;
    let pairs = hundreds | (fours - hundreds * 100) << 16;
    let tens = (pairs * 103) >> 10 & 0x000f_000f_000f_000f;
    let digits = tens | (pairs - tens * 10) << 8;
    (digits | !LOW_HALVES & 0x3030_3030_3030_3030).to_le_bytes()
}

/// `value`, which is less than 100, in two digits.
#[inline]
pub(crate) fn two_digits(value: u32) -> [u8; 2] {
    [digit(value / 10), digit(value % 10)]
}

/// `value`, which is less than 10, as a digit.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "less than 10")]
pub(crate) const fn digit(value: u32) -> u8 {
    b'0' | (value as u8 & 15)
}

const LOW_HALVES: u64 = 0x0f0f_0f0f_0f0f_0f0f;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_are_written_as_the_standard_library_does(bits in any::<u64>(), shift in 0..64_u32) {
            let value = bits >> shift;
            let mut out = Vec::new();
            push_number(value, &mut out);
            prop_assert_eq!(String::from_utf8(out).unwrap(), value.to_string());
        }

        #[test]
        fn digits_are_padded_with_zeros(value in 0_u32..100_000_000) {
            let text = |digits: &[u8]| String::from_utf8(digits.to_vec()).unwrap();
            prop_assert_eq!(text(&eight_digits(value)), format!("{value:08}"));
            prop_assert_eq!(text(&two_digits(value % 100)), format!("{:02}", value % 100));
        }
    }

    #[test]
    fn all_numbers_of_four_digits_are_right_in_both_halves() {
        for value in 0..10_000 {
            let text = format!("{value:04}{value:04}");
            assert_eq!(eight_digits(value * 10_001), *text.as_bytes());
        }
    }
}
