//! Connections of one client host toward one service that neither side had closed when the capture ended.

use super::curve::Curve;
use super::least::Least;
use super::marks::Marks;
use crate::flow::{Flow, Origin, RecordRef};
use crate::report::summary::Spread;
use crate::time::{TimeDelta, Timestamp};

/// Flows named as examples.
const EXAMPLES: usize = 3;
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

/// Connections that were open when the capture ended.
#[derive(Debug, Default)]
pub struct Standing {
    /// How many.
    pub count: u64,
    /// Of these, how many wait for an answer.
    pub waiting: u64,
    /// Of these, how many carried octets in the capture.
    pub used: u64,
    /// How long each had been idle when the capture ended.
    pub idle: Spread,
    /// When something was last done on each; and when, as far as it is known, before.
    pub activity: Marks,
    /// Of those whose beginning was captured: how many.
    fresh: u64,
    /// The same that carried so many exchanges in one go, all answered, and nothing after.
    by_exchanges: [u64; MOST_EXCHANGES + 1],
    /// From the beginning to the last octets of each.
    busy: Curve,
    busy_time: TimeDelta,
    /// When the first and the last was asked for.
    opened: Option<(RecordRef, RecordRef)>,
    /// The first flows.
    examples: Least<u64, EXAMPLES>,
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
        self.count += 1;
        self.waiting += u64::from(flow.unanswered_octets > 0);
        self.used += u64::from(flow.last_talker.is_some());
        let (start, active) = (flow.first, flow.active.time);
        self.idle.add((flow.decided - active).max(TimeDelta::ZERO));
        self.examples.add(flow.id);
        // Between the beginning and the last pause there may have been others.
        match flow.pause {
            Some(pause) => {
                self.activity.add(start.time);
                self.activity.add(pause.from.time);
                self.activity.add_stretch(pause.until.time, active);
            }
            None => self.activity.add_stretch(start.time, active),
        }
        if flow.origin == Origin::Handshake {
            self.add_fresh(flow);
        }
    }

    fn add_fresh(&mut self, flow: &Flow) {
        let (start, active) = (flow.first, flow.active.time);
        self.fresh += 1;
        self.busy.add(start.time, Some(active));
        self.busy_time = self.busy_time + (active - start.time).max(TimeDelta::ZERO);
        let by_time = |at: &RecordRef| (at.time, at.record);
        let (first, last) = self.opened.unwrap_or((start, start));
        self.opened = Some((first.min_by_key(start, by_time), last.max_by_key(start, by_time)));
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
        self.examples.tidy();
    }

    /// When something was last done on any of them.
    pub fn last_active(&self) -> Option<Timestamp> {
        self.activity.last()
    }

    /// When the first and the last of those was asked for whose beginning was captured.
    pub const fn opened(&self) -> Option<(RecordRef, RecordRef)> {
        self.opened
    }

    /// The first flows.
    pub fn examples(&self) -> &[u64] {
        self.examples.items()
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
        let (exchanges, &count) =
            self.by_exchanges.iter().enumerate().skip(1).max_by_key(|(exchanges, count)| (**count, usize::MAX - exchanges))?;
        let is_habit = count >= if exchanges == 1 { FEW } else { FEW_OF_SEVERAL };
        let is_all = count * 10 >= self.fresh * 9;
        let is_surplus = || count >= SURPLUS * self.busy.peak().level;
        let is_fill = (last.time - first.time).nanos() < self.busy_time.nanos().saturating_mul(2);
        let holds = is_habit && is_all && (count >= BEYOND_ANY_FILL || !is_fill) && is_surplus();
        holds.then_some(Unshared { count, exchanges: exchanges as u64, first, last })
    }
}
