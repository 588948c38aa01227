//! Blocks without end.

use super::octets::{block, interface, packet, pcapng, section};
use super::{LITTLE, MIB, alone, within};

/// As many interfaces as 16 bits can name are kept, with what is known of each.
const INTERFACES: usize = 24 * MIB;

#[test]
fn of_a_million_interfaces_those_are_kept_that_can_be_named() {
    let _alone = alone();
    let mut content = pcapng();
    for _ in 0..1_000_000 {
        interface(&mut content);
    }
    block(&mut content, 6, &packet(14, &[0; 14]));
    let outcome = within(INTERFACES, content);
    let file = &outcome.files[0];
    assert_eq!((outcome.input.records, file.interfaces.len()), (1, 1024));
    assert_eq!(file.interfaces_unlisted, 65_536 - 1024);
    assert_eq!(file.damage, 1_000_001 - 65_536);
    assert!(outcome.problems.len() < 30, "a flood is counted, not listed");
}

#[test]
fn sections_without_end_forget_their_interfaces() {
    let _alone = alone();
    let mut content = Vec::new();
    for _ in 0..200_000 {
        section(&mut content);
        interface(&mut content);
    }
    let outcome = within(LITTLE, content);
    assert_eq!((outcome.files[0].sections, outcome.problems.len()), (200_000, 0));
    assert_eq!(outcome.files[0].interfaces_unlisted, 200_000 - 1024);
}

#[test]
fn names_secrets_and_statistics_without_end_are_counted() {
    let _alone = alone();
    let mut content = pcapng();
    for _ in 0..200_000 {
        block(&mut content, 4, b"\x01\0\x09\0\x0a\0\0\x01host\0\0\0\0\0\0\0\0");
        block(&mut content, 10, b"\x4b\x53\x4c\x54\0\0\0\0");
        block(&mut content, 5, &[0; 12]);
        block(&mut content, 0xdead, b"");
    }
    let outcome = within(LITTLE, content);
    let file = &outcome.files[0];
    assert_eq!((file.blocks_without_packets, file.blocks_unknown), (400_000, 200_000));
    assert!(outcome.problems.is_empty());
}

/// Every block is damaged in its own way, with a name of its own for the reports.
#[test]
fn damage_without_end_is_counted() {
    let _alone = alone();
    let mut content = pcapng();
    for interface in 0..200_000_u32 {
        let mut body = packet(14, &[0; 14]);
        body[..4].copy_from_slice(&(interface + 1).to_le_bytes());
        block(&mut content, 6, &body);
    }
    let outcome = within(LITTLE, content);
    assert_eq!((outcome.files[0].damage, outcome.input.records), (200_000, 0));
    assert!(outcome.problems.len() < 30, "{}", outcome.problems.len());
}
