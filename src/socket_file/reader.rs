//! A file to rows: which format it has, where its tables begin, and what each line is.

use std::io::{BufRead, Read};
use std::path::Path;

use super::line::Line;
use super::row::SocketRow;
use super::{Format, SocketFile, UnreadLine, netstat, proc_net, ss};
use crate::error::{Error, Result};

/// Longest line that is looked at: a listener that a thousand workers share takes 30 kB.
const LONGEST_LINE: u64 = 1 << 20;
/// What is shown of a file that is no socket table.
const SHOWN: usize = 40;
/// What `netstat` says on standard error, which often is in the file too.
const NOT_ROOT: [&str; 2] = ["(Not all processes could be identified", "would have to be root to see it all"];

/// How lines are to be read.
#[derive(Clone, Copy, Debug)]
enum Reading {
    Ss(ss::Columns),
    Netstat(netstat::Columns),
    /// True for TCP.
    ProcNet(bool),
    /// Below a heading of `netstat` about something else.
    Elsewhere,
}

#[derive(Debug, Default)]
struct Reader {
    format: Option<Format>,
    reading: Option<Reading>,
    /// The first line, in case there is nothing else to show.
    first_line: Option<String>,
    rows: Vec<SocketRow>,
    rows_left_out: u64,
    /// How many tables began.
    tables: u64,
    /// Where the last one begins in `rows`; before it lies one that it may be a part of.
    start: usize,
    other_lines: u64,
    unread_lines: u64,
    unread: Vec<UnreadLine>,
    not_root: bool,
}

pub(super) fn read(path: &Path, mut source: impl BufRead) -> Result<SocketFile> {
    let mut reader = Reader::default();
    let (mut octets, mut number, mut offset) = (Vec::new(), 0, 0);
    loop {
        octets.clear();
        let read = (&mut source).take(LONGEST_LINE).read_until(b'\n', &mut octets);
        let length = read.map_err(|error| Error::read(path, offset, error))? as u64;
        if length == 0 {
            break;
        }
        (number, offset) = (number + 1, offset + length);
        if length == LONGEST_LINE && !octets.ends_with(b"\n") {
            offset += skip_line(&mut source).map_err(|error| Error::read(path, offset, error))?;
            reader.unread(number, format!("longer than {LONGEST_LINE} octets"));
            continue;
        }
        reader.line(number, String::from_utf8_lossy(&octets).trim_end());
    }
    reader.finish(path)
}

/// Skips the rest of a line; how long that was.
fn skip_line(source: &mut impl BufRead) -> std::io::Result<u64> {
    let mut skipped = 0;
    loop {
        let octets = source.fill_buf()?;
        let end = octets.iter().position(|&octet| octet == b'\n');
        let length = end.map_or(octets.len(), |end| end + 1);
        source.consume(length);
        skipped += length as u64;
        if end.is_some() || length == 0 {
            return Ok(skipped);
        }
    }
}

impl Reader {
    fn line(&mut self, number: u64, text: &str) {
        if text.trim().is_empty() {
            return;
        }
        self.first_line.get_or_insert_with(|| text.chars().take(SHOWN).collect());
        if NOT_ROOT.iter().any(|words| text.contains(words)) {
            self.not_root = true;
            self.other_lines += 1;
            return;
        }
        if let Some((format, reading)) = heading(text) {
            self.begin(format, reading);
            self.other_lines += 1;
            return;
        }
        if self.reading.is_none()
            && let Some((format, reading)) = headless(text)
        {
            self.begin(format, reading);
        }
        self.body(number, text);
    }

    /// A tool that ran again tells of the same sockets at another moment: the last moment counts. The two tables of
    /// /proc/net, one per family, are one.
    fn begin(&mut self, format: Format, reading: Reading) {
        self.reading = Some(reading);
        if matches!(reading, Reading::Elsewhere | Reading::ProcNet(false)) {
            self.format.get_or_insert(format);
            return;
        }
        let keeps_last = self.format == Some(format) && format == Format::ProcNetTcp;
        self.rows.drain(..if keeps_last { self.start } else { self.rows.len() });
        (self.start, self.rows_left_out) = (self.rows.len(), 0);
        self.format = Some(format);
        self.tables += 1;
    }

