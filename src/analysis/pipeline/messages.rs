//! What stages on different threads hand to each other.

use std::sync::mpsc;

use super::following::InputSight;
use super::reading::InputEnd;
use crate::dissect::Dissected;
use crate::flow::{Flow, TableStats};
use crate::threads::Sender;

/// Flows handed over at once: enough to make waking a thread cheap, few enough to bound memory.
const FLOWS: usize = 128;

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
    Flows(Vec<Flow>),
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
    batch: Vec<Flow>,
    out: Sender<Followed>,
    /// Batches that were emptied.
    spent: mpsc::Receiver<Vec<Flow>>,
    closed: bool,
}

impl FlowOutlet {
    pub(super) const fn new(out: Sender<Followed>, spent: mpsc::Receiver<Vec<Flow>>) -> Self {
        Self { batch: Vec::new(), out, spent, closed: false }
    }

    pub(super) fn put(&mut self, flow: &Flow) {
        self.batch.push(flow.clone());
        if self.batch.len() >= FLOWS {
            self.flush();
        }
    }

    /// Hands `next` over, behind all flows that were put in; false when nobody listens any more.
    #[must_use]
    pub(super) fn send(&mut self, next: Followed) -> bool {
        self.flush();
        self.pass(next);
        !self.closed
    }

    /// True when nobody listens any more.
    pub(super) const fn is_closed(&self) -> bool {
        self.closed
    }

    fn flush(&mut self) {
        if !self.batch.is_empty() {
            let empty = self.spent.try_recv().unwrap_or_default();
            let full = std::mem::replace(&mut self.batch, empty);
            self.pass(Followed::Flows(full));
        }
    }

    fn pass(&mut self, next: Followed) {
        self.closed = self.closed || !self.out.send(next);
    }
}

/// What was followed before a panic is told, as it is on one thread.
impl Drop for FlowOutlet {
    fn drop(&mut self) {
        self.flush();
    }
}
