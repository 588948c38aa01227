//! How long a host remembers a connection that it closed first.

use std::collections::BTreeMap;

use crate::flow::{Answered, Flow, FlowOutcome, RecordRef, ResetKind};
use crate::time::TimeDelta;

/// Steps of delays in each power of two: within a step only the least and the greatest are known.
const STEPS: u32 = 5;

/// Late FINs that a host acknowledged, and late FINs that it answered with RST because it had forgotten.
///
/// FIN-WAIT-2 of a socket that was closed ends after a time that the host chooses (Linux: `tcp_fin_timeout`), so the
/// delays of the first kind lie below it and those of the second above. A socket that only shut down its sending side
/// stays in FIN-WAIT-2 as long as it takes: an acknowledged FIN above a refused one says that, and no more.
#[derive(Debug, Default)]
pub struct Memory {
    /// How many it acknowledged.
    pub remembered: u64,
    /// How many came too late.
    pub forgotten: u64,
    /// The least and the greatest of each step that was acknowledged.
    acknowledged: BTreeMap<i64, (LateFin, LateFin)>,
    /// The shortest delay that was too long.
    refused: Option<LateFin>,
}

/// A FIN that came when its receiver had waited for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LateFin {
    /// How long, from the acknowledgement of the receiver's own FIN.
    pub delay: TimeDelta,
    /// The flow.
    pub flow: u64,
    /// The FIN.
    pub fin: RecordRef,
}

/// The bracket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bracket {
    /// The longest delay below `refused` that was acknowledged.
    pub acknowledged: Option<LateFin>,
    /// The shortest that drew a RST.
    pub refused: LateFin,
}

impl Memory {
    /// Adds a flow that this host closed first, if it tells anything.
    pub fn add(&mut self, flow: &Flow, shortest: TimeDelta) {
        let Some((_, first)) = flow.first_fin() else { return };
        // The clock of the timer starts when the FIN is acknowledged.
        let since = first.acked.unwrap_or(first.first).time;
        let late_fin = |fin: RecordRef| LateFin { delay: fin.time - since, flow: flow.id, fin };
        let late =
            flow.reset().filter(|reset| reset.kind == ResetKind::StaleFin).and_then(|reset| reset.answers);
        if let Some((Answered::Fin, fin)) = late {
            let refused = late_fin(fin);
            self.forgotten += 1;
            self.refused = Some(self.refused.map_or(refused, |least| least.min(refused)));
        } else if flow.outcome == FlowOutcome::DelayedFin
            && let Some((_, second)) = flow.second_fin()
            && second.acked.is_some()
            && second.first.time - since >= shortest
        {
            let fin = late_fin(second.first);
            self.remembered += 1;
            let step = self.acknowledged.entry(step(fin.delay)).or_insert((fin, fin));
            *step = (step.0.min(fin), step.1.max(fin));
        }
    }

    /// Between which delays it forgets; `None` when it never did.
    pub fn bracket(&self) -> Option<Bracket> {
        let refused = self.refused?;
        let steps = self.acknowledged.values().flat_map(|(least, greatest)| [least, greatest]);
        let below = steps.filter(|fin| fin.delay < refused.delay).copied();
        Some(Bracket { acknowledged: below.reduce(LateFin::max), refused })
    }

    /// The longest delay that it acknowledged.
    pub fn longest(&self) -> Option<LateFin> {
        self.acknowledged.last_key_value().map(|(_, (_, greatest))| *greatest)
    }
}

impl LateFin {
    const fn key(&self) -> (TimeDelta, u64) {
        (self.delay, self.flow)
    }

    fn min(self, other: Self) -> Self {
        std::cmp::min_by_key(self, other, Self::key)
    }

    fn max(self, other: Self) -> Self {
        std::cmp::max_by_key(self, other, Self::key)
    }
}

/// The number of the step that holds `delay`.
fn step(delay: TimeDelta) -> i64 {
    let nanos = delay.nanos().max(1);
    let power = i64::BITS - 1 - nanos.leading_zeros();
    i64::from(power) << STEPS | (nanos >> power.saturating_sub(STEPS)) & ((1 << STEPS) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::testing::Story;
    use crate::net::Role;

    /// A close that the responder answers so many seconds late: with a FIN that is acknowledged, or refused.
    fn late(seconds: f64, is_refused: bool) -> Flow {
        let story = Story::connected().fin(Role::Initiator, 1.0).acked(1.0);
        let story = story.fin(Role::Responder, 1.0 + seconds);
        if is_refused {
            let story = story.reset(ResetKind::StaleFin, Role::Initiator, 1.1 + seconds, Some(Answered::Fin));
            return story.flow(FlowOutcome::LateFinRst);
        }
        story.acked(1.1 + seconds).flow(FlowOutcome::DelayedFin)
    }

    fn memory(delays: &[(f64, bool)]) -> Memory {
        let mut memory = Memory::default();
        for (seconds, is_refused) in delays {
            memory.add(&late(*seconds, *is_refused), TimeDelta::from_secs(1));
        }
        memory
    }

    #[test]
    fn the_bracket_is_the_closest_pair() {
        let mut delays = vec![(39.0, false), (30.0, false), (42.0, true), (60.0, true), (87.0, false)];
        for _ in 0..delays.len() {
            delays.rotate_left(1);
            let memory = memory(&delays);
            let bracket = memory.bracket().unwrap();
            assert_eq!(bracket.acknowledged.unwrap().delay, TimeDelta::from_secs(39));
            assert_eq!(bracket.refused.delay, TimeDelta::from_secs(42));
            assert_eq!(memory.longest().unwrap().delay, TimeDelta::from_secs(87));
            assert_eq!((memory.remembered, memory.forgotten), (3, 2));
        }
    }

    #[test]
    fn one_side_alone_is_no_bracket() {
        assert_eq!(memory(&[(39.0, false)]).bracket(), None);
        let bracket = memory(&[(42.0, true)]).bracket().unwrap();
        assert_eq!((bracket.acknowledged, bracket.refused.delay), (None, TimeDelta::from_secs(42)));
    }

    #[test]
    fn many_delays_take_little_memory() {
        let mut memory = Memory::default();
        for millis in 1_000..50_000_i32 {
            memory.add(&late(f64::from(millis) / 1e3, false), TimeDelta::from_secs(1));
        }
        assert!(memory.acknowledged.len() < 200, "{}", memory.acknowledged.len());
        memory.add(&late(30.5, true), TimeDelta::from_secs(1));
        let below = memory.bracket().unwrap().acknowledged.unwrap().delay.as_secs_f64();
        assert!((29.5..30.5).contains(&below), "{below}");
    }
}
