//! The reader against captures made by many tools: record counts and times as `capinfos` tells them.

use std::path::{Path, PathBuf};

use closewait::capture::{FileSummary, Input, Problem, Record, expand};
use pcap_parser::traits::PcapNGPacketBlock;
use pcap_parser::{Block, PcapBlockOwned, PcapError};

const SHARED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared");

#[test]
fn public_captures_have_the_records_and_times_that_capinfos_tells() {
    let Some(public) = shared("captures/public") else { return };
    let mut rows = csv::Reader::from_path(public.join("oracles/files.csv")).unwrap();
    let (mut compared, mut faults) = (0, Vec::new());
    for row in rows.deserialize() {
        let row: Row = row.unwrap();
        if row.capinfos_exit != 0 || !row.capinfos_type.contains("pcap") {
            continue;
        }
        let (summary, problems) = read(&public.join(&row.pcap));
        if let Some(difference) = row.difference(&summary) {
            faults.push(format!("{}: {difference}; {}", row.pcap, problems.join("; ")));
        }
        compared += 1;
    }
    assert!(faults.is_empty(), "{} of {compared}:\n{}", faults.len(), faults.join("\n"));
    assert!(compared >= 800, "{compared}");
}

#[derive(serde::Deserialize)]
struct Row {
    pcap: String,
    capinfos_type: String,
    capinfos_packets: Option<u64>,
    capinfos_first_utc: String,
    capinfos_last_utc: String,
    capinfos_exit: i32,
}

/// Files whose times differ from what capinfos tells, and why.
const OTHER_TIMES: [(&str, &str); 9] = [
    ("lightpcapng/tests/results/packets.merged.pcapng", BEYOND_2262),
    ("ndpi/default/pcap/fuzz-2021-06-07-c6c72a0a56.pcap", LONG_FRACTION),
    ("nfstream/dhcp_little_endian.pcapng", BEYOND_2262),
    ("pcapplusplus/Pcap++Test/PcapExamples/pcapng-example.pcapng", BEYOND_2262),
    ("suricata-verify/transform-base64-7296/input.pcap", LONG_FRACTION),
    ("tcpdump/bgp_vpn_rt-oobr.pcap", LONG_SPAN),
    ("tcpdump/olsr-oobr-2.pcap", LONG_SPAN),
    ("tcpdump/pim_header_asan-2.pcap", LONG_SPAN),
    ("tcpdump/rx_serviceid_oobr.pcap", LONG_FRACTION),
];
const BEYOND_2262: &str = "64 bits of nanoseconds end in 2262: such records count as untimed";
const LONG_FRACTION: &str = "a fraction of more than a second: carried here, not printable there";
const LONG_SPAN: &str = "capinfos loses the sign when it compares times more than 68 years apart";

impl Row {
    fn difference(&self, summary: &FileSummary) -> Option<String> {
        let packets = self.capinfos_packets.unwrap_or(0);
        if packets != summary.records {
            return Some(format!("capinfos has {packets} records, we {}", summary.records));
        }
        let theirs = [&self.capinfos_first_utc, &self.capinfos_last_utc];
        let ours = [summary.first_time, summary.last_time]
            .map(|time| time.map_or_else(|| "n/a".to_owned(), |time| time.to_string()));
        let same = theirs.iter().zip(&ours).all(|(theirs, ours)| ours.starts_with(&theirs.replace(' ', "T")));
        let excused = OTHER_TIMES.iter().find(|(path, _)| *path == self.pcap);
        match (same, excused) {
            (false, None) => Some(format!("{theirs:?} there, {ours:?} here")),
            (true, Some((_, reason))) => Some(format!("the times agree, the excuse is stale: {reason}")),
            _ => None,
        }
    }
}

