//! How many at once, over time, in bounded memory.

use std::collections::BTreeMap;

use crate::time::Timestamp;

/// Intervals kept one by one; beyond it their ends are counted in buckets of time.
const EXACT: usize = 256;

/// Buckets before their width doubles.
const BUCKETS: usize = 512;

/// The first width of a bucket: 1 ms.
const FIRST_WIDTH: i64 = 1_000_000;

/// Counts overlapping intervals.
#[derive(Clone, Debug)]
pub struct Curve {
    exact: Vec<(i64, Option<i64>)>,
    width: i64,
    /// Begun and ended intervals by bucket number.
    buckets: BTreeMap<i64, (u64, u64)>,
}

impl Default for Curve {
    fn default() -> Self {
        Self { exact: Vec::new(), width: FIRST_WIDTH, buckets: BTreeMap::new() }
    }
}

/// The most at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Peak {
    /// How many.
    pub level: u64,
    /// When that was first reached.
    pub at: Timestamp,
    /// False when it is known to the width of a bucket only.
    pub exact: bool,
}

impl Curve {
    /// Adds an interval; without `until` it lasts to the end.
    pub fn add(&mut self, since: Timestamp, until: Option<Timestamp>) {
        let interval = (since.nanos(), until.map(Timestamp::nanos));
        if self.buckets.is_empty() && self.exact.len() < EXACT {
            self.exact.push(interval);
            return;
        }
        for interval in std::mem::take(&mut self.exact) {
            self.count(interval);
        }
        self.count(interval);
    }

    /// The most at once, and when.
    pub fn peak(&self) -> Peak {
        let mut peak = Peak { exact: self.buckets.is_empty(), ..Peak::default() };
        self.walk(|at, level| {
            if level > peak.level {
                peak.level = level;
                peak.at = Timestamp::from_nanos(at);
            }
        });
        peak
    }

    /// The highest level in each of `columns` equal parts of `from..=to`.
    pub fn levels(&self, from: Timestamp, to: Timestamp, columns: usize) -> Vec<u64> {
        let mut levels = vec![0; columns];
        let start = i128::from(from.nanos());
        let span = (i128::from(to.nanos()) - start).max(1);
        let column = |at: i64| {
            let place = (i128::from(at) - start) * i128::try_from(columns).unwrap_or(0) / span;
            usize::try_from(place.max(0)).unwrap_or(0).min(columns.saturating_sub(1))
        };
        let (mut reached, mut current) = (0, 0);
        let mut raise = |through: usize, current: u64, reached: usize| {
            for level in levels.iter_mut().take(through + 1).skip(reached) {
                *level = current.max(*level);
            }
        };
        self.walk(|at, level| {
            raise(column(at), current, reached);
            (reached, current) = (column(at), level);
            raise(reached, current, reached);
        });
        raise(columns.saturating_sub(1), current, reached);
        levels
    }

    fn count(&mut self, (since, until): (i64, Option<i64>)) {
        self.buckets.entry(since.div_euclid(self.width)).or_default().0 += 1;
        if let Some(until) = until {
            self.buckets.entry(until.div_euclid(self.width)).or_default().1 += 1;
        }
        while self.buckets.len() > BUCKETS {
            self.width *= 2;
            for (bucket, (begun, ended)) in std::mem::take(&mut self.buckets) {
                let wider = self.buckets.entry(bucket.div_euclid(2)).or_default();
                wider.0 += begun;
                wider.1 += ended;
            }
        }
    }

    /// Tells every moment of change and the level after it, in time order.
    fn walk(&self, mut tell: impl FnMut(i64, u64)) {
        let mut edges: BTreeMap<i64, (u64, u64)> = BTreeMap::new();
        for &(since, until) in &self.exact {
            edges.entry(since).or_default().0 += 1;
            if let Some(until) = until {
                edges.entry(until).or_default().1 += 1;
            }
        }
        for (&bucket, &(begun, ended)) in &self.buckets {
            edges.insert(bucket.saturating_mul(self.width), (begun, ended));
        }
        let mut level = 0_u64;
        for (at, (begun, ended)) in edges {
            level = (level + begun).saturating_sub(ended);
            tell(at, level);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn few_intervals_give_the_exact_peak() {
        let mut curve = Curve::default();
        curve.add(at(0), Some(at(100)));
        curve.add(at(50), Some(at(70)));
        curve.add(at(60), None);
        assert_eq!(curve.peak(), Peak { level: 3, at: at(60), exact: true });
        assert_eq!(curve.levels(at(0), at(100), 4), [1, 1, 3, 2]);
    }

    #[test]
    fn many_intervals_are_counted_in_few_buckets() {
        let mut curve = Curve::default();
        for start in 0..100_000 {
            curve.add(at(start), Some(at(start + 50_000)));
        }
        let peak = curve.peak();
        assert!(curve.buckets.len() <= BUCKETS && curve.exact.is_empty());
        assert!((49_000..=50_000).contains(&peak.level), "{peak:?}");
    }
}
