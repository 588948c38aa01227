//! Plateaus: delays that pile up at one value, as those of a configured time-out do.
//!
//! A time-out fires a little late (scheduling, the way to the capture point), by milliseconds whatever its length,
//! while delays that come about by themselves (work, queues, people) vary by a good part of their length. So a
//! plateau is a stretch of time that is *narrow*, *improbably full*, and *full beside its vicinity*.
//!
//! Windows of several relative widths ([`WIDTHS`]) slide over the delays, and the one that is least probable under
//! the null hypothesis is taken. It grows by what adjoins it, is set aside, and the rest is searched again. This is a
//! scan statistic with variable window (Glaz, Naus, Wallenstein: *Scan Statistics*, 2001), with three tests:
//!
//! 1. **Probability.** The null hypothesis is a whole class: delays whose density, over their logarithm, is nowhere
//!    more than [`PEAK`] times that of the rest of the neighbourhood, [`NEAR`] to either side. Exponential, uniform,
//!    Pareto and log-normal delays (down to a spread of some 10 %) belong to it. Of `n` delays in the neighbourhood
//!    each starts a window, and the probability that `k` of them lie in one is at most
//!    `n · exp(−(n−1) · KL((k−1)/(n−1) ‖ p))` (the bounds of Boole and of Chernoff and Hoeffding, 1963), where `p` is
//!    the share that such a density gives to a window. It must not exceed [`CHANCE`]. Three delays within 1 % pass
//!    when they are alone; two never do.
//! 2. **Contrast.** The window is at least [`CONTRAST`] times as dense as the four windows before and the four behind
//!    it. This keeps away natural modes that are narrow, but many enough to pass the first test.
//! 3. **Grid.** Delays from a coarse clock pile up at every tick. A plateau is twice as full as all but three other
//!    windows of its neighbourhood, and as every window anywhere that is not.
//!
//! A plateau is no proof of a time-out: work that always takes the same time makes one too.

#[cfg(test)]
mod draws;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;

use super::field::Field;
use crate::time::TimeDelta;

/// Relative widths of the windows.
pub(super) const WIDTHS: [f64; 6] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.03];

/// The narrowest window where delays are known to three digits only: some buckets wide.
const COUNTED_WIDTH: f64 = 0.005;

/// How much denser than the rest of its neighbourhood a smooth distribution may be at its peak.
pub(super) const PEAK: f64 = 6.0;

/// How much denser than its vicinity a plateau is.
pub(super) const CONTRAST: f64 = 4.0;

/// Half of the neighbourhood, as difference of natural logarithms: from 0.61 to 1.65 of the delay.
pub(super) const NEAR: f64 = 0.5;

/// The probability of a plateau where there is none, in each neighbourhood.
pub(super) const CHANCE: f64 = 0.01;

/// The fewest delays of a plateau.
pub(super) const FEWEST: u64 = 3;

/// A plateau does not grow wider than this part of its value.
pub(super) const WIDEST: f64 = 0.1;

/// The most plateaus of one distribution.
const MOST: usize = 8;

/// Windows that are looked at in turn, so that what a coarse clock made does not cost much.
const PATIENCE: usize = 64;

/// Delays that pile up at one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plateau {
    /// The middle delay of its densest part.
    pub value: TimeDelta,
    /// How many delays it has.
    pub count: u64,
    /// Out of how many.
    pub of: u64,
    /// The least of its delays. A time-out that fires late by its way of counting is nearer to this one.
    pub low: TimeDelta,
    /// The greatest of its delays.
    pub high: TimeDelta,
}

impl Plateau {
    /// Its share of all delays, 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    pub fn share(&self) -> f64 {
        self.count as f64 / self.of.max(1) as f64
    }

    /// True when not more than `reach` lies between it and `other`.
    fn adjoins(&self, other: &Self, reach: TimeDelta) -> bool {
        let (first, second) = if self.low <= other.low { (self, other) } else { (other, self) };
        second.low.nanos().saturating_sub(first.high.nanos()) <= reach.nanos()
    }

    /// Takes the delays of `other`, unless that would make it too wide.
    fn join(&mut self, other: &Self) {
        let (low, high) = (self.low.min(other.low), self.high.max(other.high));
        let width = high.as_secs_f64() - low.as_secs_f64();
        if width <= WIDEST * self.value.as_secs_f64() {
            *self = Self { low, high, count: self.count + other.count, ..*self };
        }
    }
}

/// The plateaus of `values`, which are (delay, how often) in ascending order; `exact` says that they are known to
/// more than three digits. The largest comes first.
pub(super) fn find(values: &[(TimeDelta, u64)], exact: bool) -> Vec<Plateau> {
    let least_width = if exact { 0.0 } else { COUNTED_WIDTH };
    let widths: Vec<_> = WIDTHS.into_iter().filter(|width| *width >= least_width).collect();
    let mut field = Field::new(values);
    let mut found: Vec<Plateau> = Vec::new();
    // Delays at the fullest tick of a coarse clock, if it is one.
    let mut refused = 0;
    for _ in 0..PATIENCE {
        let Some(core) = field.least_probable(&widths) else { break };
        if !field.stands_out(&core) {
            refused = refused.max(core.count);
            field.refuse(&core);
            continue;
        }
        let plateau = field.take(&core);
        match found.iter_mut().find(|other| other.adjoins(&plateau, core.width())) {
            Some(other) => other.join(&plateau),
            None => found.push(plateau),
        }
    }
    found.retain(|plateau| plateau.count >= 2 * refused);
    found.sort_by_key(|plateau| (Reverse(plateau.count), plateau.value));
    found.truncate(MOST);
    found
}
