//! Hand-made connections and tables: who holds a socket, which flow it is of, and when the table was taken.

use std::path::Path;

use closewait::flow::{Flow, Limits};
use closewait::net::Endpoint;
use closewait::socket_file::{
    FileJoin, Fit, Holder, JoinedSocket, Joiner, SocketFile, SocketJoin, SocketTable, Verdict,
};
use closewait::survey::Party;
use closewait::tcp::State;
use closewait::time::{TimeDelta, Timestamp};

use crate::support::outcome::Outcome;
use crate::support::trace::{Place, Trace};

const OPEN: &str = "+0 > S 0:0(0)\n+0.001 < S. 0:0(0) ack 1\n+0.001 > . 1:1(0) ack 1\n";
const ASK: &str = "+0.01 > P. 1:52(51) ack 1\n+0.001 < . 1:1(0) ack 52\n";
const ANSWER: &str = "+0.1 < P. 1:101(100) ack 52\n+0.001 > . 52:52(0) ack 101\n";
const CLOSE: &str = "+1 > F. 52:52(0) ack 1\n+0.04 < . 1:1(0) ack 53\n";
const CLOSE_ANSWERED: &str = "+1 > F. 52:52(0) ack 101\n+0.04 < . 101:101(0) ack 53\n";

const HEADING: &str = "State Recv-Q Send-Q Local Address:Port Peer Address:Port Process\n";
const LISTEN: &str = "LISTEN 3 128 SERVER 0.0.0.0:* users:((\"app\",pid=7,fd=3))\n";

/// Flows of one connection, from `port` of the client, the first of them with this id.
fn flows(port: u16, id: u64, parts: &[&str]) -> Vec<Flow> {
    let trace = Trace::parse(&parts.concat()).unwrap();
    let told = Outcome::of(&trace.entries(&Place::default(), 1)).by_start();
    let mut flows: Vec<_> = told.into_iter().map(|told| told.flow).collect();
    for flow in &mut flows {
        flow.initiator.port = port;
        flow.id += id;
    }
    flows
}

/// The flow of a connection that asked, and closed without an answer.
fn starved(port: u16, id: u64) -> Flow {
    flows(port, id, &[OPEN, ASK, CLOSE, "+30 end"]).remove(0)
}

fn server() -> Endpoint {
    starved(1, 1).responder
}

/// A table of the server's host: `SERVER`, and `CLIENT:` before a port, stand for addresses.
fn table(text: &str, taken: Option<f64>) -> SocketTable {
    let client = starved(1, 1).initiator.addr;
    let text = text.replace("SERVER", &server().to_string()).replace("CLIENT", &client.to_string());
    let file = SocketFile::read(Path::new("table"), text.as_bytes()).unwrap();
    assert_eq!(file.unread, [], "{text}");
    SocketTable { file, taken: taken.map(at) }
}

fn at(seconds: f64) -> Timestamp {
    Timestamp::from_nanos(Place::default().start) + TimeDelta::from_secs_f64(seconds)
}

fn join_all(tables: Vec<SocketTable>, flows: &[Flow]) -> SocketJoin {
    let mut joiner = Joiner::new(tables, Limits::default());
    for flow in flows {
        joiner.add(flow);
    }
    joiner.finish()
}

fn join(text: &str, flows: &[Flow]) -> FileJoin {
    join_all(vec![table(text, None)], flows).files.remove(0)
}

fn only(text: &str, flows: &[Flow]) -> JoinedSocket {
    let mut sockets = join(text, flows).sockets;
    assert_eq!(sockets.len(), 1);
    sockets.remove(0)
}

#[test]
fn what_nobody_holds_waits_in_the_accept_queue() {
    let socket =
        only(&format!("{HEADING}{LISTEN}CLOSE-WAIT 52 0 SERVER CLIENT:4001\n"), &[starved(4001, 10)]);
    assert_eq!((socket.flow, socket.fit, socket.holder), (Some(11), Fit::Fits, Holder::Nobody));
    assert_eq!((socket.received, socket.unanswered), (Some(51), Some(51)));
    assert_eq!((socket.verdict, socket.proven), (Some(Verdict::NeverAccepted), true));
    assert_eq!(socket.party, Some(Party::Service(server())));
}

