//! `timeline.csv`: what happened, in time order, one row per event of a flow that has a finding.

use std::io::{self, Write};

use super::{csv_line, push_text};
use crate::diagnose::Finding;
use crate::digits::{push_number, push_number_cell};
use crate::flow::{Event, EventKind, Flow, replay};
use crate::net::Sides;
use crate::report::Report;
use crate::report::input::{InputFacts, Plan, Sources};
use crate::report::number::DateWriter;
use crate::report::spill::{SortKey, Sorter};
use crate::report::story::{Story, state_word};
use crate::time::Timestamp;

/// Writes `timeline.csv`. Flows are finished out of time order, so rows are held until the end, on disk when
/// they are many.
#[derive(Debug)]
pub struct TimelineCsv<W> {
    out: W,
    all: bool,
    sorter: Sorter,
    row: Vec<u8>,
}

impl<W: Write> TimelineCsv<W> {
    /// Rows onto `out`, of flows with findings or of `all`.
    pub fn new(out: W, all: bool) -> Self {
        Self { out, all, sorter: Sorter::new(Sorter::DEFAULT_LIMIT), row: Vec::new() }
    }

    fn push(&mut self, flow: &Flow, findings: &[Finding]) -> io::Result<()> {
        let mut story = Story::new(flow);
        let names = Sides { initiator: flow.initiator.to_string(), responder: flow.responder.to_string() };
        for step in replay(flow) {
            let Some(event) = flow.events.get(step.event) else { continue };
            let line = story.tell(&step, event);
            self.row.clear();
            push_number_cell(flow.id, &mut self.row);
            push_number_cell(flow.stream, &mut self.row);
            push_number(event.at.record, &mut self.row);
            // An ICMP error comes from neither endpoint.
            let from_network = event.kind == EventKind::IcmpError;
            let actor = if from_network { "network" } else { event.from.as_str() };
            let state = if from_network { String::new() } else { state_word(step.after[event.from]) };
            let (endpoint, peer) = (&names[event.from], &names[!event.from]);
            for cell in [actor, endpoint, peer, &line.event, &state, &line.detail] {
                self.row.push(b',');
                push_text(cell, &mut self.row)?;
            }
            self.row.push(b',');
            self.row.extend_from_slice(codes(findings, event).as_bytes());
            self.row.extend_from_slice(b",\n");
            let key = SortKey { time: event.at.time, flow: flow.id, record: event.at.record };
            self.sorter.push(key, &self.row)?;
        }
        Ok(())
    }
}

const COLUMNS: &str =
    "time,since_start_s,flow,stream,record,actor,endpoint,peer,event,state,detail,finding,incident";

impl<W: Write> Report for TimelineCsv<W> {
    fn begin(&mut self, _: &Plan) -> io::Result<()> {
        self.out.write_all(&csv_line(COLUMNS.split(','))?)
    }

    fn flow(&mut self, flow: &Flow, findings: &[Finding], _: &Sources<'_>) -> io::Result<()> {
        if self.all || !findings.is_empty() { self.push(flow, findings) } else { Ok(()) }
    }

    fn finish(&mut self, input: &InputFacts) -> io::Result<()> {
        let (out, row) = (&mut self.out, &mut self.row);
        let mut dates = DateWriter::new();
        // The capture's start is known only now; both times are derived from the sort key.
        let mut start: Option<Timestamp> = input.first_time;
        self.sorter.drain(|key, rest| {
            row.clear();
            dates.push_cell(key.time, row);
            (key.time - *start.get_or_insert(key.time)).write_seconds(row);
            row.push(b',');
            out.write_all(row)?;
            out.write_all(rest)
        })?;
        self.out.flush()
    }
}

/// The findings that this event is evidence of.
fn codes(findings: &[Finding], event: &Event) -> String {
    let shown_by = |finding: &&Finding| {
        finding.evidence.records().iter().any(|(record, _)| record.record == event.at.record)
    };
    findings.iter().filter(shown_by).map(|finding| finding.rule.code).collect::<Vec<_>>().join(" ")
}
