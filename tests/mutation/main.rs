//! Thousands of damaged captures through the whole program: bits flipped, records cut, moved and joined, lengths
//! and times at their extremes. Nothing panics, everything is accounted for, work and memory stay in bounds.
//!
//! Every capture of `testdata/lab` is damaged, and those of `../shared` where it is there. The same mutants in
//! every run; `MUTANTS=100 MUTATION_SEED=7 cargo test --test mutation` looks further.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail by panic, its helpers too"
)]

#[path = "../support/mod.rs"]
mod support;

mod damage;
mod layout;

use std::env;
use std::fs;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use closewait::capture::expand;
use damage::{Mutant, Random};
use peak_alloc::PeakAlloc;
use support::whole::{hold, hold_again};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Mutants of each capture, unless `MUTANTS` says otherwise.
const MUTANTS: u64 = 8;
const SEED: u64 = 20_261_121;
/// Longer captures give their beginning only: a mutant is judged in milliseconds.
const MOST_OCTETS: usize = 24 * 1024;
/// Memory for one mutant, its reports as text and parsed among it.
const MEMORY_EACH: usize = 96 << 20;
/// One mutant in so many is run again, and read apart and joined.
const TWICE: u64 = 8;

#[test]
fn damaged_captures_are_judged_and_accounted_for() {
    let captures = captures();
    let seed = number("MUTATION_SEED").unwrap_or(SEED);
    let mutants = number("MUTANTS").unwrap_or(MUTANTS);
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let workers = thread::available_parallelism().map_or(2, usize::from);
    let (next, total) = (AtomicUsize::new(0), Mutex::new(Total::default()));
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(capture) = captures.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let ours = damage_all(capture, &captures, mutants, seed);
                    total.lock().unwrap().add(&ours);
                }
            });
        }
    });
    let total = total.into_inner().unwrap();
    println!("seed {seed}: {} captures, {total:?}", captures.len());
    println!("seed {seed}: {} captures, {total:?}", captures.len());
    let peak = MEMORY.peak_usage() - before;
    assert!(peak < workers * MEMORY_EACH, "{peak} octets for {workers} workers");
    assert_eq!(total.mutants, mutants * captures.len() as u64);
    // Damage that is seen at the door is not what this is for.
    assert!(total.segments > 10 * total.mutants, "{total:?}");
    assert!(total.damaged < total.mutants * 3 / 4, "{total:?}");
}

struct Capture {
    path: PathBuf,
    content: Vec<u8>,
}

#[derive(Debug, Default)]
struct Total {
    mutants: u64,
    /// Those of which something could not be read.
    damaged: u64,
    records: u64,
    segments: u64,
    flows: u64,
    findings: u64,
}

impl Total {
    fn add(&mut self, other: &Self) {
        self.mutants += other.mutants;
        self.damaged += other.damaged;
        self.records += other.records;
        self.segments += other.segments;
        self.flows += other.flows;
        self.findings += other.findings;
    }
}

fn damage_all(capture: &Capture, captures: &[Capture], mutants: u64, seed: u64) -> Total {
    let mut total = Total::default();
    let name = capture.path.display().to_string();
    let name_hash = name.bytes().fold(0_u64, |hash, octet| hash.wrapping_mul(31).wrapping_add(octet.into()));
    for index in 0..mutants {
        let mut random = Random(seed ^ name_hash.wrapping_add(index << 32));
        let other = &captures[random.below(captures.len())].content;
        let mutant = Mutant::of(&capture.content, other, &mut random);
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let (outcome, pages) = hold(&mutant.content);
            if index % TWICE == 0 {
                hold_again(&mutant.content, &pages);
            }
            outcome
        }));
        let outcome = outcome.unwrap_or_else(|panic| {
            let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("mutant-{name_hash:x}-{index}"));
            fs::write(&kept, &mutant.content).unwrap();
            let why = panic.downcast_ref::<String>().map_or("", String::as_str);
            let (steps, kept) = (&mutant.steps, kept.display());
            panic!("seed {seed}, mutant {index} of {name}, kept as {kept}: {steps:?}: {why}");
        });
        total.add(&Total {
            mutants: 1,
            damaged: u64::from(!outcome.problems.is_empty()),
            records: outcome.input.records,
            segments: outcome.input.segments,
            flows: outcome.flows,
            findings: outcome.findings.iter().sum(),
        });
    }
    total
}

/// The captures, once as they are and, where they are packed, once more without.
fn captures() -> Vec<Capture> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["testdata/lab", "../shared/captures/lab", "../shared/captures/public"];
    let folders: Vec<_> =
        folders.map(|folder| root.join(folder)).into_iter().filter(|it| it.is_dir()).collect();
    let mut captures = Vec::new();
    for path in expand(&folders).unwrap() {
        let content = fs::read(&path).unwrap();
        let mut unpacked = Vec::new();
        if flate2::read::MultiGzDecoder::new(&*content)
            .take(MOST_OCTETS as u64)
            .read_to_end(&mut unpacked)
            .is_ok()
        {
            captures.push(Capture { path: path.with_extension("unpacked"), content: unpacked });
        }
        captures.push(Capture { path, content: content.into_iter().take(MOST_OCTETS).collect() });
    }
    captures
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|value| value.parse().unwrap())
}