#[test]
fn what_a_program_holds_shows_how_far_it_has_read() {
    let answered = flows(4001, 10, &[OPEN, ASK, ANSWER, CLOSE_ANSWERED, "+30 end"]).remove(0);
    for (recv_q, flow, expected) in [
        (52, starved(4001, 10), Verdict::NeverRead),
        (20, starved(4001, 10), Verdict::Unread),
        (1, starved(4001, 10), Verdict::EndNotRead),
        (0, starved(4001, 10), Verdict::ForgotToClose),
        (1, answered, Verdict::EndNotRead),
    ] {
        let row = format!("CLOSE-WAIT {recv_q} 0 SERVER CLIENT:4001 users:((\"app\",pid=7,fd=9))\n");
        let socket = only(&format!("{HEADING}{LISTEN}{row}"), &[flow]);
        assert_eq!((socket.verdict, socket.holder), (Some(expected), Holder::Named), "{recv_q}");
    }
}

#[test]
fn a_second_request_that_nobody_read_is_known_by_its_length() {
    let again = "+1 > P. 52:72(20) ack 101\n+0.001 < . 101:101(0) ack 72\n\
                 +1 > F. 72:72(0) ack 101\n+0.04 < . 101:101(0) ack 73\n+30 end";
    let flow = flows(4001, 10, &[OPEN, ASK, ANSWER, again]).remove(0);
    let row = "CLOSE-WAIT 21 0 SERVER CLIENT:4001 users:((\"app\",pid=7,fd=9))\n";
    let socket = only(&format!("{HEADING}{LISTEN}{row}"), &[flow]);
    assert_eq!((socket.received, socket.unanswered), (Some(71), Some(20)));
    assert_eq!(socket.verdict, Some(Verdict::NeverRead));
}

#[test]
fn who_answered_was_accepted_whatever_the_table_shows() {
    let flow = flows(4001, 10, &[OPEN, ASK, ANSWER, CLOSE_ANSWERED, "+30 end"]).remove(0);
    let socket = only(&format!("{HEADING}{LISTEN}CLOSE-WAIT 52 0 SERVER CLIENT:4001\n"), &[flow]);
    assert_eq!(socket.holder, Holder::Hidden);
    assert_ne!(socket.verdict, Some(Verdict::NeverAccepted));
}

#[test]
fn what_was_read_was_accepted_whatever_the_table_shows() {
    let socket = only(&format!("{HEADING}{LISTEN}CLOSE-WAIT 1 0 SERVER CLIENT:4001\n"), &[starved(4001, 10)]);
    assert_eq!((socket.holder, socket.verdict), (Holder::Hidden, Some(Verdict::EndNotRead)));
}

#[test]
fn an_empty_accept_queue_holds_nobody() {
    let listen = LISTEN.replace("LISTEN 3", "LISTEN 0");
    let text = format!("{HEADING}{listen}CLOSE-WAIT 52 0 SERVER CLIENT:4001\n");
    let socket = only(&text, &[starved(4001, 10)]);
    assert_eq!((socket.holder, socket.verdict), (Holder::Hidden, Some(Verdict::NeverRead)));
}

#[test]
fn more_than_the_queue_holds_were_not_all_in_it() {
    let rows: Vec<_> = (0..40).map(|n| format!("CLOSE-WAIT 52 0 SERVER CLIENT:{}\n", 4000 + n)).collect();
    let rows = rows.concat();
    let flows: Vec<_> = (0..40).map(|n| starved(4000 + n, u64::from(n) * 10)).collect();
    let join = join(&format!("{HEADING}{LISTEN}{rows}"), &flows);
    assert!(join.sockets.iter().all(|socket| socket.holder == Holder::Unknown));
    assert!(join.sockets.iter().all(|socket| socket.verdict == Some(Verdict::Untouched)));
}

#[test]
fn without_programs_a_table_says_so_and_accuses_nobody() {
    let listen = "LISTEN 3 128 SERVER 0.0.0.0:*\n";
    let join = join(
        &format!("{HEADING}{listen}CLOSE-WAIT 52 0 SERVER CLIENT:4001\nESTAB 0 0 SERVER CLIENT:4002\n"),
        &[starved(4001, 10), flows(4002, 30, &[OPEN, "+30 end"]).remove(0)],
    );
    assert!(!join.names_programs && join.notes[0].contains("run ss -tanp as root"), "{:?}", join.notes);
    assert_eq!(join.sockets[0].verdict, Some(Verdict::Untouched));
    assert_eq!((join.sockets[1].holder, join.sockets[1].proven), (Holder::Unknown, false));
}