    fn body(&mut self, number: u64, text: &str) {
        let line = match self.reading {
            // None: prompts and commands before the first table.
            None | Some(Reading::Elsewhere | Reading::ProcNet(false)) => Line::Other,
            Some(Reading::ProcNet(true)) => proc_net::parse(text),
            Some(Reading::Netstat(columns)) => netstat::parse(text, columns),
            Some(Reading::Ss(columns)) => match ss::parse(text, columns) {
                Line::Wrong(_) if text.starts_with(char::is_whitespace) => {
                    return self.continuation(number, text);
                }
                line => line,
            },
        };
        match line {
            Line::Row(row) if self.rows.len() < SocketFile::MOST_ROWS => {
                self.rows.push(SocketRow { line: number, ..*row });
            }
            Line::Row(_) => self.rows_left_out += 1,
            Line::Other => self.other_lines += 1,
            Line::Wrong(_) if is_prompt(text) => self.other_lines += 1,
            Line::Wrong(why) => self.unread(number, why),
        }
    }

    /// `ss -i` tells more of a socket on a line of its own, and a terminal may have wrapped its programs onto one.
    fn continuation(&mut self, number: u64, text: &str) {
        match self.rows.last_mut() {
            Some(row) => match ss::read_details(text, row) {
                Ok(()) => self.other_lines += 1,
                Err(why) => self.unread(number, why),
            },
            None => self.unread(number, "goes on with a socket that is not there".to_owned()),
        }
    }

    fn unread(&mut self, line: u64, why: String) {
        self.unread_lines += 1;
        if self.unread.len() < SocketFile::MOST_UNREAD {
            self.unread.push(UnreadLine { line, why });
        }
    }

    fn finish(mut self, path: &Path) -> Result<SocketFile> {
        let Some(format) = self.format else {
            let found = match self.first_line {
                Some(line) => format!("it starts with {line:?}"),
                None => "it is empty".to_owned(),
            };
            return Err(Error::not_a_socket_table(path, found));
        };
        if self.is_another_moment() {
            self.rows.drain(..self.start);
        } else if self.start > 0 {
            self.tables -= 1;
        }
        Ok(SocketFile {
            name: path.display().to_string(),
            format,
            rows: self.rows,
            other_lines: self.other_lines,
            unread_lines: self.unread_lines,
            unread: self.unread,
            tables: self.tables,
            rows_left_out: self.rows_left_out,
            not_root: self.not_root,
        })
    }

    /// True when the last two tables are of one family.
    fn is_another_moment(&self) -> bool {
        let (before, last) = self.rows.split_at_checked(self.start).unwrap_or_default();
        let is_ipv6 = |row: &SocketRow| row.local.addr.is_some_and(|addr| addr.is_ipv6());
        // Among IPv6 sockets there may be some with IPv4 addresses, mapped ones.
        !before.is_empty() && !last.is_empty() && before.iter().any(is_ipv6) == last.iter().any(is_ipv6)
    }
}

/// A shell's prompt, alone or with the command that printed a table.
fn is_prompt(text: &str) -> bool {
    text.ends_with(['$', '#'])
        || ["ss -", "netstat -", "/proc/net/tcp"].iter().any(|command| text.contains(command))
}

/// The format, and how to read on, when `text` is a heading.
fn heading(text: &str) -> Option<(Format, Reading)> {
    if let Some(columns) = ss::heading(text) {
        return Some((Format::Ss, Reading::Ss(columns)));
    }
    if let Some(columns) = netstat::heading(text) {
        return Some((Format::Netstat, Reading::Netstat(columns)));
    }
    if let Some(is_tcp) = proc_net::heading(text) {
        return Some((Format::ProcNetTcp, Reading::ProcNet(is_tcp)));
    }
    let is_elsewhere = text.starts_with("Active ") || text.starts_with("Proto RefCnt");
    is_elsewhere.then_some((Format::Netstat, Reading::Elsewhere))
}

/// The same for a first line without heading (`ss -H`, `grep`).
fn headless(text: &str) -> Option<(Format, Reading)> {
    if let Some(columns) = ss::columns_of(text) {
        return Some((Format::Ss, Reading::Ss(columns)));
    }
    if let Some(columns) = netstat::columns_of(text) {
        return Some((Format::Netstat, Reading::Netstat(columns)));
    }
    proc_net::is_row(text).then_some((Format::ProcNetTcp, Reading::ProcNet(true)))
}
