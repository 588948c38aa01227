//! Frames of every kind, whole, cut at every octet, and at random.

use etherparse::{IpNumber, Ipv4Header, PacketBuilder, TcpOptionElement};
use proptest::prelude::*;

use super::*;
use crate::capture::LinkType;
use crate::net::Endpoint;
use crate::tcp::Flags;

const PAYLOAD: &[u8; 9] = b"nine long";
const ETHERNET: LinkType = LinkType(1);
const RAW: LinkType = LinkType(101);

#[test]
fn a_plain_segment_keeps_every_field() {
    let segment = segment_of(ETHERNET, &ethernet(0x0800, &ipv4_tcp()));
    assert_eq!(segment.seq, SeqNumber(1000));
    assert_eq!(segment.ack, SeqNumber(2000));
    assert_eq!(segment.flags, Flags(0x12));
    assert_eq!((segment.window, segment.window_known), (500, true));
    assert_eq!((segment.octets, segment.ttl, segment.interface), (9, 64, 0));
    assert_ne!(segment.checksum, 0);
    assert_eq!(segment.tuple.low(), endpoint("10.0.0.1", 40000));
    assert_eq!(segment.tuple.high(), endpoint("10.0.0.2", 80));
    assert!(segment.from_low);
    let options = segment.options.unwrap();
    assert_eq!((options.mss, options.window_scale), (1460, Some(7)));
}

#[test]
fn every_kind_of_frame_leads_to_the_segment() {
    for (name, link, frame, scope) in kinds() {
        let segment = segment_of(link, &frame);
        let expected = (SeqNumber(1000), 9, scope);
        assert_eq!((segment.seq, segment.octets, segment.tuple.scope()), expected, "{name}");
    }
}

#[test]
fn a_cut_frame_gives_the_same_segment_or_a_counted_reason() {
    for (name, link, frame, _) in kinds() {
        let whole = segment_of(link, &frame);
        for captured in 0..frame.len() {
            let mut dissector = Dissector::new();
            let mut cut = record(link, &frame);
            cut.data = &frame[..captured];
            let dissected = dissector.dissect(&cut);
            let by_layers = Dissector::new().dissect_by_layers(&cut);
            assert_eq!(format!("{dissected:?}"), format!("{by_layers:?}"), "{name} cut at {captured}");
            match dissected {
                Dissected::Segment(segment) => {
                    let core = |s: &Segment| (s.tuple, s.from_low, s.seq, s.ack, s.flags, s.octets, s.ttl);
                    assert_eq!(core(&segment), core(&whole), "{name} cut at {captured}");
                    assert!(!segment.window_known || segment.window == whole.window);
                }
                Dissected::IcmpError(_) => panic!("{name} cut at {captured}"),
                Dissected::Skipped => {
                    let (reason, skips) = dissector.tally().reasons().next().unwrap();
                    assert!(reason.name().starts_with("cut_"), "{name} cut at {captured}: {reason}");
                    assert_eq!((skips.count, skips.first_record), (1, 1));
                }
            }
        }
    }
}

#[test]
fn flags_are_enough_of_a_header() {
    let frame = ethernet(0x86dd, &ipv6_tcp());
    let mut cut = record(ETHERNET, &frame);
    cut.data = &frame[..14 + 40 + 14];
    let Dissected::Segment(segment) = Dissector::new().dissect(&cut) else { panic!("no segment") };
    assert_eq!((segment.octets, segment.window_known, segment.checksum), (9, false, 0));
    cut.data = &frame[..14 + 40 + 13];
    assert_eq!(reason_of(&cut), SkipReason::CutInTcp);
}

#[test]
fn ethernet_padding_is_not_payload() {
    let mut frame = ethernet(0x0800, &ipv4_tcp());
    frame.extend([0; 20]);
    assert_eq!(segment_of(ETHERNET, &frame).octets, 9);
}

#[test]
fn a_total_length_of_zero_takes_the_frame_length() {
    let mut packet = ipv4_tcp();
    packet[2..4].fill(0);
    let frame = ethernet(0x0800, &packet);
    let mut offloaded = record(ETHERNET, &frame);
    offloaded.original_length += 100_000;
    let Dissected::Segment(segment) = Dissector::new().dissect(&offloaded) else { panic!("no segment") };
    assert_eq!(segment.octets, 100_009);
}

#[test]
fn a_jumbogram_states_its_length_in_an_option() {
    let mut packet = ipv6_with_extension(0, &[6, 0, 0xc2, 4, 0, 1, 0x86, 0xa0]);
    packet[4..6].fill(0);
    // 100,000 octets, of which 8 are the hop-by-hop header and 28 TCP's.
    assert_eq!(segment_of(RAW, &packet).octets, 100_000 - 8 - 28);
}

