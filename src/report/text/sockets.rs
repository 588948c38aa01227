//! `SOCKET FILE`: which programs hold the stuck sockets of an attached table, and what is in it or in the capture alone.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io;

use super::layout::{Page, counted, keep};
use crate::report::number::grouped;
use crate::report::summary::Summary;
use crate::socket_file::{
    FileJoin, Fit, Format, Holder, Holders, Listener, PartySockets, SocketJoin, Tally, Verdict,
};
use crate::survey::Party;

/// Parties that are told one by one.
const PARTIES: usize = 4;
/// Programs of one party that are told one by one.
const PROGRAMS: usize = 4;
/// Processes, flows and lines that are named.
const NAMED: usize = 3;
/// Files and notes that are told.
const FILES: usize = 4;

pub(super) fn write(page: &mut Page<'_>, summary: &Summary) -> io::Result<()> {
    let Some(join) = &summary.sockets else { return Ok(()) };
    let (connections, listeners) = join.files.iter().fold((0, 0), |(connections, listeners), file| {
        (connections + file.states.values().sum::<u64>(), listeners + file.listeners.len() as u64)
    });
    let name = if join.files.len() > 1 { "SOCKET FILES" } else { "SOCKET FILE" };
    page.heading(
        name,
        &format!("{}, {}", counted(connections, "connection"), counted(listeners, "listener")),
    )?;
    for file in join.files.iter().take(FILES) {
        page.labelled("file", &file_line(page, file))?;
    }
    write_parties(page, join)?;
    for file in join.files.iter().take(FILES) {
        write_rest(page, file)?;
    }
    match join.files.len().saturating_sub(FILES) {
        0 => Ok(()),
        more => page.labelled("", &format!("… and {}", counted(more as u64, "more file"))),
    }
}

fn file_line(page: &Page<'_>, file: &FileJoin) -> String {
    let tool = match file.format {
        Format::Ss => "ss",
        Format::Netstat => "netstat",
        Format::ProcNetTcp => "/proc/net/tcp",
    };
    let all: u64 = file.fits.values().sum();
    let captured = all - file.fits.get(&Fit::NotCaptured).copied().unwrap_or(0);
    let mut facts =
        vec![tool.to_owned(), keep(&format!("{} of {} in the capture", grouped(captured), grouped(all)))];
    if let Some(moment) = &file.moment {
        let from = page.clock(moment.from);
        let time = match moment.until {
            Some(until) if until == moment.from => format!("at {from}"),
            Some(until) => format!("between {from} and {}", page.clock(until)),
            None => format!("after {from}"),
        };
        facts.push(format!(
            "{} ({})",
            keep(&format!("taken {time}")),
            keep(&format!("{} of {} states fit", grouped(moment.fitting), grouped(moment.of)))
        ));
    }
    format!("{}: {}", file.name, facts.join("\u{a0}· "))
}

fn write_parties(page: &mut Page<'_>, join: &SocketJoin) -> io::Result<()> {
    let mut parties: Vec<_> = join.parties.iter().map(|sockets| (stuck(sockets), sockets)).collect();
    parties.retain(|(stuck, sockets)| *stuck > 0 || full_queue(join, sockets).is_some());
    parties.sort_by_key(|(stuck, _)| Reverse(*stuck));
    for (stuck, sockets) in parties.iter().take(PARTIES) {
        write_party(page, join, *stuck, sockets)?;
    }
    let rest = parties.get(PARTIES..).unwrap_or_default();
    if rest.is_empty() {
        return Ok(());
    }
    let sockets: u64 = rest.iter().map(|(stuck, _)| stuck).sum();
    page.text(&format!(
        "… and {} with {}",
        counted(rest.len() as u64, "more endpoint"),
        counted(sockets, "such socket")
    ))
}

/// Sockets that wait for their program.
fn stuck(sockets: &PartySockets) -> u64 {
    Verdict::ALL
        .into_iter()
        .filter(|verdict| verdict.is_wait())
        .map(|verdict| sockets.with_verdict(verdict))
        .sum()
}

fn write_party(page: &mut Page<'_>, join: &SocketJoin, stuck: u64, sockets: &PartySockets) -> io::Result<()> {
    let all: u64 = sockets.holders.iter().map(|holders| holders.sockets).sum();
    let of = if stuck == all { String::new() } else { format!(" of {}", grouped(all)) };
    let wait = if stuck == 1 { "socket waits for its program" } else { "sockets wait for their program" };
    page.bold_text(&format!("{}: {}{of} {wait}", sockets.party, grouped(stuck)))?;
    let groups = by_program(&sockets.holders);
    for (holder, names, holders) in groups.iter().take(PROGRAMS) {
        let (label, name) = match holder {
            Holder::Named => ("program", names.as_str()),
            Holder::Hidden => ("program", "not shown"),
            Holder::Nobody => ("nobody", ""),
            Holder::Unknown => ("unknown", ""),
        };
        page.labelled(label, &holders_line(name, holders))?;
    }
    let rest = groups.get(PROGRAMS..).unwrap_or_default();
    if !rest.is_empty() {
        page.labelled("", &format!("… and {}", counted(rest.len() as u64, "more program")))?;
    }
    for listener in listeners_of(join, &sockets.party) {
        page.labelled("queue", &queue_line(listener))?;
    }
    Ok(())
}

type Group<'a> = (Holder, String, Vec<&'a Holders>);

