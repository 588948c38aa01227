//! Time stamps of every unit to nanoseconds, in 128 bits so that nothing wraps.

use std::fmt;

use crate::time::Timestamp;

/// The unit of an interface's time stamps: pcapng's `if_tsresol`. The top bit chooses a power of two instead
/// of ten, the rest is the negative exponent: 6 is 10⁻⁶ s, 0x94 is 2⁻²⁰ s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Resolution(pub u8);

impl Resolution {
    /// Microseconds, what pcapng means when it says nothing.
    pub const MICROSECONDS: Self = Self(6);
    /// Nanoseconds.
    pub const NANOSECONDS: Self = Self(9);
}

/// `s`, `ms`, `µs`, `ns`, else `10^-12 s`, `2^-20 s`.
impl fmt::Display for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("s"),
            3 => f.write_str("ms"),
            6 => f.write_str("µs"),
            9 => f.write_str("ns"),
            decimal @ ..0x80 => write!(f, "10^-{decimal} s"),
            binary => write!(f, "2^-{} s", binary & 0x7f),
        }
    }
}

/// How the ticks of one interface become a moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    scale: Scale,
    offset_nanos: i128,
}

#[derive(Clone, Copy, Debug)]
enum Scale {
    /// Nanoseconds in a tick.
    Times(u64),
    /// Ticks in a nanosecond.
    Over(u64),
    /// Ticks in a second, as a power of two.
    Shift(u32),
}

impl Clock {
    /// A clock of `resolution`, to which `offset` seconds are added (pcapng's `if_tsoffset`).
    pub(super) fn new(resolution: Resolution, offset: i64) -> Self {
        let exponent = u32::from(resolution.0 & 0x7f);
        let scale = if resolution.0 & 0x80 != 0 {
            Scale::Shift(exponent)
        } else if exponent <= 9 {
            Scale::Times(10_u64.pow(9 - exponent))
        } else {
            // 2^64 ticks of 10^-29 s and finer are less than a nanosecond.
            10_u64.checked_pow(exponent - 9).map_or(Scale::Times(0), Scale::Over)
        };
        Self { scale, offset_nanos: i128::from(offset) * 1_000_000_000 }
    }

    /// The moment of `ticks`, rounded down; `None` outside the years 1677 to 2262.
    #[inline]
    pub(super) fn moment(&self, ticks: u64) -> Option<Timestamp> {
        let nanos = match self.scale {
            Scale::Times(nanos) => i128::from(ticks) * i128::from(nanos),
            Scale::Over(divisor) => i128::from(ticks / divisor),
            Scale::Shift(bits) => (i128::from(ticks) * 1_000_000_000) >> bits,
        };
        i64::try_from(nanos + self.offset_nanos).ok().map(Timestamp::from_nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nanos(resolution: u8, offset: i64, ticks: u64) -> Option<i64> {
        Clock::new(Resolution(resolution), offset).moment(ticks).map(Timestamp::nanos)
    }

    #[test]
    fn decimal_units_are_exact() {
        assert_eq!(nanos(6, 0, 1_795_249_052_947_499), Some(1_795_249_052_947_499_000));
        assert_eq!(nanos(9, 0, 1_795_249_052_947_499_060), Some(1_795_249_052_947_499_060));
        assert_eq!(nanos(0, 0, 7), Some(7_000_000_000));
        assert_eq!(nanos(12, 0, 1_999), Some(1), "picoseconds round down");
        assert_eq!((nanos(28, 0, u64::MAX), nanos(127, 0, u64::MAX)), (Some(1), Some(0)));
    }

    #[test]
    fn binary_units_are_exact() {
        assert_eq!(nanos(0x94, 0, 3 << 19), Some(1_500_000_000));
        assert_eq!(nanos(0xff, 0, u64::MAX), Some(0));
        assert_eq!(nanos(0x80, 0, 2), Some(2_000_000_000));
    }

    #[test]
    fn the_offset_is_signed_and_may_bring_a_time_back_into_range() {
        assert_eq!(nanos(6, -3600, 3_600_000_001), Some(1_000));
        assert_eq!(nanos(0, -(1 << 40), (1 << 40) + 5), Some(5_000_000_000));
    }

    #[test]
    fn a_time_that_cannot_be_told_is_none() {
        assert_eq!(nanos(0, 0, u64::MAX), None);
        assert_eq!(nanos(9, 0, 1 << 63), None);
        assert_eq!(nanos(6, i64::MIN, 0), None);
    }

    #[test]
    fn units_have_names() {
        let text = |unit| Resolution(unit).to_string();
        assert_eq!([text(6), text(9), text(12), text(0x94)], ["µs", "ns", "10^-12 s", "2^-20 s"]);
    }
}
