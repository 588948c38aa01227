//! One piece of a capture, dissected: joins with the pieces before and after it.

use crate::capture::{Account, Input, Record};
use crate::dissect::{Dissector, SkipTally};
use crate::flow::History;

/// A part of a capture that was read and dissected by itself, or several that were joined.
///
/// The parts of a capture may be read apart: by threads, by several hosts, or as the files of a ring come in. Joined
/// in their order and given to [`Analysis::run_joined`](super::Analysis::run_joined) they yield exactly what one pass
/// over all files yields, wherever the capture was cut. Files that overlap in time, as those of two capture points, belong into
/// one part: only an [`Input`] merges them.
///
/// ```
/// use closewait::capture::Input;
/// use closewait::diagnose::Finding;
/// use closewait::flow::Flow;
/// use closewait::{Analysis, Partial};
///
/// # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/lab/");
/// # let (first, second) = ("rotated.server.080109.pcap", "rotated.server.080114.pcap");
/// # let (first, second) = (format!("{folder}{first}"), format!("{folder}{second}"));
/// let mut partial = Partial::read(Input::open(&[first.into()]));
/// partial.join(Partial::read(Input::open(&[second.into()])));
/// let outcome = Analysis::new().run_joined(partial, &mut |_: &Flow, _: &[Finding]| {})?;
/// assert_eq!(outcome.files.len(), 2);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Partial {
    pub(super) history: History,
    pub(super) tally: SkipTally,
    pub(super) account: Account,
}

impl Partial {
    /// Reads and dissects all of `input`.
    pub fn read(mut input: Input) -> Self {
        let (mut dissector, mut history) = (Dissector::deferring(), History::default());
        let mut found = Vec::new();
        let mut take = |record: Record<'_>| {
            dissector.dissect_onto(&record, &mut found);
            for found in found.drain(..) {
                history.push(&found);
            }
            for fragment in dissector.take_fragments() {
                history.push_fragment(fragment);
            }
            true
        };
        while input.records_at_hand(u64::MAX, &mut take) > 0 || input.next_record().map(&mut take).is_some() {
        }
        Self { history, tally: dissector.into_tally(), account: input.into_account() }
    }

    /// Adds the part that follows.
    pub fn join(&mut self, mut later: Self) {
        let records = self.account.records();
        if let Some((_, last)) = self.account.timed() {
            // Records without a time have that of the one before.
            let timed = later.account.timed().map_or(u64::MAX, |(first, _)| first.global_record);
            later.history.set_time_before(timed, last.time);
        }
        self.history.join(records, later.history);
        self.tally.join(records, &later.tally);
        self.account.join(later.account);
    }

    /// Octets that it takes in memory, roughly.
    pub fn size(&self) -> usize {
        self.history.size()
    }
}
