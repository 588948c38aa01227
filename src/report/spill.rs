//! Rows into another order without keeping them: sorted runs in temporary files, merged at the end.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};

use crate::time::Timestamp;

/// Runs that are merged at a time, which bounds the open files.
const FAN_IN: usize = 64;

/// By what rows are ordered; equal keys keep the order in which they came.
pub trait Key: Copy + Ord {
    /// The key on its way to a temporary file; it reads back the same.
    type Octets: AsRef<[u8]> + AsMut<[u8]>;

    /// Room for them.
    const ROOM: Self::Octets;

    /// To octets,
    fn to_octets(self) -> Self::Octets;

    /// and back.
    fn from_octets(octets: &Self::Octets) -> Self;
}

/// The order of rows that are each about one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SortKey {
    /// First by time,
    pub time: Timestamp,
    /// then by flow,
    pub flow: u64,
    /// then by record.
    pub record: u64,
}

impl Key for SortKey {
    type Octets = [u8; 24];

    const ROOM: [u8; 24] = [0; 24];

    fn to_octets(self) -> [u8; 24] {
        let mut octets = Self::ROOM;
        let words = [self.time.nanos().cast_unsigned(), self.flow, self.record];
        for (place, word) in octets.chunks_exact_mut(8).zip(words) {
            place.copy_from_slice(&word.to_ne_bytes());
        }
        octets
    }

    fn from_octets(octets: &[u8; 24]) -> Self {
        let mut words = octets.as_chunks().0.iter().map(|word| u64::from_ne_bytes(*word));
        let mut next = || words.next().unwrap_or_default();
        Self { time: Timestamp::from_nanos(next().cast_signed()), flow: next(), record: next() }
    }
}

/// Sorts rows of any size within a memory limit.
#[derive(Debug)]
pub struct Sorter<K = SortKey> {
    limit: usize,
    bytes: Vec<u8>,
    rows: Vec<(K, usize, usize)>,
    runs: Vec<File>,
}

impl Sorter {
    /// About how much memory a sorter takes unless told otherwise: 64 MiB.
    pub const DEFAULT_LIMIT: usize = 64 << 20;
}

impl<K: Key> Sorter<K> {
    /// A sorter that keeps about `limit` bytes in memory.
    pub fn new(limit: usize) -> Self {
        Self { limit, bytes: Vec::new(), rows: Vec::new(), runs: Vec::new() }
    }

    /// Adds a row.
    ///
    /// # Errors
    /// When a temporary file cannot be written.
    pub fn push(&mut self, key: K, row: &[u8]) -> io::Result<()> {
        self.rows.push((key, self.bytes.len(), row.len()));
        self.bytes.extend_from_slice(row);
        let held = self.bytes.len() + self.rows.len() * size_of::<(K, usize, usize)>();
        if held >= self.limit { self.spill() } else { Ok(()) }
    }

    /// Hands out every row in order and leaves the sorter empty.
    ///
    /// # Errors
    /// What `take` says, or when a temporary file cannot be read.
    pub fn drain(&mut self, mut take: impl FnMut(K, &[u8]) -> io::Result<()>) -> io::Result<()> {
        if self.runs.is_empty() {
            self.rows.sort_by_key(|&(key, ..)| key);
            for &(key, start, length) in &self.rows {
                take(key, self.bytes.get(start..start + length).unwrap_or_default())?;
            }
            self.rows.clear();
            self.bytes.clear();
            return Ok(());
        }
        if !self.rows.is_empty() {
            self.spill()?;
        }
        merge(std::mem::take(&mut self.runs), take)
    }

    fn spill(&mut self) -> io::Result<()> {
        if self.runs.len() >= FAN_IN {
            let mut whole = BufWriter::new(tempfile::tempfile()?);
            merge(std::mem::take(&mut self.runs), |key: K, row| write_row(&mut whole, key, row))?;
            self.runs.push(rewound(whole)?);
        }
        self.rows.sort_by_key(|&(key, ..)| key);
        let mut run = BufWriter::new(tempfile::tempfile()?);
        for &(key, start, length) in &self.rows {
            write_row(&mut run, key, self.bytes.get(start..start + length).unwrap_or_default())?;
        }
        self.runs.push(rewound(run)?);
        self.rows.clear();
        self.bytes.clear();
        Ok(())
    }
}

fn rewound(run: BufWriter<File>) -> io::Result<File> {
    let mut file = run.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.rewind()?;
    Ok(file)
}

/// Runs are in the order in which they were written, so the lower index goes first among equals.
fn merge<K: Key>(runs: Vec<File>, mut take: impl FnMut(K, &[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut readers: Vec<_> = runs.into_iter().map(|run| Run::new(BufReader::new(run))).collect();
    let mut heads = BinaryHeap::with_capacity(readers.len());
    for (index, reader) in readers.iter_mut().enumerate() {
        if let Some(key) = reader.advance()? {
            heads.push(Reverse((key, index)));
        }
    }
    while let Some(Reverse((key, index))) = heads.pop() {
        let Some(reader) = readers.get_mut(index) else { continue };
        take(key, &reader.row)?;
        if let Some(key) = reader.advance()? {
            heads.push(Reverse((key, index)));
        }
    }
    Ok(())
}

struct Run {
    file: BufReader<File>,
    row: Vec<u8>,
}

impl Run {
    const fn new(file: BufReader<File>) -> Self {
        Self { file, row: Vec::new() }
    }

    /// Reads the next row into `row` and answers its key; `None` at the end of the run.
    fn advance<K: Key>(&mut self) -> io::Result<Option<K>> {
        let mut octets = K::ROOM;
        let (first, rest) = octets.as_mut().split_at_mut(1);
        if self.file.read(first)? == 0 {
            return Ok(None);
        }
        self.file.read_exact(rest)?;
        let mut length = [0; 8];
        self.file.read_exact(&mut length)?;
        let length = u64::from_ne_bytes(length);
        self.row.clear();
        let read = self.file.by_ref().take(length).read_to_end(&mut self.row)?;
        if read as u64 != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Some(K::from_octets(&octets)))
    }
}

fn write_row<K: Key>(out: &mut impl Write, key: K, row: &[u8]) -> io::Result<()> {
    out.write_all(key.to_octets().as_ref())?;
    out.write_all(&(row.len() as u64).to_ne_bytes())?;
    out.write_all(row)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn any_memory_limit_gives_the_same_order(
            rows in proptest::collection::vec((-9_i64..9, 0_u64..4, ".{0,12}"), 0..300),
            limit in 1_usize..4000,
        ) {
            let mut sorter = Sorter::new(limit);
            let mut expected = Vec::new();
            for (time, flow, text) in rows {
                let key = SortKey { time: Timestamp::from_nanos(time), flow, record: 1 };
                sorter.push(key, text.as_bytes()).unwrap();
                expected.push((key, text.into_bytes()));
            }
            expected.sort_by_key(|(key, _)| *key);
            let mut sorted = Vec::new();
            sorter.drain(|key, row| {
                sorted.push((key, row.to_vec()));
                Ok(())
            }).unwrap();
            prop_assert_eq!(sorted, expected);
        }
    }
}
