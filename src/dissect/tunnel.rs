//! Packets inside packets: IP in IP, GRE, VXLAN, GENEVE, ERSPAN, GTP-U.

use super::SkipReason;
use super::ethernet::{self, TRANSPARENT_BRIDGING};
use super::frame::Frame;
use super::ip::Packet;
use super::walk::{Context, Layer};

const IPV4: u8 = 4;
const UDP: u8 = 17;
const IPV6: u8 = 41;
const GRE: u8 = 47;

const VXLAN_PORT: u16 = 4789;
/// Linux's port for VXLAN from before the assignment; overlay networks of clusters still use it.
const VXLAN_OLD_PORT: u16 = 8472;
const GENEVE_PORT: u16 = 6081;
/// RFC 8086 §8.
const GRE_PORT: u16 = 4754;
/// 3GPP TS 29.281 §4.4.2.3.
const GTP_USER_PORT: u16 = 2152;

/// The packet inside a tunnel, or the reason that names the protocol.
pub(super) fn inner<'a>(packet: &Packet<'a>, context: &mut Context) -> Result<Layer<'a>, SkipReason> {
    let layer = match packet.protocol {
        IPV4 | IPV6 => Some(Layer::Ip(packet.payload)),
        GRE => gre(packet.payload, context)?,
        UDP => udp(packet.payload, context)?,
        other => return Err(SkipReason::OtherIpProtocol(other)),
    };
    context.enter_tunnel()?;
    layer.ok_or(SkipReason::CutInTunnel)
}

/// Folds a tunnel identifier into the scope. Bit 30 marks tunnels, so that they never equal a VLAN; alone,
/// an identifier of up to 30 bits stays readable.
fn fold(scope: u32, identifier: u32) -> u32 {
    const TUNNEL: u32 = 1 << 30;
    let outer = (scope & (TUNNEL - 1)).wrapping_mul(0x9e37_79b1);
    TUNNEL | (outer ^ identifier ^ identifier >> 30) & (TUNNEL - 1)
}

/// GRE (RFC 2784) with key and sequence number (RFC 2890), and its PPTP variant (RFC 2637 §4.1).
fn gre<'a>(frame: Frame<'a>, context: &mut Context) -> Result<Option<Layer<'a>>, SkipReason> {
    const CHECKSUM: u16 = 0x8000;
    const ROUTING: u16 = 0x4000;
    const KEY: u16 = 0x2000;
    const SEQUENCE: u16 = 0x1000;
    const ACKNOWLEDGMENT: u16 = 0x0080;
    const VERSION: u16 = 0x0007;
    let Some((flags, kind)) = frame.word(0).zip(frame.word(2)) else {
        return Ok(None);
    };
    let has = |flag: u16| usize::from(flags & flag != 0) * 4;
    let version = flags & VERSION;
    if flags & ROUTING != 0 || version > 1 || version == 1 && kind != ethernet::PPP {
        return Err(SkipReason::OtherIpProtocol(GRE));
    }
    let before_key = 4 + has(CHECKSUM);
    let mut octets = before_key + has(KEY) + has(SEQUENCE);
    if version == 1 {
        // The key of PPTP is a length and the receiver's call: it differs by direction.
        octets += has(ACKNOWLEDGMENT);
    } else if flags & KEY != 0 {
        let Some(key) = frame.long(before_key) else {
            return Ok(None);
        };
        context.scope = fold(context.scope, key);
    }
    Ok(frame.after(octets).and_then(|payload| mirrored(kind, has(SEQUENCE) != 0, payload)))
}

