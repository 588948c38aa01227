//! What a timer does, and how firm its value is.

use std::fmt;

/// What ends, and who ends it, when a timer fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A server closes a connection that waits for the next request.
    ServerIdle,
    /// A client, or the pool of a proxy, closes a connection that it does not use.
    ClientIdle,
    /// A server gives up waiting for a request, or for the rest of it.
    Request,
    /// A client or a proxy gives up waiting for an answer.
    Response,
    /// Whoever connects gives up.
    Connect,
    /// A connection is closed once it is so old, used or not.
    Lifetime,
    /// Who closes goes on reading for so long before it is done with the connection.
    Linger,
    /// A balancer, firewall or translator forgets an idle connection.
    PathIdle,
    /// A balancer, firewall or translator forgets a connection that is half closed or closing.
    PathClosing,
    /// A kernel forgets a connection that waits for the peer's FIN.
    FinWait2,
    /// A kernel keeps the ports of a closed connection.
    TimeWait,
    /// A silent connection is probed, or given up because probes go unanswered.
    KeepAlive,
    /// A kernel gives up on octets or a FIN that nobody acknowledges.
    Retransmission,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 13] = [
        Self::ServerIdle,
        Self::ClientIdle,
        Self::Request,
        Self::Response,
        Self::Connect,
        Self::Lifetime,
        Self::Linger,
        Self::PathIdle,
        Self::PathClosing,
        Self::FinWait2,
        Self::TimeWait,
        Self::KeepAlive,
        Self::Retransmission,
    ];

    /// What makes an initiator close a connection that is idle.
    pub const INITIATOR_IDLE: &[Self] = &[Self::ClientIdle, Self::Lifetime];

    /// What makes a responder close a connection that is idle.
    pub const RESPONDER_IDLE: &[Self] = &[Self::ServerIdle, Self::Request, Self::Lifetime];

    /// What makes an initiator give up while it waits for an answer.
    pub const INITIATOR_WAITS: &[Self] = &[Self::Response];

    /// What makes something on the path drop a connection that was idle.
    pub const PATH: &[Self] = &[Self::PathIdle];

    /// Its name in lists and files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ServerIdle => "server-idle",
            Self::ClientIdle => "client-idle",
            Self::Request => "request",
            Self::Response => "response",
            Self::Connect => "connect",
            Self::Lifetime => "lifetime",
            Self::Linger => "linger",
            Self::PathIdle => "path-idle",
            Self::PathClosing => "path-closing",
            Self::FinWait2 => "fin-wait-2",
            Self::TimeWait => "time-wait",
            Self::KeepAlive => "keep-alive",
            Self::Retransmission => "retransmission",
        }
    }

    /// What it means, in half a line.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::ServerIdle => "a server closes a connection that waits for the next request",
            Self::ClientIdle => "a client or a proxy's pool closes a connection it does not use",
            Self::Request => "a server gives up waiting for a request or the rest of it",
            Self::Response => "a client or a proxy gives up waiting for an answer",
            Self::Connect => "whoever connects gives up",
            Self::Lifetime => "a connection is closed once it is so old",
            Self::Linger => "who closes goes on reading for so long",
            Self::PathIdle => "a balancer, firewall or translator forgets an idle connection",
            Self::PathClosing => "the same for a connection that is half closed or closing",
            Self::FinWait2 => "a kernel forgets a connection that waits for the peer's FIN",
            Self::TimeWait => "a kernel keeps the ports of a closed connection",
            Self::KeepAlive => "a silent connection is probed, or given up after probes",
            Self::Retransmission => "a kernel gives up on what nobody acknowledges",
        }
    }

    /// The kind of a name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How firm the value of a timer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Basis {
    /// Set at this site, says whoever runs it.
    Site,
    /// It cannot be set.
    Fixed,
    /// What holds where nothing is set.
    Default,
    /// What is often set.
    Common,
}

impl Basis {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Site, Self::Fixed, Self::Default, Self::Common];

    /// Its name in lists and files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Site => "site",
            Self::Fixed => "fixed",
            Self::Default => "default",
            Self::Common => "common",
        }
    }

    /// What a site says is likelier than what holds everywhere, and that than what is only often set.
    pub(super) const fn rank(self) -> u8 {
        match self {
            Self::Site => 0,
            Self::Fixed | Self::Default => 1,
            Self::Common => 2,
        }
    }

    /// The basis of a name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|basis| basis.as_str() == name)
    }
}

impl fmt::Display for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
