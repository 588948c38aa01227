//! The frozen facts of one incarnation: what reports print and findings are made of.

use std::net::IpAddr;

use serde::Serialize;

use super::event::{Event, EventKind};
use super::ghosts::Ghost;
use super::letters::Letters;
use super::outcome::FlowOutcome;
use super::replay::Premise;
use super::resets::Reset;
use super::stalls::Stall;
use crate::net::{Endpoint, Role, Sides};
use crate::tcp::{SeqNumber, State};
use crate::time::{TimeDelta, Timestamp};

/// A record as evidence: its number over the whole input and its capture time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RecordRef {
    /// Number over the whole input, from 1.
    pub record: u64,
    /// Capture time.
    pub time: Timestamp,
}

/// What tells which of a flow's records came first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Their times. Several queues that feed one file may swap records.
    #[default]
    Times,
    /// Their numbers: the clock was set back during the flow, or time stamps contradict what TCP allows.
    Records,
}

impl Order {
    /// True when `one` was taken before `other`.
    pub fn is_before(self, one: RecordRef, other: RecordRef) -> bool {
        match self {
            Self::Times => (one.time, one.record) < (other.time, other.record),
            Self::Records => one.record < other.record,
        }
    }
}

/// Thresholds that decide outcomes. They are options and are printed in the reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A second FIN this much after the first is late (`--fin-delay`). Default 1 s.
    pub fin_delay: TimeDelta,
    /// How long a closed flow is kept for late segments, in capture time. Default 60 s: TIME-WAIT on Linux.
    pub linger: TimeDelta,
    /// How long a closed connection's four-tuple counts as not yet free. Default 60 s, the TIME-WAIT of most
    /// stacks; RFC 9293 §3.4.2 asks for 2MSL = 240 s.
    pub time_wait: TimeDelta,
    /// Most flows that are live at once (`--max-flows`). Default 1,000,000: some 160 MB while they are idle, up to 1 GB
    /// when all are in use.
    pub max_flows: u64,
    /// Most octets that the table may take for flows, live ones and those remembered (`--max-memory`). Default: no
    /// limit but that of `max_flows`.
    pub max_memory: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fin_delay: TimeDelta::from_secs(1),
            linger: TimeDelta::from_secs(60),
            time_wait: TimeDelta::from_secs(60),
            max_flows: 1_000_000,
            max_memory: None,
        }
    }
}

/// Where the capture found the flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A SYN or SYN-ACK was captured: the roles are certain.
    Handshake,
    /// The capture began inside the connection: the roles are a guess.
    #[default]
    Midstream,
}

/// How far the three-way handshake was seen to go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Handshake {
    /// None was captured.
    #[default]
    NotSeen,
    /// SYN only.
    Syn,
    /// SYN-ACK, which the initiator never acknowledged.
    SynAck,
    /// Complete.
    Complete,
    /// Both sides sent a SYN (RFC 9293 §3.5).
    Simultaneous,
}

/// One endpoint's state at the end, as shown by its own segments and as it must be if all that passed the
/// capture point arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EndpointState {
    /// Shown by the endpoint's own segments.
    pub proven: State,
    /// Proven, plus the signals on their way to it.
    pub presumed: State,
}

impl EndpointState {
    /// True when nothing is left to presume.
    pub fn is_proven(self) -> bool {
        self.proven == self.presumed
    }
}

/// One side's FIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct FinFacts {
    /// Its first copy.
    pub first: RecordRef,
    /// Its last copy.
    pub last: RecordRef,
    /// How often it was sent.
    pub copies: u32,
    /// The first segment of the peer that acknowledges it.
    pub acked: Option<RecordRef>,
    /// The sequence number after it.
    #[serde(skip)]
    pub end: SeqNumber,
    /// True when its first copy acknowledges the peer's FIN.
    pub acknowledges_peer: bool,
    /// True when it came after a successor had taken the four-tuple.
    pub into_successor: bool,
}

impl FinFacts {
    /// True when the peer's FIN `second` followed the peer's ACK of this one at once, or was that ACK.
    pub(super) fn is_answered_promptly_by(&self, second: &Self, order: Order) -> bool {
        self.acked.is_none_or(|acked| {
            !order.is_before(acked, second.first)
                || (TimeDelta::ZERO..LONGEST_DELAY_OF_AN_ACK).contains(&(second.first.time - acked.time))
        })
    }
}

/// An ACK is delayed by less than this (RFC 1122 §4.2.3.2).
const LONGEST_DELAY_OF_AN_ACK: TimeDelta = TimeDelta::from_millis(500);

