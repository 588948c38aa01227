//! Times onto a row, and numbers for people.

use crate::digits::{digit, eight_digits, two_digits};
use crate::time::Timestamp;

const NANOS_PER_HOUR: i64 = 3_600_000_000_000;

/// Writes times; remembers the last one up to the hour, which many have in common.
#[derive(Clone, Debug)]
pub(super) struct DateWriter {
    hour: Option<i64>,
    /// `2026-11-21T08:17:33.123456789Z,`, of which only the hour is kept.
    text: [u8; 31],
}

impl DateWriter {
    pub(super) const fn new() -> Self {
        Self { hour: None, text: [b','; 31] }
    }

    /// The same as [`Timestamp::write_rfc3339`], and a comma.
    #[inline]
    pub(super) fn push_cell(&mut self, time: Timestamp, out: &mut Vec<u8>) {
        let hour = time.nanos().div_euclid(NANOS_PER_HOUR);
        if self.hour != Some(hour) {
            self.learn(hour, time);
        }
        let of_hour = time.nanos().rem_euclid(NANOS_PER_HOUR).unsigned_abs();
        out.extend_from_slice(&self.text);
        let Some([m, minute, _, s, second, _, fraction @ .., last, _, _]) = out.last_chunk_mut::<17>() else {
            return;
        };
        let (seconds, nanos) = split(of_hour);
        [*m, *minute] = two_digits(seconds / 60);
        [*s, *second] = two_digits(seconds % 60);
        *fraction = eight_digits(nanos / 10);
        *last = digit(nanos % 10);
    }

    #[cold]
    fn learn(&mut self, hour: i64, time: Timestamp) {
        let mut text = Vec::with_capacity(32);
        time.write_rfc3339(&mut text);
        text.push(b',');
        if let Ok(text) = text.try_into() {
            (self.hour, self.text) = (Some(hour), text);
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
            for nanos in [nanos, hour * NANOS_PER_HOUR + nanos % NANOS_PER_HOUR, nanos % NANOS_PER_HOUR] {
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