/// Those that wait, the processes of one program together: most sockets first.
fn by_program(holders: &[Holders]) -> Vec<Group<'_>> {
    let mut groups: BTreeMap<(Holder, String), Vec<&Holders>> = BTreeMap::new();
    let waits = |holders: &&Holders| holders.verdicts.keys().any(|verdict| verdict.is_wait());
    for holders in holders.iter().filter(waits) {
        let mut names: Vec<_> = holders.programs.iter().map(|(name, _)| name.as_str()).collect();
        names.dedup();
        groups.entry((holders.holder, names.join(", "))).or_default().push(holders);
    }
    let mut groups: Vec<_> =
        groups.into_iter().map(|((holder, names), list)| (holder, names, list)).collect();
    groups.sort_by_key(|(_, _, list)| Reverse(list.iter().map(|holders| holders.sockets).sum::<u64>()));
    groups
}

/// `python3 (pid 4711): 27 end of file read, not closed (flow 13, …); 4 accepted, never read (…)`.
fn holders_line(names: &str, list: &[&Holders]) -> String {
    let mut verdicts: BTreeMap<Verdict, Tally> = BTreeMap::new();
    for (verdict, tally) in list.iter().flat_map(|holders| &holders.verdicts) {
        verdicts.entry(*verdict).or_default().add(tally);
    }
    let said = verdicts.iter().filter(|(verdict, _)| verdict.is_wait());
    let said: Vec<_> = said.map(|(verdict, tally)| tally_of(*verdict, tally)).collect();
    let mut pids: Vec<_> = list.iter().flat_map(|holders| &holders.programs).map(|(_, pid)| *pid).collect();
    pids.sort_unstable();
    pids.dedup();
    let program = match (names, pids.as_slice()) {
        ("", []) => String::new(),
        (names, []) => format!("{names}: "),
        (names, pids) => format!("{names} ({}): ", keep(&pids_of(pids))),
    };
    format!("{program}{}", said.join("; "))
}

fn tally_of(verdict: Verdict, tally: &Tally) -> String {
    let flows: Vec<_> = tally.flows.iter().map(|flow| keep(&format!("flow {flow}"))).collect();
    let more = if tally.sockets > flows.len() as u64 { ", …" } else { "" };
    let flows = if flows.is_empty() { String::new() } else { format!(" ({}{more})", flows.join(", ")) };
    format!("{} {}{flows}", grouped(tally.sockets), verdict.in_words())
}

fn pids_of(pids: &[u32]) -> String {
    let named: Vec<_> = pids.iter().take(NAMED).map(ToString::to_string).collect();
    let more = if pids.len() > NAMED { ", …" } else { "" };
    let word = if pids.len() > 1 { "pids" } else { "pid" };
    format!("{word} {}{more}", named.join(", "))
}

fn listeners_of<'a>(join: &'a SocketJoin, party: &Party) -> impl Iterator<Item = &'a Listener> {
    let service = match party {
        Party::Service(service) => Some(*service),
        Party::Client { .. } | Party::Host(_) => None,
    };
    // The last file that knows the service tells of it: it counts for its sockets too.
    let serving = move |file: &'a FileJoin| {
        file.listeners
            .iter()
            .filter(move |listener| service.is_some_and(|service| listener.local.serves(service)))
    };
    let last = join.files.iter().rev().find(|file| serving(file).next().is_some());
    last.into_iter().flat_map(serving)
}

fn full_queue<'a>(join: &'a SocketJoin, sockets: &PartySockets) -> Option<&'a Listener> {
    listeners_of(join, &sockets.party).find(|listener| listener.full == Some(true))
}

fn queue_line(listener: &Listener) -> String {
    let waiting = grouped(listener.waiting);
    let full = if listener.full == Some(true) { "full: " } else { "" };
    let backlog =
        listener.backlog.map_or(String::new(), |backlog| format!(" (backlog {})", grouped(backlog)));
    let dead = listener.waiting.saturating_sub(listener.unowned);
    let wait = if listener.waiting == 1 { "waits" } else { "wait" };
    let dead = match dead {
        dead @ 1.. if !listener.processes.is_empty() => format!(", {} of them over already", grouped(dead)),
        _ => String::new(),
    };
    let mut programs: Vec<_> = listener.processes.iter().map(ToString::to_string).collect();
    programs.dedup();
    let accepts = match programs.as_slice() {
        [] => String::new(),
        [one] => format!("; {} accepts here", keep(one)),
        [first, rest @ ..] => format!("; {} and {} more accept here", keep(first), rest.len()),
    };
    format!("{full}{waiting} {wait} to be accepted{dead}{backlog}{accepts}")
}

/// What is in the file or in the capture alone, and what limits the file.
fn write_rest(page: &mut Page<'_>, file: &FileJoin) -> io::Result<()> {
    let alien = file.sockets.iter().filter(|socket| socket.is_stuck() && socket.fit == Fit::NotCaptured);
    let alien: Vec<_> = alien.map(|socket| keep(&format!("line {}", socket.line))).collect();
    if !alien.is_empty() {
        let text =
            format!("{} not in the capture: {}", counted(alien.len() as u64, "stuck socket"), some(&alien));
        page.labelled("alien", &text)?;
    }
    let absent: Vec<_> = file.absent.iter().map(|absent| keep(&format!("flow {}", absent.flow))).collect();
    if !absent.is_empty() {
        let text = format!(
            "{} in CLOSE-WAIT by the capture, not in the file: {}",
            counted(absent.len() as u64, "connection"),
            some(&absent)
        );
        page.labelled("absent", &text)?;
    }
    for note in file.notes.iter().take(FILES) {
        page.labelled("note", &format!("{}: {note}", file.name))?;
    }
    if file.unread_lines > 0 {
        let text = format!("{} of {} not understood", counted(file.unread_lines, "line"), file.name);
        page.labelled("unread", &text)?;
    }
    Ok(())
}

fn some(things: &[String]) -> String {
    let more = if things.len() > NAMED { ", …" } else { "" };
    format!("{}{more}", things.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", "))
}
