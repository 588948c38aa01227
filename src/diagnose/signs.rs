//! What a flow has that some rule looks at, as bits: most flows have nothing, and most others what few rules look at.

use super::Context;
use super::rules::app;
use crate::flow::{EventKind, Flow, FlowOutcome, Handshake, Origin, ResetKind, ReuseKind};
use crate::net::Sides;

/// One thing that a rule may look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// The flow came to this.
    Outcome(FlowOutcome),
    /// It has a RST of this kind, deciding or not.
    Reset(ResetKind),
    /// Its SYN met this.
    Reuse(ReuseKind),
    /// A SYN was sent again.
    SynAgain,
    /// A SYN-ACK was sent again.
    SynAckAgain,
    /// The handshake ended with the SYN-ACK.
    SynAckUnanswered,
    /// The second FIN came `--fin-delay` or more after the first.
    LateFin,
    /// A FIN was not acknowledged.
    UnackedFin,
    /// The passive closer sent data after it had received the FIN.
    DataAfterFin,
    /// A RST was ignored.
    IgnoredReset,
    /// There is a RST, and the connection was not seen to begin.
    MidstreamReset,
    /// A segment of another incarnation came in its life.
    Ghost,
    /// A segment of it came in a successor's life.
    IntoSuccessor,
    /// The initiator waited for an answer.
    Waiting,
    /// Nothing was done for long.
    Idle,
    /// A side kept its window closed.
    Stalled,
}

/// Any number of [`Sign`]s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signs(u64);

const FIRST_RESET: u32 = FlowOutcome::Undecided as u32 + 1;
const FIRST_REUSE: u32 = FIRST_RESET + ResetKind::ThirdParty as u32 + 1;
const FIRST_OTHER: u32 = FIRST_REUSE + ReuseKind::Open as u32 + 1;

impl Sign {
    const fn bit(self) -> u64 {
        let place = match self {
            Self::Outcome(outcome) => outcome as u32,
            Self::Reset(kind) => FIRST_RESET + kind as u32,
            Self::Reuse(kind) => FIRST_REUSE + kind as u32,
            Self::SynAgain => FIRST_OTHER,
            Self::SynAckAgain => FIRST_OTHER + 1,
            Self::SynAckUnanswered => FIRST_OTHER + 2,
            Self::LateFin => FIRST_OTHER + 3,
            Self::UnackedFin => FIRST_OTHER + 4,
            Self::DataAfterFin => FIRST_OTHER + 5,
            Self::IgnoredReset => FIRST_OTHER + 6,
            Self::MidstreamReset => FIRST_OTHER + 7,
            Self::Ghost => FIRST_OTHER + 8,
            Self::IntoSuccessor => FIRST_OTHER + 9,
            Self::Waiting => FIRST_OTHER + 10,
            Self::Idle => FIRST_OTHER + 11,
            Self::Stalled => FIRST_OTHER + 12,
        };
        1 << place
    }
}

impl Signs {
    /// All of `signs`.
    pub const fn of(mut signs: &[Sign]) -> Self {
        let mut bits = 0;
        while let [sign, rest @ ..] = signs {
            bits |= sign.bit();
            signs = rest;
        }
        Self(bits)
    }

    /// Those of either.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// True when some sign is in both.
    #[inline]
    pub const fn meet(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// What `flow` has.
    pub(super) fn in_flow(flow: &Flow, context: &Context<'_>) -> Self {
        let mut bits = Sign::Outcome(flow.outcome).bit() | in_events(flow);
        for reset in &flow.resets {
            bits |= Sign::Reset(reset.kind).bit() | if_so(reset.ignored, Sign::IgnoredReset);
        }
        if let Some(reuse) = flow.reuse {
            bits |= Sign::Reuse(reuse.kind).bit();
        }
        let Sides { initiator, responder } = &flow.fin;
        let is_unacked = [initiator, responder].into_iter().flatten().any(|fin| fin.acked.is_none());
        let is_late = flow.fin_delay.is_some_and(|delay| delay >= context.limits.fin_delay);
        let is_stalled = flow.traffic.initiator.stall.is_some() || flow.traffic.responder.stall.is_some();
        let is_midstream_reset = flow.origin == Origin::Midstream && !flow.resets.is_empty();
        Self(
            bits | if_so(flow.syn_retries > 0, Sign::SynAgain)
                | if_so(flow.handshake == Handshake::SynAck, Sign::SynAckUnanswered)
                | if_so(is_late, Sign::LateFin)
                | if_so(is_unacked, Sign::UnackedFin)
                | if_so(flow.data_after_fin, Sign::DataAfterFin)
                | if_so(is_midstream_reset, Sign::MidstreamReset)
                | if_so(app::has_waited(flow), Sign::Waiting)
                | if_so(app::is_idle(flow), Sign::Idle)
                | if_so(is_stalled, Sign::Stalled),
        )
    }
}

fn in_events(flow: &Flow) -> u64 {
    let (mut kinds, mut into_successor) = (0, false);
    for event in &flow.events {
        kinds |= 1_u32 << event.kind as u32;
        into_successor |= event.into_successor;
    }
    if_so(kinds & 1 << EventKind::SynAckAgain as u32 != 0, Sign::SynAckAgain)
        | if_so(kinds & 1 << EventKind::Ghost as u32 != 0, Sign::Ghost)
        | if_so(into_successor, Sign::IntoSuccessor)
}

#[inline]
const fn if_so(so: bool, sign: Sign) -> u64 {
    if so { sign.bit() } else { 0 }
}
