//! Files side by side: opened when they start, merged by time, left to the faster way when one is alone.

use std::iter;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::super::Record;
use super::super::ahead::ReadAhead;
use super::super::buffer::{CHUNK, Reading};
use super::super::damage::{Damage, Problem};
use super::super::health::{BORDER, Overlap};
use super::super::lane::{Lane, Open};
use super::super::order::Start;
use super::super::reader::{Packet, Reader};
use super::super::ways::{Ways, ring_of};
use super::Input;
use crate::time::Timestamp;

/// Files read side by side at most. One more waits until another ends, and its records of that time come late
/// (see [`Overlap::merged`]).
const MOST_OPEN: usize = 128;
/// The first few have buffers of 320 KiB and may be read ahead, by 2 MiB each, or by 4 if it is one; those beyond have
/// 128 KiB.
const WHOLE_BUFFERS: usize = 8;

impl Input {
    /// The file that was read alone goes on as a lane, from `packet` on.
    #[cold]
    pub(super) fn stop_reading_alone(&mut self, packet: Packet) {
        let Some(mut open) = self.alone.take() else { return };
        open.reader = mem::replace(&mut self.reader, Reader::nothing());
        let given = open.reader.frame_number() - 1;
        self.locator.give(0, given - open.given);
        open.given = given;
        self.reach(self.previous, open.file);
        self.lanes.push(Lane::new(open, packet, self.previous, self.previous));
        self.change_lanes();
    }

