//! The shortcut for the common frame: VLAN tags at most, one plain IP header, a whole TCP header.

use etherparse::{Ipv4HeaderSlice, Ipv6HeaderSlice, TcpHeaderSlice};

use super::options::syn_options;
use super::{ethernet, ip, link};
use crate::capture::Record;
use crate::net::FourTuple;
use crate::tcp::{Flags, Segment, SeqNumber};

/// What a common frame consists of. Borrowed views only: the segment is then built once, in its final place,
/// because copying it straight after its fields were written stalls the processor for longer than the rest
/// of this file takes.
pub(super) struct Common<'a> {
    ip: Ip<'a>,
    tcp: TcpHeaderSlice<'a>,
    octets: u32,
    scope: u32,
    interface: u16,
}

enum Ip<'a> {
    V4(Ipv4HeaderSlice<'a>),
    V6(Ipv6HeaderSlice<'a>),
}

impl<'a> Common<'a> {
    /// A common frame; `None` sends the record through every layer. Whatever segment it holds, the walk by
    /// layers finds too.
    #[inline]
    pub(super) fn find(record: &Record<'a>) -> Option<Self> {
        let Outer { packet, scope, interface } = outer(record)?;
        let (ip, tcp, length) = match packet.first()? >> 4 {
            4 => over_v4(packet)?,
            6 => over_v6(packet)?,
            _ => return None,
        };
        // A header that does not fit its packet is left to the walk to name.
        let octets = u32::try_from(length.checked_sub(tcp.slice().len())?).ok()?;
        Some(Self { ip, tcp, octets, scope, interface })
    }

    #[inline]
    pub(super) fn segment(&self, record: &Record<'_>) -> Segment {
        let ports = (self.tcp.source_port(), self.tcp.destination_port());
        let ((tuple, from_low), ttl, ip_id) = match &self.ip {
            Ip::V4(ip) => {
                let tuple = FourTuple::v4(ip.source(), ip.destination(), ports, self.scope);
                (tuple, ip.ttl(), ip.identification())
            }
            Ip::V6(ip) => {
                let tuple = FourTuple::v6(ip.source(), ip.destination(), ports, self.scope);
                (tuple, ip.hop_limit(), 0)
            }
        };
        let flags = Flags(self.tcp.slice().get(13).copied().unwrap_or(0));
        Segment {
            record: record.number,
            time: record.time,
            tuple,
            from_low,
            seq: SeqNumber(self.tcp.sequence_number()),
            ack: SeqNumber(self.tcp.acknowledgment_number()),
            flags,
            window: self.tcp.window_size(),
            window_known: true,
            octets: self.octets,
            ttl,
            ip_id,
            checksum: self.tcp.checksum(),
            interface: self.interface,
            options: flags.syn().then(|| syn_options(self.tcp.options())),
        }
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

/// The headers and the octets of IP payload.
#[inline]
fn over_v4(packet: &[u8]) -> Option<(Ip<'_>, TcpHeaderSlice<'_>, usize)> {
    let header = Ipv4HeaderSlice::from_slice(packet).ok()?;
    if header.protocol().0 != ip::TCP || header.fragments_offset().value() != 0 {
        return None;
    }
    let octets = header.slice().len();
    // A total length of 0 (segmentation offload) fails here and takes the long way.
    let length = usize::from(header.total_len()).checked_sub(octets)?;
    let tcp = TcpHeaderSlice::from_slice(packet.get(octets..)?).ok()?;
    Some((Ip::V4(header), tcp, length))
}

#[inline]
fn over_v6(packet: &[u8]) -> Option<(Ip<'_>, TcpHeaderSlice<'_>, usize)> {
    let header = Ipv6HeaderSlice::from_slice(packet).ok()?;
    if header.next_header().0 != ip::TCP {
        return None;
    }
    let tcp = TcpHeaderSlice::from_slice(packet.get(ip::V6_HEADER..)?).ok()?;
    let length = usize::from(header.payload_length());
    Some((Ip::V6(header), tcp, length))
}

#[inline]
fn word(data: &[u8], at: usize) -> Option<u16> {
    data.get(at..)?.first_chunk().copied().map(u16::from_be_bytes)
}
