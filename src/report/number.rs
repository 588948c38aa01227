//! Times onto a row, and numbers for people.

use crate::digits::{digit, eight_digits, two_digits};
use crate::time::Timestamp;

const NANOS_PER_HOUR: i64 = 3_600_000_000_000;

/// Writes times; remembers the last one up to the hour, which many have in common.
#[derive(Clone, Debug)]
pub(super) struct DateWriter {
    /// Nanoseconds since the epoch at which the hour begins.
    hour: i64,
    /// A time of that hour as a cell.
    text: [u8; 31],
}

impl DateWriter {
    pub(super) const fn new() -> Self {
        Self { hour: 0, text: *b"1970-01-01T00:00:00.000000000Z," }
    }

    /// The same as [`Timestamp::write_rfc3339`], and a comma.
    #[inline]
    pub(super) fn push_cell(&mut self, time: Timestamp, out: &mut Vec<u8>) {
        let of_hour = time.nanos().wrapping_sub(self.hour);
        if time.nanos() < self.hour || !(0..NANOS_PER_HOUR).contains(&of_hour) {
            return self.push_other_hour(time, out);
        }
        out.extend_from_slice(&self.text);
        let Some([m, minute, _, s, second, _, fraction @ .., last, _, _]) = out.last_chunk_mut::<17>() else {
            return;
        };
        let (seconds, nanos) = split(of_hour.unsigned_abs());
        [*m, *minute] = two_digits(seconds / 60);
        [*s, *second] = two_digits(seconds % 60);
        *fraction = eight_digits(nanos / 10);
        *last = digit(nanos % 10);
    }

    #[cold]
    fn push_other_hour(&mut self, time: Timestamp, out: &mut Vec<u8>) {
        time.write_rfc3339(out);
        out.push(b',');
        // The first hour that can be told has no beginning that can.
        let hour = time.nanos().checked_sub(time.nanos().rem_euclid(NANOS_PER_HOUR));
        if let (Some(hour), Some(text)) = (hour, out.last_chunk()) {
            (self.hour, self.text) = (hour, *text);
        }
    }
}

/// `1234567` as `1 234 567`: a thin space is not in every font, a space is.
pub(super) fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + 6);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// Seconds and nanoseconds of a time within the hour.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "less than 3600 and less than 10⁹")]
const fn split(of_hour: u64) -> (u32, u32) {
    ((of_hour / 1_000_000_000) as u32, (of_hour % 1_000_000_000) as u32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn times_are_written_as_everywhere_else(nanos in any::<i64>(), hour in -3_i64..3) {
            let mut dates = DateWriter::new();
            let near = nanos % NANOS_PER_HOUR;
            for nanos in [near, nanos, hour * NANOS_PER_HOUR + near, i64::MAX, i64::MIN, i64::MIN + 1, i64::MAX] {
                let time = Timestamp::from_nanos(nanos);
                let mut cell = Vec::new();
                dates.push_cell(time, &mut cell);
                prop_assert_eq!(String::from_utf8(cell).unwrap(), format!("{time},"));
            }
        }
    }

    #[test]
    fn large_numbers_are_grouped() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(1_204_992), "1 204 992");
    }
}
