//! IPv4 and IPv6 headers, whatever stands between them and the transport header.

use std::net::IpAddr;

use etherparse::{
    IpAuthHeaderSlice, Ipv4HeaderSlice, Ipv6FragmentHeaderSlice, Ipv6HeaderSlice, Ipv6RawExtHeaderSlice,
};

use super::SkipReason;
use super::frame::{Frame, LONGEST};
use super::walk::{Context, Layer};
use crate::net::FourTuple;

pub(super) const TCP: u8 = 6;
/// Octets of an IPv6 header.
pub(super) const V6_HEADER: usize = 40;

/// Extension headers in a row that are followed; RFC 8200 §4.1 foresees eight.
const MAX_EXTENSIONS: usize = 16;

/// An IP packet, extension headers left behind; or a fragment of one.
#[derive(Clone, Copy)]
pub(super) struct Packet<'a> {
    pub(super) addresses: Addresses,
    /// Protocol of `payload`.
    pub(super) protocol: u8,
    /// IPv4 identification; 0 for IPv6.
    pub(super) id: u16,
    /// As long as the IP header says.
    pub(super) payload: Frame<'a>,
}

/// Which part of its datagram a fragment is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    /// The datagram's identification: 16 bits in IPv4, 32 in IPv6.
    pub(super) id: u32,
    /// Octets of the datagram before this fragment.
    pub(super) offset: u32,
    /// More fragments follow.
    pub(super) more: bool,
}

impl Part {
    /// `None` for what is whole: nothing before it and nothing behind (for IPv6 see RFC 6946).
    fn of(id: u32, offset: etherparse::IpFragOffset, more: bool) -> Option<Self> {
        let offset = u32::from(offset.value()) * 8;
        (offset != 0 || more).then_some(Self { id, offset, more })
    }
}

/// Source and destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Addresses {
    V4([u8; 4], [u8; 4]),
    V6([u8; 16], [u8; 16]),
}

impl Addresses {
    pub(super) fn source(self) -> IpAddr {
        match self {
            Self::V4(source, _) => source.into(),
            Self::V6(source, _) => source.into(),
        }
    }

    /// The canonical tuple, and whether the source is its low endpoint.
    pub(super) fn tuple(self, ports: (u16, u16), scope: u32) -> (FourTuple, bool) {
        match self {
            Self::V4(source, destination) => FourTuple::v4(source, destination, ports, scope),
            Self::V6(source, destination) => FourTuple::v6(source, destination, ports, scope),
        }
    }
}

/// An IP packet by its version.
pub(super) fn packet<'a>(frame: Frame<'a>, context: &mut Context) -> Result<Layer<'a>, SkipReason> {
    let (parsed, ttl) = parse(frame)?;
    context.ttl.get_or_insert(ttl);
    Ok(parsed.into())
}

/// What was put together from fragments: extension headers may follow.
pub(super) fn whole(packet: Packet<'_>) -> Result<Layer<'_>, SkipReason> {
    packet.past_extensions().map(Layer::from)
}

/// A packet, or a fragment and its place; a fragment's payload may begin with extension headers.
pub(super) type Parsed<'a> = (Packet<'a>, Option<Part>);

impl<'a> From<Parsed<'a>> for Layer<'a> {
    fn from((packet, part): Parsed<'a>) -> Self {
        part.map_or(Self::Transport(packet), |part| Self::Fragment(packet, part))
    }
}

