//! When requests waited and none was answered.

use super::requests::{Requests, Unanswered};
use crate::time::{TimeDelta, Timestamp};

/// Who waits for less than so many times the usual does not wait in vain.
const USUAL: i64 = 2;
/// From so few answers nobody can tell what is usual.
const FEW: u64 = 3;

/// A time in which requests were waiting and none was answered.
#[derive(Clone, Copy, Debug)]
pub struct Silence {
    /// When the last answer before it came.
    pub last_answered: Option<Timestamp>,
    /// The request that was left unanswered first.
    pub first_unanswered: Unanswered,
    /// When the service answered again.
    pub until: Option<Timestamp>,
    /// Requests that were left unanswered in it.
    pub unanswered: u64,
}

impl Silence {
    /// When it began for its clients.
    pub const fn since(&self) -> Timestamp {
        self.first_unanswered.asked.time
    }
}

impl Requests {
    /// The longest time without an answer that somebody waited for in which requests waited, in a capture that ends at
    /// `end`.
    pub(super) fn longest_silence(&self, end: Timestamp) -> Option<Silence> {
        let patience = self.usual_wait().saturating_mul(USUAL);
        let waits = |it: &&Unanswered| (it.over.unwrap_or(end) - it.asked.time).nanos() > patience;
        let mut asked: Vec<_> = self.unanswered.iter().filter(waits).copied().collect();
        asked.sort_unstable_by_key(|it| (it.asked.time, it.flow));
        let mut longest: Option<(TimeDelta, Silence)> = None;
        let mut rest = asked.as_slice();
        while let Some(first) = rest.first() {
            let since = first.asked.time;
            let until = self.answered.first_after(since);
            let within = rest.partition_point(|it| until.is_none_or(|until| it.asked.time < until)).max(1);
            let length = until.unwrap_or(end) - since;
            if longest.as_ref().is_none_or(|(known, _)| length > *known) {
                let silence = Silence {
                    last_answered: self.answered.last_until(since),
                    first_unanswered: *first,
                    until,
                    unanswered: within as u64,
                };
                longest = Some((length, silence));
            }
            rest = rest.get(within..).unwrap_or_default();
        }
        longest.map(|(_, silence)| silence)
    }

    /// In nanoseconds, how long nearly all answers took; 0 where there are too few to tell.
    fn usual_wait(&self) -> i64 {
        if self.slowest.count() < FEW { 0 } else { self.slowest.quantile(0.9).nanos() }
    }
}
