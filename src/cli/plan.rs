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
use closewait::time::Timestamp;
use closewait::{Analysis, Error, Outcome, Result};

use super::args::{LimitArgs, NarrowArgs, SourceArgs};
use super::moment::{Moment, one_day};
use super::progress::Progress;
use super::terminal;

/// What to read, what of it to tell, and how the terminal wants it.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) paths: Vec<PathBuf>,
    pub(super) narrowing: Narrowing,
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
        let paths = expand(&source.captures)?;
        Ok(Self {
            narrowing: narrowing(narrow, &paths)?,
            limits: Limits {
                fin_delay: limits.fin_delay.0,
                linger: limits.linger.0,
                time_wait: limits.time_wait.0,
                max_flows: limits.max_flows,
                max_memory: limits.max_memory.map(|size| size.0),
            },
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
        let input = Input::open(&self.paths);
        let progress = Progress::new(input.total_bytes(), self.progress);
        let outcome = Analysis::new()
            .limits(self.limits)
            .narrow(self.narrowing.clone())
            .options(self.options.clone())
            .local_ports(self.ports)
            .threads(self.threads)
            .progress(progress.callback())
            .run(input, report);
        progress.clear();
        outcome
    }
}

fn narrowing(args: NarrowArgs, paths: &[PathBuf]) -> Result<Narrowing> {
    let (since, until) = times(args.since, args.until, paths)?;
    Ok(Narrowing {
        networks: args.host.into_iter().chain(args.net).collect(),
        ports: args.port,
        since,
        until,
        only: canonical(&args.only),
        ignore: canonical(&args.ignore),
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

/// The time of the first record, for which the files are opened twice.
fn start(paths: &[PathBuf]) -> Result<Timestamp> {
    if let Some(stream) = paths.iter().find(|path| !path.is_file() && (path.exists() || is_stdin(path))) {
        let name = if is_stdin(stream) { "standard input" } else { &*stream.to_string_lossy() };
        return Err(Error::usage(format!(
            "{name} can be read only once: give --since and --until with a date, as 2026-11-21T08:01:09Z"
        )));
    }
    Input::open(paths)
        .next_record()
        .map(|record| record.time)
        .ok_or_else(|| Error::usage("there is no record that --since or --until could be counted from"))
}

fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}
