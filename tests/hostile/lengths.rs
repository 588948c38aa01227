//! Lengths that lie.

use closewait::Outcome;
use closewait::capture::{DamageKind, Problem};

use super::octets::{block, block_saying, ipv4, packet, pcap, pcapng, record, syn};
use super::{LITTLE, MIB, alone, within};

const HUGE: [u32; 6] = [0x0100_0000, 0x0100_0001, 0x3fff_fffc, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

#[test]
fn a_pcap_record_that_claims_gigabytes_costs_what_is_there() {
    let _alone = alone();
    for says in HUGE {
        let mut content = pcap(101);
        record(&mut content, 60, &ipv4(6, &syn(&[0; 20])));
        record(&mut content, says, &[0; 5000]);
        let outcome = within(LITTLE, content);
        assert_eq!((outcome.input.segments, outcome.problems.len()), (1, 1), "{says:#x}");
    }
}

#[test]
fn a_pcapng_block_that_claims_gigabytes_costs_what_is_there() {
    let _alone = alone();
    for says in HUGE {
        // Packet, interface, simple packet, unknown, custom.
        for kind in [6, 1, 3, 0xdead, 0xbad] {
            let mut content = pcapng();
            block_saying(&mut content, kind, says & !3, &[0; 5000]);
            let outcome = within(LITTLE, content);
            assert!(ends_early(&outcome), "{kind} {says:#x}: {:?}", outcome.problems);
        }
    }
}

#[test]
fn a_packet_that_claims_more_than_its_block_is_skipped_alone() {
    let _alone = alone();
    for says in HUGE {
        let mut content = pcapng();
        block(&mut content, 6, &packet(says, &[0; 60]));
        block(&mut content, 6, &packet(14, &[0; 14]));
        let outcome = within(LITTLE, content);
        assert_eq!((outcome.input.records, outcome.problems.len()), (1, 1), "{says:#x}");
    }
}

#[test]
fn an_option_that_claims_more_than_its_block_is_left() {
    let _alone = alone();
    let mut content = pcapng();
    block(&mut content, 1, &[1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0xff, 0xff, b'e', b't', b'h', b'0']);
    block(&mut content, 6, &packet(14, &[0; 14]));
    assert_eq!(within(LITTLE, content).input.records, 1);
}

/// As long as a record may be: it is read, and takes its own length and what doubling a buffer costs.
#[test]
fn the_longest_record_is_held_once() {
    let _alone = alone();
    let mut content = pcap(1);
    record(&mut content, 16 << 20, &vec![0; 16 << 20]);
    let outcome = within(3 * 16 * MIB + LITTLE, content);
    assert_eq!((outcome.input.records, outcome.problems.len()), (1, 0));
}

fn ends_early(outcome: &Outcome) -> bool {
    matches!(outcome.problems.last(), Some(Problem::Damaged(damage)) if matches!(
        damage.kind,
        DamageKind::CutBlock { .. } | DamageKind::BlockLength { .. }
    ))
}
