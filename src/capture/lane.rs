//! One of the files that are read side by side: its next record, and when it is due.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::Record;
use super::reader::{Packet, Reader};
use crate::time::{TimeDelta, Timestamp};

/// A time this far ahead of all before it in its file wants a second record: a single damaged time stamp would
/// let every record of the other files pass.
const LOOK_BEHIND: TimeDelta = TimeDelta::from_secs(1);

/// A file that is open.
pub(super) struct Open {
    /// Index into the input's files.
    pub(super) file: usize,
    pub(super) reader: Reader,
    /// What its name has in common with the other files of its ring.
    pub(super) ring: PathBuf,
    /// Octets read of it, as it lies on disk.
    pub(super) octets: Arc<AtomicU64>,
    /// Time of its first record.
    pub(super) start: Timestamp,
    /// How many of its numbers were given.
    pub(super) given: u64,
    /// Mixed into the interface of its records, so that those of another capture point differ.
    pub(super) way: u16,
    /// The way is that of a file that seems to end where this one starts.
    pub(super) way_is_shared: bool,
}

/// An open file whose next record is known.
pub(super) struct Lane {
    pub(super) open: Open,
    /// When the next record is due: the greatest time so far, so that a clock that is set back holds nothing
    /// up, and without single time stamps that lie apart.
    pub(super) due: Timestamp,
    /// The last known time of its records, the head's if it has one.
    pub(super) time: Timestamp,
    head: Head,
    /// The record behind it, if that was looked at.
    behind: Option<Head>,
    /// The head's octets, once the reader went on to the record behind it.
    kept: Vec<u8>,
    is_kept: bool,
    has_ended: bool,
}

/// A record to be delivered.
struct Head {
    packet: Packet,
    /// Number in its file.
    record: u64,
}

impl Lane {
    /// A file from `head` on, the packet that its reader just gave. `due` is the time up to which it was
    /// delivered, `time` the last known one.
    pub(super) fn new(open: Open, packet: Packet, due: Timestamp, time: Timestamp) -> Self {
        let head = Head { packet, record: open.reader.frame_number() };
        let kept = Vec::new();
        let mut lane = Self { open, due, time, head, behind: None, kept, is_kept: false, has_ended: false };
        lane.weigh();
        lane
    }

    /// The number in its file of the record that is due.
    pub(super) const fn head_record(&self) -> u64 {
        self.head.record
    }

    /// The record that is due, as number `number` of the input.
    pub(super) fn record(&self, number: u64) -> Record<'_> {
        let packet = &self.head.packet;
        Record {
            number,
            time: self.time,
            link: packet.link,
            interface: packet.interface ^ self.open.way,
            original_length: packet.original_length,
            data: if self.is_kept { &self.kept } else { self.open.reader.data(packet) },
        }
    }

    /// True when the reader gave nothing beyond the head: it can go on alone.
    pub(super) const fn is_at_head(&self) -> bool {
        !self.is_kept
    }

    /// The file, and the packet its reader just gave.
    pub(super) fn into_parts(self) -> (Open, Packet) {
        (self.open, self.head.packet)
    }

    /// Goes on to the next record; false when there is none.
    pub(super) fn advance(&mut self) -> bool {
        self.is_kept = false;
        let Some(head) = self.behind.take().or_else(|| self.read()) else { return false };
        self.head = head;
        self.weigh();
        true
    }

    fn read(&mut self) -> Option<Head> {
        if self.has_ended {
            return None;
        }
        let packet = self.open.reader.next();
        self.has_ended = packet.is_none();
        packet.map(|packet| Head { packet, record: self.open.reader.frame_number() })
    }

    /// Tells when the head is due.
    #[inline]
    fn weigh(&mut self) {
        let Some(time) = self.head.packet.time else { return };
        self.time = time;
        if time - self.due <= LOOK_BEHIND || !self.is_alone(time) {
            self.due = self.due.max(time);
        }
    }

    /// True when the record behind the head goes on nearer to the times before.
    #[cold]
    fn is_alone(&mut self, time: Timestamp) -> bool {
        self.kept.clear();
        self.kept.extend_from_slice(self.open.reader.data(&self.head.packet));
        self.is_kept = true;
        self.behind = self.read();
        let next = self.behind.as_ref().and_then(|head| head.packet.time);
        next.is_some_and(|next| (next - self.due).abs() < (next - time).abs())
    }
}
