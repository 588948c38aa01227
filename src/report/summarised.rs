//! Reports that gather a summary while flows come, and write one page of it at the end.

use std::io;

use super::Report;
use super::input::{InputFacts, Plan, Sources};
use super::summary::Summary;
use crate::diagnose::{Finding, InputFinding};
use crate::flow::{Flow, Limits};
use crate::incident::Incidents;
use crate::socket_file::SocketJoin;

/// How a summary is written.
pub trait SummaryPage {
    /// Writes `summary`, once.
    ///
    /// # Errors
    /// What the writer says.
    fn write(&mut self, plan: &Plan, summary: &Summary, input: &InputFacts) -> io::Result<()>;
}

/// Gathers a summary and hands it to its page at the end.
#[derive(Debug)]
pub struct Summarised<P> {
    page: P,
    plan: Plan,
    summary: Summary,
}

impl<P> Summarised<P> {
    /// Of nothing so far.
    pub(super) fn on(page: P) -> Self {
        Self { page, plan: Plan::default(), summary: Summary::new(Limits::default()) }
    }
}

impl<P: SummaryPage> Report for Summarised<P> {
    fn begin(&mut self, plan: &Plan) -> io::Result<()> {
        self.plan = plan.clone();
        self.summary = Summary::new(plan.limits);
        Ok(())
    }

    fn flow(&mut self, flow: &Flow, findings: &[Finding], _: &Sources<'_>) -> io::Result<()> {
        self.summary.add(flow, findings);
        Ok(())
    }

    fn incidents(&mut self, incidents: &Incidents) -> io::Result<()> {
        self.summary.add_incidents(&incidents.incidents);
        Ok(())
    }

    fn input(&mut self, findings: &[InputFinding], _: &Sources<'_>) -> io::Result<()> {
        self.summary.add_input(findings);
        Ok(())
    }

    fn sockets(&mut self, join: &SocketJoin) -> io::Result<()> {
        self.summary.sockets = Some(join.clone());
        Ok(())
    }

    fn finish(&mut self, input: &InputFacts) -> io::Result<()> {
        self.page.write(&self.plan, &self.summary, input)
    }
}
