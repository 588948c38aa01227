//! The first stage: from the input to segments in the order of time.

use super::source::Source;
use crate::analysis::order::TimeOrder;
use crate::capture::{Account, Locator};
use crate::dissect::SkipTally;

/// Reads a source and puts what it gives into order.
pub(super) struct Reading<S> {
    source: S,
    order: TimeOrder,
}

/// What is known of an input once all of it was read.
pub(super) struct InputEnd {
    pub(super) account: Account,
    pub(super) tally: SkipTally,
}

impl<S: Source> Reading<S> {
    pub(super) fn new(source: S) -> Self {
        Self { source, order: TimeOrder::default() }
    }

    /// Reads for a while; once the order is full, `release` is to empty it. False at the end.
    #[inline]
    pub(super) fn turn(&mut self, release: impl FnOnce(&mut TimeOrder, &Locator)) -> bool {
        let Self { source, order } = self;
        let more = source.fill(order);
        if order.is_full() {
            release(order, source.locator());
        }
        more
    }

    pub(super) fn octets(&self) -> u64 {
        self.source.octets()
    }

    pub(super) fn locator(&self) -> &Locator {
        self.source.locator()
    }

    /// What is not yet in order, and the account of all.
    pub(super) fn finish(self) -> (TimeOrder, InputEnd) {
        let Self { source, mut order } = self;
        let (account, tally) = source.finish(order.inlet());
        (order, InputEnd { account, tally })
    }
}
