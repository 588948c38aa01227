//! The second stage: from segments to flows.

use super::reading::InputEnd;
use crate::analysis::sight::file_sight;
use crate::capture::Problem;
use crate::diagnose::FileSight;
use crate::dissect::Dissected;
use crate::flow::{Directions, Limits, Outlet, Table, TableStats};

/// Follows connections.
pub(super) struct Following {
    table: Table,
}

/// What the end of the input tells of it, before the flows that it finishes.
pub(in crate::analysis) struct InputSight {
    pub(in crate::analysis) files: FileSight,
    /// The directions of the flows that are still to be finished.
    pub(in crate::analysis) coming: Directions,
}

impl Following {
    pub(super) fn new(limits: Limits) -> Self {
        Self { table: Table::new(limits) }
    }

    #[inline]
    pub(super) fn observe(&mut self, found: &Dissected, out: &mut Outlet<'_>) {
        self.table.observe_any(found, out);
    }

    /// The input has ended: finishes what its last record shows to be over.
    pub(super) fn end_of_input(&mut self, end: &InputEnd, out: &mut Outlet<'_>) -> InputSight {
        // Records that are no segments pass time as well.
        if let Some(last) = end.account.end() {
            self.table.advance(last, out);
        }
        self.table.cut(end.account.problems.iter().filter_map(cut_at));
        InputSight {
            files: file_sight(&end.account, &end.tally, &self.table.stats()),
            coming: self.table.directions(),
        }
    }

    /// Finishes all flows that are left.
    pub(super) fn finish(&mut self, out: &mut Outlet<'_>) -> TableStats {
        self.table.finish(out);
        self.table.stats()
    }
}

/// The record at which a file ended too early.
fn cut_at(problem: &Problem) -> Option<u64> {
    match problem {
        Problem::Damaged(damage) if damage.kind.ends_file() => Some(damage.global_record),
        _ => None,
    }
}
