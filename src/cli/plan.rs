//! What will be done: built once everything that was typed makes sense.

use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

use closewait::capture::{Input, expand};
use closewait::diagnose::find_rule;
use closewait::flow::Limits;
use closewait::narrow::Narrowing;
use closewait::report::{Report, TextOptions};
use closewait::socket_file::SocketTable;
use closewait::time::Timestamp;
use closewait::timers::KnownTimers;
use closewait::{Analysis, Error, Outcome, Result};

use super::args::{FlowArgs, LimitArgs, NarrowArgs, SourceArgs, TableArgs};
use super::moment::{Moment, one_day};
use super::progress::Progress;
use super::terminal;

/// What to read, what of it to tell, and how the terminal wants it.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) paths: Vec<PathBuf>,
    pub(super) narrowing: Narrowing,
    pub(super) timers: KnownTimers,
    pub(super) limits: Limits,
    /// From which local ports hosts connect, if that was said.
    pub(super) ports: Option<(u16, u16)>,
    /// Options as typed, for the reports.
    pub(super) options: Vec<(String, String)>,
    pub(super) text: TextOptions,
    /// Show a progress bar.
    pub(super) progress: bool,
    pub(super) threads: NonZeroUsize,
}

impl Plan {
    /// # Errors
    /// A usage error when a pattern matches nothing or a time cannot be placed in the capture.
    pub(super) fn new(source: &SourceArgs, narrow: NarrowArgs, limits: &LimitArgs) -> Result<Self> {
        let LimitArgs { fin_delay, linger, time_wait, table } = limits;
        let of_closed =
            Limits { fin_delay: fin_delay.0, linger: linger.0, time_wait: time_wait.0, ..Limits::default() };
        let NarrowArgs { flows, only, ignore } = narrow;
        let mut plan = Self::of_flows(source, flows, of_closed, table)?;
        (plan.narrowing.only, plan.narrowing.ignore) = (canonical(&only), canonical(&ignore));
        Ok(plan)
    }

    /// The same where findings do not matter.
    ///
    /// # Errors
    /// As [`Plan::new`].
    pub(super) fn of_flows(
        source: &SourceArgs,
        narrow: FlowArgs,
        limits: Limits,
        table: &TableArgs,
    ) -> Result<Self> {
        let paths = expand(&source.captures)?;
        Ok(Self {
            narrowing: narrowing(narrow, &paths)?,
            limits: Limits {
                max_flows: table.max_flows,
                max_memory: table.max_memory.map(|size| size.0),
                ..limits
            },
            timers: known_timers(&source.timers)?,
            text: terminal::text_options(source.color),
            paths,
            ports: None,
            options: Vec::new(),
            progress: true,
            threads: source.threads.or_else(|| available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN),
        })
    }

    /// Reads everything and tells `report` of it.
    ///
    /// # Errors
    /// What `report` says.
    pub(super) fn run(&self, report: &mut dyn Report) -> io::Result<Outcome> {
        self.run_joined(Vec::new(), report)
    }

    /// The same with socket tables to be joined with the flows.
    ///
    /// # Errors
    /// What `report` says.
    pub(super) fn run_joined(
        &self,
        sockets: Vec<SocketTable>,
        report: &mut dyn Report,
    ) -> io::Result<Outcome> {
        let input = Input::open(&self.paths);
        let progress = Progress::new(input.total_bytes(), self.progress);
        let outcome = Analysis::new()
            .limits(self.limits)
            .narrow(self.narrowing.clone())
            .options(self.options.clone())
            .timers(self.timers.clone())
            .local_ports(self.ports)
            .threads(self.threads)
            .sockets(sockets)
            .progress(progress.callback())
            .run(input, report);
        progress.clear();
        outcome
    }
}

/// Those of the program and, before them, those of `files`, the first before the second.
///
/// # Errors
/// When one cannot be read or has a line that is no timer.
pub(super) fn known_timers(files: &[PathBuf]) -> Result<KnownTimers> {
    files.iter().rev().try_fold(KnownTimers::builtin(), |timers, file| timers.with_file(file))
}

fn narrowing(args: FlowArgs, paths: &[PathBuf]) -> Result<Narrowing> {
    let (since, until) = times(args.since, args.until, paths)?;
    Ok(Narrowing {
        networks: args.host.into_iter().chain(args.net).collect(),
        ports: args.port,
        since,
        until,
        ..Narrowing::default()
    })
}

fn canonical(codes: &[String]) -> Vec<String> {
    codes.iter().filter_map(|code| find_rule(code)).map(|rule| rule.code.to_owned()).collect()
}

type Times = (Option<Timestamp>, Option<Timestamp>);

/// Places `since` and `until` in the capture. An `until` of day before `since` means the next day.
fn times(since: Option<Moment>, until: Option<Moment>, paths: &[PathBuf]) -> Result<Times> {
    let relative = [since, until].into_iter().flatten().any(Moment::is_relative);
    let start = if relative { Some(start(paths)?) } else { None };
    let from = since.and_then(|moment| moment.resolve(start));
    let mut to = until.and_then(|moment| moment.resolve(start));
    if until.is_some_and(Moment::is_of_day) && to < from.or(start) {
        to = to.map(|time| time + one_day());
    }
    if from.is_some() && to.is_some_and(|to| Some(to) < from) {
        return Err(Error::usage("--until is before --since"));
    }
    Ok((from, to))
}

/// Places `moments` in the capture. A time of day before its start means the next day.
///
/// # Errors
/// A usage error when one cannot be placed.
pub(super) fn place(moments: &[Moment], paths: &[PathBuf]) -> Result<Vec<Timestamp>> {
    let start = if moments.iter().copied().any(Moment::is_relative) { Some(start(paths)?) } else { None };
    Ok(moments.iter().filter_map(|moment| moment.resolve_after(start)).collect())
}

/// The time of the first record, for which the files are opened twice.
fn start(paths: &[PathBuf]) -> Result<Timestamp> {
    if let Some(stream) = paths.iter().find(|path| !path.is_file() && (path.exists() || is_stdin(path))) {
        let name = if is_stdin(stream) { "standard input" } else { &*stream.to_string_lossy() };
        return Err(Error::usage(format!(
            "{name} can be read only once: give times with a date, as 2026-11-21T08:01:09Z"
        )));
    }
    Input::open(paths)
        .next_record()
        .map(|record| record.time)
        .ok_or_else(|| Error::usage("there is no record that a time could be counted from"))
}

/// Places `moments` in the capture.
pub(super) fn resolve(moments: &[Moment], paths: &[PathBuf]) -> Result<Vec<Timestamp>> {
    let relative = moments.iter().copied().any(Moment::is_relative);
    let start = if relative { Some(start(paths)?) } else { None };
    Ok(moments.iter().filter_map(|moment| moment.resolve(start)).collect())
}

pub(super) fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}
