//! One table, joined with the flows that its sockets may be of.

use std::collections::BTreeMap;

use super::candidate::{Candidates, Chosen};
use super::listeners::Listeners;
use super::owner::Owners;
use super::verdict::{Facts, judge};
use super::{FileJoin, Fit, Holder, JoinedSocket, Moment, Table, ends};
use crate::flow::Limits;
use crate::net::{Endpoint, Role};
use crate::socket_file::{SocketFile, SocketRow};
use crate::survey::Party;
use crate::tcp::State;
use crate::time::{TimeDelta, Timestamp};

/// States that `ss` may have been asked for alone, likeliest first.
const ASKED_FOR: [State; 7] = [
    State::CloseWait,
    State::Established,
    State::FinWait2,
    State::TimeWait,
    State::LastAck,
    State::FinWait1,
    State::SynReceived,
];

/// Joins the sockets of `table` with the flows found for each.
pub(super) fn join_file(table: Table, candidates: Vec<Option<Candidates>>, limits: &Limits) -> FileJoin {
    let Table { table: super::SocketTable { mut file, taken }, suspects } = table;
    let state = common_state(&file, &candidates);
    file.rows.iter_mut().for_each(|row| row.state = row.state.or(state));
    let moment = moment(&file, &candidates, taken);
    let owners = Owners::of(&file);
    let listeners = Listeners::of(&file.rows, file.format);
    let notes = super::notes::of(&file, &candidates, moment.as_ref(), state);
    let (absent, absent_left_out) = suspects.during(moment.as_ref());
    let mut join = FileJoin {
        names_programs: file.names_programs(),
        name: file.name,
        format: file.format,
        moment,
        unread_lines: file.unread_lines,
        unread: file.unread,
        states: BTreeMap::new(),
        fits: BTreeMap::new(),
        left_out: 0,
        sockets: Vec::new(),
        listeners: Vec::new(),
        absent,
        absent_left_out,
        notes,
    };
    join.sockets.reserve_exact(file.rows.len());
    for (row, candidates) in file.rows.into_iter().zip(candidates) {
        let Some((local, peer)) = ends(&row) else { continue };
        let chosen = candidates.as_ref().and_then(|all| all.choose(row.state, moment.as_ref()));
        let holder = owners.holder(&row, row.state, &listeners, chosen.as_ref(), moment.as_ref());
        let party = party(local, peer, chosen.as_ref(), &listeners);
        let facts = Circumstances { holder, party, moment: moment.as_ref(), limits };
        let socket = joined(row, chosen.as_ref(), &facts);
        *join.fits.entry(socket.fit).or_default() += 1;
        if let Some(state) = socket.state {
            *join.states.entry(state.as_str()).or_default() += 1;
        }
        join.sockets.push(socket);
    }
    join.listeners = listeners.into_list();
    join
}

/// The state of all sockets of a table without that column: the one in which most of them were at one time.
fn common_state(file: &SocketFile, candidates: &[Option<Candidates>]) -> Option<State> {
    if file.rows.iter().all(|row| row.state.is_some()) {
        return None;
    }
    let fitting = |state: State| {
        let times = times(candidates.iter().map(|candidates| (state, candidates.as_ref())));
        Moment::inferred(times.iter().map(Vec::as_slice)).map_or(0, |moment| moment.fitting)
    };
    let best =
        ASKED_FOR.into_iter().rev().map(|state| (fitting(state), state)).max_by_key(|(fitting, _)| *fitting);
    best.filter(|(fitting, _)| *fitting > 0).map(|(_, state)| state)
}

fn moment(file: &SocketFile, candidates: &[Option<Candidates>], taken: Option<Timestamp>) -> Option<Moment> {
    let states = file.rows.iter().map(|row| row.state.unwrap_or_default());
    let times = times(states.zip(candidates.iter().map(Option::as_ref)));
    let Some(taken) = taken else {
        return Moment::inferred(times.iter().map(Vec::as_slice));
    };
    let said = Moment::said(taken);
    let fits = |spans: &&Vec<_>| spans.iter().any(|&(from, until)| said.meets(from, until));
    let (fitting, of) =
        (times.iter().filter(fits).count(), times.iter().filter(|spans| !spans.is_empty()).count());
    Some(Moment { fitting: fitting as u64, of: of as u64, ..said })
}

type Times = Vec<(Timestamp, Timestamp)>;

/// When each socket was in its state.
fn times<'a>(sockets: impl Iterator<Item = (State, Option<&'a Candidates>)>) -> Vec<Times> {
    sockets.map(|(state, candidates)| candidates.map_or_else(Vec::new, |all| all.times(state))).collect()
}

/// Whose socket it is. Without a flow, who listens serves; where nobody does, the lower port is the service's.
fn party(local: Endpoint, peer: Endpoint, chosen: Option<&Chosen<'_>>, listeners: &Listeners) -> Party {
    let serves = || listeners.find(local).is_some() || local.port < peer.port;
    let guess = || if serves() { Role::Responder } else { Role::Initiator };
    let role = chosen.map_or_else(guess, |chosen| chosen.candidate.role);
    Party::between(local, peer, role)
}

/// What is known of a socket besides its line and its flow.
struct Circumstances<'a> {
    holder: Holder,
    party: Party,
    moment: Option<&'a Moment>,
    limits: &'a Limits,
}

fn joined(row: SocketRow, chosen: Option<&Chosen<'_>>, circumstances: &Circumstances<'_>) -> JoinedSocket {
    let &Circumstances { holder, party, moment, limits } = circumstances;
    let span = chosen.and_then(|chosen| chosen.span);
    // What came before the peer's FIN is known to be there only once that is.
    let received = chosen.filter(|chosen| chosen.span.is_some() && row.state == Some(State::CloseWait));
    let received = received.map(|chosen| &chosen.candidate.received);
    let total = received.and_then(|received| received.total);
    let unanswered = received.and_then(|received| received.unanswered(moment));
    let in_passing = fit(chosen) == Fit::Fits && span.is_some_and(|span| span.length() < limits.fin_delay);
    let facts = |state| Facts { state, recv_q: row.recv_q, holder, total, unanswered, in_passing };
    let (verdict, proven) = row.state.and_then(|state| judge(&facts(state))).unzip();
    JoinedSocket {
        line: row.line,
        state: row.state,
        local: row.local,
        peer: row.peer,
        recv_q: row.recv_q,
        send_q: row.send_q,
        processes: row.processes,
        holder,
        timer: row.timer,
        uid: row.uid,
        inode: row.inode,
        flow: chosen.map(|chosen| chosen.candidate.flow),
        role: chosen.map(|chosen| chosen.candidate.role),
        fit: fit(chosen),
        other_flows: chosen.map_or(0, |chosen| chosen.others),
        since: span.map(|span| span.from).filter(|since| *since != Timestamp::MIN),
        until: span.map(|span| span.until).filter(|until| *until != Timestamp::MAX),
        received: total,
        unanswered,
        party: Some(party),
        verdict,
        proven: proven.unwrap_or(false),
    }
}

fn fit(chosen: Option<&Chosen<'_>>) -> Fit {
    let Some(chosen) = chosen else { return Fit::NotCaptured };
    match chosen.span {
        None => Fit::OtherState,
        Some(_) if chosen.distance != TimeDelta::ZERO => Fit::OtherTime,
        Some(span) if span.presumed => Fit::Fits,
        Some(_) => Fit::Behind,
    }
}
