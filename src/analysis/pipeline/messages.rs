//! What stages on different threads hand to each other.

use std::sync::{Arc, mpsc};

use super::following::{FlowSight, InputClose};
use crate::dissect::Dissected;
use crate::flow::{Event, Finished, Flow, Outlet, TableStats};
use crate::threads::Sender;

/// From reading to all that follow.
#[derive(Clone)]
pub(super) enum Read {
    /// What was found, in order.
    Segments(Arc<Vec<Dissected>>),
    /// All was read.
    End(Arc<InputClose>),
}

/// From following to judging.
pub(super) enum Followed {
    /// Flows, in the order in which they were finished.
    Flows(Finished),
    /// The input has ended; flows that follow are those it finishes.
    Sight(Box<FlowSight>),
    /// All flows were told.
    End(TableStats),
}

/// From judging to telling.
pub(super) enum Judged {
    /// Flows, in the order in which they are told.
    Flows(Vec<Flow>),
    /// The input has ended; flows that follow are those it finishes.
    Sight(Box<FlowSight>),
    /// All flows were told.
    End(TableStats),
}

/// Whoever tells hears from time to time how far it is, if there are no flows to be told: whenever so many batches came.
const TICKS: u32 = 32;
/// Flows told at once: enough to make waking a thread cheap, few enough to bound memory.
const FLOWS: usize = 256;

/// Hands judged flows over in batches.
pub(super) struct JudgedOutlet {
    batch: Vec<Flow>,
    out: Sender<Judged>,
    /// Batches that were told.
    spent: mpsc::Receiver<Vec<Flow>>,
    /// Memory of events that were told.
    rooms: Vec<Vec<Event>>,
    ticks: u32,
}

impl JudgedOutlet {
    pub(super) const fn new(out: Sender<Judged>, spent: mpsc::Receiver<Vec<Flow>>) -> Self {
        Self { batch: Vec::new(), out, spent, rooms: Vec::new(), ticks: 0 }
    }

    /// Takes a flow, and gives back memory for the events of another.
    #[inline]
    pub(super) fn put(&mut self, flow: Flow) -> Vec<Event> {
        self.batch.push(flow);
        self.rooms.pop().unwrap_or_default()
    }

    /// True when it is time for [`Self::flush`].
    pub(super) const fn is_full(&self) -> bool {
        self.batch.len() >= FLOWS
    }

    /// Hands over what was put in; false when nobody listens any more.
    #[must_use]
    pub(super) fn flush(&mut self) -> bool {
        self.ticks = 0;
        let mut empty = self.spent.try_recv().unwrap_or_default();
        self.rooms.extend(empty.drain(..).map(|flow| flow.events));
        self.out.send(Judged::Flows(std::mem::replace(&mut self.batch, empty)))
    }

    /// Another batch of finished flows has come; false when nobody listens any more.
    #[must_use]
    pub(super) fn tick(&mut self) -> bool {
        self.ticks += 1;
        self.ticks < TICKS || self.flush()
    }

    /// Hands `next` over, behind all flows that were put in; false when nobody listens any more.
    #[must_use]
    pub(super) fn send(&mut self, next: Judged) -> bool {
        self.flush() && self.out.send(next)
    }
}

/// What was judged before a panic is told, as it is on one thread.
impl Drop for JudgedOutlet {
    fn drop(&mut self) {
        let _ = self.flush();
    }
}

/// Hands finished flows over in batches.
pub(super) struct FlowOutlet {
    batch: Finished,
    line: Line,
}

/// The way to whoever judges.
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
