//! What a flow keeps of the segments that matter.

use crate::flow::facts::RecordRef;
use crate::net::Role;
use crate::tcp::{Flags, Segment, SeqNumber};
use crate::time::Timestamp;

/// What a kept segment was to its flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum EventKind {
    /// First connection request.
    #[default]
    Syn,
    /// The same one again.
    SynAgain,
    /// The responder's SYN-ACK.
    SynAck,
    /// The same one again (or a new one after the first was given up).
    SynAckAgain,
    /// The initiator's first segment after the SYN-ACK.
    HandshakeAck,
    /// Payload of note: the last before a FIN or RST, the first after the peer's FIN.
    Data,
    /// An acknowledgement alone, of note for its place.
    Ack,
    /// First acknowledgement of the peer's FIN.
    AckOfFin,
    /// A FIN.
    Fin,
    /// The same FIN again.
    FinAgain,
    /// A reset.
    Rst,
    /// A reset with a sequence number outside the receiver's window: it counts for nothing (RFC 5961 §3.2).
    RstOutside,
    /// A keep-alive or window probe.
    Probe,
    /// The sender closed its window.
    ZeroWindow,
    /// The sender opened its window again.
    WindowOpened,
    /// A segment with the predecessor's numbers, seen in this flow's life. It belongs to the predecessor.
    Ghost,
    /// An ICMP error about a segment of this flow. `seq` holds the quoted number, `window` type and code.
    IcmpError,
}

impl EventKind {
    /// Every kind, in the order of their numbers.
    pub const ALL: [Self; 17] = [
        Self::Syn,
        Self::SynAgain,
        Self::SynAck,
        Self::SynAckAgain,
        Self::HandshakeAck,
        Self::Data,
        Self::Ack,
        Self::AckOfFin,
        Self::Fin,
        Self::FinAgain,
        Self::Rst,
        Self::RstOutside,
        Self::Probe,
        Self::ZeroWindow,
        Self::WindowOpened,
        Self::Ghost,
        Self::IcmpError,
    ];
}

/// One kept segment of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Which record.
    pub at: RecordRef,
    /// Sequence number.
    pub seq: SeqNumber,
    /// Acknowledgement number; 0 without the ACK flag.
    pub ack: SeqNumber,
    /// Payload octets.
    pub octets: u32,
    /// Window as sent; for RST events the time to live; for ICMP errors type × 256 + code.
    pub window: u16,
    /// Control bits.
    pub flags: Flags,
    /// Sender.
    pub from: Role,
    /// What it was.
    pub kind: EventKind,
    /// True when the four-tuple already belonged to a successor.
    pub into_successor: bool,
}

impl Event {
    /// No event.
    pub(super) fn blank() -> Self {
        Self {
            at: RecordRef::default(),
            seq: SeqNumber::default(),
            ack: SeqNumber::default(),
            octets: 0,
            window: 0,
            flags: Flags::default(),
            from: Role::Initiator,
            kind: EventKind::default(),
            into_successor: false,
        }
    }

    /// The event of `segment`, sent by `from`.
    pub(crate) fn of(segment: &Segment, from: Role, kind: EventKind) -> Self {
        Self {
            at: RecordRef { record: segment.record, time: segment.time },
            seq: segment.seq,
            ack: segment.ack,
            octets: segment.octets,
            window: if segment.flags.rst() { u16::from(segment.ttl) } else { segment.window },
            flags: segment.flags,
            from,
            kind,
            into_successor: false,
        }
    }

    /// The sequence number after the segment's last octet.
    pub const fn end(&self) -> SeqNumber {
        self.seq.add(self.octets + self.flags.syn() as u32 + self.flags.fin() as u32)
    }

    /// Capture time.
    pub const fn time(&self) -> Timestamp {
        self.at.time
    }

    /// True for an ICMP error about a SYN that refuses the connection (RFC 1122 §4.2.3.9): any but "fragmentation needed"
    /// (RFC 1191), "packet too big", and source quench (RFC 6633).
    pub fn refuses_connection(&self, v4: bool) -> bool {
        let [kind, code] = self.window.to_be_bytes();
        let passing = if v4 { (kind, code) == (3, 4) || kind == 4 } else { kind == 2 };
        self.kind == EventKind::IcmpError && !passing
    }

    /// Record number over the whole input.
    pub const fn record(&self) -> u64 {
        self.at.record
    }
}

/// A RST whose IP identification continues its alleged sender's.
pub(super) const OWN_ID: u16 = 1 << 8;
/// A RST whose IP identification is none that its alleged sender would have given it.
pub(super) const FOREIGN_ID: u16 = 1 << 9;
