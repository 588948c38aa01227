//! What limits the input: clocks that step, records that were cut, files that overlap or are missing. Data for
//! reports and findings, never printed here.

use std::collections::HashMap;
use std::path::PathBuf;

use super::summary::FileSummary;
use super::ways::ring_of;
use crate::time::{TimeDelta, Timestamp};

/// Records of one file that run backwards by less than this were delivered by several queues or processors;
/// by more, the clock was set.
pub const REORDERING: TimeDelta = TimeDelta::from_millis(10);

/// A clock that runs ahead by this much between two records, and stays there, was set.
pub const LEAP: TimeDelta = TimeDelta::from_secs(86_400);

/// Files of a ring may share a moment at their border.
pub const BORDER: TimeDelta = TimeDelta::from_secs(1);

/// A record, named in every way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Its file: index into [`Input::files`](super::Input::files).
    pub file: usize,
    /// Its number in that file, from 1: Wireshark's `frame.number`.
    pub record: u64,
    /// Its number over the whole input.
    pub global_record: u64,
    /// Its time; the last known one when it carries none.
    pub time: Timestamp,
}

/// Something that happened to records, and where first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Occurrence {
    /// To how many.
    pub count: u64,
    /// The first of them.
    pub first: Option<Place>,
}

/// Something that happened to the times of records: how often, how far, and where first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Irregularity {
    /// How often.
    pub count: u64,
    /// How far at most; not negative.
    pub largest: TimeDelta,
    /// The first record concerned: the one whose time does not follow from those before.
    pub first: Option<Place>,
}

/// How the times of one file run, or those of all files, each measured against itself: files may come from
/// different clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClockHealth {
    /// Records less than [`REORDERING`] earlier than one before them.
    pub reordered: Irregularity,
    /// Times that fell back by [`REORDERING`] or more and stayed: the clock was set back, or the records of
    /// two captures lie one behind the other in one file.
    pub steps_back: Irregularity,
    /// Times that rose by [`LEAP`] or more and stayed: the clock was set, or nothing was captured for days.
    pub leaps: Irregularity,
    /// Single records whose time lies apart from those before and behind: damaged, or delivered very late.
    pub strays: Irregularity,
    /// The longest time without a record between two records, strays aside.
    pub longest_silence: TimeDelta,
    /// The record that ended it.
    pub silence_ends: Option<Place>,
}

/// Two files that were captured at the same time for longer than [`BORDER`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overlap {
    /// The one that starts first: index into [`Input::files`](super::Input::files).
    pub earlier: usize,
    /// The other.
    pub later: usize,
    /// For how long both have records.
    pub span: TimeDelta,
    /// True when they were read side by side, in the order of time. False when one was read after the other,
    /// because it is a stream or too many files were open: then copies of a packet are far apart.
    pub merged: bool,
}

/// A time without records between two files, longer than any within them: a file may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The last record before.
    pub before: Place,
    /// The first record behind, of another file.
    pub after: Place,
    /// The longest time without a record within the two files.
    pub usual: TimeDelta,
}

impl Gap {
    /// For how long there is nothing.
    pub fn span(&self) -> TimeDelta {
        self.after.time - self.before.time
    }
}

/// What limits the input as a whole. Complete once all files were read to their end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// How the clocks ran: sums over the files, the largest, and the first in reading order.
    pub clock: ClockHealth,
    /// Records shorter than the frame was (snap length).
    pub clipped: Occurrence,
    /// Records without a usable time: none, or outside the years 1677 to 2262.
    pub untimed: Occurrence,
    /// Frames the capturing hosts say they dropped; `None` when no file says anything.
    pub dropped: Option<u64>,
    /// Files that were captured at the same time; for each file at most one entry that was merged and one that
    /// was not.
    pub overlaps: Vec<Overlap>,
    /// Where a file may be missing; at most one entry for each file.
    pub gaps: Vec<Gap>,
}

impl Occurrence {
    /// Counts one more.
    pub(super) fn note(&mut self, place: Place) {
        self.count += 1;
        self.first.get_or_insert(place);
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.first = earlier(self.first, other.first);
    }
}

impl Irregularity {
    /// Counts one more, of this size.
    pub(super) fn note(&mut self, size: TimeDelta, place: Place) {
        self.count += 1;
        self.largest = self.largest.max(size);
        self.first.get_or_insert(place);
    }

    fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.largest = self.largest.max(other.largest);
        self.first = earlier(self.first, other.first);
    }
}

impl ClockHealth {
    pub(super) fn add(&mut self, other: &Self) {
        self.reordered.add(&other.reordered);
        self.steps_back.add(&other.steps_back);
        self.leaps.add(&other.leaps);
        self.strays.add(&other.strays);
        if other.longest_silence > self.longest_silence {
            self.longest_silence = other.longest_silence;
            self.silence_ends = other.silence_ends;
        }
    }

    /// All records named here, to be completed.
    pub(super) fn places_mut(&mut self) -> impl Iterator<Item = &mut Place> {
        [
            &mut self.reordered.first,
            &mut self.steps_back.first,
            &mut self.leaps.first,
            &mut self.strays.first,
            &mut self.silence_ends,
        ]
        .into_iter()
        .flatten()
    }
}

/// Of two places the one that was read first.
fn earlier(one: Option<Place>, other: Option<Place>) -> Option<Place> {
    one.into_iter().chain(other).min_by_key(|place| place.global_record)
}

impl Health {
    /// What `files`, read to their end, come to.
    pub(super) fn of(files: &[FileSummary], overlaps: &[Overlap]) -> Self {
        let mut health = Self { overlaps: overlaps.to_vec(), gaps: gaps(files), ..Self::default() };
        for file in files {
            health.clock.add(&file.clock);
            health.clipped.add(&file.clipped);
            health.untimed.add(&file.untimed);
            if let Some(dropped) = file.dropped {
                health.dropped = Some(health.dropped.unwrap_or(0).saturating_add(dropped));
            }
        }
        health
    }
}

/// Gaps between each file and the one before it of its ring; or, for the first of a ring, the one before that
/// reaches furthest.
fn gaps(files: &[FileSummary]) -> Vec<Gap> {
    let mut rings: HashMap<PathBuf, &FileSummary> = HashMap::new();
    let mut furthest: Option<&FileSummary> = None;
    let mut gaps = Vec::new();
    for file in files.iter().filter(|file| file.first.is_some()) {
        let before = rings.insert(ring_of(&file.path), file).or(furthest);
        gaps.extend(before.and_then(|before| gap(before, file)));
        let end = |file: &FileSummary| file.last.map(|place| place.time);
        furthest = furthest.filter(|before| end(before) >= end(file)).or(Some(file));
    }
    gaps
}

/// Records that tell how far apart records are.
const ENOUGH: u64 = 20;

fn gap(before: &FileSummary, file: &FileSummary) -> Option<Gap> {
    let usual = before.clock.longest_silence.max(file.clock.longest_silence);
    let gap = Gap { before: before.last?, after: file.first?, usual };
    let most = usual.max(BORDER);
    // Twice the longest silence of many records: a quiet hour comes gradually.
    let is_long = gap.span().nanos() / 2 > most.nanos();
    (is_long && before.records >= ENOUGH && file.records >= ENOUGH).then_some(gap)
}