/// A passive closer between the peer's FIN and its own end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CloseWait {
    /// Who was in CLOSE-WAIT.
    pub at: Role,
    /// The record that shows it: its ACK of the peer's FIN, or that FIN itself when no ACK was seen.
    pub since: RecordRef,
    /// What ended it: its own FIN, a RST; `None` when the capture ended first.
    pub until: Option<RecordRef>,
    /// How long, up to the capture's end.
    pub lasted: TimeDelta,
    /// True when its own segments show that the FIN arrived.
    pub proven: bool,
}

/// What a new SYN met on its four-tuple.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReuseKind {
    /// The predecessor was over (reset, refused, or closed longer than TIME-WAIT ago).
    Clean,
    /// The predecessor closed in order less than TIME-WAIT ago.
    WithinTimeWait,
    /// One side of the predecessor had not closed yet.
    HalfClosed,
    /// Neither side of the predecessor had closed.
    Open,
}

/// The incarnation before this one on the same four-tuple.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Reuse {
    /// Its flow id.
    pub predecessor: u64,
    /// From its last segment to this flow's first; `None` where the clock was set back in between.
    pub gap: Option<TimeDelta>,
    /// What the SYN met.
    pub kind: ReuseKind,
    /// Which side of the predecessor had not closed, when `kind` is half-closed; as a role in this flow.
    pub waiting: Option<Role>,
    /// Since when that side was in CLOSE-WAIT: its ACK of the FIN, or that FIN itself when no ACK was seen.
    pub since: Option<RecordRef>,
}

/// A time in which neither side did more than acknowledge or probe, nor waited for an ACK.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Pause {
    /// The last segment before it.
    pub from: RecordRef,
    /// The first after it.
    pub until: RecordRef,
    /// Who sent that.
    pub by: Role,
    /// The longest such time before it: the connection lived through that.
    pub survived: TimeDelta,
}

impl Pause {
    /// How long it was.
    pub fn length(&self) -> TimeDelta {
        self.until.time - self.from.time
    }
}

/// When the responder spoke: runs of its octets, each ended by octets of the initiator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Replies {
    /// Its first octets. Whoever sends some has accepted the connection.
    pub first: RecordRef,
    /// The start of its last reply.
    pub last: RecordRef,
    /// The start of the reply before that; `None` when there was one only.
    pub before: Option<Timestamp>,
    /// The reply that took longest.
    pub slowest: Wait,
}

/// How long a reply took, from the end of what it answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Wait {
    /// How long, in whole microseconds.
    pub waited: TimeDelta,
    /// When the reply began.
    pub until: Timestamp,
}

/// What one side sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Traffic {
    /// Segments, copies of the same packet not counted.
    pub packets: u64,
    /// Payload octets, retransmissions included.
    pub octets: u64,
    /// Segments with sequence space that had been sent before.
    pub retransmissions: u64,
    /// Keep-alive probes (RFC 9293 §3.8.4), which are no activity.
    pub probes: u64,
    /// How often it closed its window.
    pub zero_windows: u32,
    /// True when the capture missed segments of it: `missed` is not 0.
    pub gap: bool,
    /// Sequence numbers (octets, SYN, FIN) that the capture does not hold although its peer acknowledged them.
    pub missed: u64,
    /// True when nothing of it was captured although its peer's segments show that it sent.
    pub unseen: bool,
    /// Sequence numbers (octets, SYN, FIN) that its peer had not acknowledged at the end.
    pub unacked: u32,
    /// Its last segment.
    pub last: Option<RecordRef>,
    /// The longest time for which it kept its window closed.
    pub stall: Option<Stall>,
}