/// What GRE carries: a mirror session's Ethernet frame (ERSPAN), else what its EtherType says.
fn mirrored(kind: u16, sequenced: bool, payload: Frame<'_>) -> Option<Layer<'_>> {
    const ERSPAN: u16 = 0x88be;
    const ERSPAN_3: u16 = 0x22eb;
    match kind {
        // Type I has neither sequence number nor header of its own.
        ERSPAN if !sequenced => Some(Layer::Ethernet(payload)),
        ERSPAN => payload.after(8).map(Layer::Ethernet),
        ERSPAN_3 => {
            let has_subheader = payload.byte(11)? & 1 == 1;
            payload.after(if has_subheader { 20 } else { 12 }).map(Layer::Ethernet)
        }
        kind => Some(Layer::EtherType(kind, payload)),
    }
}

fn udp<'a>(frame: Frame<'a>, context: &mut Context) -> Result<Option<Layer<'a>>, SkipReason> {
    let Some(port) = frame.word(2) else {
        return Ok(None);
    };
    let tunnel = match port {
        VXLAN_PORT | VXLAN_OLD_PORT => vxlan,
        GENEVE_PORT => geneve,
        GRE_PORT => gre,
        GTP_USER_PORT => gtp_user,
        _ => return Err(SkipReason::Udp),
    };
    frame.after(8).map_or(Ok(None), |payload| tunnel(payload, context))
}

/// VXLAN (RFC 7348 §5): without its I flag it is other UDP on this port.
fn vxlan<'a>(frame: Frame<'a>, context: &mut Context) -> Result<Option<Layer<'a>>, SkipReason> {
    const IDENTIFIER_VALID: u8 = 0x08;
    let Some((flags, identifier)) = frame.byte(0).zip(frame.long(4)) else {
        return Ok(None);
    };
    if flags & IDENTIFIER_VALID == 0 {
        return Err(SkipReason::Udp);
    }
    context.scope = fold(context.scope, identifier >> 8);
    Ok(frame.after(8).map(Layer::Ethernet))
}

/// GENEVE (RFC 8926 §3.4): version 0, options counted in words.
fn geneve<'a>(frame: Frame<'a>, context: &mut Context) -> Result<Option<Layer<'a>>, SkipReason> {
    let (Some(first), Some(kind), Some(identifier)) = (frame.byte(0), frame.word(2), frame.long(4)) else {
        return Ok(None);
    };
    if first >> 6 != 0 {
        return Err(SkipReason::Udp);
    }
    context.scope = fold(context.scope, identifier >> 8);
    let options = usize::from(first & 0x3f) * 4;
    Ok(frame.after(8 + options).map(|payload| match kind {
        TRANSPARENT_BRIDGING => Layer::Ethernet(payload),
        kind => Layer::EtherType(kind, payload),
    }))
}

/// GTP-U version 1 (3GPP TS 29.281 §5): a packet of the user, whose address family it does not name. Its
/// tunnel identifier differs by direction, so the scope leaves it out.
fn gtp_user<'a>(frame: Frame<'a>, _: &mut Context) -> Result<Option<Layer<'a>>, SkipReason> {
    const VERSION_1: u8 = 0x30;
    const EXTENSION: u8 = 0x04;
    const ANY_OPTIONAL: u8 = 0x07;
    const USER_PACKET: u8 = 0xff;
    let Some((flags, message)) = frame.byte(0).zip(frame.byte(1)) else {
        return Ok(None);
    };
    if flags & 0xf0 != VERSION_1 || message != USER_PACKET {
        return Err(SkipReason::Udp);
    }
    let optional = if flags & ANY_OPTIONAL == 0 { 0 } else { 4 };
    let Some(mut payload) = frame.after(8 + optional) else {
        return Ok(None);
    };
    let mut next = if flags & EXTENSION == 0 { Some(0) } else { frame.byte(11) };
    // Each extension counts its words and names the next in its last octet; a count of 0 cannot be.
    while let Some(1..) = next {
        let octets = payload.byte(0).map_or(0, |words| usize::from(words) * 4);
        let Some(last) = octets.checked_sub(1) else {
            return Err(SkipReason::Udp);
        };
        next = payload.byte(last);
        let Some(rest) = payload.after(octets) else {
            return Ok(None);
        };
        payload = rest;
    }
    Ok(Some(Layer::Ip(payload)))
}
