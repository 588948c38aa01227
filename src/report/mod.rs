//! Facts and findings to rows, pages and ladders. Reports compute nothing that the facts do not hold.
//!
//! Every report is a [`Report`]: it is told the plan, then each flow once as it is finished, then incidents, socket
//! tables if there are any, what the capture could not show, and the totals.
//! Memory never follows the number of flows, save for what [`spill`] puts on disk.

mod accounts;
mod address;
mod chart;
mod dot;
mod escape;
mod holes;
mod input;
mod json;
mod ladder;
mod lines;
mod markdown;
mod number;
mod paint;
mod pen;
pub mod rows;
mod sockets;
pub mod spill;
mod story;
mod summarised;
pub mod summary;
mod text;
mod timers;

use std::io;

use crate::diagnose::{Finding, InputFinding};
use crate::flow::Flow;
use crate::incident::Incidents;
use crate::socket_file::SocketJoin;

pub use dot::DotReport;
pub use escape::{for_spreadsheet, for_terminal};
pub use input::{FileFacts, InputFacts, Plan, Skipped, Sources, narrowing};
pub use json::{JsonReport, SCHEMA};
pub use ladder::{write_ladder, write_release};
pub use lines::TimelineText;
pub use markdown::{MarkdownPage, MarkdownReport};
pub use paint::Paint;
pub use rows::{FindingsCsv, FlowsCsv, Order, TimelineCsv};
pub use sockets::{
    SocketCounts, SocketQuery, SocketTables, SocketWriter, SocketsCsv, SocketsText, TableFacts,
};
pub use summarised::{Summarised, SummaryPage};
pub use summary::Summary;
pub use text::{TextOptions, TextPage, TextReport, wrap, write_summary};
pub use timers::{write_candidates, write_timers, write_timers_csv};

/// Something that tells the flows of one run.
pub trait Report {
    /// Told once, before any flow.
    ///
    /// # Errors
    /// What the writer says.
    fn begin(&mut self, plan: &Plan) -> io::Result<()>;

    /// Told once per flow, in the order in which flows are finished.
    ///
    /// # Errors
    /// What the writer or the temporary file says.
    fn flow(&mut self, flow: &Flow, findings: &[Finding], sources: &Sources<'_>) -> io::Result<()>;

    /// Told once, after the last flow: what happened, and what caused what.
    ///
    /// # Errors
    /// What the writer or the temporary file says.
    fn incidents(&mut self, _incidents: &Incidents) -> io::Result<()> {
        Ok(())
    }

    /// Told once, after [`Report::incidents`] and any [`Report::sockets`]: what the capture could not show.
    ///
    /// # Errors
    /// What the writer says.
    fn input(&mut self, _findings: &[InputFinding], _sources: &Sources<'_>) -> io::Result<()> {
        Ok(())
    }

    /// Told once, after [`Report::incidents`], when socket tables were given: these, joined with the flows.
    ///
    /// # Errors
    /// What the writer says.
    fn sockets(&mut self, _join: &SocketJoin) -> io::Result<()> {
        Ok(())
    }

    /// Told once, at the end.
    ///
    /// # Errors
    /// What the writer or the temporary file says.
    fn finish(&mut self, input: &InputFacts) -> io::Result<()>;
}

/// A closure that listens to flows alone.
impl<F: FnMut(&Flow, &[Finding])> Report for F {
    fn begin(&mut self, _: &Plan) -> io::Result<()> {
        Ok(())
    }

    fn flow(&mut self, flow: &Flow, findings: &[Finding], _: &Sources<'_>) -> io::Result<()> {
        self(flow, findings);
        Ok(())
    }

    fn finish(&mut self, _: &InputFacts) -> io::Result<()> {
        Ok(())
    }
}

/// Several reports at once; the first error stops all of them.
#[derive(Default)]
pub struct Reports<'a>(pub Vec<Box<dyn Report + 'a>>);

impl Report for Reports<'_> {
    fn begin(&mut self, plan: &Plan) -> io::Result<()> {
        self.0.iter_mut().try_for_each(|report| report.begin(plan))
    }

    fn flow(&mut self, flow: &Flow, findings: &[Finding], sources: &Sources<'_>) -> io::Result<()> {
        self.0.iter_mut().try_for_each(|report| report.flow(flow, findings, sources))
    }

    fn incidents(&mut self, incidents: &Incidents) -> io::Result<()> {
        self.0.iter_mut().try_for_each(|report| report.incidents(incidents))
    }

    fn input(&mut self, findings: &[InputFinding], sources: &Sources<'_>) -> io::Result<()> {
        self.0.iter_mut().try_for_each(|report| report.input(findings, sources))
    }

    fn sockets(&mut self, join: &SocketJoin) -> io::Result<()> {
        self.0.iter_mut().try_for_each(|report| report.sockets(join))
    }

    fn finish(&mut self, input: &InputFacts) -> io::Result<()> {
        self.0.iter_mut().try_for_each(|report| report.finish(input))
    }
}
