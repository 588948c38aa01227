//! Capture time: integer nanoseconds, never the machine's clock.
//!
//! [`Timestamp`] is a moment, [`TimeDelta`] a span. A capture may run backwards, so spans are signed.

use std::fmt;
use std::ops::{Add, Neg, Sub};

use serde::{Serialize, Serializer};

use crate::digits::{digit, eight_digits, push_first, push_number, two_digits};

/// A moment of capture time: nanoseconds since the Unix epoch, UTC (1677 to 2262).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A signed span of capture time in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeDelta(i64);

const NANOS_PER_SECOND: i64 = 1_000_000_000;
const NANOS_PER_DAY: i64 = 86_400 * NANOS_PER_SECOND;

impl Timestamp {
    /// The earliest moment that can be told.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest moment that can be told.
    pub const MAX: Self = Self(i64::MAX);

    /// The moment `nanos` nanoseconds after the epoch.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the epoch.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Writes RFC 3339 in UTC with nanoseconds, e.g. `2026-11-21T08:01:09.123456789Z`, onto `out`.
    ///
    /// Written by hand: one million rows carry four million times.
    pub fn write_rfc3339(self, out: &mut Vec<u8>) {
        let (days, of_day) = (self.0.div_euclid(NANOS_PER_DAY), self.0.rem_euclid(NANOS_PER_DAY));
        let (year, month, day) = civil_from_days(days);
        let (seconds, nanos) = split_seconds(of_day.unsigned_abs());
        let second = u32::try_from(seconds).unwrap_or(0);
        let (hour, minute) = (second / 3600, second / 60 % 60);
        out.extend_from_slice(&two_digits(year / 100));
        for (number, after) in [
            (year % 100, b'-'),
            (month, b'-'),
            (day, b'T'),
            (hour, b':'),
            (minute, b':'),
            (second % 60, b'.'),
        ] {
            let [tens, ones] = two_digits(number);
            out.extend_from_slice(&[tens, ones, after]);
        }
        out.extend_from_slice(&eight_digits(nanos / 10));
        out.extend_from_slice(&[digit(nanos % 10), b'Z']);
    }

    /// The time of day with `decimals` digits of a second (0 to 9), e.g. `08:01:09.123`.
    pub fn time_of_day(self, decimals: usize) -> String {
        let mut text = Vec::with_capacity(32);
        self.write_rfc3339(&mut text);
        let length = if decimals == 0 { 8 } else { 9 + decimals.min(9) };
        let start = text.iter().position(|&byte| byte == b'T').map_or(0, |at| at + 1);
        text.iter().skip(start).take(length).map(|&byte| char::from(byte)).collect()
    }

    /// The span since `earlier`; the nearest that can be told if it does not fit 292 years.
    pub const fn since(self, earlier: Self) -> TimeDelta {
        TimeDelta(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::with_capacity(32);
        self.write_rfc3339(&mut text);
        f.write_str(&String::from_utf8_lossy(&text))
    }
}

/// RFC 3339, as text.
impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Seconds, as a number.
impl Serialize for TimeDelta {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.as_secs_f64())
    }
}

impl Sub for Timestamp {
    type Output = TimeDelta;

    fn sub(self, earlier: Self) -> TimeDelta {
        self.since(earlier)
    }
}

impl Add<TimeDelta> for Timestamp {
    type Output = Self;

    fn add(self, span: TimeDelta) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl TimeDelta {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// A span of `nanos` nanoseconds.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// A span of `millis` milliseconds.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// A span of `seconds` seconds.
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds.saturating_mul(NANOS_PER_SECOND))
    }

    /// A span of `seconds` seconds, rounded to the nanosecond.
    #[expect(clippy::cast_possible_truncation, reason = "a float cast saturates")]
    pub fn from_secs_f64(seconds: f64) -> Self {
        Self((seconds * 1e9).round() as i64)
    }

    /// The span in nanoseconds.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// The span in seconds, for people and percentiles only.
    #[expect(clippy::cast_precision_loss, reason = "for display")]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The length of the span whatever its direction.
    #[must_use]
    pub const fn abs(self) -> Self {
        Self(self.0.saturating_abs())
    }

    /// Writes decimal seconds, exact to the nanosecond, e.g. `-0.000123456`; trailing zeros are dropped
    /// down to the microsecond.
    pub fn write_seconds(self, out: &mut Vec<u8>) {
        let Seconds { is_negative, tens, text, length } = self.in_seconds();
        if is_negative {
            out.push(b'-');
        }
        if tens > 0 {
            push_number(tens, out);
        }
        push_first(&text, length - 1, out);
    }

    /// The parts of which [`TimeDelta::write_seconds`] is made.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "less than 10⁷, and less than 1000")]
    pub(crate) fn in_seconds(self) -> Seconds {
        const TEN_SECONDS: u64 = 10 * NANOS_PER_SECOND.unsigned_abs();
        let nanos = self.0.unsigned_abs();
        let (tens, below) =
            if nanos < TEN_SECONDS { (0, nanos) } else { (nanos / TEN_SECONDS, nanos % TEN_SECONDS) };
        let (micros, rest) = ((below / 1000) as u32, (below % 1000) as u32);
        // Seven digits of eight: the second one comes first, the point behind it.
        let digits = u64::from_le_bytes(eight_digits(micros));
        let start = digits >> 8 & 0xff | u64::from(b'.') << 8 | digits & !0xffff;
        let (end, length) = if rest == 0 {
            (u32::from(b','), 9)
        } else {
            let [ten, one] = two_digits(rest % 100);
            (u32::from_le_bytes([digit(rest / 100), ten, one, b',']), 12)
        };
        let text = (u128::from(end) << 64 | u128::from(start)).to_le_bytes();
        Seconds { is_negative: self.0 < 0, tens, text, length }
    }
}

