//! From flows and findings to their causes, once these are known.

use std::collections::BTreeMap;

use super::Party;
use crate::time::{TimeDelta, Timestamp};

/// Where a flow has its place among all: what leads from it to its causes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Number of the pair of client host and service; `None` where there are too many.
    pub pair: Option<u32>,
    /// Somebody may have released it from the accept queue.
    pub may_be_released: bool,
}

/// Who let a flow out of the accept queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release {
    /// The flow that waited.
    pub flow: u64,
    /// The flow whose end let it in.
    pub holder: u64,
    /// When that one ended, and how much later the first answer came to the one that waited.
    pub ended: Option<(Timestamp, TimeDelta)>,
}

/// What is known of causes once all flows are.
#[derive(Clone, Debug, Default)]
pub struct Causes {
    /// By the flow that waited.
    released: Vec<Release>,
    /// By number of the pair and of the rule.
    of_flows: BTreeMap<(u32, u16), u32>,
    /// By party and number of the rule.
    of_parties: BTreeMap<(Party, u16), u32>,
}

impl Causes {
    /// From who released whom, and the incident of each rule's findings between two parties and about one party.
    pub fn new(
        mut released: Vec<Release>,
        of_flows: BTreeMap<(u32, u16), u32>,
        of_parties: BTreeMap<(Party, u16), u32>,
    ) -> Self {
        released.sort_unstable();
        Self { released, of_flows, of_parties }
    }

    /// The flow whose end released `flow` from the accept queue.
    pub fn released_by(&self, flow: u64) -> Option<&Release> {
        let place = self.released.binary_search_by_key(&flow, |release| release.flow).ok()?;
        self.released.get(place)
    }

    /// The incident to which findings of a rule between two parties belong.
    pub fn incident_of(&self, pair: u32, rule: u16) -> Option<u32> {
        self.of_flows.get(&(pair, rule)).copied()
    }

    /// The incident to which the finding of a rule about a party belongs.
    pub fn incident_about(&self, party: Party, rule: u16) -> Option<u32> {
        self.of_parties.get(&(party, rule)).copied()
    }
}
