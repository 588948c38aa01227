//! What reports are told about the run besides its flows.

use serde::Serialize;

use crate::flow::Limits;
use crate::survey::Place;
use crate::time::{TimeDelta, Timestamp};
use crate::timers::KnownTimers;

/// What is known before the first record is read.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Version of the program.
    pub version: String,
    /// The captures as they were named.
    pub inputs: Vec<String>,
    /// Options that differ from their defaults, as (name, value).
    pub options: Vec<(String, String)>,
    /// Thresholds that decide outcomes.
    pub limits: Limits,
    /// Timers that a measured delay may be.
    pub timers: KnownTimers,
    /// From which local ports hosts connect, if that was said.
    pub ports: Option<(u16, u16)>,
}

/// Of options as typed, (name, value), those that leave something out.
pub fn narrowing(options: &[(String, String)]) -> impl Iterator<Item = &(String, String)> {
    const NAMES: [&str; 7] = ["host", "port", "net", "since", "until", "only", "ignore"];
    options.iter().filter(|(name, _)| NAMES.contains(&name.as_str()))
}

/// Where a record of the whole input lies.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// File names, in reading order.
    pub names: &'a [String],
    /// From a record's number over the whole input to its file (index into `names`) and its number there,
    /// which is Wireshark's `frame.number`.
    pub locate: &'a dyn Fn(u64) -> (usize, u64),
    /// The place of the flow that is told.
    pub place: Place,
}

impl Sources<'_> {
    /// The name of the file that holds `record`; empty when it is not known.
    pub fn file_of(&self, record: u64) -> &str {
        // Every row asks: where there is one file only, it is that.
        let file = if self.names.len() > 1 { (self.locate)(record).0 } else { 0 };
        self.names.get(file).map_or("", String::as_str)
    }
}

/// One capture file.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FileFacts {
    /// Its name; `-` for standard input.
    pub name: String,
    /// Container and compression, e.g. `pcapng, zstd`.
    pub format: String,
    /// Link types of its interfaces.
    pub link_types: Vec<String>,
    /// The least snapshot length of its interfaces in octets; `None` for no limit.
    pub snaplen: Option<u32>,
    /// Records in it.
    pub records: u64,
    /// Bytes read from it, as stored.
    pub bytes: u64,
}

/// Records that hold no TCP segment, by reason.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Skipped {
    /// Why, in a word or two, e.g. `ARP`.
    pub reason: String,
    /// How many.
    pub count: u64,
    /// The first of them, as its number over the whole input.
    pub first_record: u64,
}

/// The whole input, known when it ended.
#[derive(Clone, Debug, Default, Serialize)]
pub struct InputFacts {
    /// The files, in reading order.
    pub files: Vec<FileFacts>,
    /// Records read: `segments` plus every skipped one.
    pub records: u64,
    /// TCP segments among them.
    pub segments: u64,
    /// The others, by reason.
    pub skipped: Vec<Skipped>,
    /// Segments that came after their flow had been written; they changed nothing.
    pub late_segments: u64,
    /// Records that are copies of another one and were not counted again.
    pub duplicates: u64,
    /// Time of the earliest record.
    pub first_time: Option<Timestamp>,
    /// Time of the latest record.
    pub last_time: Option<Timestamp>,
    /// Damage, drops and limits, one sentence each.
    pub notes: Vec<String>,
}

impl InputFacts {
    /// From the earliest to the latest record.
    pub fn span(&self) -> TimeDelta {
        match (self.first_time, self.last_time) {
            (Some(first), Some(last)) => last - first,
            _ => TimeDelta::ZERO,
        }
    }
}
