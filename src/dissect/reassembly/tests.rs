//! Datagrams in every disorder.

use super::fixtures::*;
use crate::tcp::SeqNumber;
use crate::time::Timestamp;

const JOINED: &str = "joined_fragment";
const LATE: &str = "late_fragment";
const LOST: &str = "ip_fragment";
const REPEATED: &str = "repeated_fragment";

/// 28 octets behind the TCP header.
fn data(way: u8, seq: u32) -> Vec<u8> {
    tcp(way, seq, 5000, ACK, 28)
}

/// Its first fragment holds the TCP header and 4 octets, the others 16 and 8.
fn three(way: u8, id: u16, seq: u32) -> [Vec<u8>; 3] {
    v4_parts(way, id, TCP, &data(way, seq), &[24, 40]).try_into().unwrap()
}

/// A whole packet.
fn plain(way: u8, seq: u32, ack: u32, flags: u8) -> Vec<u8> {
    v4(way, 9, (0, false), TCP, &tcp(way, seq, ack, flags, 1))
}

fn whole(record: u64) -> Told {
    Told { segments: vec![(record, 28)], reasons: vec![(JOINED, 2, 1)] }
}

#[test]
fn a_whole_datagram_stands_in_the_place_of_the_record_that_completed_it() {
    let frames: Vec<Frame> = [100, 250, 400].into_iter().zip(three(0, 7, 1000)).collect();
    let (segments, _) = one_pass(&frames);
    let segment = segments[0];
    assert_eq!((segment.record, segment.time), (3, Timestamp::from_nanos(400_000_000)));
    assert_eq!((segment.seq, segment.octets, segment.ip_id), (SeqNumber(1000), 28, 7));
    assert_eq!((segment.ttl, segment.window, segment.tuple.ports()), (64, 256, (40000, 80)));
    assert_eq!(told_at(&frames), whole(3));
}

#[test]
fn order_does_not_matter() {
    let [a, b, c] = three(0, 7, 1000);
    for order in [[&a, &c, &b], [&b, &a, &c], [&b, &c, &a], [&c, &a, &b], [&c, &b, &a]] {
        assert_eq!(told(&order.map(Clone::clone)), whole(3));
    }
}

#[test]
fn extension_headers_of_ipv6_may_lie_in_the_fragments() {
    let options = [6, 0, 1, 4, 0, 0, 0, 0];
    let payload = [&options[..], &data(0, 1000)].concat();
    let frames: Vec<_> =
        parts(&payload, &[16, 32]).into_iter().map(|(place, part)| v6(70_000, place, 60, part)).collect();
    assert_eq!(told(&frames), whole(3));
    // The next header of later fragments says nothing (RFC 8200 §4.5).
    let mut odd = frames;
    odd[1][40] = 99;
    assert_eq!(told(&odd), whole(3));
}

#[test]
fn a_tcp_header_may_be_split() {
    let frames = v4_parts(0, 7, TCP, &data(0, 1000), &[8, 16, 24, 32]);
    assert_eq!(told(&frames), Told { segments: vec![(5, 28)], reasons: vec![(JOINED, 4, 1)] });
    let without_last = told(&frames[..4]);
    assert_eq!(without_last.segments, []);
    assert_eq!(without_last.reasons, [(LOST, 3, 2), ("malformed_tcp", 1, 1)]);
}

#[test]
fn a_fragment_captured_twice_is_counted_once() {
    let [a, b, c] = three(0, 7, 1000);
    let twice = [&a, &a, &b, &b, &c, &c, &b, &a].map(Clone::clone);
    let told = told(&twice);
    assert_eq!(told.segments, [(5, 28)]);
    assert_eq!(told.reasons, [(JOINED, 2, 1), (REPEATED, 5, 2)]);
}

#[test]
fn octets_that_came_first_stay() {
    let [a, b, c] = three(0, 7, 1000);
    // Another last octet of the acknowledgement number, and a FIN: both came too late.
    let mut overlap = data(0, 1000)[8..32].to_vec();
    overlap[3] = 0xff;
    overlap[5] |= FIN;
    let overlap = v4(0, 7, (8, true), TCP, &overlap);
    let frames: Vec<Frame> = (0..).zip([a.clone(), overlap.clone(), b.clone(), c.clone()]).collect();
    let segment = one_pass(&frames).0[0];
    assert_eq!((segment.record, segment.octets, segment.ack), (4, 28, SeqNumber(5000)));
    assert!(!segment.flags.fin());
    let frames: Vec<Frame> = (0..).zip([overlap, a, b, c]).collect();
    let segment = one_pass(&frames).0[0];
    assert!(segment.flags.fin());
}

