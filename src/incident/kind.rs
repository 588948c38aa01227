//! What an incident is, by the finding at its root.

use serde::Serialize;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The process of a service died: its sockets were closed and reset at once.
    ProcessDied,
    /// A host lost all it knew of its connections.
    StateLost,
    /// Local ports ran out, or will.
    PortsExhausted,
    /// A pool of connections to a backend is full and silent.
    PoolSaturated,
    /// Connections waited in the accept queue until others ended.
    AcceptStarvation,
    /// The accept queue was full.
    AcceptQueueOverflow,
    /// A service left requests unanswered.
    StoppedAnswering,
    /// Connections are opened, used once, and never closed.
    ConnectionLeak,
    /// Requests crossed the FIN of a connection that was idle.
    KeepAliveRace,
    /// A pool used connections that the peer had closed.
    StalePool,
    /// A connection was asked for on ports that half-closed connections still held.
    ReuseBlocked,
    /// Something on the path forgot idle connections and reset them.
    IdleReset,
    /// Something on the path forgot idle connections and says nothing.
    IdleSilence,
    /// Somebody else resets connections.
    ForgedReset,
    /// A program does not close what its peer closed.
    ForgotToClose,
    /// Late segments reach hosts that had forgotten their connections.
    StalePorts,
    /// A program stopped reading.
    StoppedReading,
    /// Who closes is not heard.
    CloseUnheard,
    /// Connections cannot be opened.
    Unreachable,
}

impl Kind {
    /// The kind whose root is a finding of `code`, and from how many single findings on they make an incident; `None`
    /// for findings that never do.
    pub(super) fn of(code: &str) -> Option<(Self, u64)> {
        Some(match code {
            "SVC105" => (Self::PortsExhausted, 1),
            "SVC104" => (Self::PoolSaturated, 1),
            "SVC102" => (Self::AcceptStarvation, 1),
            "SYN105" => (Self::AcceptQueueOverflow, 2),
            "SVC106" => (Self::StoppedAnswering, 1),
            "SVC103" => (Self::ConnectionLeak, 1),
            "RST109" => (Self::StateLost, 2),
            "APP106" => (Self::KeepAliveRace, 2),
            "APP107" => (Self::StalePool, 2),
            "TUP104" => (Self::ReuseBlocked, 1),
            "TUP101" => (Self::ReuseBlocked, 2),
            "RST108" => (Self::IdleReset, 2),
            "APP105" => (Self::IdleSilence, 2),
            "RST105" => (Self::ForgedReset, 2),
            "SVC101" => (Self::ForgotToClose, 1),
            "FIN101" => (Self::ForgotToClose, 3),
            "RST101" => (Self::StalePorts, 3),
            "APP104" => (Self::StoppedReading, 1),
            "FIN103" => (Self::CloseUnheard, 2),
            "RST103" => (Self::ProcessDied, 5),
            "SYN101" | "SYN102" | "SYN103" | "SYN104" => (Self::Unreachable, 3),
            _ => return None,
        })
    }

    /// A few words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ProcessDied => "process died",
            Self::StateLost => "state lost",
            Self::PortsExhausted => "ports exhausted",
            Self::PoolSaturated => "pool saturated",
            Self::AcceptStarvation => "accept starvation",
            Self::AcceptQueueOverflow => "accept queue overflow",
            Self::StoppedAnswering => "stopped answering",
            Self::ConnectionLeak => "connection leak",
            Self::KeepAliveRace => "keep-alive race",
            Self::StalePool => "stale pool",
            Self::ReuseBlocked => "reuse blocked",
            Self::IdleReset => "reset after idle time",
            Self::IdleSilence => "silence after idle time",
            Self::ForgedReset => "forged resets",
            Self::ForgotToClose => "forgot to close",
            Self::StalePorts => "stale ports",
            Self::StoppedReading => "stopped reading",
            Self::CloseUnheard => "close unheard",
            Self::Unreachable => "unreachable",
        }
    }
}
