//! The stages of a run, one after the other or side by side, with the same result.
//!
//! ```text
//! octets ─▶ records ─▶ segments in the order of time ─▶ finished flows ─▶ flows ─▶ findings and reports
//! [ahead]   [--------------- reading ---------------]   [following ×2, 4]  [judging]  [telling: the caller's thread]
//! ```
//!
//! Each stage goes through everything in order and owns all that it changes; those that follow share out the shards of the
//! table, of which there are always as many, and what they finish is put into the one order there is before it is judged.
//! So nothing that is told depends on how many threads there are. On one thread ([`run_here`]) a segment goes through the table where it was dissected. On
//! several ([`run_on_threads`]) stages hand over batches:
//!
//! - **Memory does not grow** when one stage is slow: channels hold a few batches, and their memory goes round.
//! - **Permits** say how many stages work at a time, whatever their number: a stage holds one and lends it while it
//!   waits (see [`Permits`](crate::threads::Permits)). So two threads are balanced as well as four.
//! - **The end is a message.** A stage whose channel closes without it ends as well, and the last one looks for the
//!   panic that caused it. A report that fails closes the channels the other way round; nobody waits for a
//!   thread that may itself be waiting for a pipe.

mod following;
mod merging;
mod messages;
mod numbers;
mod reading;
mod source;
mod threads;

pub(super) use self::following::InputSight;
pub(super) use self::source::{Records, Replayed, Source};
pub(super) use self::threads::run_on_threads;

use std::io;

use self::following::{Following, InputClose};
use self::reading::Reading;
use super::Outcome;
use super::teller::Teller;
use crate::flow::{Finished, Judge, Limits, Outlet};

/// Is told the octets read so far.
pub(super) type Progress<'a> = Option<Box<dyn FnMut(u64) + 'a>>;

/// All stages on the caller's thread.
pub(super) fn run_here(
    source: impl Source,
    limits: Limits,
    mut teller: Teller<'_>,
    mut progress: Progress<'_>,
) -> io::Result<Outcome> {
    let (mut reading, mut following) = (Reading::new(source), Following::new(limits, 0, 1));
    let (mut judge, mut finished) = (Judge::new(limits), Finished::default());
    loop {
        let more = reading.turn(|order, locator| {
            let mut tell = |finished: &mut Finished| judge.judge(finished, |flow| teller.tell(flow, locator));
            let mut out = Outlet::new(&mut finished, &mut tell);
            order.release(|found| following.observe(found, &mut out));
            tell(&mut finished);
        });
        if !more || teller.failed() {
            break;
        }
        if let Some(progress) = &mut progress {
            progress(reading.octets());
        }
    }
    let (mut order, end) = reading.finish();
    let locator = &end.account.locator;
    let mut tell = |finished: &mut Finished| judge.judge(finished, |flow| teller.tell(flow, locator));
    let mut out = Outlet::new(&mut finished, &mut tell);
    order.finish(|found| following.observe(found, &mut out));
    let sight = following.end_of_input(&InputClose::of(&end.account), &mut out);
    tell(&mut finished);
    judge.expect(sight.coming);
    teller.learn(sight.of_input(&end));
    let mut tell = |finished: &mut Finished| judge.judge(finished, |flow| teller.tell(flow, locator));
    let stats = following.finish(&mut Outlet::new(&mut finished, &mut tell));
    tell(&mut finished);
    teller.finish(end.account, &end.tally, stats)
}
