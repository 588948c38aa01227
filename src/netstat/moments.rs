//! Which moments are asked for.

use crate::time::{TimeDelta, Timestamp};

/// The moments at which sockets are looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moments {
    /// These, in order and each once: made by [`Moments::at`].
    At(Vec<Timestamp>),
    /// Every so often: see [`Moments::every`].
    Every {
        /// From one to the next; more than nothing.
        step: TimeDelta,
        /// None before this.
        since: Option<Timestamp>,
        /// None after this.
        until: Option<Timestamp>,
    },
}

impl Moments {
    /// These moments, in whatever order.
    pub fn at(mut moments: Vec<Timestamp>) -> Self {
        moments.sort_unstable();
        moments.dedup();
        Self::At(moments)
    }

    /// The whole multiples of `step` since midnight (UTC) between the first and the last record, or what of these lies
    /// between `since` and `until`: round times, the same ones for every capture.
    pub fn every(step: TimeDelta, since: Option<Timestamp>, until: Option<Timestamp>) -> Self {
        Self::Every { step: step.max(TimeDelta::from_nanos(1)), since, until }
    }

    /// Those at or after `from` and before `until`, in order.
    pub fn within(&self, from: Timestamp, until: Timestamp) -> Within<'_> {
        match self {
            Self::At(moments) => {
                let start = moments.partition_point(|moment| *moment < from);
                let end = moments.partition_point(|moment| *moment < until).max(start);
                Within::At(moments.get(start..end).unwrap_or_default().iter())
            }
            Self::Every { step, since, until: last } => {
                let from = since.map_or(from, |since| from.max(since));
                let after_last = last.map(|last| last + TimeDelta::from_nanos(1));
                let until = after_last.map_or(until, |last| until.min(last));
                Within::Every { next: round_up(from, *step), until, step: *step }
            }
        }
    }
}

/// Some of the [`Moments`], in order.
#[derive(Clone, Debug)]
pub enum Within<'a> {
    /// Of a list.
    At(std::slice::Iter<'a, Timestamp>),
    /// Evenly spaced.
    Every {
        /// The next one, if it is before `until`.
        next: Timestamp,
        /// The end, which is not one of them.
        until: Timestamp,
        /// From one to the next.
        step: TimeDelta,
    },
}

impl Iterator for Within<'_> {
    type Item = Timestamp;

    fn next(&mut self) -> Option<Timestamp> {
        match self {
            Self::At(moments) => moments.next().copied(),
            Self::Every { next, until, step } => {
                let moment = *next;
                *next = moment + *step;
                (moment < *until).then_some(moment)
            }
        }
    }
}

/// The first multiple of `step`, counted from the epoch, at or after `time`: every midnight is one where `step` divides
/// a day.
fn round_up(time: Timestamp, step: TimeDelta) -> Timestamp {
    let beyond = time.nanos().rem_euclid(step.nanos());
    if beyond == 0 { time } else { time + TimeDelta::from_nanos(step.nanos() - beyond) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn second(seconds: i64) -> Timestamp {
        Timestamp::from_nanos(seconds * 1_000_000_000)
    }

    fn within(moments: &Moments, from: i64, until: i64) -> Vec<i64> {
        let moments = moments.within(second(from), second(until));
        moments.map(|moment| moment.nanos() / 1_000_000_000).collect()
    }

    #[test]
    fn a_list_is_told_in_order_and_each_moment_once() {
        let moments = Moments::at([5, 3, 9, 5].map(second).to_vec());
        assert_eq!(within(&moments, 0, 100), [3, 5, 9]);
        assert_eq!(within(&moments, 5, 9), [5]);
        assert_eq!(within(&moments, 9, 5), [0; 0]);
    }

    #[test]
    fn even_moments_are_round_times() {
        let moments = Moments::every(TimeDelta::from_secs(10), None, None);
        assert_eq!(within(&moments, 11, 40), [20, 30]);
        assert_eq!(within(&moments, 20, 20), [0; 0]);
        let part = Moments::every(TimeDelta::from_secs(10), Some(second(15)), Some(second(30)));
        assert_eq!(within(&part, 0, 100), [20, 30]);
    }

    #[test]
    fn no_step_is_too_small_and_no_time_too_late() {
        let moments = Moments::every(TimeDelta::ZERO, None, None);
        assert_eq!(moments.within(second(1), Timestamp::MAX).take(3).count(), 3);
        let end = Timestamp::from_nanos(i64::MAX - 1);
        assert!(moments.within(end, Timestamp::MAX).count() <= 2);
    }
}
