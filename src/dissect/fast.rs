//! The shortcut for the common frame: VLAN tags at most, an IP header without options or extensions, a TCP
//! header of which the fixed part was captured.

use super::{ethernet, ip, link};
use crate::capture::Record;
use crate::net::FourTuple;
use crate::tcp::{Flags, Segment, SeqNumber};

/// Types as they stand in the frame, for which they need not be turned to be compared.
const V4_TYPE: [u8; 2] = ethernet::IPV4.to_be_bytes();
const V6_TYPE: [u8; 2] = ethernet::IPV6.to_be_bytes();
/// Version 4 and a header of five words: no options.
const PLAIN_V4: u8 = 0x45;
const V4_HEADER: u32 = 20;
/// More fragments, and the fragment offset (RFC 791 §3.1): 0 for what is whole.
const FRAGMENT: u16 = 0x3fff;
/// The fixed part of a TCP header.
const TCP_HEADER: usize = 20;

/// The segment in a common frame, as far as it was handed over.
pub(super) struct Placed<'a, T> {
    /// What became of the segment.
    pub(super) placed: T,
    /// The options of a SYN as they were captured: still to be read, as few segments have any.
    pub(super) syn_options: Option<&'a [u8]>,
}

/// Hands the segment in a common frame to `place`, without options; `None` sends the record through every layer.
/// Whatever segment is found here, the walk by layers finds too.
///
/// The segment is handed over rather than returned so that it is built once, in its final place: copying it
/// straight after its fields were written stalls the processor for longer than the rest of this file takes.
#[inline(always)]
#[expect(clippy::inline_always, reason = "as for `Dissector::dissect_onto`")]
pub(super) fn segment<'a, T>(record: &Record<'a>, place: impl FnOnce(Segment) -> T) -> Option<Placed<'a, T>> {
    let outer = outer(record)?;
    // As long as a plain IPv4 header with TCP's, or an IPv6 header.
    let (head, rest) = outer.packet.split_first_chunk::<{ ip::V6_HEADER }>()?;
    match head[0] {
        PLAIN_V4 => {
            let common = Common { record, outer: &outer, tcp: head.last_chunk()?, options: rest };
            over_v4(head, &common, place)
        }
        0x60..0x70 => {
            let (tcp, options) = rest.split_first_chunk()?;
            over_v6(head, &Common { record, outer: &outer, tcp, options }, place)
        }
        _ => None,
    }
}

/// What does not depend on the version of IP.
struct Common<'r, 'a> {
    record: &'r Record<'a>,
    outer: &'r Outer<'a>,
    tcp: &'a [u8; TCP_HEADER],
    /// The options if there are any, and all that follows.
    options: &'a [u8],
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "as for `segment`")]
fn over_v4<'a, T>(
    header: &[u8; ip::V6_HEADER],
    common: &Common<'_, 'a>,
    place: impl FnOnce(Segment) -> T,
) -> Option<Placed<'a, T>> {
    if header[9] != ip::TCP || word(header, 6) & FRAGMENT != 0 {
        return None;
    }
    let total_length = u32::from(word(header, 2));
    // A total length of 0 (segmentation offload) fails here and takes the long way.
    let octets = total_length.checked_sub(V4_HEADER + common.tcp_length()?)?;
    let addresses = u64::from_be_bytes(part(header, 12));
    let tuple = FourTuple::v4_as_sent(addresses, common.ports(), common.outer.scope);
    let ip_id = word(header, 4);
    Some(common.place(Segment { ttl: header[8], ip_id, ..common.segment(tuple, octets) }, place))
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "as for `segment`")]
fn over_v6<'a, T>(
    header: &[u8; ip::V6_HEADER],
    common: &Common<'_, 'a>,
    place: impl FnOnce(Segment) -> T,
) -> Option<Placed<'a, T>> {
    if header[6] != ip::TCP {
        return None;
    }
    let length = u32::from(word(header, 4));
    // A length of 0 (jumbogram) fails here and takes the long way.
    let octets = length.checked_sub(common.tcp_length()?)?;
    let (source, destination) = (part(header, 8), part(header, 24));
    let tuple = FourTuple::v6_as_sent(source, destination, common.ports(), common.outer.scope);
    Some(common.place(Segment { ttl: header[7], ..common.segment(tuple, octets) }, place))
}

