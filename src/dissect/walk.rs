//! Layer by layer from the link to the innermost transport header.

use super::frame::Frame;
use super::ip::{Packet, Part};
use super::reassembly::{Fragment, Whole};
use super::{Dissected, IcmpError, SkipReason, ethernet, icmp, ip, link, ppp, tcp, tunnel};
use crate::capture::Record;
use crate::tcp::Segment;
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
    /// What an IP fragment carries.
    Fragment(Packet<'a>, Part),
}

/// What a walk leads to.
pub(super) enum Found {
    Segment(Segment),
    IcmpError(IcmpError),
    Fragment(Fragment),
}

/// What the outer layers say about the segment inside.
#[derive(Clone, Copy, Debug)]
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

    /// The same layers around what another record completed.
    pub(super) const fn completed(self, record: u64, time: Timestamp) -> Self {
        Self { record, time, ..self }
    }

    pub(super) fn enter_tunnel(&mut self) -> Result<(), SkipReason> {
        self.tunnels += 1;
        if self.tunnels > MAX_TUNNELS { Err(SkipReason::TunnelTooDeep) } else { Ok(()) }
    }
}

/// Walks a record from its link type to the innermost TCP header, ICMP error, or outermost IP fragment.
pub(super) fn walk(record: &Record<'_>) -> Result<Found, SkipReason> {
    let mut context = Context::new(record);
    let layer = link::first(record, &mut context)?;
    onward(layer, context, Fragments::Taken)
}

/// As [`walk`], with each fragment read by itself: a first one for the packet, later ones for nothing.
pub(super) fn walk_alone(record: &Record<'_>) -> Result<Dissected, SkipReason> {
    let mut context = Context::new(record);
    let layer = link::first(record, &mut context)?;
    dissected(&onward(layer, context, Fragments::Alone)?)
}

/// What a fragment is by itself.
pub(super) fn fragment_alone(fragment: &Fragment) -> Result<Dissected, SkipReason> {
    let (packet, part) = fragment.packet();
    dissected(&onward(Layer::Fragment(packet, part), fragment.context, Fragments::Alone)?)
}

/// Goes on behind the IP header of a datagram that was put together.
pub(super) fn walk_whole(whole: &Whole) -> Result<Found, SkipReason> {
    onward(ip::whole(whole.packet())?, whole.context, Fragments::Taken)
}

fn dissected(found: &Found) -> Result<Dissected, SkipReason> {
    match found {
        Found::Segment(segment) => Ok(Dissected::Segment(*segment)),
        Found::IcmpError(error) => Ok(Dissected::IcmpError(*error)),
        Found::Fragment(_) => Err(SkipReason::IpFragment),
    }
}

/// What to do with a fragment.
#[derive(Clone, Copy)]
enum Fragments {
    /// The walk ends there.
    Taken,
    /// Read on by itself.
    Alone,
}

/// A loop, not recursion. It ends because every turn either leaves a header behind or moves from a link
/// layer to the network layer.
fn onward(mut layer: Layer<'_>, mut context: Context, fragments: Fragments) -> Result<Found, SkipReason> {
    loop {
        layer = match layer {
            Layer::Ethernet(frame) => ethernet::header(frame)?,
            Layer::EtherType(kind, payload) => ethernet::payload(kind, payload, &mut context)?,
            Layer::Llc(frame) => ethernet::llc(frame)?,
            Layer::Ppp(frame) => ppp::payload(frame)?,
            Layer::Ip(frame) => ip::packet(frame, &mut context)?,
            Layer::Fragment(packet, part) => match fragments {
                Fragments::Taken => return Fragment::new(&packet, part, context).map(Found::Fragment),
                Fragments::Alone => Layer::Transport(ip::alone((packet, Some(part)))?),
            },
            Layer::Transport(packet) if packet.protocol == ip::TCP => {
                return tcp::segment(&packet, &context).map(Found::Segment);
            }
            Layer::Transport(packet) if icmp::is_icmp(&packet) => {
                return icmp::error(&packet, &context).map(Found::IcmpError);
            }
            Layer::Transport(packet) => tunnel::inner(&packet, &mut context)?,
        };
    }
}
