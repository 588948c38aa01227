//! What a service did in each interval of capture time. Intervals grow with the time that they have to cover.

use serde::Serialize;

use crate::time::{TimeDelta, Timestamp};

/// Intervals that are kept; where more are needed, two become one.
const INTERVALS: usize = 128;
/// The first length of an interval: 1 ms.
const FIRST_LENGTH: i64 = 1_000_000;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Connections that nobody had closed.
    Open,
    /// Sockets of the service in CLOSE-WAIT.
    CloseWait,
    /// Sockets of the service in FIN-WAIT-2.
    FinWait2,
    /// Sockets of the service in TIME-WAIT.
    TimeWait,
    /// Requests that waited for an answer.
    Waiting,
    /// Connection requests that were refused: events without a length.
    Refused,
}

const WHATS: usize = What::Refused as usize + 1;

/// Counts by interval.
#[derive(Clone, Debug)]
pub struct Series {
    length: i64,
    /// In order: number of the interval, how many began in it, how many ended in it.
    intervals: Vec<(i64, [(u32, u32); WHATS])>,
    /// Where the last one was found: the next is often there too.
    last: usize,
}

/// One interval, told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Interval {
    /// When it begins.
    pub start: Timestamp,
    /// Connections that were opened in it.
    pub new: u64,
    /// Connections that somebody closed first, or reset, in it.
    pub closed: u64,
    /// Connection requests that were refused in it.
    pub refused: u64,
    /// Connections that nobody had closed at its end.
    pub open: u64,
    /// Sockets of the service in CLOSE-WAIT at its end.
    pub close_wait: u64,
    /// Sockets of the service in FIN-WAIT-2 at its end.
    pub fin_wait_2: u64,
    /// Sockets of the service in TIME-WAIT at its end.
    pub time_wait: u64,
    /// Requests without an answer at its end.
    pub waiting: u64,
}

impl Default for Series {
    fn default() -> Self {
        Self { length: FIRST_LENGTH, intervals: Vec::new(), last: 0 }
    }
}

impl Series {
    /// Something lasted from `since` to `until`, or to the end.
    pub fn interval(&mut self, what: What, since: Timestamp, until: Option<Timestamp>) {
        self.slot(since, what, |counts| counts.0 += 1);
        if let Some(until) = until {
            self.slot(until.max(since), what, |counts| counts.1 += 1);
        }
    }

    /// Something happened.
    pub fn count(&mut self, what: What, at: Timestamp) {
        self.slot(at, what, |counts| counts.0 += 1);
    }

    /// The length of an interval.
    pub const fn length(&self) -> TimeDelta {
        TimeDelta::from_nanos(self.length)
    }

    /// The intervals in which something happened, in order.
    pub fn told(&self) -> Vec<Interval> {
        let mut levels = [0_u64; WHATS];
        let told = self.intervals.iter().map(|(number, counts)| {
            for (level, (begun, ended)) in levels.iter_mut().zip(counts) {
                *level = (*level + u64::from(*begun)).saturating_sub(u64::from(*ended));
            }
            let [open, close_wait, fin_wait_2, time_wait, waiting, _] = levels;
            let [(new, closed), .., (refused, _)] = *counts;
            Interval {
                start: Timestamp::from_nanos(number.saturating_mul(self.length)),
                new: new.into(),
                closed: closed.into(),
                refused: refused.into(),
                open,
                close_wait,
                fin_wait_2,
                time_wait,
                waiting,
            }
        });
        told.collect()
    }

    fn slot(&mut self, at: Timestamp, what: What, change: impl FnOnce(&mut (u32, u32))) {
        let place = loop {
            let number = at.nanos().div_euclid(self.length);
            if self.intervals.get(self.last).is_some_and(|&(known, _)| known == number) {
                break self.last;
            }
            match self.intervals.binary_search_by_key(&number, |&(number, _)| number) {
                Ok(place) => break place,
                Err(place) if self.intervals.len() < INTERVALS => {
                    self.intervals.insert(place, (number, [(0, 0); WHATS]));
                    break place;
                }
                Err(_) => self.double(),
            }
        };
        self.last = place;
        let interval = self.intervals.get_mut(place);
        if let Some(counts) = interval.and_then(|(_, counts)| counts.get_mut(what as usize)) {
            change(counts);
        }
    }

    fn double(&mut self) {
        self.length = self.length.saturating_mul(2);
        self.intervals.iter_mut().for_each(|(number, _)| *number = number.div_euclid(2));
        self.intervals.dedup_by(|(later, counts), (earlier, sums)| {
            let is_same = later == earlier;
            if is_same {
                for (sum, count) in sums.iter_mut().zip(counts) {
                    *sum = (sum.0 + count.0, sum.1 + count.1);
                }
            }
            is_same
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: i64) -> Timestamp {
        Timestamp::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn levels_follow_from_what_began_and_ended() {
        let mut series = Series::default();
        series.interval(What::Open, at(0), Some(at(20)));
        series.interval(What::Open, at(10), None);
        series.interval(What::CloseWait, at(10), Some(at(20)));
        series.count(What::Refused, at(20));
        let told: Vec<_> =
            series.told().iter().map(|it| (it.new, it.closed, it.open, it.close_wait, it.refused)).collect();
        assert_eq!(told, [(1, 0, 1, 0, 0), (1, 0, 2, 1, 0), (0, 1, 1, 0, 1)]);
    }

    #[test]
    fn a_long_time_takes_no_more_memory() {
        let mut series = Series::default();
        for millis in 0..100_000 {
            series.interval(What::Open, at(millis), Some(at(millis + 50)));
        }
        let told = series.told();
        assert!(told.len() <= INTERVALS && told.len() > INTERVALS / 4);
        assert_eq!(told.iter().map(|it| it.new).sum::<u64>(), 100_000);
        assert_eq!(told.last().map(|it| it.open), Some(0));
    }
}
