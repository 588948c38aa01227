//! Where segments come from: the records of files, or what was dissected before.

use crate::analysis::order::TimeOrder;
use crate::capture::{Account, Input, Locator};
use crate::dissect::{Dissected, Dissector, SkipTally};
use crate::flow::{Entry, Replay};

/// Records in one turn at most, whatever is found in them: progress is told after each.
const TURN: u64 = 1 << 14;

/// Gives all segments of an input in the order of its records.
pub(in crate::analysis) trait Source: Send + 'static {
    /// Puts what comes next into `order` until that is full, or for a while; false at the end.
    fn fill(&mut self, order: &mut TimeOrder) -> bool;

    /// Octets read so far.
    fn octets(&self) -> u64;

    /// Where the records so far lie.
    fn locator(&self) -> &Locator;

    /// The account of all; what was held back until now is put behind `found`.
    fn finish(self, found: &mut Vec<Dissected>) -> (Account, SkipTally);
}

/// The records of an input.
pub(in crate::analysis) struct Records {
    input: Input,
    dissector: Dissector,
}

impl Records {
    pub(in crate::analysis) fn new(input: Input) -> Self {
        Self { input, dissector: Dissector::new() }
    }
}

impl Source for Records {
    #[inline]
    fn fill(&mut self, order: &mut TimeOrder) -> bool {
        let Self { input, dissector } = self;
        let mut left = TURN;
        while left > 0 {
            let mut count = input.records_at_hand(left, |record| {
                dissector.dissect_onto(&record, order.inlet());
                !order.is_full()
            });
            if count == 0 {
                let Some(record) = input.next_record() else { return false };
                dissector.dissect_onto(&record, order.inlet());
                count = 1;
            }
            if order.is_full() {
                return true;
            }
            left -= count;
        }
        true
    }

    fn octets(&self) -> u64 {
        self.input.bytes_read()
    }

    fn locator(&self) -> &Locator {
        self.input.locator()
    }

    fn finish(mut self, found: &mut Vec<Dissected>) -> (Account, SkipTally) {
        self.dissector.finish(found);
        (self.input.into_account(), self.dissector.into_tally())
    }
}

/// What was dissected before, fragments not yet put together.
pub(in crate::analysis) struct Replayed {
    history: Replay,
    dissector: Dissector,
    tally: SkipTally,
    account: Account,
}

impl Replayed {
    pub(in crate::analysis) fn new(history: Replay, tally: SkipTally, account: Account) -> Self {
        Self { history, dissector: Dissector::new(), tally, account }
    }
}

impl Source for Replayed {
    fn fill(&mut self, order: &mut TimeOrder) -> bool {
        for _ in 0..TURN {
            match self.history.next() {
                Some(Entry::Found(found)) => {
                    self.dissector.passes(&found, order.inlet());
                    order.inlet().push(found);
                }
                Some(Entry::Fragment(fragment)) => self.dissector.resume(fragment, order.inlet()),
                None => return false,
            }
            if order.is_full() {
                break;
            }
        }
        true
    }

    /// Nothing: they were read before.
    fn octets(&self) -> u64 {
        0
    }

    fn locator(&self) -> &Locator {
        &self.account.locator
    }

    fn finish(mut self, found: &mut Vec<Dissected>) -> (Account, SkipTally) {
        self.dissector.finish(found);
        self.tally.join(0, self.dissector.tally());
        (self.account, self.tally)
    }
}
