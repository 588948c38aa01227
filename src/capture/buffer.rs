//! The one buffer every octet passes: filled by `read()`, walked in place, grown only for a record that is there.

use std::io::{self, Read};

use super::ahead::{Block, ReadAhead};
use super::stripes::{Stripes, Turns};

/// Octets asked of the source at once. Small enough to stay in a second-level cache, where the records are
/// then walked; faster than a mapping, and the same for files, pipes and decompressors.
pub(super) const CHUNK: usize = 256 * 1024;

/// Room for what is left of the previous chunk, so that reads stay whole chunks.
pub(super) const SLACK: usize = 64 * 1024;

/// How a source is read.
#[derive(Default)]
pub(super) struct Reading {
    /// Octets asked of it at once.
    pub(super) chunk: usize,
    /// Whether a thread may read ahead.
    pub(super) ahead: Option<ReadAhead>,
    /// Handles of the same file for several threads, if it is worth them.
    pub(super) stripes: Option<Stripes>,
}

/// A sliding window over a stream.
pub(super) struct Buffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// Stream offset of `bytes[0]`, which may lie before the stream: wraps.
    base: u64,
    reading: Reading,
    source: Box<dyn Read + Send>,
    /// Read the source once the first chunk was read here.
    ahead: Option<Turns>,
    ended: bool,
    failure: Option<io::Error>,
}

impl Buffer {
    /// A window over `source`, in the memory of `storage`.
    pub(super) fn new(source: Box<dyn Read + Send>, reading: Reading, mut storage: Vec<u8>) -> Self {
        let chunk = reading.chunk;
        let size = if chunk < SLACK { chunk * 2 } else { chunk + SLACK };
        storage.resize(size, 0);
        Self { bytes: storage, reading, source, ended: false, ..Self::empty() }
    }

    /// A window over nothing.
    pub(super) fn empty() -> Self {
        Self {
            bytes: Vec::new(),
            start: 0,
            end: 0,
            base: 0,
            reading: Reading::default(),
            source: Box::new(io::empty()),
            ahead: None,
            ended: true,
            failure: None,
        }
    }

    /// What is there and not yet consumed.
    #[inline]
    pub(super) fn window(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_else(nothing)
    }

    /// Moves past `count` octets of the window and gives the place in the buffer where they start; they stay
    /// there until the next [`Self::fill`].
    #[inline]
    pub(super) fn consume(&mut self, count: usize) -> usize {
        let at = self.start;
        self.start = (at + count).min(self.end);
        at
    }

    /// `length` octets at a place told by [`Self::consume`].
    #[inline]
    pub(super) fn at(&self, place: usize, length: usize) -> &[u8] {
        self.bytes.get(place..place + length).unwrap_or_else(nothing)
    }

    /// Stream offset of the window's first octet.
    pub(super) fn offset(&self) -> u64 {
        self.base.wrapping_add(self.start as u64)
    }

    /// Why reading ended before the end of the stream, once.
    pub(super) fn take_failure(&mut self) -> Option<io::Error> {
        self.failure.take()
    }

    /// Reads until the window holds `need` octets; false if the stream ends before. Memory follows what is
    /// read, not `need`, so that a length that lies costs nothing.
    #[cold]
    pub(super) fn fill(&mut self, need: usize) -> bool {
        while self.end - self.start < need {
            if self.ended {
                return false;
            }
            self.read_ahead_if_long();
            if let Some(ahead) = &mut self.ahead {
                match ahead.next() {
                    Ok(Some(block)) => self.go_on_in(block),
                    Ok(None) => self.ended = true,
                    Err(error) => self.fail(error),
                }
            } else {
                self.make_room(need);
                self.read_once();
            }
        }
        true
    }

    /// What is longer than a chunk is worth a thread.
    fn read_ahead_if_long(&mut self) {
        let read = self.base.wrapping_add(self.end as u64);
        if read < self.reading.chunk as u64 {
            return;
        }
        let Some(terms) = self.reading.ahead.take() else { return };
        if let Some(stripes) = self.reading.stripes.take() {
            self.ahead = Turns::of_stripes(stripes, read, &terms);
            return;
        }
        let source = std::mem::replace(&mut self.source, Box::new(io::empty()));
        match Turns::of_one(source, &terms) {
            Ok(ahead) => self.ahead = Some(ahead),
            Err(source) => self.source = source,
        }
    }

    /// Walks `block` in place, behind what is left of the one before; what is longer than its room goes on in the
    /// memory where it is.
    fn go_on_in(&mut self, block: Block) {
        let left = self.end - self.start;
        let Block { mut bytes, end } = block;
        if left <= SLACK {
            let (offset, start) = (self.offset(), SLACK - left);
            if let Some(room) = bytes.get_mut(start..SLACK) {
                room.copy_from_slice(self.window());
            }
            std::mem::swap(&mut self.bytes, &mut bytes);
            (self.base, self.start, self.end) = (offset.wrapping_sub(start as u64), start, end);
        } else {
            self.bytes.truncate(self.end);
            self.bytes.drain(..self.start);
            self.base = self.offset();
            self.bytes.extend_from_slice(bytes.get(SLACK..end).unwrap_or_default());
            (self.start, self.end) = (0, self.bytes.len());
        }
        if let Some(ahead) = &self.ahead {
            ahead.give_back(bytes);
        }
    }

