//! Ethernet and everything an EtherType announces on the way to IP.

use super::frame::Frame;
use super::walk::{Context, Layer};
use super::{SkipReason, ppp};

pub(super) const IPV4: u16 = 0x0800;
pub(super) const IPV6: u16 = 0x86dd;
pub(super) const MPLS: u16 = 0x8847;
pub(super) const PPPOE_SESSION: u16 = 0x8864;
/// A whole Ethernet frame inside a tunnel.
pub(super) const TRANSPARENT_BRIDGING: u16 = 0x6558;
/// PPP inside GRE (RFC 2637).
pub(super) const PPP: u16 = 0x880b;
const ARP: u16 = 0x0806;
const RARP: u16 = 0x8035;
/// Cisco's tags: `FabricPath` puts a whole header before the frame's own, VN-Tag stands like a VLAN tag.
const FABRIC_PATH: u16 = 0x8903;
const VN_TAG: u16 = 0x8926;
const MPLS_UPSTREAM: u16 = 0x8848;

/// Octets of an Ethernet header.
pub(super) const HEADER: usize = 14;
/// Values up to this one are an 802.3 length.
const MAX_LENGTH: u16 = 1500;
/// The VLAN identifier within tag control information (IEEE 802.1Q §9.6); the rest is priority.
const VLAN_ID: u16 = 0x0fff;

/// True for the tag protocol identifiers of 802.1Q, 802.1ad and their forerunners.
#[inline]
pub(super) const fn is_vlan(kind: u16) -> bool {
    matches!(kind, 0x8100 | 0x88a8 | 0x9100 | 0x9200)
}

/// The scope after a VLAN tag: the outermost identifier stays, and 0 is a priority tag, not a VLAN.
#[inline]
pub(super) fn scope_with_tag(scope: u32, control: u16) -> u32 {
    if scope == 0 { u32::from(control & VLAN_ID) } else { scope }
}

/// An Ethernet header.
pub(super) fn header(frame: Frame<'_>) -> Result<Layer<'_>, SkipReason> {
    let (kind, payload) = frame.word(12).zip(frame.after(HEADER)).ok_or(SkipReason::CutBeforeIp)?;
    Ok(Layer::EtherType(kind, payload))
}

/// What follows an EtherType.
pub(super) fn payload<'a>(
    kind: u16,
    payload: Frame<'a>,
    context: &mut Context,
) -> Result<Layer<'a>, SkipReason> {
    let layer = match kind {
        IPV4 | IPV6 => Some(Layer::Ip(payload)),
        ARP | RARP => return Err(SkipReason::Arp),
        PPP => Some(Layer::Ppp(payload)),
        PPPOE_SESSION => ppp::over_ethernet(payload),
        MPLS | MPLS_UPSTREAM => return mpls(payload),
        TRANSPARENT_BRIDGING => Some(Layer::Ethernet(payload)),
        FABRIC_PATH => payload.after(2).map(Layer::Ethernet),
        VN_TAG => payload.word(4).zip(payload.after(6)).map(|(kind, rest)| Layer::EtherType(kind, rest)),
        _ if is_vlan(kind) => tagged(payload, context),
        0..=MAX_LENGTH => Some(Layer::Llc(payload.with_length(payload.length().min(u32::from(kind))))),
        other => return Err(SkipReason::OtherEtherType(other)),
    };
    layer.ok_or(SkipReason::CutBeforeIp)
}

fn tagged<'a>(tag: Frame<'a>, context: &mut Context) -> Option<Layer<'a>> {
    context.scope = scope_with_tag(context.scope, tag.word(0)?);
    Some(Layer::EtherType(tag.word(2)?, tag.after(4)?))
}

/// An 802.2 header; only SNAP with an EtherType, and the rare IP service access point, lead to IP.
pub(super) fn llc(frame: Frame<'_>) -> Result<Layer<'_>, SkipReason> {
    const SNAP: [u8; 2] = [0xaa, 0xaa];
    const IP: [u8; 2] = [0x06, 0x06];
    let access_points: [u8; 2] = frame.data().first_chunk().copied().ok_or(SkipReason::CutBeforeIp)?;
    let layer = match access_points {
        // Octets 3..6 are the organisation: 0 means that an EtherType follows (RFC 1042).
        SNAP => match frame.long(2) {
            Some(control) if control << 8 == 0 => snap(frame),
            Some(_) => return Err(SkipReason::OtherLinkPayload),
            None => None,
        },
        IP => frame.after(3).map(Layer::Ip),
        _ => return Err(SkipReason::OtherLinkPayload),
    };
    layer.ok_or(SkipReason::CutBeforeIp)
}

fn snap(frame: Frame<'_>) -> Option<Layer<'_>> {
    Some(Layer::EtherType(frame.word(6)?, frame.after(8)?))
}

/// A stack of labels (RFC 3032 §2.1). Nothing names the payload: its first four bits tell IP from a
/// pseudowire with a control word (RFC 4385 §3), whose payload is taken for Ethernet.
fn mpls(mut frame: Frame<'_>) -> Result<Layer<'_>, SkipReason> {
    loop {
        let (label, rest) = frame.byte(2).zip(frame.after(4)).ok_or(SkipReason::CutBeforeIp)?;
        frame = rest;
        if label & 1 == 1 {
            break;
        }
    }
    match frame.byte(0).ok_or(SkipReason::CutBeforeIp)? >> 4 {
        4 | 6 => Ok(Layer::Ip(frame)),
        0 => frame.after(4).map(Layer::Ethernet).ok_or(SkipReason::CutBeforeIp),
        _ => Err(SkipReason::OtherEtherType(MPLS)),
    }
}
