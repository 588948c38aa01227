//! Ranges of ports as people type them.

use std::str::FromStr;

/// The first and the last port: `32768-60999`, or as `sysctl net.ipv4.ip_local_port_range` prints them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PortRange(pub(super) u16, pub(super) u16);

impl FromStr for PortRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let ends = text.trim().split_once(['-', ' ', '\t']);
        let ends = ends.and_then(|(low, high)| Some((low.trim().parse().ok()?, high.trim().parse().ok()?)));
        ends.filter(|(low, high)| 0 < *low && low <= high)
            .map(|(low, high)| Self(low, high))
            .ok_or_else(|| "expected the first and the last port, e.g. 32768-60999".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_are_ports_in_order() {
        for text in ["32768-60999", "32768 60999", "32768\t60999"] {
            assert_eq!(text.parse(), Ok(PortRange(32_768, 60_999)), "{text:?}");
        }
        assert_eq!("1-1".parse(), Ok(PortRange(1, 1)));
        for text in ["", "32768", "60999-32768", "0-9", "1-65536", "1-2-3", "a-b"] {
            assert!(text.parse::<PortRange>().is_err(), "{text:?}");
        }
    }
}
