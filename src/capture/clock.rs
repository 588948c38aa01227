//! The times of one file as they come: whether they run, fall back, leap or stray.

use super::health::{ClockHealth, Irregularity, LEAP, Place, REORDERING};
use crate::time::{TimeDelta, Timestamp};

/// Watches the times of one file. A record that follows in time and not after the longest silence so far costs
/// one comparison.
#[derive(Clone, Debug)]
pub(super) struct FileClock {
    /// The latest time since the clock was last set.
    latest: Timestamp,
    /// How far ahead the next record may be without being looked at, in nanoseconds.
    expected: u64,
    /// What the record before did; the next one decides whether it stands.
    doubt: Option<Doubt>,
    extremes: Option<(Timestamp, Timestamp)>,
    first: Option<Place>,
    health: ClockHealth,
}

/// A time that does not follow from those before.
#[derive(Clone, Copy, Debug)]
struct Doubt {
    /// The latest time before it.
    before: Timestamp,
    place: Place,
}

/// What a clock told of its file.
pub(super) struct Told {
    /// Earliest and latest time.
    pub(super) extremes: Option<(Timestamp, Timestamp)>,
    /// The first record with a time.
    pub(super) first: Option<Place>,
    /// The time at the end: the latest since the clock was last set.
    pub(super) last_time: Option<Timestamp>,
    pub(super) health: ClockHealth,
}

impl FileClock {
    pub(super) const fn new() -> Self {
        const NOTHING: Irregularity = Irregularity { count: 0, largest: TimeDelta::ZERO, first: None };
        Self {
            latest: Timestamp::MIN,
            expected: 0,
            doubt: None,
            extremes: None,
            first: None,
            health: ClockHealth {
                reordered: NOTHING,
                steps_back: NOTHING,
                leaps: NOTHING,
                strays: NOTHING,
                longest_silence: TimeDelta::ZERO,
                silence_ends: None,
            },
        }
    }

    /// Takes the time of record `record`.
    #[inline]
    pub(super) fn observe(&mut self, time: Timestamp, record: u64) {
        // As an unsigned number, a step back is a very large step ahead.
        let ahead = time.nanos().wrapping_sub(self.latest.nanos()).cast_unsigned();
        if ahead <= self.expected {
            self.latest = time;
        } else {
            self.observe_unusual(Place { record, time, ..Place::default() });
        }
    }

    /// The time of a record that carries none: that of the one before.
    pub(super) fn last_known(&self) -> Timestamp {
        if self.first.is_some() { self.latest } else { Timestamp::default() }
    }

    /// What there is to tell, once the file ended.
    pub(super) fn finish(mut self) -> Told {
        self.stretch(self.latest);
        match self.doubt {
            // Nothing behind it confirms a leap.
            Some(doubt) if doubt.apart() >= LEAP => self.reject(doubt),
            _ => self.believe(),
        }
        let last_time = self.first.map(|_| self.latest);
        Told { extremes: self.extremes, first: self.first, last_time, health: self.health }
    }

    #[cold]
    #[inline(never)]
    fn observe_unusual(&mut self, place: Place) {
        if self.first.is_none() {
            self.first = Some(place);
            self.latest = place.time;
            self.extremes = Some((place.time, place.time));
            return;
        }
        self.stretch(self.latest);
        self.stretch(place.time);
        match self.doubt {
            Some(doubt) if doubt.is_alone(place.time) => self.reject(doubt),
            _ => self.believe(),
        }
        self.judge(place);
        let silence = self.health.longest_silence.nanos().cast_unsigned();
        self.expected = if self.doubt.is_some() { 0 } else { silence };
    }

    /// Compares a record with those before, which are beyond doubt.
    fn judge(&mut self, place: Place) {
        let ahead = place.time - self.latest;
        let before = self.latest;
        if ahead < TimeDelta::ZERO && ahead.abs() < REORDERING {
            self.health.reordered.note(ahead.abs(), place);
            return;
        }
        if ahead < TimeDelta::ZERO || ahead > self.health.longest_silence {
            self.doubt = Some(Doubt { before, place });
        }
        self.latest = place.time;
    }

    /// The record in doubt stands: the clock was set, or there was silence.
    fn believe(&mut self) {
        let Some(Doubt { before, place }) = self.doubt.take() else { return };
        let ahead = place.time - before;
        if ahead < TimeDelta::ZERO {
            self.health.steps_back.note(ahead.abs(), place);
            return;
        }
        if ahead >= LEAP {
            self.health.leaps.note(ahead, place);
        }
        if ahead > self.health.longest_silence {
            self.health.longest_silence = ahead;
            self.health.silence_ends = Some(place);
        }
    }

