//! Who: the endpoints that did not close, and the hosts that had forgotten.

use std::net::IpAddr;

use super::EXAMPLES;
use super::curve::Curve;
use super::spread::Spread;
use crate::flow::{CloseWait, Flow, FlowOutcome, Limits, Party, RecordRef, Reset, ResetKind};
use crate::time::{TimeDelta, Timestamp};

/// True when a CLOSE-WAIT is worth naming: it lasted `--fin-delay` or drew a RST from a peer that had
/// forgotten it. A side that went on sending and then closed in order has only closed half on purpose.
pub(super) fn is_stuck(flow: &Flow, wait: &CloseWait, limits: &Limits) -> bool {
    match flow.outcome {
        FlowOutcome::Undecided => false,
        FlowOutcome::LateDataRst
        | FlowOutcome::LateFinRst
        | FlowOutcome::LateProbeRst
        | FlowOutcome::LateFinIntoSuccessor => true,
        _ if flow.data_after_fin && wait.until.is_some() => false,
        _ => wait.lasted >= limits.fin_delay,
    }
}

/// True for a RST that says "I have forgotten this connection" to a late segment.
pub(super) const fn is_stale(reset: &Reset) -> bool {
    matches!(reset.kind, ResetKind::StaleFin | ResetKind::StaleData | ResetKind::StaleProbe)
}

/// The connections that one party left in CLOSE-WAIT.
#[derive(Clone, Debug, Default)]
pub struct Waits {
    /// How many.
    pub connections: u64,
    /// How many of them are shown only by what passed the capture point, not by the party's own segments.
    pub presumed: u64,
    /// How many were so when the capture ended.
    pub still: u64,
    /// How much later than the peer's FIN the party's own came, where it came.
    pub late_fins: Spread,
    /// How long each was in CLOSE-WAIT.
    pub lasted: Spread,
    /// When the first began.
    pub since: Option<Timestamp>,
    /// When the last of those that ended did.
    pub until: Option<Timestamp>,
    /// How many at once.
    pub curve: Curve,
    /// The first flows, each with the record that shows the CLOSE-WAIT.
    pub examples: Vec<(u64, RecordRef)>,
    /// The longest, with its flow.
    pub longest: Option<(TimeDelta, u64)>,
}

impl Waits {
    pub(super) fn add(&mut self, flow: &Flow, wait: &CloseWait) {
        self.connections += 1;
        self.presumed += u64::from(!wait.proven);
        self.still += u64::from(wait.until.is_none());
        if let Some(delay) = flow.fin_delay {
            self.late_fins.add(delay);
        }
        self.lasted.add(wait.lasted);
        let since = wait.since.time;
        self.since = Some(self.since.map_or(since, |first| first.min(since)));
        self.until = self.until.max(wait.until.map(|record| record.time));
        self.curve.add(since, wait.until.map(|record| record.time));
        if self.examples.len() < EXAMPLES {
            self.examples.push((flow.id, wait.since));
        }
        if self.longest.is_none_or(|(longest, _)| wait.lasted > longest) {
            self.longest = Some((wait.lasted, flow.id));
        }
    }
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