impl<'a> Common<'_, 'a> {
    /// Octets of the TCP header; one that contradicts itself is left to the walk to name.
    #[inline]
    fn tcp_length(&self) -> Option<u32> {
        let length = u32::from(self.tcp[12] >> 4) * 4;
        (length >= 20).then_some(length)
    }

    /// The source's port above the destination's.
    #[inline]
    fn ports(&self) -> u32 {
        long(self.tcp, 0)
    }

    /// All but what only the IP header tells, and the options.
    #[inline]
    fn segment(&self, (tuple, from_low): (FourTuple, bool), octets: u32) -> Segment {
        let tcp = self.tcp;
        Segment {
            record: self.record.number,
            time: self.record.time,
            tuple,
            from_low,
            seq: SeqNumber(long(tcp, 4)),
            ack: SeqNumber(long(tcp, 8)),
            flags: self.flags(),
            window: word(tcp, 14),
            window_known: true,
            octets,
            ttl: 0,
            ip_id: 0,
            checksum: word(tcp, 16),
            interface: self.outer.interface,
            options: None,
        }
    }

    #[inline]
    fn flags(&self) -> Flags {
        Flags(self.tcp[13])
    }

    #[inline]
    fn place<T>(&self, segment: Segment, place: impl FnOnce(Segment) -> T) -> Placed<'a, T> {
        let placed = place(segment);
        let syn_options = self.flags().syn().then(|| {
            let length = usize::from(self.tcp[12] >> 4) * 4;
            self.options.get(..length.saturating_sub(TCP_HEADER)).unwrap_or(self.options)
        });
        Placed { placed, syn_options }
    }
}

/// `N` octets of a header at `at`, read at once; where they lie within it is known when this is compiled.
#[inline]
fn part<const N: usize, const LENGTH: usize>(header: &[u8; LENGTH], at: usize) -> [u8; N] {
    header.get(at..).and_then(<[u8]>::first_chunk).copied().unwrap_or([0; N])
}

#[inline]
fn word<const LENGTH: usize>(header: &[u8; LENGTH], at: usize) -> u16 {
    u16::from_be_bytes(part(header, at))
}

#[inline]
fn long<const LENGTH: usize>(header: &[u8; LENGTH], at: usize) -> u32 {
    u32::from_be_bytes(part(header, at))
}

/// What is known before the IP header.
struct Outer<'a> {
    packet: &'a [u8],
    scope: u32,
    interface: u16,
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "as for `segment`")]
fn outer<'a>(record: &Record<'a>) -> Option<Outer<'a>> {
    let Record { data, interface, .. } = *record;
    let (kind, packet, interface) = match record.link {
        link::ETHERNET => {
            let (header, packet) = data.split_first_chunk::<{ ethernet::HEADER }>()?;
            (part(header, 12), packet, interface)
        }
        link::LINUX_SLL => {
            let (header, packet) = data.split_first_chunk::<{ link::SLL_HEADER }>()?;
            (part(header, 14), packet, link::sll_interface(interface, header[1]))
        }
        link::LINUX_SLL2 => {
            let (header, packet) = data.split_first_chunk::<{ link::SLL2_HEADER }>()?;
            (part(header, 0), packet, link::sll2_interface(interface, long(header, 4), header[10]))
        }
        // The IP header itself tells its version.
        link::RAW => (V4_TYPE, data, interface),
        _ => return None,
    };
    let (packet, scope) = if kind == V4_TYPE || kind == V6_TYPE {
        (packet, 0)
    } else {
        untagged(u16::from_be_bytes(kind), packet)?
    };
    Some(Outer { packet, scope, interface })
}

/// The IP packet behind all VLAN tags, and the scope they give.
#[inline(never)]
fn untagged(mut kind: u16, mut payload: &[u8]) -> Option<(&[u8], u32)> {
    let mut scope = 0;
    while ethernet::is_vlan(kind) {
        let (&[high, low, kind_high, kind_low], rest) = payload.split_first_chunk()?;
        scope = ethernet::scope_with_tag(scope, u16::from_be_bytes([high, low]));
        kind = u16::from_be_bytes([kind_high, kind_low]);
        payload = rest;
    }
    matches!(kind, ethernet::IPV4 | ethernet::IPV6).then_some((payload, scope))
}
