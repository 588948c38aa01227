//! The connection states of RFC 9293 §3.3.2 and the arcs between them (figure 5).
//!
//! [`State::next`] is pure and total. The events are *signals already judged in sequence space*: whether an
//! ACK covers a FIN, or a RST lies in the window, is decided before they come here. `None` means that RFC 9293
//! has no such arc; to the caller that is evidence, not an error.

use std::fmt;

use serde::Serialize;

/// A connection state of RFC 9293 §3.3.2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "SCREAMING-KEBAB-CASE")]
pub enum State {
    /// Waits for a connection request.
    Listen,
    /// Sent a SYN.
    SynSent,
    /// Sent and received a SYN.
    SynReceived,
    /// Open.
    Established,
    /// Sent a FIN.
    #[serde(rename = "FIN-WAIT-1")]
    FinWait1,
    /// Its FIN was acknowledged; waits for the peer's.
    #[serde(rename = "FIN-WAIT-2")]
    FinWait2,
    /// Received a FIN; its own program has not closed yet.
    CloseWait,
    /// FINs crossed; waits for the ACK of its own.
    Closing,
    /// Sent its FIN after the peer's; waits for the ACK.
    LastAck,
    /// Waits for 2MSL.
    TimeWait,
    /// No connection.
    #[default]
    Closed,
}

/// What one segment says to the state machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Signal {
    /// A connection request.
    Syn,
    /// A connection request that acknowledges the peer's.
    SynAck,
    /// An acknowledgement of the SYN.
    AckOfSyn,
    /// An end of data, in sequence.
    Fin,
    /// An acknowledgement of the FIN.
    AckOfFin,
    /// An acceptable reset.
    Rst,
}

/// A signal that an endpoint sent or received, or the end of 2MSL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The endpoint sent this.
    Sent(Signal),
    /// The endpoint received this.
    Received(Signal),
    /// Two maximum segment lifetimes passed in TIME-WAIT.
    QuietTimeOver,
}

impl State {
    /// All states, in the order of RFC 9293 §3.3.2.
    pub const ALL: [Self; 11] = [
        Self::Listen,
        Self::SynSent,
        Self::SynReceived,
        Self::Established,
        Self::FinWait1,
        Self::FinWait2,
        Self::CloseWait,
        Self::Closing,
        Self::LastAck,
        Self::TimeWait,
        Self::Closed,
    ];

    /// The state after `event`, or `None` when RFC 9293 has no such arc.
    ///
    /// ```
    /// use closewait::tcp::{Event, Signal, State};
    /// let waiting = State::Established.next(Event::Received(Signal::Fin));
    /// assert_eq!(waiting, Some(State::CloseWait));
    /// assert_eq!(State::CloseWait.next(Event::QuietTimeOver), None); // no timer ends CLOSE-WAIT
    /// ```
    #[expect(clippy::match_same_arms, reason = "one arm per arc of RFC 9293 figure 5")]
    pub const fn next(self, event: Event) -> Option<Self> {
        use Event::{QuietTimeOver, Received, Sent};
        use Signal::{AckOfFin, AckOfSyn, Fin, Rst, Syn, SynAck};
        Some(match (self, event) {
            // Opening. A listener answers a SYN; LISTEN is where a responder starts.
            (Self::Closed | Self::Listen, Sent(Syn)) => Self::SynSent,
            (Self::Listen, Received(Syn)) => Self::SynReceived,
            (Self::SynReceived, Sent(SynAck)) => Self::SynReceived,
            (Self::SynSent, Received(SynAck)) => Self::Established,
            (Self::SynReceived, Received(AckOfSyn)) => Self::Established,
            // Simultaneous open (RFC 9293 §3.5, figure 7).
            (Self::SynSent, Received(Syn)) => Self::SynReceived,
            (Self::SynReceived, Received(SynAck)) => Self::Established,
            // The active closer.
            (Self::SynReceived | Self::Established, Sent(Fin)) => Self::FinWait1,
            (Self::FinWait1, Received(AckOfFin)) => Self::FinWait2,
            (Self::FinWait1, Received(Fin)) => Self::Closing,
            (Self::FinWait2, Received(Fin)) => Self::TimeWait,
            (Self::Closing, Received(AckOfFin)) => Self::TimeWait,
            (Self::TimeWait, Received(Fin)) => Self::TimeWait,
            (Self::TimeWait, QuietTimeOver) => Self::Closed,
            // The passive closer.
            (Self::SynReceived | Self::Established, Received(Fin)) => Self::CloseWait,
            (Self::CloseWait, Sent(Fin)) => Self::LastAck,
            (Self::LastAck, Received(AckOfFin)) => Self::Closed,
            // Abort: no state survives a RST that was sent or accepted; a listener only ignores it, and
            // one that had received the SYN goes back to LISTEN (§3.10.7.4), which is no connection either.
            (Self::Closed | Self::Listen, _) => return None,
            (_, Sent(Rst) | Received(Rst)) => Self::Closed,
            _ => return None,
        })
    }

    /// The spelling of RFC 9293, e.g. `FIN-WAIT-1`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Listen => "LISTEN",
            Self::SynSent => "SYN-SENT",
            Self::SynReceived => "SYN-RECEIVED",
            Self::Established => "ESTABLISHED",
            Self::FinWait1 => "FIN-WAIT-1",
            Self::FinWait2 => "FIN-WAIT-2",
            Self::CloseWait => "CLOSE-WAIT",
            Self::Closing => "CLOSING",
            Self::LastAck => "LAST-ACK",
            Self::TimeWait => "TIME-WAIT",
            Self::Closed => "CLOSED",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