    /// The next record while no file is read alone.
    #[inline(never)]
    pub(super) fn next_of_lanes(&mut self) -> Option<Record<'_>> {
        self.finish_alone();
        self.advance_spent();
        let place = match self.chosen {
            Some(place) => place,
            None => self.choose()?,
        };
        if matches!(&*self.lanes, [lane] if lane.is_at_head()) {
            return self.start_reading_alone();
        }
        if self.lanes_changed || self.locator.is_full() {
            self.lanes_changed = false;
            self.locator.begin(self.lanes.iter().map(|lane| (lane.open.file, lane.open.given)));
        }
        let Lane { open, due, .. } = self.lanes.get(place)?;
        self.reach(*due, open.file);
        let lane = self.lanes.get_mut(place)?;
        if lane.open.given == 0 {
            set_first_record(self.files.get_mut(lane.open.file), self.locator.given());
        }
        self.locator.give(place, lane.head_record() - lane.open.given);
        lane.open.given = lane.head_record();
        self.previous = lane.time;
        self.spent = Some(place);
        Some(lane.record(self.locator.given()))
    }

    /// The last lane left goes on by itself; gives its head.
    fn start_reading_alone(&mut self) -> Option<Record<'_>> {
        let lane = self.lanes.pop()?;
        self.change_lanes();
        self.previous = lane.time;
        let (mut open, packet) = lane.into_parts();
        if open.given == 0 {
            set_first_record(self.files.get_mut(open.file), self.locator.given());
        }
        self.reader = mem::replace(&mut open.reader, Reader::nothing());
        // Its own numbers are ahead of the input's when others were read to their end meanwhile.
        self.numbers_before = self.locator.given().wrapping_sub(open.given);
        self.locator.begin(iter::once((open.file, open.given)));
        self.way = open.way;
        self.until = self.sources.next_time();
        self.alone = Some(open);
        Some(Record {
            number: self.numbers_before.wrapping_add(self.reader.frame_number()),
            time: self.previous,
            link: packet.link,
            interface: packet.interface ^ self.way,
            original_length: packet.original_length,
            data: self.reader.data(&packet),
        })
    }

    /// Chooses the lane whose head is due first, of equals the first in reading order; opens every file that
    /// starts by then.
    fn choose(&mut self) -> Option<usize> {
        let due = loop {
            let due = self.lanes.iter().map(|lane| lane.due).min();
            if !self.must_open(due) {
                break due?;
            }
            self.open_next();
        };
        if self.lanes.iter().any(|lane| lane.open.way_is_shared) {
            Ways::separate(&mut self.lanes, due);
        }
        // Of records that are due at once the earlier by its own time: it is late already.
        let key = |place: &usize| self.lanes.get(*place).map(|lane| (lane.due, lane.time));
        let place = (0..self.lanes.len()).min_by_key(key)?;
        let others = self.lanes.iter().enumerate().filter(|(other, _)| *other != place);
        let starts = if self.lanes.len() < MOST_OPEN { self.sources.next_time() } else { Timestamp::MAX };
        self.rival = others.map(|(_, lane)| lane.due).min().unwrap_or(Timestamp::MAX).min(starts);
        self.chosen = Some(place);
        self.chosen
    }

    fn must_open(&self, due: Option<Timestamp>) -> bool {
        match (self.sources.next_start(), due) {
            (None, _) | (Some(Start::Unknown), Some(_)) => false,
            (Some(_), None) | (Some(Start::Nothing), Some(_)) => true,
            (Some(Start::At(time)), Some(due)) => time <= due && self.lanes.len() < MOST_OPEN,
        }
    }

    #[cold]
    fn open_next(&mut self) {
        let Some((index, source, start)) = self.sources.take() else { return };
        let Some(file) = self.files.get_mut(index) else { return };
        file.first_record = self.locator.given() + 1;
        let octets = Arc::default();
        let is_stream = source.is_stream(&file.path);
        let mut reading = if self.lanes.len() < WHOLE_BUFFERS {
            let ahead = |permits: &Arc<_>| ReadAhead { permits: Arc::clone(permits), is_stream };
            Reading { chunk: CHUNK, ahead: self.permits.as_ref().map(ahead), stripes: None }
        } else {
            Reading { chunk: CHUNK / 4, ..Reading::default() }
        };
        let storage = mem::take(&mut self.storage);
        // Of two threads the one that walks has the records to dissect as well: a second reader takes its core.
        let in_stripes =
            self.lanes.is_empty() && self.permits.as_ref().is_some_and(|permits| permits.count() > 2);
        let waiting = self.permits.as_ref().filter(|_| is_stream);
        let opened =
            source.open(&file.path, Arc::clone(&octets), waiting, in_stripes).and_then(|(raw, stripes)| {
                reading.stripes = stripes;
                Reader::open(&file.path, raw, storage, reading)
            });
        let mut reader = match opened {
            Ok(reader) => reader,
            Err(error) => {
                file.bytes_read = octets.load(Ordering::Relaxed);
                self.bytes_before += file.bytes_read;
                self.problems.push(Problem::Unreadable(error));
                return;
            }
        };
        let packet = reader.next();
        let start = match start {
            Start::At(time) => time,
            _ => packet.as_ref().and_then(|packet| packet.time).unwrap_or(self.previous),
        };
        let (way, way_is_shared) = self.ways.choose(&file.path, &self.lanes);
        let ring = ring_of(&file.path);
        let open = Open { file: index, ring, reader, octets, start, given: 0, way, way_is_shared };
        self.change_lanes();
        let Some(packet) = packet else {
            self.locator.begin(iter::once((index, 0)));
            self.locator.give(0, open.reader.frame_number());
            return self.finish(open);
        };
        let (reached, by) = self.reached;
        if reached.nanos() > start.nanos().saturating_add(BORDER.nanos()) {
            self.overlaps.push(Overlap { earlier: by, later: index, span: reached - start, merged: false });
        }
        self.lanes.push(Lane::new(open, packet, start, self.previous));
    }

    /// Goes on in the lane whose head was delivered.
    fn advance_spent(&mut self) {
        let Some(place) = self.spent.take() else { return };
        let Some(lane) = self.lanes.get_mut(place) else { return };
        if lane.advance() {
            if lane.due >= self.rival {
                self.chosen = None;
            }
            return;
        }
        let Lane { open, due, .. } = self.lanes.remove(place);
        self.locator.give(place, open.reader.frame_number() - open.given);
        self.change_lanes();
        self.note_overlap(&open, due);
        self.finish(open);
    }

    fn finish_alone(&mut self) {
        let Some(mut open) = self.alone.take() else { return };
        open.reader = mem::replace(&mut self.reader, Reader::nothing());
        self.locator.give(0, open.reader.frame_number() - open.given);
        self.finish(open);
    }

    /// Notes of a lane that ended at `end` which of the others it ran beside the longest.
    fn note_overlap(&mut self, ended: &Open, end: Timestamp) {
        let span = |other: &Lane| end - ended.start.max(other.open.start);
        let Some(other) = self.lanes.iter().max_by_key(|other| span(other)) else { return };
        let (span, other) = (span(other), other.open.file);
        if span > BORDER {
            let (earlier, later) = (ended.file.min(other), ended.file.max(other));
            self.overlaps.push(Overlap { earlier, later, span, merged: true });
        }
    }

    /// Writes down what is known of a file that was read to its end.
    fn finish(&mut self, open: Open) {
        let Open { file: index, reader, octets, .. } = open;
        let Some(file) = self.files.get_mut(index) else { return };
        let path = file.path.clone();
        let remains = reader.finish(&path, file);
        file.bytes_read = octets.load(Ordering::Relaxed);
        self.bytes_before += file.bytes_read;
        for place in file.places_mut() {
            (place.file, place.global_record) = (index, self.locator.number_of(index, place.record));
        }
        self.problems.extend(remains.notes.into_iter().map(|note| {
            Problem::Damaged(Damage {
                file: index,
                path: path.clone(),
                record: note.record,
                global_record: self.locator.number_of(index, note.record),
                offset: note.offset,
                kind: note.kind,
            })
        }));
        self.problems.extend(remains.failure.map(Problem::Unreadable));
        self.storage = remains.storage;
        if let Some(last) = file.last {
            self.reach(last.time, index);
        }
    }

    fn change_lanes(&mut self) {
        self.lanes_changed = true;
        self.chosen = None;
    }

    fn reach(&mut self, time: Timestamp, file: usize) {
        if time >= self.reached.0 {
            self.reached = (time, file);
        }
    }
}

fn set_first_record(file: Option<&mut super::FileSummary>, given: u64) {
    if let Some(file) = file {
        file.first_record = given + 1;
    }
}

#[cfg(test)]
mod tests;
