//! Numbers, times and addresses onto a row. Formatting a million rows is on the hot path: two digits at a time,
//! and the seconds of a time only when they change.

use std::io::Write as _;
use std::net::IpAddr;

use crate::time::{TimeDelta, Timestamp};

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// `00` to `99`.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut value = 0;
    while value < 100 {
        #[expect(
            clippy::indexing_slicing,
            clippy::cast_possible_truncation,
            reason = "0 to 99, at compile time"
        )]
        {
            pairs[value] = [b'0' + (value / 10) as u8, b'0' + (value % 10) as u8];
        }
        value += 1;
    }
    pairs
};

/// Writes times; remembers the last one up to the second, which many have in common.
#[derive(Clone, Debug)]
pub(super) struct DateWriter {
    second: Option<i64>,
    /// `2026-11-21T08:17:33.`
    prefix: [u8; 20],
}

impl DateWriter {
    pub(super) const fn new() -> Self {
        Self { second: None, prefix: [b' '; 20] }
    }

    /// The same bytes as [`Timestamp::write_rfc3339`].
    pub(super) fn push(&mut self, time: Timestamp, out: &mut Vec<u8>) {
        let second = time.nanos().div_euclid(NANOS_PER_SECOND.cast_signed());
        let nanos = time.nanos().rem_euclid(NANOS_PER_SECOND.cast_signed()).unsigned_abs();
        if self.second != Some(second) {
            let mut text = Vec::with_capacity(32);
            time.write_rfc3339(&mut text);
            let Some(prefix) = text.first_chunk() else { return };
            self.prefix = *prefix;
            self.second = Some(second);
        }
        out.extend_from_slice(&self.prefix);
        let [a, b, c, d, e, f, g, h, i] = nine_digits(nanos);
        out.extend_from_slice(&[a, b, c, d, e, f, g, h, i, b'Z']);
    }
}

/// A decimal number.
#[inline]
pub(super) fn push_number(value: u64, out: &mut Vec<u8>) {
    // Most numbers of a row are small.
    if value < 10 {
        return out.push(pair(value)[1]);
    }
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// The same bytes as [`TimeDelta::write_seconds`].
pub(super) fn push_seconds(span: TimeDelta, out: &mut Vec<u8>) {
    if span.nanos() < 0 {
        out.push(b'-');
    }
    let nanos = span.nanos().unsigned_abs();
    push_number(nanos / NANOS_PER_SECOND, out);
    let [a, b, c, d, e, f, g, h, i] = nine_digits(nanos % NANOS_PER_SECOND);
    out.extend_from_slice(&[b'.', a, b, c, d, e, f]);
    if [g, h, i] != *b"000" {
        out.extend_from_slice(&[g, h, i]);
    }
}

/// An address without brackets.
pub(super) fn push_address(addr: IpAddr, out: &mut Vec<u8>) {
    match addr {
        IpAddr::V4(addr) => {
            let [a, b, c, d] = addr.octets();
            push_octet(a, out);
            for octet in [b, c, d] {
                out.push(b'.');
                push_octet(octet, out);
            }
        }
        IpAddr::V6(addr) => {
            // Writing to a vector cannot fail.
            let _ = write!(out, "{addr}");
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

fn push_octet(octet: u8, out: &mut Vec<u8>) {
    let [tens, ones] = pair(u64::from(octet % 100));
    match octet {
        0..10 => out.push(ones),
        10..100 => out.extend_from_slice(&[tens, ones]),
        _ => out.extend_from_slice(&[b'0' + octet / 100, tens, ones]),
    }
}

/// The nine decimal digits of `value`, which is less than 10⁹.
#[inline]
fn nine_digits(value: u64) -> [u8; 9] {
    let (high, low) = (value / 100_000, value % 100_000);
    let ([a, b], [c, d]) = (pair(high / 100), pair(high % 100));
    let ([e, f], [g, h], [_, i]) = (pair(low / 1000), pair(low / 10 % 100), pair(low % 10));
    [a, b, c, d, e, f, g, h, i]
}

#[inline]
fn pair(value: u64) -> [u8; 2] {
    usize::try_from(value).ok().and_then(|value| PAIRS.get(value)).copied().unwrap_or([b'0'; 2])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NANOS_PER_DAY: i64 = 86_400_000_000_000;

    proptest! {
        #[test]
        fn times_and_spans_are_written_as_everywhere_else(nanos in any::<i64>(), day in -3_i64..3) {
            let mut dates = DateWriter::new();
            for time in [nanos, day.wrapping_mul(NANOS_PER_DAY) + nanos % NANOS_PER_DAY] {
                let (mut fast, mut plain) = (Vec::new(), Vec::new());
                dates.push(Timestamp::from_nanos(time), &mut fast);
                Timestamp::from_nanos(time).write_rfc3339(&mut plain);
                prop_assert_eq!(&fast, &plain);
                push_seconds(TimeDelta::from_nanos(time), &mut fast);
                TimeDelta::from_nanos(time).write_seconds(&mut plain);
                prop_assert_eq!(&fast, &plain);
            }
        }

        #[test]
        fn addresses_are_written_as_the_standard_library_does(octets in any::<[u8; 4]>()) {
            let mut out = Vec::new();
            push_address(octets.into(), &mut out);
            prop_assert_eq!(String::from_utf8(out).unwrap(), std::net::Ipv4Addr::from(octets).to_string());
        }
    }

    #[test]
    fn large_numbers_are_grouped() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(1_204_992), "1 204 992");
    }
}
