//! Recv-Q: the most and the least that can have lain unread.

use closewait::net::Role;
use closewait::netstat::{RecvQueue, Stack};

use crate::states::{flows, opened, sockets};

/// Recv-Q of `role` at these times, as (least, most).
fn recv_queue(trace: &str, role: Role, seconds: &[f64]) -> Vec<(Option<u64>, u64)> {
    let flows = flows(trace);
    let at = |seconds: &f64| {
        let sockets = sockets(&flows, *seconds, &Stack::default());
        let socket = sockets.iter().find(|socket| socket.local == flows[0].endpoint(role)).unwrap();
        let RecvQueue { least, most } = socket.recv_queue;
        (least, most)
    };
    seconds.iter().map(at).collect()
}

#[test]
fn a_request_that_is_not_answered_may_lie_unread_and_the_fin_with_it() {
    let trace = opened(
        "+1 > P. 1:101(100) ack 1\n+0.01 < . 1:1(0) ack 101\n+1 > F. 101:101(0) ack 1\n\
                        +0.04 < . 1:1(0) ack 102",
    );
    let most = recv_queue(&trace, Role::Responder, &[1.5, 3.0]);
    assert_eq!(most, [(None, 100), (None, 101)]);
    assert_eq!(recv_queue(&trace, Role::Initiator, &[1.5]), [(None, 0)]);
}

#[test]
fn an_answer_shows_that_the_request_was_read() {
    let exchange = "+1 > P. 1:101(100) ack 1\n+1 < P. 1:51(50) ack 101\n+0.01 > . 101:101(0) ack 51\n";
    let trace = opened(&format!("{exchange}+1 > F. 101:101(0) ack 51\n+0.04 < . 51:51(0) ack 102"));
    assert_eq!(recv_queue(&trace, Role::Responder, &[1.5, 2.5, 4.0]), [(None, 100), (None, 0), (None, 1)]);
    // Whether the initiator read the answer is not known.
    assert_eq!(recv_queue(&trace, Role::Initiator, &[1.5, 2.5]), [(None, 0), (None, 50)]);
}

#[test]
fn only_what_came_since_the_last_answer_may_lie_unread() {
    let trace = opened(
        "+1 > P. 1:101(100) ack 1\n+0.1 < P. 1:51(50) ack 101\n+1 > P. 101:131(30) ack 51\n\
         +0.01 < . 51:51(0) ack 131",
    );
    assert_eq!(recv_queue(&trace, Role::Responder, &[3.0]), [(None, 30)]);
}

#[test]
fn a_closed_window_proves_that_something_lies_unread() {
    let trace = opened(
        "+1 > P. 1:101(100) ack 1\n+0.01 < . 1:1(0) ack 101 win 0\n+5 < . 1:1(0) ack 101 win 500\n\
         +1 > P. 101:111(10) ack 1\n+0.01 < . 1:1(0) ack 111",
    );
    let told = recv_queue(&trace, Role::Responder, &[1.0, 3.0, 6.5]);
    assert_eq!(told, [(None, 110), (Some(1), 110), (None, 110)]);
}

#[test]
fn who_has_closed_has_read_all_but_the_fin() {
    let trace = opened(
        "+1 > P. 1:101(100) ack 1\n+0.01 > F. 101:101(0) ack 1\n+0.01 < . 1:1(0) ack 102\n+1 < F. 1:1(0) ack 102\n\
         +0.5 > . 102:102(0) ack 2",
    );
    assert_eq!(recv_queue(&trace, Role::Responder, &[1.5, 2.2]), [(None, 101), (None, 1)]);
}
