//! Link types of the tcpdump.org registry.

use super::SkipReason;
use super::frame::Frame;
use super::walk::{Context, Layer};
use crate::capture::{LinkType, Record};

pub(super) const NULL: LinkType = LinkType(0);
pub(super) const ETHERNET: LinkType = LinkType(1);
pub(super) const RAW: LinkType = LinkType(101);
pub(super) const LINUX_SLL: LinkType = LinkType(113);
pub(super) const LINUX_SLL2: LinkType = LinkType(276);
const PPP: LinkType = LinkType(9);
/// What BSD calls `DLT_RAW`; files hold it in place of 101.
const DLT_RAW: LinkType = LinkType(12);
const DLT_RAW_OPENBSD: LinkType = LinkType(14);
const PPP_SERIAL: LinkType = LinkType(50);
const PPP_ETHER: LinkType = LinkType(51);
const C_HDLC: LinkType = LinkType(104);
const LOOP: LinkType = LinkType(108);
const FDDI: LinkType = LinkType(10);
const PFLOG: LinkType = LinkType(117);
const NFLOG: LinkType = LinkType(239);
const IP_OVER_INFINIBAND: LinkType = LinkType(242);
const IPV4: LinkType = LinkType(228);
const IPV6: LinkType = LinkType(229);

/// Octets of a cooked header, version 1.
pub(super) const SLL_HEADER: usize = 16;
/// Octets of a cooked header, version 2.
pub(super) const SLL2_HEADER: usize = 20;
/// Cooked frames name 802.2 this way: they have no length field (`LINUX_SLL_P_802_2`).
const SLL_LLC: u16 = 4;

/// The first layer of a record.
pub(super) fn first<'a>(record: &Record<'a>, context: &mut Context) -> Result<Layer<'a>, SkipReason> {
    let frame = Frame::of(record);
    let layer = match record.link {
        ETHERNET => Some(Layer::Ethernet(frame)),
        LINUX_SLL => sll(frame, context),
        LINUX_SLL2 => sll2(frame, context),
        NULL | LOOP => return loopback(frame),
        PFLOG => return pflog(frame),
        NFLOG => return nflog(frame),
        FDDI => frame.after(13).map(Layer::Llc),
        IP_OVER_INFINIBAND => infiniband(frame),
        RAW | DLT_RAW | DLT_RAW_OPENBSD | IPV4 | IPV6 => Some(Layer::Ip(frame)),
        PPP | PPP_SERIAL => serial(frame),
        PPP_ETHER => Some(Layer::EtherType(super::ethernet::PPPOE_SESSION, frame)),
        C_HDLC => cisco_hdlc(frame),
        LinkType(other) => return Err(SkipReason::UnsupportedLink(other)),
    };
    layer.ok_or(SkipReason::CutBeforeIp)
}

fn sll<'a>(frame: Frame<'a>, context: &mut Context) -> Option<Layer<'a>> {
    let payload = frame.after(SLL_HEADER)?;
    context.interface = sll_interface(context.interface, frame.byte(1)?);
    Some(cooked(frame.word(14)?, payload))
}

fn sll2<'a>(frame: Frame<'a>, context: &mut Context) -> Option<Layer<'a>> {
    let payload = frame.after(SLL2_HEADER)?;
    context.interface = sll2_interface(context.interface, frame.long(4)?, frame.byte(10)?);
    Some(cooked(frame.word(0)?, payload))
}

fn cooked(kind: u16, payload: Frame<'_>) -> Layer<'_> {
    match kind {
        SLL_LLC => Layer::Llc(payload),
        kind => Layer::EtherType(kind, payload),
    }
}

/// A cooked frame's interface: the packet type (0 to us … 4 sent by us) in the top three bits tells the
/// copies apart that a router sees of one packet on its way in and out.
pub(super) fn sll_interface(interface: u16, packet_type: u8) -> u16 {
    interface & INTERFACE_BITS | u16::from(packet_type) << 13
}

/// As [`sll_interface`], for an interface index in the header; the record's own interface counts as well
/// when it is not the first.
pub(super) fn sll2_interface(interface: u16, index: u32, packet_type: u8) -> u16 {
    let [a, b, c, d] = index.to_be_bytes();
    let folded = u16::from_be_bytes([a, b]).wrapping_mul(31) ^ u16::from_be_bytes([c, d]);
    sll_interface(interface.wrapping_mul(251).wrapping_add(folded ^ folded >> 13), packet_type)
}

const INTERFACE_BITS: u16 = (1 << 13) - 1;

/// BSD loopback: an address family in the byte order of the machine that captured (NULL) or of the network
/// (LOOP). Both are read either way: a family fits one octet, so the order shows.
fn loopback(frame: Frame<'_>) -> Result<Layer<'_>, SkipReason> {
    let (family, payload) = frame.long(0).zip(frame.after(4)).ok_or(SkipReason::CutBeforeIp)?;
    by_family(if family > 0xffff { family.swap_bytes() } else { family }, payload)
}

fn by_family(family: u32, payload: Frame<'_>) -> Result<Layer<'_>, SkipReason> {
    match family {
        // AF_INET; AF_INET6 of Linux, NetBSD and OpenBSD, FreeBSD, Darwin.
        2 | 10 | 24 | 28 | 30 => Ok(Layer::Ip(payload)),
        _ => Err(SkipReason::OtherLinkPayload),
    }
}

/// The log of BSD's packet filter: its first octet is its own length, which leaves out padding to words.
fn pflog(frame: Frame<'_>) -> Result<Layer<'_>, SkipReason> {
    let (length, family) = frame.byte(0).zip(frame.byte(1)).ok_or(SkipReason::CutBeforeIp)?;
    let payload = frame.after(usize::from(length).next_multiple_of(4)).ok_or(SkipReason::CutBeforeIp)?;
    by_family(u32::from(family), payload)
}

/// The log of Linux's packet filter: attributes of (length, type), the packet among them. Lengths are in
/// the byte order of the machine that captured, which is little-endian wherever it is met.
fn nflog(frame: Frame<'_>) -> Result<Layer<'_>, SkipReason> {
    const PAYLOAD: u16 = 9;
    let mut rest = frame.after(4).ok_or(SkipReason::CutBeforeIp)?;
    loop {
        let (length, kind) = rest.word(0).zip(rest.word(2)).ok_or(SkipReason::CutBeforeIp)?;
        let length = length.swap_bytes();
        if kind.swap_bytes() == PAYLOAD {
            return rest.after(4).map(Layer::Ip).ok_or(SkipReason::CutBeforeIp);
        }
        let padded = usize::from(length.max(4)).next_multiple_of(4);
        rest = rest.after(padded).ok_or(SkipReason::CutBeforeIp)?;
    }
}

/// A global routing header of 40 octets, then the EtherType (RFC 4391 §6).
fn infiniband(frame: Frame<'_>) -> Option<Layer<'_>> {
    Some(Layer::EtherType(frame.word(40)?, frame.after(44)?))
}

/// PPP in HDLC-like framing (RFC 1662 §3.1): address and control may be left out; Cisco HDLC is told by
/// its address octet.
fn serial(frame: Frame<'_>) -> Option<Layer<'_>> {
    match (frame.byte(0)?, frame.byte(1)?) {
        (0xff, 0x03) => frame.after(2).map(Layer::Ppp),
        (0x0f | 0x8f, 0x00) => cisco_hdlc(frame),
        _ => Some(Layer::Ppp(frame)),
    }
}

fn cisco_hdlc(frame: Frame<'_>) -> Option<Layer<'_>> {
    Some(Layer::EtherType(frame.word(2)?, frame.after(4)?))
}
