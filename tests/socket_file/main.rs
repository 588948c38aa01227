//! Socket tables really taken, joined with the captures of their stories: every row is read as the lab's own parser
//! reads it, every stuck socket gets its program, and what is said of that program is what it logged.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail by panic, its helpers too"
)]

mod garbled;
mod joined;
mod story;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use closewait::Analysis;
use closewait::capture::Input;
use closewait::diagnose::Finding;
use closewait::flow::Flow;
use closewait::net::Role;
use closewait::socket_file::{
    Fit, Holder, JoinedSocket, SocketFile, SocketJoin, SocketRow, SocketTable, Verdict,
};
use closewait::tcp::State;
use closewait::time::{TimeDelta, Timestamp};
use story::{Snapshot, Story};

/// A table is not of one moment.
const TOLERANCE: TimeDelta = TimeDelta::from_millis(100);

#[test]
fn every_row_is_read() {
    let mut rows = 0;
    for place in places() {
        for table in tables(&place) {
            let file = SocketFile::open(&place.join(&table)).unwrap();
            let snapshot = Snapshot::of(&place, &table);
            assert_eq!(file.unread, [], "{table}");
            assert_eq!(shown(&file.rows), snapshot.sockets, "{table}");
            assert_eq!((file.tables, file.rows_left_out, file.not_root), (1, 0, false), "{table}");
            rows += file.rows.len();
        }
    }
    assert!(rows > 300, "{rows}");
}

#[test]
fn every_stuck_socket_gets_its_program_and_what_it_did() {
    let mut told = Told::default();
    for place in places() {
        for table in tables(&place) {
            let Some(story) = Story::of(&place, &table) else { continue };
            compare(&place, &table, &story, &mut told);
        }
    }
    assert!(told.surprises.is_empty(), "{told:?}\n{}", told.surprises);
    assert!(
        told.stuck > 80 && told.not_accepted > 50 && told.moments > 10 && told.ambiguous < told.stuck / 10,
        "{told:?}"
    );
    println!("{told:?}");
}

/// What was compared.
#[derive(Debug, Default)]
struct Told {
    tables: u64,
    sockets: u64,
    stuck: u64,
    not_accepted: u64,
    calls: u64,
    moments: u64,
    ambiguous: u64,
    surprises: String,
}

fn compare(place: &Path, table: &str, story: &Story, told: &mut Told) {
    let snapshot = Snapshot::of(place, table);
    let (join, starts) = join(place, table, story);
    let file = &join.files[0];
    let mut surprise = |text: String| writeln!(told.surprises, "{table}: {text}").unwrap();
    if let Some(moment) = file.moment {
        let (from, until) = (moment.from + -TOLERANCE, moment.until.unwrap_or(Timestamp::MAX) + TOLERANCE);
        if moment.fitting == moment.of && !(from <= snapshot.after && snapshot.before <= until) {
            surprise(format!("taken at {}, not {moment:?}", snapshot.before));
        }
        told.moments += 1;
    }
    told.tables += 1;
    for socket in &file.sockets {
        told.sockets += 1;
        let line = &snapshot.sockets[snapshot_index(&snapshot, socket)];
        if !matches!(socket.state, Some(State::CloseWait | State::Established)) {
            continue;
        }
        // Who holds it.
        let expected = if line.users.is_empty() { Holder::Nobody } else { Holder::Named };
        if socket.holder != expected {
            surprise(format!("{line:?} is held by {:?}", socket.holder));
        }
        let waits = matches!(socket.verdict, Some(Verdict::NeverAccepted | Verdict::WaitsForAccept));
        let is_stuck = socket.state == Some(State::CloseWait) || line.users.is_empty();
        told.stuck += u64::from(is_stuck);
        told.not_accepted += u64::from(line.users.is_empty());
        if waits != line.users.is_empty() && socket.verdict != Some(Verdict::InPassing) {
            surprise(format!("{line:?} is {:?}", socket.verdict));
        }
        let Some(connection) = story.connection(socket, snapshot.before) else { continue };
        if connection.is_captured() && socket.fit != Fit::Fits {
            surprise(format!("{line:?} is {:?}", socket.fit));
        }
        // The incarnation that was there then, unless it is said that another one may be meant.
        let began = socket.flow.map(|flow| starts[&flow]);
        let is_right =
            began.is_none_or(|began| connection.began() <= began + TOLERANCE && began <= snapshot.after);
        if !is_right && socket.other_flows == 0 {
            surprise(format!("{line:?} is of flow {:?}", socket.flow));
        }
        told.ambiguous += u64::from(socket.other_flows > 0);
        let did = |side: Role, call: &str| connection.did(side, call, snapshot.before);
        let side =
            if connection.client == socket.local.to_string() { Role::Initiator } else { Role::Responder };
        if side == Role::Responder && waits && did(side, "accept") {
            surprise(format!("{line:?} was accepted"));
        }
        told.calls += u64::from(contradicts(socket, &|call| did(side, call)).is_some());
        if contradicts(socket, &|call| did(side, call)) == Some(true) {
            surprise(format!("{line:?} is {:?} {:?}", socket.verdict, connection.events));
        }
    }
}

