//! What must hold for every trace: those of the case files, random ones, and garbage.

mod support;

use closewait::flow::{FlowOutcome, Limits};
use closewait::net::{Endpoint, FourTuple, Sides};
use closewait::tcp::{Flags, Segment, SeqNumber, SynOptions};
use closewait::time::{TimeDelta, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use support::case;
use support::laws::{
    copies_change_nothing, formats_agree, is_judged, is_judged_within, place_does_not_matter,
    presumed_follows_from_proven, segments_are_accounted_for, two_runs_agree, whole_rows_survive_a_cut,
    with_copies,
};
use support::outcome::Outcome;
use support::random::any_trace;
use support::trace::{Entry, Place, Trace, What};

const STEPS: usize = 40;

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        max_global_rejects: 100_000,
        ..ProptestConfig::default()
    }
}

/// Holds every case file's trace to `law`.
fn hold_cases(law: impl Fn(&Trace) -> TestCaseResult) {
    for case in case::all() {
        if let Err(broken) = law(&case.parse_trace()) {
            panic!("{}: {broken}", case.name());
        }
    }
}

proptest! {
    #![proptest_config(config(3000))]

    #[test]
    fn initial_numbers_do_not_matter(trace in any_trace(STEPS), initiator: u32, responder: u32) {
        place_does_not_matter(&trace, &Place { isn: Sides { initiator, responder }, ..Place::default() })?;
    }

    #[test]
    fn numbers_may_wrap_anywhere(trace in any_trace(STEPS), initiator in 0..4000_u32, responder in 0..4000_u32) {
        let isn = Sides { initiator: 0_u32.wrapping_sub(initiator), responder: 0_u32.wrapping_sub(responder) };
        place_does_not_matter(&trace, &Place { isn, ..Place::default() })?;
    }

    #[test]
    fn the_hour_does_not_matter(trace in any_trace(STEPS), seconds in -1_000_000_000..1_000_000_000_i64) {
        let start = Place::default().start + seconds * 1_000_000_000;
        place_does_not_matter(&trace, &Place { start, ..Place::default() })?;
    }

    #[test]
    fn which_address_is_the_lower_one_does_not_matter(trace in any_trace(STEPS)) {
        place_does_not_matter(&trace, &Place { mirrored: true, ..Place::default() })?;
    }

    #[test]
    fn a_second_copy_of_any_packet_changes_nothing(trace in any_trace(STEPS), twice in any::<u64>()) {
        copies_change_nothing(&trace, twice)?;
    }

    #[test]
    fn every_segment_is_accounted_for(trace in any_trace(STEPS), twice in any::<u64>()) {
        segments_are_accounted_for(&Outcome::of(&with_copies(&trace, twice).0))?;
    }

    #[test]
    fn two_runs_say_the_same(trace in any_trace(STEPS)) {
        two_runs_agree(&trace.entries(&Place::default(), 1))?;
    }

    #[test]
    fn presumed_states_follow_from_proven_ones(trace in any_trace(STEPS)) {
        for told in Outcome::of(&trace.entries(&Place::default(), 1)).told {
            presumed_follows_from_proven(&told.flow)?;
        }
    }

    #[test]
    fn garbage_is_judged(segments in prop::collection::vec(any_segment(), 0..60)) {
        let mut now = 0;
        let entries: Vec<_> = (1..).zip(segments).map(|(record, (segment, pause))| {
            now += pause;
            Entry::Segment(Segment { record, time: Timestamp::from_nanos(now), ..segment })
        }).collect();
        is_judged(&entries)?;
        two_runs_agree(&entries)?;
        is_judged_within(&entries, Limits { max_flows: 2, ..Limits::default() })?;
    }
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn the_file_format_does_not_matter(trace in any_trace(STEPS)) {
        formats_agree(&trace)?;
    }

    #[test]
    fn a_file_may_break_off_anywhere(trace in any_trace(STEPS), cut: prop::sample::Index) {
        whole_rows_survive_a_cut(&trace, |length| cut.index(length))?;
    }
}

