//! How long a host remembers a connection that it closed first.

use crate::flow::{Answered, Flow, FlowOutcome, ResetKind};
use crate::time::TimeDelta;

/// Delays that are remembered one by one.
const REMEMBERED: usize = 1 << 10;

/// Late FINs that a host acknowledged, and late FINs that it answered with RST because it had forgotten.
///
/// FIN-WAIT-2 of a socket that was closed ends after a time that the host chooses (Linux: `tcp_fin_timeout`), so the
/// delays of the first kind lie below it and those of the second above. A socket that only shut down its sending side
/// stays in FIN-WAIT-2 as long as it takes: an acknowledged FIN above a refused one says that, and no more.
#[derive(Debug, Default)]
pub struct Memory {
    acknowledged: Vec<(TimeDelta, u64)>,
    /// The shortest delay that was too long, with its flow.
    refused: Option<(TimeDelta, u64)>,
    /// How many came too late.
    pub forgotten: u64,
}

/// The bracket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bracket {
    /// The longest delay below `refused` that was acknowledged, with its flow.
    pub acknowledged: Option<(TimeDelta, u64)>,
    /// The shortest that drew a RST, with its flow.
    pub refused: (TimeDelta, u64),
}

impl Memory {
    /// Adds a flow that this host closed first, if it tells anything.
    pub fn add(&mut self, flow: &Flow, shortest: TimeDelta) {
        let Some((_, first)) = flow.first_fin() else { return };
        // The clock of the timer starts when the FIN is acknowledged.
        let since = first.acked.unwrap_or(first.first).time;
        let late =
            flow.reset().filter(|reset| reset.kind == ResetKind::StaleFin).and_then(|reset| reset.answers);
        if let Some((Answered::Fin, at)) = late {
            let delay = (at.time - since, flow.id);
            self.forgotten += 1;
            self.refused = Some(self.refused.map_or(delay, |least| least.min(delay)));
        } else if flow.outcome == FlowOutcome::DelayedFin
            && let Some((_, second)) = flow.second_fin()
            && second.acked.is_some()
            && second.first.time - since >= shortest
            && self.acknowledged.len() < REMEMBERED
        {
            self.acknowledged.push((second.first.time - since, flow.id));
        }
    }

    /// Between which delays it forgets; `None` when it never did.
    pub fn bracket(&self) -> Option<Bracket> {
        let refused = self.refused?;
        let below = self.acknowledged.iter().filter(|(delay, _)| *delay < refused.0);
        Some(Bracket { acknowledged: below.max().copied(), refused })
    }
}
