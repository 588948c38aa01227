//! Generated connections, of which all is known: who closed when, which four-tuples came again, every octet. The rows must
//! say it to the microsecond, and say the same however the capture comes: packed, as pcapng, in pieces, cut short.
//! The generator is shared, not part of the package: without it these tests pass without looking, except in CI.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets what it does not expect stops"
)]

#[path = "support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use closewait::Analysis;
use closewait::capture::Input;
use closewait::diagnose::Finding;
use closewait::flow::Flow;
use serde::Deserialize;
use support::cut::Cuttable;

const THREADS: [&str; 4] = ["1", "2", "3", "8"];
/// A second FIN this much later is a late one, in microseconds: the default of `--fin-delay`.
const LATE: u64 = 1_000_000;

static GENERATOR: LazyLock<Option<PathBuf>> = LazyLock::new(compile);

#[test]
fn every_connection_of_the_mixed_capture_is_told_as_it_was() {
    let Some(mixed) = Generated::new("mixed", &["--seed", "1"]) else { return };
    let checked = mixed.check();
    assert_eq!((checked.connections, checked.kinds, checked.reuses), (5083, 18, 83));
    assert!(checked.delays > 4000, "{}", checked.delays);
}

#[test]
fn so_is_every_one_of_another_seed_in_the_other_byte_order() {
    let Some(other) = Generated::new("other", &["--seed", "7", "--flows", "2000", "--be"]) else { return };
    let checked = other.check();
    assert_eq!((checked.connections, checked.kinds), (2000 + checked.reuses, 18));
}

#[test]
fn rows_do_not_depend_on_how_the_capture_comes() {
    let Some(few) = Generated::new("ways", &["--seed", "3", "--flows", "600"]) else { return };
    let octets = fs::read(few.capture()).unwrap();
    let expected = few.rows(&[few.capture()]);

    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&octets).unwrap();
    let packed = [
        ("gz", gzip.finish().unwrap()),
        ("zst", zstd::encode_all(&octets[..], 1).unwrap()),
        ("pcapng", to_pcapng(&octets)),
        ("80.pcap", snapped(&octets, 80)),
    ];
    for (form, content) in packed {
        let path = few.folder.join(form);
        fs::write(&path, content).unwrap();
        assert_same(&few.rows(&[path]), &expected, form);
    }
    assert_same(&few.told_of_stream(), &expected, "standard input");
    let ring = few.ring(7);
    assert_same(&few.rows(&ring), &expected, "ring");
    assert_same(&few.rows(&[ring[0].parent().unwrap().to_owned()]), &expected, "directory");
    for number in THREADS.into_iter().filter(|_| knows_threads()) {
        let on_threads = |path: PathBuf| few.told(&["--threads".as_ref(), number.as_ref(), path.as_os_str()]);
        assert_same(&on_threads(few.capture()), &expected, number);
        assert_same(&on_threads(few.folder.join("gz")), &expected, number);
    }
}

/// 60 octets end within the ports and numbers of TCP over IPv6: what is not seen must not be told.
#[test]
fn sixty_octets_lose_ipv6_and_say_so() {
    let Some(few) = Generated::new("sixty", &["--seed", "3", "--flows", "600"]) else { return };
    let octets = fs::read(few.capture()).unwrap();
    let path = few.folder.join("60.pcap");
    fs::write(&path, snapped(&octets, 60)).unwrap();
    let (mut v6, mut v4) = (0, 0);
    for (_, frame) in records(&octets) {
        *(if frame[12] == 0x86 { &mut v6 } else { &mut v4 }) += 1;
    }
    let mut strangers = 0;
    let mut listen = |flow: &Flow, _: &[Finding]| strangers += u64::from(flow.initiator.addr.is_ipv6());
    let outcome = Analysis::new().run(Input::open(std::slice::from_ref(&path)), &mut listen).unwrap();
    assert_eq!((strangers, outcome.input.segments), (0, v4));
    let [skipped] = &outcome.input.skipped[..] else { panic!("{:?}", outcome.input.skipped) };
    assert!(v6 > 0 && skipped.count == v6, "{v6} {skipped:?}");
    assert!(skipped.reason.contains("cut"), "{}", skipped.reason);
    let codes: Vec<_> = outcome.input_findings.iter().map(|finding| finding.rule.code).collect();
    assert!(codes.contains(&"CAP107"), "{codes:?}");
    let v4_rows = |rows: Vec<String>| rows.into_iter().filter(|row| !row.contains("2001:db8")).count();
    assert_eq!(v4_rows(few.rows(&[path])), v4_rows(few.rows(&[few.capture()])));
}

