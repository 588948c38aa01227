//! The stages side by side.

use std::panic::resume_unwind;
use std::sync::{Arc, mpsc};
use std::thread::{Builder, JoinHandle};
use std::{io, mem};

use super::following::Following;
use super::messages::{FlowOutlet, Followed, Read, RunEnd};
use super::reading::Reading;
use super::{Progress, Source};
use crate::analysis::Outcome;
use crate::analysis::teller::Teller;
use crate::capture::{Extent, Growth, Locator};
use crate::dissect::Dissected;
use crate::flow::{Finished, Limits};
use crate::threads::{Permits, Receiver, Sender, channel};

/// Batches on their way between two stages: more would not make up for a stage that is slower than another.
const BATCHES: usize = 3;
/// Turns of reading whose segments go on together: 3000 to 6000, some 400 KiB, so that threads are woken rarely.
const TURNS: usize = 3;
/// Octets are told on with every so many batches of segments.
const BATCHES_TO_PROGRESS: u64 = 4;

/// Reading and following on threads of their own, telling on the caller's.
pub(in crate::analysis) fn run_on_threads(
    source: impl Source,
    limits: Limits,
    mut teller: Teller<'_>,
    progress: Progress<'_>,
    permits: &Arc<Permits>,
) -> io::Result<Outcome> {
    let (read, to_follow) = channel(BATCHES, permits);
    let (finished, to_tell) = channel(BATCHES, permits);
    let (spent_segments, empty_segments) = mpsc::channel();
    let (spent_flows, empty_flows) = mpsc::channel();
    let (grown, growths) = mpsc::channel();

    let reader = start("read", permits, move || {
        let known = Extent::default();
        read_all(Reading::new(source), Outlet { read, batch: Vec::new(), empty_segments, grown, known });
    })?;
    let follower = start("follow", permits, move || {
        follow_all(
            Following::new(limits),
            &to_follow,
            &spent_segments,
            FlowOutlet::new(finished, empty_flows),
        );
    })?;
    let ended = {
        let _permit = permits.take();
        tell_all(&mut teller, &Inlet { to_tell, spent_flows, growths }, progress)
    };
    match ended {
        Told::All(end) => {
            let RunEnd { input, table } = *end;
            teller.finish(input.account, &input.tally, table)
        }
        Told::Failed(error) => Err(error),
        Told::Broken => {
            // Whoever panicked closed the channels behind it: its neighbours ended for that.
            for thread in [follower, reader] {
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
    read: Sender<Read>,
    batch: Vec<Dissected>,
    empty_segments: mpsc::Receiver<Vec<Dissected>>,
    /// What the locator learns, told before the segments whose records it tells of. No more of it is under way than
    /// of them.
    grown: mpsc::Sender<Growth>,
    known: Extent,
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
    fn send(&mut self, octets: u64) -> bool {
        let empty = self.empty_segments.try_recv().unwrap_or_default();
        self.read.send(Read::Segments(mem::replace(&mut self.batch, empty), octets))
    }
}

/// What was read before a panic is followed, as it is on one thread.
impl Drop for Outlet {
    fn drop(&mut self) {
        if !self.batch.is_empty() {
            let _ = self.send(0);
        }
    }
}

fn read_all<S: Source>(mut reading: Reading<S>, mut out: Outlet) {
    let mut more = true;
    while more {
        for _ in 0..TURNS {
            more = more && reading.turn(|order, _| order.release(|found| out.batch.push(*found)));
            out.tell_growth(reading.locator());
        }
        if !out.send(reading.octets()) {
            return;
        }
    }
    let octets = reading.octets();
    let (mut order, end) = reading.finish();
    order.finish(|found| out.batch.push(*found));
    out.tell_growth(&end.account.locator);
    // Nobody is left to tell when they are not taken.
    let _ = out.send(octets) && out.read.send(Read::End(Box::new(end)));
}

fn follow_all(
    mut following: Following,
    to_follow: &Receiver<Read>,
    spent: &mpsc::Sender<Vec<Dissected>>,
    mut out: FlowOutlet,
) {
    let mut batches = 0;
    while let Some(read) = to_follow.receive() {
        let more = match read {
            Read::Segments(mut batch, octets) => {
                out.fill(|out| batch.iter().for_each(|found| following.observe(found, out)));
                batch.clear();
                // Reading may have ended.
                let _ = spent.send(batch);
                batches += 1;
                batches % BATCHES_TO_PROGRESS != 0 || out.send(Followed::Octets(octets))
            }
            Read::End(end) => {
                let sight = out.fill(|out| following.end_of_input(&end, out));
                if out.send(Followed::Sight(Box::new(sight))) {
                    let table = out.fill(|out| following.finish(out));
                    let _ = out.send(Followed::End(Box::new(RunEnd { input: *end, table })));
                }
                false
            }
        };
        if !more || out.is_closed() {
            return;
        }
    }
}

/// Where what is to be told comes from.
struct Inlet {
    to_tell: Receiver<Followed>,
    spent_flows: mpsc::Sender<Finished>,
    growths: mpsc::Receiver<Growth>,
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
    let mut locator = Locator::default();
    while let Some(followed) = inlet.to_tell.receive() {
        match followed {
            Followed::Flows(mut flows) => {
                inlet.growths.try_iter().for_each(|growth| locator.grow(growth));
                teller.tell(&mut flows, &locator);
                if let Err(error) = teller.check() {
                    return Told::Failed(error);
                }
                // Following may have ended.
                let _ = inlet.spent_flows.send(flows);
            }
            Followed::Octets(octets) => {
                if let Some(progress) = &mut progress {
                    progress(octets);
                }
            }
            Followed::Sight(sight) => teller.learn(*sight),
            Followed::End(end) => return Told::All(end),
        }
    }
    Told::Broken
}
