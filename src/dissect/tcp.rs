//! TCP headers, whole or cut.

use super::SkipReason;
use super::frame::Frame;
use super::ip::Packet;
use super::options::syn_options;
use super::walk::Context;
use crate::tcp::{Flags, Segment, SeqNumber};

/// Octets of a TCP header without options.
pub(super) const HEADER: u32 = 20;

/// The segment in a packet. The header may be cut anywhere after its flags (octet 13): FIN and RST must
/// not be lost to a short snap length. etherparse's slices want a whole header, so this is done by hand.
pub(super) fn segment(packet: &Packet<'_>, context: &Context) -> Result<Segment, SkipReason> {
    let frame = packet.payload;
    if frame.length() < HEADER {
        return Err(SkipReason::MalformedTcp);
    }
    let fields = Fields::read(frame).ok_or(SkipReason::CutInTcp)?;
    if fields.header < HEADER {
        return Err(SkipReason::MalformedTcp);
    }
    let octets = frame.length().checked_sub(fields.header).ok_or(SkipReason::MalformedTcp)?;
    let (tuple, from_low) = packet.addresses.tuple(fields.ports, context.scope);
    Ok(Segment {
        record: context.record,
        time: context.time,
        tuple,
        from_low,
        seq: fields.seq,
        ack: fields.ack,
        flags: fields.flags,
        window: frame.word(14).unwrap_or(0),
        window_known: frame.word(14).is_some(),
        octets,
        ttl: context.ttl.unwrap_or(0),
        ip_id: packet.id,
        checksum: frame.word(16).unwrap_or(0),
        interface: context.interface,
        options: fields.flags.syn().then(|| syn_options(options(frame, fields.header))),
    })
}

/// What stands before the window field.
struct Fields {
    ports: (u16, u16),
    seq: SeqNumber,
    ack: SeqNumber,
    /// Octets of the header by its data offset.
    header: u32,
    flags: Flags,
}

impl Fields {
    fn read(frame: Frame<'_>) -> Option<Self> {
        Some(Self {
            ports: (frame.word(0)?, frame.word(2)?),
            seq: SeqNumber(frame.long(4)?),
            ack: SeqNumber(frame.long(8)?),
            header: u32::from(frame.byte(12)? >> 4) * 4,
            flags: Flags(frame.byte(13)?),
        })
    }
}

fn options(frame: Frame<'_>, header: u32) -> &[u8] {
    frame.with_length(header).data().get(20..).unwrap_or_default()
}
