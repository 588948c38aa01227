//! What stages on different threads hand to each other.

use std::sync::mpsc;

use super::following::InputSight;
use super::reading::InputEnd;
use crate::dissect::Dissected;
use crate::flow::{Finished, Outlet, TableStats};
use crate::threads::Sender;

/// From reading to following.
pub(super) enum Read {
    /// What was found, in order, and the octets read until then.
    Segments(Vec<Dissected>, u64),
    /// All was read.
    End(Box<InputEnd>),
}

/// From following to telling.
pub(super) enum Followed {
    /// Flows, in the order in which they were finished.
    Flows(Finished),
    /// Octets read until here.
    Octets(u64),
    /// The input has ended; flows that follow are those it finishes.
    Sight(Box<InputSight>),
    /// All flows were told.
    End(Box<RunEnd>),
}

/// What is known once all flows were finished.
pub(super) struct RunEnd {
    pub(super) input: InputEnd,
    pub(super) table: TableStats,
}

/// Hands flows over in batches.
pub(super) struct FlowOutlet {
    batch: Finished,
    line: Line,
}

/// The way to whoever tells.
struct Line {
    out: Sender<Followed>,
    /// Batches that were emptied.
    spent: mpsc::Receiver<Finished>,
    closed: bool,
}

impl FlowOutlet {
    pub(super) fn new(out: Sender<Followed>, spent: mpsc::Receiver<Finished>) -> Self {
        Self { batch: Finished::default(), line: Line { out, spent, closed: false } }
    }

    /// Lets `work` put flows in; batches go on as they fill.
    pub(super) fn fill<T>(&mut self, work: impl FnOnce(&mut Outlet<'_>) -> T) -> T {
        let Self { batch, line } = self;
        work(&mut Outlet::new(batch, &mut |full| line.pass_on(full)))
    }

    /// Hands `next` over, behind all flows that were put in; false when nobody listens any more.
    #[must_use]
    pub(super) fn send(&mut self, next: Followed) -> bool {
        self.flush();
        self.line.pass(next);
        !self.line.closed
    }

    /// True when nobody listens any more.
    pub(super) const fn is_closed(&self) -> bool {
        self.line.closed
    }

    fn flush(&mut self) {
        if !self.batch.is_empty() {
            self.line.pass_on(&mut self.batch);
        }
    }
}

/// What was finished before a panic is told, as it is on one thread.
impl Drop for FlowOutlet {
    fn drop(&mut self) {
        self.flush();
    }
}

impl Line {
    /// Hands `full` over and leaves an empty one.
    fn pass_on(&mut self, full: &mut Finished) {
        let empty = self.spent.try_recv().unwrap_or_default();
        let full = std::mem::replace(full, empty);
        self.pass(Followed::Flows(full));
    }

    fn pass(&mut self, next: Followed) {
        self.closed = self.closed || !self.out.send(next);
    }
}
