//! How long things took: any number of delays in bounded memory, with their quantiles and plateaus.

mod field;
mod plateaus;

use hdrhistogram::Histogram;

pub use self::plateaus::Plateau;
use crate::time::TimeDelta;

/// Nanoseconds of the unit in which many delays are counted.
const UNIT: i64 = 1000;

/// Counts delays of one kind: each as it is up to [`Delays::EXACT`] of them, beyond in a histogram whose relative
/// error is below 0.05 %.
///
/// Without delays it takes no heap, with some 8 to 16 octets for each. The histogram takes microseconds; it has
/// 72 KiB where the longest delay is 90 s, 112 KiB for a day, 176 KiB at most. It replaces the single delays where
/// these are about as large, so that ten thousand `Delays` with few delays each stay small.
///
/// What is told depends on which delays were added, not on their order or on how they came to be merged.
#[derive(Clone, Debug, Default)]
pub struct Delays {
    count: u64,
    min: TimeDelta,
    max: TimeDelta,
    kept: Kept,
    precision: Precision,
}

/// How well many delays are told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Precision {
    /// To three significant digits: piles are found.
    #[default]
    Fine,
    /// To two, in a sixth of the memory.
    Coarse,
}

impl Precision {
    /// So many delays are kept as they are.
    const fn exact(self) -> u64 {
        match self {
            Self::Fine => Delays::EXACT,
            Self::Coarse => 512,
        }
    }

    /// Significant decimal digits of a delay once there are more.
    const fn digits(self) -> u8 {
        match self {
            Self::Fine => 3,
            Self::Coarse => 2,
        }
    }
}

#[derive(Clone, Debug)]
enum Kept {
    Exact(Vec<TimeDelta>),
    Counted(Box<Histogram<u32>>),
}

impl Default for Kept {
    fn default() -> Self {
        Self::Exact(Vec::new())
    }
}

impl Delays {
    /// So many are kept as they are.
    pub const EXACT: u64 = 4096;

    /// Of none, to be told to two digits once there are many: for what is only measured, at thousands of services.
    pub fn coarse() -> Self {
        Self { precision: Precision::Coarse, ..Self::default() }
    }

    /// Adds a delay. Negative ones (the clock was set back) count as zero once there are more than
    /// [`Delays::EXACT`]; the least remains.
    pub fn add(&mut self, delay: TimeDelta) {
        self.widen(1, delay, delay);
        match &mut self.kept {
            Kept::Exact(exact) => exact.push(delay),
            Kept::Counted(histogram) => count(histogram, delay),
        }
    }

    /// Adds all that `other` holds.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        self.widen(other.count, other.min, other.max);
        match (&mut self.kept, &other.kept) {
            (Kept::Exact(exact), Kept::Exact(more)) => exact.extend_from_slice(more),
            (Kept::Counted(histogram), Kept::Exact(more)) => {
                for &delay in more {
                    count(histogram, delay);
                }
            }
            (Kept::Counted(histogram), Kept::Counted(more)) => {
                // It resizes itself, so it has room for whatever another of its kind holds.
                let _ = histogram.add(&**more);
            }
            // What is many there makes many here.
            (Kept::Exact(_), Kept::Counted(_)) => {}
        }
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

    /// True when every delay is known as it was added.
    pub const fn is_exact(&self) -> bool {
        matches!(self.kept, Kept::Exact(_))
    }

    /// The middle one, or the middle between two; zero when there is none.
    pub fn median(&self) -> TimeDelta {
        let [lower, upper] = self.at([self.count.saturating_sub(1) / 2, self.count / 2]);
        TimeDelta::from_nanos(lower.nanos().midpoint(upper.nanos()))
    }

    /// The least delay that `share` of all (0 to 1) do not exceed; zero when there is none.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank among fewer than 2⁵³"
    )]
    pub fn quantile(&self, share: f64) -> TimeDelta {
        let rank = (share.clamp(0.0, 1.0) * self.count as f64).ceil() as u64;
        let [delay] = self.at([rank.clamp(1, self.count.max(1)) - 1]);
        delay
    }

    /// Each delay in ascending order with how often it occurred; to three digits where there are many.
    pub fn values(&self) -> Vec<(TimeDelta, u64)> {
        match &self.kept {
            Kept::Exact(exact) => {
                let mut sorted = exact.clone();
                sorted.sort_unstable();
                let runs = sorted.chunk_by(PartialEq::eq);
                runs.filter_map(|run| Some((*run.first()?, run.len() as u64))).collect()
            }
            Kept::Counted(histogram) => histogram
                .iter_recorded()
                .map(|step| {
                    let middle = middle(histogram, step.value_iterated_to());
                    (middle.clamp(self.min, self.max), u64::from(step.count_at_value()))
                })
                .collect(),
        }
    }

    /// Where the delays pile up as those of one configured time-out do, the largest pile first.
    pub fn plateaus(&self) -> Vec<Plateau> {
        plateaus::find(&self.values(), self.is_exact())
    }

    /// The delays at `places` of the ascending order, which are ascending too; zero where there is none.
    fn at<const N: usize>(&self, places: [u64; N]) -> [TimeDelta; N] {
        let values = self.values();
        let mut steps = values.iter();
        let (mut passed, mut current) = (0, TimeDelta::ZERO);
        places.map(|place| {
            while passed <= place {
                let Some(&(delay, count)) = steps.next() else { break };
                (passed, current) = (passed + count, delay);
            }
            current
        })
    }

    /// Makes room for `count` more from `min` to `max`.
    fn widen(&mut self, count: u64, min: TimeDelta, max: TimeDelta) {
        (self.min, self.max) =
            if self.count == 0 { (min, max) } else { (self.min.min(min), self.max.max(max)) };
        self.count += count;
        if self.count > self.precision.exact() {
            self.count_from_now_on();
        }
    }

    fn count_from_now_on(&mut self) {
        // A histogram of so many digits can always be made.
        if let Kept::Exact(exact) = &self.kept
            && let Ok(mut histogram) =
                Histogram::new_with_max(in_units(self.max).max(2), self.precision.digits())
        {
            // As large as need be now, larger for what is yet to come.
            histogram.auto(true);
            for &delay in exact {
                count(&mut histogram, delay);
            }
            self.kept = Kept::Counted(Box::new(histogram));
        }
    }
}

