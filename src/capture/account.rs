//! What is known of an input once all of it was read.

use super::damage::Problem;
use super::health::{Health, Overlap, Place};
use super::locator::Locator;
use super::summary::FileSummary;
use crate::time::Timestamp;

/// The files of an input, and what could not be read of them.
#[derive(Debug, Default)]
pub struct Account {
    /// In reading order.
    pub files: Vec<FileSummary>,
    /// In reading order.
    pub problems: Vec<Problem>,
    /// Files that overlap in time.
    pub overlaps: Vec<Overlap>,
    /// Where each record lies.
    pub locator: Locator,
}

impl Account {
    /// What limits the input as a whole.
    pub fn health(&self) -> Health {
        Health::of(&self.files, &self.overlaps)
    }

    /// Records delivered.
    pub fn records(&self) -> u64 {
        self.locator.given()
    }

    /// When the capture stopped, where its host says so and nothing was left out since.
    pub fn stopped(&self) -> Option<Timestamp> {
        super::stopped::stopped(&self.files)
    }

    /// The first record with a time, and the last one.
    pub fn timed(&self) -> Option<(Place, Place)> {
        let first = self.files.iter().find_map(|file| file.first)?;
        let last = self.files.iter().rev().find_map(|file| file.last)?;
        Some((first, last))
    }

    /// The latest time of all.
    pub fn end(&self) -> Option<Timestamp> {
        self.files.iter().filter_map(|file| file.last_time).max()
    }

    /// Adds an input that follows: its files and records are counted from the end of this one's.
    pub fn join(&mut self, later: Self) {
        let (files, records) = (self.files.len(), self.records());
        let shift = |place: &mut Place| {
            place.file += files;
            place.global_record += records;
        };
        for mut file in later.files {
            file.first_record += records;
            file.places_mut().for_each(shift);
            self.files.push(file);
        }
        for mut problem in later.problems {
            if let Problem::Damaged(damage) = &mut problem {
                damage.file += files;
                damage.global_record += records;
            }
            self.problems.push(problem);
        }
        self.overlaps.extend(later.overlaps.into_iter().map(|overlap| Overlap {
            earlier: overlap.earlier + files,
            later: overlap.later + files,
            ..overlap
        }));
        self.locator.join(later.locator, files);
    }
}
