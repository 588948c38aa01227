//! The graph of causes, for Graphviz.

use std::io::{self, Write};

use super::Report;
use super::input::{InputFacts, Plan, Sources};
use crate::diagnose::Finding;
use crate::flow::Flow;
use crate::incident::Incidents;

/// Writes the graph of causes in the language of Graphviz.
#[derive(Debug)]
pub struct DotReport<W> {
    out: W,
}

impl<W: Write> DotReport<W> {
    /// The graph onto `out`.
    pub const fn new(out: W) -> Self {
        Self { out }
    }
}

impl<W: Write> Report for DotReport<W> {
    fn begin(&mut self, _: &Plan) -> io::Result<()> {
        Ok(())
    }

    fn flow(&mut self, _: &Flow, _: &[Finding], _: &Sources<'_>) -> io::Result<()> {
        Ok(())
    }

    fn incidents(&mut self, incidents: &Incidents) -> io::Result<()> {
        self.out.write_all(incidents.dot.as_bytes())
    }

    fn finish(&mut self, _: &InputFacts) -> io::Result<()> {
        self.out.flush()
    }
}