#[test]
fn lab_captures_are_whole_except_those_that_were_damaged_on_purpose() {
    let Some(lab) = shared("captures/lab") else { return };
    let (mut files, mut faults) = (0, Vec::new());
    for path in expand(&[&lab]).unwrap() {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let (summary, problems) = read(&path);
        let expected = DAMAGED.iter().find(|(damaged, ..)| *damaged == name);
        let as_expected = match expected {
            Some(&(_, records, problem)) => {
                summary.records == records && problems.len() == 1 && problems[0].contains(problem)
            }
            None => problems.is_empty() && (summary.records > 0 || name.starts_with("x_no_packets")),
        };
        let recorded = recorded_packets(&lab, &name);
        if !as_expected || recorded.is_some_and(|packets| packets != summary.records) {
            faults.push(format!("{name}: {} records; {}", summary.records, problems.join("; ")));
        }
        files += 1;
    }
    assert!(faults.is_empty(), "{} of {files}:\n{}", faults.len(), faults.join("\n"));
    assert!(files >= 140, "{files}");
}

/// How many packets the maker of a lab capture counted, where it says so for this file alone.
fn recorded_packets(lab: &Path, name: &str) -> Option<u64> {
    let stem = name.split(".pcap").next()?;
    let truth = std::fs::read(lab.join(format!("{stem}.truth.json"))).ok()?;
    let truth: serde_json::Value = serde_json::from_slice(&truth).ok()?;
    let capture = truth.get("capture")?;
    let alone = capture.get("files")?.as_array()?.iter().eq([name].iter());
    alone.then(|| capture.get("packets")?.as_u64()).flatten()
}

/// Captures that were damaged on purpose: the records before (and after) the damage, and what is told of it.
const DAMAGED: [(&str, u64, &str); 7] = [
    ("x_bad_block.pcapng", 49, "record 50 at byte 5 688 (block length makes no sense: 4 294 967 283 octets;"),
    ("x_bad_record.pcap", 126, "record 127 at byte 12 604 (record says 2 147 483 647 octets;"),
    ("x_bad_trailer.pcapng", 99, "record 50 at byte 5 688 (block length is 100 in front and 7 behind;"),
    ("x_cut.pcap.gz", 711, "record 712 at byte 60 742 (compressed stream ends early)"),
    ("x_cut_block.pcapng", 51, "record 52 at byte 5 772 (block says 108 octets, 30 left)"),
    ("x_cut_header.pcap", 100, "record 101 at byte 9 848 (header has 16 octets, 9 left)"),
    ("x_cut_packet.pcap", 151, "record 152 at byte 14 896 (record says 74 octets, 37 left)"),
];

#[test]
fn packets_are_those_that_pcap_parser_gives() {
    let Some(public) = shared("captures/public") else { return };
    let mut compared = 0;
    for path in expand(&[&public]).unwrap() {
        let Some(theirs) = packets_of_pcap_parser(&std::fs::read(&path).unwrap()) else { continue };
        let mut input = Input::open(std::slice::from_ref(&path));
        for (index, theirs) in theirs.iter().enumerate() {
            let ours = input.next_record().map(|record| (record.original_length, record.data.to_vec()));
            assert_eq!(ours.as_ref(), Some(theirs), "{}: record {}", path.display(), index + 1);
        }
        assert!(input.next_record().is_none(), "{}: more than {}", path.display(), theirs.len());
        compared += 1;
    }
    assert!(compared >= 700, "{compared}");
}

