//! The one buffer every octet passes: filled by `read()`, walked in place, grown only for a record that is there.

use std::io::{self, Read};

/// Octets asked of the source at once. Small enough to stay in a second-level cache, where the records are
/// then walked; faster than a mapping, and the same for files, pipes and decompressors.
pub(super) const CHUNK: usize = 256 * 1024;

/// Room for what is left of the previous chunk, so that reads stay whole chunks.
const SLACK: usize = 64 * 1024;

/// A sliding window over a stream.
pub(super) struct Buffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// Stream offset of `bytes[0]`.
    base: u64,
    chunk: usize,
    source: Box<dyn Read + Send>,
    ended: bool,
    failure: Option<io::Error>,
}

impl Buffer {
    /// A window over `source` that reads `chunk` octets at once, in the memory of `storage`.
    pub(super) fn new(source: Box<dyn Read + Send>, chunk: usize, mut storage: Vec<u8>) -> Self {
        let size = if chunk < SLACK { chunk * 2 } else { chunk + SLACK };
        storage.resize(size, 0);
        Self { bytes: storage, start: 0, end: 0, base: 0, chunk, source, ended: false, failure: None }
    }

    /// A window over nothing.
    pub(super) fn empty() -> Self {
        Self {
            bytes: Vec::new(),
            start: 0,
            end: 0,
            base: 0,
            chunk: 0,
            source: Box::new(io::empty()),
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
        self.base + self.start as u64
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
            self.make_room(need);
            self.read_once();
        }
        true
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

    /// The octets read and not consumed, and the source of those that follow.
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
            self.base += self.start as u64;
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.bytes.len() {
            self.bytes.resize(self.bytes.len() * 2, 0);
        }
    }

    fn read_once(&mut self) {
        let until = self.bytes.len().min(self.end + self.chunk);
        match self.source.read(self.bytes.get_mut(self.end..until).unwrap_or_default()) {
            Ok(0) => self.ended = true,
            Ok(count) => self.end = (self.end + count).min(until),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                self.failure = Some(error);
                self.ended = true;
            }
        }
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
    use super::*;

    #[test]
    fn it_slides_grows_and_tells_the_offset() {
        let stream: Vec<u8> = (0..=255).collect();
        let mut buffer = Buffer::new(Box::new(io::Cursor::new(stream)), 8, Vec::new());
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
        let mut buffer = Buffer::new(Box::new(io::Cursor::new(vec![0; 100])), 64, Vec::new());
        assert!(!buffer.fill(1 << 30));
        assert!(buffer.into_storage().len() <= 256);
    }
}