    /// The record in doubt does not count.
    fn reject(&mut self, doubt: Doubt) {
        self.doubt = None;
        self.health.strays.note(doubt.apart(), doubt.place);
        self.latest = doubt.before;
    }

    fn stretch(&mut self, time: Timestamp) {
        if let Some((earliest, latest)) = &mut self.extremes {
            *earliest = time.min(*earliest);
            *latest = time.max(*latest);
        }
    }
}

impl Doubt {
    /// How far the record lies from those before.
    fn apart(&self) -> TimeDelta {
        (self.place.time - self.before).abs()
    }

    /// True when `next` is nearer to the time before than to that of the record in doubt, and not because
    /// neighbours were swapped.
    fn is_alone(&self, next: Timestamp) -> bool {
        self.apart() >= REORDERING && (next - self.before).abs() < (next - self.place.time).abs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Watches times in milliseconds.
    fn watch(times: &[i64]) -> Told {
        let mut clock = FileClock::new();
        for (record, &time) in (1..).zip(times) {
            clock.observe(Timestamp::from_nanos(time * 1_000_000), record);
        }
        clock.finish()
    }

    /// Count, largest in milliseconds, first record.
    fn seen(irregularity: Irregularity) -> (u64, i64, u64) {
        let first = irregularity.first.map_or(0, |place| place.record);
        (irregularity.count, irregularity.largest.nanos() / 1_000_000, first)
    }

    const NONE: (u64, i64, u64) = (0, 0, 0);
    const DAY: i64 = 86_400_000;

    #[test]
    fn swapped_neighbours_are_reordered_and_no_step() {
        let health = watch(&[0, 5, 2, 7, 4, 1, 20]).health;
        assert_eq!(seen(health.reordered), (3, 6, 3));
        assert_eq!((seen(health.steps_back), seen(health.strays)), (NONE, NONE));
    }

    #[test]
    fn a_clock_that_is_set_back_steps_once() {
        let health = watch(&[10_000, 20_000, 15_000, 16_000, 12_000, 13_000, 30_000]).health;
        assert_eq!(seen(health.steps_back), (2, 5_000, 3));
        assert_eq!((seen(health.reordered), seen(health.strays)), (NONE, NONE));
        assert_eq!(health.longest_silence, TimeDelta::from_secs(17));
        assert_eq!(health.silence_ends.unwrap().record, 7);
    }

    #[test]
    fn a_single_time_apart_is_a_stray_wherever_it_lies() {
        let far = 400 * DAY;
        for times in [vec![0, 5, far, 10, 15], vec![1, 5, -far, 10, 15], vec![0, 5, 10, far]] {
            let told = watch(&times);
            assert_eq!(told.health.strays.count, 1, "{times:?}");
            assert_eq!((seen(told.health.steps_back), seen(told.health.leaps)), (NONE, NONE), "{times:?}");
            assert!(told.health.longest_silence <= TimeDelta::from_millis(5), "{times:?}");
            assert!(told.last_time <= Some(Timestamp::from_nanos(15_000_000)), "{times:?}");
        }
    }

    #[test]
    fn a_leap_counts_once_the_next_record_confirms_it() {
        let health = watch(&[0, 5, 2 * DAY, 2 * DAY + 3]).health;
        assert_eq!(seen(health.leaps), (1, 2 * DAY - 5, 3));
        assert_eq!(seen(watch(&[0, 5, DAY / 2, DAY / 2 + 1]).health.leaps), NONE);
    }

    #[test]
    fn extremes_hold_all_times_that_were_told() {
        let told = watch(&[50, 60, 70, 20, 30, 40, 99, 35]);
        let (earliest, latest) = told.extremes.unwrap();
        assert_eq!((earliest.nanos(), latest.nanos()), (20_000_000, 99_000_000));
        assert!(watch(&[]).extremes.is_none());
    }

    proptest::proptest! {
        #[test]
        fn extremes_are_least_and_greatest(times in proptest::collection::vec(-50..50_i64, 1..40)) {
            let (earliest, latest) = watch(&times).extremes.unwrap();
            let told = [earliest, latest].map(|time| time.nanos() / 1_000_000);
            proptest::prop_assert_eq!(told, [*times.iter().min().unwrap(), *times.iter().max().unwrap()]);
        }
    }
}
