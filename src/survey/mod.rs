//! All flows of a run folded into what services, their clients and hosts did over capture time, in bounded memory.
//!
//! Flows come once, as they are finished; what many of them have in common is found when the last one came.

mod queue;

use std::collections::HashMap;

use foldhash::fast::RandomState;

pub use self::queue::{Burst, Queue, Releases, Served, Waiting};
use crate::flow::{Flow, Limits};
use crate::net::Endpoint;

/// Services of which more than the number of flows is kept.
const SERVICES: usize = 4096;

/// Flows so far, by who took part.
#[derive(Debug)]
pub struct Survey {
    limits: Limits,
    services: HashMap<Endpoint, Service, RandomState>,
}

/// What is known of one service: the responders at one address and port.
#[derive(Debug, Default)]
pub struct Service {
    queue: Queue,
}

impl Survey {
    /// Of nothing so far.
    pub fn new(limits: Limits) -> Self {
        Self { limits, services: HashMap::default() }
    }

    /// Adds a finished flow.
    pub fn add(&mut self, flow: &Flow) -> Place {
        let known = self.services.len();
        let service = match self.services.get_mut(&flow.responder) {
            Some(service) => service,
            None if known < SERVICES => self.services.entry(flow.responder).or_default(),
            None => return Place::default(),
        };
        let may_be_released = service.queue.add(flow, self.limits.fin_delay);
        Place { pair: None, may_be_released }
    }

    /// What all of it came to.
    pub fn settle(self) -> Causes {
        let mut services: Vec<_> = self.services.into_iter().collect();
        services.sort_unstable_by_key(|(endpoint, _)| *endpoint);
        let mut released = Vec::new();
        for (_, service) in services {
            for burst in service.queue.settle().bursts {
                if let Some(holder) = burst.holder {
                    let abandoned = burst.released.iter().filter(|it| it.abandoned);
                    released.extend(abandoned.map(|it| (it.flow, holder.flow)));
                }
            }
        }
        released.sort_unstable();
        Causes { released }
    }
}

/// Where a flow has its place among all: what leads from it to its causes, once they are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Number of the pair of client host and service; `None` where there are too many.
    pub pair: Option<u32>,
    /// Somebody may have released it from the accept queue.
    pub may_be_released: bool,
}

/// What is known of causes once all flows are.
#[derive(Clone, Debug, Default)]
pub struct Causes {
    /// (released flow, its releaser), by the first.
    released: Vec<(u64, u64)>,
}

impl Causes {
    /// Where only releases are known.
    #[cfg(test)]
    pub(crate) fn of_releases(released: Vec<(u64, u64)>) -> Self {
        Self { released }
    }

    /// The incident to which a finding of a rule, by its place in the catalogue, belongs that is about a pair of parties.
    pub fn incident_of(&self, _pair: u32, _rule: u16) -> Option<u32> {
        None
    }

    /// The flow whose end released `flow` from the accept queue.
    pub fn released_by(&self, flow: u64) -> Option<u64> {
        let place = self.released.binary_search_by_key(&flow, |&(released, _)| released).ok()?;
        self.released.get(place).map(|&(_, holder)| holder)
    }
}
