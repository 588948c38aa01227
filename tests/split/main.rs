//! Pieces equal the whole: a capture that is cut anywhere, read piece by piece and joined, yields what it yields in
//! one pass.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail by panic")]

#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::io::Cursor;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use closewait::capture::{Input, Problem};
use closewait::diagnose::Finding;
use closewait::flow::Flow;
use closewait::report::{
    DotReport, FindingsCsv, FlowsCsv, JsonReport, MarkdownReport, Order, Report, Reports, TextOptions,
    TextReport, TimelineCsv,
};
use closewait::{Analysis, Outcome, Partial};
use proptest::prelude::*;
use support::cut::Cuttable;
use support::file::{self, Format};
use support::random::any_trace;
use support::trace::Place;

/// Pieces begin at every such record.
const EVERY: usize = 10;
/// Captures up to this many records are cut in two at every tenth record, one after the other; larger ones at this
/// many places.
const CUTS: usize = 40;

#[test]
fn captures_cut_at_every_tenth_record_yield_what_the_whole_yields() {
    let (captures, next) = (captures(), AtomicUsize::new(0));
    let work = || {
        let mut comparisons = Comparisons::default();
        while let Some(path) = captures.get(next.fetch_add(1, Ordering::Relaxed)) {
            comparisons.cut(path);
        }
        comparisons
    };
    let all: Vec<Comparisons> = std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let sum = |of: fn(&Comparisons) -> usize| all.iter().map(of).sum::<usize>();
    let (captures, cuts) = (sum(|some| some.captures), sum(|some| some.cuts));
    println!("{captures} captures, {} records, cut in {cuts} ways", sum(|some| some.records));
    let mut surprises: Vec<_> = all.iter().flat_map(|some| &some.surprises).map(String::as_str).collect();
    surprises.sort_unstable();
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
    assert!(cuts > 500, "{cuts}");
}

#[derive(Default)]
struct Comparisons {
    captures: usize,
    records: usize,
    cuts: usize,
    surprises: Vec<String>,
}

impl Comparisons {
    fn cut(&mut self, path: &Path) {
        let Some(capture) = cuttable(path) else { return };
        let whole = Told::whole(capture.octets());
        let every_tenth: Vec<usize> = (EVERY..capture.records()).step_by(EVERY).collect();
        let step = every_tenth.len().div_ceil(CUTS).max(1);
        let in_two = every_tenth.iter().step_by(step).map(|&cut| vec![cut]);
        for cuts in in_two.chain([every_tenth.clone()]) {
            self.cuts += 1;
            if let Some(difference) = whole.difference(&Told::joined(&capture.pieces(&cuts))) {
                self.surprises.push(format!("{} cut at {cuts:?}: {difference}", path.display()));
                break;
            }
        }
        self.captures += 1;
        self.records += capture.records();
    }
}

#[test]
fn joined_files_give_the_same_reports_octet_by_octet() {
    let mut compared = 0;
    for path in captures_in(vec![lab()]) {
        let Some(capture) = cuttable(&path).filter(|capture| capture.records() > 2) else { continue };
        let third = capture.records() / 3;
        let folder = tempfile::tempdir().unwrap();
        let mut paths = Vec::new();
        for (number, piece) in capture.pieces(&[third, 2 * third]).into_iter().enumerate() {
            paths.push(folder.path().join(format!("{number}")));
            fs::write(&paths[number], piece).unwrap();
        }
        if !follow_each_other(&paths) {
            continue;
        }
        compared += 1;
        let one_pass = reports(|report| Analysis::new().run(Input::open(&paths), report));
        let mut partials = paths.iter().map(|path| Partial::read(Input::open(std::slice::from_ref(path))));
        let mut partial = partials.next().unwrap();
        partials.for_each(|later| partial.join(later));
        let joined = reports(|report| Analysis::new().run_joined(partial, report));
        assert!(joined == one_pass, "{}", path.display());
    }
    assert!(compared > 90, "{compared}");
}

/// True unless two of the files share a moment: those are merged by time when they are read in one pass.
fn follow_each_other(paths: &[PathBuf]) -> bool {
    let spans: Vec<_> = paths
        .iter()
        .filter_map(|path| {
            let mut input = Input::open(std::slice::from_ref(path));
            while input.next_record().is_some() {}
            let file = input.into_account().files.pop()?;
            file.first_time.zip(file.last_time)
        })
        .collect();
    spans.windows(2).all(|pair| pair[0].1 < pair[1].0)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn traces_cut_anywhere_into_any_number_of_pieces_yield_what_the_whole_yields(
        trace in any_trace(40), cuts in prop::collection::btree_set(0..80_usize, 0..6),
        from_the_end: bool, ng: bool,
    ) {
        let format = if ng { Format::Pcapng { big_endian: false } } else { Format::PcapNanos { big_endian: true } };
        let content = file::write(&trace, &Place::default(), format);
        let capture = Cuttable::new(content).unwrap();
        let cuts: Vec<usize> = cuts.into_iter().filter(|&cut| cut < capture.records()).collect();
        let whole = Told::whole(capture.octets());
        let pieces = capture.pieces(&cuts);
        let joined = if from_the_end { Told::joined_from_the_end(&pieces) } else { Told::joined(&pieces) };
        prop_assert_eq!(whole.difference(&joined), None);
    }
}

