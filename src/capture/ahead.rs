//! Octets read ahead: a thread unpacks one file, or reads a stream, while what it gave before is walked.
//!
//! A plain file is read where it is walked: the copy from the page cache costs twice as much into memory that another
//! core had, which is as much as its own thread gains. A long one is worth two (see [`stripes`](super::stripes)).
//!
//! A handful of blocks go round between the thread that fills them and the [`Buffer`](super::buffer::Buffer) that
//! walks them in place, so memory is bounded by their number and nothing is allocated once they are there.

use std::io::{self, Read};
use std::panic::resume_unwind;
use std::sync::{Arc, mpsc};
use std::thread::{Builder, JoinHandle};

use super::buffer::SLACK;
use crate::threads::{Permits, Receiver, Sender, channel};

/// Octets handed over at once: waking a thread costs as much as copying some ten thousand of them.
pub(super) const BLOCK: usize = 512 * 1024;
/// Blocks on their way: one is walked, one filled, and one more so that neither waits for the other's last octet.
const BLOCKS: usize = 3;

/// Who may read ahead, and how.
#[derive(Clone)]
pub(super) struct ReadAhead {
    /// The thread that reads holds one of these.
    pub(super) permits: Arc<Permits>,
    /// More may be long in coming, so what one read gives is handed over at once.
    pub(super) is_stream: bool,
}

/// Octets of the input, behind [`SLACK`] octets of room for what was left of the block before.
pub(super) struct Block {
    pub(super) bytes: Vec<u8>,
    /// Where its octets end.
    pub(super) end: usize,
}

enum Filled {
    Block(Block),
    /// Nothing follows, as the source says or because it failed.
    End(io::Result<()>),
}

/// A source that is read by a thread of its own.
pub(super) struct Ahead {
    filled: Receiver<Filled>,
    spent: mpsc::Sender<Vec<u8>>,
    thread: Option<JoinHandle<()>>,
}

/// A source that may have to be waited for, as a pipe: others work meanwhile. Read by threads with a permit.
pub(super) struct Patient<R> {
    pub(super) inner: R,
    pub(super) permits: Arc<Permits>,
}

impl<R: Read> Read for Patient<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let Self { inner, permits } = self;
        permits.lend(|| inner.read(out))
    }
}

impl Ahead {
    /// Reads `source` from now on. Without a thread to be had, the source comes back.
    pub(super) fn start(
        source: Box<dyn Read + Send>,
        terms: &ReadAhead,
    ) -> Result<Self, Box<dyn Read + Send>> {
        let (filling, filled) = channel(BLOCKS, &terms.permits);
        let (spent, empty) = mpsc::channel();
        let (hand_over, source_here) = mpsc::sync_channel(1);
        let terms = terms.clone();
        let work = move || {
            if let Ok(source) = source_here.recv() {
                read_all(source, &terms, &empty, &filling);
            }
        };
        let Ok(thread) = Builder::new().name("read ahead".to_owned()).spawn(work) else { return Err(source) };
        // The thread waits for all of these.
        let _ = hand_over.send(source);
        for _ in 0..BLOCKS {
            let _ = spent.send(Vec::new());
        }
        Ok(Self { filled, spent, thread: Some(thread) })
    }

    /// The next octets; none at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Block>> {
        match self.filled.receive() {
            Some(Filled::Block(block)) => Ok(Some(block)),
            Some(Filled::End(end)) => end.map(|()| None),
            // It ended without a word: by a panic, if that was not told before.
            None => match self.thread.take().map(JoinHandle::join) {
                Some(Err(panic)) => resume_unwind(panic),
                _ => Ok(None),
            },
        }
    }

    /// Takes back the memory of a block.
    pub(super) fn give_back(&self, bytes: Vec<u8>) {
        // The thread may have ended.
        let _ = self.spent.send(bytes);
    }
}

fn read_all(
    mut source: Box<dyn Read + Send>,
    terms: &ReadAhead,
    empty: &mpsc::Receiver<Vec<u8>>,
    filling: &Sender<Filled>,
) {
    // Nobody sends blocks any more once nobody walks them.
    while let Ok(mut bytes) = empty.recv() {
        bytes.resize(SLACK + BLOCK, 0);
        // One record of many octets may have made it larger.
        bytes.shrink_to(SLACK + BLOCK);
        let _permit = terms.permits.take();
        let (count, end) = fill(&mut source, bytes.get_mut(SLACK..).unwrap_or_default(), terms.is_stream);
        let block = Block { bytes, end: SLACK + count };
        let goes_on = count == 0 || filling.send(Filled::Block(block));
        let ended = end.map(|end| filling.send(Filled::End(end))).is_some();
        if ended || !goes_on {
            return;
        }
    }
}

/// Fills `out`, or with what one read gives; tells how many octets that are, and how the source ended if it did.
fn fill(source: &mut dyn Read, out: &mut [u8], is_stream: bool) -> (usize, Option<io::Result<()>>) {
    let mut count = 0;
    while let Some(room) = out.get_mut(count..).filter(|room| !room.is_empty()) {
        match source.read(room) {
            Ok(0) => return (count, Some(Ok(()))),
            Ok(more) => count += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return (count, Some(Err(error))),
        }
        if is_stream {
            break;
        }
    }
    (count, None)
}
