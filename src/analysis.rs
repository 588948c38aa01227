//! One run: captures in, flows and findings out. Wires the stages together.

mod order;
mod partial;
mod sight;

use std::io;

use self::order::TimeOrder;
pub use self::partial::Partial;
use crate::capture::{
    Account, ClockHealth, Compression, FileSummary, Gap, Health, Input, Irregularity, Locator, Overlap,
    Problem,
};
use crate::diagnose::{Context, Finding, InputFinding, Severity, Sight, diagnose, diagnose_input};
use crate::dissect::{Dissector, SkipTally, Skips};
use crate::flow::{Entry, Flow, FlowOutcome, Limits, Table, TableStats};
use crate::narrow::Narrowing;
use crate::report::{FileFacts, InputFacts, Plan, Report, Skipped, Sources};

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
        while let Some(record) = input.next_record() {
            dissector.dissect_onto(&record, run.order.inlet());
            if run.order.is_full() {
                run.release(input.locator());
                if run.teller.failed() {
                    break;
                }
            }
            until_progress -= 1;
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
            teller: Teller::new(&self.narrowing, self.plan.limits, report, inputs),
        })
    }
}

/// What was dissected, on its way to the reports.
struct Run<'r> {
    order: TimeOrder,
    table: Table,
    teller: Teller<'r>,
}

impl Run<'_> {
    fn release(&mut self, locator: &Locator) {
        let Self { order, table, teller } = self;
        order.release(|found| table.observe_any(found, &mut |flow| teller.tell(flow, locator)));
    }

    /// The input has ended.
    fn finish(mut self, account: Account, tally: &SkipTally) -> io::Result<Outcome> {
        let Self { order, table, teller } = &mut self;
        let locator = &account.locator;
        let mut tell = |flow: &Flow| teller.tell(flow, locator);
        order.finish(|found| table.observe_any(found, &mut tell));
        // Records that are no segments pass time as well.
        if let Some(end) = account.end() {
            table.advance(end, &mut tell);
        }
        table.cut(account.problems.iter().filter_map(cut_at));
        let files = sight::file_sight(&account, tally, &table.stats());
        teller.sight = Sight { files, coming: table.directions(), ..std::mem::take(&mut teller.sight) };
        table.finish(&mut |flow| teller.tell(flow, locator));
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

/// Hands finished flows to the reports, with their findings.
struct Teller<'r> {
    narrowing: &'r Narrowing,
    limits: Limits,
    report: &'r mut dyn Report,
    error: io::Result<()>,
    names: Vec<String>,
    findings: Vec<Finding>,
    /// All flows, those left out by narrowing as well.
    sight: Sight,
    flows: u64,
    left_out: u64,
    by_outcome: Vec<u64>,
    by_severity: [u64; 3],
}

impl<'r> Teller<'r> {
    fn new(narrowing: &'r Narrowing, limits: Limits, report: &'r mut dyn Report, names: Vec<String>) -> Self {
        Self {
            narrowing,
            limits,
            report,
            error: Ok(()),
            names,
            findings: Vec::new(),
            sight: Sight::default(),
            flows: 0,
            left_out: 0,
            by_outcome: vec![0; FlowOutcome::ALL.len()],
            by_severity: [0; 3],
        }
    }

    fn failed(&self) -> bool {
        self.error.is_err()
    }

    fn tell(&mut self, flow: &Flow, locator: &Locator) {
        if self.error.is_err() {
            return;
        }
        self.sight.add(flow);
        if !self.narrowing.admits(flow) {
            self.left_out += 1;
            return;
        }
        diagnose(
            flow,
            &Context { limits: &self.limits, now: flow.decided, doubts: self.sight.doubts() },
            &mut self.findings,
        );
        self.findings.retain(|finding| self.narrowing.admits_finding(finding));
        self.flows += 1;
        if let Some(count) = self.by_outcome.get_mut(flow.outcome as usize) {
            *count += 1;
        }
        for finding in &self.findings {
            count(&mut self.by_severity, finding.severity);
        }
        let locate = |record| locator.locate(record);
        let sources = Sources { names: &self.names, locate: &locate };
        self.error = self.report.flow(flow, &self.findings, &sources);
    }

    /// Tells what the capture could not show; every flow was told.
    fn tell_input(&mut self, locator: &Locator) -> io::Result<Vec<InputFinding>> {
        let mut findings = diagnose_input(&self.sight);
        findings.retain(|finding| self.narrowing.admits_code(finding.rule.code));
        for finding in &findings {
            count(&mut self.by_severity, finding.severity);
        }
        let locate = |record| locator.locate(record);
        self.report.input(&findings, &Sources { names: &self.names, locate: &locate })?;
        Ok(findings)
    }

