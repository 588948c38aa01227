//! `conn_state` and `history` as Zeek's documentation defines them (`base/protocols/conn/main.zeek`), over traces.

mod support;

use closewait::report::rows::conn_state;
use support::outcome::Outcome;
use support::trace::{Place, Trace};

const OPENING: &str = "+0 > S 0:0(0)\n+0.01 < S. 0:0(0) ack 1\n+0.01 > . 1:1(0) ack 1\n";

/// `conn_state` and `history` of each flow of a trace.
fn words(trace: &str) -> Vec<String> {
    let trace = Trace::parse(trace).unwrap_or_else(|(line, why)| panic!("{line:?}: {why}"));
    let outcome = Outcome::of(&trace.entries(&Place::default(), 1));
    let told = outcome.by_start();
    told.iter().map(|told| format!("{} {}", conn_state(&told.flow), told.flow.letters)).collect()
}

#[track_caller]
fn opened(then: &str, expected: &str) {
    assert_eq!(words(&format!("{OPENING}{then}")), [expected]);
}

#[test]
fn payload_has_a_letter_only_where_no_flag_has() {
    opened("+1 > P. 1:11(10) ack 1\n+0.01 < F. 1:6(5) ack 11\n+0.01 > F. 11:11(0) ack 7", "SF ShADfF");
}

#[test]
fn retransmitted_payload_follows_the_letter_of_its_packet() {
    opened(
        "+1 < P. 1:11(10) ack 1\n+0.3 < P. 1:11(10) ack 1\n+0.4 > P. 1:4(3) ack 11\n+1 > P. 1:4(3) ack 11",
        "S1 ShAdtDT",
    );
}

#[test]
fn payload_that_comes_late_is_told_as_retransmitted() {
    opened("+1 > P. 11:21(10) ack 1\n+0.01 > P. 1:11(10) ack 1", "S1 ShADT");
    opened("+1 > P. 1:11(10) ack 1\n+0.01 < . 1:1(0) ack 11\n+30 > . 10:11(1) ack 1", "S1 ShADaT");
}

#[test]
fn the_tenth_retransmission_is_told_again() {
    let again = "+1 > P. 1:11(10) ack 1\n".repeat(11);
    opened(&again, "S1 ShADTT");
}

#[test]
fn a_flag_is_told_again_when_its_number_moved() {
    let close = "+1 > F. 1:1(0) ack 1\n+0.01 < F. 1:1(0) ack 2\n";
    opened(&format!("{close}+0.01 > R 2:2(0)\n+0.01 > R 2:2(0)"), "SF ShAFfR");
    opened(&format!("{close}+0.01 > R 2:2(0)\n+0.01 > R 3:3(0)"), "SF ShAFfRR");
    opened("+1 > F. 1:1(0) ack 1\n+1 > F. 1:1(0) ack 1\n+1 > F. 1:4(3) ack 1", "S2 ShAFF");
}

#[test]
fn inconsistent_packets_have_letters_of_their_own() {
    opened("+1 > FR. 1:1(0) ack 1", "RSTO ShAI");
    assert_eq!(words("+0 > - 0:0(0)\n+0 < R. 0:0(0) ack 0"), ["RSTRH r"]);
    assert_eq!(words("+0 > SF 0:0(0)"), ["SH Q"]);
    assert_eq!(words("+0 > SR 0:0(0)"), ["OTH Q"]);
}

#[test]
fn a_caret_tells_that_the_responder_was_seen_first() {
    assert_eq!(words("+0 < S. 0:0(0) ack 1\n+0 > . 1:1(0) ack 1\n+0 > P. 1:3(2) ack 1"), ["S1 ^hAD"]);
}

#[test]
fn a_gap_is_told_when_it_is_acknowledged() {
    opened("+1 > P. 1:11(10) ack 1\n+0.01 < . 1:1(0) ack 31", "S1 ShADaG");
    opened("+1 > P. 11:21(10) ack 1\n+0.01 > P. 1:11(10) ack 1\n+0.01 < . 1:1(0) ack 21", "S1 ShADTa");
    assert_eq!(words("+0 > P. 1:11(10) ack 1\n+0.01 < . 1:1(0) ack 31"), ["OTH Da"]);
    assert_eq!(words("+0 < S. 0:0(0) ack 1\n+0.01 < . 1:1(0) ack 31"), ["OTH ^ha"]);
}

#[test]
fn a_zero_window_is_boring_after_the_peers_fin() {
    opened("+1 > . 1:1(0) ack 1 win 0\n+1 < F. 1:1(0) ack 1\n+0.01 > . 1:1(0) ack 2 win 0", "S3 ShAWf");
    opened("+1 < F. 1:1(0) ack 1\n+0.01 > . 1:1(0) ack 2 win 0", "S3 ShAf");
}

#[test]
fn a_reset_counts_unless_both_have_closed() {
    let finish = "+1 > F. 1:1(0) ack 1\n+0.01 < F. 1:1(0) ack 2\n";
    opened(&format!("{finish}+0.01 > R 2:2(0)"), "SF ShAFfR");
    opened("+1 > F. 1:1(0) ack 1\n+0.01 < P. 1:11(10) ack 2\n+0.01 > R 2:2(0)", "RSTO ShAFdR");
    opened("+1 > R. 1:1(0) ack 1\n+0.01 < F. 1:1(0) ack 1", "RSTO ShARf");
}

#[test]
fn a_reset_after_the_own_fin_is_undone_by_the_peers() {
    opened(
        "+1 > F. 1:1(0) ack 1\n+0.01 < P. 1:11(10) ack 2\n+0.01 > R 2:2(0)\n+0.01 < F. 11:11(0) ack 2",
        "SF ShAFdRf",
    );
}

#[test]
fn an_answer_establishes() {
    assert_eq!(words("+0 > S 0:0(0)\n+0.01 < S. 0:0(0) ack 1"), ["S1 Sh"]);
    assert_eq!(words("+0 > S 0:0(0)\n+0.01 < . 0:0(0) ack 1"), ["S0 Sa"]);
    assert_eq!(words("+0 > S 0:0(0)\n+0.01 < R. 0:0(0) ack 1"), ["REJ Sr"]);
}

#[test]
fn only_a_bare_syn_before_the_reset_was_never_answered() {
    assert_eq!(words("+0 > S 0:0(0)\n+1 > R 1:1(0)"), ["RSTOS0 SR"]);
    assert_eq!(words("+0 > S 0:0(0)\n+1 > . 1:1(0) ack 1\n+1 > R 1:1(0)"), ["OTH SAR"]);
    assert_eq!(words("+0 > R 1:1(0)"), ["OTH R"]);
}
