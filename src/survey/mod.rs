//! All flows of a run folded into what services, their clients and hosts did over capture time, in bounded memory.
//!
//! Flows come once, as they are finished; what many of them have in common is found when the last one came.

mod bounded;
mod causes;
mod curve;
mod host;
mod least;
mod marks;
mod pair;
mod party;
mod port_set;
mod ports;
mod queue;
mod requests;
mod series;
mod service;
mod silence;
mod standing;
mod stuck;
mod view;

use std::hash::Hash;
use std::net::IpAddr;

pub use self::bounded::Bounded;
pub use self::causes::{Causes, Place, Release};
pub use self::curve::{Curve, Peak};
pub use self::host::{Bracket, Memory};
pub use self::least::Least;
pub use self::marks::Marks;
pub use self::pair::Pair;
pub use self::party::Party;
pub use self::port_set::PortSet;
pub use self::ports::Ports;
pub use self::queue::{Burst, Queue, Releases, Served, Waiting};
pub use self::requests::{Requests, Unanswered};
pub use self::series::{Interval, Series};
pub use self::service::{Connect, Service};
pub use self::silence::Silence;
pub use self::standing::{Standing, Unshared};
pub use self::stuck::Waits;
pub(crate) use self::stuck::is_stuck;
pub use self::view::View;
use crate::flow::{Flow, Limits};
use crate::keyed::KeyedMap;
use crate::net::Endpoint;
use crate::time::Timestamp;

/// Services that are told apart.
const SERVICES: usize = 4096;
/// Pairs of client host and service that are told apart.
const PAIRS: usize = 10_000;
/// Hosts of which it is known how long they remember.
const HOSTS: usize = 10_000;

/// Flows so far, by who took part.
#[derive(Debug)]
pub struct Survey {
    limits: Limits,
    services: KeyedMap<ServiceKey, Box<Service>>,
    pairs: KeyedMap<(Address, ServiceKey), (u32, Box<Pair>)>,
    hosts: KeyedMap<Address, (IpAddr, Memory)>,
    /// The first and the latest time that any flow tells of.
    span: Option<(Timestamp, Timestamp)>,
    /// So many pairs make it worth while to look for ordinary ones.
    room: usize,
    /// Pairs so far, those that made room for others too.
    numbered: u32,
    /// Flows of pairs beyond those that are told apart.
    pairs_left_out: u64,
    /// Flows of services beyond those that are told apart.
    left_out: u64,
}

impl Survey {
    /// Of nothing so far.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            services: KeyedMap::default(),
            pairs: KeyedMap::default(),
            hosts: KeyedMap::default(),
            span: None,
            room: PAIRS,
            numbered: 0,
            pairs_left_out: 0,
            left_out: 0,
        }
    }

    /// Adds a finished flow.
    pub fn add(&mut self, flow: &Flow) -> Place {
        let (first, last) = (flow.first.time, flow.decided);
        self.span = Some(self.span.map_or((first, last), |(start, end)| (start.min(first), end.max(last))));
        let Self { limits, services, pairs, hosts, left_out, room, numbered, pairs_left_out, .. } = self;
        let (client, key) = (address(flow.initiator.addr), key(flow.responder));
        let service = known(services, key, SERVICES, || Box::new(Service::new(flow.responder)));
        *left_out += u64::from(service.is_none());
        let may_be_released = service.is_some_and(|service| service.add(flow, limits));
        if pairs.len() >= *room {
            // Who only opened and closed makes room for others; where few did, those who come next are left out.
            pairs.retain(|_, (_, pair)| !pair.is_ordinary());
            *room = if pairs.len() > PAIRS / 10 * 9 { usize::MAX } else { PAIRS };
        }
        let new_pair = || {
            *numbered += 1;
            (*numbered, Box::new(Pair::new(flow.initiator.addr, flow.responder)))
        };
        let pair = known(pairs, (client, key), PAIRS, new_pair);
        *pairs_left_out += u64::from(pair.is_none());
        let pair = pair.map(|(number, pair)| {
            pair.add(flow, limits);
            *number
        });
        // Only who is late tells anything about who was first.
        let is_late = flow.fin_delay.is_some_and(|delay| delay >= limits.fin_delay);
        if let Some(closer) = flow.active_closer.filter(|_| is_late) {
            let host = flow.endpoint(closer).addr;
            if let Some((_, memory)) = known(hosts, address(host), HOSTS, || (host, Memory::default())) {
                memory.add(flow, limits.fin_delay);
            }
        }
        Place { pair, may_be_released }
    }

    /// What all of it came to, in an order of its own. A capture that `stopped` later than flows tell shows that nothing
    /// happened since.
    pub fn settle(self, stopped: Option<Timestamp>) -> View {
        View::new(self, stopped)
    }
}

/// An address as it is looked up: shorter to hash than an [`IpAddr`].
type Address = (u128, bool);
/// A service as it is looked up.
type ServiceKey = (u128, u32);

const fn address(addr: IpAddr) -> Address {
    match addr {
        IpAddr::V4(addr) => (addr.to_bits() as u128, true),
        IpAddr::V6(addr) => (addr.to_bits(), false),
    }
}

const fn key(endpoint: Endpoint) -> ServiceKey {
    let (addr, is_v4) = address(endpoint.addr);
    (addr, endpoint.port as u32 | (is_v4 as u32) << 16)
}

/// The value of `key`, made unless there are too many.
fn known<K: Eq + Hash, V>(
    map: &mut KeyedMap<K, V>,
    key: K,
    most: usize,
    make: impl FnOnce() -> V,
) -> Option<&mut V> {
    if map.len() >= most {
        return map.get_mut(&key);
    }
    Some(map.entry(key).or_insert_with(make))
}
