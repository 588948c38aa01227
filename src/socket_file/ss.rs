//! Lines of `ss`.

use super::end::parse_end;
use super::line::{Line, number, word};
use super::row::{Process, SocketRow};
use super::words::{ss_timer, state_of};

/// Which columns a table has in front.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    /// `Netid`: more than TCP was asked for.
    netid: bool,
    /// `State`: more than one state was asked for.
    state: bool,
}

/// The first words of lines about sockets that are not TCP.
const OTHER: [&str; 19] = [
    "udp", "u_str", "u_dgr", "u_seq", "u_???", "nl", "p_raw", "p_dgr", "raw", "icmp6", "mptcp", "sctp",
    "dccp", "v_str", "v_dgr", "tipc", "ti_st", "xdp", "???",
];

/// The columns that a heading names; `None` when `text` is none.
pub(super) fn heading(text: &str) -> Option<Columns> {
    let mut words = text.split_whitespace().peekable();
    let netid = words.next_if_eq(&"Netid").is_some();
    let state = words.next_if_eq(&"State").is_some();
    (words.next()? == "Recv-Q" && words.next()? == "Send-Q" && words.next()? == "Local")
        .then_some(Columns { netid, state })
}

/// The columns that a line without heading shows; `None` when it is no line of `ss`.
pub(super) fn columns_of(text: &str) -> Option<Columns> {
    let words: Vec<_> = text.split_whitespace().take(5).collect();
    let is_number = |word: Option<&&str>| word.is_some_and(|word| word.parse::<u64>().is_ok());
    let is_state = |word: Option<&&str>| word.is_some_and(|word| state_of(word).is_some());
    let netid = words.first().is_some_and(|word| *word == "tcp" || OTHER.contains(word));
    let place = usize::from(netid);
    let state = is_state(words.get(place));
    let columns = Columns { netid, state };
    let queues = place + usize::from(state);
    let is_end = |word: Option<&&str>| word.is_some_and(|word| parse_end(word).is_ok());
    // Where one state was asked for, addresses tell. Behind `tcp` and two numbers there would be netstat's.
    let is_plain = !netid && is_end(words.get(2)) && is_end(words.get(3));
    (is_number(words.get(queues)) && is_number(words.get(queues + 1)) && (state || is_plain))
        .then_some(columns)
}

/// Reads a line of a table with these columns.
pub(super) fn parse(text: &str, columns: Columns) -> Line {
    let mut rest = text.trim_start();
    if columns.netid {
        let (netid, after) = word(rest);
        if netid != "tcp" {
            return if OTHER.contains(&netid) {
                Line::Other
            } else {
                Line::wrong(format!("{netid:?} is no kind of socket"))
            };
        }
        rest = after;
    }
    row(rest, columns.state).map_or_else(Line::wrong, Line::row)
}

fn row(text: &str, with_state: bool) -> Result<SocketRow, String> {
    let mut rest = text;
    let mut next = || {
        let (word, after) = word(rest);
        rest = after;
        word
    };
    let state = if with_state {
        let word = next();
        Some(state_of(word).ok_or_else(|| format!("{word:?} is no state"))?)
    } else {
        None
    };
    let (recv_q, send_q) = (number(next(), "Recv-Q")?, number(next(), "Send-Q")?);
    let (local, peer) = (parse_end(next())?, parse_end(next())?);
    let mut row = SocketRow {
        line: 0,
        state,
        recv_q,
        send_q,
        local,
        peer,
        processes: Vec::new(),
        timer: None,
        uid: None,
        inode: None,
    };
    read_details(rest, &mut row)?;
    Ok(row)
}

/// Reads what stands behind the addresses: `users:((…)) timer:(…) uid:33 ino:4711 sk:1 …`.
pub(super) fn read_details(text: &str, row: &mut SocketRow) -> Result<(), String> {
    let mut rest = text;
    if let Some((before, after)) = text.split_once(USERS) {
        let (processes, after) = users(after).ok_or("the programs behind users: are cut or garbled")?;
        row.processes.extend(processes);
        row.processes.shrink_to_fit();
        read_words(before, row);
        rest = after;
    }
    read_words(rest, row);
    Ok(())
}

const USERS: &str = "users:(";

fn read_words(text: &str, row: &mut SocketRow) {
    for word in text.split_whitespace() {
        if let Some(timer) = word.strip_prefix("timer:(").and_then(|rest| rest.strip_suffix(')')) {
            row.timer = Some(ss_timer(timer));
        } else if let Some(uid) = word.strip_prefix("uid:") {
            row.uid = uid.parse().ok();
        } else if let Some(inode) = word.strip_prefix("ino:") {
            row.inode = inode.parse().ok();
        }
    }
}

/// `("nginx",pid=1,fd=3),("nginx",pid=2,fd=3))` and what follows; old ones have `("nginx",1,3)`. A name may hold
/// blanks, commas and brackets.
fn users(text: &str) -> Option<(Vec<Process>, &str)> {
    let mut processes = Vec::new();
    let mut rest = text;
    loop {
        let (name, after) = split_name(rest.strip_prefix("(\"")?)?;
        let (fields, after) = after.split_once(')')?;
        let field = |name: &str, place: usize| {
            let named = fields.split(',').find_map(|field| field.strip_prefix(name)?.strip_prefix('='));
            named.or_else(|| fields.split(',').nth(place).filter(|field| !field.contains('=')))
        };
        processes.push(Process {
            name: name.to_owned(),
            pid: field("pid", 0)?.parse().ok()?,
            fd: field("fd", 1).and_then(|text| text.parse().ok()),
        });
        match after.strip_prefix(',') {
            Some(more) => rest = more,
            None => return Some((processes, after.strip_prefix(')')?)),
        }
    }
}

/// A name ends where its quotation mark is followed by what can follow a name.
fn split_name(text: &str) -> Option<(&str, &str)> {
    text.match_indices("\",").find_map(|(place, mark)| {
        let after = text.get(place + mark.len()..)?;
        let ends = after.starts_with("pid=") || after.starts_with(|first: char| first.is_ascii_digit());
        ends.then(|| (text.get(..place).unwrap_or_default(), after))
    })
}