/// One connection as it was played.
#[derive(Deserialize)]
struct Truth {
    id: i64,
    kind: String,
    reuse_of: i64,
    client: String,
    cport: u16,
    server: String,
    sport: u16,
    first_us: u64,
    pkts_c: u64,
    pkts_s: u64,
    bytes_c: u64,
    bytes_s: u64,
    fin_c_us: u64,
    fin_s_us: u64,
    retx: u64,
}

/// One connection as it is told.
#[derive(Deserialize)]
struct Row {
    flow: u64,
    initiator: String,
    initiator_port: u16,
    responder: String,
    responder_port: u16,
    start: String,
    outcome: String,
    fin_delay_s: String,
    predecessor: Option<u64>,
    initiator_packets: u64,
    responder_packets: u64,
    initiator_octets: u64,
    responder_octets: u64,
}

type Tuple = [(String, u16); 2];

/// How much was compared.
#[derive(Default)]
struct Checked {
    connections: usize,
    kinds: usize,
    reuses: usize,
    delays: usize,
}

impl Truth {
    fn tuple(&self) -> Tuple {
        tuple((&self.client, self.cport), (&self.server, self.sport))
    }

    /// From the first FIN to the other side's, in microseconds.
    fn fin_delay(&self) -> Option<u64> {
        let both = self.fin_c_us > 0 && self.fin_s_us > 0;
        both.then(|| self.fin_c_us.abs_diff(self.fin_s_us))
    }

    fn outcomes(&self) -> &'static [&'static str] {
        let is_late = self.fin_delay().is_some_and(|delay| delay >= LATE);
        match self.kind.as_str() {
            "Clean" | "CleanSrv" | "Clean4" | "Keepalive" if is_late => &["clean_close", "delayed_fin"],
            "Clean" | "CleanSrv" | "Clean4" | "Keepalive" | "HalfData" | "StaleRst" | "MidStream" => {
                &["clean_close"]
            }
            "Simul" => &["simultaneous_close"],
            "HalfClient" | "HalfServer" => &["half_closed"],
            "FinRetx" => &["fin_unacked"],
            "DelayedFin" => &["delayed_fin"],
            "RstClient" => &["reset_initiator"],
            "RstServer" => &["reset_responder"],
            "FinThenRst" => &["late_data_rst"],
            "Refused" => &["refused"],
            "SynOnly" => &["syn_unanswered"],
            "OpenEnd" => &["open", "open_unanswered", "open_unacked"],
            other => panic!("a kind that nobody has heard of: {other}"),
        }
    }

    /// What `row` says otherwise; `flows` are the rows of the connections before, by their identity here.
    fn difference(&self, row: &Row, flows: &BTreeMap<i64, u64>) -> Option<String> {
        let Row { flow, outcome, fin_delay_s, .. } = row;
        let mut wrong = Vec::new();
        let mut hold = |what: &str, is_so: bool| wrong.extend((!is_so).then(|| what.to_owned()));
        hold(&format!("outcome {outcome}"), self.outcomes().contains(&outcome.as_str()));
        // A side that resets after its FIN has none to wait for.
        let told = (!fin_delay_s.is_empty()).then(|| micros(fin_delay_s));
        let must_tell = self.kind == "DelayedFin" || told.is_some();
        hold(&format!("delay {fin_delay_s}"), !must_tell || told == self.fin_delay());
        if self.kind != "MidStream" {
            let client = (&self.client, self.cport);
            hold("roles", (&row.initiator, row.initiator_port) == client);
            let packets = (row.initiator_packets, row.responder_packets);
            hold("packets", packets == (self.pkts_c, self.pkts_s));
            let octets = (row.initiator_octets, row.responder_octets);
            hold("octets", self.retx > 0 || octets == (self.bytes_c, self.bytes_s));
        }
        let predecessor = (self.reuse_of >= 0).then(|| flows.get(&self.reuse_of).copied());
        hold("predecessor", predecessor.is_none_or(|expected| row.predecessor == expected));
        (!wrong.is_empty()).then(|| format!("{} {} (flow {flow}): {}", self.kind, self.id, wrong.join(", ")))
    }
}

