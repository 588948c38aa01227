//! What the capture could see: every flow folded into counts of bounded size, and what is known of the files.

use crate::flow::{Directions, Flow, FlowOutcome, Origin, PacketCopy, RecordRef};
use crate::net::{Endpoint, Role, Sides};
use crate::time::TimeDelta;

/// Flows named as examples.
const EXAMPLES: usize = 3;

/// The whole capture as the rules about the input judge it. The sums do not depend on the order of flows.
#[derive(Clone, Debug, Default)]
pub struct Sight {
    /// Flows added.
    pub flows: u64,
    /// Flows of which segments are missing, though both sides were captured.
    pub gaps: Affected,
    /// Sequence numbers that are missing in them: octets, SYN and FIN.
    pub missed: u64,
    /// Flows in which nothing of this side was captured although it sent.
    pub unseen: Sides<Affected>,
    /// Flows with segments of both sides.
    pub both_ways: u64,
    /// The directions of flows that are not finished yet.
    pub coming: Directions,
    /// Flows that began before the capture did.
    pub begun_before: Affected,
    /// Flows that had not ended when the capture did, as far as it can know.
    pub unfinished: Affected,
    /// What is known of the files.
    pub files: FileSight,
}

/// What is known of the capture files, besides their flows.
#[derive(Clone, Debug, Default)]
pub struct FileSight {
    /// Records that are further copies of a packet.
    pub copies: u64,
    /// The first of them.
    pub first_copy: Option<PacketCopy>,
    /// How the clock behaved.
    pub clock: ClockSight,
    /// One entry per file that is damaged, cut, or could not be read, in reading order.
    pub damages: Vec<DamageSight>,
    /// Records shorter than the frame was.
    pub clipped: u64,
    /// Those of them that lack a part of their headers, by what is missing.
    pub cut_headers: Vec<CutSight>,
    /// Frames that the capturing host says it dropped.
    pub dropped: u64,
    /// Where a file of a ring may be missing, in reading order.
    pub missing_files: Vec<MissingFile>,
}

/// How the capture's clock behaved. Records that are merely out of order are no steps.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClockSight {
    /// It was set back.
    pub back: Steps,
    /// It was set ahead, or nothing was captured for as long.
    pub ahead: Steps,
}

/// Steps of a clock in one direction.
#[derive(Clone, Copy, Debug, Default)]
pub struct Steps {
    /// How many.
    pub count: u64,
    /// The largest, without its sign.
    pub largest: TimeDelta,
    /// The first record after one.
    pub first: Option<RecordRef>,
}

/// A time without records between two files, longer than any within them.
#[derive(Clone, Copy, Debug, Default)]
pub struct MissingFile {
    /// The last record before it.
    pub before: RecordRef,
    /// The first record after it.
    pub after: RecordRef,
}

/// A file of which something could not be read.
#[derive(Clone, Debug, Default)]
pub struct DamageSight {
    /// What is wrong, as a sentence with the file's name.
    pub what: String,
    /// How many more places of the file are damaged.
    pub more: u64,
    /// The last whole record before the damage, over the whole input; `None` when there is none.
    pub before: Option<u64>,
}

/// Records whose headers were cut in one way.
#[derive(Clone, Copy, Debug, Default)]
pub struct CutSight {
    /// Where the cut is, e.g. `before the TCP flags`.
    pub place: &'static str,
    /// How many.
    pub count: u64,
    /// The first of them, over the whole input.
    pub first_record: u64,
}

/// Flows that something is true of: how many, and the first ones.
#[derive(Clone, Debug, Default)]
pub struct Affected {
    /// How many.
    pub flows: u64,
    /// The first ones by first record.
    pub examples: Vec<Example>,
}

/// One flow by its name and first segment.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// Its first segment; the record's number is the flow's name.
    pub first: RecordRef,
    /// Initiator and responder.
    pub ends: (Endpoint, Endpoint),
}

/// What may have kept the capture from seeing what a rule misses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Doubts {
    /// Frames that the capturing host says it dropped.
    pub dropped: u64,
    /// No flow was captured in both directions, and some show that they had two.
    pub one_way: bool,
    /// The clock was set: what lasts to the end of the capture may seem longer than it is.
    pub clock_stepped: bool,
    /// The first record after the last place at which a file may be missing; 0 for none.
    pub missing_until: u64,
}

impl Doubts {
    /// Why something that did not happen after the record `since` may only not have been captured.
    pub fn absence(&self, since: RecordRef) -> Option<&'static str> {
        if self.dropped > 0 {
            Some("the capturing host dropped frames")
        } else if self.one_way {
            Some("only one direction was captured")
        } else {
            (since.record < self.missing_until).then_some("a capture file may be missing")
        }
    }

    /// Why what lasts to the end of the capture may have lasted less.
    pub fn duration(&self) -> Option<&'static str> {
        self.clock_stepped.then_some("the clock was set while capturing")
    }
}

