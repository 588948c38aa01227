//! What closewait says of a capture, from the library or from the text of `flows.csv`.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use closewait::Analysis;
use closewait::capture::Input;
use closewait::diagnose::{Finding, Severity};
use closewait::flow::{Flow, Origin};
use closewait::net::Endpoint;
use closewait::report::{FlowsCsv, Order};
use closewait::time::TimeDelta;
use serde::Deserialize;

use crate::truth::{Tuple, tuple_of};

/// One flow, as far as the truth can judge it.
pub(crate) struct Row {
    pub(crate) flow: u64,
    pub(crate) initiator: Endpoint,
    pub(crate) responder: Endpoint,
    start: String,
    pub(crate) saw_handshake: bool,
    pub(crate) outcome: String,
    pub(crate) fin_delay: Option<f64>,
    pub(crate) predecessor: Option<u64>,
    /// Who released it; only the CSV tells.
    pub(crate) released_by: Option<u64>,
    /// Codes of its findings that are faults; the CSV does not tell severities.
    pub(crate) faults: Vec<&'static str>,
    /// Codes of all its findings.
    pub(crate) codes: Vec<&'static str>,
}

pub(crate) type Rows = BTreeMap<Tuple, Vec<Row>>;

/// The flows of `files` as the library tells them.
pub(crate) fn from_library(files: &[PathBuf]) -> Rows {
    let mut rows = Vec::new();
    let mut listen = |flow: &Flow, findings: &[Finding]| rows.push(Row::of(flow, findings));
    Analysis::new().run(Input::open(files), &mut listen).unwrap();
    by_tuple(rows)
}

/// The same, through the text of `flows.csv`.
pub(crate) fn from_csv(files: &[PathBuf]) -> Rows {
    let mut text = Vec::new();
    Analysis::new().run(Input::open(files), &mut FlowsCsv::new(&mut text, Order::Finished)).unwrap();
    let mut reader = csv::Reader::from_reader(&text[..]);
    by_tuple(reader.deserialize::<Line>().map(|line| Row::from(line.unwrap())).collect())
}

fn by_tuple(rows: Vec<Row>) -> Rows {
    let mut tuples = Rows::new();
    for row in rows {
        tuples.entry(tuple_of(row.initiator, row.responder)).or_default().push(row);
    }
    for rows in tuples.values_mut() {
        rows.sort_by(|a, b| (&a.start, a.flow).cmp(&(&b.start, b.flow)));
    }
    tuples
}

impl Row {
    fn of(flow: &Flow, findings: &[Finding]) -> Self {
        let faults = findings.iter().filter(|finding| finding.severity == Severity::Fault);
        Self {
            flow: flow.id,
            initiator: flow.initiator,
            responder: flow.responder,
            start: flow.first.time.to_string(),
            saw_handshake: flow.origin == Origin::Handshake,
            outcome: flow.outcome.as_str().to_owned(),
            fin_delay: flow.fin_delay.map(TimeDelta::as_secs_f64),
            predecessor: flow.reuse.map(|reuse| reuse.predecessor),
            released_by: None,
            faults: faults.map(|finding| finding.rule.code).collect(),
            codes: findings.iter().map(|finding| finding.rule.code).collect(),
        }
    }
}

#[derive(Deserialize)]
struct Line {
    flow: u64,
    initiator: IpAddr,
    initiator_port: u16,
    responder: IpAddr,
    responder_port: u16,
    start: String,
    origin: String,
    outcome: String,
    fin_delay_s: Option<f64>,
    predecessor: Option<u64>,
    released_by: Option<u64>,
}

impl From<Line> for Row {
    fn from(line: Line) -> Self {
        Self {
            flow: line.flow,
            initiator: Endpoint { addr: line.initiator, port: line.initiator_port },
            responder: Endpoint { addr: line.responder, port: line.responder_port },
            start: line.start,
            saw_handshake: line.origin == "handshake",
            outcome: line.outcome,
            fin_delay: line.fin_delay_s,
            predecessor: line.predecessor,
            released_by: line.released_by,
            faults: Vec::new(),
            codes: Vec::new(),
        }
    }
}
