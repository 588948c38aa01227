//! Who: services, and hosts as their clients.

use std::fmt;
use std::net::IpAddr;

use crate::flow::Flow;
use crate::net::{Endpoint, Role};

/// One side of many connections: a service, or a host as the client of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Party {
    /// The responders at one address and port.
    Service(Endpoint),
    /// The initiators at one address, toward one service.
    Client {
        /// Their address.
        host: IpAddr,
        /// The service.
        service: Endpoint,
    },
    /// A host, whatever it does.
    Host(IpAddr),
}

impl Party {
    /// The party that plays `role` in `flow`.
    pub fn of(flow: &Flow, role: Role) -> Self {
        match role {
            Role::Initiator => Self::Client { host: flow.initiator.addr, service: flow.responder },
            Role::Responder => Self::Service(flow.responder),
        }
    }
}

/// `10.0.0.1:80`, or `10.0.0.2 (client of 10.0.0.1:80)`.
impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(service) => service.fmt(f),
            Self::Host(host) => host.fmt(f),
            Self::Client { host, service } => write!(f, "{host} (client of {service})"),
        }
    }
}
