//! Many files as one stream.

mod lanes;
mod sources;

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use self::sources::Sources;
use super::Record;
use super::account::Account;
use super::damage::Problem;
use super::health::{Health, Overlap};
use super::lane::{Lane, Open};
use super::locator::Locator;
use super::reader::{InPlace, Reader};
use super::summary::FileSummary;
use super::ways::Ways;
use crate::threads::Permits;
use crate::time::Timestamp;

/// Capture files as one stream of numbered records, in the order of time.
///
/// Files that follow each other are read one after the other, files that overlap in time side by side: only
/// those are open at once. Each file keeps its own order. Times are compared as they are written: two capture
/// points are in order as far as their clocks agree.
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
    /// The file that is read alone; nothing while several are read side by side.
    reader: Reader,
    /// What is added to the numbers of its records.
    numbers_before: u64,
    /// Mixed into their interfaces.
    way: u16,
    /// When the next file starts: a record of that time is not delivered before it was opened.
    until: Timestamp,
    /// Time of the record before.
    previous: Timestamp,
    /// The rest of what is known of the file that is read alone; its reader is above.
    alone: Option<Open>,
    lanes: Vec<Lane>,
    /// The lane whose head was delivered.
    spent: Option<usize>,
    /// The lane that is next, as long as its head is due before `rival`.
    chosen: Option<usize>,
    rival: Timestamp,
    /// True when the lanes are others than those the locator was told.
    lanes_changed: bool,
    sources: Sources,
    files: Vec<FileSummary>,
    problems: Vec<Problem>,
    overlaps: Vec<Overlap>,
    ways: Ways,
    locator: Locator,
    /// The time up to which records were delivered, strays aside, and the file of that record.
    reached: (Timestamp, usize),
    /// Octets read of files that were read to their end.
    bytes_before: u64,
    /// The buffer of the file before, for the next one.
    storage: Vec<u8>,
    /// For threads that read ahead, and for the one that reads records.
    permits: Option<Arc<Permits>>,
}

impl Input {
    /// Reads `paths` in the order of time; `-` is standard input. Files whose time cannot be seen beforehand
    /// (standard input, pipes, files without times) keep their place in the list: those before them are read to
    /// their end first.
    ///
    /// Never fails: what cannot be read is among [`Self::problems`] in its turn.
    pub fn open(paths: &[PathBuf]) -> Self {
        Self::new(Sources::files(paths))
    }

    /// Reads one capture from anywhere; `name` stands for its path in summaries and problems.
    pub fn from_reader(name: impl Into<PathBuf>, source: impl Read + Send + 'static) -> Self {
        Self::new(Sources::one(name.into(), Box::new(source)))
    }

    fn new(sources: Sources) -> Self {
        let summary = |path: &PathBuf| FileSummary { path: path.clone(), ..FileSummary::default() };
        Self {
            reader: Reader::nothing(),
            numbers_before: 0,
            way: 0,
            until: Timestamp::MAX,
            previous: Timestamp::default(),
            alone: None,
            lanes: Vec::new(),
            spent: None,
            chosen: None,
            rival: Timestamp::MIN,
            lanes_changed: false,
            files: sources.paths().map(summary).collect(),
            sources,
            problems: Vec::new(),
            overlaps: Vec::new(),
            ways: Ways::default(),
            locator: Locator::default(),
            reached: (Timestamp::MIN, 0),
            bytes_before: 0,
            storage: Vec::new(),
            permits: None,
        }
    }

    /// Reads files by threads of their own from here on. Whoever asks for records must hold one of `permits`: it is
    /// lent to others while there is nothing to do but wait for octets.
    pub(crate) fn read_ahead(&mut self, permits: Arc<Permits>) {
        self.permits = Some(permits);
    }

    /// Hands to `take` the next records that are in memory already, at most `most`, until it says false, and gives
    /// how many these were. Of 0 nothing follows but that it is [`Self::next_record`]'s turn.
    ///
    /// The way for many records: each costs half of what it costs by itself.
    ///
    /// ```no_run
    /// use closewait::capture::{Input, Record};
    ///
    /// let mut input = Input::open(&["incident.pcapng".into()]);
    /// let mut octets = 0;
    /// let mut take = |record: Record<'_>| {
    ///     octets += record.data.len();
    ///     true
    /// };
    /// while input.records_at_hand(u64::MAX, &mut take) > 0 || input.next_record().map(&mut take).is_some() {}
    /// println!("{octets}");
    /// ```
    #[inline]
    pub fn records_at_hand(&mut self, most: u64, mut take: impl FnMut(Record<'_>) -> bool) -> u64 {
        let before = self.reader.frame_number();
        let late = self.reader.packets_at_hand(self.until, most, |packet, number| {
            let InPlace { time, link, interface, original_length, data, .. } = packet;
            self.previous = time;
            let number = self.numbers_before.wrapping_add(number);
            take(Record { number, time, link, interface: interface ^ self.way, original_length, data })
        });
        let count = self.reader.frame_number() - before;
        match late {
            None => count,
            Some(packet) => {
                self.stop_reading_alone(packet);
                count - 1
            }
        }
    }

    /// The next record of the input; `None` once all files were read.
    pub fn next_record(&mut self) -> Option<Record<'_>> {
        let Some(packet) = self.reader.next() else { return self.next_of_lanes() };
        let time = packet.time.unwrap_or(self.previous);
        if time >= self.until {
            self.stop_reading_alone(packet);
            return self.next_of_lanes();
        }
        self.previous = time;
        Some(Record {
            number: self.numbers_before.wrapping_add(self.reader.frame_number()),
            time,
            link: packet.link,
            interface: packet.interface ^ self.way,
            original_length: packet.original_length,
            data: self.reader.data(&packet),
        })
    }

    /// The files in reading order.
    pub fn files(&self) -> &[FileSummary] {
        &self.files
    }

    /// What is known of the input, once all of it was read.
    pub fn into_account(self) -> Account {
        let Self { files, problems, overlaps, locator, .. } = self;
        Account { files, problems, overlaps, locator }
    }

    /// What could not be read so far, in reading order. A file's own problems are told when it was read to its
    /// end.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// What limits the input as a whole: of the files that were read to their end.
    pub fn health(&self) -> Health {
        Health::of(&self.files, &self.overlaps)
    }

    /// Octets read so far, as the files lie on disk.
    pub fn bytes_read(&self) -> u64 {
        let open = self.alone.iter().chain(self.lanes.iter().map(|lane| &lane.open));
        self.bytes_before + open.map(|open| open.octets.load(Ordering::Relaxed)).sum::<u64>()
    }

    /// Octets of all files together; `None` if one is a stream.
    pub fn total_bytes(&self) -> Option<u64> {
        self.sources.total_bytes()
    }

    /// Where the records delivered so far lie.
    pub fn locator(&self) -> &Locator {
        &self.locator
    }

    /// The file of a record delivered, as an index into [`Self::files`], and the record's number in that file
    /// (Wireshark's `frame.number`).
    pub fn locate(&self, global_record: u64) -> (usize, u64) {
        self.locator.locate(global_record)
    }
}

#[cfg(test)]
mod tests;
