//! IP identifications as evidence: of a RST that its alleged sender did not send, and of one that it did.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail by panic, its helpers too"
)]

mod support;

use closewait::flow::FlowOutcome;
use support::outcome::Outcome;
use support::trace::{Place, Trace, What};

const OPEN: &str = "\
+0.000000 > S 0:0(0)
+0.000100 < S. 0:0(0) ack 1
+0.000050 > . 1:1(0) ack 1
+0.001000 > P. 1:101(100) ack 1
+0.000100 < . 1:1(0) ack 101
+0.001000 < P. 1:101(100) ack 101
+0.001000 < P. 101:201(100) ack 101
+0.001000 > . 101:101(0) ack 201
";

/// The outcome when the last segment, a RST, has `ip_id`, and the other ones have what `number` makes of their count.
fn outcome(rst: &str, number: impl Fn(u16) -> u16, ip_id: u16) -> FlowOutcome {
    let mut trace = Trace::parse(&format!("{OPEN}{rst}\n+60 end")).unwrap();
    let last = trace.packets.len() - 1;
    for (index, packet) in trace.packets.iter_mut().enumerate() {
        if let What::Segment(raw) = &mut packet.what {
            raw.ip_id = if index == last { ip_id } else { number(raw.ip_id) };
        }
    }
    Outcome::of(&trace.entries(&Place::default(), 1)).by_start()[0].flow.outcome
}

const RST: &str = "+0.001 < R. 201:201(0) ack 101";

/// As Linux counts: the SYN-ACK has none, the socket's segments one after the other.
fn counted(count: u16) -> u16 {
    if count == 1 { 0 } else { 7_000 + count }
}

/// As macOS and OpenBSD choose: at random.
fn random(count: u16) -> u16 {
    count.wrapping_mul(40_503)
}

#[test]
fn a_rst_that_leaves_the_count_is_a_third_partys() {
    assert_eq!(outcome(RST, counted, 61_234), FlowOutcome::ResetThirdParty);
    assert_eq!(outcome(RST, counted, counted(5)), FlowOutcome::ResetResponder);
}

#[test]
fn identifications_at_random_or_absent_prove_nothing() {
    assert_eq!(outcome(RST, random, 61_234), FlowOutcome::ResetResponder);
    assert_eq!(outcome(RST, |_| 0, 61_234), FlowOutcome::ResetResponder);
    assert_eq!(outcome(RST, counted, 0), FlowOutcome::ResetResponder);
}

#[test]
fn after_a_pause_others_may_have_counted_on() {
    let late = "+30 < R. 201:201(0) ack 101";
    assert_eq!(outcome(late, counted, 61_234), FlowOutcome::ResetResponder);
}

#[test]
fn a_stateless_answer_has_an_identification_of_its_own() {
    let stateless = "+0.001 < R 201:201(0)";
    assert_eq!(outcome(stateless, counted, 61_234), FlowOutcome::ResetResponder);
}

#[test]
fn a_rst_that_continues_the_count_came_by_another_way() {
    let far = "+0.001 < R. 201:201(0) ack 101 ttl 42";
    assert_eq!(outcome(far, counted, counted(5)), FlowOutcome::ResetResponder);
    assert_eq!(outcome(far, counted, 0), FlowOutcome::ResetThirdParty);
}

#[test]
fn a_rst_that_acknowledges_what_was_never_near_is_a_third_partys() {
    let odd = "+0.001 < R. 201:201(0) ack 900000101";
    assert_eq!(outcome(odd, random, 9), FlowOutcome::ResetThirdParty);
}

#[test]
fn a_copy_of_a_syn_is_none_of_its_repetitions_whatever_came_between() {
    let text = OPEN.replace("+0.001000 <", "+0.000010 <");
    let trace = Trace::parse(&format!("{text}+60 end")).unwrap();
    let mut copied = trace.clone();
    let later: Vec<_> = trace.packets[..2].iter().map(|packet| packet.one_hop_on(50_000_000)).collect();
    copied.packets.extend(later);
    let retries = |trace: &Trace| {
        let told = Outcome::of(&trace.entries(&Place::default(), 1)).by_start();
        assert_eq!(told.len(), 1);
        (told[0].flow.syn_retries, told[0].flow.traffic.responder.retransmissions)
    };
    assert_eq!(retries(&copied), (0, 0));

    for packet in &mut copied.packets[8..] {
        let What::Segment(raw) = &mut packet.what else { continue };
        raw.ip_id += 9;
    }
    assert_eq!(retries(&copied), (1, 1), "with identifications of their own they were sent again");
}
