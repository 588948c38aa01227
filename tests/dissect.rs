//! Dissection over whole captures: every record accounted for, and as many segments as Wireshark sees.

#![expect(clippy::unwrap_used, reason = "a test may fail by panic, its helpers too")]

use std::fs;
use std::path::{Path, PathBuf};

use closewait::capture::{LinkType, Record};
use closewait::dissect::{Dissected, Dissector, SkipTally};
use closewait::time::Timestamp;

const SHARED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared");

/// Captures where the count differs from Wireshark's on purpose: path, our difference, why.
const DIFFERENCES: &[(&str, i64, &str)] = &[
    ("libpcap/AH-IPcomp-IPv4.pcap", -4, COMPRESSED),
    ("libpcap/arcnet-rfc1201-arp-icmp-http.pcap", -3, LINK_TYPE),
    ("libpcap/http_PPI.pcap", -1, LINK_TYPE),
    ("ndpi/default/pcap/fuzz-2006-09-29-28586.pcap", -2, MALFORMED),
    ("ndpi/default/pcap/ip_fragmented_garbage.pcap", -2, MALFORMED),
    ("nfstream/ip_fragmented_garbage.pcap", -23, MALFORMED),
    ("suricata-verify/bug-76/input.pcap", -1, MALFORMED),
    ("suricata-verify/drop-protocol-change/input.pcap", -1, MALFORMED),
    ("suricata-verify/transform-base64-7296/input.pcap", -2, MALFORMED),
    ("tcpdump/bigtcp-ipv4-geneve-ipv4.pcap", 1, BIG_TCP),
    ("tcpdump/bigtcp-ipv4-vxlan-ipv4.pcap", 1, BIG_TCP),
    ("tcpdump/bigtcp-ipv4-vxlan-ipv6.pcap", 1, BIG_TCP),
    ("tcpdump/bigtcp-ipv6-geneve-ipv6.pcap", 1, BIG_TCP),
    ("tcpdump/bigtcp-ipv6-vxlan-ipv6.pcap", 1, BIG_TCP),
    ("tcpdump/bigtcp-ipv6.pcap", 1, BIG_TCP),
    ("zeek/tunnels/gtp/gtp1_gn_normal_incl_fragmentation.pcap", 4, FIRST_FRAGMENT),
];

const BIG_TCP: &str = "lengths above 64 KiB are read from the frame; Wireshark of that age gives up";
const COMPRESSED: &str = "IPComp is not unpacked";
const FIRST_FRAGMENT: &str = "the first fragment tells all; Wireshark waits for a last one that is missing";
const LINK_TYPE: &str = "link type not read";
const MALFORMED: &str = "Wireshark shows a TCP header that contradicts itself or its packet; counted here";

#[test]
fn the_shortcut_answers_as_the_walk_by_layers_does() {
    let Some(captures) = shared("captures/lab") else { return };
    for path in classic_captures(&captures) {
        let (mut short, mut batch, mut long) = (Dissector::new(), Dissector::new(), Dissector::new());
        let mut found = Vec::with_capacity(1);
        for_each_record(&fs::read(&path).unwrap(), |record| {
            let place = format!("{} record {}", path.display(), record.number);
            let expected = format!("{:?}", long.dissect_by_layers(record));
            assert_eq!(format!("{:?}", short.dissect(record)), expected, "{place}");
            batch.dissect_onto(record, &mut found);
            let answer = found.pop().unwrap_or(Dissected::Skipped);
            assert!(found.is_empty(), "{place}: two answers");
            assert_eq!(format!("{answer:?}"), expected, "{place}");
        });
        assert_eq!(short.tally(), long.tally(), "{}", path.display());
        assert_eq!(batch.tally(), long.tally(), "{}", path.display());
        assert_accounted(short.tally());
    }
}

#[test]
fn public_captures_hold_as_many_segments_as_wireshark_sees() {
    let Some(public) = shared("captures/public") else { return };
    let mut compared = 0;
    let mut surprises = Vec::new();
    for row in csv::Reader::from_path(public.join("oracles/files.csv")).unwrap().deserialize() {
        let row: OracleRow = row.unwrap();
        let Ok(bytes) = fs::read(public.join(&row.pcap)) else { continue };
        let (Some(expected), Some(tally)) = (row.tshark_tcp_frames, tally(&bytes)) else { continue };
        assert_accounted(&tally);
        compared += 1;
        let difference = i64::try_from(tally.segments()).unwrap() - expected;
        let (known, why) = DIFFERENCES
            .iter()
            .find(|(pcap, ..)| *pcap == row.pcap)
            .map_or((0, "none"), |&(_, difference, why)| (difference, why));
        if difference != known {
            surprises.push(format!("{}: {difference:+}, known {known:+} ({why}) {tally:?}", row.pcap));
        }
    }
    assert!(surprises.is_empty(), "of {compared}:\n{}", surprises.join("\n"));
    assert!(compared > 400, "only {compared} captures compared");
}

#[derive(serde::Deserialize)]
struct OracleRow {
    pcap: String,
    tshark_tcp_frames: Option<i64>,
}

fn assert_accounted(tally: &SkipTally) {
    assert_eq!(tally.records(), tally.segments() + tally.icmp_errors().count + tally.skipped());
}

/// A folder of the shared captures. They are not part of the package: absent, the test passes, except in CI.
fn shared(folder: &str) -> Option<PathBuf> {
    let path = Path::new(SHARED).join(folder);
    let present = path.is_dir();
    assert!(present || std::env::var("CI").as_deref() != Ok("true"), "{} is absent", path.display());
    present.then_some(path)
}

fn classic_captures(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "pcap"));
    paths.sort();
    assert!(!paths.is_empty());
    paths
}

/// The tally of a classic pcap file; `None` for other formats.
fn tally(bytes: &[u8]) -> Option<SkipTally> {
    let mut dissector = Dissector::new();
    let mut found = Vec::with_capacity(1);
    let is_read = for_each_record(bytes, |record| {
        found.clear();
        dissector.dissect_onto(record, &mut found);
    });
    dissector.finish(&mut found);
    is_read.then(|| dissector.tally().clone())
}

/// Calls `each` with every record of a classic pcap file; false for other formats. Stops at a damaged record.
fn for_each_record(bytes: &[u8], mut each: impl FnMut(&Record<'_>)) -> bool {
    let Some((header, mut rest)) = bytes.split_first_chunk::<24>() else { return false };
    let number = |bytes: &[u8], big_endian: bool| {
        let octets = bytes.first_chunk().copied().unwrap();
        if big_endian { u32::from_be_bytes(octets) } else { u32::from_le_bytes(octets) }
    };
    let big_endian = header[0] == 0xa1;
    // Versions before 2.4 order the lengths of a record differently.
    let is_version_2_4 = header[4..8] == if big_endian { [0, 2, 0, 4] } else { [2, 0, 4, 0] };
    if !matches!(number(header, big_endian), 0xa1b2_c3d4 | 0xa1b2_3c4d) || !is_version_2_4 {
        return false;
    }
    let link = LinkType(u16::try_from(number(&header[20..], big_endian) & 0xffff).unwrap());
    for count in 1.. {
        let Some((header, after)) = rest.split_first_chunk::<16>() else { break };
        let captured = usize::try_from(number(&header[8..], big_endian)).unwrap();
        let Some((data, after)) = after.split_at_checked(captured) else { break };
        let original_length = number(&header[12..], big_endian);
        let time = Timestamp::from_nanos(0);
        each(&Record { number: count, time, link, interface: 0, original_length, data });
        rest = after;
    }
    true
}
