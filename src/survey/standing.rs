//! Connections of one client host toward one service that neither side had closed when the capture ended.

use super::curve::Curve;
use super::marks::Marks;
use crate::flow::{Flow, Origin, RecordRef};

/// A connection that is meant for one request carries no more exchanges: those that set up TLS or log in, and it.
const MOST_EXCHANGES: usize = 8;
/// A connection that carries one exchange and no more is rare on purpose: so many show a habit.
const FEW: u64 = 10;
/// Where setting up a connection takes exchanges of its own, one request looks like several: more are needed.
const FEW_OF_SEVERAL: u64 = 20;
/// So many times the connections that were busy at once is more than anything shared would have opened.
const SURPLUS: u64 = 4;
/// No pool opens so many in advance.
const BEYOND_ANY_FILL: u64 = 100;

/// How connections were used that were open when the capture ended.
#[derive(Debug, Default)]
pub struct Standing {
    /// How many carried an exchange in the capture.
    pub used: u64,
    /// When something was done on any of them, as far as it is known.
    pub activity: Marks,
    /// How many there are whose beginning was captured.
    fresh: u64,
    /// Of these, how many carried so many exchanges in one go, all answered, and nothing after.
    by_exchanges: [u64; MOST_EXCHANGES + 1],
    /// From the beginning to the last octets of each.
    busy: Curve,
    /// How long these times are together, in nanoseconds.
    busy_nanos: i64,
    /// When the first and the last of them was asked for.
    pub opened: Option<(RecordRef, RecordRef)>,
}

/// Connections that one client opened for one use each, and kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unshared {
    /// How many.
    pub count: u64,
    /// How many exchanges each carried.
    pub exchanges: u64,
    /// The request for the first.
    pub first: RecordRef,
    /// The request for the last.
    pub last: RecordRef,
}

impl Standing {
    /// Adds a flow that neither side had closed.
    pub(super) fn add(&mut self, flow: &Flow) {
        let (start, active) = (flow.first.time, flow.active.time);
        self.used += u64::from(flow.exchanges > 0);
        match flow.pause {
            // Before the last pause there may have been others.
            Some(pause) => {
                self.activity.add(start);
                self.activity.add(pause.from.time);
                self.activity.add_stretch(pause.until.time, active);
            }
            None => self.activity.add_stretch(start, active),
        }
        if flow.origin == Origin::Handshake {
            self.add_fresh(flow);
        }
    }

    fn add_fresh(&mut self, flow: &Flow) {
        let (start, active) = (flow.first, flow.active.time);
        self.fresh += 1;
        self.busy.add(start.time, Some(active));
        self.busy_nanos = self.busy_nanos.saturating_add((active - start.time).nanos().max(0));
        let by_time = |at: &RecordRef| (at.time, at.record);
        let (first, last) = self.opened.unwrap_or((start, start));
        self.opened =
            Some((std::cmp::min_by_key(first, start, by_time), std::cmp::max_by_key(last, start, by_time)));
        let in_one_go = flow.exchanges == 1 || flow.pause.is_none();
        if flow.unanswered_octets == 0 && in_one_go {
            let exchanges = usize::try_from(flow.exchanges).unwrap_or(usize::MAX);
            if let Some(count) = self.by_exchanges.get_mut(exchanges) {
                *count += 1;
            }
        }
    }

    /// All were added.
    pub(super) fn settle(&mut self) {
        self.activity.tidy();
    }

    /// What share of those whose beginning was captured carried one exchange and nothing after it.
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    pub fn share_used_once(&self) -> f64 {
        let once = self.by_exchanges.get(1).copied().unwrap_or(0);
        once as f64 / self.fresh.max(1) as f64
    }

    /// Nearly all of those whose beginning was captured, if each was opened for one use although others stood free, and
    /// kept.
    ///
    /// What shares connections opens no more than are busy at once, but for a pool that fills itself in advance: that
    /// opens one right after the other, and not many.
    pub fn unshared(&self) -> Option<Unshared> {
        let (first, last) = self.opened?;
        let by_exchanges = self.by_exchanges.iter().enumerate().skip(1);
        let (exchanges, &count) =
            by_exchanges.max_by_key(|(exchanges, count)| (**count, MOST_EXCHANGES - exchanges))?;
        let is_habit = count >= if exchanges == 1 { FEW } else { FEW_OF_SEVERAL };
        let is_all = count * 10 >= self.fresh * 9;
        let is_surplus = || count >= SURPLUS * self.busy.peak().level;
        let is_fill = (last.time - first.time).nanos() < self.busy_nanos.saturating_mul(2);
        let holds = is_habit && is_all && (count >= BEYOND_ANY_FILL || !is_fill) && is_surplus();
        holds.then_some(Unshared { count, exchanges: exchanges as u64, first, last })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::testing::{Story, at};
    use crate::flow::FlowOutcome;
    use crate::time::TimeDelta;

    /// `count` connections of so many exchanges each, which last 10 ms; one begins so many milliseconds after the other.
    fn standing(count: i64, every: i64, exchanges: u64) -> Standing {
        let mut model = Story::connected().exchange(0.009).flow(FlowOutcome::Open);
        model.exchanges = exchanges;
        let mut standing = Standing::default();
        for number in 0..count {
            let mut flow = model.clone();
            let later = TimeDelta::from_millis(number * every);
            for time in [&mut flow.first.time, &mut flow.active.time] {
                *time = *time + later;
            }
            standing.add(&flow);
        }
        standing.settle();
        standing
    }

    #[test]
    fn connections_that_are_opened_although_others_stand_free_are_not_shared() {
        let leak = standing(12, 100, 1).unshared().unwrap();
        assert_eq!((leak.count, leak.exchanges), (12, 1));
        assert_eq!((leak.first.time, leak.last.time), (at(0.0), at(1.1)));
    }

    #[test]
    fn few_connections_are_no_habit() {
        assert_eq!(standing(9, 100, 1).unshared(), None);
        assert_eq!(standing(19, 100, 3).unshared(), None);
        assert_eq!(standing(20, 100, 3).unshared().map(|leak| leak.exchanges), Some(3));
        assert_eq!(standing(40, 100, 9).unshared(), None, "not for one use");
        assert_eq!(standing(40, 100, 0).unshared(), None, "not used");
    }

    #[test]
    fn what_is_busy_at_once_is_needed() {
        assert_eq!(standing(12, 0, 1).unshared(), None);
        assert_eq!(standing(40, 2, 1).unshared(), None);
    }

    #[test]
    fn a_pool_may_fill_itself() {
        assert_eq!(standing(99, 11, 1).unshared(), None);
        assert!(standing(101, 11, 1).unshared().is_some());
    }

    #[test]
    fn those_that_began_before_the_capture_tell_nothing() {
        let mut standing = Standing::default();
        let mut flow = Story::connected().exchange(0.5).flow(FlowOutcome::Open);
        flow.origin = Origin::Midstream;
        (0..100).for_each(|_| standing.add(&flow));
        assert_eq!((standing.used, standing.unshared()), (100, None));
    }
}
