//! Writes one row into a room of fixed size.
//!
//! A row of forty cells appended to a `Vec` asks forty times whether there is room, and writes its length as often.
//! Here every cell is copied whole, at a place that cannot lie outside, and only its own length counts.

use std::net::IpAddr;

use super::address::push_address;
use super::number::DateWriter;
use crate::digits::{digit, long_number, medium_number_cell, two_digits};
use crate::time::{TimeDelta, Timestamp};

/// Rows are shorter than this, so that a place modulo this is the place.
const LONGEST: usize = 1 << 11;
/// The longest cell that is copied whole.
const CELL: usize = 32;

/// Where a row is written, to be used again and again.
#[derive(Clone, Debug)]
pub(super) struct Room([u8; LONGEST + CELL]);

impl Room {
    pub(super) const fn new() -> Self {
        Self([0; LONGEST + CELL])
    }
}

/// Writes the row that fills a room.
#[derive(Debug)]
pub(super) struct Pen<'a> {
    room: &'a mut [u8; LONGEST + CELL],
    at: usize,
}

impl<'a> Pen<'a> {
    /// Begins at the beginning.
    #[inline]
    pub(super) const fn new(room: &'a mut Room) -> Self {
        Self { room: &mut room.0, at: 0 }
    }

    /// What was written.
    pub(super) fn written(&self) -> &[u8] {
        self.room.get(..self.at).unwrap_or_default()
    }

    /// What was written, when nothing more is.
    pub(super) fn into_written(self) -> &'a [u8] {
        self.room.get(..self.at).unwrap_or_default()
    }

    /// How much was written.
    pub(super) const fn length(&self) -> usize {
        self.at
    }

    /// Writes once more what was written first: `length` octets, no more than [`CELL`].
    #[inline]
    pub(super) fn repeat_first(&mut self, length: usize) {
        if let Some(&text) = self.room.first_chunk::<CELL>() {
            self.put(&text, length);
        }
    }

    /// Writes a text of any length; false if there is no room for it.
    #[must_use]
    pub(super) fn text(&mut self, text: &[u8]) -> bool {
        let place = self.room.get_mut(self.at..LONGEST).and_then(|room| room.get_mut(..text.len()));
        if let Some(place) = place {
            place.copy_from_slice(text);
            self.at += text.len();
            return true;
        }
        false
    }

    /// Writes the first `length` octets of `text`, which is no longer than [`CELL`]; where these now lie.
    #[inline]
    pub(super) fn put<const N: usize>(&mut self, text: &[u8; N], length: usize) -> Option<&mut [u8; N]> {
        const { assert!(N <= CELL, "a cell is copied whole") };
        let at = self.at % LONGEST;
        self.at = at + length;
        let place = self.room.get_mut(at..)?.first_chunk_mut()?;
        *place = *text;
        Some(place)
    }

    /// Writes all of `text`.
    #[inline]
    pub(super) fn word<const N: usize>(&mut self, text: &[u8; N]) {
        self.put(text, N);
    }

    /// Takes the last octet back.
    #[inline]
    pub(super) const fn back(&mut self) {
        self.at = self.at.saturating_sub(1);
    }

    /// Writes `value` in decimal, and a comma.
    #[inline]
    pub(super) fn number(&mut self, value: u64) {
        match u32::try_from(value) {
            Ok(value @ 0..10) => self.word(&[digit(value), b',']),
            Ok(value @ 10..100) => {
                let [ten, one] = two_digits(value);
                self.word(&[ten, one, b',']);
            }
            Ok(value @ 100..10_000_000) => {
                let (text, length) = medium_number_cell(value);
                self.put(&text, length);
            }
            _ => self.long(value),
        }
    }

    #[cold]
    #[inline(never)]
    fn long(&mut self, value: u64) {
        let (text, length) = long_number(value);
        self.put(&text, length);
        self.word(b",");
    }

    /// Writes an address without brackets, and a comma.
    #[inline]
    pub(super) fn address(&mut self, addr: IpAddr) {
        push_address(addr, self);
        self.word(b",");
    }

    /// Writes a time if there is one, and a comma.
    #[inline]
    pub(super) fn time(&mut self, time: Option<Timestamp>, dates: &mut DateWriter) {
        match time {
            None => self.word(b","),
            Some(time) => self.date(time, dates),
        }
    }

    #[inline(never)]
    fn date(&mut self, time: Timestamp, dates: &mut DateWriter) {
        let nanos = dates.turn_to(time);
        let length = DateWriter::CELL;
        if let Some(place) = self.put(dates.text(), length) {
            DateWriter::write_nanos(nanos, place);
        }
    }

    /// Writes a span in seconds if there is one, and a comma.
    #[inline]
    pub(super) fn seconds(&mut self, span: Option<TimeDelta>) {
        match span {
            None => self.word(b","),
            Some(span) => self.span(span),
        }
    }

    #[inline(never)]
    fn span(&mut self, span: TimeDelta) {
        let parts = span.in_seconds();
        if parts.is_negative {
            self.word(b"-");
        }
        if parts.tens > 0 {
            self.number(parts.tens);
            self.back();
        }
        self.put(&parts.text, parts.length);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(write: impl FnOnce(&mut Pen<'_>)) -> String {
        let mut room = Room::new();
        let mut pen = Pen::new(&mut room);
        write(&mut pen);
        String::from_utf8(pen.written().to_vec()).unwrap()
    }

    proptest! {
        #[test]
        fn cells_are_written_as_everywhere_else(bits in any::<i64>(), shift in 0..64_u32, second in -3_i64..3) {
            let number = bits.cast_unsigned() >> shift;
            prop_assert_eq!(text(|pen| pen.number(number)), format!("{number},"));
            let span = TimeDelta::from_nanos(bits >> shift);
            let mut seconds = Vec::new();
            span.write_seconds(&mut seconds);
            seconds.push(b',');
            prop_assert_eq!(text(|pen| pen.seconds(Some(span))).into_bytes(), seconds);
            let mut dates = DateWriter::new();
            let near = bits % 2_000_000_000;
            for nanos in [near, bits, second * 1_000_000_000 + near, i64::MAX, i64::MIN, i64::MIN + 1, i64::MAX] {
                let time = Timestamp::from_nanos(nanos);
                prop_assert_eq!(text(|pen| pen.time(Some(time), &mut dates)), format!("{time},"));
            }
        }
    }

    #[test]
    fn what_is_not_there_is_an_empty_cell() {
        assert_eq!(text(|pen| pen.seconds(None)), ",");
        assert_eq!(text(|pen| pen.time(None, &mut DateWriter::new())), ",");
    }
}
