//! Octets through the whole program: read, judged, told by every report. What comes out is held to account.

use std::collections::BTreeSet;
use std::io::{self, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use closewait::capture::Input;
use closewait::diagnose::Finding;
use closewait::flow::Flow;
use closewait::report::{
    DotReport, FindingsCsv, FlowsCsv, JsonReport, MarkdownReport, Order, Paint, Report, Reports, TextOptions,
    TextReport, TimelineCsv, TimelineText, write_ladder,
};
use closewait::{Analysis, Partial};

use super::laws::makes_sense;
use super::outcome::packets;

/// The least octets of a capture that can hold a record: a block of pcapng without content.
const LEAST_RECORD: u64 = 12;
/// Octets that a read brings at least, on average. The source never gives fewer than were asked for.
const LEAST_READ: u64 = 1024;

/// What every report wrote.
#[derive(Default)]
pub struct Pages {
    flows: Vec<u8>,
    by_start: Vec<u8>,
    findings: Vec<u8>,
    timeline: Vec<u8>,
    json: Vec<u8>,
    text: Vec<u8>,
    ticket: Vec<u8>,
    graph: Vec<u8>,
    lines: Vec<u8>,
    ladders: Vec<u8>,
}

/// Runs `content`, a capture or not, through everything; panics where something does not add up.
pub fn hold(content: &[u8]) -> (closewait::Outcome, Pages) {
    let reads = Arc::new(AtomicU64::new(0));
    let source = Counting { content: Cursor::new(content.to_vec()), reads: Arc::clone(&reads) };
    let mut pages = Pages::default();
    let mut told = Vec::new();
    let input = Input::from_reader("mutant", source);
    let outcome = pages.write(&mut told, |reports| Analysis::new().run(input, reports).unwrap());
    let length = content.len() as u64;
    assert!(reads.load(Ordering::Relaxed) <= length / LEAST_READ + 16, "reads of {length} octets");
    if !is_packed(content) {
        assert!(outcome.input.records <= length / LEAST_RECORD, "records of {length} octets");
    }
    hold_accounts(&outcome, &told);
    for (flow, findings) in &told {
        makes_sense(flow, findings).unwrap();
    }
    pages.hold(&outcome);
    (outcome, pages)
}

/// Read apart and joined, `content` yields the same pages; and so it does in a second run, which has another hash key.
pub fn hold_again(content: &[u8], pages: &Pages) {
    let input = |content: &[u8]| Input::from_reader("mutant", Cursor::new(content.to_vec()));
    let (mut again, mut joined, mut told) = (Pages::default(), Pages::default(), Vec::new());
    again.write(&mut told, |reports| Analysis::new().run(input(content), reports).unwrap());
    again.equal(pages, "run again");
    let partial = Partial::read(input(content));
    joined.write(&mut told, |reports| Analysis::new().run_joined(partial, reports).unwrap());
    joined.equal(pages, "read apart");
}

fn is_packed(content: &[u8]) -> bool {
    content.starts_with(&[0x1f, 0x8b])
        || content.starts_with(&[0x28, 0xb5])
        || content.get(1..4) == Some(&[0x2a, 0x4d, 0x18])
}

fn hold_accounts(outcome: &closewait::Outcome, told: &[(Flow, Vec<Finding>)]) {
    let (input, table) = (&outcome.input, outcome.table);
    let skipped: u64 = input.skipped.iter().map(|skipped| skipped.count).sum();
    assert_eq!(input.records, input.segments + skipped, "every record is a segment or has a reason");
    assert_eq!(input.records, input.files.iter().map(|file| file.records).sum::<u64>());
    assert_eq!(input.segments, table.segments);
    let kept: u64 = told.iter().map(|(flow, _)| packets(flow)).sum();
    assert_eq!(table.segments, kept + table.copies + table.late, "{table:?}");
    assert_eq!((outcome.flows, table.flows), (told.len() as u64, told.len() as u64));
    assert_eq!(outcome.outcomes.iter().map(|(_, count)| count).sum::<u64>(), outcome.flows);
    let ids: BTreeSet<u64> = told.iter().map(|(flow, _)| flow.id).collect();
    assert_eq!(ids.len(), told.len(), "flows are told once");
    // Some blocks hold no packet and have a number.
    let numbers = input.records + outcome.files.iter().map(|file| file.blocks_numbered).sum::<u64>();
    assert!(ids.last().is_none_or(|last| *last <= numbers));
    let of_flows: usize = told.iter().map(|(_, findings)| findings.len()).sum();
    let findings = of_flows + outcome.input_findings.len();
    assert_eq!(outcome.findings.iter().sum::<u64>(), findings as u64);
}

impl Pages {
    fn write<T>(
        &mut self,
        told: &mut Vec<(Flow, Vec<Finding>)>,
        run: impl FnOnce(&mut dyn Report) -> T,
    ) -> T {
        let ladders = &mut self.ladders;
        let mut reports = Reports(vec![
            Box::new(FlowsCsv::new(&mut self.flows, Order::Finished)),
            Box::new(FlowsCsv::new(&mut self.by_start, Order::Start)),
            Box::new(FindingsCsv::new(&mut self.findings)),
            Box::new(TimelineCsv::new(&mut self.timeline, true)),
            Box::new(JsonReport::new(&mut self.json)),
            Box::new(TextReport::new(&mut self.text, TextOptions::default())),
            Box::new(MarkdownReport::new(&mut self.ticket)),
            Box::new(DotReport::new(&mut self.graph)),
            Box::new(TimelineText::new(&mut self.lines, true, 80)),
            Box::new(move |flow: &Flow, findings: &[Finding]| {
                write_ladder(flow, findings, 80, Paint::default(), ladders).unwrap();
                told.push((flow.clone(), findings.to_vec()));
            }),
        ]);
        run(&mut reports)
    }

    fn equal(&self, other: &Self, how: &str) {
        let all = |pages: &Self| {
            let Self { flows, by_start, findings, timeline, json, text, ticket, graph, lines, ladders } =
                pages;
            [flows, by_start, findings, timeline, json, text, ticket, graph, lines, ladders]
                .map(|page| String::from_utf8_lossy(page).into_owned())
        };
        for (ours, theirs) in all(self).iter().zip(&all(other)) {
            let differ = ours.lines().zip(theirs.lines()).find(|(ours, theirs)| ours != theirs);
            assert!(ours == theirs, "{how}: {differ:?}");
        }
    }

    fn hold(&self, outcome: &closewait::Outcome) {
        assert_eq!(rows(&self.flows), outcome.flows);
        assert_eq!(rows(&self.by_start), outcome.flows);
        assert_eq!(rows(&self.findings), outcome.findings.iter().sum::<u64>());
        rows(&self.timeline);
        let json: serde_json::Value = serde_json::from_slice(&self.json).unwrap();
        assert_eq!(json["flows"].as_array().unwrap().len() as u64, outcome.flows);
        hold_incidents(&json);
        assert!(self.ticket.len() < 60_000, "{} octets for a ticket", self.ticket.len());
        for page in [&self.text, &self.lines, &self.ladders, &self.ticket, &self.graph] {
            let text = std::str::from_utf8(page).unwrap();
            assert!(!text.contains(|letter: char| letter != '\n' && letter.is_control()), "{text:?}");
        }
    }
}

/// Whoever is named in a document is told of in it.
fn hold_incidents(json: &serde_json::Value) {
    let all = |value: &serde_json::Value| value.as_array().unwrap().clone();
    let incidents: BTreeSet<u64> =
        all(&json["incidents"]).iter().map(|it| it["id"].as_u64().unwrap()).collect();
    let flows: BTreeSet<u64> = all(&json["flows"]).iter().map(|it| it["flow"].as_u64().unwrap()).collect();
    for flow in all(&json["flows"]) {
        let releaser = &flow["released_by"];
        assert!(releaser.is_null() || flows.contains(&releaser.as_u64().unwrap()), "{releaser}");
        for finding in all(&flow["findings"]).iter().chain(&all(&json["parties"])) {
            let incident = &finding["incident"];
            assert!(incident.is_null() || incidents.contains(&incident.as_u64().unwrap()), "{incident}");
        }
    }
}

/// Rows of a CSV file below its head, all of one width.
fn rows(content: &[u8]) -> u64 {
    let mut rows = 0;
    for row in csv::Reader::from_reader(content).byte_records() {
        row.unwrap();
        rows += 1;
    }
    rows
}

struct Counting {
    content: Cursor<Vec<u8>>,
    reads: Arc<AtomicU64>,
}

impl Read for Counting {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.content.read(out)
    }
}
