//! Headers in headers, as far as a frame reaches.

use super::octets::{frame, ipv4, pcap, record, syn};
use super::{LITTLE, alone, within};

const ETHERNET: u32 = 1;
const RAW: u32 = 101;
/// Longer than any frame.
const FRAME: usize = 256 << 10;

/// Each of these repeats itself to the end of the frame.
#[test]
fn tags_and_labels_without_end_lead_nowhere() {
    let _alone = alone();
    let repeats: [(&str, &[u8], &[u8]); 7] = [
        ("VLAN", &[0x81, 0], &[0, 5, 0x81, 0]),
        ("priority tags", &[0x88, 0xa8], &[0, 0, 0x88, 0xa8]),
        ("VN-Tag", &[0x89, 0x26], &[0, 0, 0, 0, 0x89, 0x26]),
        ("MPLS", &[0x88, 0x47], &[0, 0, 0x10, 64]),
        ("frames in frames", &[0x65, 0x58], &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x65, 0x58]),
        ("FabricPath", &[0x89, 3], &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x89, 3]),
        ("SNAP", &[5, 0xdc], &[0xaa, 0xaa, 3, 0, 0, 0, 5, 0xdc]),
    ];
    for (name, kind, header) in repeats {
        let data = [&[0; 12][..], kind, &header.repeat(FRAME / header.len())].concat();
        let outcome = within(LITTLE, frame(ETHERNET, &data));
        assert_eq!((outcome.input.records, outcome.input.segments), (1, 0), "{name}");
    }
}

#[test]
fn tunnels_without_end_are_followed_a_few_deep() {
    let _alone = alone();
    let mut packet = ipv4(6, &syn(&[]));
    while packet.len() < 60_000 {
        packet = ipv4(4, &packet);
    }
    let outcome = within(LITTLE, frame(RAW, &packet));
    assert_eq!(outcome.input.skipped[0].reason, "too many tunnels inside one another");
    let kinds: [(u8, &[u8]); 2] = [(47, &[0, 0, 8, 0]), (4, &[])];
    for (protocol, header) in kinds {
        let mut packet = ipv4(6, &syn(&[]));
        for _ in 0..1000 {
            packet = ipv4(protocol, &[header, &packet].concat());
        }
        assert_eq!(within(LITTLE, frame(RAW, &packet)).input.segments, 0);
    }
}

/// Destination options that announce themselves, eight octets each.
#[test]
fn extension_headers_without_end_are_followed_a_few_deep() {
    let _alone = alone();
    for kind in [0_u8, 43, 51, 60, 135, 139, 140] {
        let mut packet = vec![0x60, 0, 0, 0, 0xff, 0xff, kind, 64];
        packet.extend([0; 32]);
        packet.extend([kind, 0, 0, 0, 0, 0, 0, 0].repeat(8191));
        let outcome = within(LITTLE, frame(RAW, &packet));
        assert_eq!((outcome.input.records, outcome.input.segments), (1, 0), "{kind}");
    }
}

/// Options whose length is 0 or 1 would hold up a reader that believes them.
#[test]
fn tcp_options_of_no_length_end_the_list() {
    let _alone = alone();
    let mut content = pcap(RAW);
    for options in
        [[2, 0].repeat(20), [3, 1].repeat(20), [1].repeat(40), [254, 255].repeat(20), [8, 10].repeat(20)]
    {
        let packet = ipv4(6, &syn(&options));
        record(&mut content, u32::try_from(packet.len()).unwrap(), &packet);
    }
    assert_eq!(within(LITTLE, content).input.segments, 5);
}

/// An ICMP error that quotes an ICMP error that quotes one.
#[test]
fn quotes_in_quotes_are_read_once() {
    let _alone = alone();
    let mut packet = ipv4(6, &syn(&[]));
    for _ in 0..1000 {
        packet = ipv4(1, &[&[3, 3, 0, 0, 0, 0, 0, 0][..], &packet].concat());
    }
    let outcome = within(LITTLE, frame(RAW, &packet));
    assert_eq!((outcome.input.records, outcome.input.segments), (1, 0));
}
