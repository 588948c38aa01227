//! States and timers of single connections, in the notation of case files.

use closewait::flow::Flow;
use closewait::net::Role;
use closewait::netstat::{Moments, Socket, Stack, for_each_socket};
use closewait::time::{TimeDelta, Timestamp};

use crate::support::outcome::Outcome;
use crate::support::trace::{Place, Trace};

const OPENING: &str = "+0 > S 0:0(0)\n+0.01 < S. 0:0(0) ack 1\n+0.01 > . 1:1(0) ack 1\n";

/// The flows of a trace, in order of start.
pub(crate) fn flows(trace: &str) -> Vec<Flow> {
    let trace = Trace::parse(trace).unwrap();
    let outcome = Outcome::of(&trace.entries(&Place::default(), 1));
    outcome.by_start().into_iter().map(|told| told.flow).collect()
}

/// A trace that begins with a handshake and lasts ten minutes.
pub(crate) fn opened(then: &str) -> String {
    format!("{OPENING}{then}\n+600 end\n")
}

/// The sockets `seconds` after the start of the trace.
pub(crate) fn sockets(flows: &[Flow], seconds: f64, stack: &Stack) -> Vec<Socket> {
    let at = Timestamp::from_nanos(Place::default().start) + TimeDelta::from_secs_f64(seconds);
    let mut sockets = Vec::new();
    for flow in flows {
        for_each_socket(flow, stack, &Moments::at(vec![at]), |socket| {
            sockets.push(*socket);
            Ok::<_, std::convert::Infallible>(())
        })
        .unwrap();
    }
    sockets
}

/// What the ends of the last flow's four-tuple hold at these times, as `INITIATOR/RESPONDER`.
fn story(trace: &str, seconds: &[f64]) -> Vec<String> {
    told(trace, seconds, &Stack::default())
}

fn told(trace: &str, seconds: &[f64], stack: &Stack) -> Vec<String> {
    let flows = flows(trace);
    let last = flows.last().unwrap();
    let at = |seconds: &f64| {
        let sockets = sockets(&flows, *seconds, stack);
        let of = |role: Role| {
            let own = sockets.iter().filter(|socket| socket.local == last.endpoint(role));
            let word = |socket: &Socket| {
                let doubt = if socket.is_certain { "" } else { "?" };
                format!("{}{doubt}", closewait::netstat::word(socket.state))
            };
            let words: Vec<_> = own.map(word).collect();
            if words.is_empty() { "none".to_owned() } else { words.join(" and ") }
        };
        format!("{}/{}", of(Role::Initiator), of(Role::Responder))
    };
    seconds.iter().map(at).collect()
}

#[test]
fn an_ordinary_connection_ends_in_time_wait() {
    let trace = opened("+1 > F. 1:1(0) ack 1\n+0.01 < F. 1:1(0) ack 2\n+0.01 > . 2:2(0) ack 2");
    let told = story(&trace, &[0.005, 0.5, 1.025, 1.5, 61.0, 61.5, 64.0]);
    let expected = [
        "SYN-SENT/none",
        "ESTAB/ESTAB",
        "FIN-WAIT-1/CLOSE-WAIT",
        "TIME-WAIT/none",
        "TIME-WAIT/none",
        "TIME-WAIT?/none",
        "none/none",
    ];
    assert_eq!(told, expected);
}

#[test]
fn time_wait_begins_anew_with_each_copy_of_the_fin() {
    let trace = opened(
        "+1 > F. 1:1(0) ack 1\n+0.01 < F. 1:1(0) ack 2\n+0.01 > . 2:2(0) ack 2\n\
         +20 < F. 1:1(0) ack 2\n+0.01 > . 2:2(0) ack 2",
    );
    assert_eq!(story(&trace, &[80.0, 85.0]), ["TIME-WAIT/none", "none/none"]);
    let short = Stack { time_wait: TimeDelta::from_secs(5), ..Stack::default() };
    assert_eq!(
        told(&trace, &[20.0, 25.9, 30.0], &short),
        ["TIME-WAIT/LAST-ACK", "TIME-WAIT/none", "none/none"]
    );
}

