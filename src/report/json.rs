//! `report.json`: everything, as one document that is written while flows are finished.
//! Its fields are documented in `docs/report-json.md`.

mod model;
mod services;

use std::io::{self, Write};

use serde::Serialize;

use self::model::{JsonFlow, JsonInputFinding, JsonLimits, JsonPartyFinding, Totals};
use self::services::JsonServices;
use super::Report;
use super::holes::{Form, Held};
use super::input::{InputFacts, Plan, Sources};
use crate::diagnose::{Finding, InputFinding};
use crate::flow::Flow;
use crate::incident::{Incident, Incidents};
use crate::socket_file::SocketJoin;
use crate::survey::Causes;

/// Name and version of the document's form. The number grows when a field changes its meaning or goes away.
pub const SCHEMA: &str = "closewait/1";

/// Writes `report.json`. What caused what is known once all flows are: from the first flow that asks for it on, the document
/// is held until then, on disk when it is long.
#[derive(Debug)]
pub struct JsonReport<W> {
    out: Held<W>,
    /// One flow.
    row: Vec<u8>,
    totals: Totals,
    parties: Vec<JsonPartyFinding>,
    capture: Vec<JsonInputFinding>,
    /// The array of flows was closed.
    flows_ended: bool,
    incidents: Vec<Incident>,
    services: JsonServices,
    causes: Causes,
}

impl<W: Write> JsonReport<W> {
    /// The document onto `out` (buffered by the caller).
    pub fn new(out: W) -> Self {
        Self {
            out: Held::new(out, Form::Json),
            row: Vec::new(),
            totals: Totals::default(),
            parties: Vec::new(),
            capture: Vec::new(),
            flows_ended: false,
            incidents: Vec::new(),
            services: JsonServices::default(),
            causes: Causes::default(),
        }
    }

    /// What comes behind the flows begins.
    fn end_flows(&mut self) -> io::Result<()> {
        if std::mem::replace(&mut self.flows_ended, true) {
            return Ok(());
        }
        self.out.put(b"\n]", false)
    }

    fn member(&mut self, name: &str, value: &impl Serialize) -> io::Result<()> {
        self.row.clear();
        write!(self.row, ",\n\"{name}\": ")?;
        serde_json::to_writer(&mut self.row, value)?;
        self.out.put(&self.row, false)
    }
}

impl<W: Write> Report for JsonReport<W> {
    fn begin(&mut self, plan: &Plan) -> io::Result<()> {
        self.out.put(format!("{{\"schema\": \"{SCHEMA}\"").as_bytes(), false)?;
        self.member("version", &plan.version)?;
        self.member("inputs", &plan.inputs)?;
        self.member("options", &model::Options(&plan.options))?;
        self.member("limits", &JsonLimits::of(&plan.limits))?;
        self.out.put(b",\n\"flows\": [", false)
    }

    fn flow(&mut self, flow: &Flow, findings: &[Finding], sources: &Sources<'_>) -> io::Result<()> {
        self.row.clear();
        self.row.extend_from_slice(if self.totals.flows == 0 { b"\n" } else { b",\n" });
        self.totals.add(flow, findings);
        serde_json::to_writer(&mut self.row, &JsonFlow::of(flow, findings, sources))?;
        self.out.put(&self.row, sources.place.may_be_released || !findings.is_empty())
    }

    fn incidents(&mut self, incidents: &Incidents) -> io::Result<()> {
        self.incidents.clone_from(&incidents.incidents);
        self.causes = incidents.causes.clone();
        self.services = JsonServices::of(&incidents.view);
        self.out.release(&self.causes)
    }

    fn input(&mut self, findings: &[InputFinding], sources: &Sources<'_>) -> io::Result<()> {
        self.totals.add_input(findings);
        for finding in findings {
            let told = JsonInputFinding::of(finding, sources);
            match finding.party {
                None => self.capture.push(told),
                Some(party) => {
                    self.parties.push(JsonPartyFinding::of(told, party, finding, &self.causes));
                }
            }
        }
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
        let parties = std::mem::take(&mut self.parties);
        self.member("parties", &parties)?;
        let capture = std::mem::take(&mut self.capture);
        self.member("capture", &capture)?;
        self.member("input", input)?;
        let totals = std::mem::take(&mut self.totals);
        self.member("totals", &totals)?;
        self.out.put(b"}\n", false)?;
        self.out.finish()
    }
}