#[test]
fn a_first_fragment_is_a_segment_and_later_ones_are_counted() {
    let mut packet = ipv4_tcp();
    packet[6] = 0x20;
    assert_eq!(segment_of(RAW, &packet).octets, 9);
    packet[7] = 3;
    assert_eq!(reason_of(&record(RAW, &packet)), SkipReason::IpFragment);
    let mut packet = ipv6_with_extension(44, &[6, 0, 0, 1, 0, 0, 0, 1]);
    assert_eq!(segment_of(RAW, &packet).octets, 9);
    packet[43] = 9;
    assert_eq!(reason_of(&record(RAW, &packet)), SkipReason::IpFragment);
}

#[test]
fn a_header_longer_than_its_packet_is_malformed() {
    let mut packet = ipv4_tcp();
    packet[20 + 12] = 0xf0;
    assert_eq!(reason_of(&record(RAW, &packet)), SkipReason::MalformedTcp);
    packet[20 + 12] = 0x40;
    assert_eq!(reason_of(&record(RAW, &packet)), SkipReason::MalformedTcp);
    packet[2..4].copy_from_slice(&[0, 19]);
    assert_eq!(reason_of(&record(RAW, &packet)), SkipReason::MalformedIp);
}

#[test]
fn tunnels_are_followed_four_deep() {
    let mut packet = ipv4_tcp();
    for depth in 1..=4 {
        packet = ipv4(4, &packet);
        assert_eq!(segment_of(RAW, &packet).seq, SeqNumber(1000), "{depth}");
    }
    assert_eq!(reason_of(&record(RAW, &ipv4(4, &packet))), SkipReason::TunnelTooDeep);
}

#[test]
fn the_outermost_hop_limit_counts() {
    let mut packet = ipv4(4, &ipv4_tcp());
    packet[8] = 33;
    assert_eq!(segment_of(RAW, &packet).ttl, 33);
}

#[test]
fn cooked_copies_differ_by_direction() {
    let cooked = |direction| segment_of(LinkType(276), &sll2(direction, 5)).interface;
    assert_eq!(cooked(0), 5);
    assert_eq!(cooked(4), 5 | 4 << 13);
}

#[test]
fn an_unreachable_port_names_the_quoted_connection() {
    for (link_payload, v6, kind) in [(icmp_v4(3), false, 3), (icmp_v6(1), true, 1)] {
        let Dissected::IcmpError(error) = Dissector::new().dissect(&record(RAW, &link_payload)) else {
            panic!("no error")
        };
        assert_eq!((error.v6, error.kind, error.code, error.seq), (v6, kind, 4, SeqNumber(1000)));
        assert_eq!(error.tuple.ports(), (40000, 80));
        assert!(error.from_low);
    }
}

#[test]
fn other_icmp_is_plain() {
    assert_eq!(reason_of(&record(RAW, &icmp_v4(5))), SkipReason::Icmp);
    assert_eq!(reason_of(&record(RAW, &icmp_v6(128))), SkipReason::Icmpv6);
    let message = icmp_v4(3);
    let mut cut = record(RAW, &message);
    cut.data = &message[..20 + 8 + 20 + 7];
    assert_eq!(reason_of(&cut), SkipReason::CutInIcmp);
}

#[test]
fn what_is_not_tcp_has_a_name() {
    let reason = |link, frame: &[u8]| reason_of(&record(link, frame));
    assert_eq!(reason(ETHERNET, &ethernet(0x0806, &[0; 28])), SkipReason::Arp);
    assert_eq!(reason(ETHERNET, &ethernet(0x88cc, &[0; 28])), SkipReason::OtherEtherType(0x88cc));
    assert_eq!(reason(ETHERNET, &ethernet(38, &[0x42; 38])), SkipReason::OtherLinkPayload);
    assert_eq!(reason(ETHERNET, &[0; 13]), SkipReason::CutBeforeIp);
    assert_eq!(reason(LinkType(127), &[0; 60]), SkipReason::UnsupportedLink(127));
    assert_eq!(reason(RAW, &ipv4(17, &[0; 8])), SkipReason::Udp);
    assert_eq!(reason(RAW, &ipv4(132, &[0; 12])), SkipReason::OtherIpProtocol(132));
    assert_eq!(reason(RAW, &[0; 40]), SkipReason::MalformedIp);
}

proptest! {
    #[test]
    fn any_octets_are_accounted_for(link in links(), data in prop::collection::vec(any::<u8>(), 0..200)) {
        check_accounting(link, &data)?;
    }

    #[test]
    fn a_frame_with_one_wrong_octet_is_accounted_for(
        kind in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), octet in any::<u8>(),
    ) {
        let kinds = kinds();
        let (_, link, mut frame, _) = kinds[kind.index(kinds.len())].clone();
        let at = at.index(frame.len());
        frame[at] = octet;
        check_accounting(link, &frame)?;
    }
}