/// A capture, its truth, and a folder of its own.
struct Generated {
    folder: PathBuf,
}

impl Generated {
    fn new(name: &str, arguments: &[&str]) -> Option<Self> {
        let generator = GENERATOR.as_ref()?;
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("truth").join(name);
        let _absent_at_first = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let mut command = Command::new(generator);
        command.current_dir(&folder).args(["--profile", "mixed", "-o", "t.pcap", "--truth", "t.csv"]);
        assert!(command.args(arguments).stderr(Stdio::null()).status().unwrap().success());
        Some(Self { folder })
    }

    fn capture(&self) -> PathBuf {
        self.folder.join("t.pcap")
    }

    /// Holds each row against its connection: those of one four-tuple in the order in which they begin.
    fn check(&self) -> Checked {
        let mut truth: BTreeMap<Tuple, Vec<Truth>> = BTreeMap::new();
        for line in csv::Reader::from_path(self.folder.join("t.csv")).unwrap().deserialize() {
            let line: Truth = line.unwrap();
            truth.entry(line.tuple()).or_default().push(line);
        }
        let csv = self.csv(Command::new(env!("CARGO_BIN_EXE_closewait")).arg(self.capture()));
        let mut rows: BTreeMap<Tuple, Vec<Row>> = BTreeMap::new();
        for row in csv::Reader::from_reader(csv.as_bytes()).deserialize() {
            let row: Row = row.unwrap();
            let key = tuple((&row.initiator, row.initiator_port), (&row.responder, row.responder_port));
            rows.entry(key).or_default().push(row);
        }
        assert!(rows.keys().eq(truth.keys()), "four-tuples differ");
        let (mut checked, mut surprises, mut kinds) = (Checked::default(), Vec::new(), BTreeMap::new());
        for (tuple, connections) in &mut truth {
            connections.sort_by_key(|connection| connection.first_us);
            let rows = rows.get_mut(tuple).unwrap();
            rows.sort_by(|one, other| (&one.start, one.flow).cmp(&(&other.start, other.flow)));
            assert_eq!(rows.len(), connections.len(), "{tuple:?}");
            let mut flows = BTreeMap::new();
            for (connection, row) in connections.iter().zip(rows) {
                surprises.extend(connection.difference(row, &flows));
                flows.insert(connection.id, row.flow);
                checked.connections += 1;
                checked.reuses += usize::from(connection.reuse_of >= 0);
                checked.delays += usize::from(!row.fin_delay_s.is_empty());
                *kinds.entry(&connection.kind).or_insert(0) += 1;
            }
        }
        checked.kinds = kinds.len();
        assert!(surprises.is_empty(), "{}", surprises.join("\n"));
        checked
    }

    /// The capture in `count` files of about as many records; none begins at the moment at which the one before ends.
    fn ring(&self, count: usize) -> Vec<PathBuf> {
        let octets = fs::read(self.capture()).unwrap();
        let times: Vec<&[u8]> = records(&octets).map(|(header, _)| &header[..8]).collect();
        let apart = |cut: &usize| times[*cut - 1] != times[*cut];
        let near = |part: usize| (part * times.len() / count..times.len()).find(apart).unwrap();
        let cuts: Vec<usize> = (1..count).map(near).collect();
        let folder = self.folder.join("ring");
        fs::create_dir(&folder).unwrap();
        let pieces = Cuttable::new(octets.clone()).unwrap().pieces(&cuts);
        let write = |(number, piece): (usize, Vec<u8>)| {
            let path = folder.join(format!("ring_{number:05}.pcap"));
            fs::write(&path, piece).unwrap();
            path
        };
        pieces.into_iter().enumerate().map(write).collect()
    }

    fn rows(&self, paths: &[PathBuf]) -> Vec<String> {
        self.told(&paths.iter().map(|path| path.as_os_str()).collect::<Vec<_>>())
    }

    fn told(&self, arguments: &[&std::ffi::OsStr]) -> Vec<String> {
        without_files(&self.csv(Command::new(env!("CARGO_BIN_EXE_closewait")).args(arguments)))
    }