/// A connection refused, seen on two interfaces: one RST.
#[test]
fn a_copy_of_a_refusal_is_no_second_one() {
    let trace = Trace::parse("+0 > S 0:0(0)\n+0.0001 < R. 0:0(0) ack 1\n+1 end").unwrap();
    let (entries, _) = with_copies(&trace, 0b10);
    let outcome = Outcome::of(&entries);
    assert_eq!(outcome.told[0].flow.resets.len(), 1);
}

/// A segment whose numbers fit no incarnation, seen on two interfaces: one packet.
#[test]
fn a_copy_of_what_fits_nothing_is_no_second_one() {
    let trace = Trace::parse("+0 > S 0:0(0)\n+0.0001 < . 31:396(365) ack 9000000\n+1 end").unwrap();
    let (entries, _) = with_copies(&trace, 0b10);
    let outcome = Outcome::of(&entries);
    assert_eq!(outcome.told[0].flow.traffic.responder.packets, 1);
}

/// IPv6 has no identification: a SYN that comes again before any time-out is the same packet, by the same way too.
#[test]
fn a_syn_is_not_repeated_within_a_few_milliseconds() {
    let retries = |again: &str| {
        let mut trace = Trace::parse(&format!("+0 > S 0:0(0)\n{again} > S 0:0(0)\n+9 end")).unwrap();
        for packet in &mut trace.packets {
            let What::Segment(raw) = &mut packet.what else { continue };
            raw.ip_id = 0;
        }
        Outcome::of(&trace.entries(&Place::default(), 1)).told[0].flow.syn_retries
    };
    assert_eq!(retries("+0.001"), 0);
    assert_eq!(retries("+1"), 1);
}

/// A closed window is probed with its next octet, again and again (RFC 9293 §3.8.6.1): no retransmission, no activity.
/// The octet is sent again at last, with what follows it.
#[test]
fn a_window_probe_with_the_next_octet_is_a_probe() {
    let probe = "< . 11:12(1) ack 1\n+0 > . 1:1(0) ack 11 win 0\n";
    let text = format!(
        "+0 > S 0:0(0)\n+0 < S. 0:0(0) ack 1\n+0 > . 1:1(0) ack 1\n+1 < P. 1:11(10) ack 1\n\
         +0 > . 1:1(0) ack 11 win 0\n+0.5 {probe}+1 {probe}+2 {probe}+4 > . 1:1(0) ack 11\n\
         +0 < P. 11:21(10) ack 1\n+0 > . 1:1(0) ack 21"
    );
    let outcome = Outcome::of(&Trace::parse(&text).unwrap().entries(&Place::default(), 1));
    let sent = outcome.told[0].flow.traffic.responder;
    assert_eq!((sent.probes, sent.retransmissions, sent.gap), (2, 1, false));
    assert_eq!(outcome.told[0].flow.outcome, FlowOutcome::Open);
}

/// A SYN that completes an incarnation which its sender had reset, seen on two interfaces: no new connection.
#[test]
fn a_copy_of_what_found_its_flow_late_opens_nothing() {
    let trace = Trace::parse(
        "+0 < R. 1:1(0) ack 1\n+0.0001 < S. 0:0(0) ack 1\n+0.0001 < S. 1048576:1048576(0) ack 1\n\
         +0.0001 < . 1048577:1048577(0) ack 1\n+0.0001 < S 1048576:1048576(0)\n+0.0001 end",
    )
    .unwrap();
    copies_change_nothing(&trace, 0b1_0000).unwrap();
}

/// A responder's SYN after a segment that fits nothing, with the initial number 0 and with another.
#[test]
fn what_fits_nothing_tells_no_initial_number() {
    let trace = Trace::parse(
        "+0 < F. 1:1(0) ack 1\n+0.0001 > F. 1:1(0) ack 2\n+0.0001 > S 256:256(0)\n\
         +0.0001 < . 2:2(0) ack 2 win 0\n+220 < . 2:3(1) ack 2\n+0.0001 < . 3:4(1) ack 2\n\
         +0.0001 < S 0:0(0)\n+0.0001 end",
    )
    .unwrap();
    place_does_not_matter(&trace, &Place { isn: Sides::default(), ..Place::default() }).unwrap();
}

