//! The interfaces of a pcapng file: described once for a section, then looked up for every packet.

use std::borrow::Cow;

use pcap_parser::pcapng::{OptionCode, parse_option_be, parse_option_le};

use super::super::LinkType;
use super::super::bytes::{ByteOrder, index};
use super::super::damage::DamageKind;
use super::super::summary::InterfaceSummary;
use super::super::timestamps::{Clock, Resolution};
use crate::time::Timestamp;

/// Interfaces kept for one section: as many as 16 bits can name.
const KEPT: usize = 65_536;
/// Interfaces listed for a file.
const LISTED: usize = 1024;
/// Characters kept of an interface's name.
const NAME_LENGTH: usize = 64;
/// Dropped frames between this packet and the one before (`epb_dropcount`).
const PACKET_DROPS: OptionCode = OptionCode(4);

#[derive(Debug, Default)]
pub(in super::super) struct Interfaces {
    current: Vec<Interface>,
    /// Those of earlier sections.
    past: Vec<InterfaceSummary>,
    unlisted: u64,
    section: Option<u64>,
    dropped: Option<u64>,
}

#[derive(Debug)]
struct Interface {
    clock: Clock,
    summary: InterfaceSummary,
}

/// What a file's interfaces come to.
pub(in super::super) struct Described {
    pub(in super::super) list: Vec<InterfaceSummary>,
    pub(in super::super) unlisted: u64,
    pub(in super::super) dropped: Option<u64>,
}

impl Interfaces {
    /// Forgets the interfaces of the section before, as a section header asks.
    pub(super) fn next_section(&mut self) {
        self.retire();
        self.section = Some(self.section.map_or(0, |section| section + 1));
    }

    /// All interfaces of the file.
    pub(in super::super) fn finish(&mut self) -> Described {
        self.retire();
        Described { list: std::mem::take(&mut self.past), unlisted: self.unlisted, dropped: self.dropped }
    }

    /// Adds the interface that `block`, an interface description, describes.
    pub(super) fn describe(&mut self, block: &[u8], order: ByteOrder) -> Result<(), DamageKind> {
        if self.current.len() >= KEPT {
            return Err(DamageKind::TooManyInterfaces { kept: self.known() });
        }
        let mut resolution = Resolution::MICROSECONDS;
        let mut offset = 0;
        let mut name = None;
        for (code, value) in options(body(block, 16), order) {
            match (code, value) {
                (OptionCode::IfTsresol, &[unit]) => resolution = Resolution(unit),
                (OptionCode::IfTsoffset, &[_, _, _, _, _, _, _, _]) => {
                    offset = order.u64(value, 0).cast_signed();
                }
                (OptionCode::IfName, text) => name = Some(short_name(text)),
                _ => {}
            }
        }
        self.current.push(Interface {
            clock: Clock::new(resolution, offset),
            summary: InterfaceSummary {
                section: self.section.unwrap_or(0),
                id: self.known(),
                name,
                link: LinkType(order.u16(block, 8)),
                snaplen: order.u32(block, 12),
                resolution,
                records: 0,
                received: None,
                stopped: [None; 2],
                interface_drops: None,
                system_drops: None,
                packet_drops: None,
            },
        });
        Ok(())
    }

