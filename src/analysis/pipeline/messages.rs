//! What stages on different threads hand to each other.

use std::sync::{Arc, mpsc};

use super::following::{FlowSight, InputClose};
use crate::dissect::Dissected;
use crate::flow::{Finished, Outlet, TableStats};
use crate::threads::Sender;

/// From reading to all that follow.
#[derive(Clone)]
pub(super) enum Read {
    /// What was found, in order.
    Segments(Arc<Vec<Dissected>>),
    /// All was read.
    End(Arc<InputClose>),
}

/// From following to telling.
pub(super) enum Followed {
    /// Flows, in the order in which they were finished.
    Flows(Finished),
    /// The input has ended; flows that follow are those it finishes.
    Sight(Box<FlowSight>),
    /// All flows were told.
    End(TableStats),
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
        let _ = self.flush();
        self.line.pass(next);
        !self.line.closed
    }

    /// Hands over what was put in; false when nobody listens any more.
    #[must_use]
    pub(super) fn flush(&mut self) -> bool {
        self.line.pass_on(&mut self.batch);
        !self.line.closed
    }
}

/// What was finished before a panic is told, as it is on one thread.
impl Drop for FlowOutlet {
    fn drop(&mut self) {
        if !self.batch.is_blank() {
            let _ = self.flush();
        }
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