/// The same late segment after the same refusal, wherever the responder's numbers lie.
#[test]
fn a_side_that_never_spoke_has_no_numbers() {
    let trace =
        Trace::parse("+0 > S 0:0(0)\n+0.0001 < R. 0:0(0) ack 1\n+400 < . 1:1(0) ack 1\n+1 end").unwrap();
    let flows = |responder| {
        let place = Place { isn: Sides { initiator: 1000, responder }, ..Place::default() };
        Outcome::of(&trace.entries(&place, 1)).told.len()
    };
    assert_eq!(flows(1000), flows(1 << 30));
}

/// A FIN acknowledged, then ten minutes in which only an ICMP error passes.
#[test]
fn an_icmp_error_moves_time() {
    let trace = Trace::parse(
        "+0 > S 0:0(0)\n+0.0001 < S. 0:0(0) ack 1\n+0.0001 > F. 1:1(0) ack 1\n+0.0001 < . 1:1(0) ack 2\n\
         +600 icmp < 3/1 1",
    );
    let outcome = Outcome::of(&trace.unwrap().entries(&Place::default(), 1));
    let waited = outcome.told[0].flow.close_wait.unwrap().lasted;
    assert!(waited >= TimeDelta::from_secs(600), "{waited}");
}

#[test]
fn place_does_not_matter_to_the_case_files() {
    let isn = Sides { initiator: u32::MAX - 50, responder: u32::MAX - 150 };
    for place in [
        Place { isn, ..Place::default() },
        Place { start: 86_400_123_456_789, ..Place::default() },
        Place { mirrored: true, ..Place::default() },
    ] {
        hold_cases(|trace| place_does_not_matter(trace, &place));
    }
}

/// Each packet lost, exchanged with the next one, and the first one captured.
#[test]
fn damaged_case_files_are_judged() {
    hold_cases(|trace| {
        for index in 0..trace.packets.len() {
            let mut damaged = vec![trace.clone().lose(index), trace.clone().start_late(index)];
            if index + 1 < trace.packets.len() {
                damaged.push(trace.clone().swap(index));
            }
            for trace in damaged {
                is_judged(&trace.entries(&Place::default(), 1))?;
            }
        }
        Ok(())
    });
}

#[test]
fn copies_change_nothing_in_the_case_files() {
    for twice in [u64::MAX, 0x5555_5555_5555_5555, 0xaaaa_aaaa_aaaa_aaaa] {
        hold_cases(|trace| copies_change_nothing(trace, twice));
    }
}

#[test]
fn the_file_format_does_not_matter_to_the_case_files() {
    hold_cases(formats_agree);
}

prop_compose! {
    /// A segment with any flags and numbers near a few places, and a pause before it.
    fn any_segment()(
        (reversed, ports, flags) in (any::<bool>(), 0..3_u16, any::<u8>()),
        (seq, ack) in (any_number(), any_number()),
        octets in prop_oneof![Just(0), Just(1), 2..2000_u32, 0..66_000_u32],
        (window, ttl, ip_id, interface) in (any::<u16>(), any::<u8>(), 0..4_u16, 0..3_u16),
        (window_known, has_options) in (any::<bool>(), any::<bool>()),
        pause in prop_oneof![0..1_000_000_i64, 0..1_000_000_000_i64, -50_000_000..400_000_000_000_i64],
    ) -> (Segment, i64) {
        let end = |last: u8, port| Endpoint { addr: [10, 0, 0, last].into(), port };
        let (low, high) = (end(1, 40000 + ports), end(2, 80));
        let (tuple, from_low) = if reversed { FourTuple::new(high, low, 0) } else { FourTuple::new(low, high, 0) };
        let segment = Segment {
            record: 0,
            time: Timestamp::from_nanos(0),
            tuple,
            from_low,
            seq,
            ack,
            flags: Flags(flags),
            window,
            window_known,
            octets,
            ttl,
            ip_id,
            checksum: 0,
            interface,
            options: has_options.then(SynOptions::default),
        };
        (segment, pause)
    }
}

fn any_number() -> impl Strategy<Value = SeqNumber> {
    let near = (prop::sample::select(vec![0, 1000, 1 << 20, 1 << 31, u32::MAX - 2]), 0..4_u32);
    prop_oneof![4 => near.prop_map(|(base, more)| SeqNumber(base.wrapping_add(more))),
        1 => any::<u32>().prop_map(SeqNumber)]
}
