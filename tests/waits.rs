//! Facts about waiting: for an answer, for anything to say, for room, and for a four-tuple that is not free.

#![expect(
    clippy::indexing_slicing,
    clippy::expect_used,
    reason = "a test may fail by panic, its helpers too"
)]

mod support;

use closewait::flow::{Answered, Drew, Flow};
use closewait::net::Role;
use closewait::tcp::State;
use closewait::time::TimeDelta;
use support::outcome::Outcome;
use support::trace::{Place, Trace};

const OPENING: &str = "+0 > S 0:0(0)\n+0.01 < S. 0:0(0) ack 1\n+0.01 > . 1:1(0) ack 1\n";
const EXCHANGE: &str = "+0.5 > P. 1:11(10) ack 1\n+0.01 < P. 1:11(10) ack 11\n+0.01 > . 11:11(0) ack 11\n";

fn flows(trace: &str) -> Vec<Flow> {
    let trace = Trace::parse(trace).expect("a trace");
    let outcome = Outcome::of(&trace.entries(&Place::default(), 1));
    outcome.by_start().into_iter().map(|told| told.flow).collect()
}

fn flow(then: &str) -> Flow {
    flows(&format!("{OPENING}{EXCHANGE}{then}")).swap_remove(0)
}

fn seconds(span: TimeDelta) -> f64 {
    span.as_secs_f64()
}

#[test]
fn a_request_waits_until_it_is_answered() {
    let asked = |then| flow(then).asked.map(|at| at.record);
    assert_eq!(asked("+1 end"), None);
    assert_eq!(
        asked("+1 > . 11:21(10) ack 11\n+1 > P. 21:31(10) ack 11\n+0.01 < . 11:11(0) ack 31"),
        Some(8)
    );
    assert_eq!(asked("+1 > P. 11:21(10) ack 11\n+9 < P. 11:21(10) ack 21"), None);
}

#[test]
fn an_answer_to_one_who_has_gone_is_none() {
    let late =
        flow("+1 > P. 11:21(10) ack 11\n+9 > F. 21:21(0) ack 11\n+1 < P. 11:21(10) ack 22\n+0 > R 22:22(0)");
    assert_eq!(late.asked.map(|at| at.record), Some(7));
    assert_eq!(late.last_talker.map(|(role, at)| (role, at.record)), Some((Role::Responder, 9)));
}

#[test]
fn a_pause_ends_with_what_is_new_and_not_with_its_repetitions() {
    let lost = flow(
        "+5 > P. 11:21(10) ack 11\n+2 > P. 11:21(10) ack 11\n+4 > P. 11:21(10) ack 11\n+1 > F. 21:21(0) ack 11",
    );
    let pause = lost.pause.unwrap();
    assert_eq!((pause.until.record, pause.by, lost.traffic.initiator.unacked), (7, Role::Initiator, 11));
    assert!((seconds(pause.length()) - 5.01).abs() < 0.001, "{pause:?}");
}

#[test]
fn the_longest_pause_before_is_known() {
    let exchange = "+3 > P. 11:21(10) ack 11\n+0.01 < P. 11:21(10) ack 21\n+0.01 > . 21:21(0) ack 21\n\
                    +2 > P. 21:31(10) ack 21\n+0.01 < P. 21:31(10) ack 31\n+0.01 > . 31:31(0) ack 31\n";
    let pause = flow(&format!("{exchange}+9 < F. 31:31(0) ack 31")).pause.unwrap();
    assert_eq!(pause.by, Role::Responder);
    assert!((seconds(pause.survived) - 3.01).abs() < 0.001, "{pause:?}");
}

