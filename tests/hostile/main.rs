//! Captures made to hurt: lengths that lie, streams that unpack to far more than they are, headers without end,
//! flows without end. Each costs no more memory than its kind may, and all of it is accounted for.

#![expect(clippy::unwrap_used, reason = "a test may fail by panic, its helpers too")]

mod blocks;
mod directories;
mod lengths;
mod nests;
mod octets;
mod packed;

use std::io::Cursor;
use std::sync::{Mutex, MutexGuard, PoisonError};

use closewait::capture::Input;
use closewait::report::{
    FindingsCsv, FlowsCsv, JsonReport, MarkdownReport, Order, Reports, TextOptions, TextReport, TimelineCsv,
};
use closewait::{Analysis, Outcome};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;
static ALONE: Mutex<()> = Mutex::new(());

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
/// What a run takes that reads little: buffers, an empty table, reports without rows.
const LITTLE: usize = 4 * MIB;

/// Memory is counted for the whole process, so these tests run one after the other.
fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads `content` with every report; what came of it, and the most octets held at once besides `content`.
fn measure(content: Vec<u8>) -> (Outcome, usize) {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let mut reports = Reports(vec![
        Box::new(FlowsCsv::new(std::io::sink(), Order::Finished)),
        Box::new(FindingsCsv::new(std::io::sink())),
        Box::new(TimelineCsv::new(std::io::sink(), false)),
        Box::new(JsonReport::new(std::io::sink())),
        Box::new(TextReport::new(std::io::sink(), TextOptions::default())),
        Box::new(MarkdownReport::new(std::io::sink())),
    ]);
    let outcome = Analysis::new().run(Input::from_reader("t", Cursor::new(content)), &mut reports).unwrap();
    (outcome, MEMORY.peak_usage().saturating_sub(before))
}

/// What the run says of `content`, which takes at most `most` octets.
fn within(most: usize, content: Vec<u8>) -> Outcome {
    let (outcome, peak) = measure(content);
    assert!(peak <= most, "{} KiB, not {}", peak / KIB, most / KIB);
    let skipped: u64 = outcome.input.skipped.iter().map(|skipped| skipped.count).sum();
    assert_eq!(outcome.input.records, outcome.input.segments + skipped);
    outcome
}