fn count(histogram: &mut Histogram<u32>, delay: TimeDelta) {
    // It resizes itself.
    let _ = histogram.record(in_units(delay));
}

fn in_units(delay: TimeDelta) -> u64 {
    u64::try_from(delay.nanos() / UNIT).unwrap_or(0)
}

/// The middle of the bucket that holds `value`.
fn middle(histogram: &Histogram<u32>, value: u64) -> TimeDelta {
    let nanos = |units: u64| i64::try_from(units).unwrap_or(i64::MAX).saturating_mul(UNIT);
    let (low, width) = (histogram.lowest_equivalent(value), histogram.equivalent_range(value));
    TimeDelta::from_nanos(nanos(low).saturating_add(nanos(width) / 2))
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn of(delays: impl IntoIterator<Item = i64>) -> Delays {
        let mut all = Delays::default();
        delays.into_iter().for_each(|nanos| all.add(TimeDelta::from_nanos(nanos)));
        all
    }

    #[test]
    fn nothing_has_no_quantiles() {
        let none = Delays::default();
        assert_eq!((none.median(), none.quantile(0.99), none.max()), Default::default());
        assert_eq!(none.plateaus(), []);
    }

    #[test]
    fn few_delays_are_exact() {
        let few = of([9, 1, 5, -3]);
        assert_eq!(few.median(), TimeDelta::from_nanos(3));
        assert_eq!(few.quantile(0.5), TimeDelta::from_nanos(1));
        assert_eq!(
            (few.quantile(0.0), few.quantile(1.0)),
            (TimeDelta::from_nanos(-3), TimeDelta::from_nanos(9))
        );
        assert!(few.is_exact());
    }

    #[test]
    fn many_delays_are_close() {
        let many = of((0..200_000).map(|millis| millis * 1_000_000));
        assert!(!many.is_exact());
        let off = (many.median().as_secs_f64() - 100.0).abs();
        assert!(off < 0.05, "{}", many.median());
        assert_eq!(many.max(), TimeDelta::from_millis(199_999));
        assert_eq!(many.values().iter().map(|(_, count)| count).sum::<u64>(), 200_000);
    }

    #[test]
    fn the_longest_delay_has_its_place() {
        let many = of((0..5000).map(|_| i64::MAX).chain([i64::MIN]));
        let share = many.median().as_secs_f64() / TimeDelta::from_nanos(i64::MAX).as_secs_f64();
        assert!((share - 1.0).abs() < 0.0005, "{share}");
        assert_eq!(many.min(), TimeDelta::from_nanos(i64::MIN));
        assert_eq!(many.values().len(), 2);
    }

    /// Octets that it takes besides itself.
    fn heap(delays: &Delays) -> usize {
        match &delays.kept {
            Kept::Exact(exact) => exact.capacity() * size_of::<TimeDelta>(),
            Kept::Counted(histogram) => histogram.distinct_values() * size_of::<u32>(),
        }
    }

    #[test]
    fn memory_is_small_for_few_and_bounded_for_many() {
        assert_eq!(heap(&Delays::default()), 0);
        for few in [1, 10, 100, 1000] {
            assert!(heap(&of(0..few)) <= usize::try_from(few).unwrap().max(4) * 16);
        }
        let many = |longest: i64| heap(&of((0..10_000).map(|at| longest / 9999 * at))) >> 10;
        assert_eq!([90, 86_400, 9_000_000_000].map(|seconds| many(seconds * 1_000_000_000)), [72, 112, 176]);
    }

    fn delays() -> impl Strategy<Value = Vec<i64>> {
        let delay = prop_oneof![0..1_000_000_i64, 0..100_000_000_000_i64, -1000..0_i64];
        prop_oneof![vec(delay.clone(), 0..20), vec(delay, 4000..4200)]
    }

    proptest! {
        #[test]
        fn the_order_of_adding_and_merging_does_not_show(mut some in delays(), more in delays(), at in 0.0..1.0) {
            let (mut one, two) = (of(some.clone()), of(more.clone()));
            one.merge(&two);
            some.extend(more);
            some.reverse();
            let whole = of(some);
            prop_assert_eq!(one.values(), whole.values());
            prop_assert_eq!(one.quantile(at), whole.quantile(at));
            prop_assert_eq!((one.count(), one.min(), one.max()), (whole.count(), whole.min(), whole.max()));
        }

        #[test]
        fn quantiles_are_off_by_half_a_per_mille_at_most(
            mut all in vec(0..1_000_000_000_000_i64, 4097..4200),
            rank in 1..4097_u32,
        ) {
            let share = (f64::from(rank) - 0.5) / f64::from(u32::try_from(all.len()).unwrap());
            let told = of(all.clone()).quantile(share).nanos();
            all.sort_unstable();
            let real = all[rank as usize - 1];
            prop_assert!((told - real).abs() <= 1000 + real / 1900, "{told} for {real}");
        }
    }
}
