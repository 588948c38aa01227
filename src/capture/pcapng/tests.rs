use super::super::Resolution;
use super::super::bytes::ByteOrder::{Big, Little};
use super::super::fixtures::{Octets, pcapng, problems, read};
use super::*;

const BOTH: [ByteOrder; 2] = [Big, Little];

#[test]
fn sections_of_either_order_restart_their_interfaces() {
    let file = pcapng(Little)
        .interface(1, 0, &[])
        .interface(113, 0, &[(9, &[9])])
        .packet(1, 5, 4, &[1, 2, 3, 4])
        .section(Big)
        .interface(101, 64, &[])
        .packet(0, 6, 3, &[5, 6, 7])
        .packet(1, 7, 1, &[8]);
    let (records, input) = read(&file.bytes);
    assert_eq!(records, [(1, 5, 113, 4, vec![1, 2, 3, 4]), (2, 6_000, 101, 3, vec![5, 6, 7])]);
    let told = "t: damaged in record 3 at byte 200 (block names interface 1, 1 are known; skipped)";
    assert_eq!(problems(&input), [told]);
    let summary = &input.files()[0];
    assert_eq!((summary.sections, summary.interfaces.len(), summary.snaplen), (2, 3, 64));
    assert_eq!(summary.links.iter().map(|link| link.0).collect::<Vec<_>>(), [113, 101]);
    assert_eq!((summary.interfaces[2].section, summary.interfaces[2].id), (1, 0));
}

#[test]
fn an_interface_has_its_own_unit_offset_and_name() {
    for order in BOTH {
        let offset = pcapng(order).value((-3600_i64).cast_unsigned());
        let options: [(u16, &[u8]); 3] = [(2, b"eth0"), (9, &[0x94]), (14, &offset)];
        let file = pcapng(order).interface(1, 0, &options).packet(0, (3601 << 20) + (1 << 19), 0, &[]);
        let (records, input) = read(&file.bytes);
        assert_eq!(records[0].1, 1_500_000_000);
        let interface = &input.files()[0].interfaces[0];
        assert_eq!((interface.name.as_deref(), interface.resolution), (Some("eth0"), Resolution(0x94)));
    }
}

#[test]
fn a_time_that_cannot_be_told_counts_as_none() {
    let file = pcapng(Big).interface(1, 0, &[]).packet(0, 1, 0, &[]).packet(0, u64::MAX, 0, &[]);
    let (records, input) = read(&file.bytes);
    assert_eq!((records[1].1, input.health().untimed.count), (1_000, 1));
}

#[test]
fn simple_packets_are_cut_by_length_snaplen_and_block() {
    for (length, snaplen, held, captured) in [(3, 0, 4, 3), (9, 2, 4, 2), (9, 0, 4, 4), (0, 0, 0, 0)] {
        let body = Octets::new(Big).u32(length).raw(&vec![7; held]);
        let file = pcapng(Big).interface(1, snaplen, &[]).packet(0, 8, 0, &[]).block(3, &body.bytes);
        let (records, input) = read(&file.bytes);
        assert_eq!(records[1], (2, 8_000, 1, length, vec![7; captured]));
        assert_eq!((input.health().untimed.count, input.problems().len()), (1, 0));
    }
}

#[test]
fn obsolete_packets_are_read_with_their_drops() {
    for order in BOTH {
        let body =
            |drops| Octets::new(order).u16(0).u16(drops).u32(0).u32(9).u32(2).u32(60).raw(&[1, 2]).bytes;
        let file = pcapng(order).interface(1, 0, &[]).block(2, &body(5)).block(2, &body(u16::MAX));
        let (records, input) = read(&file.bytes);
        assert_eq!(records[1], (2, 9_000, 1, 60, vec![1, 2]));
        assert_eq!(input.files()[0].dropped, Some(5));
    }
}

#[test]
fn the_last_statistics_stand_and_the_larger_count_of_drops() {
    for order in BOTH {
        let file = pcapng(order).interface(1, 0, &[]);
        let number = |value| file.value(value);
        let statistics = |drops| {
            let options: [(u16, &[u8]); 2] = [(5, &number(drops)), (7, &number(1))];
            Octets::new(order).u32(0).u64(0).options(&options).bytes
        };
        let drops: [(u16, &[u8]); 1] = [(4, &number(3))];
        let file =
            file.clone().enhanced(0, 1, 1, 1, &[1], &drops).block(5, &statistics(2)).block(5, &statistics(8));
        let (records, input) = read(&file.bytes);
        assert_eq!(records.len(), 1);
        assert_eq!(input.files()[0].dropped, Some(9));
        assert_eq!(input.files()[0].interfaces[0].packet_drops, Some(3));
        let unsaid = pcapng(order).interface(1, 0, &[]).packet(0, 1, 0, &[]);
        assert_eq!(read(&unsaid.bytes).1.files()[0].dropped, None);
    }
}

#[test]
fn other_blocks_are_counted_and_stepped_over_whatever_their_size() {
    let file = pcapng(Little)
        .interface(1, 0, &[])
        .block(0xa, &vec![0; 40 * 1024 * 1024])
        .block(0x1234, &[1; 7])
        .block(0xbad, &[0; 4])
        .packet(0, 1, 1, &[1]);
    let (records, input) = read(&file.bytes);
    assert_eq!((records.len(), input.problems().len()), (1, 0));
    let file = &input.files()[0];
    assert_eq!((file.blocks_without_packets, file.blocks_numbered, file.blocks_unknown), (1, 1, 1));
}