#[test]
fn inodes_tell_what_is_held_where_programs_are_not_shown() {
    let rows =
        "CLOSE-WAIT 52 0 SERVER CLIENT:4001 ino:0 sk:1\nCLOSE-WAIT 52 0 SERVER CLIENT:4002 ino:17 sk:2\n";
    let join = join(&format!("{HEADING}{rows}"), &[starved(4001, 10), starved(4002, 30)]);
    assert_eq!(join.sockets[0].verdict, Some(Verdict::NeverAccepted));
    assert_eq!((join.sockets[1].holder, join.sockets[1].verdict), (Holder::Hidden, Some(Verdict::NeverRead)));
}

#[test]
fn nobody_accepts_what_he_opened_himself() {
    let flow = starved(4001, 10);
    let ends = "CLIENT:4001 SERVER";
    let text =
        format!("{HEADING}FIN-WAIT-2 0 0 {ends}\nESTAB 0 0 CLIENT:9 CLIENT:10 users:((\"x\",pid=1,fd=2))\n");
    let join = join(&text, &[flow]);
    assert_eq!(join.sockets[0].verdict, Some(Verdict::WaitsForFin));
    assert!(matches!(join.sockets[0].party, Some(Party::Client { service, .. }) if service == server()));
    let open = flows(4001, 10, &[OPEN, ASK, "+30 end"]).remove(0);
    let socket = &self::join(&text.replace("FIN-WAIT-2", "ESTAB"), &[open]).sockets[0];
    assert_eq!((socket.holder, socket.verdict), (Holder::Hidden, Some(Verdict::InUse)));
}

/// Two incarnations: the first is half-closed from 1.053 s on and over at 20 s, the second from 22 s on.
fn incarnations() -> Vec<Flow> {
    let over = "+18.947 < F. 1:1(0) ack 53\n+0.001 > . 53:53(0) ack 2\n";
    let mut first = flows(4001, 10, &[OPEN, ASK, CLOSE, over, "+100 end"]);
    let second = flows(4001, 40, &["+20 > S 0:0(0)\n", &OPEN[14..], ASK, CLOSE, "+30 end"]);
    first.extend(second);
    first
}

#[test]
fn of_several_incarnations_the_one_at_the_moment_is_meant() {
    let flows = incarnations();
    assert_eq!(flows.len(), 2);
    for (taken, flow) in [(5.0, 11), (30.0, 41)] {
        let text = format!("{HEADING}{LISTEN}CLOSE-WAIT 52 0 SERVER CLIENT:4001\n");
        let join = join_all(vec![table(&text, Some(taken))], &flows).files.remove(0);
        let socket = &join.sockets[0];
        assert_eq!((socket.flow, socket.fit, socket.other_flows), (Some(flow), Fit::Fits, 0), "{taken}");
        assert!(join.moment.unwrap().given);
    }
}

#[test]
fn other_sockets_tell_the_moment() {
    let mut all = incarnations();
    // Half-closed from 1 s to 8 s.
    let short = "+7 < F. 1:1(0) ack 53\n+0.001 > . 53:53(0) ack 2\n+100 end";
    all.extend(flows(4002, 90, &[OPEN, ASK, CLOSE, short]));
    let text =
        format!("{HEADING}{LISTEN}CLOSE-WAIT 52 0 SERVER CLIENT:4001\nCLOSE-WAIT 52 0 SERVER CLIENT:4002\n");
    let join = join(&text, &all);
    let moment = join.moment.unwrap();
    assert_eq!((moment.fitting, moment.of, moment.given), (2, 2, false));
    assert!(moment.from >= at(1.0) && moment.until.unwrap() <= at(9.0), "{moment:?}");
    assert_eq!((join.sockets[0].flow, join.sockets[0].other_flows), (Some(11), 0));
}

#[test]
fn where_the_moment_is_not_told_the_other_incarnation_is_said() {
    let socket = only(&format!("{HEADING}{LISTEN}CLOSE-WAIT 52 0 SERVER CLIENT:4001\n"), &incarnations());
    assert_eq!((socket.fit, socket.other_flows), (Fit::Fits, 1));
}

#[test]
fn a_socket_in_a_state_that_its_flow_never_had_is_of_another_one() {
    let socket = only(&format!("{HEADING}{LISTEN}LAST-ACK 0 1 SERVER CLIENT:4001\n"), &[starved(4001, 10)]);
    assert_eq!((socket.flow, socket.fit, socket.received), (Some(11), Fit::OtherState, None));
    let socket =
        only(&format!("{HEADING}{LISTEN}CLOSE-WAIT 52 0 SERVER CLIENT:4009\n"), &[starved(4001, 10)]);
    assert_eq!((socket.flow, socket.fit), (None, Fit::NotCaptured));
    assert_eq!(socket.verdict, Some(Verdict::NeverAccepted));
}

