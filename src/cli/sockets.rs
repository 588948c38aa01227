//! Socket tables that are to be joined with the flows.

use std::io::{Write, stderr};
use std::path::PathBuf;

use closewait::report::for_terminal;
use closewait::socket_file::{SocketFile, SocketTable};
use closewait::{Error, Result};

use super::Ending;
use super::moment::Moment;
use super::plan::{is_stdin, resolve};

/// Lines of one file told one by one.
const TOLD: usize = 5;

/// The tables that could be read, and what is wrong with them or others.
#[derive(Debug, Default)]
pub(super) struct Tables {
    pub(super) read: Vec<SocketTable>,
    /// A sentence for each file that could not be read and each line that was not understood.
    pub(super) problems: Vec<String>,
}

impl Tables {
    /// Reads the tables in `files`, taken at `times`, beside the captures at `captures`.
    ///
    /// # Errors
    /// A usage error when times and files do not pair, or standard input is asked for twice. Files that cannot be read
    /// are none: the captures are analysed without them.
    pub(super) fn open(files: &[PathBuf], times: &[Moment], captures: &[PathBuf]) -> Result<Self> {
        if times.len() > 1 && times.len() != files.len() {
            return Err(Error::usage("--sockets-at is given once for all --sockets, or once for each"));
        }
        if files.iter().any(|path| is_stdin(path))
            && files.iter().chain(captures).filter(|path| is_stdin(path)).count() > 1
        {
            return Err(Error::usage("standard input (-) can be read only once"));
        }
        let times = resolve(times, captures)?;
        let mut tables = Self::default();
        for (place, path) in files.iter().enumerate() {
            let taken = times.get(if times.len() > 1 { place } else { 0 }).copied();
            match SocketFile::open(path) {
                Ok(file) => {
                    tables.problems.extend(unread_lines(&file));
                    tables.read.push(SocketTable { file, taken });
                }
                Err(error) => tables.problems.push(error.to_string()),
            }
        }
        Ok(tables)
    }
}

/// Tells on standard error what was wrong with socket tables, and how the run ended for that.
pub(super) fn report(problems: &[String]) -> Ending {
    if problems.is_empty() {
        return Ending::Done;
    }
    let mut err = stderr().lock();
    for problem in problems {
        // Nothing can be done when nobody listens on standard error.
        let _ = writeln!(err, "closewait: {}", for_terminal(problem));
    }
    Ending::Incomplete
}

/// One sentence per line of `file` that was not understood, and how many more there are.
fn unread_lines(file: &SocketFile) -> Vec<String> {
    let told = file.unread.iter().take(TOLD);
    let mut lines: Vec<_> =
        told.map(|line| format!("{}: line {}: {}", file.name, line.line, line.why)).collect();
    let more = file.unread_lines.saturating_sub(lines.len() as u64);
    if more > 0 {
        lines.push(format!("{}: … and {more} more lines that were not understood", file.name));
    }
    lines
}
