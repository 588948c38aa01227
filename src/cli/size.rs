//! Amounts of memory as people type them.

use std::str::FromStr;

/// Units, the longest suffix first where one ends like another; each is 1024 times the one before.
const UNITS: [(&str, u32); 9] = [
    ("KiB", 10),
    ("MiB", 20),
    ("GiB", 30),
    ("KB", 10),
    ("MB", 20),
    ("GB", 30),
    ("K", 10),
    ("M", 20),
    ("G", 30),
];

/// So many octets: `512M`, `2G`, `300MiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size(pub(super) u64);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, shift) = UNITS
            .iter()
            .find_map(|&(unit, shift)| Some((text.strip_suffix(unit)?, shift)))
            .unwrap_or((text, 0));
        let octets = number.trim_end().parse::<u64>().ok().and_then(|number| number.checked_mul(1 << shift));
        octets.map(Self).ok_or_else(|| "expected octets, or a whole number with K, M or G".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_powers_of_two() {
        for (text, octets) in [
            ("0", 0),
            ("4096", 4096),
            ("2K", 2048),
            ("512M", 512 << 20),
            ("3 GiB", 3 << 30),
            ("1MB", 1 << 20),
        ] {
            assert_eq!(text.parse(), Ok(Size(octets)), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in ["", "M", "-1", "1.5G", "1T", "99999999999G", "two"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }
}
