//! Any number of threads tells the same, octet by octet, and an error or a panic ends all of them.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail by panic, its helpers too"
)]

#[path = "../benches/support/generate.rs"]
#[allow(dead_code, reason = "this program uses a part of it")]
mod generate;

use std::io::{self, Cursor, Read, Write};
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::{env, fs};

use assert_cmd::Command;
use closewait::capture::Input;
use closewait::diagnose::Finding;
use closewait::flow::{Flow, Limits};
use closewait::report::{
    DotReport, FindingsCsv, FlowsCsv, JsonReport, MarkdownReport, Order, Report, Reports, TextOptions,
    TextReport, TimelineCsv,
};
use closewait::{Analysis, Outcome, Partial};
use generate::{Profile, Shape};

const THREADS: [usize; 3] = [2, 3, 8];

#[test]
fn every_capture_is_told_the_same_by_any_number_of_threads() {
    let captures = captures();
    for path in &captures {
        let paths = [path.clone()];
        hold(&path.display().to_string(), || Input::open(&paths));
        let octets = fs::read(path).unwrap();
        hold(&path.display().to_string(), || Input::from_reader("-", Trickle(Cursor::new(octets.clone()))));
    }
    assert!(captures.len() >= 9, "{}", captures.len());
}

#[test]
fn files_side_by_side_are_told_the_same() {
    let captures = captures();
    for some in captures.chunks(20) {
        hold("many files", || Input::open(some));
    }
}

#[test]
fn a_long_capture_is_told_the_same_however_it_is_packed() {
    let bytes = generated(Profile::Short, 2_500, 3);
    assert!(bytes.len() > 2 << 20, "more than a few blocks");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&bytes).unwrap();
    let gzip = gzip.finish().unwrap();
    let zstd = zstd::encode_all(&*bytes, 1).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut paths = Vec::new();
    for (name, octets) in [("plain", bytes), ("gzip", gzip), ("zstd", zstd)] {
        let path = folder.path().join(name);
        fs::write(&path, &octets).unwrap();
        hold(name, || Input::open(std::slice::from_ref(&path)));
        // Cut in the middle: the damage is told as well.
        let cut = octets.len() / 2;
        hold(name, || Input::from_reader("-", Cursor::new(octets[..cut].to_vec())));
        paths.push(path);
    }
    // All three at once, as three capture points: each is unpacked by a thread of its own.
    hold("side by side", || Input::open(&paths));
}

#[test]
fn a_full_table_and_joined_parts_are_told_the_same() {
    let bytes = generated(Profile::Short, 3_000, 5);
    let input = || Input::from_reader("-", Cursor::new(bytes.clone()));
    // One shard; four of which each tells flows early; four that have no room for any flow.
    let limits = [(50, None), (1 << 20, Some(100_000)), (1 << 20, Some(1))];
    let full = |threads: usize| {
        limits.map(|(max_flows, max_memory)| {
            let limits = Limits { max_flows, max_memory, ..Limits::default() };
            told(|report| analysis(threads).limits(limits).run(input(), report))
        })
    };
    let joined = |threads| told(|report| analysis(threads).run_joined(Partial::read(input()), report));
    let whole = told(|report| analysis(1).run(input(), report));
    for threads in THREADS {
        assert!(full(threads) == full(1), "{threads}");
        assert!(joined(threads) == whole, "{threads}");
    }
}

#[test]
fn the_command_prints_the_same_from_standard_input() {
    let bytes = generated(Profile::Snapped, 40, 7);
    let print = |threads: &str| {
        let mut command = Command::cargo_bin("closewait").unwrap();
        let ran = command.args(["--threads", threads, "-"]).write_stdin(bytes.clone()).output().unwrap();
        assert!(ran.status.success());
        ran.stdout
    };
    let once = print("1");
    assert!(!once.is_empty() && ["2", "3", "8"].iter().all(|threads| print(threads) == once));
}

#[test]
fn progress_comes_to_the_end_of_the_input() {
    let bytes = generated(Profile::Short, 6_000, 9);
    for threads in [1, 4] {
        let mut told = Vec::new();
        let input = Input::from_reader("-", Cursor::new(bytes.clone()));
        analysis(threads)
            .progress(|octets| told.push(octets))
            .run(input, &mut |_: &Flow, _: &[Finding]| {})
            .unwrap();
        assert!(told.is_sorted() && told.len() > 1, "{told:?}");
        assert!(
            told.last().is_some_and(|last| *last <= bytes.len() as u64 && *last > bytes.len() as u64 / 2)
        );
    }
}

#[test]
fn a_report_that_fails_ends_the_run_whatever_comes_later() {
    for threads in [1, 2, 3, 8] {
        // What stands behind the capture is never there: only the error can end the run.
        let (source, _end) = Endless::new(5_000);
        let mut report = Failing { flows: 0, after: 10 };
        let analysis = analysis(threads).limits(short_lives());
        let error = analysis.run(Input::from_reader("-", source), &mut report).unwrap_err();
        assert_eq!((error.to_string().as_str(), report.flows), ("disk full", 11), "{threads} threads");
    }
}

