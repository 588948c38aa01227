//! One run: captures in, flows and findings out. What it is asked, and what came of it; `pipeline` does it.

mod facts;
mod order;
mod partial;
mod pipeline;
mod sight;
mod teller;

use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;

pub use self::partial::Partial;
use self::pipeline::{Progress, Records, Replayed, Source, run_here, run_on_threads};
use self::teller::Teller;
use crate::capture::{FileSummary, Input, Problem};
use crate::diagnose::{InputFinding, Severity, Terms};
use crate::flow::{FlowOutcome, Limits, TableStats};
use crate::incident::Incident;
use crate::narrow::Narrowing;
use crate::report::{InputFacts, Plan, Report};
use crate::socket_file::{Joiner, SocketJoin, SocketTable};
use crate::threads::Permits;
use crate::timers::KnownTimers;

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
    progress: Progress<'a>,
    threads: Option<NonZeroUsize>,
    sockets: Vec<SocketTable>,
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
    /// The socket tables that were given, joined with the flows; `None` when there were none.
    pub sockets: Option<SocketJoin>,
    /// What happened, the worst first.
    pub incidents: Vec<Incident>,
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
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let plan = Plan { version, timers: KnownTimers::builtin(), ..Plan::default() };
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

    /// Socket tables to join with the flows.
    #[must_use]
    pub fn sockets(mut self, tables: Vec<SocketTable>) -> Self {
        self.sockets = tables;
        self
    }

    /// Timers that measured delays are compared with; those of [`KnownTimers::builtin`] unless said.
    #[must_use]
    pub fn timers(mut self, timers: KnownTimers) -> Self {
        self.plan.timers = timers;
        self
    }

    /// From which local ports hosts connect, both ends included (Linux: `ip_local_port_range`); not known unless said.
    #[must_use]
    pub fn local_ports(mut self, ports: Option<(u16, u16)>) -> Self {
        self.plan.ports = ports;
        self
    }

    /// Called now and then with the octets read so far, as they lie on disk.
    #[must_use]
    pub fn progress(mut self, progress: impl FnMut(u64) + 'a) -> Self {
        self.progress = Some(Box::new(progress));
        self
    }

    /// How many threads may work at a time; one unless said. Whatever their number, the same is told.
    #[must_use]
    pub fn threads(mut self, threads: NonZeroUsize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Reads all of `input` and tells `report` of it. Damage does not stop the run: see [`Outcome::problems`].
    ///
    /// Reports are told on the caller's thread.
    ///
    /// # Errors
    /// What `report` says; the run stops there. With more than one thread also that there was none to be had.
    ///
    /// # Panics
    /// Where `report` or what is read panics.
    pub fn run(self, mut input: Input, report: &mut dyn Report) -> io::Result<Outcome> {
        let names = names(input.files());
        let permits = self.permits();
        if let Some(permits) = &permits {
            input.read_ahead(Arc::clone(permits));
        }
        self.tell(Records::new(input), names, permits.as_ref(), report)
    }

    /// Tells `report` of the parts of a capture that were read before: exactly what [`Self::run`] tells of their
    /// files.
    ///
    /// # Errors
    /// As [`Self::run`].
    ///
    /// # Panics
    /// Where `report` panics.
    pub fn run_joined(self, partial: Partial, report: &mut dyn Report) -> io::Result<Outcome> {
        let Partial { history, tally, account } = partial;
        let (names, permits) = (names(&account.files), self.permits());
        self.tell(Replayed::new(history.into_iter(), tally, account), names, permits.as_ref(), report)
    }

    fn permits(&self) -> Option<Arc<Permits>> {
        let threads = self.threads.map_or(1, NonZeroUsize::get);
        (threads > 1).then(|| Arc::new(Permits::new(threads)))
    }

    fn tell(
        self,
        source: impl Source,
        names: Vec<String>,
        permits: Option<&Arc<Permits>>,
        report: &mut dyn Report,
    ) -> io::Result<Outcome> {
        let Self { mut plan, narrowing, progress, sockets, .. } = self;
        plan.inputs.clone_from(&names);
        report.begin(&plan)?;
        let joiner = (!sockets.is_empty()).then(|| Joiner::new(sockets, plan.limits));
        let terms = Terms { timers: plan.timers, ports: plan.ports };
        let teller = Teller::new(&narrowing, plan.limits, terms, report, names, joiner);
        match permits {
            Some(permits) => run_on_threads(source, plan.limits, teller, progress, permits),
            None => run_here(source, plan.limits, teller, progress),
        }
    }
}

fn names(files: &[FileSummary]) -> Vec<String> {
    files.iter().map(|file| file.path.display().to_string()).collect()
}
