//! Puts what several parts of the table finished into one order.

use std::sync::mpsc;

use super::following::FlowSight;
use super::messages::{Followed, JudgedOutlet};
use super::numbers::Numbers;
use crate::flow::{Event, Finished, Flow, Judge, TableStats, Turn};
use crate::threads::Receiver;

/// The flows of all parts, in the order in which one table would have finished them.
pub(super) struct Merging {
    parts: Vec<Part>,
    numbers: Numbers,
}

/// What comes from one part.
struct Part {
    from: Receiver<Followed>,
    finished: Finished,
    spent: mpsc::Sender<Finished>,
    /// It has told that the input has ended, and waits for the others to do so.
    sight: Option<Box<FlowSight>>,
    /// It has told all.
    stats: Option<TableStats>,
}

/// What comes next.
pub(super) enum Next {
    /// The next flow: in this part.
    Flow(usize),
    /// The input has ended; flows that follow are those it finishes.
    Sight(FlowSight),
    /// All flows were told.
    End(TableStats),
    /// A part ended without an end of the input.
    Broken,
}

impl Merging {
    /// Of parts that send what they finished, and take back what was emptied.
    pub(super) fn new(parts: Vec<(Receiver<Followed>, mpsc::Sender<Finished>)>) -> Self {
        let numbers = Numbers::new(parts.len());
        let part =
            |(from, spent)| Part { from, finished: Finished::default(), spent, sight: None, stats: None };
        Self { parts: parts.into_iter().map(part).collect(), numbers }
    }

    /// Waits for what comes next; tells `judged` whenever a part has handed something over.
    pub(super) fn next(&mut self, judged: &mut JudgedOutlet) -> Next {
        loop {
            let first =
                (0..).zip(&self.parts).filter_map(|(place, part)| Some((part.finished.next_turn()?, place)));
            let first: Option<(Turn, usize)> = first.min();
            let until = first.map_or(u64::MAX, |((place, ..), _)| place);
            // The one that is furthest behind: another one's news may have to wait for room until it was heard.
            let behind = self.parts.iter_mut().enumerate().filter(|(_, part)| part.may_come_before(until));
            let behind = behind.min_by_key(|(_, part)| part.finished.place());
            match (behind, first) {
                (Some((number, part)), _) => {
                    if !part.receive() || !judged.tick() {
                        return Next::Broken;
                    }
                    self.numbers.note(number, part.finished.take_begun());
                    let settled = self.parts.iter().map(|part| part.finished.place()).min();
                    self.numbers.settle(settled.unwrap_or_default());
                }
                (None, Some(((place, ..), part))) => {
                    // It may have begun where it had to leave.
                    self.numbers.settle(place);
                    return Next::Flow(part);
                }
                (None, None) => return self.turn_of_the_input(),
            }
        }
    }

    /// Judges the flow that [`Self::next`] named, and hands it to `tell`, which gives back memory for events.
    pub(super) fn judge(&mut self, part: usize, judge: &mut Judge, tell: impl FnOnce(Flow) -> Vec<Event>) {
        let Self { parts, numbers } = self;
        if let Some(of) = parts.get_mut(part) {
            judge.judge_first(&mut of.finished, |number| numbers.of(part, number), tell);
        }
    }

    /// No flow is left before the input ends, or none at all.
    fn turn_of_the_input(&mut self) -> Next {
        let sights = self.parts.iter_mut().filter_map(|part| part.sight.take());
        if let Some(sight) = sights.map(|sight| *sight).reduce(|sum, sight| sum.joined(&sight)) {
            return Next::Sight(sight);
        }
        let stats = self.parts.iter().filter_map(|part| part.stats);
        Next::End(stats.fold(TableStats::default(), TableStats::joined))
    }
}

impl Part {
    /// Nothing of it is here that was finished until the place `until`, and something may come.
    fn may_come_before(&self, until: u64) -> bool {
        let waits = self.sight.is_some() || self.stats.is_some();
        self.finished.is_empty() && !waits && (self.finished.place() < until || until == u64::MAX)
    }

    /// Waits for more; false when nothing comes any more though it should.
    fn receive(&mut self) -> bool {
        match self.from.receive() {
            Some(Followed::Flows(finished)) => {
                let spent = std::mem::replace(&mut self.finished, finished);
                // Following may have ended.
                let _ = self.spent.send(spent);
            }
            Some(Followed::Sight(sight)) => self.sight = Some(sight),
            Some(Followed::End(stats)) => self.stats = Some(stats),
            None => return false,
        }
        true
    }
}
