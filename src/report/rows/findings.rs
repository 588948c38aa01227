//! `findings.csv`: one row per finding.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

use serde::Serialize;

use crate::diagnose::{Finding, InputFinding};
use crate::flow::Flow;
use crate::incident::Incidents;
use crate::report::Report;
use crate::report::escape::for_spreadsheet;
use crate::report::holes::{Form, Held, Hole};
use crate::report::input::{InputFacts, Plan, Sources};
use crate::survey::Causes;
use crate::time::TimeDelta;

/// Writes `findings.csv`. To which incident a finding belongs is known once all flows are, so rows are held until then, on
/// disk when they are many.
pub struct FindingsCsv<W: Write> {
    rows: csv::Writer<Shared<W>>,
    /// Where rows go.
    out: Shared<W>,
    causes: Causes,
}

impl<W: Write> FindingsCsv<W> {
    /// Rows onto `out`.
    pub fn new(out: W) -> Self {
        let out = Shared(Rc::new(RefCell::new(Held::new(out, Form::Csv))));
        let rows = csv::WriterBuilder::new().has_headers(false).from_writer(out.clone());
        Self { rows, out, causes: Causes::default() }
    }
}

/// What the `csv` crate's writer keeps to itself, and whoever fills holes needs as well.
struct Shared<W>(Rc<RefCell<Held<W>>>);

impl<W> Clone for Shared<W> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<W: Write> Write for Shared<W> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(text)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.borrow_mut().flush()
    }
}

impl<W: Write> Report for FindingsCsv<W> {
    fn begin(&mut self, _: &Plan) -> io::Result<()> {
        Ok(self.rows.write_record(COLUMNS.split(','))?)
    }

    fn flow(&mut self, flow: &Flow, findings: &[Finding], sources: &Sources<'_>) -> io::Result<()> {
        for finding in findings {
            self.rows.serialize(Row::of(flow, finding, sources))?;
        }
        Ok(())
    }

    fn incidents(&mut self, incidents: &Incidents) -> io::Result<()> {
        self.rows.flush()?;
        self.causes = incidents.causes.clone();
        self.out.0.borrow_mut().release(&self.causes)
    }

    fn input(&mut self, findings: &[InputFinding], sources: &Sources<'_>) -> io::Result<()> {
        for finding in findings {
            self.rows.serialize(Row::of_input(finding, &self.causes, sources))?;
        }
        Ok(())
    }

    fn finish(&mut self, _: &InputFacts) -> io::Result<()> {
        self.rows.flush()?;
        self.out.0.borrow_mut().finish()
    }
}

const COLUMNS: &str =
    "code,severity,certainty,title,flow,endpoint,start,duration_s,summary,records,filter,incident";

#[derive(Serialize)]
struct Row {
    code: &'static str,
    severity: &'static str,
    certainty: &'static str,
    title: &'static str,
    /// Empty for a finding that is not about one flow.
    flow: Option<u64>,
    /// Empty for a finding about the input.
    endpoint: String,
    start: String,
    duration_s: String,
    summary: String,
    records: String,
    filter: String,
    incident: String,
}

impl Row {
    fn of(flow: &Flow, finding: &Finding, sources: &Sources<'_>) -> Self {
        Self {
            code: finding.rule.code,
            severity: finding.severity.as_str(),
            certainty: finding.certainty.as_str(),
            title: finding.rule.title,
            flow: Some(finding.flow),
            endpoint: finding.endpoint.to_string(),
            start: finding.start.to_string(),
            duration_s: seconds(finding.lasted),
            summary: for_spreadsheet(&finding.summary(flow)).into_owned(),
            records: joined(records(finding)),
            filter: display_filter(finding, sources),
            incident: Hole::incident_of(finding, sources.place).map_or_else(String::new, Hole::text),
        }
    }

    fn of_input(finding: &InputFinding, causes: &Causes, sources: &Sources<'_>) -> Self {
        let incident = finding.party.and_then(|party| causes.incident_about(party, finding.rule.number()));
        Self {
            code: finding.rule.code,
            severity: finding.severity.as_str(),
            certainty: finding.certainty.as_str(),
            title: finding.rule.title,
            flow: None,
            endpoint: finding.party.map_or_else(String::new, |party| party.to_string()),
            start: finding.start.map_or_else(String::new, |start| start.to_string()),
            duration_s: seconds(finding.lasted),
            summary: for_spreadsheet(&finding.summary).into_owned(),
            records: joined(input_records(finding)),
            filter: input_filter(finding, sources),
            incident: incident.map_or_else(String::new, |number| number.to_string()),
        }
    }
}

fn seconds(span: Option<TimeDelta>) -> String {
    let mut seconds = Vec::new();
    if let Some(span) = span {
        span.write_seconds(&mut seconds);
    }
    String::from_utf8_lossy(&seconds).into_owned()
}

/// The evidence in capture order, each record once.
fn records(finding: &Finding) -> Vec<u64> {
    in_order(finding.evidence.records().iter().map(|(at, _)| at.record))
}

fn input_records(finding: &InputFinding) -> Vec<u64> {
    in_order(finding.evidence.iter().map(|evidence| evidence.record))
}

fn in_order(records: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut records: Vec<u64> = records.collect();
    records.sort_unstable();
    records.dedup();
    records
}

/// A Wireshark display filter that selects the evidence. Frame numbers count per file, so it is for the file
/// that holds the first record; evidence in other files is in `records` alone.
pub(in crate::report) fn display_filter(finding: &Finding, sources: &Sources<'_>) -> String {
    frame_filter(records(finding), sources)
}

/// The filter of a finding about the input; empty where nothing could be read.
pub(in crate::report) fn input_filter(finding: &InputFinding, sources: &Sources<'_>) -> String {
    match &finding.filter {
        Some(filter) => filter.clone(),
        None if finding.evidence.is_empty() => String::new(),
        None => frame_filter(input_records(finding), sources),
    }
}

fn frame_filter(records: Vec<u64>, sources: &Sources<'_>) -> String {
    let located: Vec<_> = records.into_iter().map(sources.locate).collect();
    let file = located.first().map(|&(file, _)| file);
    let frames = located.iter().filter(|&&(at, _)| Some(at) == file).map(|&(_, frame)| frame);
    format!("frame.number in {{{}}}", joined_by(frames, ", "))
}

fn joined(numbers: Vec<u64>) -> String {
    joined_by(numbers, " ")
}

fn joined_by(numbers: impl IntoIterator<Item = u64>, between: &str) -> String {
    numbers.into_iter().map(|number| number.to_string()).collect::<Vec<_>>().join(between)
}
