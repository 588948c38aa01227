//! Bytes to records: capture files as one ordered stream of numbered frames.
//!
//! [`expand`] turns arguments (files, directories, patterns, `-`) into paths, [`Input`] reads them one after
//! the other, or side by side where they overlap in time. Nothing here stops a run: a file that cannot be read and a place that is damaged become a
//! [`Problem`], and everything whole is still delivered.
//!
//! # The two formats
//!
//! **pcap** is a 24-octet header (magic, version, snap length, link type), then records: a header of seconds,
//! fraction of a second, captured length, original length, then the captured octets. The magic tells byte
//! order and the unit of the fraction. Nothing marks where a record starts: a wrong length loses the rest.
//! The "modified" variant has eight more octets in each record header.
//!
//! **pcapng** is a row of blocks, each with its type and its length in front and the length once more behind,
//! so that a broken block can be stepped over. A *section header* fixes the byte order and forgets all
//! interfaces; an *interface description* adds one (link type, snap length, unit and offset of its times);
//! *enhanced*, *simple* and (obsolete) *packet* blocks carry frames; *interface statistics* say what the
//! capturing host dropped. All else is counted and stepped over.
//!
//! Either may stand inside gzip or zstd, which is told by content, never by name.

mod account;
mod ahead;
mod buffer;
mod bytes;
mod clock;
mod compression;
mod damage;
mod expand;
#[cfg(test)]
mod fixtures;
mod health;
mod input;
mod lane;
mod locator;
mod order;
mod pcap;
mod pcapng;
mod reader;
mod stopped;
mod stripes;
mod summary;
mod timestamps;
mod ways;

pub use account::Account;
pub use damage::{Damage, DamageKind, Problem};
pub use expand::expand;
pub use health::{
    BORDER, ClockHealth, Gap, Health, Irregularity, LEAP, Occurrence, Overlap, Place, REORDERING,
};
pub use input::Input;
pub use locator::Locator;
pub(crate) use locator::{Extent, Growth};
pub use summary::{Compression, FileSummary, Format, InterfaceSummary};
pub use timestamps::Resolution;

use std::fmt;

use crate::time::Timestamp;

/// A link type as in the tcpdump.org registry (`LINKTYPE_…`), flag bits removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinkType(pub u16);

/// The usual name of a link type that closewait reads; its number otherwise.
impl fmt::Display for LinkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            0 => "BSD loopback",
            1 => "Ethernet",
            9 | 50 => "PPP",
            12 | 14 | 101 => "raw IP",
            51 => "PPPoE",
            104 => "Cisco HDLC",
            108 => "OpenBSD loopback",
            113 => "Linux cooked",
            117 => "PFLOG",
            228 => "raw IPv4",
            229 => "raw IPv6",
            239 => "NFLOG",
            276 => "Linux cooked v2",
            number => return write!(f, "link type {number}"),
        })
    }
}

/// One captured frame.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Number over the whole input, from 1. Within one file it is Wireshark's `frame.number`, which skips
    /// journal entries and custom blocks of pcapng.
    pub number: u64,
    /// Capture time; the last known one when the record carries none (pcapng simple packet block).
    pub time: Timestamp,
    /// Link type of the interface that captured it.
    pub link: LinkType,
    /// Interface within the section, folded to 16 bits.
    pub interface: u16,
    /// Length on the wire; `data` may be shorter (snap length).
    pub original_length: u32,
    /// What was captured.
    pub data: &'a [u8],
}
