//! The hosts that had forgotten a connection, and who spoke to them too late.

use std::net::IpAddr;

use super::EXAMPLES;
use crate::flow::{Flow, Reset, ResetKind};
use crate::survey::Party;
use crate::time::Timestamp;

/// True for a RST that says "I have forgotten this connection" to a late segment.
pub(super) const fn is_stale(reset: &Reset) -> bool {
    matches!(reset.kind, ResetKind::StaleFin | ResetKind::StaleData | ResetKind::StaleProbe)
}

/// Who had forgotten whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StaleKey {
    /// The host that answered with RST.
    pub forgot: IpAddr,
    /// Who sent too late.
    pub late: Party,
}

impl StaleKey {
    pub(super) fn of(flow: &Flow, reset: &Reset) -> Self {
        Self { forgot: flow.endpoint(reset.by).addr, late: Party::of(flow, !reset.by) }
    }
}

/// How often, when, and for example which.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// How often.
    pub count: u64,
    /// First and last time.
    pub times: Option<(Timestamp, Timestamp)>,
    /// The first pairs of records: the late segment, where it was captured, and the RST.
    pub examples: Vec<(Option<u64>, u64)>,
}

/// RSTs to stale ports, by what they answered.
#[derive(Clone, Debug, Default)]
pub struct Stale {
    /// Late FINs.
    pub fins: Tally,
    /// Late data.
    pub data: Tally,
    /// Late keep-alive or window probes.
    pub probes: Tally,
}

impl Stale {
    pub(super) fn add(&mut self, reset: &Reset) {
        let tally = match reset.kind {
            ResetKind::StaleFin => &mut self.fins,
            ResetKind::StaleData => &mut self.data,
            _ => &mut self.probes,
        };
        let at = reset.at.time;
        tally.count += 1;
        tally.times = Some(tally.times.map_or((at, at), |(first, last)| (first.min(at), last.max(at))));
        if tally.examples.len() < EXAMPLES {
            tally.examples.push((reset.answers.map(|(_, record)| record.record), reset.at.record));
        }
    }

    /// RSTs of any kind.
    pub const fn count(&self) -> u64 {
        self.fins.count + self.data.count + self.probes.count
    }
}
