//! Addresses onto a row.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::pen::Pen;
use crate::digits::digit;

/// An address without brackets, as the standard library writes it.
#[inline]
pub(super) fn push_address(addr: IpAddr, out: &mut Pen<'_>) {
    match addr {
        IpAddr::V4(addr) => push_v4(addr, out),
        IpAddr::V6(addr) => push_v6(addr, out),
    }
}

#[inline(never)]
fn push_v4(addr: Ipv4Addr, out: &mut Pen<'_>) {
    let [a, b, c, d] = addr.octets();
    for (first, second) in [(a, b), (c, d)] {
        let length = length_of(first);
        out.put(
            &(word_of(first) | word_of(second) << (8 * length)).to_le_bytes(),
            length + length_of(second),
        );
    }
    out.back();
}

#[inline(never)]
fn push_v6(addr: Ipv6Addr, out: &mut Pen<'_>) {
    match addr.to_ipv4_mapped() {
        Some(addr) => {
            out.word(b"::ffff:");
            push_v4(addr, out);
        }
        None => push_groups(addr, out),
    }
}

/// The recommended form (RFC 5952 §4): no zeros in front, the first of the longest runs of two or more zero
/// groups shortened to `::`.
fn push_groups(addr: Ipv6Addr, out: &mut Pen<'_>) {
    let groups = addr.segments();
    let zeros = longest_zeros(&groups);
    for (place, &group) in groups.iter().enumerate() {
        if zeros.contains(&place) {
            if place == zeros.start {
                out.word(b"::");
            }
            continue;
        }
        if place != 0 && place != zeros.end {
            out.word(b":");
        }
        push_group(group, out);
    }
}

/// The run of groups to be shortened; empty at 0 when there is none.
fn longest_zeros(groups: &[u16; 8]) -> std::ops::Range<usize> {
    let mut longest = 0..0;
    let mut start = 0;
    for (place, &group) in groups.iter().enumerate() {
        if group != 0 {
            start = place + 1;
        } else if place + 1 - start > longest.len().max(1) {
            longest = start..place + 1;
        }
    }
    longest
}

/// Four hexadecimal digits without the zeros in front.
fn push_group(group: u16, out: &mut Pen<'_>) {
    let digit = |shift: u32| {
        let value = (group >> shift & 15) as u8;
        if value < 10 { b'0' + value } else { b'a' - 10 + value }
    };
    let text = u32::from_le_bytes([digit(12), digit(8), digit(4), digit(0)]);
    let zeros = (group.leading_zeros() / 4).min(3);
    out.put(&(text >> (8 * zeros)).to_le_bytes(), 4 - zeros as usize);
}

/// How long an octet is in decimal, with its point.
#[inline]
fn length_of(octet: u8) -> usize {
    2 + usize::from(octet > 9) + usize::from(octet > 99)
}

/// An octet in decimal, with its point, as a word.
#[inline]
fn word_of(octet: u8) -> u64 {
    let text = OCTETS.get(usize::from(octet)).copied().unwrap_or_default();
    u64::from(u32::from_le_bytes(text))
}

/// `0.` to `255.`, filled up with zeros.
static OCTETS: [[u8; 4]; 256] = {
    let mut texts = [[0; 4]; 256];
    let mut rest: &mut [[u8; 4]] = &mut texts;
    let mut octet = 0;
    while let Some((text, others)) = rest.split_first_mut() {
        let [hundreds, tens, ones] = [digit(octet / 100), digit(octet / 10 % 10), digit(octet % 10)];
        *text = match octet {
            0..10 => [ones, b'.', 0, 0],
            10..100 => [tens, ones, b'.', 0],
            _ => [hundreds, tens, ones, b'.'],
        };
        octet += 1;
        rest = others;
    }
    texts
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::report::pen::Room;

    fn text(addr: IpAddr) -> String {
        let mut room = Room::new();
        let mut out = Pen::new(&mut room);
        push_address(addr, &mut out);
        String::from_utf8(out.written().to_vec()).unwrap()
    }

    proptest! {
        #[test]
        fn addresses_are_written_as_the_standard_library_does(
            octets in any::<[u8; 4]>(),
            groups in proptest::array::uniform8(prop_oneof![3 => Just(0_u16), 1 => 1..16_u16, 2 => any::<u16>()]),
        ) {
            for addr in [IpAddr::from(octets), IpAddr::from(groups), Ipv4Addr::from(octets).to_ipv6_mapped().into()] {
                prop_assert_eq!(text(addr), addr.to_string());
            }
        }
    }

    #[test]
    fn only_the_first_longest_run_of_zeros_is_shortened() {
        for written in
            ["::", "::1", "1::", "1:0:2:3:4:5:6:7", "2001:db8::1:0:0:1", "1:0:0:2::3", "::2:0:0:3:0:4"]
        {
            assert_eq!(text(written.parse().unwrap()), written);
        }
    }
}
