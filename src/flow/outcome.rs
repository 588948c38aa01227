//! What became of a flow, in one word.

use serde::Serialize;

/// What became of the connection: exactly one per flow (`outcome` in `flows.csv`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FlowOutcome {
    /// RST to the SYN.
    Refused,
    /// ICMP error to the SYN.
    RefusedIcmp,
    /// No answer to the SYN.
    SynUnanswered,
    /// SYN-ACK, never acknowledged.
    HandshakeIncomplete,
    /// RST that neither endpoint seems to have sent.
    ResetThirdParty,
    /// The second FIN came when the four-tuple was in use again.
    LateFinIntoSuccessor,
    /// The first closer answered late data with RST: it had forgotten the connection.
    LateDataRst,
    /// The first closer answered the late FIN with RST.
    LateFinRst,
    /// The first closer answered a late keep-alive probe with RST.
    LateProbeRst,
    /// RST by the initiator.
    ResetInitiator,
    /// RST by the responder.
    ResetResponder,
    /// A FIN was never acknowledged.
    FinUnacked,
    /// One FIN, acknowledged; the other side never closed.
    HalfClosed,
    /// The second FIN came late, with no data in between.
    DelayedFin,
    /// The FINs crossed.
    SimultaneousClose,
    /// Both closed in order.
    CleanClose,
    /// Open at the end behind a closed window.
    OpenStalled,
    /// Open at the end; the last octets came from the initiator and were acknowledged.
    OpenUnanswered,
    /// Open at the end; data was never acknowledged.
    OpenUnacked,
    /// Open at the end.
    Open,
    /// The capture cannot know.
    #[default]
    Undecided,
}

impl FlowOutcome {
    /// Every outcome, in the order of precedence.
    pub const ALL: [Self; 21] = [
        Self::Refused,
        Self::RefusedIcmp,
        Self::SynUnanswered,
        Self::HandshakeIncomplete,
        Self::ResetThirdParty,
        Self::LateFinIntoSuccessor,
        Self::LateDataRst,
        Self::LateFinRst,
        Self::LateProbeRst,
        Self::ResetInitiator,
        Self::ResetResponder,
        Self::FinUnacked,
        Self::HalfClosed,
        Self::DelayedFin,
        Self::SimultaneousClose,
        Self::CleanClose,
        Self::OpenStalled,
        Self::OpenUnanswered,
        Self::OpenUnacked,
        Self::Open,
        Self::Undecided,
    ];

    /// The word in `flows.csv`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::RefusedIcmp => "refused_icmp",
            Self::SynUnanswered => "syn_unanswered",
            Self::HandshakeIncomplete => "handshake_incomplete",
            Self::ResetThirdParty => "reset_third_party",
            Self::LateFinIntoSuccessor => "late_fin_into_successor",
            Self::LateDataRst => "late_data_rst",
            Self::LateFinRst => "late_fin_rst",
            Self::LateProbeRst => "late_probe_rst",
            Self::ResetInitiator => "reset_initiator",
            Self::ResetResponder => "reset_responder",
            Self::FinUnacked => "fin_unacked",
            Self::HalfClosed => "half_closed",
            Self::DelayedFin => "delayed_fin",
            Self::SimultaneousClose => "simultaneous_close",
            Self::CleanClose => "clean_close",
            Self::OpenUnanswered => "open_unanswered",
            Self::OpenStalled => "open_stalled",
            Self::OpenUnacked => "open_unacked",
            Self::Open => "open",
            Self::Undecided => "undecided",
        }
    }

    /// True when the verdict rests on something that was *not* seen.
    pub const fn rests_on_absence(self) -> bool {
        matches!(
            self,
            Self::SynUnanswered
                | Self::HandshakeIncomplete
                | Self::FinUnacked
                | Self::HalfClosed
                | Self::OpenUnanswered
                | Self::OpenStalled
                | Self::OpenUnacked
                | Self::Open
        )
    }
}