    /// Moves past `count` octets, of which the window may hold few; gives how many there were.
    pub(super) fn skip(&mut self, count: u64) -> u64 {
        let mut left = count;
        loop {
            let here = left.min((self.end - self.start) as u64);
            self.start += usize::try_from(here).unwrap_or(0);
            left -= here;
            if left == 0 || !self.fill(1) {
                return count - left;
            }
        }
    }

    /// The octets read and not consumed, and the source of those that follow: to be asked for within the first
    /// chunk.
    pub(super) fn into_parts(self) -> (Vec<u8>, Box<dyn Read + Send>) {
        (self.window().to_vec(), self.source)
    }

    /// The memory, for the next file.
    pub(super) fn into_storage(self) -> Vec<u8> {
        self.bytes
    }

    fn make_room(&mut self, need: usize) {
        if self.start + need > self.bytes.len() || self.end == self.bytes.len() {
            self.bytes.copy_within(self.start..self.end, 0);
            self.base = self.offset();
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.bytes.len() {
            self.bytes.resize(self.bytes.len() * 2, 0);
        }
    }

    fn read_once(&mut self) {
        let until = self.bytes.len().min(self.end + self.reading.chunk);
        match self.source.read(self.bytes.get_mut(self.end..until).unwrap_or_default()) {
            Ok(0) => self.ended = true,
            Ok(count) => self.end = (self.end + count).min(until),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => self.fail(error),
        }
    }

    fn fail(&mut self, error: io::Error) {
        self.failure = Some(error);
        self.ended = true;
    }
}

/// What stands outside the buffer. Cold, for the compiler to branch on what never happens rather than choose
/// for every record between something and nothing.
#[cold]
#[inline(never)]
fn nothing<'a>() -> &'a [u8] {
    &[]
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::threads::Permits;

    fn here(chunk: usize) -> Reading {
        Reading { chunk, ..Reading::default() }
    }

    fn ahead(permits: &Arc<Permits>, is_stream: bool) -> Reading {
        let terms = ReadAhead { permits: Arc::clone(permits), is_stream };
        Reading { chunk: CHUNK, ahead: Some(terms), stripes: None }
    }

    /// A stream of any length in steps of any length, read here and read ahead.
    #[test]
    fn octets_read_ahead_are_those_read_here() {
        let stream: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).take(2_900_000).collect();
        let permits = Arc::new(Permits::new(1));
        let _permit = permits.take();
        for steps in [&[10, 100_000, 7][..], &[300_000, 1], &[70_000], &[900_000, 5, 2_000_000]] {
            let source = || Box::new(io::Cursor::new(stream.clone()));
            let mut one = Buffer::new(source(), here(CHUNK), Vec::new());
            let mut other = Buffer::new(source(), ahead(&permits, steps.len() == 1), Vec::new());
            for &step in steps.iter().cycle() {
                let more = one.fill(step);
                assert_eq!((other.fill(step), other.offset()), (more, one.offset()));
                if !more {
                    assert_eq!(one.window(), other.window());
                    break;
                }
                assert_eq!(one.window()[..step], other.window()[..step]);
                one.consume(step);
                other.consume(step);
            }
            assert!(other.ahead.is_some(), "read by a thread");
        }
    }

    #[test]
    fn what_fits_one_chunk_costs_no_thread() {
        let reading = ahead(&Arc::new(Permits::new(1)), true);
        let mut buffer = Buffer::new(Box::new(io::repeat(1).take(CHUNK as u64 - 1)), reading, Vec::new());
        assert!(buffer.fill(CHUNK - 1) && !buffer.fill(CHUNK));
        assert!(buffer.ahead.is_none());
    }

    #[test]
    fn it_slides_grows_and_tells_the_offset() {
        let stream: Vec<u8> = (0..=255).collect();
        let mut buffer = Buffer::new(Box::new(io::Cursor::new(stream)), here(8), Vec::new());
        assert!(buffer.fill(10));
        let at = buffer.consume(10);
        assert_eq!(buffer.at(at, 3), [0, 1, 2]);
        assert!(buffer.fill(100), "more than it was made for");
        assert_eq!((buffer.offset(), buffer.window()[0], buffer.window()[99]), (10, 10, 109));
        assert_eq!(buffer.skip(200), 200);
        assert_eq!((buffer.offset(), buffer.skip(100)), (210, 46));
        assert!(!buffer.fill(1));
    }

    #[test]
    fn a_length_that_lies_costs_no_memory() {
        let mut buffer = Buffer::new(Box::new(io::Cursor::new(vec![0; 100])), here(64), Vec::new());
        assert!(!buffer.fill(1 << 30));
        assert!(buffer.into_storage().len() <= 256);
    }
}
