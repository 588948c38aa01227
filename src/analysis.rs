//! One run: captures in, flows and findings out. Wires the stages together.

use std::io;

use crate::capture::{
    ClockHealth, Compression, FileSummary, Gap, Health, Input, Irregularity, Locator, Overlap, Problem,
};
use crate::diagnose::{Context, Finding, Severity, diagnose};
use crate::dissect::Dissector;
use crate::flow::{BATCH, Flow, FlowOutcome, Limits, Table, TableStats};
use crate::narrow::Narrowing;
use crate::report::{FileFacts, InputFacts, Plan, Report, Skipped, Sources};
use crate::tcp::Segment;

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
        self.plan.inputs = input.files().iter().map(|file| file.path.display().to_string()).collect();
        report.begin(&self.plan)?;
        let mut teller = Teller::new(&self.narrowing, self.plan.limits, report, self.plan.inputs.clone());
        let mut dissector = Dissector::new();
        let mut table = Table::new(self.plan.limits);
        let mut segments: Vec<Segment> = Vec::with_capacity(BATCH);
        let mut until_progress = PROGRESS_EVERY;
        let mut first_icmp_error = None;
        while let Some(record) = input.next_record() {
            if let Some(error) = dissector.dissect_onto(&record, &mut segments) {
                table.observe_all(&segments, &mut |flow| teller.tell(flow, input.locator()));
                segments.clear();
                table.observe_icmp(&error, &mut |flow| teller.tell(flow, input.locator()));
                first_icmp_error.get_or_insert(error.record);
            }
            if segments.len() == BATCH {
                table.observe_all(&segments, &mut |flow| teller.tell(flow, input.locator()));
                segments.clear();
                if teller.failed() {
                    break;
                }
            }
            until_progress -= 1;
            if until_progress == 0 {
                until_progress = PROGRESS_EVERY;
                if let Some(progress) = &mut self.progress {
                    progress(input.bytes_read());
                }
            }
        }
        table.observe_all(&segments, &mut |flow| teller.tell(flow, input.locator()));
        // Records that are no segments pass time as well.
        if let Some(end) = input.files().iter().filter_map(|file| file.last_time).max() {
            table.advance(end, &mut |flow| teller.tell(flow, input.locator()));
        }
        table.cut(input.problems().iter().filter_map(cut_at));
        table.finish(&mut |flow| teller.tell(flow, input.locator()));
        teller.finish(input, &dissector, first_icmp_error.unwrap_or(0), table.stats())
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
        if !self.narrowing.admits(flow) {
            self.left_out += 1;
            return;
        }
        diagnose(flow, &Context { limits: &self.limits, now: flow.decided }, &mut self.findings);
        self.findings.retain(|finding| self.narrowing.admits_finding(finding));
        self.flows += 1;
        if let Some(count) = self.by_outcome.get_mut(flow.outcome as usize) {
            *count += 1;
        }
        for finding in &self.findings {
            if let Some(count) = self.by_severity.get_mut(finding.severity as usize) {
                *count += 1;
            }
        }
        let locate = |record| locator.locate(record);
        let sources = Sources { names: &self.names, locate: &locate };
        self.error = self.report.flow(flow, &self.findings, &sources);
    }

    fn finish(
        self,
        input: Input,
        dissector: &Dissector,
        first_icmp: u64,
        table: TableStats,
    ) -> io::Result<Outcome> {
        self.error?;
        let facts = input_facts(&input, dissector, first_icmp, table);
        self.report.finish(&facts)?;
        let outcomes =
            FlowOutcome::ALL.into_iter().zip(self.by_outcome).filter(|(_, count)| *count > 0).collect();
        let (files, problems) = input.into_parts();
        Ok(Outcome {
            input: facts,
            files,
            problems,
            flows: self.flows,
            flows_left_out: self.left_out,
            outcomes,
            findings: self.by_severity,
            table,
        })
    }
}

fn input_facts(input: &Input, dissector: &Dissector, first_icmp: u64, table: TableStats) -> InputFacts {
    let tally = dissector.tally();
    let mut skipped: Vec<Skipped> = tally
        .reasons()
        .map(|(reason, skips)| Skipped {
            reason: reason.to_string(),
            count: skips.count,
            first_record: skips.first_record,
        })
        .collect();
    if tally.icmp_errors() > 0 {
        let reason = "ICMP error about TCP".to_owned();
        skipped.push(Skipped { reason, count: tally.icmp_errors(), first_record: first_icmp });
    }
    skipped.sort_by_key(|skipped| (std::cmp::Reverse(skipped.count), skipped.first_record));
    InputFacts {
        files: input.files().iter().map(file_facts).collect(),
        records: tally.records(),
        segments: tally.segments(),
        skipped,
        late_segments: table.late,
        duplicates: table.copies,
        first_time: input.files().iter().filter_map(|file| file.first_time).min(),
        last_time: input.files().iter().filter_map(|file| file.last_time).max(),
        notes: notes(input, &input.health()),
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
fn notes(input: &Input, health: &Health) -> Vec<String> {
    let mut notes: Vec<String> = input.problems().iter().map(ToString::to_string).collect();
    let name = |file: usize| {
        input.files().get(file).map_or_else(String::new, |file| file.path.display().to_string())
    };
    notes.extend(health.overlaps.iter().map(|overlap| overlap_note(overlap, &name)));
    notes.extend(health.gaps.iter().map(|gap| gap_note(gap, &name)));
    if let Some(dropped @ 1..) = health.dropped {
        notes.push(format!("the capturing host says that it dropped {dropped} frames"));
    }
    notes.extend(clock_notes(&health.clock, &name));
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
