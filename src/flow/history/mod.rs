//! What one piece of a capture holds of TCP, in a form that joins with the pieces before and after it.
//!
//! A capture comes in pieces: ring files, chunks for threads, files on a cluster. Each is dissected by itself; the
//! joined histories are then observed again in the order of capture, and give exactly what one pass gives.
//!
//! Sums of a piece could not be joined like that. Whether a segment was a retransmission, a copy, a probe or the
//! first data of an exchange depends on what came before it, and so, at a cut, on the other piece. So a history
//! keeps every segment, as its difference from what its sender would be expected to send next: some ten octets
//! instead of a frame.

mod block;
mod code;
mod expected;
mod item;

use std::collections::VecDeque;

use self::block::{Block, BlockReader, BlockWriter};
use crate::dissect::{Dissected, Fragment};
use crate::time::Timestamp;

/// What a [`History`] holds.
#[derive(Clone, Debug)]
pub enum Entry {
    /// A segment or an ICMP error.
    Found(Dissected),
    /// A part of a segment.
    Fragment(Fragment),
}

/// The segments and ICMP errors of one piece of a capture, or of several that were joined, in the order of capture.
///
/// ```
/// use closewait::dissect::Dissected;
/// use closewait::flow::{Entry, History};
/// # use closewait::net::FourTuple;
/// # use closewait::tcp::{Flags, Segment, SeqNumber};
/// # use closewait::time::Timestamp;
/// # let (tuple, from_low) = FourTuple::v4([10, 0, 0, 1], [10, 0, 0, 2], (40_000, 80), 0);
/// # let segment = Dissected::Segment(Segment {
/// #     record: 1, time: Timestamp::from_nanos(0), tuple, from_low, seq: SeqNumber(7), ack: SeqNumber(0),
/// #     flags: Flags::SYN, window: 64_240, window_known: true, octets: 0, ttl: 64, ip_id: 1, checksum: 9,
/// #     interface: 0, options: None,
/// # });
/// let (mut first, mut second) = (History::default(), History::default());
/// first.push(&segment);
/// second.push(&segment);
/// // The first piece held 10 records, so what was record 1 of the second is record 11 of both.
/// first.join(10, second);
/// let records: Vec<u64> = first.into_iter().filter_map(|entry| match entry {
///     Entry::Found(Dissected::Segment(segment)) => Some(segment.record),
///     _ => None,
/// }).collect();
/// assert_eq!(records, [1, 11]);
/// ```
#[derive(Debug, Default)]
pub struct History {
    blocks: VecDeque<Block>,
    open: BlockWriter,
}

impl History {
    /// Adds what comes next. Skipped records are not kept.
    pub fn push(&mut self, found: &Dissected) {
        self.open.push(found);
        if self.open.is_full() {
            self.close();
        }
    }

    /// Adds an IP fragment that comes next: which segment it is part of shows when the pieces are joined.
    pub fn push_fragment(&mut self, fragment: Fragment) {
        self.open.push_fragment(fragment);
        if self.open.is_full() {
            self.close();
        }
    }

    /// Adds the history of the piece that follows. `records`: how many records the input held before that piece, TCP
    /// or not; its own are counted from there.
    pub fn join(&mut self, records: u64, mut later: Self) {
        self.close();
        later.close();
        self.blocks.extend(later.blocks.into_iter().map(|mut block| {
            block.records_before += records;
            block
        }));
    }

    /// Gives `time` to all before record `record`: they carry none of their own, and have that of the last record of
    /// the piece before.
    pub fn set_time_before(&mut self, record: u64, time: Timestamp) {
        self.close();
        for block in &mut self.blocks {
            let local = record.saturating_sub(block.records_before);
            block.untimed = block.untimed.max((local > 0).then_some((local, time)));
        }
    }

    /// Octets in memory, without what allocation adds.
    pub fn size(&self) -> usize {
        self.blocks.iter().map(Block::size).sum::<usize>() + self.open.size()
    }

    fn close(&mut self) {
        if self.open.size() > 0 {
            self.blocks.push_back(std::mem::take(&mut self.open).finish());
        }
    }
}

impl IntoIterator for History {
    type Item = Entry;
    type IntoIter = Replay;

    fn into_iter(mut self) -> Replay {
        self.close();
        Replay { blocks: self.blocks, open: BlockReader::default() }
    }
}

/// A [`History`] being given back, block by block.
#[derive(Debug)]
pub struct Replay {
    blocks: VecDeque<Block>,
    open: BlockReader,
}

impl Iterator for Replay {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        loop {
            if let Some(entry) = self.open.next() {
                return Some(entry);
            }
            self.open = BlockReader::new(self.blocks.pop_front()?);
        }
    }
}

#[cfg(test)]
mod tests;