fn check_accounting(link: LinkType, data: &[u8]) -> Result<(), TestCaseError> {
    let mut dissector = Dissector::new();
    let short = dissector.dissect(&record(link, data));
    let long = dissector.dissect_by_layers(&record(link, data));
    prop_assert_eq!(format!("{short:?}"), format!("{long:?}"));
    let tally = dissector.tally();
    prop_assert_eq!(tally.records(), 2);
    prop_assert_eq!(tally.records(), tally.segments() + tally.icmp_errors().count + tally.skipped());
    let (mut joining, mut found) = (Dissector::new(), Vec::new());
    joining.dissect_onto(&record(link, data), &mut found);
    joining.finish(&mut found);
    let segments = found.iter().filter(|found| matches!(found, Dissected::Segment(_))).count() as u64;
    prop_assert_eq!(joining.tally().records(), 1);
    prop_assert_eq!(joining.tally().segments(), segments);
    prop_assert_eq!(joining.tally().icmp_errors().count, found.len() as u64 - segments);
    Ok(())
}

fn links() -> impl Strategy<Value = LinkType> {
    const LINKS: &[u16] =
        &[0, 1, 9, 10, 12, 14, 50, 51, 101, 104, 108, 113, 117, 228, 229, 239, 242, 276, 999];
    prop::sample::select(LINKS).prop_map(LinkType)
}

/// Name, link type, frame and scope of each way to carry the same segment.
fn kinds() -> Vec<(&'static str, LinkType, Vec<u8>, u32)> {
    let v4 = ipv4_tcp();
    let v6 = ipv6_tcp();
    let inner = ethernet(0x0800, &v4);
    let over = |kind: u16, header: &[u8], payload: &[u8]| ethernet(kind, &[header, payload].concat());
    let gre = |header: &[u8], payload: &[u8]| ipv4(47, &[header, payload].concat());
    let tunnel = |port: u16, header: &[u8], payload: &[u8]| ipv4(17, &udp(port, &[header, payload].concat()));
    let identifier = (1 << 30) + 77;
    vec![
        ("IPv4", ETHERNET, inner.clone(), 0),
        ("IPv6", ETHERNET, ethernet(0x86dd, &v6), 0),
        ("VLAN", ETHERNET, over(0x8100, &[0xa0, 5, 8, 0], &v4), 5),
        ("priority tag", ETHERNET, over(0x8100, &[0xa0, 0, 8, 0], &v4), 0),
        ("VLAN stack", ETHERNET, over(0x88a8, &[0, 9, 0x91, 0, 0, 8, 0x92, 0, 0, 7, 8, 0], &v4), 9),
        ("SNAP", ETHERNET, over(57, &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &v4), 0),
        ("PPPoE", ETHERNET, over(0x8864, &[0x11, 0, 0, 1, 0, 59, 0, 0x21], &v4), 0),
        ("MPLS", ETHERNET, over(0x8847, &[0, 0, 0x10, 64, 0, 0, 0x21, 64], &v4), 0),
        ("MPLS pseudowire", ETHERNET, over(0x8847, &[0, 0, 0x11, 64, 0, 0, 0, 0], &inner), 0),
        ("SLL", LinkType(113), [&[0; 14], &[8, 0][..], &v4].concat(), 0),
        ("SLL2", LinkType(276), sll2(0, 1), 0),
        ("NULL", LinkType(0), [&[2, 0, 0, 0][..], &v4].concat(), 0),
        ("NULL, big-endian", LinkType(0), [&[0, 0, 0, 30][..], &v6].concat(), 0),
        ("LOOP", LinkType(108), [&[0, 0, 0, 24][..], &v6].concat(), 0),
        ("RAW", RAW, v4.clone(), 0),
        ("PPP", LinkType(9), [&[0xff, 3, 0x21][..], &v4].concat(), 0),
        ("PPP, address left out", LinkType(9), [&[0, 0x57][..], &v6].concat(), 0),
        ("HDLC", LinkType(104), [&[0x0f, 0, 8, 0][..], &v4].concat(), 0),
        (
            "NFLOG",
            LinkType(239),
            [&[2, 0, 0, 0, 5, 0, 10, 0, 0x61, 0, 0, 0, 4, 0, 9, 0][..], &v4].concat(),
            0,
        ),
        ("PFLOG", LinkType(117), [&[5, 2, 0, 0, 0, 0, 0, 0][..], &v4].concat(), 0),
        ("destination options", RAW, ipv6_with_extension(60, &[6, 0, 1, 4, 0, 0, 0, 0]), 0),
        (
            "authentication",
            RAW,
            ipv6_with_extension(51, &[6, 2, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0]),
            0,
        ),
        ("mobility", RAW, ipv6_with_extension(135, &[6, 0, 0, 0, 0, 0, 0, 0]), 0),
        ("IP in IP", RAW, ipv4(41, &v6), 0),
        ("GRE", RAW, gre(&[0, 0, 8, 0], &v4), 0),
        ("GRE with all", RAW, gre(&[0xb0, 0, 8, 0, 1, 2, 3, 4, 0, 0, 0, 77, 0, 0, 0, 1], &v4), identifier),
        ("ERSPAN", RAW, gre(&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], &inner), 0),
        ("VXLAN", RAW, tunnel(4789, &[8, 0, 0, 0, 0, 0, 77, 0], &inner), identifier),
        ("GENEVE", RAW, tunnel(6081, &[1, 0, 0x65, 0x58, 0, 0, 77, 0, 1, 2, 3, 0], &inner), identifier),
        ("GTP-U", RAW, tunnel(2152, &[0x30, 0xff, 0, 57, 0, 0, 0, 1], &v4), 0),
    ]
}