#[test]
fn a_copy_of_the_fin_that_comes_too_late_begins_no_time_wait() {
    let trace = opened(
        "+1 > F. 1:1(0) ack 1\n+0.01 < F. 1:1(0) ack 2\n+0.01 > . 2:2(0) ack 2\n\
         +20 < F. 1:1(0) ack 2\n+0.01 > R 2:2(0)",
    );
    let short = Stack { time_wait: TimeDelta::from_secs(5), ..Stack::default() };
    assert_eq!(
        told(&trace, &[5.0, 10.0, 21.035], &short),
        ["TIME-WAIT/LAST-ACK", "none/LAST-ACK", "none/LAST-ACK"]
    );
}

#[test]
fn fin_wait_2_of_a_closed_socket_expires() {
    let trace = opened("+1 > F. 1:1(0) ack 1\n+0.04 < . 1:1(0) ack 2");
    let expected = ["FIN-WAIT-2/CLOSE-WAIT", "FIN-WAIT-2?/CLOSE-WAIT", "none/CLOSE-WAIT"];
    assert_eq!(story(&trace, &[60.0, 62.0, 64.0]), expected);
    let short = Stack { fin_timeout: TimeDelta::from_secs(8), ..Stack::default() };
    assert_eq!(told(&trace, &[8.0, 9.2, 10.0], &short), expected);
}

#[test]
fn fin_wait_2_that_a_late_fin_found_did_not_expire() {
    let trace = opened(
        "+1 > F. 1:1(0) ack 1\n+0.04 < . 1:1(0) ack 2\n+100 < F. 1:1(0) ack 2\n+0.01 > . 2:2(0) ack 2",
    );
    assert_eq!(story(&trace, &[90.0, 102.0]), ["FIN-WAIT-2/CLOSE-WAIT", "TIME-WAIT/none"]);
}

#[test]
fn fin_wait_2_that_takes_data_was_only_shut_down() {
    let trace = opened(
        "+1 > F. 1:1(0) ack 1\n+0.04 < . 1:1(0) ack 2\n+1 < P. 1:101(100) ack 2\n+0.01 > . 2:2(0) ack 101",
    );
    assert_eq!(story(&trace, &[90.0, 500.0]), ["FIN-WAIT-2/CLOSE-WAIT"; 2]);
}

#[test]
fn a_late_fin_that_draws_a_rst_shows_that_it_had_expired() {
    let trace =
        opened("+1 > F. 1:1(0) ack 1\n+0.04 < . 1:1(0) ack 2\n+86 < F. 1:1(0) ack 2\n+0.01 > R 2:2(0)");
    let told = story(&trace, &[50.0, 70.0, 87.065, 88.0]);
    assert_eq!(told, ["FIN-WAIT-2/CLOSE-WAIT", "none/CLOSE-WAIT", "none/LAST-ACK", "none/none"]);
}

#[test]
fn closing_lasts_while_fins_cross() {
    let trace = opened(
        "+1 > F. 1:1(0) ack 1\n+0.001 < F. 1:1(0) ack 1\n+0.2 > . 2:2(0) ack 2\n+0.01 < . 2:2(0) ack 2",
    );
    let told = story(&trace, &[1.1, 1.5]);
    assert_eq!(told, ["CLOSING/FIN-WAIT-1", "TIME-WAIT?/TIME-WAIT?"]);
}

#[test]
fn a_connect_that_nobody_answers_is_given_up_when_the_next_syn_does_not_come() {
    let trace = "+0 > S 0:0(0)\n+1 > S 0:0(0)\n+2 > S 0:0(0)\n+4 > S 0:0(0)\n+600 end\n";
    assert_eq!(story(trace, &[2.0, 14.9, 16.0]), ["SYN-SENT/none", "SYN-SENT/none", "none/none"]);
}

#[test]
fn an_icmp_error_ends_a_connect_at_once() {
    let trace = "+0 > S 0:0(0)\n+0.001 icmp < 3/1 0\n+600 end\n";
    assert_eq!(story(trace, &[0.0005, 0.01]), ["SYN-SENT/none", "none/none"]);
    let passing = "+0 > S 0:0(0)\n+0.001 icmp < 3/4 0\n+600 end\n";
    assert_eq!(story(passing, &[0.01]), ["SYN-SENT/none"]);
}

#[test]
fn a_refused_connect_is_gone_at_once() {
    let trace = "+0 > S 0:0(0)\n+0.001 < R. 0:0(0) ack 1\n+600 end\n";
    assert_eq!(story(trace, &[0.0005, 0.01]), ["SYN-SENT/none", "none/none"]);
}

