//! How fast each stage is by itself, and the whole run with `flows.csv` to nowhere.
//!
//! `cargo bench` measures; without `--bench` (as under `cargo test`) every stage runs once over small captures.
//! Each run is checked: the outcomes must be those that the generator made.

#![expect(clippy::unwrap_used, reason = "a measurement of something that fails is none")]

#[path = "support/generate.rs"]
mod generate;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::io::{self, Cursor};
use std::sync::Arc;
use std::time::Duration;

use closewait::Analysis;
use closewait::capture::{Input, LinkType, Record};
use closewait::dissect::{Dissected, Dissector};
use closewait::flow::{Finished, Judge, Limits, Outlet, Table};
use closewait::report::{FlowsCsv, Order};
use closewait::tcp::Segment;
use closewait::time::Timestamp;
use criterion::{BenchmarkGroup, Criterion, Throughput, measurement::WallTime};
use generate::{Profile, Shape};

/// Name, profile, connections when measured: about 45, 20 and 20 MB.
const CAPTURES: [(&str, Profile, u32); 3] =
    [("bulk", Profile::Bulk, 900), ("short", Profile::Short, 16_000), ("snap96", Profile::Snapped, 1_100)];
/// Connections where nothing is measured.
const FEW: u32 = 100;

fn main() {
    let measuring = std::env::args().any(|argument| argument == "--bench");
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    for (name, profile, connections) in CAPTURES {
        let connections = if measuring { connections } else { connections.min(FEW) };
        let subject = Subject::new(Shape { profile, connections, minutes: 1, seed: 1 });
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::ElementsAndBytes {
            elements: subject.records,
            bytes: subject.bytes.len() as u64,
        });
        subject.measure(&mut group);
        group.finish();
    }
    criterion.final_summary();
}

/// One capture, and what each stage takes from the stage before.
struct Subject {
    bytes: Arc<[u8]>,
    records: u64,
    outcomes: BTreeMap<&'static str, u64>,
    frames: Vec<Frame>,
    segments: Vec<Segment>,
}

/// A record that owns its octets.
struct Frame {
    number: u64,
    time: Timestamp,
    link: LinkType,
    original_length: u32,
    data: Vec<u8>,
}

impl Subject {
    fn new(shape: Shape) -> Self {
        let mut bytes = Vec::new();
        let content = shape.write(&mut bytes).unwrap();
        let bytes: Arc<[u8]> = bytes.into();
        let mut frames = Vec::new();
        let mut input = open(&bytes);
        while let Some(record) = input.next_record() {
            let Record { number, time, link, original_length, data, .. } = record;
            frames.push(Frame { number, time, link, original_length, data: data.to_vec() });
        }
        let mut dissector = Dissector::new();
        let segment = |frame: &Frame| match dissector.dissect(&frame.record()) {
            Dissected::Segment(segment) => Some(segment),
            _ => None,
        };
        let segments: Vec<Segment> = frames.iter().filter_map(segment).collect();
        assert_eq!(segments.len() as u64, content.records);
        let subject = Self { bytes, records: content.records, outcomes: content.outcomes, frames, segments };
        assert_eq!(subject.run(), subject.outcomes);
        subject
    }

    fn measure(&self, group: &mut BenchmarkGroup<'_, WallTime>) {
        group.bench_function("reader", |bencher| bencher.iter(|| self.read()));
        group.bench_function("dissect", |bencher| bencher.iter(|| self.dissect()));
        group.bench_function("observe", |bencher| bencher.iter(|| self.observe()));
        group.bench_function("run", |bencher| bencher.iter(|| black_box(self.run())));
    }

    fn read(&self) {
        let mut input = open(&self.bytes);
        let mut take = |record: Record<'_>| {
            black_box(&record);
            true
        };
        while input.records_at_hand(u64::MAX, &mut take) > 0 || input.next_record().map(&mut take).is_some() {
        }
    }

    fn dissect(&self) {
        let mut dissector = Dissector::new();
        for frame in &self.frames {
            black_box(dissector.dissect(&frame.record()));
        }
    }

    fn observe(&self) {
        let mut table = Table::new(Limits::default());
        let mut finished = Finished::default();
        let mut judge = Judge::new(Limits::default());
        let mut tell = |finished: &mut Finished| {
            judge.judge(finished, |flow| {
                black_box(flow.id);
            });
        };
        let mut out = Outlet::new(&mut finished, &mut tell);
        for segment in &self.segments {
            table.observe(segment, &mut out);
        }
        table.finish(&mut out);
        tell(&mut finished);
    }

    fn run(&self) -> BTreeMap<&'static str, u64> {
        let mut report = FlowsCsv::new(io::sink(), Order::Finished);
        let outcome = Analysis::new().run(open(&self.bytes), &mut report).unwrap();
        outcome.outcomes.into_iter().map(|(outcome, count)| (outcome.as_str(), count)).collect()
    }
}

impl Frame {
    fn record(&self) -> Record<'_> {
        let Self { number, time, link, original_length, ref data } = *self;
        Record { number, time, link, interface: 0, original_length, data }
    }
}

fn open(bytes: &Arc<[u8]>) -> Input {
    Input::from_reader("generated", Cursor::new(Arc::clone(bytes)))
}
