//! Bytes to records: capture files as one ordered stream of numbered frames.

use crate::time::Timestamp;

/// A link type as in the tcpdump.org registry (`LINKTYPE_…`), flag bits removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinkType(pub u16);

/// One captured frame.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Number over the whole input, from 1. Within one file it is Wireshark's `frame.number`.
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
