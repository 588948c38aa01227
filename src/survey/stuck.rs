//! Connections that one party left in CLOSE-WAIT.

use super::curve::Curve;
use crate::delays::Delays;
use crate::flow::{CloseWait, Flow, FlowOutcome, Limits, RecordRef};
use crate::time::{TimeDelta, Timestamp};

/// Who sends nothing for so long after its peer closed has sent all.
const STOPPED: TimeDelta = TimeDelta::from_secs(5);
/// Flows named as examples.
const EXAMPLES: usize = 3;

/// True when a CLOSE-WAIT is worth naming: it lasted `--fin-delay` or drew a RST from a peer that had
/// forgotten it. A side that went on sending and then closed in order has only closed half on purpose.
pub(crate) fn is_stuck(flow: &Flow, wait: &CloseWait, limits: &Limits) -> bool {
    match flow.outcome {
        FlowOutcome::Undecided => false,
        FlowOutcome::LateDataRst
        | FlowOutcome::LateFinRst
        | FlowOutcome::LateProbeRst
        | FlowOutcome::LateFinIntoSuccessor => true,
        // Who still sends works; who has stopped for long did not close.
        _ if flow.data_after_fin => wait.until.is_none() && flow.decided - flow.active.time >= STOPPED,
        _ => wait.lasted >= limits.fin_delay,
    }
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
    pub late_fins: Delays,
    /// How long each was in CLOSE-WAIT.
    pub lasted: Delays,
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
    pub(crate) fn add(&mut self, flow: &Flow, wait: &CloseWait) {
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
        let place = self.examples.partition_point(|(id, _)| *id < flow.id);
        if place < EXAMPLES {
            self.examples.insert(place, (flow.id, wait.since));
            self.examples.truncate(EXAMPLES);
        }
        let is_longer = |(longest, id)| (wait.lasted, id) > (longest, flow.id);
        if self.longest.is_none_or(is_longer) {
            self.longest = Some((wait.lasted, flow.id));
        }
    }
}