/// Whether what the program logged contradicts the verdict; `None` where its log does not tell.
fn contradicts(socket: &JoinedSocket, did: &dyn Fn(&str) -> bool) -> Option<bool> {
    Some(match socket.verdict? {
        // A program that logs what it reads logs the end of it, too.
        Verdict::ForgotToClose => did("recv") && !did("recv_eof"),
        Verdict::NeverRead => did("recv"),
        Verdict::EndNotRead => did("recv_eof"),
        _ => return None,
    })
}

/// The table joined with the capture of `story`, and when each flow of that began.
fn join(place: &Path, table: &str, story: &Story) -> (SocketJoin, BTreeMap<u64, Timestamp>) {
    let file = SocketFile::open(&place.join(table)).unwrap();
    let run = Analysis::new().sockets(vec![SocketTable { file, taken: None }]);
    let mut starts = BTreeMap::new();
    let mut listen = |flow: &Flow, _: &[Finding]| starts.extend([(flow.id, flow.first.time)]);
    let outcome = run.run(Input::open(&story.captures(place)), &mut listen).unwrap();
    (outcome.sockets.unwrap(), starts)
}

/// Rows in the words of the lab.
fn shown(rows: &[SocketRow]) -> Vec<story::Row> {
    let user = |process: &closewait::socket_file::Process| story::User {
        name: process.name.clone(),
        pid: process.pid,
        fd: process.fd,
    };
    let row = |row: &SocketRow| story::Row {
        state: in_ss(row.state.unwrap()).to_owned(),
        recv_q: row.recv_q,
        send_q: row.send_q,
        local: row.local.to_string(),
        peer: row.peer.to_string(),
        users: row.processes.iter().map(user).collect(),
    };
    rows.iter().map(row).collect()
}

fn in_ss(state: State) -> &'static str {
    match state {
        State::Established => "ESTAB",
        State::SynReceived => "SYN-RECV",
        other => other.as_str(),
    }
}

fn snapshot_index(snapshot: &Snapshot, socket: &JoinedSocket) -> usize {
    let ends = (socket.local.to_string(), socket.peer.to_string());
    snapshot.sockets.iter().position(|row| (&row.local, &row.peer) == (&ends.0, &ends.1)).unwrap()
}

/// Where tables are: those that belong to the package, and all where they are at hand.
fn places() -> Vec<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let all = here.join("../shared/captures/lab");
    assert!(all.exists() || env::var_os("CI").is_none(), "{} is missing", all.display());
    let own = here.join("testdata/lab");
    [own, all].into_iter().filter(|place| place.exists()).collect()
}

/// Names of the tables in `place`.
fn tables(place: &Path) -> Vec<String> {
    let files = fs::read_dir(place).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let is_table = |name: &String| name.ends_with(".ss.txt") || name.ends_with(".netstat.txt");
    let mut names: Vec<_> = files.filter(is_table).collect();
    names.sort();
    names
}
