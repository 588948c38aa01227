//! The stages side by side.

use std::io;
use std::panic::resume_unwind;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, mpsc};
use std::thread::{Builder, JoinHandle};

use super::following::{Following, InputClose};
use super::merging::{Merging, Next};
use super::messages::{FlowOutlet, Followed, Judged, JudgedOutlet, Read};
use super::reading::{InputEnd, Reading};
use super::{Progress, Source};
use crate::analysis::Outcome;
use crate::analysis::teller::Teller;
use crate::capture::{Extent, Growth, Locator};
use crate::dissect::Dissected;
use crate::flow::{Flow, Judge, Limits, Table, TableStats};
use crate::threads::{Permits, Receiver, Sender, channel};

/// Batches on their way between two stages: more would not make up for a stage that is slower than another.
const BATCHES: usize = 3;
/// Turns of reading whose segments go on together: 3000 to 6000, some 400 KiB, so that threads are woken rarely.
const TURNS: usize = 3;
/// Into how many parts the table goes: two threads that follow keep the other stages of four busy, and each costs a look
/// at every segment.
const fn parts_for(threads: usize) -> usize {
    if threads < 6 { 2 } else { 4 }
}

/// Reading, following and judging on threads of their own, telling on the caller's.
pub(in crate::analysis) fn run_on_threads(
    source: impl Source,
    limits: Limits,
    mut teller: Teller<'_>,
    progress: Progress<'_>,
    permits: &Arc<Permits>,
) -> io::Result<Outcome> {
    let parts = Table::parts(&limits, parts_for(permits.count()));
    let (grown, growths) = mpsc::channel();
    let (ended, end) = mpsc::channel();
    let octets = Arc::new(AtomicU64::new(0));
    let (mut to_follow, mut to_judge, mut threads) = (Vec::new(), Vec::new(), Vec::new());
    for part in 0..parts {
        let (read, following) = channel(BATCHES, permits);
        let (finished, judging) = channel(BATCHES, permits);
        let (spent, empty) = mpsc::channel();
        to_follow.push(read);
        to_judge.push((judging, spent));
        threads.push(start("follow", permits, move || {
            follow_all(Following::new(limits, part, parts), &following, FlowOutlet::new(finished, empty));
        })?);
    }
    let out = Outlet {
        read: to_follow,
        batches: Batches::default(),
        octets: Arc::clone(&octets),
        grown,
        known: Extent::default(),
    };
    threads.push(start("read", permits, move || {
        // Without a listener the run has ended.
        let _ = read_all(Reading::new(source), out).is_some_and(|end| ended.send(end).is_ok());
    })?);
    let (told, judged) = channel(BATCHES, permits);
    let (spent, empty) = mpsc::channel();
    threads.push(start("judge", permits, move || {
        judge_all(Merging::new(to_judge), Judge::new(limits), JudgedOutlet::new(told, empty));
    })?);
    let told = {
        let _permit = permits.take();
        tell_all(&mut teller, &Inlet { judged, spent, growths, octets, end }, progress)
    };
    match told {
        Told::All(end) => {
            let RunEnd { input, table } = *end;
            teller.finish(input.account, &input.tally, table)
        }
        Told::Failed(error) => Err(error),
        Told::Broken => {
            // Whoever panicked closed the channels behind it: its neighbours ended for that.
            for thread in threads {
                thread.join().unwrap_or_else(|panic| resume_unwind(panic));
            }
            Err(io::Error::other("a stage of the analysis ended too early"))
        }
    }
}

fn start(
    name: &str,
    permits: &Arc<Permits>,
    work: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let permits = Arc::clone(permits);
    Builder::new().name(name.to_owned()).spawn(move || {
        let _permit = permits.take();
        work();
    })
}

/// Where what was read goes.
struct Outlet {
    read: Vec<Sender<Read>>,
    batches: Batches,
    /// Octets read so far.
    octets: Arc<AtomicU64>,
    /// What the locator learns, told before the segments whose records it tells of. No more of it is under way than
    /// of them.
    grown: mpsc::Sender<Growth>,
    known: Extent,
}

/// Batches of segments that go round: one is used again when all who follow are through with it.
#[derive(Default)]
struct Batches {
    current: Vec<Dissected>,
    lent: Vec<Arc<Vec<Dissected>>>,
}

impl Batches {
    /// What was gathered; from now on an empty one is filled.
    fn take(&mut self) -> Arc<Vec<Dissected>> {
        let free = self.lent.iter().position(|batch| Arc::strong_count(batch) == 1);
        let mut empty =
            free.and_then(|place| Arc::into_inner(self.lent.swap_remove(place))).unwrap_or_default();
        empty.clear();
        let full = Arc::new(std::mem::replace(&mut self.current, empty));
        self.lent.push(Arc::clone(&full));
        full
    }
}

