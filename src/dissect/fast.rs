//! The shortcut for the common frame: VLAN tags at most, one plain IP header, a whole TCP header.

use etherparse::{Ipv4HeaderSlice, Ipv6HeaderSlice, TcpHeaderSlice};

use super::options::syn_options;
use super::{ethernet, ip, link};
use crate::capture::Record;
use crate::net::FourTuple;
use crate::tcp::{Flags, Segment, SeqNumber};

/// The segment of a common frame; `None` sends the record through every layer. Whatever it returns, the
/// walk by layers returns too; it only does so with fewer branches.
#[inline]
pub(super) fn segment(record: &Record<'_>) -> Option<Segment> {
    let outer = outer(record)?;
    match outer.packet.first()? >> 4 {
        4 => over_v4(record, &outer),
        6 => over_v6(record, &outer),
        _ => None,
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
    let (kind, payload, interface) = match record.link {
        link::ETHERNET => (word(data, 12)?, data.get(ethernet::HEADER..)?, interface),
        link::LINUX_SLL => {
            (word(data, 14)?, data.get(link::SLL_HEADER..)?, link::sll_interface(interface, *data.get(1)?))
        }
        link::LINUX_SLL2 => {
            let index = u32::from_be_bytes(*data.get(4..)?.first_chunk()?);
            let interface = link::sll2_interface(interface, index, *data.get(10)?);
            (word(data, 0)?, data.get(link::SLL2_HEADER..)?, interface)
        }
        link::RAW => return Some(Outer { packet: data, scope: 0, interface }),
        _ => return None,
    };
    let (kind, packet, scope) = untagged(kind, payload)?;
    matches!(kind, ethernet::IPV4 | ethernet::IPV6).then_some(Outer { packet, scope, interface })
}

/// EtherType, payload and scope behind all VLAN tags.
#[inline]
fn untagged(mut kind: u16, mut payload: &[u8]) -> Option<(u16, &[u8], u32)> {
    let mut scope = 0;
    while ethernet::is_vlan(kind) {
        let (&[high, low, kind_high, kind_low], rest) = payload.split_first_chunk()?;
        scope = ethernet::scope_with_tag(scope, u16::from_be_bytes([high, low]));
        kind = u16::from_be_bytes([kind_high, kind_low]);
        payload = rest;
    }
    Some((kind, payload, scope))
}

#[inline]
fn over_v4(record: &Record<'_>, outer: &Outer<'_>) -> Option<Segment> {
    let header = Ipv4HeaderSlice::from_slice(outer.packet).ok()?;
    if header.protocol().0 != ip::TCP || header.fragments_offset().value() != 0 {
        return None;
    }
    let options = header.slice().len();
    // A total length of 0 (segmentation offload) fails here and takes the long way.
    let length = usize::from(header.total_len()).checked_sub(options)?;
    let tcp = Tcp::read(outer.packet.get(options..)?, length)?;
    let (tuple, from_low) = FourTuple::v4(header.source(), header.destination(), tcp.ports(), outer.scope);
    Some(tcp.segment(record, outer, (tuple, from_low), header.ttl(), header.identification()))
}

#[inline]
fn over_v6(record: &Record<'_>, outer: &Outer<'_>) -> Option<Segment> {
    let header = Ipv6HeaderSlice::from_slice(outer.packet).ok()?;
    if header.next_header().0 != ip::TCP {
        return None;
    }
    let length = usize::from(header.payload_length());
    let tcp = Tcp::read(outer.packet.get(ip::V6_HEADER..)?, length)?;
    let (tuple, from_low) = FourTuple::v6(header.source(), header.destination(), tcp.ports(), outer.scope);
    Some(tcp.segment(record, outer, (tuple, from_low), header.hop_limit(), 0))
}

/// A whole TCP header and the octets behind it.
struct Tcp<'a> {
    header: TcpHeaderSlice<'a>,
    octets: u32,
}

impl<'a> Tcp<'a> {
    /// `length` is the IP payload's; a header that does not fit it is left to the walk to name.
    #[inline]
    fn read(payload: &'a [u8], length: usize) -> Option<Self> {
        let header = TcpHeaderSlice::from_slice(payload).ok()?;
        let octets = length.checked_sub(header.slice().len())?;
        Some(Self { header, octets: u32::try_from(octets).ok()? })
    }

    #[inline]
    fn ports(&self) -> (u16, u16) {
        (self.header.source_port(), self.header.destination_port())
    }

    #[inline]
    fn segment(
        &self,
        record: &Record<'_>,
        outer: &Outer<'_>,
        (tuple, from_low): (FourTuple, bool),
        ttl: u8,
        ip_id: u16,
    ) -> Segment {
        let flags = Flags(self.header.slice().get(13).copied().unwrap_or(0));
        Segment {
            record: record.number,
            time: record.time,
            tuple,
            from_low,
            seq: SeqNumber(self.header.sequence_number()),
            ack: SeqNumber(self.header.acknowledgment_number()),
            flags,
            window: self.header.window_size(),
            window_known: true,
            octets: self.octets,
            ttl,
            ip_id,
            checksum: self.header.checksum(),
            interface: outer.interface,
            options: flags.syn().then(|| syn_options(self.header.options())),
        }
    }
}

#[inline]
fn word(data: &[u8], at: usize) -> Option<u16> {
    data.get(at..)?.first_chunk().copied().map(u16::from_be_bytes)
}
