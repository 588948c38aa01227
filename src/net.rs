//! Endpoints, four-tuples and roles.

use std::fmt;
use std::hint::select_unpredictable;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::{Index, IndexMut, Not};

use serde::{Serialize, Serializer};

/// An address and a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// IP address.
    pub addr: IpAddr,
    /// TCP port.
    pub port: u16,
}

/// `192.0.2.1:80`, `[2001:db8::1]:80`.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.addr {
            IpAddr::V4(addr) => write!(f, "{addr}:{}", self.port),
            IpAddr::V6(addr) => write!(f, "[{addr}]:{}", self.port),
        }
    }
}

impl Serialize for Endpoint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Who opened the connection: the sender of the first SYN is the initiator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sender of the first SYN.
    Initiator,
    /// Its peer.
    Responder,
}

impl Role {
    /// Both roles, initiator first.
    pub const BOTH: [Self; 2] = [Self::Initiator, Self::Responder];

    /// `initiator` or `responder`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Initiator => "initiator",
            Self::Responder => "responder",
        }
    }
}

impl Not for Role {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::Initiator => Self::Responder,
            Self::Responder => Self::Initiator,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One value for each role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sides<T> {
    /// The initiator's.
    pub initiator: T,
    /// The responder's.
    pub responder: T,
}

impl<T> Sides<T> {
    /// The value of `role`, and the other one.
    #[inline]
    pub fn of_both(&mut self, role: Role) -> (&mut T, &mut T) {
        match role {
            Role::Initiator => (&mut self.initiator, &mut self.responder),
            Role::Responder => (&mut self.responder, &mut self.initiator),
        }
    }
}

impl<T> Index<Role> for Sides<T> {
    type Output = T;

    fn index(&self, role: Role) -> &T {
        match role {
            Role::Initiator => &self.initiator,
            Role::Responder => &self.responder,
        }
    }
}

impl<T> IndexMut<Role> for Sides<T> {
    fn index_mut(&mut self, role: Role) -> &mut T {
        match role {
            Role::Initiator => &mut self.initiator,
            Role::Responder => &mut self.responder,
        }
    }
}

/// Both endpoints of a connection in canonical order, with what else tells equal addresses apart.
///
/// The lower (address, port) comes first, so both directions give the same key. `scope` is the outermost
/// VLAN identifier (or tunnel identifier) of the frames; 0 for none.
///
/// Addresses are kept as words, most significant first, an IPv4 address in the top 32 bits: the tuple is
/// built, compared and hashed for every segment, and words stay in registers where octets would not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FourTuple {
    low: [u64; 2],
    high: [u64; 2],
    /// Low port, high port, and 32 bits of scope; the top one of these says that the addresses are IPv4.
    ports_and_scope: u64,
}

const IS_IPV4: u32 = 1 << 31;

impl FourTuple {
    /// The canonical tuple of an IPv4 segment, and whether its sender is the low endpoint.
    #[inline]
    pub fn v4(source: [u8; 4], destination: [u8; 4], ports: (u16, u16), scope: u32) -> (Self, bool) {
        let addresses =
            u64::from(u32::from_be_bytes(source)) << 32 | u64::from(u32::from_be_bytes(destination));
        Self::v4_as_sent(addresses, u32::from(ports.0) << 16 | u32::from(ports.1), scope)
    }

    /// The same from words as they stand in the headers, the source's half above the destination's.
    #[inline]
    pub(crate) fn v4_as_sent(addresses: u64, ports: u32, scope: u32) -> (Self, bool) {
        // Turned by half, each word is as the other direction sends it: the canonical one is the lesser.
        let (back, ports_back) = (addresses.rotate_left(32), ports.rotate_left(16));
        let from_low = if addresses == back { one_host_first(ports, ports_back) } else { addresses < back };
        let (ends, ports) = select_unpredictable(from_low, (addresses, ports), (back, ports_back));
        let tuple = Self {
            low: [ends >> 32 << 32, 0],
            high: [ends << 32, 0],
            ports_and_scope: u64::from(ports) << 32 | u64::from(scope | IS_IPV4),
        };
        (tuple, from_low)
    }

    /// The canonical tuple of an IPv6 segment, and whether its sender is the low endpoint.
    #[inline]
    pub fn v6(source: [u8; 16], destination: [u8; 16], ports: (u16, u16), scope: u32) -> (Self, bool) {
        Self::v6_as_sent(source, destination, u32::from(ports.0) << 16 | u32::from(ports.1), scope)
    }

    /// The same, the source's port above the destination's.
    #[inline]
    pub(crate) fn v6_as_sent(
        source: [u8; 16],
        destination: [u8; 16],
        ports: u32,
        scope: u32,
    ) -> (Self, bool) {
        let (from, to) = (u128::from_be_bytes(source), u128::from_be_bytes(destination));
        let ports_back = ports.rotate_left(16);
        let from_low = if from == to { one_host_first(ports, ports_back) } else { from < to };
        let (low, high, ports) = select_unpredictable(from_low, (from, to, ports), (to, from, ports_back));
        #[expect(clippy::cast_possible_truncation, reason = "split into halves")]
        let split = |whole: u128| [(whole >> 64) as u64, whole as u64];
        let ports_and_scope = u64::from(ports) << 32 | u64::from(scope & !IS_IPV4);
        (Self { low: split(low), high: split(high), ports_and_scope }, from_low)
    }