impl Sight {
    /// Adds one finished flow.
    pub fn add(&mut self, flow: &Flow) {
        self.flows += 1;
        let Sides { initiator, responder } = &flow.traffic;
        if initiator.packets > 0 && responder.packets > 0 {
            self.both_ways += 1;
        }
        for role in Role::BOTH {
            let side = &flow.traffic[role];
            if side.unseen {
                self.unseen[role].add(flow);
            }
        }
        if initiator.gap && initiator.packets > 0 || responder.gap && responder.packets > 0 {
            self.gaps.add(flow);
            let missed = [initiator, responder].into_iter().filter(|side| side.packets > 0);
            self.missed += missed.map(|side| side.missed).sum::<u64>();
        }
        if is_stray(flow) {
            return;
        }
        if flow.origin == Origin::Midstream {
            self.begun_before.add(flow);
        }
        let may_end_unseen =
            Role::BOTH.into_iter().any(|role| flow.traffic[role].gap || flow.traffic[role].unseen);
        if !may_end_unseen && !flow.evicted && !is_over(flow) {
            self.unfinished.add(flow);
        }
    }

    /// What rules must not rely on, as far as the flows added so far and the files tell.
    pub fn doubts(&self) -> Doubts {
        let one_way = self.unseen.initiator.flows + self.unseen.responder.flows + self.coming.one_way;
        let both_ways = self.both_ways + self.coming.both_ways;
        let one_way = Directions { both_ways, one_way }.are_one_way();
        let FileSight { dropped, clock, missing_files, .. } = &self.files;
        Doubts {
            dropped: *dropped,
            one_way,
            clock_stepped: clock.back.count + clock.ahead.count > 0,
            missing_until: missing_files.iter().map(|gap| gap.after.record).max().unwrap_or(0),
        }
    }
}

impl Affected {
    fn add(&mut self, flow: &Flow) {
        self.flows += 1;
        let place = self.examples.partition_point(|example| example.first.record < flow.first.record);
        if place < EXAMPLES {
            let example = Example { first: flow.first, ends: (flow.initiator, flow.responder) };
            self.examples.insert(place, example);
            self.examples.truncate(EXAMPLES);
        }
    }
}

/// A RST of which no connection is known.
fn is_stray(flow: &Flow) -> bool {
    flow.origin == Origin::Midstream
        && flow.resets.first().is_some_and(|reset| reset.at.record == flow.first.record)
}

/// Nothing more was to be expected of the connection.
fn is_over(flow: &Flow) -> bool {
    use FlowOutcome::{HalfClosed, Open, OpenStalled, OpenUnacked, OpenUnanswered, Undecided};
    match flow.outcome {
        Open | OpenStalled | OpenUnacked | OpenUnanswered | HalfClosed => false,
        Undecided => flow.reset().is_some() || Role::BOTH.into_iter().all(|role| flow.fin[role].is_some()),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::testing::Story;

    #[test]
    fn examples_are_the_first_flows_whatever_the_order() {
        let flow = |record| {
            let mut flow = Story::connected().flow(FlowOutcome::Open);
            flow.first.record = record;
            flow
        };
        let examples = |records: [u64; 5]| {
            let mut sight = Sight::default();
            for record in records {
                sight.add(&flow(record));
            }
            let examples = sight.unfinished.examples.iter().map(|example| example.first.record);
            (sight.unfinished.flows, examples.collect::<Vec<_>>())
        };
        assert_eq!(examples([9, 5, 7, 1, 3]), (5, vec![1, 3, 5]));
        assert_eq!(examples([1, 3, 5, 7, 9]), examples([9, 5, 7, 1, 3]));
    }

    #[test]
    fn one_flow_seen_both_ways_shows_that_both_directions_pass_the_capture_point() {
        let mut sight = Sight::default();
        let mut flow = Story::connected().flow(FlowOutcome::Undecided);
        flow.traffic.responder.packets = 0;
        flow.traffic.responder.unseen = true;
        sight.add(&flow);
        assert!(sight.doubts().one_way);
        sight.add(&Story::clean());
        assert!(!sight.doubts().one_way);
    }

    #[test]
    fn a_silent_responder_is_no_direction_that_is_missing() {
        let mut sight = Sight::default();
        sight.add(&Story::syn().flow(FlowOutcome::SynUnanswered));
        assert_eq!(sight.doubts(), Doubts::default());
    }
}
