//! Socket tables that somebody attached: what `ss`, `netstat` or `/proc/net/tcp` said on one host at one moment.
//!
//! [`SocketFile`] is one of them, line by line. [`Joiner`] lays them beside the flows of a capture and tells, as
//! [`SocketJoin`], which program holds each stuck socket and what its receive queue says of that program.

mod end;
mod join;
mod line;
mod netstat;
mod proc_net;
mod reader;
mod row;
mod ss;
#[cfg(test)]
mod tests;
mod words;

use std::fs::File;
use std::io::{BufRead, BufReader, stdin};
use std::path::Path;

use serde::Serialize;

pub use self::join::{
    Absent, FileJoin, Fit, Holder, Holders, JoinedSocket, Joiner, Listener, Moment, PartySockets, SocketJoin,
    SocketTable, Tally, Verdict,
};
pub use self::row::{Process, SocketEnd, SocketRow, Timer};
use crate::error::{Error, Result};

/// The program, or the file of the kernel, whose output a table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// `ss` of iproute2.
    Ss,
    /// `netstat` of net-tools.
    Netstat,
    /// `/proc/net/tcp` or `/proc/net/tcp6`.
    ProcNetTcp,
}

/// A line that was not understood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnreadLine {
    /// Its number, from 1.
    pub line: u64,
    /// Why.
    pub why: String,
}

/// One socket table.
#[derive(Clone, Debug)]
pub struct SocketFile {
    /// Its name; `-` for standard input.
    pub name: String,
    /// What it is the output of.
    pub format: Format,
    /// Its TCP sockets, in the order of lines. Of several tables in one file, those of the last.
    pub rows: Vec<SocketRow>,
    /// Lines about other sockets, and headings.
    pub other_lines: u64,
    /// Lines that were not understood.
    pub unread_lines: u64,
    /// The first of them.
    pub unread: Vec<UnreadLine>,
    /// How many tables, one after the other, the file holds; more than 1 where the tool ran again and again.
    pub tables: u64,
    /// TCP sockets beyond [`SocketFile::MOST_ROWS`], which were left out.
    pub rows_left_out: u64,
    /// The tool said that it was not run as root, so that it does not name the programs of others.
    pub not_root: bool,
}

impl SocketFile {
    /// Sockets that are kept of one file.
    pub const MOST_ROWS: usize = 1 << 20;
    /// Lines not understood that are kept.
    pub const MOST_UNREAD: usize = 20;

    /// Reads the file at `path`; `-` is standard input.
    ///
    /// # Errors
    /// When it cannot be read or is no socket table. Lines that are not understood are no error: see
    /// [`SocketFile::unread`].
    pub fn open(path: &Path) -> Result<Self> {
        if path == Path::new("-") {
            return Self::read(path, stdin().lock());
        }
        let file = File::open(path).map_err(|error| Error::read(path, 0, error))?;
        Self::read(path, BufReader::new(file))
    }

    /// Reads a table from `source`, which is called `path`.
    ///
    /// # Errors
    /// As [`SocketFile::open`].
    pub fn read(path: &Path, source: impl BufRead) -> Result<Self> {
        reader::read(path, source)
    }

    /// True when any line names a program. If none does, the tool was run without `-p` or not as root, and a line without
    /// program says nothing.
    pub fn names_programs(&self) -> bool {
        self.rows.iter().any(|row| !row.processes.is_empty())
    }
}
