//! Octets read ahead: a thread reads or unpacks one file while what it read before is walked.
//!
//! A handful of blocks go round between the thread that fills them and the [`Buffer`](super::buffer::Buffer) that
//! walks them in place, so memory is bounded by their number and nothing is allocated once they are there.

use std::io::{self, Read};
use std::panic::resume_unwind;
use std::sync::{Arc, mpsc};
use std::thread::{Builder, JoinHandle};

use super::buffer::SLACK;
use crate::threads::{Permits, Receiver, channel};

/// Blocks on their way: one is walked, one filled, and one more so that neither waits for the other's last octet.
const BLOCKS: usize = 4;

/// Octets of the input, behind [`SLACK`] octets of room for what was left of the block before.
pub(super) struct Block {
    pub(super) bytes: Vec<u8>,
    /// Where its octets end.
    pub(super) end: usize,
}

/// A source that is read by a thread of its own.
pub(super) struct Ahead {
    filled: Receiver<io::Result<Block>>,
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
    /// Reads `source` from now on, up to `chunk` octets at once. Without a thread to be had, the source comes back.
    pub(super) fn start(
        source: Box<dyn Read + Send>,
        chunk: usize,
        permits: &Arc<Permits>,
    ) -> Result<Self, Box<dyn Read + Send>> {
        let (filling, filled) = channel(BLOCKS, permits);
        let (spent, empty) = mpsc::channel::<Vec<u8>>();
        let (hand_over, source_here) = mpsc::sync_channel(1);
        let permits = Arc::clone(permits);
        let read = move || {
            let Ok(mut source) = source_here.recv() else { return };
            // Nobody sends blocks any more once nobody walks them.
            while let Ok(mut bytes) = empty.recv() {
                bytes.resize(SLACK + chunk, 0);
                // One record of many octets may have made it larger.
                bytes.shrink_to(SLACK + chunk);
                let _permit = permits.take();
                let count = read_some(&mut source, bytes.get_mut(SLACK..).unwrap_or_default());
                let last = !matches!(count, Ok(1..));
                let block = count.map(|count| Block { bytes, end: SLACK + count });
                if !filling.send(block) || last {
                    return;
                }
            }
        };
        let Ok(thread) = Builder::new().name("read ahead".to_owned()).spawn(read) else { return Err(source) };
        // The thread waits for both.
        let _ = hand_over.send(source);
        for _ in 0..BLOCKS {
            let _ = spent.send(Vec::new());
        }
        Ok(Self { filled, spent, thread: Some(thread) })
    }

    /// The next octets; none at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Block>> {
        match self.filled.receive() {
            Some(Ok(block)) if block.end == SLACK => Ok(None),
            Some(block) => block.map(Some),
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

fn read_some(source: &mut dyn Read, out: &mut [u8]) -> io::Result<usize> {
    loop {
        match source.read(out) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