fn record(link: LinkType, data: &[u8]) -> Record<'_> {
    let original_length = u32::try_from(data.len()).unwrap();
    Record { number: 1, time: Timestamp::from_nanos(7), link, interface: 0, original_length, data }
}

fn segment_of(link: LinkType, data: &[u8]) -> Segment {
    let mut dissector = Dissector::new();
    match dissector.dissect(&record(link, data)) {
        Dissected::Segment(segment) => segment,
        _ => panic!("{:?}", dissector.tally()),
    }
}

fn reason_of(record: &Record<'_>) -> SkipReason {
    let mut dissector = Dissector::new();
    let _: Dissected = dissector.dissect(record);
    dissector.tally().reasons().next().unwrap().0
}

fn endpoint(addr: &str, port: u16) -> Endpoint {
    Endpoint { addr: addr.parse().unwrap(), port }
}

fn ipv4_tcp() -> Vec<u8> {
    tcp(PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64).tcp(40000, 80, 1000, 500))
}

fn ipv6_tcp() -> Vec<u8> {
    tcp(PacketBuilder::ipv6([1; 16], [2; 16], 64).tcp(40000, 80, 1000, 500))
}

fn tcp(builder: etherparse::PacketBuilderStep<etherparse::TcpHeader>) -> Vec<u8> {
    let options = [TcpOptionElement::MaximumSegmentSize(1460), TcpOptionElement::WindowScale(7)];
    let builder = builder.syn().ack(2000).options(&options).unwrap();
    let mut packet = Vec::new();
    builder.write(&mut packet, PAYLOAD).unwrap();
    packet
}

/// The IPv6 segment behind one extension header of type `kind`.
fn ipv6_with_extension(kind: u8, header: &[u8]) -> Vec<u8> {
    let packet = ipv6_tcp();
    let (ip, tcp) = packet.split_at(40);
    let mut packet = [ip, header, tcp].concat();
    packet[6] = kind;
    packet[5] += u8::try_from(header.len()).unwrap();
    packet
}

fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap();
    let header = Ipv4Header::new(length, 64, IpNumber(protocol), [192, 0, 2, 1], [192, 0, 2, 2]).unwrap();
    [&header.to_bytes()[..], payload].concat()
}

fn udp(port: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len() + 8).unwrap();
    [&[0x30, 0x39][..], &port.to_be_bytes(), &length.to_be_bytes(), &[0, 0], payload].concat()
}

fn ethernet(kind: u16, payload: &[u8]) -> Vec<u8> {
    [&[0; 12][..], &kind.to_be_bytes(), payload].concat()
}

fn sll2(direction: u8, index: u8) -> Vec<u8> {
    let header = [8, 0, 0, 0, 0, 0, 0, index, 0, 1, direction, 6, 0, 0, 0, 0, 0, 0, 0, 0];
    [&header[..], &ipv4_tcp()].concat()
}

/// An ICMP message of `kind`, code 4, that quotes 8 octets of TCP.
fn icmp_v4(kind: u8) -> Vec<u8> {
    ipv4(1, &[&[kind, 4, 0, 0, 0, 0, 0, 0][..], &ipv4_tcp()[..28]].concat())
}

fn icmp_v6(kind: u8) -> Vec<u8> {
    let mut packet = ipv6_tcp()[..40].to_vec();
    packet[6] = 58;
    packet[4..6].copy_from_slice(&[0, 56]);
    [&packet[..], &[kind, 4, 0, 0, 0, 0, 0, 0], &ipv6_tcp()[..48]].concat()
}
