//! Many files as one stream.

use std::fs::File;
use std::io::{self, Read};
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::vec;

use super::Record;
use super::account::Account;
use super::buffer::CHUNK;
use super::damage::{Damage, Problem};
use super::health::Health;
use super::order::{in_order_of_time, regular_file_length};
use super::reader::{Counted, Reader};
use super::summary::FileSummary;
use crate::time::Timestamp;
use crate::{Error, Result};

/// Capture files, read one after the other as one stream of numbered records.
///
/// ```no_run
/// use closewait::capture::Input;
///
/// let mut input = Input::open(&["incident.pcapng".into()]);
/// while let Some(record) = input.next_record() {
///     println!("{} {}", record.number, record.time);
/// }
/// for problem in input.problems() {
///     eprintln!("{problem}");
/// }
/// ```
pub struct Input {
    reader: Reader,
    /// Record numbers given to the files before the open one.
    numbers_before: u64,
    /// Time of the record before.
    previous: Timestamp,
    /// Index of the open file.
    reading: Option<usize>,
    /// Those not yet opened, in reading order.
    sources: vec::IntoIter<Source>,
    /// How many were opened.
    opened: usize,
    files: Vec<FileSummary>,
    problems: Vec<Problem>,
    bytes_read: Arc<AtomicU64>,
    bytes_before: u64,
    total_bytes: Option<u64>,
    /// The buffer of the file before, for the next one.
    storage: Vec<u8>,
}

enum Source {
    File,
    Reader(Box<dyn Read + Send>),
    StandardInput,
}

impl Input {
    /// Reads `paths` in the order of their first record's time; `-` is standard input. Files whose time cannot
    /// be seen beforehand (standard input, pipes, empty or unreadable files) keep their place in the list.
    ///
    /// Never fails: what cannot be read is among [`Self::problems`] in its turn. Only one file is open at a time.
    pub fn open(paths: &[PathBuf]) -> Self {
        let paths = in_order_of_time(paths);
        let total = paths.iter().map(|path| regular_file_length(path)).sum();
        let sources = paths.iter().map(|path| match path.as_os_str().to_str() {
            Some("-") => Source::StandardInput,
            _ => Source::File,
        });
        Self::new(sources.collect(), &paths, total)
    }

    /// Reads one capture from anywhere; `name` stands for its path in summaries and problems.
    pub fn from_reader(name: impl Into<PathBuf>, source: impl Read + Send + 'static) -> Self {
        Self::new(vec![Source::Reader(Box::new(source))], &[name.into()], None)
    }

    fn new(sources: Vec<Source>, names: &[PathBuf], total_bytes: Option<u64>) -> Self {
        let summary = |path: &PathBuf| FileSummary { path: path.clone(), ..FileSummary::default() };
        Self {
            reader: Reader::nothing(),
            numbers_before: 0,
            previous: Timestamp::default(),
            reading: None,
            sources: sources.into_iter(),
            opened: 0,
            files: names.iter().map(summary).collect(),
            problems: Vec::new(),
            bytes_read: Arc::new(AtomicU64::new(0)),
            bytes_before: 0,
            total_bytes,
            storage: Vec::new(),
        }
    }