#[test]
fn what_lies_beyond_the_last_fragment_is_left_out() {
    let [a, b, c] = three(0, 7, 1000);
    let beyond = v4(0, 7, (48, false), TCP, &[0; 800]);
    assert_eq!(told(&[c, beyond, a, b]), Told { segments: vec![(4, 28)], reasons: vec![(JOINED, 3, 1)] });
}

#[test]
fn a_first_fragment_goes_alone_when_the_others_do_not_come() {
    let [a, b, c] = three(0, 7, 1000);
    let alone = |reasons: &[_]| Told { segments: vec![(1, 4)], reasons: reasons.to_vec() };
    assert_eq!(told(std::slice::from_ref(&a)), alone(&[]));
    assert_eq!(told(&[a.clone(), b.clone()]), alone(&[(LOST, 1, 2)]));
    assert_eq!(told(&[a, c.clone()]), alone(&[(LOST, 1, 2)]));
    assert_eq!(told(&[b, c]), Told { segments: vec![], reasons: vec![(LOST, 2, 1)] });
}

#[test]
fn first_fragments_alone_keep_their_order_among_whole_packets() {
    let first = |id, seq| three(0, id, seq)[0].clone();
    let frames = [first(1, 1000), first(2, 1028), plain(0, 1056, 5000, ACK), first(3, 1057)];
    assert_eq!(told(&frames).segments, [(1, 4), (2, 4), (3, 1), (4, 4)]);
    let answered = [first(1, 1000), first(2, 1028), plain(1, 5000, 1028, ACK), first(3, 1056)];
    assert_eq!(told(&answered).segments, [(1, 4), (3, 1), (2, 4), (4, 4)]);
}

#[test]
fn first_fragments_go_in_the_order_of_their_own_records() {
    let [a, b, _] = three(0, 1, 1000);
    let [other, ..] = three(0, 2, 1028);
    assert_eq!(told(&[b, other, a]).segments, [(2, 4), (3, 4)]);
}

#[test]
fn an_answer_to_earlier_octets_does_not_part_a_datagram() {
    let [a, b, c] = three(0, 7, 1000);
    let told = told(&[a, plain(1, 5000, 1000, ACK), b, plain(1, 5001, 1000, ACK), c]);
    assert_eq!(told.segments, [(2, 1), (4, 1), (5, 28)]);
}

#[test]
fn a_reset_by_the_receiver_comes_after_what_was_held() {
    for flags in [RST, FIN | ACK] {
        let [a, b, c] = three(0, 7, 1000);
        let told = told(&[a, plain(1, 5000, 900, flags), b, c]);
        assert_eq!(told.segments, [(1, 4), (2, 1)]);
        assert_eq!(told.reasons, [(LATE, 2, 3)]);
    }
}

#[test]
fn other_connections_release_nothing() {
    let [a, b, c] = three(0, 7, 1000);
    let mut other = plain(0, 1, 1, ACK);
    other[20] = 0;
    assert_eq!(told(&[a, other, b, c]).segments, [(2, 1), (4, 28)]);
}

#[test]
fn datagrams_of_one_connection_may_be_mixed() {
    let [a, b, c] = three(0, 7, 1000);
    let next = three(0, 8, 1028);
    let [first, second, third] = next.each_ref().map(Clone::clone);
    let mixed = [a.clone(), first, b.clone(), second, c.clone(), third];
    assert_eq!(told(&mixed).segments, [(5, 28), (6, 28)]);
    let [first, second, third] = next;
    let overtaken = told(&[a, first, b, second, third, c]);
    assert_eq!(overtaken.segments, [(1, 4), (5, 28)]);
    assert_eq!(overtaken.reasons, [(LOST, 1, 3), (JOINED, 2, 2), (LATE, 1, 6)]);
}

#[test]
fn scopes_are_not_mixed() {
    let [a, b, c] = three(0, 7, 1000);
    let gre = |key, packet: &Vec<u8>| {
        v4(0, 1, (0, false), 47, &[&[0x20, 0, 8, 0, 0, 0, 0, key], &packet[..]].concat())
    };
    assert_eq!(told(&[gre(1, &a), gre(1, &b), gre(1, &c)]), whole(3));
    assert_eq!(told(&[gre(1, &a), gre(2, &b), gre(1, &c)]).segments, [(1, 4)]);
}

