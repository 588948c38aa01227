//! Which flows a run tells of: hosts, networks, ports, times, and codes.

use std::net::IpAddr;
use std::str::FromStr;

use crate::diagnose::Finding;
use crate::flow::Flow;
use crate::net::Endpoint;
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
/// Narrowing hides flows and findings; it changes neither their verdicts nor their numbers.
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
    /// True when `flow` is told of.
    pub fn admits(&self, flow: &Flow) -> bool {
        self.admits_ends([flow.initiator, flow.responder])
            && self.since.is_none_or(|since| flow.last.time >= since)
            && self.until.is_none_or(|until| flow.first.time <= until)
    }

    /// True when connections between these endpoints are told of, at some time.
    pub fn admits_ends(&self, ends: [Endpoint; 2]) -> bool {
        let in_network = |end: &Endpoint| self.networks.iter().any(|network| network.contains(end.addr));
        (self.networks.is_empty() || ends.iter().any(in_network))
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
