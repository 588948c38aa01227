//! The shortcut for the common frame: VLAN tags at most, an IP header without options or extensions, a TCP
//! header of which the fixed part was captured.

use super::options::syn_options;
use super::{ethernet, ip, link};
use crate::capture::Record;
use crate::net::FourTuple;
use crate::tcp::{Flags, Segment, SeqNumber, SynOptions};

/// Version 4 and a header of five words: no options.
const PLAIN_V4: u8 = 0x45;
const V4_HEADER: u32 = 20;
/// More fragments, and the fragment offset (RFC 791 §3.1): 0 for what is whole.
const FRAGMENT: u16 = 0x3fff;
/// The fixed part of a TCP header.
const TCP_HEADER: usize = 20;

/// Hands the segment in a common frame to `place`; `None` sends the record through every layer. Whatever
/// segment is found here, the walk by layers finds too.
///
/// The segment is handed over rather than returned so that it is built once, in its final place: copying it
/// straight after its fields were written stalls the processor for longer than the rest of this file takes.
#[inline]
pub(super) fn segment<T>(record: &Record<'_>, place: impl FnOnce(Segment) -> T) -> Option<T> {
    let outer = outer(record)?;
    // As long as a plain IPv4 header with TCP's, or an IPv6 header.
    let (head, rest) = outer.packet.split_first_chunk::<{ ip::V6_HEADER }>()?;
    match head[0] {
        PLAIN_V4 => {
            let common = Common { record, outer: &outer, tcp: head.last_chunk()?, options: rest };
            over_v4(head.first_chunk()?, &common, place)
        }
        0x60..0x70 => {
            let (tcp, options) = rest.split_first_chunk()?;
            over_v6(head, &Common { record, outer: &outer, tcp, options }, place)
        }
        _ => None,
    }
}

/// What does not depend on the version of IP.
struct Common<'a> {
    record: &'a Record<'a>,
    outer: &'a Outer<'a>,
    tcp: &'a [u8; TCP_HEADER],
    /// The options if there are any, and all that follows.
    options: &'a [u8],
}

#[inline]
fn over_v4<T>(header: &[u8; 20], common: &Common<'_>, place: impl FnOnce(Segment) -> T) -> Option<T> {
    let fragment = u16::from_be_bytes([header[6], header[7]]) & FRAGMENT;
    if header[9] != ip::TCP || fragment != 0 {
        return None;
    }
    let total_length = u32::from(u16::from_be_bytes([header[2], header[3]]));
    // A total length of 0 (segmentation offload) fails here and takes the long way.
    let octets = total_length.checked_sub(V4_HEADER + common.tcp_length()?)?;
    let options = common.syn_options();
    let source = [header[12], header[13], header[14], header[15]];
    let destination = [header[16], header[17], header[18], header[19]];
    let tuple = FourTuple::v4(source, destination, common.ports(), common.outer.scope);
    let ip_id = u16::from_be_bytes([header[4], header[5]]);
    Some(place(Segment { ttl: header[8], ip_id, ..common.segment(tuple, octets, options) }))
}

#[inline]
fn over_v6<T>(header: &[u8; 40], common: &Common<'_>, place: impl FnOnce(Segment) -> T) -> Option<T> {
    if header[6] != ip::TCP {
        return None;
    }
    let length = u32::from(u16::from_be_bytes([header[4], header[5]]));
    // A length of 0 (jumbogram) fails here and takes the long way.
    let octets = length.checked_sub(common.tcp_length()?)?;
    let options = common.syn_options();
    let (_, addresses) = header.split_first_chunk::<8>()?;
    let tuple = FourTuple::v6(
        *addresses.first_chunk()?,
        *addresses.last_chunk()?,
        common.ports(),
        common.outer.scope,
    );
    Some(place(Segment { ttl: header[7], ..common.segment(tuple, octets, options) }))
}

impl Common<'_> {
    /// Octets of the TCP header; one that contradicts itself is left to the walk to name.
    #[inline]
    fn tcp_length(&self) -> Option<u32> {
        let length = u32::from(self.tcp[12] >> 4) * 4;
        (length >= 20).then_some(length)
    }

    #[inline]
    fn ports(&self) -> (u16, u16) {
        let tcp = self.tcp;
        (u16::from_be_bytes([tcp[0], tcp[1]]), u16::from_be_bytes([tcp[2], tcp[3]]))
    }

    /// All but what only the IP header tells.
    #[inline]
    fn segment(
        &self,
        (tuple, from_low): (FourTuple, bool),
        octets: u32,
        options: Option<SynOptions>,
    ) -> Segment {
        let tcp = self.tcp;
        Segment {
            record: self.record.number,
            time: self.record.time,
            tuple,
            from_low,
            seq: SeqNumber(u32::from_be_bytes([tcp[4], tcp[5], tcp[6], tcp[7]])),
            ack: SeqNumber(u32::from_be_bytes([tcp[8], tcp[9], tcp[10], tcp[11]])),
            flags: self.flags(),
            window: u16::from_be_bytes([tcp[14], tcp[15]]),
            window_known: true,
            octets,
            ttl: 0,
            ip_id: 0,
            checksum: u16::from_be_bytes([tcp[16], tcp[17]]),
            interface: self.outer.interface,
            options,
        }
    }

    #[inline]
    fn flags(&self) -> Flags {
        Flags(self.tcp[13])
    }

    /// The options of a SYN, as far as they were captured. To be asked before all other fields are read, so
    /// that none has to wait in memory for this call.
    #[inline]
    fn syn_options(&self) -> Option<SynOptions> {
        self.flags().syn().then(|| {
            let length = usize::from(self.tcp[12] >> 4) * 4;
            syn_options(self.options.get(..length.saturating_sub(TCP_HEADER)).unwrap_or(self.options))
        })
    }
}

/// What is known before the IP header.
struct Outer<'a> {
    packet: &'a [u8],
    scope: u32,
    interface: u16,
}

#[inline]
fn outer<'a>(record: &Record<'a>) -> Option<Outer<'a>> {
    let data = record.data;
    let interface = record.interface;
    let (kind, packet, interface) = match record.link {
        link::ETHERNET => {
            let (header, packet) = data.split_first_chunk::<{ ethernet::HEADER }>()?;
            (u16::from_be_bytes([header[12], header[13]]), packet, interface)
        }
        link::LINUX_SLL => {
            let (header, packet) = data.split_first_chunk::<{ link::SLL_HEADER }>()?;
            let interface = link::sll_interface(interface, header[1]);
            (u16::from_be_bytes([header[14], header[15]]), packet, interface)
        }
        link::LINUX_SLL2 => {
            let (header, packet) = data.split_first_chunk::<{ link::SLL2_HEADER }>()?;
            let index = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
            let interface = link::sll2_interface(interface, index, header[10]);
            (u16::from_be_bytes([header[0], header[1]]), packet, interface)
        }
        link::RAW => return Some(Outer { packet: data, scope: 0, interface }),
        _ => return None,
    };
    if matches!(kind, ethernet::IPV4 | ethernet::IPV6) {
        return Some(Outer { packet, scope: 0, interface });
    }
    let (packet, scope) = untagged(kind, packet)?;
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