#[test]
fn a_report_that_panics_ends_the_run() {
    for threads in [1, 2, 8] {
        let (source, _end) = Endless::new(5_000);
        let run = AssertUnwindSafe(|| {
            let report = &mut |_: &Flow, _: &[Finding]| panic!("report");
            analysis(threads).limits(short_lives()).run(Input::from_reader("-", source), report)
        });
        let panic = catch_unwind(run).unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"report"), "{threads} threads");
    }
}

/// In the first block, which is read by the thread that walks it, and far behind.
#[test]
fn a_source_that_panics_ends_the_run_and_loses_no_row() {
    let bytes = generated(Profile::Short, 5_000, 11);
    for after in [1000, bytes.len() - 1000] {
        let flows = [1, 2, 8].map(|threads| {
            let mut flows = 0_u64;
            let source = Cursor::new(bytes[..after].to_vec()).chain(Panicking);
            let run = AssertUnwindSafe(|| {
                let report = &mut |_: &Flow, _: &[Finding]| flows += 1;
                analysis(threads).limits(short_lives()).run(Input::from_reader("-", source), report)
            });
            let panic = catch_unwind(run).unwrap_err();
            assert_eq!(panic.downcast_ref(), Some(&"source"), "{threads} threads");
            flows
        });
        assert!(flows == [flows[0]; 3] && (flows[0] > 1000) == (after > 1000), "{flows:?}");
    }
}

fn analysis<'a>(threads: usize) -> Analysis<'a> {
    Analysis::new().threads(NonZeroUsize::new(threads).unwrap())
}

/// Flows leave while the capture goes on.
fn short_lives() -> Limits {
    Limits { max_flows: 100, ..Limits::default() }
}

/// Everything that all reports write.
#[derive(PartialEq)]
struct Told {
    outputs: [Vec<u8>; 7],
    problems: Vec<String>,
    account: String,
}

fn told(run: impl FnOnce(&mut dyn Report) -> io::Result<Outcome>) -> Told {
    let mut outputs = [const { Vec::new() }; 7];
    let [flows, timeline, findings, json, ticket, graph, page] = &mut outputs;
    let mut all = Reports(vec![
        Box::new(FlowsCsv::new(flows, Order::Finished)),
        Box::new(TimelineCsv::new(timeline, true)),
        Box::new(FindingsCsv::new(findings)),
        Box::new(JsonReport::new(json)),
        Box::new(MarkdownReport::new(ticket)),
        Box::new(DotReport::new(graph)),
        Box::new(TextReport::new(page, TextOptions::default())),
    ]);
    let Outcome { problems, files, table, .. } = run(&mut all).unwrap();
    drop(all);
    let problems = problems.iter().map(ToString::to_string).collect();
    Told { outputs, problems, account: format!("{files:?} {table:?}") }
}

fn hold(what: &str, input: impl Fn() -> Input) {
    let run = |threads| told(|report| analysis(threads).run(input(), report));
    let alone = run(1);
    for threads in THREADS {
        assert!(run(threads) == alone, "{what}: {threads} threads");
    }
}

/// Captures of the package, and the shared ones where they are present; in CI they must be.
fn captures() -> Vec<PathBuf> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shared = package.join("../shared/captures/lab");
    assert!(shared.is_dir() || env::var("CI").as_deref() != Ok("true"), "{} is absent", shared.display());
    let folder = if shared.is_dir() { shared } else { package.join("testdata/lab") };
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.to_string_lossy().contains(".pcap"));
    paths.sort();
    paths
}

/// Gives a little at a time, as a pipe does.
struct Trickle(Cursor<Vec<u8>>);

impl Read for Trickle {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let some = out.len().min(10_000);
        self.0.read(&mut out[..some])
    }
}

fn generated(profile: Profile, connections: u32, seed: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    Shape { profile, connections, minutes: 1, seed }.write(&mut bytes).unwrap();
    bytes
}

/// A capture behind which nothing comes, not even the end, until the other end of `waiting` is dropped.
struct Endless {
    capture: Cursor<Vec<u8>>,
    waiting: mpsc::Receiver<()>,
}

impl Endless {
    fn new(connections: u32) -> (Self, mpsc::Sender<()>) {
        let (end, waiting) = mpsc::channel();
        let bytes = generated(Profile::Short, connections, 1);
        (Self { capture: Cursor::new(bytes), waiting }, end)
    }
}

impl Read for Endless {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.capture.read(out)?;
        if count == 0 {
            let _ = self.waiting.recv();
        }
        Ok(count)
    }
}

struct Panicking;

impl Read for Panicking {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        panic!("source")
    }
}

struct Failing {
    flows: u64,
    after: u64,
}

impl Report for Failing {
    fn begin(&mut self, _: &closewait::report::Plan) -> io::Result<()> {
        Ok(())
    }

    fn flow(&mut self, _: &Flow, _: &[Finding], _: &closewait::report::Sources<'_>) -> io::Result<()> {
        self.flows += 1;
        if self.flows > self.after { Err(io::Error::other("disk full")) } else { Ok(()) }
    }

    fn finish(&mut self, _: &closewait::report::InputFacts) -> io::Result<()> {
        Ok(())
    }
}
