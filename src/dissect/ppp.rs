//! PPP's protocol field (RFC 1661 §2).

use super::SkipReason;
use super::ethernet::MPLS;
use super::frame::Frame;
use super::walk::Layer;

/// Octets of a `PPPoE` header (RFC 2516 §4).
const PPPOE_HEADER: usize = 6;

/// What a PPP frame carries.
pub(super) fn payload(frame: Frame<'_>) -> Result<Layer<'_>, SkipReason> {
    let first = frame.byte(0).ok_or(SkipReason::CutBeforeIp)?;
    // An odd first octet is a compressed protocol field (RFC 1661 §6.5).
    let compressed = first & 1 == 1;
    let (protocol, octets) = if compressed { (Some(u16::from(first)), 1) } else { (frame.word(0), 2) };
    let (protocol, payload) = protocol.zip(frame.after(octets)).ok_or(SkipReason::CutBeforeIp)?;
    match protocol {
        0x0021 | 0x0057 => Ok(Layer::Ip(payload)),
        0x0281 => Ok(Layer::EtherType(MPLS, payload)),
        _ => Err(SkipReason::OtherLinkPayload),
    }
}

/// A `PPPoE` session frame; its length field excludes Ethernet padding.
pub(super) fn over_ethernet(frame: Frame<'_>) -> Option<Layer<'_>> {
    let length = u32::from(frame.word(4)?);
    Some(Layer::Ppp(frame.after(PPPOE_HEADER)?.with_length(length)))
}