    fn told_of_stream(&self) -> Vec<String> {
        let capture = File::open(self.capture()).unwrap();
        without_files(&self.csv(Command::new(env!("CARGO_BIN_EXE_closewait")).arg("-").stdin(capture)))
    }

    fn csv(&self, command: &mut Command) -> String {
        let output = command.current_dir(&self.folder).args(["-q", "--csv", "-"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

fn compile() -> Option<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/bench/gencap.rs");
    let present = source.is_file();
    assert!(present || std::env::var("CI").as_deref() != Ok("true"), "{} is absent", source.display());
    let generator = Path::new(env!("CARGO_TARGET_TMPDIR")).join("gencap");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let compile = || {
        let mut rustc = Command::new(rustc);
        let status = rustc.args(["--edition", "2021", "-O", "-o"]).arg(&generator).arg(&source).status();
        assert!(status.unwrap().success());
        generator
    };
    present.then(compile)
}

fn knows_threads() -> bool {
    let help = Command::new(env!("CARGO_BIN_EXE_closewait")).arg("--help").output().unwrap();
    String::from_utf8(help.stdout).unwrap().contains("--threads")
}

fn tuple(one: (&str, u16), other: (&str, u16)) -> Tuple {
    let mut ends = [one, other].map(|(address, port)| (address.to_owned(), port));
    ends.sort();
    ends
}

/// Seconds with up to nine decimals, of which the last three are zeros.
fn micros(seconds: &str) -> u64 {
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    let nanos: u64 = format!("{whole}{fraction:0<9}").parse().unwrap();
    assert_eq!(nanos % 1000, 0, "{seconds}");
    nanos / 1000
}

/// The rows but for the name of the file.
fn without_files(csv: &str) -> Vec<String> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let file = reader.headers().unwrap().iter().position(|name| name == "file").unwrap();
    let cells = |row: csv::StringRecord| {
        let kept = row.iter().enumerate().filter(|(column, _)| *column != file);
        kept.map(|(_, cell)| cell).collect::<Vec<_>>().join(",")
    };
    reader.records().map(|row| cells(row.unwrap())).collect()
}

fn assert_same(found: &[String], expected: &[String], how: &str) {
    let differ = found.iter().zip(expected).find(|(found, expected)| found != expected);
    assert!(found == expected, "{how}: {} rows of {}, {differ:#?}", found.len(), expected.len());
}

/// Header and octets of each record of a little-endian file.
fn records(octets: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = &octets[24..];
    std::iter::from_fn(move || {
        let (header, after) = rest.split_at_checked(16)?;
        let length = u32::from_le_bytes(header[8..12].try_into().unwrap()) as usize;
        let (frame, after) = after.split_at(length);
        rest = after;
        Some((header, frame))
    })
}

/// The same, as if it had been captured with this snap length.
fn snapped(octets: &[u8], length: u32) -> Vec<u8> {
    let mut out = octets[..16].to_vec();
    out.extend([&length.to_le_bytes(), &octets[20..24]].concat());
    for (header, frame) in records(octets) {
        let kept = frame.len().min(length as usize);
        out.extend(&header[..8]);
        out.extend(u32::try_from(kept).unwrap().to_le_bytes());
        out.extend([&header[12..], &frame[..kept]].concat());
    }
    out
}

/// The same as one section with one interface: little-endian, microseconds.
fn to_pcapng(octets: &[u8]) -> Vec<u8> {
    let mut out =
        block(0x0a0d_0d0a, &[&0x1a2b_3c4d_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat());
    out.extend(block(1, &[[1, 0, 0, 0], [0; 4]].concat()));
    for (header, frame) in records(octets) {
        let word = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().unwrap());
        let micros = u64::from(word(0)) * 1_000_000 + u64::from(word(4));
        let [low, high] = [micros, micros >> 32].map(|half| (half & 0xffff_ffff).to_le_bytes());
        out.extend(block(6, &[&[0; 4], &high[..4], &low[..4], &header[8..], frame].concat()));
    }
    out
}

fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len().next_multiple_of(4) + 12).unwrap().to_le_bytes();
    let padding = &[0; 3][..body.len().next_multiple_of(4) - body.len()];
    [&kind.to_le_bytes(), &length, body, padding, &length].concat()
}
