//! Streams that unpack to far more than they are.

use std::io::{self, Read, Write};

use closewait::Outcome;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::octets::{block, packet, pcap, pcapng};
use super::{LITTLE, MIB, within};

/// A block that is stepped over, of this many octets.
const STEPPED_OVER: u32 = 256 << 20;

#[test]
fn a_bomb_of_either_kind_takes_no_memory() {
    let _alone = super::alone();
    let mut head = pcapng();
    head.extend(0xdead_u32.to_le_bytes());
    head.extend(STEPPED_OVER.to_le_bytes());
    let zeros = io::repeat(0).take(u64::from(STEPPED_OVER) - 12);
    let mut tail = STEPPED_OVER.to_le_bytes().to_vec();
    block(&mut tail, 6, &packet(14, &[0; 14]));

    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    io::copy(&mut head.chain(zeros).chain(&*tail), &mut gzip).unwrap();
    let gzip = gzip.finish().unwrap();
    assert!(gzip.len() < 4 * MIB, "{}", gzip.len());
    let zeros = io::repeat(0).take(u64::from(STEPPED_OVER) - 12);
    let zstd = zstd::encode_all(head.chain(zeros).chain(&*tail), 1).unwrap();
    for content in [gzip, zstd] {
        let outcome = within(LITTLE, content);
        assert_eq!((outcome.input.records, outcome.problems.len()), (1, 0));
    }
}

#[test]
fn members_without_end_are_passed_one_by_one() {
    let _alone = super::alone();
    let empty = GzEncoder::new(Vec::new(), Compression::fast()).finish().unwrap();
    let mut last = GzEncoder::new(Vec::new(), Compression::fast());
    last.write_all(&one_packet()).unwrap();
    let content = [empty.repeat(100_000), last.finish().unwrap()].concat();
    assert_eq!(records(&within(LITTLE, content)), 1);
}

#[test]
fn skippable_frames_without_end_are_passed_one_by_one() {
    let _alone = super::alone();
    let skippable = [0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0];
    let content = [skippable.repeat(200_000), zstd::encode_all(&*one_packet(), 1).unwrap()].concat();
    assert_eq!(records(&within(LITTLE, content)), 1);
}

#[test]
fn a_skippable_frame_that_claims_gigabytes_costs_nothing() {
    let _alone = super::alone();
    let content = [&[0x50, 0x2a, 0x4d, 0x18, 0xff, 0xff, 0xff, 0xff][..], &[0; 1000]].concat();
    assert_eq!(within(LITTLE, content).problems.len(), 1);
}

/// Window descriptor 0xa8: 2³¹ octets (RFC 8878 §3.1.1.1.2). Decoders stop at 2²⁷ unless told otherwise.
#[test]
fn a_window_of_gigabytes_is_refused() {
    let _alone = super::alone();
    let content = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 0xa8, 1, 0, 0, 0, 0, 0, 0];
    assert_eq!(within(LITTLE, content).problems.len(), 1);
}

#[test]
fn a_packed_stream_in_a_packed_stream_is_no_capture() {
    let _alone = super::alone();
    let mut content = pcap(1);
    for _ in 0..3 {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(&content).unwrap();
        content = gzip.finish().unwrap();
    }
    let outcome = within(LITTLE, content);
    assert_eq!(outcome.problems.len(), 1);
    assert!(outcome.problems[0].to_string().contains("gzip of gzip"), "{}", outcome.problems[0]);
}

fn one_packet() -> Vec<u8> {
    let mut content = pcapng();
    block(&mut content, 6, &packet(14, &[0; 14]));
    content
}

fn records(outcome: &Outcome) -> u64 {
    assert!(outcome.problems.is_empty(), "{:?}", outcome.problems);
    outcome.input.records
}
