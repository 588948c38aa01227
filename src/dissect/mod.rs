//! Records to segments: from the link layer to one `Copy` [`Segment`], or a counted reason why not.

mod ethernet;
mod fast;
mod frame;
mod icmp;
mod ip;
mod link;
mod options;
mod ppp;
mod skip;
mod tcp;
#[cfg(test)]
mod tests;
mod tunnel;
mod walk;

use std::net::IpAddr;

pub use skip::{SkipReason, SkipTally, Skips};

use crate::capture::Record;
use crate::net::FourTuple;
use crate::tcp::{Segment, SeqNumber};
use crate::time::Timestamp;

/// What a record turned out to be.
#[derive(Clone, Copy, Debug)]
pub enum Dissected {
    /// A TCP segment.
    Segment(Segment),
    /// An ICMP or ICMPv6 error about a TCP segment.
    IcmpError(IcmpError),
    /// Something else; counted under its reason.
    Skipped,
}

impl Dissected {
    /// Capture time of the record; the beginning of time for a skipped one.
    #[inline]
    pub fn time(&self) -> Timestamp {
        match self {
            Self::Segment(segment) => segment.time,
            Self::IcmpError(error) => error.time,
            Self::Skipped => Timestamp::MIN,
        }
    }
}

/// An ICMP or ICMPv6 error message that quotes the start of a TCP segment (RFC 792, RFC 4443).
#[derive(Clone, Copy, Debug)]
pub struct IcmpError {
    /// Number of the record over the whole input.
    pub record: u64,
    /// Capture time of the record.
    pub time: Timestamp,
    /// Who sent the error: the host or a router on the way.
    pub reporter: IpAddr,
    /// ICMP or ICMPv6 type.
    pub kind: u8,
    /// ICMP or ICMPv6 code.
    pub code: u8,
    /// True for ICMPv6.
    pub v6: bool,
    /// Four-tuple of the quoted segment.
    pub tuple: FourTuple,
    /// True when the quoted segment's sender is the tuple's low endpoint.
    pub from_low: bool,
    /// Sequence number of the quoted segment.
    pub seq: SeqNumber,
}

/// Turns records into segments and accounts for every record that is none.
#[derive(Clone, Debug, Default)]
pub struct Dissector {
    tally: SkipTally,
}

impl Dissector {
    /// A dissector that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// What `record` is. Never fails: whatever is not understood is counted in the tally.
    #[inline]
    pub fn dissect(&mut self, record: &Record<'_>) -> Dissected {
        self.shortcut(record, Dissected::Segment).unwrap_or_else(|| self.dissect_by_layers(record))
    }

    /// As [`Self::dissect`], with the result put behind `found` unless the record is skipped: the way for many
    /// records, because the segment is built where it stays.
    #[inline]
    pub fn dissect_onto(&mut self, record: &Record<'_>, found: &mut Vec<Dissected>) {
        // Where there is room already, nothing stands between the octets of the frame and the segment's place.
        if found.len() < found.capacity()
            && self.shortcut(record, |segment| found.push(Dissected::Segment(segment))).is_some()
        {
            return;
        }
        match self.dissect_by_layers(record) {
            Dissected::Skipped => {}
            other => found.push(other),
        }
    }

    #[inline]
    fn shortcut<T>(&mut self, record: &Record<'_>, place: impl FnOnce(Segment) -> T) -> Option<T> {
        let placed = fast::segment(record, place)?;
        self.tally.count_segment();
        Some(placed)
    }

    /// As [`Self::dissect`], without its shortcut for the common frame: slower, with the same answer.
    #[inline(never)]
    pub fn dissect_by_layers(&mut self, record: &Record<'_>) -> Dissected {
        let dissected = walk::walk(record).unwrap_or_else(|reason| {
            self.tally.count_skip(reason, record.number);
            Dissected::Skipped
        });
        match dissected {
            Dissected::Segment(_) => self.tally.count_segment(),
            Dissected::IcmpError(_) => self.tally.count_icmp_error(record.number),
            Dissected::Skipped => self.tally.count_skipped(),
        }
        dissected
    }

    /// What became of all records so far.
    pub const fn tally(&self) -> &SkipTally {
        &self.tally
    }

    /// The same, for keeps.
    pub fn into_tally(self) -> SkipTally {
        self.tally
    }
}
