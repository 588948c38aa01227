//! One IP fragment as it is kept: what its headers say and the octets that may hold further headers.

use super::super::SkipReason;
use super::super::frame::Frame;
use super::super::ip::{Addresses, Packet, Part};
use super::super::walk::Context;
use crate::time::Timestamp;

/// Octets from the start of a datagram that are kept. Payload is never read: this is room for the headers of
/// four tunnels inside one another with options, and for a TCP header.
pub(super) const KEPT: usize = 2048;
/// A datagram is no longer than its length field can say (RFC 791 §3.1, RFC 8200 §3).
const LONGEST: u32 = 65_535;

/// Which fragments belong together (RFC 791 §3.2, RFC 8200 §4.5), within one VLAN or tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    id: u32,
    scope: u32,
    /// Of IPv4 only: in IPv6 the first fragment alone tells.
    protocol: u8,
    addresses: Addresses,
}

/// One IP fragment, free of borrows: 2 KiB and its headers' fields at most.
#[derive(Clone, Debug)]
pub struct Fragment {
    pub(in super::super) context: Context,
    pub(super) key: Key,
    pub(super) part: Part,
    pub(super) protocol: u8,
    /// Octets by the IP header's length, whatever was captured.
    pub(super) length: u32,
    /// Those captured that lie within the first [`KEPT`] of the datagram.
    pub(super) octets: Box<[u8]>,
}

impl Fragment {
    /// A datagram beyond 64 KiB cannot be.
    pub(in super::super) fn new(
        packet: &Packet<'_>,
        part: Part,
        context: Context,
    ) -> Result<Self, SkipReason> {
        let length = packet.payload.length();
        if part.offset + length > LONGEST {
            return Err(SkipReason::MalformedIp);
        }
        let protocol = match packet.addresses {
            Addresses::V4(..) => packet.protocol,
            Addresses::V6(..) => 0,
        };
        let key = Key { id: part.id, scope: context.scope, protocol, addresses: packet.addresses };
        let data = packet.payload.data();
        let kept = data.len().min(KEPT.saturating_sub(index(part.offset)));
        let octets = data.get(..kept).unwrap_or_default().into();
        Ok(Self { context, key, part, protocol: packet.protocol, length, octets })
    }

    /// Number of the record over the whole input.
    pub const fn record(&self) -> u64 {
        self.context.record
    }

    /// Capture time of the record.
    pub const fn time(&self) -> Timestamp {
        self.context.time
    }

    /// Octets that are kept of it.
    pub(crate) fn kept(&self) -> usize {
        self.octets.len()
    }

    /// Gives it another number and time: it was read as part of an input that is joined with others.
    pub(crate) fn move_to(&mut self, record: u64, time: Timestamp) {
        (self.context.record, self.context.time) = (record, time);
    }

    /// The fragment as it stood in its frame.
    pub(in super::super) fn packet(&self) -> (Packet<'_>, Part) {
        let packet = self.key.packet(self.protocol, Frame::new(&self.octets, self.length));
        (packet, self.part)
    }

    pub(super) const fn is_first(&self) -> bool {
        self.part.offset == 0
    }

    pub(super) const fn end(&self) -> u32 {
        self.part.offset + self.length
    }
}

impl Key {
    /// A packet with these addresses.
    pub(super) fn packet<'a>(&self, protocol: u8, payload: Frame<'a>) -> Packet<'a> {
        let id = match self.addresses {
            // 16 bits in IPv4.
            Addresses::V4(..) => u16::try_from(self.id).unwrap_or(0),
            Addresses::V6(..) => 0,
        };
        Packet { addresses: self.addresses, protocol, id, payload }
    }
}

/// An offset within a datagram as a place in memory.
pub(super) fn index(offset: u32) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}
