//! The second stage: from segments to flows.

use super::reading::InputEnd;
use crate::analysis::sight::file_sight;
use crate::capture::{Account, Problem};
use crate::diagnose::FileSight;
use crate::dissect::Dissected;
use crate::flow::{Directions, Limits, Outlet, Table, TableStats};
use crate::time::Timestamp;

/// Follows connections, all of them or a part.
pub(super) struct Following {
    table: Table,
}

/// What the end of the input changes for flows.
pub(super) struct InputClose {
    last: Option<Timestamp>,
    /// Records at which files ended too early.
    cuts: Vec<u64>,
}

/// What is known of flows when the input has ended, before those are finished that are left.
pub(super) struct FlowSight {
    stats: TableStats,
    /// The directions of the flows that are still to be finished.
    pub(super) coming: Directions,
}

/// What the end of the input tells of it, before the flows that it finishes.
pub(in crate::analysis) struct InputSight {
    pub(in crate::analysis) files: FileSight,
    /// The directions of the flows that are still to be finished.
    pub(in crate::analysis) coming: Directions,
}

impl Following {
    /// The part `part` of `parts`.
    pub(super) fn new(limits: Limits, part: usize, parts: usize) -> Self {
        Self { table: Table::part(limits, part, parts) }
    }

    #[inline]
    pub(super) fn observe(&mut self, found: &Dissected, out: &mut Outlet<'_>) {
        self.table.observe_any(found, out);
    }

    /// All flows that are over by now were put into `out`.
    pub(super) fn report_place(&self, out: &mut Outlet<'_>) {
        self.table.report_place(out);
    }

    /// The input has ended: finishes what its last record shows to be over.
    pub(super) fn end_of_input(&mut self, close: &InputClose, out: &mut Outlet<'_>) -> FlowSight {
        // Records that are no segments pass time as well.
        if let Some(last) = close.last {
            self.table.advance(last, out);
        }
        self.table.cut(close.cuts.iter().copied());
        self.table.report_place(out);
        FlowSight { stats: self.table.stats(), coming: self.table.directions() }
    }

    /// Finishes all flows that are left.
    pub(super) fn finish(&mut self, out: &mut Outlet<'_>) -> TableStats {
        self.table.finish(out);
        self.table.stats()
    }
}

impl InputClose {
    pub(super) fn of(account: &Account) -> Self {
        Self { last: account.end(), cuts: account.problems.iter().filter_map(cut_at).collect() }
    }
}

impl FlowSight {
    /// Of two parts of the flows.
    pub(super) fn joined(self, other: &Self) -> Self {
        Self { stats: self.stats.joined(other.stats), coming: self.coming.joined(other.coming) }
    }

    /// What is known of the input.
    pub(super) fn of_input(&self, end: &InputEnd) -> InputSight {
        InputSight { files: file_sight(&end.account, &end.tally, &self.stats), coming: self.coming }
    }
}

/// The record at which a file ended too early.
fn cut_at(problem: &Problem) -> Option<u64> {
    match problem {
        Problem::Damaged(damage) if damage.kind.ends_file() => Some(damage.global_record),
        _ => None,
    }
}