#[test]
fn a_syn_ack_that_is_not_acknowledged_did_not_come() {
    let trace = "+0 > S 0:0(0)\n+0.01 < S. 0:0(0) ack 1\n+1 > S 0:0(0)\n+0.01 < S. 0:0(0) ack 1\n\
                 +0.01 > . 1:1(0) ack 1\n+600 end\n";
    assert_eq!(story(trace, &[0.5, 1.025, 2.0]), ["SYN-SENT/SYN-RECV", "SYN-SENT/SYN-RECV", "ESTAB/ESTAB?"]);
}

#[test]
fn a_syn_ack_that_is_sent_once_and_never_acknowledged_was_a_cookie() {
    let cookie = "+0 > S 0:0(0)\n+0.01 < S. 0:0(0) ack 1\n+600 end\n";
    assert_eq!(story(cookie, &[0.5]), ["SYN-SENT/none"]);
    let kept = "+0 > S 0:0(0)\n+0.01 < S. 0:0(0) ack 1\n+1 < S. 0:0(0) ack 1\n+600 end\n";
    assert_eq!(story(kept, &[0.5, 2.9, 4.0]), ["SYN-SENT/SYN-RECV", "none/SYN-RECV", "none/none"]);
}

#[test]
fn who_hears_nothing_after_the_handshake_has_no_socket() {
    let trace = opened(
        "+1 > P. 1:101(100) ack 1\n+0.2 > P. 1:101(100) ack 1\n+0.4 > P. 1:101(100) ack 1\n\
         +0.8 > P. 1:101(100) ack 1",
    );
    // The next copy would have come 1.6 s after the last.
    assert_eq!(story(&trace, &[1.5, 3.5, 10.0]), ["ESTAB/none", "ESTAB/none", "none/none"]);
}

#[test]
fn a_fin_that_nobody_acknowledges_is_given_up() {
    let exchange = "+0.1 > P. 1:101(100) ack 1\n+0.1 < P. 1:11(10) ack 101\n+0.1 > . 101:101(0) ack 11\n";
    let copies = "> F. 101:101(0) ack 11\n";
    let trace = opened(&format!("{exchange}+0.7 {copies}+0.2 {copies}+0.4 {copies}+0.8 {copies}"));
    let told = story(&trace, &[1.5, 4.0, 5.0]);
    assert_eq!(told, ["FIN-WAIT-1/CLOSE-WAIT?", "FIN-WAIT-1/CLOSE-WAIT?", "none/CLOSE-WAIT?"]);
}

#[test]
fn a_fin_that_is_sent_once_was_acknowledged_captured_or_not() {
    let trace = opened("+1 > F. 1:1(0) ack 1");
    assert_eq!(story(&trace, &[30.0, 70.0]), ["FIN-WAIT-2?/CLOSE-WAIT?", "none/CLOSE-WAIT?"]);
}

#[test]
fn a_last_ack_that_was_lost_leaves_last_ack() {
    let trace = opened(
        "+1 > F. 1:1(0) ack 1\n+0.01 < F. 1:1(0) ack 2\n+0.01 > . 2:2(0) ack 2\n\
         +0.4 < F. 1:1(0) ack 2\n+0.01 > . 2:2(0) ack 2",
    );
    assert_eq!(story(&trace, &[1.2, 1.6]), ["TIME-WAIT/LAST-ACK", "TIME-WAIT/none"]);
}

#[test]
fn a_fin_behind_octets_that_are_missing_has_not_come() {
    let trace = opened(
        "+1 < P. 1:101(100) ack 1\n+0.01 > . 1:1(0) ack 101\n+1 < F. 201:201(0) ack 1\n\
         +0.001 > . 1:1(0) ack 101\n+0.5 < P. 101:201(100) ack 1\n+0.001 > . 1:1(0) ack 202",
    );
    assert_eq!(story(&trace, &[2.2, 3.0]), ["ESTAB/FIN-WAIT-1", "CLOSE-WAIT/FIN-WAIT-2"]);
}

#[test]
fn a_rst_ends_both_sockets() {
    let trace = opened("+1 > P. 1:101(100) ack 1\n+0.01 < . 1:1(0) ack 101\n+1 > R. 101:101(0) ack 1");
    assert_eq!(story(&trace, &[1.5, 2.1]), ["ESTAB/ESTAB", "none/none"]);
}

