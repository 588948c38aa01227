//! Puts what was captured a little out of time into order.
//!
//! A capture that several queues or interfaces feed holds records that run backwards by up to some milliseconds. An
//! ACK before the data it acknowledges, or a RST before the FIN it answers, would be read as something else. A step
//! back by more is the clock's, and there the order of the file is the better witness.
//!
//! So it is where the times are made up, as in files written by a program: there a segment may acknowledge what, by
//! its time, comes after it. Each pair of segments that are out of order and of which one acknowledges the other
//! tells which of both orders is right, and the majority of them decides.

use crate::capture::REORDERING;
use crate::dissect::Dissected;
use crate::tcp::Segment;
use crate::time::Timestamp;

/// Most that is held back for what may still come before it: bounds memory where many come within the window.
const MOST_HELD: usize = 1024;
/// How far back in the file the counterpart of a segment out of order is looked for.
const NEAR: usize = 16;
/// Room for what is held back and as much again, so that moving it costs one move each.
const ROOM: usize = 2 * MOST_HELD;

/// What was dissected, on its way into the order of time.
///
/// What is put in comes out once, later, sorted by time; equal times keep their order. Where time steps back by more
/// than [`REORDERING`], all before the step comes out before all behind it. Where TCP has contradicted the times more
/// often than borne them out, the order of the file stays.
#[derive(Debug)]
pub(super) struct TimeOrder {
    held: Vec<Dissected>,
    /// How many of `held` are in order.
    ordered: usize,
    /// The latest time since the last step back.
    latest: Timestamp,
    /// Pairs of segments that show the order of times to be right, less those that show it to be wrong.
    trust: i64,
}

impl Default for TimeOrder {
    fn default() -> Self {
        Self { held: Vec::with_capacity(ROOM), ordered: 0, latest: Timestamp::MIN, trust: 0 }
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
        let past = last_step + section.partition_point(|item| self.latest - item.time() > REORDERING);
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
        if self.follow() {
            return 0;
        }
        let (mut start, mut in_order) = (0, true);
        for at in self.ordered..self.held.len() {
            let Some(time) = self.held.get(at).map(Dissected::time) else { break };
            if time >= self.latest {
                self.latest = time;
            } else if self.latest - time <= REORDERING {
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

    /// Passes over what is new as long as it is segments in order, nearly always all of it; true when it is.
    fn follow(&mut self) -> bool {
        let fresh = self.held.get(self.ordered..).unwrap_or_default();
        let (mut latest, mut count) = (self.latest, 0);
        for item in fresh {
            match item {
                Dissected::Segment(segment) if segment.time >= latest => latest = segment.time,
                _ => break,
            }
            count += 1;
        }
        let all = count == fresh.len();
        self.ordered += count;
        self.latest = latest;
        all
    }

    #[cold]
    fn sort_section(&mut self, start: usize, end: usize) {
        let Some(section) = self.held.get_mut(start..end) else { return };
        self.trust += evidence(section);
        if self.trust >= 0 {
            section.sort_by_key(Dissected::time);
        }
    }
}

/// Pairs out of order of which the one with the earlier time is acknowledged by the other, less those of which it
/// acknowledges the other.
fn evidence(section: &[Dissected]) -> i64 {
    let mut evidence = 0;
    for (at, found) in section.iter().enumerate() {
        let Dissected::Segment(last) = found else { continue };
        for before in section.get(at.saturating_sub(NEAR)..at).unwrap_or_default() {
            if let Dissected::Segment(first) = before
                && first.time > last.time
            {
                evidence += i64::from(acknowledges(first, last)) - i64::from(acknowledges(last, first));
            }
        }
    }
    evidence
}

fn acknowledges(answer: &Segment, segment: &Segment) -> bool {
    answer.flags.ack()
        && segment.sequence_length() > 0
        && answer.ack == segment.end()
        && answer.from_low != segment.from_low
        && answer.tuple == segment.tuple
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

    /// Segments that acknowledge nothing, and some errors among them.
    fn item((record, micros): (u64, i64)) -> Dissected {
        let (tuple, from_low) = FourTuple::v4([10, 0, 0, 1], [10, 0, 0, 2], (1, 2), 0);
        if !record.is_multiple_of(50) {
            let [segment, _] = request_and_ack(micros, micros);
            let Dissected::Segment(segment) = segment else { unreachable!("it was made a segment") };
            return Dissected::Segment(Segment { record, octets: 0, ..segment });
        }
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
            Dissected::Segment(segment) => segment.record,
            Dissected::Skipped => 0,
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

    /// A request and its acknowledgement, recorded at these times, in microseconds.
    fn request_and_ack(request: i64, ack: i64) -> [Dissected; 2] {
        let segment = |record, micros: i64, from_client: bool, octets| {
            let (ends, ports) = (([10, 0, 0, 1], [10, 0, 0, 2]), (1, 2));
            let (tuple, from_low) = if from_client {
                FourTuple::v4(ends.0, ends.1, ports, 0)
            } else {
                FourTuple::v4(ends.1, ends.0, (ports.1, ports.0), 0)
            };
            Dissected::Segment(Segment {
                record,
                time: Timestamp::from_nanos(micros * 1000),
                seq: SeqNumber(if from_client { 100 } else { 7 }),
                ack: SeqNumber(if from_client { 7 } else { 110 }),
                octets,
                ..Segment::plain((tuple, from_low))
            })
        };
        [segment(1, request, true, 10), segment(2, ack, false, 0)]
    }

    fn records_of(found: &[Dissected]) -> Vec<u64> {
        let (mut order, mut out) = (TimeOrder::default(), Vec::new());
        order.inlet().extend_from_slice(found);
        order.finish(|item| out.push(record(item)));
        out
    }

    #[test]
    fn an_ack_recorded_before_its_segment_is_put_behind_it() {
        let [request, ack] = request_and_ack(1000, 1100);
        assert_eq!(records_of(&[ack, request]), [1, 2]);
    }

    #[test]
    fn times_that_tcp_does_not_allow_are_not_followed() {
        let [request, ack] = request_and_ack(1100, 1000);
        assert_eq!(records_of(&[request, ack]), [1, 2]);
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
            prop_assert!(REORDERING == TimeDelta::from_millis(10));
        }
    }
}
