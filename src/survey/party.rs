//! Who: services, and hosts as their clients.

use std::fmt;
use std::net::IpAddr;

use serde::{Serialize, Serializer};

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
        Self::between(flow.endpoint(role), flow.endpoint(!role), role)
    }

    /// The party at the end `own` of a connection with `peer`, where it plays `role`.
    pub fn between(own: Endpoint, peer: Endpoint, role: Role) -> Self {
        match role {
            Role::Initiator => Self::Client { host: own.addr, service: peer },
            Role::Responder => Self::Service(own),
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

/// As it is displayed.
impl Serialize for Party {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