    /// Reads interface statistics. They count from the capture's start, so the last ones stand.
    pub(super) fn statistics(&mut self, block: &[u8], order: ByteOrder) -> Result<(), DamageKind> {
        let interface = self.find(order.u32(block, 8))?;
        for (code, value) in options(body(block, 20), order) {
            match (code, value) {
                (OptionCode::IsbEndTime, &[_, _, _, _, _, _, _, _]) => {
                    let ticks = u64::from(order.u32(value, 0)) << 32 | u64::from(order.u32(value, 4));
                    let clocks = [interface.clock, Clock::new(Resolution::MICROSECONDS, 0)];
                    interface.summary.stopped = clocks.map(|clock| clock.moment(ticks));
                }
                (OptionCode::IsbIfRecv, &[_, _, _, _, _, _, _, _]) => {
                    interface.summary.received = Some(order.u64(value, 0));
                }
                (OptionCode::IsbIfDrop, &[_, _, _, _, _, _, _, _]) => {
                    interface.summary.interface_drops = Some(order.u64(value, 0));
                }
                (OptionCode::IsbOsDrop, &[_, _, _, _, _, _, _, _]) => {
                    interface.summary.system_drops = Some(order.u64(value, 0));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Counts a packet that interface `id` captured at `ticks`, and gives its link type and time, if there are
    /// both.
    #[inline]
    pub(super) fn capture_timed(&mut self, id: u32, ticks: u64) -> Option<(LinkType, Timestamp)> {
        let interface = self.current.get_mut(index(id))?;
        let time = interface.clock.moment(ticks)?;
        interface.summary.records += 1;
        Some((interface.summary.link, time))
    }

    /// Counts a packet of interface `id`; gives its link type and clock.
    pub(super) fn capture(&mut self, id: u32) -> Result<(LinkType, Clock), DamageKind> {
        let interface = self.find(id)?;
        interface.summary.records += 1;
        Ok((interface.summary.link, interface.clock))
    }

    /// Snap length of interface `id`; 0 for none.
    pub(super) fn snaplen(&mut self, id: u32) -> u32 {
        self.find(id).map_or(0, |interface| interface.summary.snaplen)
    }

    /// Reads the options of a packet of interface `id`.
    pub(super) fn packet_options(&mut self, id: u32, area: &[u8], order: ByteOrder) {
        for (code, value) in options(area, order) {
            if let (PACKET_DROPS, &[_, _, _, _, _, _, _, _]) = (code, value) {
                self.add_drops(id, order.u64(value, 0));
            }
        }
    }

    pub(super) fn add_drops(&mut self, id: u32, count: u64) {
        if let Ok(Interface { summary, .. }) = self.find(id) {
            summary.packet_drops = Some(summary.packet_drops.unwrap_or(0).saturating_add(count));
        }
    }

    #[inline]
    fn find(&mut self, id: u32) -> Result<&mut Interface, DamageKind> {
        let known = self.known();
        usize::try_from(id)
            .ok()
            .and_then(|id| self.current.get_mut(id))
            .ok_or(DamageKind::UnknownInterface { interface: id, known })
    }

    #[inline]
    fn known(&self) -> u32 {
        u32::try_from(self.current.len()).unwrap_or(u32::MAX)
    }

    fn retire(&mut self) {
        for Interface { summary, .. } in self.current.drain(..) {
            if let Some(drops) = summary.dropped() {
                self.dropped = Some(self.dropped.unwrap_or(0).saturating_add(drops));
            }
            if self.past.len() < LISTED {
                self.past.push(summary);
            } else {
                self.unlisted += 1;
            }
        }
    }
}

/// The block's options: from `start` to the length behind.
fn body(block: &[u8], start: usize) -> &[u8] {
    block.get(start..block.len().saturating_sub(4)).unwrap_or_default()
}

/// Options up to the end-of-options mark or the first that overruns the block. They are walked one by one
/// because pcap-parser's block functions collect them, in 40 octets for each 4 of the file.
fn options(area: &[u8], order: ByteOrder) -> impl Iterator<Item = (OptionCode, &[u8])> {
    let mut rest = area;
    std::iter::from_fn(move || {
        let parsed = match order {
            ByteOrder::Big => parse_option_be::<()>(rest),
            ByteOrder::Little => parse_option_le::<()>(rest),
        };
        let (after, option) = parsed.ok()?;
        rest = after;
        let Cow::Borrowed(padded) = option.value else { return None };
        let value = padded.get(..usize::from(option.len))?;
        (option.code != OptionCode::EndOfOpt).then_some((option.code, value))
    })
}

fn short_name(text: &[u8]) -> Box<str> {
    let text = text.split(|&octet| octet == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).chars().take(NAME_LENGTH).collect::<String>().into()
}
