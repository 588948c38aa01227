//! What is known of each file once it was read.

use std::fmt;
use std::path::PathBuf;

use super::LinkType;
use super::health::{ClockHealth, Occurrence, Place};
use super::timestamps::Resolution;
use crate::time::Timestamp;

/// One file of the input. Counts are complete once the file was read to its end.
#[derive(Clone, Debug, Default)]
pub struct FileSummary {
    /// The file; `-` for standard input.
    pub path: PathBuf,
    /// The container; `None` while unread or if it is no capture.
    pub format: Option<Format>,
    /// What it was packed in.
    pub compression: Compression,
    /// Link types of the interfaces that captured something, in order of appearance.
    pub links: Vec<LinkType>,
    /// Largest snap length of its interfaces; 0 for none.
    pub snaplen: u32,
    /// Number over the whole input of this file's first record, if it has one; 0 while unread.
    pub first_record: u64,
    /// Records delivered.
    pub records: u64,
    /// Octets read of the file as it lies on disk.
    pub bytes_read: u64,
    /// Earliest time.
    pub first_time: Option<Timestamp>,
    /// Latest time.
    pub last_time: Option<Timestamp>,
    /// The first record with a time.
    pub first: Option<Place>,
    /// The last one.
    pub last: Option<Place>,
    /// How its clock ran.
    pub clock: ClockHealth,
    /// Interfaces (one for pcap); the list is cut at 1 024, see `interfaces_unlisted`.
    pub interfaces: Vec<InterfaceSummary>,
    /// Interfaces beyond those listed.
    pub interfaces_unlisted: u64,
    /// Frames the capturing host says it dropped; `None` when the file does not say.
    pub dropped: Option<u64>,
    /// Sections (1 for pcap).
    pub sections: u64,
    /// Known blocks without packets, stepped over: name resolution, secrets.
    pub blocks_without_packets: u64,
    /// Blocks without packets that Wireshark numbers as frames (journal entries, custom blocks): stepped over,
    /// and the numbers of records skip them.
    pub blocks_numbered: u64,
    /// Blocks of unknown type, stepped over.
    pub blocks_unknown: u64,
    /// Records shorter than the frame was (snap length).
    pub clipped: Occurrence,
    /// Records without a usable time.
    pub untimed: Occurrence,
    /// Damaged places.
    pub damage: u64,
}

/// The container format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Classic pcap.
    Pcap {
        /// Unit of its times.
        resolution: Resolution,
        /// Record headers of 24 octets (the Kuznetzov patch).
        modified: bool,
    },
    /// pcapng; each interface has its own unit of time.
    Pcapng,
}

/// `pcap (µs)`, `pcap (ns)`, `pcap (µs, modified)`, `pcapng`.
impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pcap { resolution, modified: false } => write!(f, "pcap ({resolution})"),
            Self::Pcap { resolution, modified: true } => write!(f, "pcap ({resolution}, modified)"),
            Self::Pcapng => f.write_str("pcapng"),
        }
    }
}

/// How a file is packed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Compression {
    /// gzip, one member or many.
    Gzip,
    /// Not at all.
    #[default]
    None,
    /// Zstandard, one frame or many.
    Zstd,
}

/// `gzip`, `none`, `zstd`.
impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::None => "none",
            Self::Zstd => "zstd",
        })
    }
}

/// One interface of a file.
#[derive(Clone, Debug)]
pub struct InterfaceSummary {
    /// Section it belongs to, from 0.
    pub section: u64,
    /// Number within the section, from 0.
    pub id: u32,
    /// Name as the capturing host wrote it (not escaped), at most 64 characters.
    pub name: Option<Box<str>>,
    /// Link type.
    pub link: LinkType,
    /// Snap length; 0 for none.
    pub snaplen: u32,
    /// Unit of its times.
    pub resolution: Resolution,
    /// Records it captured.
    pub records: u64,
    /// Received by the interface, from the last statistics (`isb_ifrecv`).
    pub received: Option<u64>,
    /// When it stopped, from the last statistics (`isb_endtime`): in its own unit, as it should be, and in microseconds,
    /// as dumpcap writes it whatever the unit.
    pub stopped: [Option<Timestamp>; 2],
    /// Dropped by the interface, from the last statistics (`isb_ifdrop`).
    pub interface_drops: Option<u64>,
    /// Dropped by the operating system, from the last statistics (`isb_osdrop`).
    pub system_drops: Option<u64>,
    /// Dropped in front of packets, as the packets say (`epb_dropcount`).
    pub packet_drops: Option<u64>,
}

impl InterfaceSummary {
    /// Frames dropped. Statistics and packets tell of the same drops, so the larger counts.
    pub fn dropped(&self) -> Option<u64> {
        let statistics = match (self.interface_drops, self.system_drops) {
            (None, None) => None,
            (interface, system) => Some(interface.unwrap_or(0).saturating_add(system.unwrap_or(0))),
        };
        statistics.max(self.packet_drops)
    }
}

impl FileSummary {
    /// All records named here, to be completed.
    pub(super) fn places_mut(&mut self) -> impl Iterator<Item = &mut Place> {
        [&mut self.first, &mut self.last, &mut self.clipped.first, &mut self.untimed.first]
            .into_iter()
            .flatten()
            .chain(self.clock.places_mut())
    }
}
