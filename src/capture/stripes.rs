//! A long plain file read by two threads, each of which reads every other block of it.
//!
//! One core copies from the page cache at a third of the speed at which another walks what is copied.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::ahead::{Ahead, BLOCK, Block, ReadAhead};
use super::buffer::SLACK;

/// Threads that read one file. A third gains less than a tenth more, and others have work for its core.
const STRIPES: usize = 2;
/// Octets from which on a file is worth them.
const LONG: u64 = 8 * 1024 * 1024;

/// Handles of one file, each with a place of its own.
pub(super) struct Stripes {
    files: Vec<File>,
    /// Counts the octets that are walked: of those read some lie behind the end of a file that became shorter.
    count: Arc<AtomicU64>,
}

/// Every so many-th block of a file.
struct Stripe {
    file: File,
    /// Octets left of the block.
    left: usize,
    /// Where the next block starts.
    next: u64,
    /// From there to the one after it.
    step: u64,
}

/// Threads that read ahead and take turns, block by block.
pub(super) struct Turns {
    threads: Vec<Ahead>,
    next: usize,
    /// For what the sources themselves do not count.
    count: Option<Arc<AtomicU64>>,
}

impl Stripes {
    /// More handles of `file`, which was opened as `path`; none if it is short, or if another file has its name by
    /// now.
    pub(super) fn of(file: &File, path: &Path, count: Arc<AtomicU64>) -> Option<Self> {
        let look = |file: &File| {
            let about = file.metadata().ok().filter(|about| about.is_file() && about.len() >= LONG)?;
            Some((about.len(), about.modified().ok()?))
        };
        let first = look(file)?;
        let again = || File::open(path).ok().filter(|again| look(again) == Some(first));
        let files: Option<Vec<File>> = (0..STRIPES).map(|_| again()).collect();
        Some(Self { files: files?, count })
    }

    /// The stripes of what follows octet `start`.
    fn from(files: Vec<File>, start: u64) -> impl Iterator<Item = Box<dyn Read + Send>> {
        let step = (files.len() * BLOCK) as u64;
        let starts = (start..).step_by(BLOCK);
        starts.zip(files).map(move |(next, file)| Box::new(Stripe { file, left: 0, next, step }) as _)
    }
}

impl Read for Stripe {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            self.file.seek(SeekFrom::Start(self.next))?;
            self.next += self.step;
            self.left = BLOCK;
        }
        let room = out.len().min(self.left);
        let count = self.file.read(out.get_mut(..room).unwrap_or_default())?;
        self.left -= count;
        Ok(count)
    }
}

impl Turns {
    /// Reads `source` by one thread. Without a thread to be had, the source comes back.
    pub(super) fn of_one(
        source: Box<dyn Read + Send>,
        terms: &ReadAhead,
    ) -> Result<Self, Box<dyn Read + Send>> {
        Ok(Self { threads: vec![Ahead::start(source, terms)?], next: 0, count: None })
    }

    /// Reads what follows octet `start` of a file; `None` without the threads to be had.
    pub(super) fn of_stripes(stripes: Stripes, start: u64, terms: &ReadAhead) -> Option<Self> {
        let Stripes { files, count } = stripes;
        Self::of_many(Stripes::from(files, start), count, terms)
    }

    fn of_many(
        sources: impl Iterator<Item = Box<dyn Read + Send>>,
        count: Arc<AtomicU64>,
        terms: &ReadAhead,
    ) -> Option<Self> {
        let threads: Option<Vec<Ahead>> = sources.map(|source| Ahead::start(source, terms).ok()).collect();
        Some(Self { threads: threads?, next: 0, count: Some(count) })
    }

    /// The next octets; none at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Block>> {
        let Some(thread) = self.threads.get_mut(self.next) else { return Ok(None) };
        let Some(block) = thread.next()? else { return Ok(None) };
        let octets = block.end - SLACK;
        if let Some(count) = &self.count {
            count.fetch_add(octets as u64, Ordering::Relaxed);
        }
        // A shorter one is the last of its file, whatever others read behind it: its thread tells how it ended.
        if octets == BLOCK {
            self.next = (self.next + 1) % self.threads.len();
        }
        Ok(Some(block))
    }

    /// Takes back the memory of a block, once for each that was given: by then a block of the other thread is walked,
    /// and it is the turn of the one that filled this one.
    pub(super) fn give_back(&self, bytes: Vec<u8>) {
        if let Some(thread) = self.threads.get(self.next) {
            thread.give_back(bytes);
        }
    }
}

#[cfg(test)]
mod tests;
