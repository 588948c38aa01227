//! `timeline.csv`: what happened, in time order, one row per event of a flow that has a finding.

use std::collections::BTreeSet;
use std::io::{self, Write};

use super::{csv_line, push_text};
use crate::diagnose::Finding;
use crate::digits::{push_number, push_number_cell};
use crate::flow::{Event, EventKind, Flow, replay};
use crate::incident::Incidents;
use crate::net::Sides;
use crate::report::Report;
use crate::report::holes::{Form, Hole, fill_all};
use crate::report::input::{InputFacts, Plan, Sources};
use crate::report::number::DateWriter;
use crate::report::spill::{SortKey, Sorter};
use crate::report::story::{Story, state_word};
use crate::survey::{Causes, Place};
use crate::time::Timestamp;

/// Writes `timeline.csv`. Flows are finished out of time order, so rows are held until the end, on disk when
/// they are many.
#[derive(Debug)]
pub struct TimelineCsv<W> {
    out: W,
    all: bool,
    sorter: Sorter,
    row: Vec<u8>,
    causes: Causes,
}

impl<W: Write> TimelineCsv<W> {
    /// Rows onto `out`, of flows with findings or of `all`.
    pub fn new(out: W, all: bool) -> Self {
        let sorter = Sorter::new(Sorter::DEFAULT_LIMIT);
        Self { out, all, sorter, row: Vec::new(), causes: Causes::default() }
    }

    fn push(&mut self, flow: &Flow, findings: &[Finding], place: Place) -> io::Result<()> {
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
            let shown = shown_by(findings, event);
            self.row.extend_from_slice(
                joined(shown.clone().map(|finding| finding.rule.code.to_owned())).as_bytes(),
            );
            self.row.push(b',');
            let incidents = shown.filter_map(|finding| Hole::incident_of(finding, place));
            self.row.extend_from_slice(joined(incidents.map(Hole::text)).as_bytes());
            self.row.push(b'\n');
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

    fn flow(&mut self, flow: &Flow, findings: &[Finding], sources: &Sources<'_>) -> io::Result<()> {
        if self.all || !findings.is_empty() { self.push(flow, findings, sources.place) } else { Ok(()) }
    }

    fn incidents(&mut self, incidents: &Incidents) -> io::Result<()> {
        self.causes = incidents.causes.clone();
        Ok(())
    }

    fn finish(&mut self, input: &InputFacts) -> io::Result<()> {
        let (out, row, causes) = (&mut self.out, &mut self.row, &self.causes);
        let mut dates = DateWriter::new();
        // The capture's start is known only now; both times are derived from the sort key.
        let mut start: Option<Timestamp> = input.first_time;
        self.sorter.drain(|key, rest| {
            row.clear();
            dates.push_cell(key.time, row);
            (key.time - *start.get_or_insert(key.time)).write_seconds(row);
            row.push(b',');
            let cells = row.len();
            fill_all(rest, causes, Form::Csv, row)?;
            name_each_once(row, cells);
            out.write_all(row)
        })?;
        self.out.flush()
    }
}

/// The findings that this event is evidence of.
fn shown_by<'a>(findings: &'a [Finding], event: &'a Event) -> impl Iterator<Item = &'a Finding> + Clone {
    let is_shown = |finding: &&Finding| {
        finding.evidence.records().iter().any(|(record, _)| record.record == event.at.record)
    };
    findings.iter().filter(is_shown)
}

fn joined(words: impl Iterator<Item = String>) -> String {
    words.collect::<Vec<_>>().join(" ")
}

/// Leaves each number in the last cell of a row once; that cell lies behind `from`.
fn name_each_once(row: &mut Vec<u8>, from: usize) {
    if row.ends_with(b",\n") {
        return;
    }
    let Some(comma) = row.get(from..).and_then(|cells| cells.iter().rposition(|&octet| octet == b',')) else {
        return;
    };
    let numbers = row.split_off(from + comma + 1);
    let numbers: BTreeSet<u64> = String::from_utf8_lossy(&numbers)
        .split_whitespace()
        .filter_map(|number| number.parse().ok())
        .collect();
    for (place, number) in numbers.into_iter().enumerate() {
        if place > 0 {
            row.push(b' ');
        }
        push_number(number, row);
    }
    row.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incident_is_named_once_by_an_event() {
        let told = |row: &str| {
            let mut row = row.as_bytes().to_vec();
            name_each_once(&mut row, 0);
            String::from_utf8(row).unwrap()
        };
        assert_eq!(told("a,FIN102 RST101,2 2\n"), "a,FIN102 RST101,2\n");
        assert_eq!(told("a,b,12  3\n"), "a,b,3 12\n");
        assert_eq!(told("a,b,\n"), "a,b,\n");
    }
}