#[test]
fn a_rst_that_was_lost_leaves_its_receiver() {
    let trace = opened(
        "+1 > P. 1:101(100) ack 1\n+0.01 < . 1:1(0) ack 101\n+1 > R. 101:101(0) ack 1\n\
         +5 < P. 1:11(10) ack 101\n+0.2 < P. 1:11(10) ack 101\n+0.01 > R 101:101(0)",
    );
    assert_eq!(story(&trace, &[4.0, 8.0]), ["none/ESTAB", "none/none"]);
}

#[test]
fn a_new_connection_takes_the_place_of_time_wait_at_either_end() {
    let close = "+1 < F. 1:1(0) ack 1\n+0.01 > F. 1:1(0) ack 2\n+0.01 < . 2:2(0) ack 2\n";
    let again = "+5 > S 0:0(0) isn +200000\n+0.01 < S. 0:0(0) ack 1 isn +200000\n+0.01 > . 1:1(0) ack 1\n";
    let reset = "+1 > R. 1:1(0) ack 1";
    let trace = opened(&format!("{close}{again}{reset}"));
    assert_eq!(story(&trace, &[2.0, 6.1, 7.5]), ["none/TIME-WAIT", "ESTAB/ESTAB?", "none/none"]);
}

const HALF_CLOSED: &str = "+1 > F. 1:1(0) ack 1\n+0.04 < . 1:1(0) ack 2\n+5 > S 0:0(0) isn +200000\n\
                           +0.01 < . old:1:1(0) ack old:2\n";

#[test]
fn a_half_closed_socket_stays_until_the_rst_that_its_answer_to_the_new_syn_draws() {
    let told = story(&opened(HALF_CLOSED), &[3.0, 6.06, 6.5]);
    assert_eq!(told, ["FIN-WAIT-2/CLOSE-WAIT", "SYN-SENT/CLOSE-WAIT", "SYN-SENT/CLOSE-WAIT"]);
    let again = "+0.01 > R old:2:2(0)\n+0.01 > S 0:0(0)\n";
    let told = story(&opened(&format!("{HALF_CLOSED}{again}")), &[6.085, 6.5]);
    assert_eq!(told, ["SYN-SENT/none", "SYN-SENT/none"]);
}

#[test]
fn a_half_closed_socket_is_gone_at_the_latest_when_the_new_syn_is_accepted() {
    let accepted = "+0.1 > S 0:0(0)\n+0.01 < S. 0:0(0) ack 1 isn +200000\n+0.01 > . 1:1(0) ack 1\n\
                    +1 > R. 1:1(0) ack 1\n";
    let told = story(&opened(&format!("{HALF_CLOSED}{accepted}")), &[6.1, 6.5, 8.0]);
    assert_eq!(told, ["SYN-SENT/CLOSE-WAIT", "ESTAB/ESTAB?", "none/none"]);
}

#[test]
fn before_the_first_record_nothing_is_known() {
    let trace =
        "+0 > . 1000:1000(0) ack 1\n+1 < P. 1:101(100) ack 1000\n+0.01 > . 1000:1000(0) ack 101\n+9 end\n";
    assert_eq!(story(trace, &[-1.0, 0.5, 9.0]), ["none/none", "ESTAB/ESTAB", "ESTAB/ESTAB"]);
}

#[test]
fn one_direction_tells_one_side() {
    let trace = "+0 > S 0:0(0)\n+0.02 > . 1:1(0) ack 1\n+0.01 > P. 1:101(100) ack 1\n+0.1 > . 101:101(0) ack 501\n\
                 +1 > F. 101:101(0) ack 501\n+0.1 > . 102:102(0) ack 502\n+600 end\n";
    let told = story(trace, &[0.01, 0.5, 30.0, 70.0]);
    assert_eq!(told, ["SYN-SENT?/none", "ESTAB?/ESTAB?", "FIN-WAIT-2?/none", "none/none"]);
}

#[test]
fn timers_say_what_is_left() {
    let flows = flows(&opened("+1 > F. 1:1(0) ack 1\n+0.04 < . 1:1(0) ack 2"));
    let socket = |seconds| sockets(&flows, seconds, &Stack::default())[0];
    assert_eq!(socket(11.06).left(), Some(TimeDelta::from_secs(50)));
    assert_eq!(socket(62.0).left(), Some(TimeDelta::ZERO));
    assert_eq!(socket(0.5).left(), None);
}
