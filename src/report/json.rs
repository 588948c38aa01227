//! `report.json`: everything, as one document that is written while flows are finished.
//! Its fields are documented in `docs/report-json.md`.

mod model;
mod services;

use std::io::{self, Write};

use serde::Serialize;

use self::model::{JsonFlow, JsonInputFinding, JsonLimits, Totals};
use self::services::JsonServices;
use super::Report;
use super::input::{InputFacts, Plan, Sources};
use crate::diagnose::{Finding, InputFinding};
use crate::flow::Flow;
use crate::incident::{Incident, Incidents};
use crate::socket_file::SocketJoin;

/// Name and version of the document's form. The number grows when a field changes its meaning or goes away.
pub const SCHEMA: &str = "closewait/1";

/// Writes `report.json`.
#[derive(Debug)]
pub struct JsonReport<W> {
    out: W,
    totals: Totals,
    capture: Vec<JsonInputFinding>,
    /// The array of flows was closed.
    flows_ended: bool,
    incidents: Vec<Incident>,
    services: JsonServices,
}

impl<W: Write> JsonReport<W> {
    /// The document onto `out` (buffered by the caller).
    pub fn new(out: W) -> Self {
        Self {
            out,
            totals: Totals::default(),
            capture: Vec::new(),
            incidents: Vec::new(),
            services: JsonServices::default(),
            flows_ended: false,
        }
    }

    /// What comes behind the flows begins.
    fn end_flows(&mut self) -> io::Result<()> {
        if std::mem::replace(&mut self.flows_ended, true) {
            return Ok(());
        }
        self.out.write_all(b"\n]")
    }

    fn member(&mut self, name: &str, value: &impl Serialize) -> io::Result<()> {
        write!(self.out, ",\n\"{name}\": ")?;
        Ok(serde_json::to_writer(&mut self.out, value)?)
    }
}

impl<W: Write> Report for JsonReport<W> {
    fn begin(&mut self, plan: &Plan) -> io::Result<()> {
        write!(self.out, "{{\"schema\": \"{SCHEMA}\"")?;
        self.member("version", &plan.version)?;
        self.member("inputs", &plan.inputs)?;
        self.member("options", &model::Options(&plan.options))?;
        self.member("limits", &JsonLimits::of(&plan.limits))?;
        write!(self.out, ",\n\"flows\": [")
    }

    fn flow(&mut self, flow: &Flow, findings: &[Finding], sources: &Sources<'_>) -> io::Result<()> {
        self.out.write_all(if self.totals.flows == 0 { b"\n" } else { b",\n" })?;
        self.totals.add(flow, findings);
        Ok(serde_json::to_writer(&mut self.out, &JsonFlow::of(flow, findings, sources))?)
    }

    fn incidents(&mut self, incidents: &Incidents) -> io::Result<()> {
        self.incidents.clone_from(&incidents.incidents);
        self.services = JsonServices::of(&incidents.view);
        Ok(())
    }

    fn input(&mut self, findings: &[InputFinding], sources: &Sources<'_>) -> io::Result<()> {
        self.totals.add_input(findings);
        self.capture = findings.iter().map(|finding| JsonInputFinding::of(finding, sources)).collect();
        Ok(())
    }

    fn sockets(&mut self, join: &SocketJoin) -> io::Result<()> {
        self.end_flows()?;
        self.member("sockets", join)
    }

    fn finish(&mut self, input: &InputFacts) -> io::Result<()> {
        self.end_flows()?;
        let incidents = std::mem::take(&mut self.incidents);
        self.member("incidents", &incidents)?;
        let services = std::mem::take(&mut self.services);
        self.member("services", &services)?;
        let capture = std::mem::take(&mut self.capture);
        self.member("capture", &capture)?;
        self.member("input", input)?;
        let totals = std::mem::take(&mut self.totals);
        self.member("totals", &totals)?;
        self.out.write_all(b"}\n")?;
        self.out.flush()
    }
}