#[test]
fn what_is_stuck_in_the_capture_and_not_in_the_table_is_absent() {
    let text = format!("{HEADING}{LISTEN}CLOSE-WAIT 52 0 SERVER CLIENT:4001\n");
    let both = [starved(4001, 10), starved(4002, 30)];
    let join = join_all(vec![table(&text, Some(5.0))], &both).files.remove(0);
    assert_eq!(join.absent.iter().map(|absent| absent.flow).collect::<Vec<_>>(), [31]);
    let early = join_all(vec![table(&text, Some(0.5))], &both).files.remove(0);
    assert_eq!(early.absent, []);
}

#[test]
fn a_table_of_one_state_is_taken_for_the_state_that_fits() {
    let heading = "Recv-Q Send-Q Local Address:Port Peer Address:Port Process\n";
    let rows = "52 0 SERVER CLIENT:4001 users:((\"app\",pid=7,fd=8))\n52 0 SERVER CLIENT:4002 users:((\"app\",pid=7,fd=9))\n";
    let join = join(&format!("{heading}{rows}"), &[starved(4001, 10), starved(4002, 30)]);
    assert!(join.sockets.iter().all(|socket| socket.state == Some(State::CloseWait)), "{join:?}");
    assert!(join.notes.iter().any(|note| note.contains("CLOSE-WAIT")));
    let unknown = self::join(&format!("{heading}{rows}"), &[]);
    assert!(unknown.sockets.iter().all(|socket| socket.verdict.is_none()));
    assert!(unknown.notes.iter().any(|note| note.contains("none of its 2 connections")));
}

#[test]
fn a_socket_in_several_tables_counts_once() {
    let stripped = format!("{HEADING}CLOSE-WAIT 52 0 SERVER CLIENT:4001\n");
    let full = format!("{HEADING}{LISTEN}CLOSE-WAIT 52 0 SERVER CLIENT:4001 users:((\"app\",pid=7,fd=9))\n");
    for texts in [[&stripped, &full], [&full, &stripped]] {
        let tables = texts.map(|text| table(text, None)).to_vec();
        let join = join_all(tables, &[starved(4001, 10)]);
        let party = join.by_party(&Party::Service(server())).unwrap();
        assert_eq!((party.in_state(State::CloseWait), party.with_verdict(Verdict::NeverRead)), (1, 1));
        assert_eq!(party.holders[0].programs, [("app".to_owned(), 7)]);
        assert_eq!(party.holders[0].verdicts[&Verdict::NeverRead].flows, [11]);
        assert!(join.by_party(&Party::Host(server().addr)).is_none());
    }
}

#[test]
fn narrowing_leaves_sockets_out_and_the_moment_as_it_is() {
    let text = format!("{HEADING}{LISTEN}CLOSE-WAIT 52 0 SERVER CLIENT:4001\n");
    let mut all = join_all(vec![table(&text, None)], &[starved(4001, 10)]);
    assert_eq!(all.parties.len(), 1);
    all.narrow(&|_, _| false);
    assert_eq!(all.parties.len(), 0);
    let join = all.files.remove(0);
    assert_eq!((join.sockets.len(), join.listeners.len(), join.left_out), (0, 0, 2));
    assert_eq!(join.moment.unwrap().fitting, 1);
}

#[test]
fn a_close_wait_that_ended_soon_waits_for_nobody() {
    let soon = "+0.3 < F. 1:1(0) ack 53\n+0.001 > . 53:53(0) ack 2\n+100 end";
    let flow = flows(4001, 10, &[OPEN, ASK, CLOSE, soon]).remove(0);
    let row = "CLOSE-WAIT 1 0 SERVER CLIENT:4001 users:((\"app\",pid=7,fd=9))\n";
    let socket = only(&format!("{HEADING}{LISTEN}{row}"), &[flow]);
    assert_eq!((socket.verdict, socket.is_stuck()), (Some(Verdict::InPassing), false));
}

#[test]
fn a_queue_is_full_when_it_holds_one_more_than_its_backlog() {
    let listen = |waiting: u64| LISTEN.replace("LISTEN 3 128", &format!("LISTEN {waiting} 2"));
    let full = |waiting| join(&format!("{HEADING}{}", listen(waiting)), &[]).listeners[0].full;
    assert_eq!((full(2), full(3)), (Some(false), Some(true)));
}
