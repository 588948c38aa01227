//! Puts what was captured a little out of time into order.
//!
//! A capture that several queues or interfaces feed holds records that run backwards by up to some milliseconds. An
//! ACK before the data it acknowledges, or a RST before the FIN it answers, would be read as something else. A step
//! back by more is the clock's, and there the order of the file is the better witness.

use crate::dissect::Dissected;
use crate::flow::REORDER_WINDOW;
use crate::time::Timestamp;

/// Most that is held back for what may still come before it: bounds memory where many come within the window.
const MOST_HELD: usize = 1024;
/// Room for what is held back and as much again, so that moving it costs one move each.
const ROOM: usize = 2 * MOST_HELD;

/// What was dissected, on its way into the order of time.
///
/// What is put in comes out once, later, sorted by time; equal times keep their order. Where time steps back by more
/// than [`REORDER_WINDOW`], all before the step comes out before all behind it.
#[derive(Debug)]
pub(super) struct TimeOrder {
    held: Vec<Dissected>,
    /// How many of `held` are in order.
    ordered: usize,
    /// The latest time since the last step back.
    latest: Timestamp,
}

impl Default for TimeOrder {
    fn default() -> Self {
        Self { held: Vec::with_capacity(ROOM), ordered: 0, latest: Timestamp::MIN }
    }
}

impl TimeOrder {
    /// Where to put what comes next, at the end. Ask [`Self::is_full`] after each.
    #[inline]
    pub(super) fn inlet(&mut self) -> &mut Vec<Dissected> {
        &mut self.held
    }

    /// True when it is time for [`Self::release`].
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.held.len() >= ROOM
    }

    /// Gives to `take`, in order, what nothing can come before any more.
    pub(super) fn release(&mut self, take: impl FnMut(&Dissected)) {
        let last_step = self.sort();
        let section = self.held.get(last_step..).unwrap_or_default();
        let past = last_step + section.partition_point(|item| self.latest - item.time() > REORDER_WINDOW);
        let count = past.max(self.held.len().saturating_sub(MOST_HELD));
        self.give(count, take);
    }

    /// Gives all that is left to `take`: nothing comes any more.
    pub(super) fn finish(&mut self, take: impl FnMut(&Dissected)) {
        self.sort();
        self.give(self.held.len(), take);
    }

    fn give(&mut self, count: usize, take: impl FnMut(&Dissected)) {
        self.held.iter().take(count).for_each(take);
        self.held.drain(..count);
        self.ordered = self.held.len();
    }

    /// Sorts each section between two steps back; gives where the last one begins.
    fn sort(&mut self) -> usize {
        let (mut start, mut in_order) = (0, true);
        for at in self.ordered..self.held.len() {
            let Some(time) = self.held.get(at).map(Dissected::time) else { break };
            if time >= self.latest {
                self.latest = time;
            } else if self.latest - time <= REORDER_WINDOW {
                in_order = false;
            } else {
                if !in_order {
                    self.sort_section(start, at);
                }
                (start, in_order, self.latest) = (at, true, time);
            }
        }
        if !in_order {
            self.sort_section(start, self.held.len());
        }
        self.ordered = self.held.len();
        start
    }

    #[cold]
    fn sort_section(&mut self, start: usize, end: usize) {
        if let Some(section) = self.held.get_mut(start..end) {
            section.sort_by_key(Dissected::time);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;
    use crate::dissect::IcmpError;
    use crate::net::FourTuple;
    use crate::tcp::SeqNumber;
    use crate::time::TimeDelta;

    fn item((record, micros): (u64, i64)) -> Dissected {
        let (tuple, from_low) = FourTuple::v4([10, 0, 0, 1], [10, 0, 0, 2], (1, 2), 0);
        Dissected::IcmpError(IcmpError {
            record,
            time: Timestamp::from_nanos(micros * 1000),
            reporter: Ipv4Addr::LOCALHOST.into(),
            kind: 3,
            code: 3,
            v6: false,
            tuple,
            from_low,
            seq: SeqNumber(0),
        })
    }

    fn record(item: &Dissected) -> u64 {
        match item {
            Dissected::IcmpError(error) => error.record,
            _ => 0,
        }
    }

    /// Records, from 1, in the order in which they come out when record `n` has the `n`th of `times`.
    fn through(times: &[i64]) -> Vec<u64> {
        let (mut order, mut out) = (TimeOrder::default(), Vec::new());
        for place in (1..).zip(times.iter().copied()) {
            order.inlet().push(item(place));
            if order.is_full() {
                order.release(|item| out.push(record(item)));
            }
        }
        order.finish(|item| out.push(record(item)));
        out
    }

    #[test]
    fn neighbours_that_were_swapped_change_places() {
        assert_eq!(through(&[0, 2_000, 1_000, 3_000]), [1, 3, 2, 4]);
    }

    #[test]
    fn equal_times_keep_their_order() {
        assert_eq!(through(&[5, 5, 4, 5]), [3, 1, 2, 4]);
    }

    #[test]
    fn a_step_of_the_clock_keeps_the_order_of_the_file() {
        assert_eq!(through(&[0, 50_000, 20_000, 70_000, 69_000, 60_001]), [1, 2, 3, 6, 5, 4]);
    }

    #[test]
    fn sections_on_both_sides_of_a_step_are_sorted_apart() {
        assert_eq!(through(&[90_000, 89_000, 10_000, 9_000, 11_000]), [2, 1, 4, 3, 5]);
    }

    proptest! {
        #[test]
        fn everything_comes_out_once(times in prop::collection::vec(0..60_000_i64, 0..5000)) {
            let mut out = through(&times);
            out.sort_unstable();
            prop_assert_eq!(out, (1..=times.len() as u64).collect::<Vec<_>>());
        }

        #[test]
        fn jitter_within_the_window_is_undone(jitter in prop::collection::vec(0..10_000_i64, 0..5000)) {
            let times: Vec<i64> = (0..).zip(jitter).map(|(place, jitter): (i64, _)| place * 40 + jitter).collect();
            let out = through(&times);
            let sorted = out.iter().map(|&record| times[usize::try_from(record).unwrap() - 1]);
            prop_assert!(sorted.is_sorted());
            prop_assert!(REORDER_WINDOW == TimeDelta::from_millis(10));
        }
    }
}
