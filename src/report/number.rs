//! Times onto a row, and numbers for people.

use crate::digits::{digit, eight_digits, push_first, two_digits};
use crate::time::Timestamp;

const NANOS_PER_SECOND: i64 = 1_000_000_000;
const NANOS_PER_HOUR: i64 = 3600 * NANOS_PER_SECOND;

/// Writes times; remembers the last one up to the second, which many have in common.
#[derive(Clone, Debug)]
pub(super) struct DateWriter {
    /// Nanoseconds since the epoch at which the second of `text` begins.
    second: i64,
    /// How many nanoseconds of it are known to be of that second.
    known: u64,
    /// The same for its hour.
    hour: i64,
    /// A time of that second as a cell, filled up.
    text: [u8; 32],
}

impl DateWriter {
    /// The length of a cell: a time and a comma.
    pub(super) const CELL: usize = 31;

    pub(super) const fn new() -> Self {
        Self { second: 0, known: 0, hour: 0, text: *b"1970-01-01T00:00:00.000000000Z,\0" }
    }

    /// The same as [`Timestamp::write_rfc3339`], and a comma.
    pub(super) fn push_cell(&mut self, time: Timestamp, out: &mut Vec<u8>) {
        let nanos = self.turn_to(time);
        let mut cell = self.text;
        Self::write_nanos(nanos, &mut cell);
        push_first(&cell, Self::CELL, out);
    }

    /// Turns [`Self::text`] to the second of `time`; the nanoseconds beyond that.
    #[inline]
    pub(super) fn turn_to(&mut self, time: Timestamp) -> u32 {
        let beyond = time.nanos().wrapping_sub(self.second).cast_unsigned();
        if time.nanos() < self.second || beyond >= self.known {
            self.turn(time);
        }
        below_second(time.nanos().wrapping_sub(self.second).cast_unsigned())
    }

    /// Any time of the second, as a cell, filled up.
    #[inline]
    pub(super) const fn text(&self) -> &[u8; 32] {
        &self.text
    }

    /// Writes the nanoseconds of a second into a cell.
    #[inline]
    pub(super) fn write_nanos(nanos: u32, cell: &mut [u8; 32]) {
        let [before @ .., last, _, _, _] = cell;
        if let Some(place) = before.last_chunk_mut() {
            *place = eight_digits(nanos / 10);
        }
        *last = digit(nanos % 10);
    }

    #[inline(never)]
    fn turn(&mut self, time: Timestamp) {
        let of_hour = time.nanos().wrapping_sub(self.hour);
        if self.known == 0 || time.nanos() < self.hour || !(0..NANOS_PER_HOUR).contains(&of_hour) {
            return self.turn_hour(time);
        }
        let seconds = seconds_of(of_hour.unsigned_abs());
        let [.., m, minute, _, s, second, _, _, _, _, _, _, _, _, _, _, _, _, _] = &mut self.text;
        [*m, *minute] = two_digits(seconds / 60);
        [*s, *second] = two_digits(seconds % 60);
        self.second = self.hour + i64::from(seconds) * NANOS_PER_SECOND;
    }

    #[cold]
    fn turn_hour(&mut self, time: Timestamp) {
        let mut text = Vec::with_capacity(32);
        time.write_rfc3339(&mut text);
        text.extend_from_slice(b",\0");
        if let Some(text) = text.first_chunk() {
            self.text = *text;
        }
        // The first hour that can be told has no beginning that can: there nothing is remembered.
        let hour = time.nanos().checked_sub(time.nanos().rem_euclid(NANOS_PER_HOUR));
        self.hour = hour.unwrap_or_default();
        self.known = if hour.is_some() { NANOS_PER_SECOND.unsigned_abs() } else { 0 };
        self.second = time.nanos().wrapping_sub(time.nanos().rem_euclid(NANOS_PER_SECOND));
    }
}

/// `1 record`, `30 000 records`.
pub(super) fn counted(count: u64, thing: &str) -> String {
    format!("{} {thing}{}", grouped(count), if count == 1 { "" } else { "s" })
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

/// Nanoseconds of less than a second.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "less than 10⁹")]
const fn below_second(nanos: u64) -> u32 {
    nanos as u32
}

/// Seconds of a time within the hour.
#[expect(clippy::cast_possible_truncation, reason = "less than 3600")]
const fn seconds_of(of_hour: u64) -> u32 {
    (of_hour / 1_000_000_000) as u32
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
