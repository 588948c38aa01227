//! Which flows a run tells of: hosts, networks, ports, times, and codes.

use std::net::IpAddr;
use std::str::FromStr;

use crate::diagnose::{Finding, InputFinding};
use crate::flow::Flow;
use crate::incident::Incident;
use crate::net::Endpoint;
use crate::survey::Party;
use crate::time::Timestamp;

/// An IP network: an address and how many of its leading bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// True when `address` lies in the network.
    pub fn contains(&self, address: IpAddr) -> bool {
        let (own, other, bits) = match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                (u128::from(u32::from(own)), u128::from(u32::from(other)), 32)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => (u128::from(own), u128::from(other), 128),
            _ => return false,
        };
        let free = bits - u32::from(self.prefix);
        own.checked_shr(free).unwrap_or(0) == other.checked_shr(free).unwrap_or(0)
    }
}

/// `192.0.2.0/24`, `2001:db8::/32`, or an address alone.
impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
        let address: IpAddr = address.parse().map_err(|_| format!("{address:?} is no IP address"))?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(text) => text.parse().map_err(|_| format!("{text:?} is no prefix length"))?,
            None => most,
        };
        if prefix > most {
            return Err(format!("a prefix of {prefix} bits is longer than the address ({most})"));
        }
        Ok(Self { address, prefix })
    }
}

/// What a run is narrowed to. Empty lists and `None` leave everything in.
///
/// Narrowing hides flows, findings and incidents; it changes neither their verdicts nor their numbers.
#[derive(Clone, Debug, Default)]
pub struct Narrowing {
    /// Flows with an endpoint in one of these networks (a host is a network of one).
    pub networks: Vec<Network>,
    /// Flows with one of these ports at either end.
    pub ports: Vec<u16>,
    /// Flows with a segment at or after this time.
    pub since: Option<Timestamp>,
    /// Flows with a segment at or before this time.
    pub until: Option<Timestamp>,
    /// Only these findings.
    pub only: Vec<String>,
    /// Not these findings.
    pub ignore: Vec<String>,
}

impl Narrowing {
    /// True when everything is told of.
    pub fn admits_all(&self) -> bool {
        let Self { networks, ports, since, until, only, ignore } = self;
        let is_open = networks.is_empty() && ports.is_empty() && since.is_none() && until.is_none();
        is_open && only.is_empty() && ignore.is_empty()
    }

    /// True when `flow` is told of.
    pub fn admits(&self, flow: &Flow) -> bool {
        self.admits_ends([flow.initiator, flow.responder])
            && self.admits_span(flow.first.time, Some(flow.last.time))
    }

    /// True when a finding about the input, or about one party, is told of.
    pub fn admits_input(&self, finding: &InputFinding) -> bool {
        let is_admitted = |party| {
            // What a host remembers is known from one moment; all else lasts until it is over.
            let end = if matches!(party, Party::Host(_)) { finding.start } else { finding.until };
            self.admits_party(party) && finding.start.is_none_or(|start| self.admits_span(start, end))
        };
        // What the capture could not show holds for whatever is told.
        self.admits_code(finding.rule.code) && finding.party.is_none_or(is_admitted)
    }

    /// True when an incident is told of whatever is told of its flows: someone takes part in it, and something is found,
    /// while it lasts, that is.
    pub fn admits_incident(&self, incident: &Incident) -> bool {
        self.admits_span(incident.since, incident.until)
            && incident.findings.iter().any(|member| self.admits_party(member.party))
            && incident.findings.iter().any(|member| self.admits_code(member.code))
    }

    fn admits_party(&self, party: Party) -> bool {
        let (host, service) = match party {
            Party::Service(service) => (None, Some(service)),
            Party::Client { host, service } => (Some(host), Some(service)),
            Party::Host(host) => (Some(host), None),
        };
        let mut addresses = host.into_iter().chain(service.map(|service| service.addr));
        (self.networks.is_empty() || addresses.any(|address| self.admits_address(address)))
            && (self.ports.is_empty() || service.is_some_and(|service| self.ports.contains(&service.port)))
    }

    fn admits_address(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(address))
    }

    /// True when something that lasted to `end`, or was not over, was there in the time that is told of.
    fn admits_span(&self, start: Timestamp, end: Option<Timestamp>) -> bool {
        let is_late_enough = |since| end.is_none_or(|end| end >= since);
        self.since.is_none_or(is_late_enough) && self.until.is_none_or(|until| start <= until)
    }

    /// True when connections between these endpoints are told of, at some time.
    pub fn admits_ends(&self, ends: [Endpoint; 2]) -> bool {
        (self.networks.is_empty() || ends.iter().any(|end| self.admits_address(end.addr)))
            && (self.ports.is_empty() || ends.iter().any(|end| self.ports.contains(&end.port)))
    }

    /// True when findings like `finding` are told of.
    pub fn admits_finding(&self, finding: &Finding) -> bool {
        self.admits_code(finding.rule.code)
    }

    /// True when findings with this code are told of.
    pub fn admits_code(&self, code: &str) -> bool {
        let named = |codes: &[String]| codes.iter().any(|named| named.eq_ignore_ascii_case(code));
        (self.only.is_empty() || named(&self.only)) && !named(&self.ignore)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_contain_what_their_prefix_says() {
        let network: Network = "10.1.0.0/16".parse().unwrap();
        assert!(network.contains("10.1.255.3".parse().unwrap()));
        assert!(!network.contains("10.2.0.1".parse().unwrap()));
        assert!(!network.contains("::ffff:10.1.0.1".parse().unwrap()));
        let all: Network = "::/0".parse().unwrap();
        assert!(all.contains("2001:db8::1".parse().unwrap()));
        let host: Network = "192.0.2.7".parse().unwrap();
        assert!(host.contains("192.0.2.7".parse().unwrap()) && !host.contains("192.0.2.6".parse().unwrap()));
        assert!("10.0.0.0/33".parse::<Network>().is_err() && "ten".parse::<Network>().is_err());
    }
}
