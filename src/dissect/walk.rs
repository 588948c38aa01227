//! Layer by layer from the link to the innermost transport header.

use super::frame::Frame;
use super::ip::Packet;
use super::{Dissected, SkipReason, ethernet, icmp, ip, link, ppp, tcp, tunnel};
use crate::capture::Record;
use crate::time::Timestamp;

/// Tunnels inside one another that are followed.
const MAX_TUNNELS: u8 = 4;

/// What comes next in a frame.
pub(super) enum Layer<'a> {
    /// An Ethernet header.
    Ethernet(Frame<'a>),
    /// What an EtherType (or an 802.3 length) announces.
    EtherType(u16, Frame<'a>),
    /// An 802.2 header.
    Llc(Frame<'a>),
    /// A PPP frame from its protocol field.
    Ppp(Frame<'a>),
    /// An IP header of the version in its first four bits.
    Ip(Frame<'a>),
    /// What an IP packet carries.
    Transport(Packet<'a>),
}

/// What the outer layers say about the segment inside.
pub(super) struct Context {
    pub(super) record: u64,
    pub(super) time: Timestamp,
    pub(super) interface: u16,
    /// Outermost VLAN identifier, with tunnel identifiers folded in; 0 for none.
    pub(super) scope: u32,
    /// Time to live of the outermost IP header.
    pub(super) ttl: Option<u8>,
    tunnels: u8,
}

impl Context {
    fn new(record: &Record<'_>) -> Self {
        Self {
            record: record.number,
            time: record.time,
            interface: record.interface,
            scope: 0,
            ttl: None,
            tunnels: 0,
        }
    }

    pub(super) fn enter_tunnel(&mut self) -> Result<(), SkipReason> {
        self.tunnels += 1;
        if self.tunnels > MAX_TUNNELS { Err(SkipReason::TunnelTooDeep) } else { Ok(()) }
    }
}

/// Walks a record from its link type to the innermost TCP header or ICMP error.
///
/// A loop, not recursion. It ends because every turn either leaves a header behind or moves from a link
/// layer to the network layer.
pub(super) fn walk(record: &Record<'_>) -> Result<Dissected, SkipReason> {
    let mut context = Context::new(record);
    let mut layer = link::first(record, &mut context)?;
    loop {
        layer = match layer {
            Layer::Ethernet(frame) => ethernet::header(frame)?,
            Layer::EtherType(kind, payload) => ethernet::payload(kind, payload, &mut context)?,
            Layer::Llc(frame) => ethernet::llc(frame)?,
            Layer::Ppp(frame) => ppp::payload(frame)?,
            Layer::Ip(frame) => ip::packet(frame, &mut context)?,
            Layer::Transport(packet) if packet.protocol == ip::TCP => {
                return tcp::segment(&packet, &context).map(Dissected::Segment);
            }
            Layer::Transport(packet) if icmp::is_icmp(&packet) => {
                return icmp::error(&packet, &context).map(Dissected::IcmpError);
            }
            Layer::Transport(packet) => tunnel::inner(&packet, &mut context)?,
        };
    }
}
