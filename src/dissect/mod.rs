//! Records to segments: from the link layer to one `Copy` [`Segment`], or a counted reason why not.

use std::net::IpAddr;

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
