//! What limits a table, in sentences, and what to do about it.

use super::candidate::Candidates;
use super::{Moment, ends};
use crate::socket_file::{Format, SocketFile};
use crate::tcp::State;

pub(super) fn of(
    file: &SocketFile,
    candidates: &[Option<Candidates>],
    moment: Option<&Moment>,
    asked_for: Option<State>,
) -> Vec<String> {
    let connections = file.rows.iter().filter(|row| ends(row).is_some()).count();
    let mut notes = Vec::new();
    let needs_program =
        |state| matches!(state, Some(State::Established | State::CloseWait | State::Listen) | None);
    notes.extend(programs(file).filter(|_| file.rows.iter().any(|row| needs_program(row.state))));
    if file.tables > 1 {
        notes.push(format!(
            "holds {} tables, one after the other: the last one counts; give others as files of their own",
            file.tables
        ));
    }
    if file.rows_left_out > 0 {
        notes.push(format!(
            "{} sockets beyond the first {} were left out",
            file.rows_left_out,
            SocketFile::MOST_ROWS
        ));
    }
    if let Some(state) = asked_for {
        notes.push(format!(
            "has no column for states: taken for sockets in {state}, which fits the capture best"
        ));
    }
    let cut = file.rows.iter().filter(|row| row.local.may_be_cut || row.peer.may_be_cut).count();
    if cut > 0 {
        notes.push(format!("{cut} addresses fill their column and may be cut; run netstat with -W"));
    }
    let captured = candidates.iter().flatten().filter(|candidates| !candidates.is_empty()).count();
    if connections > 0 && captured == 0 {
        notes.push(format!(
            "none of its {connections} connections is in the capture: it is of another host or another time, or addresses \
             are translated in between"
        ));
    }
    if let Some(moment) = moment.filter(|moment| moment.fitting * 4 < moment.of * 3) {
        let (fitting, of) = (moment.fitting, moment.of);
        notes.push(if moment.given {
            format!("only {fitting} of {of} sockets were in their states at the given time: check --sockets-at")
        } else {
            format!("no more than {fitting} of {of} sockets were in their states at any one time: is it of this host?")
        });
    }
    notes
}

/// Why a line without program says nothing.
fn programs(file: &SocketFile) -> Option<String> {
    let with_inodes = file.rows.iter().any(|row| row.inode.is_some());
    let command = if file.format == Format::Netstat { "netstat -anp" } else { "ss -tanp" };
    if !file.names_programs() {
        let meaning = if with_inodes {
            " (its inodes tell what is held at all)"
        } else {
            ", so what was not accepted cannot be told from what was not read"
        };
        return Some(format!("names no program{meaning}: run {command} as root"));
    }
    file.not_root
        .then(|| format!("was not run as root: programs of other users are not shown; run {command} as root"))
}
