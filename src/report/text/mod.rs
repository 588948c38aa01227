//! The page that a run prints: the answer first, then the evidence, then the accounts.

mod capture;
mod head;
mod layout;
mod sockets;
mod stale;
mod stuck;
mod tables;

use std::io::{self, Write};

pub use layout::wrap;

use self::layout::Page;
use super::Report;
use super::input::{InputFacts, Plan, Sources};
use super::paint::Paint;
use super::summary::Summary;
use crate::diagnose::{Finding, InputFinding};
use crate::flow::Flow;
use crate::socket_file::SocketJoin;

/// How the page is laid out.
#[derive(Clone, Copy, Debug)]
pub struct TextOptions {
    /// Columns of the terminal; 80 to 120 are used.
    pub width: usize,
    /// Colours.
    pub color: bool,
}

impl Default for TextOptions {
    fn default() -> Self {
        Self { width: 80, color: false }
    }
}

/// Gathers a summary and prints it at the end.
#[derive(Debug)]
pub struct TextReport<W> {
    out: W,
    options: TextOptions,
    summary: Summary,
}

impl<W: Write> TextReport<W> {
    /// The page onto `out`.
    pub fn new(out: W, options: TextOptions) -> Self {
        Self { out, options, summary: Summary::new(crate::flow::Limits::default()) }
    }
}

impl<W: Write> Report for TextReport<W> {
    fn begin(&mut self, plan: &Plan) -> io::Result<()> {
        self.summary = Summary::new(plan.limits);
        Ok(())
    }

    fn flow(&mut self, flow: &Flow, findings: &[Finding], _: &Sources<'_>) -> io::Result<()> {
        self.summary.add(flow, findings);
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
        write_summary(&self.summary, input, self.options, &mut self.out)?;
        self.out.flush()
    }
}

/// Writes the page of `summary`.
///
/// # Errors
/// What `out` says.
pub fn write_summary(
    summary: &Summary,
    input: &InputFacts,
    options: TextOptions,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut page = Page::new(out, options.width.clamp(80, 120), Paint::new(options.color), input);
    head::write(&mut page, summary, input)?;
    stuck::write(&mut page, summary, input)?;
    stale::write(&mut page, summary)?;
    sockets::write(&mut page, summary)?;
    tables::write(&mut page, summary)?;
    capture::write(&mut page, summary)?;
    head::write_accounts(&mut page, summary, input)?;
    head::write_next(&mut page, summary, input)
}
