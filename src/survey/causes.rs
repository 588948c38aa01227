//! From flows and findings to their causes, once these are known.

use std::collections::BTreeMap;

/// Where a flow has its place among all: what leads from it to its causes.
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
    /// By number of the pair and of the rule.
    incidents: BTreeMap<(u32, u16), u32>,
}

impl Causes {
    /// From (released flow, its releaser), and the incident of each rule's findings between two parties.
    pub fn new(mut released: Vec<(u64, u64)>, incidents: BTreeMap<(u32, u16), u32>) -> Self {
        released.sort_unstable();
        Self { released, incidents }
    }

    /// The flow whose end released `flow` from the accept queue.
    pub fn released_by(&self, flow: u64) -> Option<u64> {
        let place = self.released.binary_search_by_key(&flow, |&(released, _)| released).ok()?;
        self.released.get(place).map(|&(_, holder)| holder)
    }

    /// The incident to which findings of a rule between two parties belong.
    pub fn incident_of(&self, pair: u32, rule: u16) -> Option<u32> {
        self.incidents.get(&(pair, rule)).copied()
    }
}
