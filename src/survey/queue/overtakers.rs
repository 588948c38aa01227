//! Which connections were served before others that had come earlier, in bounded memory.

use crate::time::Timestamp;

/// Pairs that are kept, at most.
const KEPT: usize = 1 << 9;

/// Who was served when, and had come when.
///
/// The accept queue is first in, first out: a connection that came before one that was served already did not wait in
/// it. Only pairs that come later than all that were served before them tell anything. Where these are too many,
/// neighbours become one that is taken to have been served as the earlier and to have come as the later: then more
/// connections count as overtaken than were, and fewer as held up.
#[derive(Debug, Default)]
pub(super) struct Overtakers {
    /// (served, came): in order of both up to `sorted`.
    pairs: Vec<(Timestamp, Timestamp)>,
}

impl Overtakers {
    /// Adds a connection that came at `came` and was served at `served`.
    pub(super) fn add(&mut self, served: Timestamp, came: Timestamp) {
        self.pairs.push((served, came));
        if self.pairs.len() >= 2 * KEPT {
            self.tidy();
        }
    }

    /// Answers, for any moment, when the last one came that was served before it.
    pub(super) fn settle(mut self) -> Served {
        self.tidy();
        Served(self.pairs)
    }

    fn tidy(&mut self) {
        self.pairs.sort_unstable();
        let mut latest = Timestamp::MIN;
        self.pairs.retain(|&(_, came)| {
            let is_later = came > latest;
            latest = latest.max(came);
            is_later
        });
        let mut width = 1_i64 << 20;
        while self.pairs.len() > KEPT {
            width = width.saturating_mul(2);
            self.pairs.dedup_by(|(later, came), (earlier, last_came)| {
                let are_near = (*later - *earlier).nanos() < width;
                if are_near {
                    *last_came = *came;
                }
                are_near
            });
        }
    }
}

/// The same, in order.
#[derive(Debug)]
pub(super) struct Served(Vec<(Timestamp, Timestamp)>);

impl Served {
    /// When the last connection came that was served before `moment`.
    pub(super) fn latest_before(&self, moment: Timestamp) -> Option<Timestamp> {
        let place = self.0.partition_point(|&(served, _)| served < moment);
        self.0.get(place.checked_sub(1)?).map(|&(_, came)| came)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn at(millis: i64) -> Timestamp {
        Timestamp::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn only_who_was_served_before_counts() {
        let mut overtakers = Overtakers::default();
        for (served, came) in [(30, 20), (10, 5), (40, 15)] {
            overtakers.add(at(served), at(came));
        }
        let served = overtakers.settle();
        assert_eq!(served.latest_before(at(10)), None);
        assert_eq!(served.latest_before(at(11)), Some(at(5)));
        assert_eq!(served.latest_before(at(50)), Some(at(20)));
    }

    #[test]
    fn a_long_time_without_service_stays_however_many_are_served() {
        let mut overtakers = Overtakers::default();
        for millis in (0..100_000).filter(|millis| !(40_000..60_000).contains(millis)) {
            overtakers.add(at(millis + 1), at(millis));
        }
        assert!(overtakers.pairs.len() < 2 * KEPT);
        assert!(overtakers.settle().latest_before(at(59_000)).is_some_and(|came| came < at(41_000)));
    }

    proptest! {
        #[test]
        fn thinning_never_hides_an_overtaker(
            pairs in prop::collection::vec((0..100_000_i64, 0..5_000_i64), 0..200),
            moment in 0..100_000_i64,
        ) {
            let mut overtakers = Overtakers::default();
            for &(served, before) in pairs.iter().cycle().take(pairs.len() * 60) {
                overtakers.add(at(served), at(served - before));
            }
            let exact = pairs.iter().filter(|(served, _)| *served < moment).map(|(served, before)| served - before);
            let told = overtakers.settle().latest_before(at(moment));
            prop_assert!(exact.max().is_none_or(|came| told.is_some_and(|told| told >= at(came))));
        }
    }
}
