//! Least, median and greatest of any number of spans.

use std::collections::BTreeMap;

use crate::time::TimeDelta;

/// Spans kept one by one; beyond it they are counted in buckets.
const EXACT: usize = 256;

/// Buckets per power of two: the median is off by at most 1 part in 1024.
const STEPS: u32 = 9;

/// Counts spans. The median is exact for the first few hundred, and within 0.1 % beyond.
#[derive(Clone, Debug, Default)]
pub struct Spread {
    count: u64,
    min: TimeDelta,
    max: TimeDelta,
    exact: Vec<TimeDelta>,
    /// Count by the lowest value of the bucket.
    buckets: BTreeMap<i64, u64>,
}

impl Spread {
    /// Adds a span.
    pub fn add(&mut self, span: TimeDelta) {
        (self.min, self.max) =
            if self.count == 0 { (span, span) } else { (self.min.min(span), self.max.max(span)) };
        self.count += 1;
        if self.buckets.is_empty() && self.exact.len() < EXACT {
            self.exact.push(span);
            return;
        }
        for kept in std::mem::take(&mut self.exact) {
            *self.buckets.entry(floor(kept)).or_default() += 1;
        }
        *self.buckets.entry(floor(span)).or_default() += 1;
    }

    /// How many were added.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The least; zero when there is none.
    pub const fn min(&self) -> TimeDelta {
        self.min
    }

    /// The greatest; zero when there is none.
    pub const fn max(&self) -> TimeDelta {
        self.max
    }

    /// The middle one, or the middle between two; zero when there is none.
    pub fn median(&self) -> TimeDelta {
        if self.buckets.is_empty() {
            let mut sorted = self.exact.clone();
            sorted.sort_unstable();
            let nanos = |place: usize| sorted.get(place).map_or(0, |span| span.nanos());
            let (lower, upper) = (sorted.len().saturating_sub(1) / 2, sorted.len() / 2);
            return TimeDelta::from_nanos(nanos(lower).midpoint(nanos(upper)));
        }
        let place = self.count.saturating_sub(1) / 2;
        let mut passed = 0;
        let bucket = self.buckets.iter().find(|&(_, count)| {
            passed += count;
            passed > place
        });
        bucket.map_or(TimeDelta::ZERO, |(&nanos, _)| {
            TimeDelta::from_nanos(nanos + half_width(nanos)).clamp(self.min, self.max)
        })
    }
}

/// The lowest value of the bucket that holds `span`; negative spans share one with zero.
fn floor(span: TimeDelta) -> i64 {
    let nanos = span.nanos().max(0);
    nanos >> shift(nanos) << shift(nanos)
}

fn half_width(nanos: i64) -> i64 {
    (1 << shift(nanos)) / 2
}

const fn shift(nanos: i64) -> u32 {
    (i64::BITS - nanos.leading_zeros()).saturating_sub(STEPS + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_spans_are_exact_and_many_are_close() {
        let mut spread = Spread::default();
        for seconds in [9, 1, 5] {
            spread.add(TimeDelta::from_secs(seconds));
        }
        assert_eq!(spread.median(), TimeDelta::from_secs(5));
        for millis in 0..200_000 {
            spread.add(TimeDelta::from_millis(millis));
        }
        let off = (spread.median().as_secs_f64() - 100.0).abs();
        assert!(off < 0.1, "{}", spread.median());
        assert_eq!(spread.max(), TimeDelta::from_millis(199_999));
        assert!(spread.buckets.len() < 20_000);
    }

    #[test]
    fn nothing_has_no_median() {
        assert_eq!(Spread::default().median(), TimeDelta::ZERO);
    }
}