/// What a run told, but for the names of files.
struct Told {
    flows: Vec<String>,
    accounts: String,
}

impl Told {
    fn whole(octets: &[u8]) -> Self {
        Self::of(|report| Analysis::new().run(input(octets), report))
    }

    fn joined(pieces: &[Vec<u8>]) -> Self {
        let mut partial = Partial::read(input(&pieces[0]));
        for piece in &pieces[1..] {
            partial.join(Partial::read(input(piece)));
        }
        Self::of(|report| Analysis::new().run_joined(partial, report))
    }

    fn joined_from_the_end(pieces: &[Vec<u8>]) -> Self {
        let mut later = Partial::default();
        for piece in pieces.iter().rev() {
            let mut partial = Partial::read(input(piece));
            partial.join(later);
            later = partial;
        }
        Self::of(|report| Analysis::new().run_joined(later, report))
    }

    fn of(run: impl FnOnce(&mut dyn Report) -> std::io::Result<Outcome>) -> Self {
        let mut flows = Vec::new();
        let outcome =
            run(&mut |flow: &Flow, findings: &[Finding]| flows.push(format!("{flow:?} {findings:?}")))
                .unwrap();
        // What is found about the input depends on its files: a pause where one ends may be a file that is missing.
        let Outcome { input, outcomes, incidents, table, .. } = outcome;
        let skipped = format!("{:?}", input.skipped);
        Self {
            flows,
            accounts: format!(
                "{} {} {skipped} {outcomes:?} {table:?} {incidents:?}",
                input.records, input.segments
            ),
        }
    }

    /// The first flow, or sum, that is told otherwise.
    fn difference(&self, other: &Self) -> Option<String> {
        let flows = self.flows.iter().zip(&other.flows).find(|(own, other)| own != other);
        if let Some((own, other)) = flows {
            let at = own.bytes().zip(other.bytes()).position(|(own, other)| own != other).unwrap_or(0);
            let around = |text: &str| text.chars().skip(at.saturating_sub(60)).take(160).collect::<String>();
            return Some(format!("\n{}\n{}", around(own), around(other)));
        }
        if self.flows.len() != other.flows.len() {
            return Some(format!("{} flows, {} joined", self.flows.len(), other.flows.len()));
        }
        (self.accounts != other.accounts).then(|| format!("\n{}\n{}", self.accounts, other.accounts))
    }
}

fn reports(run: impl FnOnce(&mut dyn Report) -> std::io::Result<Outcome>) -> Vec<String> {
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
    run(&mut all).unwrap();
    drop(all);
    outputs.into_iter().map(|output| String::from_utf8(output).unwrap()).collect()
}

/// A capture that may be cut wherever reading it goes well.
fn cuttable(path: &Path) -> Option<Cuttable> {
    let mut capture = Cuttable::read(path)?;
    let mut input = input(capture.octets());
    let mut records = 0;
    while input.next_record().is_some() {
        records += 1;
    }
    let account = input.into_account();
    let damage = account.problems.iter().map(|problem| match problem {
        Problem::Damaged(damage) => usize::try_from(damage.record).unwrap_or(0).saturating_sub(1),
        _ => 0,
    });
    capture.limit(damage.chain([records]).min().unwrap_or(0));
    (capture.records() > 1).then_some(capture)
}

fn input(octets: &[u8]) -> Input {
    Input::from_reader("capture", Cursor::new(octets.to_vec()))
}

fn lab() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/lab")
}

/// Captures of the package, and the shared ones where they are present; in CI they must be.
fn captures() -> Vec<PathBuf> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures");
    assert!(
        shared.is_dir() || std::env::var("CI").as_deref() != Ok("true"),
        "{} is absent",
        shared.display()
    );
    captures_in(if shared.is_dir() { vec![shared.join("lab"), shared.join("public")] } else { vec![lab()] })
}

fn captures_in(mut folders: Vec<PathBuf>) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                paths.push(path);
            }
        }
    }
    paths.sort();
    paths
}