/// The packet as far as a first fragment tells it; later fragments tell nothing by themselves.
pub(super) fn alone((mut packet, mut part): Parsed<'_>) -> Result<Packet<'_>, SkipReason> {
    while let Some(Part { offset, .. }) = part {
        if offset != 0 {
            return Err(SkipReason::IpFragment);
        }
        (packet, part) = packet.past_extensions()?;
    }
    Ok(packet)
}

/// An IP packet and its time to live.
pub(super) fn parse(frame: Frame<'_>) -> Result<(Parsed<'_>, u8), SkipReason> {
    match frame.byte(0).ok_or(SkipReason::CutBeforeIp)? >> 4 {
        4 => v4(frame),
        6 => v6(frame),
        _ => Err(SkipReason::MalformedIp),
    }
}

fn v4(frame: Frame<'_>) -> Result<(Parsed<'_>, u8), SkipReason> {
    use etherparse::err::ipv4::HeaderSliceError;
    let header = Ipv4HeaderSlice::from_slice(frame.data()).map_err(|error| match error {
        HeaderSliceError::Len(_) => lacking(frame),
        HeaderSliceError::Content(_) => SkipReason::MalformedIp,
    })?;
    let frame = match u32::from(header.total_len()) {
        // Segmentation offload: the kernel hands the packet over before its length is known.
        0 => frame,
        length => frame.with_length(length),
    };
    // The total length may be below the header's own.
    let payload = frame.after(header.slice().len()).ok_or(SkipReason::MalformedIp)?;
    let addresses = Addresses::V4(header.source(), header.destination());
    let id = header.identification();
    let packet = Packet { addresses, protocol: header.protocol().0, id, payload };
    let parsed = match Part::of(u32::from(id), header.fragments_offset(), header.more_fragments()) {
        None => packet.past_extensions()?,
        part => (packet, part),
    };
    Ok((parsed, header.ttl()))
}

fn v6(frame: Frame<'_>) -> Result<(Parsed<'_>, u8), SkipReason> {
    use etherparse::err::ipv6::HeaderSliceError;
    let header = Ipv6HeaderSlice::from_slice(frame.data()).map_err(|error| match error {
        HeaderSliceError::Len(_) => lacking(frame),
        HeaderSliceError::Content(_) => SkipReason::MalformedIp,
    })?;
    let payload = frame.after(V6_HEADER).ok_or_else(|| lacking(frame))?;
    let next = header.next_header().0;
    let payload = match u32::from(header.payload_length()) {
        0 => jumbo(next, payload)?,
        length => payload.with_length(length),
    };
    let addresses = Addresses::V6(header.source(), header.destination());
    let packet = Packet { addresses, protocol: next, id: 0, payload };
    Ok((packet.past_extensions()?, header.hop_limit()))
}

fn lacking(frame: Frame<'_>) -> SkipReason {
    frame.lacking(SkipReason::CutInIp, SkipReason::MalformedIp)
}

/// The payload of an IPv6 packet whose length field is 0: a jumbogram with its length in a hop-by-hop
/// option (RFC 2675 §2), or segmentation offload, where only the frame tells.
fn jumbo(next: u8, payload: Frame<'_>) -> Result<Frame<'_>, SkipReason> {
    if next != HOP_BY_HOP {
        return Ok(payload);
    }
    let header = Ipv6RawExtHeaderSlice::from_slice(payload.data()).map_err(|_| lacking(payload))?;
    match jumbo_length(header.payload()) {
        Some(length) if length > LONGEST => Err(SkipReason::MalformedIp),
        Some(length) => Ok(payload.with_length(length)),
        None => Ok(payload),
    }
}

/// The jumbo payload length among hop-by-hop options (RFC 8200 §4.2).
fn jumbo_length(mut options: &[u8]) -> Option<u32> {
    const PAD1: u8 = 0;
    const JUMBO_PAYLOAD: u8 = 0xc2;
    loop {
        options = match *options {
            [PAD1, ref rest @ ..] => rest,
            [JUMBO_PAYLOAD, 4, a, b, c, d, ..] => return Some(u32::from_be_bytes([a, b, c, d])),
            [_, length, ref rest @ ..] => rest.get(usize::from(length)..)?,
            _ => return None,
        };
    }
}

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION_OPTIONS: u8 = 60;
const MOBILITY: u8 = 135;
const HOST_IDENTITY: u8 = 139;
const SHIM6: u8 = 140;

impl<'a> Packet<'a> {
    /// Leaves extension headers behind, down to the fragment header of a fragment.
    fn past_extensions(mut self) -> Result<Parsed<'a>, SkipReason> {
        for _ in 0..MAX_EXTENSIONS {
            let Some(extension) = extension(self.protocol, self.payload)? else {
                return Ok((self, None));
            };
            self.payload = self.payload.after(extension.octets).ok_or_else(|| lacking(self.payload))?;
            self.protocol = extension.next;
            if extension.part.is_some() {
                return Ok((self, extension.part));
            }
        }
        Err(SkipReason::MalformedIp)
    }
}

struct Extension {
    /// The next header that it names.
    next: u8,
    octets: usize,
    /// What the fragment header of a fragment says.
    part: Option<Part>,
}

/// An extension header; `None` for any other protocol.
fn extension(kind: u8, frame: Frame<'_>) -> Result<Option<Extension>, SkipReason> {
    let data = frame.data();
    let (next, slice, part) = match kind {
        HOP_BY_HOP | ROUTING | DESTINATION_OPTIONS | MOBILITY | HOST_IDENTITY | SHIM6 => {
            let header = Ipv6RawExtHeaderSlice::from_slice(data).map_err(|_| lacking(frame))?;
            (header.next_header(), header.slice(), None)
        }
        AUTHENTICATION => {
            let header = IpAuthHeaderSlice::from_slice(data).map_err(|_| lacking(frame))?;
            (header.next_header(), header.slice(), None)
        }
        FRAGMENT => {
            let header = Ipv6FragmentHeaderSlice::from_slice(data).map_err(|_| lacking(frame))?;
            let part = Part::of(header.identification(), header.fragment_offset(), header.more_fragments());
            (header.next_header(), header.slice(), part)
        }
        _ => return Ok(None),
    };
    Ok(Some(Extension { next: next.0, octets: slice.len(), part }))
}
