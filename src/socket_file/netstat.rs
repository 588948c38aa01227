//! Lines of `netstat` (net-tools).

use super::end::parse_netstat_end;
use super::line::{Line, number, word};
use super::row::{Process, SocketRow, Timer};
use super::words::{netstat_timer, state_of};

/// Which columns stand behind the state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Columns {
    /// `User` and `Inode` (`-e`).
    pub(super) users: bool,
    /// `PID/Program name` (`-p`).
    pub(super) processes: bool,
    /// `Timer` (`-o`).
    timer: bool,
}

/// The columns that a heading names; `None` when `text` is none.
pub(super) fn heading(text: &str) -> Option<Columns> {
    text.starts_with("Proto Recv-Q Send-Q").then(|| Columns {
        users: text.contains("Inode"),
        processes: text.contains("PID/Program"),
        timer: text.contains("Timer"),
    })
}

/// The columns that a line without heading shows; `None` when it is no line of `netstat` about TCP.
pub(super) fn columns_of(text: &str) -> Option<Columns> {
    let mut words = text.split_whitespace();
    let is_tcp = words.next().is_some_and(is_tcp);
    let mut is_number = || words.next().is_some_and(|word| word.parse::<u64>().is_ok());
    if !(is_tcp && is_number() && is_number()) {
        return None;
    }
    let behind: Vec<_> = words.skip(2).collect();
    state_of(behind.first()?)?;
    let users = behind.get(2).is_some_and(|word| word.parse::<u64>().is_ok());
    let process = behind.get(if users { 3 } else { 1 });
    let processes = process.is_some_and(|word| *word == "-" || pid_of(word).is_some());
    Some(Columns { users, processes, timer: text.trim_end().ends_with(')') })
}

/// Reads a line of a table with these columns.
pub(super) fn parse(text: &str, columns: Columns) -> Line {
    let text = text.trim();
    let (proto, rest) = word(text);
    match proto {
        _ if is_tcp(proto) => row(rest, columns).map_or_else(Line::wrong, Line::row),
        "udp" | "udp6" | "udplite" | "udplite6" | "raw" | "raw6" | "sctp" | "icmp" | "icmp6" | "unix"
        | "ax25" => Line::Other,
        _ => Line::wrong(format!("{proto:?} is no protocol")),
    }
}

fn is_tcp(word: &str) -> bool {
    matches!(word, "tcp" | "tcp6")
}

fn row(text: &str, columns: Columns) -> Result<SocketRow, String> {
    let mut rest = text;
    let mut next = || {
        let (word, after) = word(rest);
        rest = after;
        word
    };
    let (recv_q, send_q) = (number(next(), "Recv-Q")?, number(next(), "Send-Q")?);
    let (local, peer) = (parse_netstat_end(next())?, parse_netstat_end(next())?);
    let state = next();
    let state = state_of(state).ok_or_else(|| format!("{state:?} is no state"))?;
    let (uid, inode) = if columns.users { (next().parse().ok(), next().parse().ok()) } else { (None, None) };
    let (rest, timer) = split_timer(rest.trim(), columns);
    let processes = if columns.processes { program(rest)?.into_iter().collect() } else { Vec::new() };
    Ok(SocketRow { line: 0, state: Some(state), recv_q, send_q, local, peer, processes, timer, uid, inode })
}

/// `4711/nginx: master`, or `-`. The name is cut where its column ends.
fn program(text: &str) -> Result<Option<Process>, String> {
    let text = text.trim();
    if text == "-" {
        return Ok(None);
    }
    let pid = pid_of(text).ok_or_else(|| format!("{text:?} is no program"))?;
    let name = text.split_once('/').map_or("", |(_, name)| name).trim();
    Ok(Some(Process { name: name.to_owned(), pid, fd: None }))
}

fn pid_of(text: &str) -> Option<u32> {
    text.split_once('/')?.0.parse().ok()
}

/// A name may hold blanks, so the timer is looked for from the end: `4711/nginx: worker keepalive (7.1/0/0)`.
fn split_timer(text: &str, columns: Columns) -> (&str, Option<Timer>) {
    let numbers = text.rfind(" (").filter(|_| columns.timer);
    let Some((before, _)) = numbers.and_then(|place| text.split_at_checked(place)) else {
        return (text, None);
    };
    let start = before.rfind(' ').map_or(0, |place| place + 1);
    let (rest, timer) = text.split_at_checked(start).unwrap_or((text, ""));
    (rest, netstat_timer(timer))
}
