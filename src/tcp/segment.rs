//! One TCP header as it passed the capture point.

use super::SeqNumber;
use crate::net::FourTuple;
use crate::time::Timestamp;

/// The control bits of a TCP header (RFC 9293 §3.1), lowest first: FIN, SYN, RST, PSH, ACK, URG, ECE, CWR.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags(pub u8);

impl Flags {
    /// No more data from the sender.
    pub const FIN: Self = Self(0x01);
    /// Synchronise sequence numbers.
    pub const SYN: Self = Self(0x02);
    /// Reset the connection.
    pub const RST: Self = Self(0x04);
    /// Push.
    pub const PSH: Self = Self(0x08);
    /// The acknowledgement number is meaningful.
    pub const ACK: Self = Self(0x10);

    /// True when FIN is set.
    pub const fn fin(self) -> bool {
        self.0 & Self::FIN.0 != 0
    }

    /// True when SYN is set.
    pub const fn syn(self) -> bool {
        self.0 & Self::SYN.0 != 0
    }

    /// True when RST is set.
    pub const fn rst(self) -> bool {
        self.0 & Self::RST.0 != 0
    }

    /// True when ACK is set.
    pub const fn ack(self) -> bool {
        self.0 & Self::ACK.0 != 0
    }

    /// True when any of SYN, FIN and RST is set.
    pub const fn is_control(self) -> bool {
        self.0 & (Self::SYN.0 | Self::FIN.0 | Self::RST.0) != 0
    }
}

/// Options that only SYN segments carry, and the timestamp value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SynOptions {
    /// Maximum segment size (RFC 9293 §3.7.1); 0 when absent.
    pub mss: u16,
    /// Window scale shift (RFC 7323 §2.2), at most 14; `None` when absent.
    pub window_scale: Option<u8>,
    /// SACK permitted (RFC 2018).
    pub sack_permitted: bool,
    /// The timestamp value (RFC 7323 §3.2).
    pub timestamp: Option<u32>,
    /// TCP Fast Open (RFC 7413), asking for a cookie or carrying one.
    pub fast_open: bool,
    /// Multipath TCP (RFC 8684): `MP_CAPABLE` or `MP_JOIN` is present.
    pub mptcp: Mptcp,
}

/// What a SYN says about Multipath TCP (RFC 8684).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mptcp {
    /// Nothing.
    #[default]
    None,
    /// `MP_CAPABLE`: the first subflow of a connection.
    Capable,
    /// `MP_JOIN`: a further subflow.
    Join,
}

/// One TCP segment: what teardown needs of the header, and where it was seen.
///
/// Small, `Copy` and free of borrows, so that it can be handed to another thread.
#[derive(Clone, Copy, Debug)]
pub struct Segment {
    /// Number of the record over the whole input, from 1.
    pub record: u64,
    /// Capture time of the record.
    pub time: Timestamp,
    /// Both endpoints in canonical order.
    pub tuple: FourTuple,
    /// True when the sender is the tuple's `low` endpoint.
    pub from_low: bool,
    /// Sequence number of the first octet (or of SYN / FIN).
    pub seq: SeqNumber,
    /// Acknowledgement number; meaningless without the ACK flag.
    pub ack: SeqNumber,
    /// Control bits.
    pub flags: Flags,
    /// Window field as sent, not scaled. 0 when the header was cut before it (see `window_known`).
    pub window: u16,
    /// False when the capture cut the header before the window field.
    pub window_known: bool,
    /// Payload octets by the IP header's length, whatever was captured.
    pub octets: u32,
    /// Time to live / hop limit of the outermost IP header around this segment.
    pub ttl: u8,
    /// IPv4 identification; 0 for IPv6.
    pub ip_id: u16,
    /// TCP checksum as sent; 0 when cut.
    pub checksum: u16,
    /// Capture interface within its file or section (pcapng interface, SLL2 index), folded to 16 bits.
    pub interface: u16,
    /// Options, read on SYN segments only.
    pub options: Option<SynOptions>,
}

impl Segment {
    /// Sequence space that the segment occupies: payload, plus one each for SYN and FIN (RFC 9293 §3.4).
    pub const fn sequence_length(&self) -> u32 {
        self.octets + self.flags.syn() as u32 + self.flags.fin() as u32
    }

    /// The sequence number after the segment's last octet.
    pub const fn end(&self) -> SeqNumber {
        self.seq.add(self.sequence_length())
    }
}

#[cfg(test)]
impl Segment {
    /// An acknowledgement between two endpoints, for a test to change: record 1, time and numbers 0.
    pub(crate) fn plain((tuple, from_low): (FourTuple, bool)) -> Self {
        Self {
            record: 1,
            time: Timestamp::from_nanos(0),
            tuple,
            from_low,
            seq: SeqNumber(0),
            ack: SeqNumber(0),
            flags: Flags::ACK,
            window: 1000,
            window_known: true,
            octets: 0,
            ttl: 64,
            ip_id: 0,
            checksum: 0,
            interface: 0,
            options: None,
        }
    }
}
