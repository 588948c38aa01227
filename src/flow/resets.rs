//! The words for a RST: who sent it, what it answers, and whether it counts.

use serde::Serialize;

use super::facts::RecordRef;
use crate::net::Role;

/// What kind of segment a RST answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answered {
    /// A connection request.
    Syn,
    /// Payload.
    Data,
    /// A FIN.
    Fin,
    /// A keep-alive or window probe: one below the next sequence number.
    Probe,
    /// An acknowledgement alone.
    Ack,
}

/// What kind of reset it was (`rst_kind` in `flows.csv`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ResetKind {
    /// RST to a SYN.
    Refusal,
    /// RST with ACK: a live socket gave up.
    Abort,
    /// RST with ACK by a side that had sent its FIN.
    AfterOwnFin,
    /// A bare RST to a late FIN: the port is stale.
    StaleFin,
    /// A bare RST to late data.
    StaleData,
    /// A bare RST to a late probe.
    StaleProbe,
    /// A bare RST to data that crossed the sender's FIN.
    CrossedFin,
    /// A bare RST by a side that sent no FIN: it no longer knows the connection.
    StateLost,
    /// A bare RST to the answer that a successor's SYN drew from this connection's old socket.
    SuccessorSyn,
    /// A bare RST with no segment before it that it answers.
    Unsolicited,
    /// Neither endpoint seems to have sent it.
    ThirdParty,
}

impl ResetKind {
    /// The word in `flows.csv`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refusal => "refusal",
            Self::Abort => "abort",
            Self::AfterOwnFin => "after_own_fin",
            Self::StaleFin => "stale_fin",
            Self::StaleData => "stale_data",
            Self::StaleProbe => "stale_probe",
            Self::CrossedFin => "crossed_fin",
            Self::StateLost => "state_lost",
            Self::SuccessorSyn => "successor_syn",
            Self::Unsolicited => "unsolicited",
            Self::ThirdParty => "third_party",
        }
    }
}

/// A RST, judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Reset {
    /// Whose address it bears.
    pub by: Role,
    /// What kind it is.
    pub kind: ResetKind,
    /// Its first copy.
    pub at: RecordRef,
    /// The segment that it answers, where there is one.
    pub answers: Option<(Answered, RecordRef)>,
    /// True when both FINs had been acknowledged before it: it changed nothing.
    pub after_close: bool,
    /// True when its receiver went on as if nothing had come.
    pub ignored: bool,
    /// True when its alleged sender went on as if it had sent none.
    pub sender_goes_on: bool,
    /// Its time to live, and the lowest and highest of its alleged sender's other segments.
    pub ttl: u8,
    /// See `ttl`.
    pub sender_ttl: (u8, u8),
}
