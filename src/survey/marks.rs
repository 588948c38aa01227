//! Moments at which something happened, in bounded memory: where it stopped and went on is known, however many they are.

use crate::time::{TimeDelta, Timestamp};

/// Stretches that are kept.
const KEPT: usize = 256;

/// Moments, those that are near each other as one stretch.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    /// First and last moment of each stretch; in order up to the last [`KEPT`].
    stretches: Vec<(Timestamp, Timestamp)>,
    count: u64,
}

impl Marks {
    /// Adds a moment.
    pub fn add(&mut self, at: Timestamp) {
        self.add_stretch(at, at);
    }

    /// Adds all moments from `start` to `end`, as one.
    pub fn add_stretch(&mut self, start: Timestamp, end: Timestamp) {
        self.count += 1;
        self.stretches.push((start, end.max(start)));
        if self.stretches.len() >= 2 * KEPT {
            self.tidy();
        }
    }

    /// How many were added.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Makes the questions below answerable.
    pub fn tidy(&mut self) {
        self.stretches.sort_unstable();
        self.join(0);
        let mut width = 1_i64 << 20;
        while self.stretches.len() > KEPT {
            width = width.saturating_mul(2);
            self.join(width);
        }
    }

    /// Makes one of what is no more than `width` nanoseconds apart.
    fn join(&mut self, width: i64) {
        self.stretches.dedup_by(|(start, end), (_, last)| {
            let are_near = (*start - *last).nanos() <= width;
            if are_near {
                *last = (*last).max(*end);
            }
            are_near
        });
    }

    /// The longest time between two moments without one. Call [`Self::tidy`] before.
    pub fn longest_gap(&self) -> TimeDelta {
        let gaps = self.stretches.windows(2).map(|pair| match *pair {
            [(_, end), (start, _)] => start - end,
            _ => TimeDelta::ZERO,
        });
        gaps.max().unwrap_or(TimeDelta::ZERO)
    }

    /// The last moment at or before `limit`; within a stretch `limit` itself. Call [`Self::tidy`] before.
    pub fn last_until(&self, limit: Timestamp) -> Option<Timestamp> {
        let place = self.stretches.partition_point(|&(start, _)| start <= limit);
        let &(start, end) = self.stretches.get(place.checked_sub(1)?)?;
        Some(end.min(limit).max(start))
    }

    /// The first moment after `limit`; within a stretch `limit` itself: something happens all the time. Call
    /// [`Self::tidy`] before.
    pub fn first_after(&self, limit: Timestamp) -> Option<Timestamp> {
        let place = self.stretches.partition_point(|&(_, end)| end <= limit);
        let &(start, end) = self.stretches.get(place)?;
        Some(start.max(limit).min(end.max(limit)))
    }

    /// The first of all.
    pub fn first(&self) -> Option<Timestamp> {
        self.stretches.iter().map(|&(start, _)| start).min()
    }

    /// The last of all.
    pub fn last(&self) -> Option<Timestamp> {
        self.stretches.iter().map(|&(_, end)| end).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: i64) -> Timestamp {
        Timestamp::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn a_long_silence_is_found_among_many_moments() {
        let mut marks = Marks::default();
        for millis in (0..200_000).filter(|millis| !(50_000..62_500).contains(millis)) {
            marks.add(at(millis));
        }
        marks.tidy();
        assert!(marks.stretches.len() <= KEPT);
        assert_eq!(marks.last_until(at(55_000)), Some(at(49_999)));
        assert_eq!(marks.first_after(at(55_000)), Some(at(62_500)));
        assert_eq!((marks.first(), marks.last(), marks.count()), (Some(at(0)), Some(at(199_999)), 187_500));
    }

    #[test]
    fn what_lasts_leaves_no_gap() {
        let mut marks = Marks::default();
        marks.add_stretch(at(0), at(50));
        marks.add_stretch(at(10), at(20));
        marks.add(at(90));
        marks.tidy();
        assert_eq!((marks.longest_gap(), marks.count()), (TimeDelta::from_millis(40), 3));
        assert_eq!(Marks::default().longest_gap(), TimeDelta::ZERO);
    }

    #[test]
    fn nothing_happened_before_the_first() {
        let mut marks = Marks::default();
        marks.add(at(5));
        marks.tidy();
        assert_eq!((marks.last_until(at(4)), marks.first_after(at(5))), (None, None));
    }
}