impl Outlet {
    fn tell_growth(&mut self, locator: &Locator) {
        if let Some(growth) = locator.grown(&mut self.known) {
            // Whoever does not listen does not take segments either.
            let _ = self.grown.send(growth);
        }
    }

    /// Hands the batch over; false when nobody listens any more.
    #[must_use]
    fn send_batch(&mut self) -> bool {
        let batch = Read::Segments(self.batches.take());
        self.send(&batch)
    }

    #[must_use]
    fn send(&self, read: &Read) -> bool {
        self.read.iter().all(|follower| follower.send(read.clone()))
    }
}

/// What was read before a panic is followed, as it is on one thread.
impl Drop for Outlet {
    fn drop(&mut self) {
        if !self.batches.current.is_empty() {
            let _ = self.send_batch();
        }
    }
}

/// `None` when nobody listens any more.
fn read_all<S: Source>(mut reading: Reading<S>, mut out: Outlet) -> Option<Box<InputEnd>> {
    let mut more = true;
    while more {
        for _ in 0..TURNS {
            let batch = &mut out.batches.current;
            more = more && reading.turn(|order, _| order.release(|found| batch.push(*found)));
            out.tell_growth(reading.locator());
        }
        out.octets.store(reading.octets(), Relaxed);
        if !out.send_batch() {
            return None;
        }
    }
    let (mut order, end) = reading.finish();
    order.finish(|found| out.batches.current.push(*found));
    out.tell_growth(&end.account.locator);
    let close = Read::End(Arc::new(InputClose::of(&end.account)));
    (out.send_batch() && out.send(&close)).then(|| Box::new(end))
}

fn follow_all(mut following: Following, to_follow: &Receiver<Read>, mut out: FlowOutlet) {
    while let Some(read) = to_follow.receive() {
        match read {
            Read::Segments(batch) => out.fill(|out| {
                batch.iter().for_each(|found| following.observe(found, out));
                following.report_place(out);
            }),
            Read::End(close) => {
                let sight = out.fill(|out| following.end_of_input(&close, out));
                if out.send(Followed::Sight(Box::new(sight))) {
                    let stats = out.fill(|out| following.finish(out));
                    // Nobody is left to tell when that is not taken.
                    let _ = out.send(Followed::End(stats));
                }
                return;
            }
        }
        if !out.flush() {
            return;
        }
    }
}

/// Puts what the parts of the table finished into one order, and judges it.
fn judge_all(mut merging: Merging, mut judge: Judge, mut out: JudgedOutlet) {
    loop {
        let goes_on = match merging.next(&mut out) {
            Next::Flow(part) => {
                merging.judge(part, &mut judge, |flow| out.put(flow));
                !out.is_full() || out.flush()
            }
            Next::Sight(sight) => {
                judge.expect(sight.coming);
                out.send(Judged::Sight(Box::new(sight)))
            }
            Next::End(stats) => {
                // Nobody is left to tell when that is not taken.
                let _ = out.send(Judged::End(stats));
                return;
            }
            Next::Broken => return,
        };
        if !goes_on {
            return;
        }
    }
}

/// Where what is to be told comes from.
struct Inlet {
    judged: Receiver<Judged>,
    spent: mpsc::Sender<Vec<Flow>>,
    growths: mpsc::Receiver<Growth>,
    octets: Arc<AtomicU64>,
    end: mpsc::Receiver<Box<InputEnd>>,
}

/// What is known once all flows were finished.
struct RunEnd {
    input: InputEnd,
    table: TableStats,
}

/// How telling ended.
enum Told {
    All(Box<RunEnd>),
    /// A report failed.
    Failed(io::Error),
    /// A stage before ended without an end of the input.
    Broken,
}

fn tell_all(teller: &mut Teller<'_>, inlet: &Inlet, mut progress: Progress<'_>) -> Told {
    let (mut locator, mut input) = (Locator::default(), None);
    while let Some(judged) = inlet.judged.receive() {
        match judged {
            Judged::Flows(flows) => {
                for growth in inlet.growths.try_iter() {
                    locator.grow(growth);
                }
                for flow in &flows {
                    teller.tell(flow, &locator);
                }
                if let Err(error) = teller.check() {
                    return Told::Failed(error);
                }
                // Judging may have ended.
                let _ = inlet.spent.send(flows);
            }
            Judged::Sight(sight) => {
                let Ok(end) = inlet.end.recv() else { return Told::Broken };
                teller.learn(sight.of_input(&end));
                input = Some(end);
            }
            Judged::End(table) => {
                return input
                    .map_or(Told::Broken, |input| Told::All(Box::new(RunEnd { input: *input, table })));
            }
        }
        if let Some(progress) = &mut progress {
            progress(inlet.octets.load(Relaxed));
        }
    }
    Told::Broken
}