/// The frozen facts of one incarnation of a four-tuple.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub struct Flow {
    /// Record number of its first segment over the whole input; unique.
    pub id: u64,
    /// Wireshark's `tcp.stream` (order of first segments).
    pub stream: u64,
    /// Sender of the first SYN, or the likelier one.
    pub initiator: Endpoint,
    /// Its peer.
    pub responder: Endpoint,
    /// Outermost VLAN or tunnel identifier; 0 for none.
    pub scope: u32,
    /// What tells which of its records came first.
    pub order: Order,
    /// It was told before its end, because more were live than [`Limits::max_flows`] or
    /// [`Limits::max_memory`] allow.
    pub evicted: bool,
    /// First and last segment.
    pub first: RecordRef,
    /// See `first`.
    pub last: RecordRef,
    /// Whether the capture saw it begin.
    pub origin: Origin,
    /// How far the handshake went.
    pub handshake: Handshake,
    /// From the SYN copy that was answered to the initiator's ACK of the SYN-ACK: one round trip, wherever the
    /// capture was taken.
    pub handshake_rtt: Option<TimeDelta>,
    /// Copies of the SYN after the first.
    pub syn_retries: u32,
    /// True when a SYN offered TCP Fast Open with data.
    pub fast_open: bool,
    /// True for a further subflow of a Multipath TCP connection.
    pub mptcp_join: bool,
    /// What became of it.
    pub outcome: FlowOutcome,
    /// Why the outcome is undecided, when the capture's limits made it so.
    pub undecided_because: Option<&'static str>,
    /// Each endpoint's state at the end.
    pub states: Sides<EndpointState>,
    /// Who closed first; `None` when nobody did.
    pub active_closer: Option<Role>,
    /// Each side's FIN.
    pub fin: Sides<Option<FinFacts>>,
    /// From the first FIN to the other side's; `None` as well where the clock was set back in between.
    pub fin_delay: Option<TimeDelta>,
    /// True when the passive closer sent data after it had received the FIN.
    pub data_after_fin: bool,
    /// The side that was in CLOSE-WAIT.
    pub close_wait: Option<CloseWait>,
    /// Every distinct RST, in order; empty for most flows.
    pub resets: Vec<Reset>,
    /// Index into `resets` of the one that decided the outcome.
    pub deciding_reset: Option<usize>,
    /// How many incarnations of this four-tuple came before, plus one.
    pub incarnation: u32,
    /// The incarnation before.
    pub reuse: Option<Reuse>,
    /// The flow that took the four-tuple over.
    pub successor: Option<(u64, Timestamp)>,
    /// When the responder answered that one's SYN with a SYN-ACK. A host has one socket for a four-tuple.
    pub replaced: Option<Timestamp>,
    /// Its segments in the life of a later flow on its four-tuple, and those of earlier ones in its own life: the first
    /// eight. Empty for most flows.
    pub ghosts: Vec<Ghost>,
    /// What each side sent.
    pub traffic: Sides<Traffic>,
    /// Octets one way followed by octets the other way.
    pub exchanges: u64,
    /// Octets of the last request if nothing came back: who sent them is `last_talker`.
    pub unanswered_octets: u64,
    /// Who sent the last new octets, since when.
    pub last_talker: Option<(Role, RecordRef)>,
    /// New octets that it sent since then.
    pub last_octets: u64,
    /// The initiator's last octets, if nothing came back before the end, or before it closed or reset.
    pub asked: Option<RecordRef>,
    /// The last segment that was more than an acknowledgement or a probe.
    pub active: RecordRef,
    /// When the responder spoke; `None` when it sent no octets.
    pub replies: Option<Replies>,
    /// The last time of a second or more in which nothing was done.
    pub pause: Option<Pause>,
    /// Who sent the last ICMP error about the connection.
    pub icmp_reporter: Option<IpAddr>,
    /// Zeek's `history`.
    pub letters: Letters,
    /// The kept events in order.
    pub events: Vec<Event>,
    /// Events that were not kept because the history was full.
    pub events_dropped: u64,
    /// What a replay of the events must know besides them.
    pub premise: Premise,
    /// When this verdict was reached, in capture time.
    pub decided: Timestamp,
}

impl Flow {
    /// The endpoint that plays `role`.
    pub const fn endpoint(&self, role: Role) -> Endpoint {
        match role {
            Role::Initiator => self.initiator,
            Role::Responder => self.responder,
        }
    }

    /// The RST that decided the outcome.
    pub fn reset(&self) -> Option<&Reset> {
        self.deciding_reset.and_then(|index| self.resets.get(index))
    }

    /// The ACK that completed its handshake.
    pub fn completed(&self) -> Option<RecordRef> {
        self.events.iter().find(|event| event.kind == EventKind::HandshakeAck).map(|event| event.at)
    }

    /// From first to last segment.
    pub fn duration(&self) -> TimeDelta {
        self.last.time - self.first.time
    }

    /// True when the second FIN followed the passive closer's own ACK of the first at once, or was that ACK: then the
    /// first FIN had just arrived, and what took long was its way.
    pub fn is_prompt_close(&self) -> bool {
        let fins = self.first_fin().zip(self.second_fin());
        fins.is_some_and(|((_, first), (_, second))| first.is_answered_promptly_by(&second, self.order))
    }

    /// The first FIN of all, with its sender.
    pub fn first_fin(&self) -> Option<(Role, FinFacts)> {
        let closer = self.active_closer?;
        self.fin[closer].map(|fin| (closer, fin))
    }

    /// The other side's FIN, with its sender.
    pub fn second_fin(&self) -> Option<(Role, FinFacts)> {
        let closer = !self.active_closer?;
        self.fin[closer].map(|fin| (closer, fin))
    }
}