#[test]
fn the_longest_time_without_room_is_told_with_its_probes() {
    let stalled = flow(
        "+0.1 > . 11:21(10) ack 11\n+0.01 < . 11:11(0) ack 21 win 0\n+0.2 < . 11:11(0) ack 21 win 10\n\
         +0.1 > . 21:31(10) ack 11\n+0.01 < . 11:11(0) ack 31 win 0\n+0.2 > . 30:30(0) ack 11\n\
         +0.4 > . 30:30(0) ack 11\n+2 < . 11:11(0) ack 31 win 10\n+1 end",
    );
    let stall = stalled.traffic.responder.stall.unwrap();
    let until = stall.until.map(|at| at.record);
    assert_eq!((stall.since.record, until, stall.probes), (11, Some(14), 2));
    let stuck =
        flow("+0.1 > . 11:21(10) ack 11\n+0.01 < . 11:11(0) ack 21 win 0\n+0.2 > . 20:20(0) ack 11\n+9 end");
    let stall = stuck.traffic.responder.stall.unwrap();
    assert_eq!((stall.since.record, stall.until, stall.probes), (8, None, 1));
    assert_eq!(stuck.traffic.initiator.stall, None);
}

/// A connection that the initiator closed and the responder did not.
const HALF_CLOSED: &str = "+1 > F. 1:1(0) ack 1\n+0.04 < . 1:1(0) ack 2\n";
const NEW_SYN: &str = "+70 > S 0:0(0) isn +100000\n";
const NEW_OPENING: &str =
    "+70 > S 0:0(0) isn +100000\n+0.01 < S. 0:0(0) ack 1 isn +200000\n+0.01 > . 1:1(0) ack 1\n";

fn ghost_in(new: &str) -> (Answered, State, Option<Drew>) {
    let flows = flows(&format!("{OPENING}{HALF_CLOSED}{new}"));
    let [old, new] = &flows[..] else { panic!("{} flows", flows.len()) };
    assert_eq!((old.ghosts.len(), new.ghosts.len()), (1, 1));
    assert_eq!(old.ghosts, new.ghosts);
    let ghost = old.ghosts[0];
    assert_eq!((ghost.of, ghost.met, ghost.from), (old.id, new.id, Role::Responder));
    (ghost.what, ghost.state, ghost.drew.map(|(drew, _)| drew))
}

#[test]
fn a_late_fin_meets_whatever_its_ports_belong_to() {
    let fin = "+0.1 < F. old:1:1(0) ack old:2\n";
    let refused = ghost_in(&format!("{NEW_SYN}{fin}+0.001 > R old:2:2(0)\n+5 end"));
    assert_eq!(refused, (Answered::Fin, State::SynSent, Some(Drew::Rst)));
    let acknowledged = ghost_in(&format!("{NEW_OPENING}{fin}+0.001 > . 1:1(0) ack 1\n+5 end"));
    assert_eq!(acknowledged, (Answered::Fin, State::Established, Some(Drew::Ack)));
    let close = "+1 > F. 1:1(0) ack 1\n+0.01 < F. 1:1(0) ack 2\n+0.01 > . 2:2(0) ack 2\n";
    let after = ghost_in(&format!("{NEW_OPENING}{close}{fin}+0.001 > . 2:2(0) ack 2\n+5 end"));
    assert_eq!(after, (Answered::Fin, State::TimeWait, Some(Drew::Ack)));
    let unheard = ghost_in(&format!("{NEW_OPENING}{fin}+5 end"));
    assert_eq!(unheard, (Answered::Fin, State::Established, None));
}

#[test]
fn what_goes_on_by_itself_is_no_answer() {
    let data = "+0.1 < F. old:1:1(0) ack old:2\n+0.001 > P. 1:11(10) ack 1\n+0.01 < . 1:1(0) ack 11\n+5 end";
    assert_eq!(ghost_in(&format!("{NEW_OPENING}{data}")).2, None);
}

#[test]
fn a_new_connection_knows_since_when_the_old_socket_waited_to_be_closed() {
    let flows = flows(&format!("{OPENING}{HALF_CLOSED}{NEW_SYN}+0.01 < . old:1:1(0) ack old:2\n+5 end"));
    let reuse = flows[1].reuse.unwrap();
    assert_eq!((reuse.waiting, reuse.since.map(|at| at.record)), (Some(Role::Responder), Some(5)));
}
