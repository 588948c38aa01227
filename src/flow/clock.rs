//! Capture time: how far it has come, whatever single time stamps say.

use crate::time::{TimeDelta, Timestamp};

/// A step of capture time by this much wants a second record that confirms it.
const LEAP: TimeDelta = TimeDelta::from_secs(86_400);
const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// Capture time, from the times of all records in their order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    watermark: Timestamp,
    /// Times of the last segments: one alone may be damaged.
    last: [Timestamp; 2],
    /// When the second after the watermark's begins.
    next_second: Timestamp,
    /// A time far ahead that no second record has confirmed yet.
    leap: Option<Timestamp>,
}

impl Default for Clock {
    fn default() -> Self {
        Self { watermark: Timestamp::MIN, last: [Timestamp::MIN; 2], next_second: Timestamp::MIN, leap: None }
    }
}

impl Clock {
    /// The latest capture time.
    #[inline]
    pub(super) const fn watermark(&self) -> Timestamp {
        self.watermark
    }

    /// The latest capture time, or less while the clock is behind it because it was set back.
    pub(super) fn now(&self) -> Timestamp {
        let [before, last] = self.last;
        before.max(last).min(self.watermark)
    }

    /// A segment came at `time`; the second that begins with it, if one does.
    #[inline]
    pub(super) fn tick(&mut self, time: Timestamp) -> Option<i64> {
        let second = self.advance(time);
        self.last = [self.last[1], time];
        second
    }

    /// Moves on to `time`, unless it is there already; the second that begins with it, if one does.
    #[inline]
    pub(super) fn advance(&mut self, time: Timestamp) -> Option<i64> {
        if time <= self.watermark {
            return None;
        }
        self.last = [self.last[1], time];
        if time < self.next_second {
            self.watermark = time;
            return None;
        }
        self.begin_second(time)
    }

    #[cold]
    fn begin_second(&mut self, time: Timestamp) -> Option<i64> {
        if self.is_a_leap(time) {
            return None;
        }
        self.watermark = time;
        let second = second_of(time);
        self.next_second = start_of(second.saturating_add(1));
        Some(second)
    }

    /// True when a record lies so far ahead of all before it that one damaged time stamp is likelier than
    /// silence. The next one decides: if it confirms the time, that counts.
    fn is_a_leap(&mut self, time: Timestamp) -> bool {
        let confirmed = self.leap.is_some_and(|leap| (time - leap).abs() < LEAP);
        let leaps = self.watermark != Timestamp::MIN && time - self.watermark >= LEAP && !confirmed;
        self.leap = leaps.then_some(time);
        leaps
    }
}

/// The second of capture time that holds `time`.
pub(super) const fn second_of(time: Timestamp) -> i64 {
    time.nanos().div_euclid(NANOS_PER_SECOND)
}

/// The moment at which `second` begins.
pub(super) const fn start_of(second: i64) -> Timestamp {
    Timestamp::from_nanos(second.saturating_mul(NANOS_PER_SECOND))
}
