//! `findings.csv`: one row per finding.

use std::io::{self, Write};

use serde::Serialize;

use crate::diagnose::{Finding, InputFinding};
use crate::flow::Flow;
use crate::report::Report;
use crate::report::escape::for_spreadsheet;
use crate::report::input::{InputFacts, Plan, Sources};
use crate::time::TimeDelta;

/// Writes `findings.csv`.
pub struct FindingsCsv<W: Write> {
    out: csv::Writer<W>,
}

impl<W: Write> FindingsCsv<W> {
    /// Rows onto `out`.
    pub fn new(out: W) -> Self {
        Self { out: csv::WriterBuilder::new().has_headers(false).from_writer(out) }
    }
}

impl<W: Write> Report for FindingsCsv<W> {
    fn begin(&mut self, _: &Plan) -> io::Result<()> {
        Ok(self.out.write_record(COLUMNS.split(','))?)
    }

    fn flow(&mut self, flow: &Flow, findings: &[Finding], sources: &Sources<'_>) -> io::Result<()> {
        for finding in findings {
            self.out.serialize(Row::of(flow, finding, sources))?;
        }
        Ok(())
    }

    fn input(&mut self, findings: &[InputFinding], sources: &Sources<'_>) -> io::Result<()> {
        for finding in findings {
            self.out.serialize(Row::of_input(finding, sources))?;
        }
        Ok(())
    }

    fn finish(&mut self, _: &InputFacts) -> io::Result<()> {
        self.out.flush()
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
    /// Empty, as is `endpoint`, for a finding about the input.
    flow: Option<u64>,
    endpoint: String,
    start: String,
    duration_s: String,
    summary: String,
    records: String,
    filter: String,
    incident: &'static str,
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
            incident: "",
        }
    }

    fn of_input(finding: &InputFinding, sources: &Sources<'_>) -> Self {
        Self {
            code: finding.rule.code,
            severity: finding.severity.as_str(),
            certainty: finding.certainty.as_str(),
            title: finding.rule.title,
            flow: None,
            endpoint: String::new(),
            start: finding.start.map_or_else(String::new, |start| start.to_string()),
            duration_s: seconds(finding.lasted),
            summary: for_spreadsheet(&finding.summary).into_owned(),
            records: joined(input_records(finding)),
            filter: input_filter(finding, sources),
            incident: "",
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
