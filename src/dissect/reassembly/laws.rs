//! What must hold for whole packets and fragments in any order.

use proptest::prelude::*;

use super::fixtures::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn parts_gone_through_afterwards_tell_what_one_pass_tells(
        frames in prop::collection::vec(frame(), 1..60),
        size in 1..60_usize,
    ) {
        let frames = timed(frames);
        let (segments, tally) = one_pass(&frames);
        let (resumed, resumed_tally) = in_parts(&frames, size);
        prop_assert_eq!(format!("{segments:#?}"), format!("{resumed:#?}"));
        prop_assert_eq!(tally, resumed_tally);
    }

    #[test]
    fn a_datagram_in_any_order_and_with_copies_is_the_packet_that_was_cut(
        cuts in prop::collection::btree_set(1..40_usize, 1..20),
        order in Just((0..20_usize).collect::<Vec<_>>()).prop_shuffle(),
        copies in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let payload = tcp(0, 1000, 5000, ACK, 300);
        let cuts: Vec<usize> = cuts.into_iter().map(|cut| cut * 8).collect();
        let parts = v4_parts(0, 7, TCP, &payload, &cuts);
        let mut frames: Vec<_> = order.iter().filter_map(|&place| parts.get(place).cloned()).collect();
        frames.extend(parts.get(20..).unwrap_or_default().iter().cloned());
        for copy in copies {
            let frame = frames[copy.index(frames.len())].clone();
            frames.insert(copy.index(frames.len() + 1), frame);
        }
        let told = told(&frames);
        prop_assert_eq!(told.segments.len(), 1, "{:?}", told);
        prop_assert_eq!(told.segments[0].1, 300);
    }

    #[test]
    fn any_fragment_is_accounted_for(
        frames in prop::collection::vec((0..3000_i64, prop::collection::vec(any::<u8>(), 20..80)), 1..80),
    ) {
        let frames: Vec<Frame> = frames.into_iter().map(|(millis, octets)| (millis, few_fields(octets))).collect();
        // Accounts are checked on the way.
        let (segments, tally) = one_pass(&frames);
        let (resumed, resumed_tally) = in_parts(&frames, 7);
        prop_assert_eq!(format!("{segments:?}"), format!("{resumed:?}"));
        prop_assert_eq!(tally, resumed_tally);
    }
}

/// An IPv4 header over random octets, with few addresses, identifications and offsets.
fn few_fields(mut octets: Vec<u8>) -> Vec<u8> {
    let length = u16::try_from(octets.len()).unwrap().to_be_bytes();
    let protocol = [TCP, 47, 1, 4][usize::from(octets[9] % 4)];
    let header =
        [0x45, 0, length[0], length[1], 0, octets[5] % 3, octets[6] & 0x20, octets[7] % 6, 64, protocol];
    octets[..10].copy_from_slice(&header);
    octets[12..20].copy_from_slice(&[10, 0, 0, 1, 10, 0, 0, 2]);
    octets
}

/// A packet, or a part of one, on either way; in plain, in GRE, or in fragments of GRE.
fn frame() -> impl Strategy<Value = (u16, Vec<u8>)> {
    let packet = (0..2_u8, 0..4_u16, 0..6_u32, 0..6_u32, 0..4_usize, 0..5_usize, 0..4_usize);
    (packet, 0..3_u8, prop::sample::select(&[0_u16, 1, 1, 300, 1500])).prop_map(
        |((way, id, seq, ack, flags, part, outer), wrap, after)| {
            let flags = [ACK, ACK | FIN, RST, 0][flags];
            let payload = tcp(way, 1000 + 28 * (seq + u32::from(id)), 1000 + 28 * ack, flags, 28);
            let cuts = [&[8, 24, 40][..], &[24, 40]][usize::from(id % 4 != 0)];
            let packet = match v4_parts(way, id, TCP, &payload, cuts).get(part) {
                Some(part) => part.clone(),
                None => v4(way, id, (0, false), TCP, &payload),
            };
            let gre = || [&[0, 0, 8, 0], &packet[..]].concat();
            let packet = match wrap {
                0 => packet,
                1 => v4(0, 1, (0, false), 47, &gre()),
                _ => v4_parts(0, 2 + id, 47, &gre(), &[16, 32]).get(outer).cloned().unwrap_or(packet),
            };
            (after, packet)
        },
    )
}

/// Frames with the time that passed before each, in milliseconds, at their times.
fn timed(frames: Vec<(u16, Vec<u8>)>) -> Vec<Frame> {
    let mut now = 0;
    let at = |(after, packet)| {
        now += i64::from(after);
        (now, packet)
    };
    frames.into_iter().map(at).collect()
}