/// A span in decimal seconds, in parts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seconds {
    pub(crate) is_negative: bool,
    /// Tens of seconds; 0 is not written.
    pub(crate) tens: u64,
    /// The last digit of the seconds, the fraction, and a comma.
    pub(crate) text: [u8; 16],
    /// How many octets of `text` these are.
    pub(crate) length: usize,
}

impl Neg for TimeDelta {
    type Output = Self;

    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

/// For people: `27 µs`, `12.3 ms`, `4.21 s`, `90.0 s`, `12 min 4 s`, `3 h 20 min`.
impl fmt::Display for TimeDelta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 0 {
            f.write_str("-")?;
        }
        let nanos = self.0.unsigned_abs();
        let seconds = nanos / 1_000_000_000;
        let float = self.abs().as_secs_f64();
        match nanos {
            0..1_000 => write!(f, "{nanos} ns"),
            1_000..1_000_000 => write!(f, "{} µs", nanos / 1_000),
            1_000_000..100_000_000 => write!(f, "{:.1} ms", float * 1e3),
            100_000_000..1_000_000_000 => write!(f, "{:.0} ms", float * 1e3),
            1_000_000_000..10_000_000_000 => write!(f, "{float:.2} s"),
            10_000_000_000..600_000_000_000 => write!(f, "{float:.1} s"),
            600_000_000_000..7_200_000_000_000 => write!(f, "{} min {} s", seconds / 60, seconds % 60),
            _ => write!(f, "{} h {} min", seconds / 3600, seconds / 60 % 60),
        }
    }
}

/// Whole seconds, and the nanoseconds beyond them.
#[inline]
const fn split_seconds(nanos: u64) -> (u64, u32) {
    (nanos / 1_000_000_000, (nanos % 1_000_000_000) as u32)
}

/// Year, month and day of a day counted from 1970-01-01 (proleptic Gregorian calendar).
///
/// The algorithm counts years from March so that the leap day is the last of a year.
fn civil_from_days(days: i64) -> (u32, u32, u32) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    // A time of 64 bits is of the years 1677 to 2262.
    let small = |value: i64| u32::try_from(value).unwrap_or(0);
    (small(year), small(month), small(day))
}

/// Units of spans as people write them, the longest suffix first where one ends like another.
const UNITS: [(&str, f64); 8] = [
    ("ms", 1e-3),
    ("us", 1e-6),
    ("µs", 1e-6),
    ("ns", 1e-9),
    ("min", 60.0),
    ("h", 3600.0),
    ("d", 86_400.0),
    ("s", 1.0),
];

/// Longer than any capture; what is beyond cannot be meant.
const MOST_SECONDS: f64 = 1e9;

/// Reads a span that is not negative: `1.5` (seconds), `500ms`, `90 s`, `2min`, `1h`, `5d`.
pub fn parse_span(text: &str) -> Option<TimeDelta> {
    let (number, factor) = UNITS
        .iter()
        .find_map(|&(unit, factor)| Some((text.strip_suffix(unit)?, factor)))
        .unwrap_or((text, 1.0));
    let number = number.trim_end();
    if !number.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let seconds = number.parse::<f64>().ok()? * factor;
    (seconds <= MOST_SECONDS).then(|| TimeDelta::from_secs_f64(seconds))
}

/// A span of time in words; one that is not known, or that a clock set back made negative, says so.
pub fn span_in_words(span: Option<TimeDelta>) -> String {
    span.filter(|span| *span >= TimeDelta::ZERO)
        .map_or_else(|| "an unknown time".into(), |span| span.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3339_agrees_with_jiff_over_the_whole_range() {
        for nanos in [
            0,
            -1,
            1,
            951_782_399_999_999_999,
            951_782_400_000_000_000,
            1_795_249_052_947_499_060,
            i64::MAX,
            i64::MIN,
            -2_208_988_800_000_000_000,
            4_107_542_400_123_456_789,
        ] {
            let ours = Timestamp::from_nanos(nanos).to_string();
            let jiff = jiff::Timestamp::from_nanosecond(i128::from(nanos)).unwrap();
            assert_eq!(ours, format!("{jiff:.9}"), "{nanos}");
        }
    }

    #[test]
    fn seconds_are_exact() {
        let text = |nanos| {
            let mut out = Vec::new();
            TimeDelta::from_nanos(nanos).write_seconds(&mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(text(90_000_001_000), "90.000001");
        assert_eq!(text(-123), "-0.000000123");
        assert_eq!(text(0), "0.000000");
        assert_eq!(text(i64::MIN), "-9223372036.854775808");
    }

    #[test]
    fn spans_read_as_people_say_them() {
        let text = |nanos: i64| TimeDelta::from_nanos(nanos).to_string();
        assert_eq!(text(27_000), "27 µs");
        assert_eq!(text(90_012_000_000), "90.0 s");
        assert_eq!(text(-4_210_000_000), "-4.21 s");
        assert_eq!(text(7_500_000_000_000), "2 h 5 min");
    }
}
