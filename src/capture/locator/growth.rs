//! What a locator has learned since a copy of it was made, so that another thread's copy follows.

use super::{Block, Entry, Locator};

/// What was added to a locator.
#[derive(Debug)]
pub(crate) struct Growth {
    blocks: Vec<Block>,
    entries: Vec<Entry>,
    runs: Vec<u8>,
    extent: Extent,
}

/// How much a locator holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extent {
    blocks: usize,
    entries: usize,
    runs: usize,
    last_run: (usize, u64),
    given: u64,
}

impl Locator {
    /// What was added since `known`, which is moved on; nothing as long as one file is read alone.
    pub(crate) fn grown(&self, known: &mut Extent) -> Option<Growth> {
        let before = std::mem::replace(known, self.extent());
        if *known == before {
            return None;
        }
        // Both lists and the octets only ever grow; what changes otherwise is the last run.
        Some(Growth {
            blocks: self.blocks.get(before.blocks..)?.to_vec(),
            entries: self.entries.get(before.entries..)?.to_vec(),
            runs: self.runs.get(before.runs..)?.to_vec(),
            extent: *known,
        })
    }

    /// Takes what was added to the locator that this is a copy of.
    pub(crate) fn grow(&mut self, growth: Growth) {
        let Growth { blocks, entries, runs, extent } = growth;
        self.blocks.extend(blocks);
        self.entries.extend(entries);
        self.runs.extend(runs);
        (self.last_run, self.given) = (extent.last_run, extent.given);
    }

    fn extent(&self) -> Extent {
        Extent {
            blocks: self.blocks.len(),
            entries: self.entries.len(),
            runs: self.runs.len(),
            last_run: self.last_run,
            given: self.given,
        }
    }
}