    /// The canonical tuple of any two endpoints of one address family, `source` first. Mixed families are
    /// taken as IPv6 with the IPv4 address mapped.
    pub fn new(source: Endpoint, destination: Endpoint, scope: u32) -> (Self, bool) {
        let ports = (source.port, destination.port);
        match (source.addr, destination.addr) {
            (IpAddr::V4(from), IpAddr::V4(to)) => Self::v4(from.octets(), to.octets(), ports, scope),
            (from, to) => Self::v6(to_v6(from).octets(), to_v6(to).octets(), ports, scope),
        }
    }

    /// The endpoint that comes first in canonical order.
    pub fn low(&self) -> Endpoint {
        Endpoint { addr: self.addr(self.low), port: self.ports().0 }
    }

    /// The endpoint that comes last in canonical order.
    pub fn high(&self) -> Endpoint {
        Endpoint { addr: self.addr(self.high), port: self.ports().1 }
    }

    /// Ports of the low and the high endpoint.
    #[expect(clippy::cast_possible_truncation, reason = "picks 16 bits")]
    pub const fn ports(&self) -> (u16, u16) {
        ((self.ports_and_scope >> 48) as u16, (self.ports_and_scope >> 32) as u16)
    }

    /// Outermost VLAN or tunnel identifier; 0 for none.
    pub const fn scope(&self) -> u32 {
        Self::scope_of(self.ports_and_scope)
    }

    /// True when both tuples name the same endpoints, in whatever scope.
    #[inline]
    pub fn same_endpoints(&self, other: &Self) -> bool {
        let ([own @ .., ports], [its @ .., its_ports]) = (self.words(), other.words());
        // Others differ in a port most often. Folded by hand: comparing arrays calls `memcmp`, for every segment.
        ports == its_ports && own.into_iter().zip(its).fold(0, |sum, (own, its)| sum | (own ^ its)) == 0
    }

    /// Both endpoints as five words, for hashing; the scope is left out.
    #[inline]
    pub(crate) fn words(&self) -> [u64; 5] {
        let ([a, b], [c, d]) = (self.low, self.high);
        [a, b, c, d, self.ports_and_scope >> 31]
    }

    /// True when the addresses are IPv4.
    pub(crate) const fn is_ipv4(&self) -> bool {
        self.ports_and_scope & IS_IPV4 as u64 != 0
    }

    /// All of it in five words: low address, high address, and the word that [`Self::scope_of`] takes.
    pub(crate) const fn raw(&self) -> [u64; 5] {
        let ([a, b], [c, d]) = (self.low, self.high);
        [a, b, c, d, self.ports_and_scope]
    }

    /// The tuple of these words.
    pub(crate) const fn from_raw([a, b, c, d, ports_and_scope]: [u64; 5]) -> Self {
        Self { low: [a, b], high: [c, d], ports_and_scope }
    }

    /// The scope in the last of the words of [`Self::raw`].
    #[expect(clippy::cast_possible_truncation, reason = "picks 32 bits")]
    pub(crate) const fn scope_of(last_word: u64) -> u32 {
        last_word as u32 & !IS_IPV4
    }

    fn addr(&self, [most, least]: [u64; 2]) -> IpAddr {
        if self.is_ipv4() {
            IpAddr::V4(Ipv4Addr::from(u32::try_from(most >> 32).unwrap_or_default()))
        } else {
            IpAddr::V6(Ipv6Addr::from(u128::from(most) << 64 | u128::from(least)))
        }
    }
}

/// Orders by ports what a host sends to itself. Cold, for the compiler not to compare the ports of all others.
#[cold]
#[inline(never)]
const fn one_host_first(ports: u32, ports_back: u32) -> bool {
    ports <= ports_back
}

fn to_v6(addr: IpAddr) -> Ipv6Addr {
    match addr {
        IpAddr::V4(addr) => addr.to_ipv6_mapped(),
        IpAddr::V6(addr) => addr,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_give_one_key() {
        let a = Endpoint { addr: "10.0.0.2".parse().unwrap(), port: 4000 };
        let b = Endpoint { addr: "10.0.0.1".parse().unwrap(), port: 80 };
        let (there, there_low) = FourTuple::new(a, b, 7);
        let (back, back_low) = FourTuple::new(b, a, 7);
        assert_eq!(there, back);
        assert!(!there_low && back_low);
        assert_eq!((there.low(), there.high()), (b, a));
        assert_eq!(there.scope(), 7);
    }

    #[test]
    fn a_host_talking_to_itself_has_two_ends() {
        let a = Endpoint { addr: "::1".parse().unwrap(), port: 4000 };
        let b = Endpoint { addr: "::1".parse().unwrap(), port: 80 };
        let (tuple, from_low) = FourTuple::new(a, b, 0);
        assert!(!from_low);
        assert_eq!((tuple.low(), tuple.high()), (b, a));
    }
}
