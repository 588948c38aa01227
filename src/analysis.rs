//! One run: captures in, flows and findings out. Wires the stages together.

mod facts;
mod order;
mod partial;
mod sight;
mod teller;

use std::io;

use self::order::TimeOrder;
pub use self::partial::Partial;
use self::teller::Teller;
use crate::capture::{Account, FileSummary, Input, Locator, Problem};
use crate::diagnose::{InputFinding, Severity, Sight};
use crate::dissect::{Dissector, SkipTally};
use crate::flow::{Entry, Finished, FlowOutcome, Limits, Outlet, Table, TableStats};
use crate::narrow::Narrowing;
use crate::report::{InputFacts, Plan, Report};

/// Records between two calls of the progress callback.
const PROGRESS_EVERY: u64 = 1 << 14;

/// A run, with its options. Start with [`Analysis::new`].
///
/// Any [`Report`] may listen; a closure over flows and findings is one.
///
/// ```
/// use closewait::Analysis;
/// use closewait::capture::Input;
/// use closewait::diagnose::Finding;
/// use closewait::flow::{Flow, FlowOutcome};
///
/// # let capture = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/lab/accept_starved_90s.client.pcap");
/// let input = Input::open(&[capture.into()]);
/// let mut stale_ports = Vec::new();
/// let outcome = Analysis::new().run(input, &mut |flow: &Flow, _: &[Finding]| {
///     if flow.outcome == FlowOutcome::LateFinRst {
///         stale_ports.push(flow.initiator);
///     }
/// })?;
/// assert_eq!(stale_ports.len(), 10);
/// assert_eq!(outcome.flows, 32);
/// assert!(outcome.problems.is_empty());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Default)]
pub struct Analysis<'a> {
    plan: Plan,
    narrowing: Narrowing,
    progress: Option<Box<dyn FnMut(u64) + 'a>>,
}

/// What a run came to.
#[derive(Debug)]
pub struct Outcome {
    /// The input, every record accounted for.
    pub input: InputFacts,
    /// Files, as read.
    pub files: Vec<FileSummary>,
    /// What could not be read, in reading order. Not empty: the run could not do all that was asked.
    pub problems: Vec<Problem>,
    /// Flows told of, after narrowing.
    pub flows: u64,
    /// Flows that narrowing left out.
    pub flows_left_out: u64,
    /// The same by outcome, those that occur, in the order of precedence.
    pub outcomes: Vec<(FlowOutcome, u64)>,
    /// Findings by severity: notes, warnings, faults.
    pub findings: [u64; 3],
    /// What the capture could not show, after narrowing; among the findings above.
    pub input_findings: Vec<InputFinding>,
    /// What the flow table did.
    pub table: TableStats,
}

impl Outcome {
    /// Findings of at least this severity.
    pub fn findings_at_least(&self, severity: Severity) -> u64 {
        self.findings.iter().skip(severity as usize).sum()
    }
}

impl<'a> Analysis<'a> {
    /// A run with the defaults.
    pub fn new() -> Self {
        let plan = Plan { version: env!("CARGO_PKG_VERSION").to_owned(), ..Plan::default() };
        Self { plan, ..Self::default() }
    }