#[test]
fn journal_entries_and_custom_blocks_take_a_frame_number() {
    let section = |file: Octets| {
        file.interface(1, 0, &[]).packet(0, 1, 1, &[1]).block(9, &[0; 8]).block(0xbad, &[0; 8])
    };
    let file = section(pcapng(Little)).block(0x4000_0bad, &[0; 8]).block(4, &[0; 8]).packet(0, 2, 1, &[2]);
    let (records, input) = read(&file.bytes);
    assert_eq!(records.iter().map(|record| record.0).collect::<Vec<_>>(), [1, 5]);
    assert_eq!((input.files()[0].records, input.locate(5)), (2, (0, 5)));
}

#[test]
fn a_packet_that_claims_more_than_its_block_costs_itself_only() {
    for claim in [5, 1 << 20, 1 << 31, u32::MAX] {
        let file =
            pcapng(Little).interface(1, 0, &[]).enhanced(0, 1, claim, 60, &[1; 4], &[]).packet(0, 2, 1, &[9]);
        let (records, input) = read(&file.bytes);
        assert_eq!(records, [(1, 2_000, 1, 1, vec![9])]);
        assert!(problems(&input)[0].contains("octets, its block has room for 4; skipped"), "{claim}");
    }
}

#[test]
fn short_and_oversized_packet_blocks_are_skipped() {
    let file = pcapng(Little)
        .interface(1, 0, &[])
        .block(6, &[0; 16])
        .block(1, &[0; 4])
        .block(6, &vec![0; index(MAX_BLOCK)])
        .packet(0, 2, 1, &[9]);
    let (records, input) = read(&file.bytes);
    assert_eq!(records.len(), 1);
    let told = problems(&input);
    assert_eq!(told.len(), 3);
    assert!(told[0].contains("block of type 0x6 has 28 octets, fewer than 32; skipped"), "{told:?}");
    assert!(told[2].contains("too many; skipped"), "{told:?}");
}

#[test]
fn a_block_length_without_sense_stops_the_file() {
    for says in [0, 8, 11, 1 << 31] {
        let file = pcapng(Big).interface(1, 0, &[]).packet(0, 1, 1, &[1]).u32(6).u32(says).raw(&[0; 64]);
        let (records, input) = read(&file.bytes);
        assert_eq!(records.len(), 1);
        assert!(problems(&input)[0].contains("record 2 at byte 84 (block length makes no sense"), "{says}");
    }
}

#[test]
fn a_length_behind_that_differs_is_told_and_the_one_in_front_believed() {
    let mut file = pcapng(Little).interface(1, 0, &[]).packet(0, 1, 1, &[1]);
    *file.bytes.last_mut().unwrap() ^= 1;
    let (records, input) = read(&file.packet(0, 2, 1, &[2]).bytes);
    assert_eq!(records.len(), 2);
    assert!(problems(&input)[0].contains("took the first"));
}

#[test]
fn a_length_without_its_padding_is_rounded_up() {
    let mut file = pcapng(Little).interface(1, 0, &[]).packet(0, 1, 1, &[1]);
    let end = file.bytes.len();
    for at in [end - 36 + 4, end - 4] {
        file.bytes[at..at + 4].copy_from_slice(&33_u32.to_le_bytes());
    }
    let (records, input) = read(&file.packet(0, 2, 1, &[2]).bytes);
    assert_eq!((records.len(), records[0].4.as_slice()), (2, &[1][..]));
    assert_eq!(
        problems(&input),
        ["t: damaged in record 1 at byte 48 (block length 33 is not padded; rounded up)"]
    );
}

#[test]
fn options_that_overrun_their_block_cost_nothing_else() {
    let body = Octets::new(Little).u16(1).u16(0).u32(0).u16(2).u16(4).raw(b"eth0").u16(9).u16(400).u32(0);
    let file = pcapng(Little).block(1, &body.bytes).packet(0, 1, 1, &[1]);
    let (records, input) = read(&file.bytes);
    assert_eq!((records[0].1, input.files()[0].interfaces[0].name.as_deref()), (1_000, Some("eth0")));
}

#[test]
fn sections_of_unknown_version_or_order_stop_the_file() {
    let mut file = pcapng(Little).interface(1, 0, &[]).packet(0, 1, 1, &[1]).section(Little);
    let start = file.bytes.len() - 28;
    file.bytes[start + 12] = 9;
    assert!(problems(&read(&file.bytes).1)[0].contains("section of unknown version 9.0"));
    file.bytes[start + 8] = 9;
    assert!(problems(&read(&file.bytes).1)[0].contains("section without byte order"));
}

#[test]
fn every_prefix_gives_its_whole_packets() {
    for order in BOTH {
        let sizes =
            [pcapng(order), pcapng(order).interface(1, 0, &[(2, b"lo")])].map(|file| file.bytes.len());
        let head = pcapng(order).interface(1, 0, &[(2, b"lo")]);
        let first = head.clone().packet(0, 1, 5, &[1; 5]).bytes.len();
        let file = head.packet(0, 1, 5, &[1; 5]).packet(0, 2, 9, &[2; 9]).bytes;
        for length in 4..file.len() {
            let (records, input) = read(&file[..length]);
            assert_eq!(records.len(), usize::from(length >= first), "{length}");
            let whole = sizes.contains(&length) || length == first;
            assert_eq!(input.problems().is_empty(), whole, "{length}: {:?}", problems(&input));
        }
    }
}
