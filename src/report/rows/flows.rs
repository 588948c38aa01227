//! `flows.csv`: one row per incarnation.

use std::io::{self, Write};

use super::csv_line;
use super::flow_row::{COLUMNS, RowWriter};
use crate::diagnose::Finding;
use crate::flow::Flow;
use crate::incident::Incidents;
use crate::report::Report;
use crate::report::holes::{Form, Held, fill_all};
use crate::report::input::{InputFacts, Plan, Sources};
use crate::report::spill::{SortKey, Sorter};
use crate::survey::Causes;

/// How rows are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// As flows are finished: each row is written at once.
    #[default]
    Finished,
    /// By the time of the first segment (`--sort start`): rows are held, on disk when they are many.
    Start,
}

/// Writes `flows.csv`.
#[derive(Debug)]
pub struct FlowsCsv<W> {
    out: Held<W>,
    rows: RowWriter,
    sorter: Option<Sorter>,
    causes: Causes,
}

impl<W: Write> FlowsCsv<W> {
    /// Rows onto `out` (buffered by the caller) in `order`.
    pub fn new(out: W, order: Order) -> Self {
        let sorter = (order == Order::Start).then(|| Sorter::new(Sorter::DEFAULT_LIMIT));
        Self { out: Held::new(out, Form::Csv), rows: RowWriter::new(), sorter, causes: Causes::default() }
    }
}

impl<W: Write> Report for FlowsCsv<W> {
    fn begin(&mut self, _: &Plan) -> io::Result<()> {
        self.out.put(&csv_line(COLUMNS.split(','))?, false)
    }

    fn flow(&mut self, flow: &Flow, findings: &[Finding], sources: &Sources<'_>) -> io::Result<()> {
        let row = self.rows.row(flow, findings, sources)?;
        match &mut self.sorter {
            None => self.out.put(row, sources.place.may_be_released),
            Some(sorter) => {
                let key = SortKey { time: flow.first.time, flow: flow.id, record: flow.first.record };
                sorter.push(key, row)
            }
        }
    }

    fn incidents(&mut self, incidents: &Incidents) -> io::Result<()> {
        self.causes = incidents.causes.clone();
        self.out.release(&self.causes)
    }

    fn finish(&mut self, _: &InputFacts) -> io::Result<()> {
        if let Some(sorter) = &mut self.sorter {
            let (out, causes) = (&mut self.out, &self.causes);
            let mut filled = Vec::new();
            sorter.drain(|_, row| {
                filled.clear();
                fill_all(row, causes, Form::Csv, &mut filled)?;
                out.put(&filled, false)
            })?;
        }
        self.out.flush()
    }
}