    /// The next record of the input; `None` once all files were read.
    #[inline]
    pub fn next_record(&mut self) -> Option<Record<'_>> {
        let packet = loop {
            if let Some(packet) = self.reader.next() {
                break packet;
            }
            if !self.next_file() {
                return None;
            }
        };
        self.previous = packet.time.unwrap_or(self.previous);
        Some(Record {
            number: self.numbers_before + self.reader.frame_number(),
            time: self.previous,
            link: packet.link,
            interface: packet.interface,
            original_length: packet.original_length,
            data: self.reader.data(&packet),
        })
    }

    /// The files in reading order.
    pub fn files(&self) -> &[FileSummary] {
        &self.files
    }

    /// The files that were opened so far: where they begin is known, what they hold may not be yet.
    #[inline]
    pub fn files_opened(&self) -> &[FileSummary] {
        self.files.get(..self.opened).unwrap_or_default()
    }

    /// What is known of the input, once all of it was read.
    pub fn into_account(self) -> Account {
        Account { files: self.files, problems: self.problems, records: self.numbers_before }
    }

    /// What could not be read so far, in reading order. A file's own problems are told when it was read to its
    /// end.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// What limits the input as a whole: of the files that were read to their end.
    pub fn health(&self) -> Health {
        Health::of(&self.files)
    }

    /// Octets read so far, as the files lie on disk.
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read.load(Ordering::Relaxed)
    }

    /// Octets of all files together; `None` if one is a stream.
    pub fn total_bytes(&self) -> Option<u64> {
        self.total_bytes
    }

    /// The file of a record delivered, as an index into [`Self::files`], and the record's number in that file
    /// (Wireshark's `frame.number`).
    pub fn locate(&self, global_record: u64) -> (usize, u64) {
        let opened = self.files_opened();
        // Of files that share a first record, all but the last are empty.
        let file = opened.partition_point(|file| file.first_record <= global_record).saturating_sub(1);
        let first = opened.get(file).map_or(1, |file| file.first_record);
        (file, (global_record + 1).saturating_sub(first))
    }

    /// Ends the open file and opens the next that can be read; false when there is none.
    #[cold]
    fn next_file(&mut self) -> bool {
        self.finish_file();
        while let Some(source) = self.sources.next() {
            let index = self.opened;
            self.opened += 1;
            match self.open_file(index, source) {
                Ok(reader) => {
                    self.reader = reader;
                    self.reading = Some(index);
                    return true;
                }
                Err(error) => self.problems.push(Problem::Unreadable(error)),
            }
        }
        false
    }

    fn open_file(&mut self, index: usize, source: Source) -> Result<Reader> {
        let Some(file) = self.files.get_mut(index) else { return Ok(Reader::nothing()) };
        file.first_record = self.numbers_before + 1;
        let raw = source.open(&file.path, Arc::clone(&self.bytes_read))?;
        let reader = Reader::open(&file.path, raw, mem::take(&mut self.storage), CHUNK);
        if reader.is_err() {
            file.bytes_read = self.bytes_read.load(Ordering::Relaxed) - self.bytes_before;
            self.bytes_before += file.bytes_read;
        }
        reader
    }

    fn finish_file(&mut self) {
        let Some((index, file)) =
            self.reading.take().and_then(|index| Some((index, self.files.get_mut(index)?)))
        else {
            return;
        };
        let reader = mem::replace(&mut self.reader, Reader::nothing());
        let frames = reader.frame_number();
        let path = file.path.clone();
        let remains = reader.finish(&path, file);
        file.bytes_read = self.bytes_read.load(Ordering::Relaxed) - self.bytes_before;
        self.bytes_before += file.bytes_read;
        for place in file.places_mut() {
            (place.file, place.global_record) = (index, self.numbers_before + place.record);
        }
        self.problems.extend(remains.notes.into_iter().map(|note| {
            Problem::Damaged(Damage {
                file: index,
                path: path.clone(),
                record: note.record,
                global_record: self.numbers_before + note.record,
                offset: note.offset,
                kind: note.kind,
            })
        }));
        self.problems.extend(remains.failure.map(Problem::Unreadable));
        self.storage = remains.storage;
        self.numbers_before += frames;
    }
}

impl Source {
    fn open(self, path: &Path, count: Arc<AtomicU64>) -> Result<Box<dyn Read + Send>> {
        Ok(match self {
            Self::File => {
                let inner = File::open(path).map_err(|error| Error::read(path, 0, error))?;
                Box::new(Counted { inner, count })
            }
            Self::Reader(inner) => Box::new(Counted { inner, count }),
            Self::StandardInput => Box::new(Counted { inner: io::stdin(), count }),
        })
    }
}

#[cfg(test)]
mod tests;