#[test]
fn a_tunnel_may_lie_in_fragments_and_carry_them() {
    let gre: Vec<Vec<u8>> =
        three(0, 7, 1000).iter().map(|packet| [&[0, 0, 8, 0], &packet[..]].concat()).collect();
    let outer = |id: u16| v4_parts(1, id, 47, &gre[usize::from(id)], &[24]);
    let frames = [outer(0), outer(1), outer(2)].concat();
    assert_eq!(told(&frames), Told { segments: vec![(6, 28)], reasons: vec![(JOINED, 5, 1)] });

    let inner = v4(0, 7, (0, false), TCP, &data(0, 1000));
    let ethernet = [&[0; 12], &[8, 0][..], &inner].concat();
    let udp = [&[0x30, 0x39, 0x12, 0xb5, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 77, 0][..], &ethernet].concat();
    let frames = v4_parts(0, 3, 17, &udp, &[16, 48]);
    assert_eq!(told(&frames), whole(3));
    assert_eq!(told(&frames[1..]).reasons, [(LOST, 2, 1)]);
}

#[test]
fn fragments_wait_for_a_second() {
    let at = |times: [i64; 3]| told_at(&times.into_iter().zip(three(0, 7, 1000)).collect::<Vec<_>>());
    assert_eq!(at([0, 500, 1000]), whole(3));
    let over = at([0, 500, 1001]);
    assert_eq!(over, Told { segments: vec![(1, 4)], reasons: vec![(LOST, 2, 2)] });
    // Any segment shows the time.
    let mut other = plain(0, 1, 1, ACK);
    other[20] = 0;
    let [a, b, c] = three(0, 7, 1000);
    let told = told_at(&[(0, a), (2000, other), (2001, b), (2002, c)]);
    assert_eq!(told.segments, [(1, 4), (2, 1)]);
}

#[test]
fn an_identification_may_be_used_again() {
    let [again, ..] = three(0, 7, 1028);
    let frames = [&three(0, 7, 1000)[..], &three(0, 7, 1028), &[again]].concat();
    let told_of_both = told(&frames);
    assert_eq!(told_of_both.segments, [(3, 28), (6, 28)]);
    assert_eq!(told_of_both.reasons, [(JOINED, 4, 1), (REPEATED, 1, 7)]);
    let [given_up, ..] = three(0, 7, 1000);
    let frames = [&[given_up][..], &three(0, 7, 1028)].concat();
    assert_eq!(told(&frames).segments, [(1, 4), (4, 28)]);
}

#[test]
fn a_short_snap_length_does_not_hinder() {
    let payload = tcp(0, 1000, 5000, ACK, 3000);
    let mut frames = v4_parts(0, 7, TCP, &payload, &[1480, 2960]);
    for frame in &mut frames {
        frame.truncate(20 + 16);
    }
    assert_eq!(told(&frames).segments, [(3, 3000)]);
}

#[test]
fn no_datagram_is_longer_than_its_length_field_can_say() {
    let beyond = v4(0, 7, (65_528, false), TCP, &[0; 8]);
    assert_eq!(told(&[beyond]).reasons, [("malformed_ip", 1, 1)]);
    let payload = tcp(0, 1000, 5000, ACK, 65_400);
    assert_eq!(told(&v4_parts(0, 7, TCP, &payload, &[32_000, 64_000])).segments, [(3, 65_400)]);
}

#[test]
fn the_oldest_of_too_many_is_given_up() {
    let mut frames: Vec<Frame> = (0..=256).map(|id| (0, three(0, id, 1000)[0].clone())).collect();
    frames.push((0, three(0, 0, 1000)[1].clone()));
    frames.extend([(0, three(0, 256, 1000)[1].clone()), (0, three(0, 256, 1000)[2].clone())]);
    let told = told_at(&frames);
    // The first made room for the 257th; the fragment that came too late for it took the place of the second.
    assert_eq!(told.segments[..2], [(1, 4), (2, 4)]);
    assert_eq!(told.segments.len(), 257);
    assert_eq!(told.segments[256], (260, 28));
    assert_eq!(told.reasons, [(LOST, 1, 258), (JOINED, 2, 257)]);
}

#[test]
fn a_datagram_in_too_many_places_is_given_up() {
    let [first, ..] = three(0, 7, 1000);
    let scattered = (2..70).map(|place| v4(0, 7, (place * 16, true), TCP, &[0; 8]));
    let frames: Vec<_> = [first].into_iter().chain(scattered).collect();
    let told = told(&frames);
    assert_eq!(told.segments, [(1, 4)]);
    assert_eq!(told.reasons, [(LOST, 68, 2)]);
}

#[test]
fn a_fragment_without_octets_does_no_harm() {
    let [a, b, c] = three(0, 7, 1000);
    let empty = v4(0, 7, (40, true), TCP, &[]);
    let told = told(&[empty.clone(), a, b, empty, c]);
    assert_eq!(told.segments, [(5, 28)]);
}