    fn finish(mut self, account: Account, tally: &SkipTally, table: TableStats) -> io::Result<Outcome> {
        std::mem::replace(&mut self.error, Ok(()))?;
        let input_findings = self.tell_input(&account.locator)?;
        let facts = input_facts(&account, tally, table);
        self.report.finish(&facts)?;
        let outcomes =
            FlowOutcome::ALL.into_iter().zip(self.by_outcome).filter(|(_, count)| *count > 0).collect();
        let Account { files, problems, .. } = account;
        Ok(Outcome {
            input: facts,
            files,
            problems,
            flows: self.flows,
            flows_left_out: self.left_out,
            outcomes,
            findings: self.by_severity,
            input_findings,
            table,
        })
    }
}

fn count(by_severity: &mut [u64; 3], severity: Severity) {
    if let Some(count) = by_severity.get_mut(severity as usize) {
        *count += 1;
    }
}

fn input_facts(account: &Account, tally: &SkipTally, table: TableStats) -> InputFacts {
    let mut skipped: Vec<Skipped> = tally
        .reasons()
        .map(|(reason, skips)| Skipped {
            reason: reason.to_string(),
            count: skips.count,
            first_record: skips.first_record,
        })
        .collect();
    let Skips { count, first_record } = tally.icmp_errors();
    if count > 0 {
        skipped.push(Skipped { reason: "ICMP error about TCP".to_owned(), count, first_record });
    }
    skipped.sort_by_key(|skipped| (std::cmp::Reverse(skipped.count), skipped.first_record));
    InputFacts {
        files: account.files.iter().map(file_facts).collect(),
        records: tally.records(),
        segments: tally.segments(),
        skipped,
        late_segments: table.late,
        duplicates: table.copies,
        first_time: account.files.iter().filter_map(|file| file.first_time).min(),
        last_time: account.end(),
        notes: notes(account, &account.health(), table),
    }
}

fn file_facts(file: &FileSummary) -> FileFacts {
    let compression =
        if file.compression == Compression::None { String::new() } else { format!(", {}", file.compression) };
    FileFacts {
        name: file.path.display().to_string(),
        format: file.format.map_or_else(String::new, |format| format!("{format}{compression}")),
        link_types: file.links.iter().map(ToString::to_string).collect(),
        snaplen: (file.snaplen != 0).then_some(file.snaplen),
        records: file.records,
        bytes: file.bytes_read,
    }
}

/// What limits the input, one sentence each.
fn notes(account: &Account, health: &Health, table: TableStats) -> Vec<String> {
    let mut notes: Vec<String> = account.problems.iter().map(ToString::to_string).collect();
    let name = |file: usize| {
        account.files.get(file).map_or_else(String::new, |file| file.path.display().to_string())
    };
    notes.extend(health.overlaps.iter().map(|overlap| overlap_note(overlap, &name)));
    notes.extend(health.gaps.iter().map(|gap| gap_note(gap, &name)));
    if let Some(dropped @ 1..) = health.dropped {
        notes.push(format!("the capturing host says that it dropped {dropped} frames"));
    }
    notes.extend(clock_notes(&health.clock, &name));
    if table.evicted > 0 {
        notes.push(format!(
            "{} connections were told before their end because more were live than --max-flows",
            table.evicted
        ));
    }
    if table.forgotten > 0 {
        notes.push(format!(
            "{} connections that had ended were forgotten: what came later on their ports counts as new",
            table.forgotten
        ));
    }
    if health.untimed.count > 0 {
        notes.push(format!(
            "{} records carry no time: their durations and delays cannot be told",
            health.untimed.count
        ));
    }
    notes
}

fn overlap_note(overlap: &Overlap, name: &dyn Fn(usize) -> String) -> String {
    let Overlap { earlier, later, span, merged } = *overlap;
    let (earlier, later) = (name(earlier), name(later));
    if merged {
        format!("{earlier} and {later} overlap by {span}: read side by side in the order of time")
    } else {
        format!(
            "{earlier} and {later} overlap by {span} and were read one after the other: merge them first \
             (mergecap); together their counts and findings are wrong"
        )
    }
}

fn gap_note(gap: &Gap, name: &dyn Fn(usize) -> String) -> String {
    format!(
        "nothing for {} between {} and {}, where records are {} apart at most: a file may be missing",
        gap.span(),
        name(gap.before.file),
        name(gap.after.file),
        gap.usual
    )
}

fn clock_notes(clock: &ClockHealth, name: &dyn Fn(usize) -> String) -> Vec<String> {
    let told = |seen: &Irregularity, what: &str| {
        let place = seen.first.filter(|_| seen.count > 0)?;
        let (count, largest) = (seen.count, seen.largest);
        let times = if count == 1 { "once".to_owned() } else { format!("{count} times") };
        Some(format!(
            "{what} {times}, by {largest} at most (first: {}, record {})",
            name(place.file),
            place.record
        ))
    };
    [
        told(&clock.steps_back, "the clock steps back"),
        told(&clock.leaps, "the clock leaps ahead"),
        told(&clock.strays, "a single time stamp lies apart"),
        told(&clock.reordered, "neighbouring records run backwards"),
    ]
    .into_iter()
    .flatten()
    .collect()
}
