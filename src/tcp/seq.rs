//! Sequence numbers: arithmetic modulo 2³² (RFC 9293 §3.4).

use std::fmt;

/// A TCP sequence number. It has no order of its own: ask for the distance from another one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SeqNumber(pub u32);

impl SeqNumber {
    /// The number `octets` further on, modulo 2³².
    #[must_use]
    pub const fn add(self, octets: u32) -> Self {
        Self(self.0.wrapping_add(octets))
    }

    /// The number `octets` before, modulo 2³².
    #[must_use]
    pub const fn sub(self, octets: u32) -> Self {
        Self(self.0.wrapping_sub(octets))
    }

    /// How far `self` lies after `other`: negative when it lies before. Meaningful within ±2³¹.
    #[expect(clippy::cast_possible_wrap, reason = "the wrap is the definition")]
    pub const fn distance(self, other: Self) -> i32 {
        self.0.wrapping_sub(other.0) as i32
    }

    /// True when `self` is `other` or lies after it.
    pub const fn at_or_after(self, other: Self) -> bool {
        self.distance(other) >= 0
    }

    /// True when `self` lies after `other`.
    pub const fn after(self, other: Self) -> bool {
        self.distance(other) > 0
    }
}

impl fmt::Display for SeqNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_wraps() {
        assert_eq!(SeqNumber(5).distance(SeqNumber(u32::MAX)), 6);
        assert_eq!(SeqNumber(u32::MAX).distance(SeqNumber(5)), -6);
        assert!(SeqNumber(0).after(SeqNumber(u32::MAX)));
        assert!(!SeqNumber(7).after(SeqNumber(7)));
    }
}