    /// Thresholds that decide outcomes.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.plan.limits = limits;
        self
    }

    /// Which flows and findings to tell of.
    #[must_use]
    pub fn narrow(mut self, narrowing: Narrowing) -> Self {
        self.narrowing = narrowing;
        self
    }

    /// Options as typed, for the reports: (name, value).
    #[must_use]
    pub fn options(mut self, options: Vec<(String, String)>) -> Self {
        self.plan.options = options;
        self
    }

    /// Called now and then with the octets read so far, as they lie on disk.
    #[must_use]
    pub fn progress(mut self, progress: impl FnMut(u64) + 'a) -> Self {
        self.progress = Some(Box::new(progress));
        self
    }

    /// Reads all of `input` and tells `report` of it. Damage does not stop the run: see [`Outcome::problems`].
    ///
    /// # Errors
    /// What `report` says; the run stops there.
    pub fn run(mut self, mut input: Input, report: &mut dyn Report) -> io::Result<Outcome> {
        let mut progress = self.progress.take();
        let mut run = self.begin(input.files(), report)?;
        let mut dissector = Dissector::new();
        let mut until_progress = PROGRESS_EVERY;
        loop {
            let order = &mut run.order;
            let mut count = input.records_at_hand(until_progress, |record| {
                dissector.dissect_onto(&record, order.inlet());
                !order.is_full()
            });
            if count == 0 {
                let Some(record) = input.next_record() else { break };
                dissector.dissect_onto(&record, run.order.inlet());
                count = 1;
            }
            if run.order.is_full() {
                run.release(input.locator());
                if run.teller.failed() {
                    break;
                }
            }
            until_progress -= count;
            if until_progress == 0 {
                until_progress = PROGRESS_EVERY;
                if let Some(progress) = &mut progress {
                    progress(input.bytes_read());
                }
            }
        }
        dissector.finish(run.order.inlet());
        run.finish(input.into_account(), &dissector.into_tally())
    }

    /// Tells `report` of the parts of a capture that were read before: exactly what [`Self::run`] tells of their
    /// files.
    ///
    /// # Errors
    /// What `report` says; the run stops there.
    pub fn run_joined(mut self, partial: Partial, report: &mut dyn Report) -> io::Result<Outcome> {
        let Partial { history, mut tally, account } = partial;
        let mut run = self.begin(&account.files, report)?;
        let mut dissector = Dissector::new();
        for entry in history {
            match entry {
                Entry::Found(found) => {
                    dissector.passes(&found, run.order.inlet());
                    run.order.inlet().push(found);
                }
                Entry::Fragment(fragment) => dissector.resume(fragment, run.order.inlet()),
            }
            if run.order.is_full() {
                run.release(&account.locator);
                if run.teller.failed() {
                    break;
                }
            }
        }
        dissector.finish(run.order.inlet());
        tally.join(0, dissector.tally());
        run.finish(account, &tally)
    }

    fn begin<'r>(&'r mut self, files: &[FileSummary], report: &'r mut dyn Report) -> io::Result<Run<'r>> {
        self.plan.inputs = files.iter().map(|file| file.path.display().to_string()).collect();
        report.begin(&self.plan)?;
        let inputs = self.plan.inputs.clone();
        Ok(Run {
            order: TimeOrder::default(),
            table: Table::new(self.plan.limits),
            finished: Finished::default(),
            teller: Teller::new(&self.narrowing, self.plan.limits, report, inputs),
        })
    }
}

/// What was dissected, on its way to the reports.
struct Run<'r> {
    order: TimeOrder,
    table: Table,
    finished: Finished,
    teller: Teller<'r>,
}

impl Run<'_> {
    fn release(&mut self, locator: &Locator) {
        let Self { order, table, finished, teller } = self;
        let mut tell = |finished: &mut Finished| teller.tell_all(finished, locator);
        let mut out = Outlet::new(finished, &mut tell);
        order.release(|found| table.observe_any(found, &mut out));
    }

    /// The input has ended.
    fn finish(mut self, account: Account, tally: &SkipTally) -> io::Result<Outcome> {
        let Self { order, table, finished, teller } = &mut self;
        let locator = &account.locator;
        let mut tell = |finished: &mut Finished| teller.tell_all(finished, locator);
        let mut out = Outlet::new(finished, &mut tell);
        order.finish(|found| table.observe_any(found, &mut out));
        // Records that are no segments pass time as well.
        if let Some(end) = account.end() {
            table.advance(end, &mut out);
        }
        tell(finished);
        table.cut(account.problems.iter().filter_map(cut_at));
        let files = sight::file_sight(&account, tally, &table.stats());
        teller.sight = Sight { files, coming: table.directions(), ..std::mem::take(&mut teller.sight) };
        let mut tell = |finished: &mut Finished| teller.tell_all(finished, locator);
        table.finish(&mut Outlet::new(finished, &mut tell));
        tell(finished);
        self.teller.finish(account, tally, self.table.stats())
    }
}

/// The record at which a file ended too early.
fn cut_at(problem: &Problem) -> Option<u64> {
    match problem {
        Problem::Damaged(damage) if damage.kind.ends_file() => Some(damage.global_record),
        _ => None,
    }
}