/// Original length and data of all packets; `None` for a file that is damaged, packed, or holds blocks that
/// pcap-parser is known to misread (simple and obsolete packets, packets of interfaces that do not exist) or
/// does not check (section versions).
fn packets_of_pcap_parser(file: &[u8]) -> Option<Vec<(u32, Vec<u8>)>> {
    // The type of an unknown block is not turned round in big-endian sections.
    const OBSOLETE_PACKET: [u32; 2] = [2, 2_u32.swap_bytes()];
    let mut reader = pcap_parser::create_reader(file.len() * 2 + 4096, file).ok()?;
    let (mut packets, mut interfaces) = (Vec::new(), 0);
    loop {
        match reader.next() {
            Ok((length, block)) => {
                match block {
                    PcapBlockOwned::Legacy(record) => packets.push((record.origlen, record.data.to_vec())),
                    PcapBlockOwned::NG(Block::SectionHeader(section)) if section.major_version == 1 => {
                        interfaces = 0;
                    }
                    PcapBlockOwned::NG(Block::InterfaceDescription(_)) => interfaces += 1,
                    PcapBlockOwned::NG(Block::EnhancedPacket(packet)) if packet.if_id < interfaces => {
                        packets.push((packet.origlen, packet.packet_data().to_vec()));
                    }
                    PcapBlockOwned::NG(
                        Block::SimplePacket(_) | Block::EnhancedPacket(_) | Block::SectionHeader(_),
                    ) => return None,
                    PcapBlockOwned::NG(Block::Unknown(block))
                        if OBSOLETE_PACKET.contains(&block.block_type) =>
                    {
                        return None;
                    }
                    PcapBlockOwned::NG(_) | PcapBlockOwned::LegacyHeader(_) => {}
                }
                reader.consume(length);
            }
            Err(PcapError::Eof) => return Some(packets),
            Err(PcapError::Incomplete(_)) => reader.refill().ok()?,
            Err(_) => return None,
        }
    }
}

#[test]
fn files_read_side_by_side_give_the_same_many_at_a_time_as_one_by_one() {
    let lab = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/lab");
    let mut paths: Vec<PathBuf> = lab.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.to_string_lossy().contains(".pcap"));
    paths.sort();
    assert!(paths.len() > 10);
    for paths in paths.windows(3) {
        compare_ways(paths);
    }
    compare_ways(&paths);
}

/// Reads a file to its end.
fn read(path: &Path) -> (FileSummary, Vec<String>) {
    let input = compare_ways(&[path.to_owned()]);
    let [summary] = input.files() else { return Default::default() };
    (summary.clone(), input.problems().iter().map(Problem::to_string).collect())
}

/// Reads files to their end, record by record and many at a time: either way gives the same.
fn compare_ways(paths: &[PathBuf]) -> Input {
    let (mut single, mut many) = (Input::open(paths), Input::open(paths));
    let mut count = 0;
    let mut compare = |record: Record<'_>| {
        let expected = single.next_record().map(fields);
        assert_eq!(Some(fields(record)), expected, "{}", name(paths));
        count += 1;
        assert!(record.number >= count, "{}", name(paths));
        // Now and then it stops of itself.
        !count.is_multiple_of(7)
    };
    // Some at a time, so that a way ends between records of every sort.
    for most in (1..20).cycle() {
        let handed = many.records_at_hand(most, &mut compare);
        assert!(handed <= most);
        if handed == 0 && many.next_record().map(&mut compare).is_none() {
            break;
        }
    }
    assert!(single.next_record().is_none(), "{}: more than {count}", name(paths));
    assert_eq!(many.files().iter().map(|file| file.records).sum::<u64>(), count);
    assert_eq!(format!("{:?}", many.files()), format!("{:?}", single.files()));
    assert_eq!(format!("{:?}", many.problems()), format!("{:?}", single.problems()));
    many
}

fn name(paths: &[PathBuf]) -> String {
    paths.first().map_or_else(String::new, |path| path.display().to_string())
}

fn fields(record: Record<'_>) -> impl PartialEq + std::fmt::Debug {
    let Record { number, time, link, interface, original_length, data } = record;
    (number, time, link, interface, original_length, data.to_vec())
}

/// A folder beside the package that may be absent, but not where `CI` says that all tests must run.
fn shared(folder: &str) -> Option<PathBuf> {
    let path = Path::new(SHARED).join(folder);
    let there = path.is_dir();
    assert!(there || std::env::var("CI").as_deref() != Ok("true"), "{} is absent", path.display());
    there.then_some(path)
}
