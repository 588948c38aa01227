//! One capture file: container recognised, records walked, damage noted.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::LinkType;
use super::buffer::{Buffer, Reading};
use super::bytes::index;
use super::clock::FileClock;
use super::compression::{recognise, unpack};
use super::damage::{DamageKind, Note, Notes};
use super::health::{Occurrence, Place};
use super::pcap::{self, Pcap};
use super::pcapng::Pcapng;
use super::summary::{Compression, FileSummary, Format, InterfaceSummary};
use crate::time::Timestamp;
use crate::{Error, Result};

/// The longest captured length that is believed, in octets. The largest jumbo and offload frames are 256 KiB,
/// USB and others go somewhat beyond.
pub(super) const MAX_CAPTURED: u32 = 16 * 1024 * 1024;

const PCAPNG_MAGIC: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

/// One packet, its data still in the buffer.
#[derive(Clone, Debug)]
pub(super) struct Packet {
    /// `None` if it carries no time, or none that can be told.
    pub(super) time: Option<Timestamp>,
    pub(super) link: LinkType,
    pub(super) interface: u16,
    pub(super) original_length: u32,
    pub(super) captured: u32,
    /// Where its data starts.
    pub(super) place: usize,
}

impl Packet {
    /// The same packet, its data `by` octets further on.
    #[inline]
    pub(super) fn moved_by(self, by: usize) -> Self {
        Self { place: self.place + by, ..self }
    }
}

/// One packet of which all is in the buffer, with a time.
#[derive(Clone, Copy, Debug)]
pub(super) struct InPlace<'a> {
    pub(super) time: Timestamp,
    pub(super) link: LinkType,
    pub(super) interface: u16,
    pub(super) original_length: u32,
    pub(super) captured: u32,
    /// Octets of its record or block before its data.
    pub(super) head: usize,
    pub(super) data: &'a [u8],
}

impl InPlace<'_> {
    /// The same without its data, of a record or block that starts at `start`.
    pub(super) const fn packet(&self, start: usize) -> Packet {
        let Self { time, link, interface, original_length, captured, head, .. } = *self;
        Packet { time: Some(time), link, interface, original_length, captured, place: start + head }
    }
}

/// The reader of one file.
pub(super) struct Reader {
    buffer: Buffer,
    container: Container,
    compression: Compression,
    notes: Notes,
    tally: Tally,
}

/// What is counted for each record, without a branch where the processor would have to guess.
#[derive(Clone, Debug)]
struct Tally {
    clipped: Occurrence,
    /// All bits until the first record was clipped, then none.
    unclipped: u32,
    untimed: Occurrence,
    clock: FileClock,
    /// Number of the last packet, once there is none behind it.
    last: u64,
}

enum Container {
    Nothing,
    Pcap(Pcap),
    Pcapng(Pcapng),
}

/// What remains to be told when a file was read to its end.
pub(super) struct Remains {
    pub(super) notes: Vec<Note>,
    pub(super) failure: Option<Error>,
    pub(super) storage: Vec<u8>,
}

impl Reader {
    /// Recognises the container of `source`. `path` names it in errors, `storage` is memory to reuse.
    pub(super) fn open(
        path: &Path,
        source: Box<dyn Read + Send>,
        storage: Vec<u8>,
        reading: Reading,
    ) -> Result<Self> {
        let Reading { chunk, ahead, stripes } = reading;
        let raw_ahead = ahead.clone().filter(|terms| terms.is_stream || stripes.is_some());
        let mut buffer = Buffer::new(source, Reading { chunk, ahead: raw_ahead, stripes }, storage);
        buffer.fill(4);
        let compression = recognise(buffer.window());
        if compression != Compression::None {
            let reading = Reading { chunk, ahead, stripes: None };
            buffer = unpack(buffer, compression, reading).map_err(|error| Error::read(path, 0, error))?;
            buffer.fill(4);
        }
        let container = recognise_container(path, &mut buffer, compression)?;
        Ok(Self { buffer, container, compression, notes: Notes::default(), tally: Tally::new() })
    }

    /// The reader of no file.
    pub(super) fn nothing() -> Self {
        Self {
            buffer: Buffer::empty(),
            container: Container::Nothing,
            compression: Compression::None,
            notes: Notes::default(),
            tally: Tally::new(),
        }
    }

    /// The next packet; after the first `None` ask no more.
    #[inline(never)]
    pub(super) fn next(&mut self) -> Option<Packet> {
        let before = self.notes.frames;
        let packet = match &mut self.container {
            Container::Pcap(pcap) => pcap.next(&mut self.buffer, &mut self.notes),
            Container::Pcapng(pcapng) => pcapng.next(&mut self.buffer, &mut self.notes),
            Container::Nothing => None,
        };
        let Some(packet) = packet else {
            self.tally.last = before;
            return None;
        };
        self.notes.frames += 1;
        self.tally.count_any(&packet, self.notes.frames);
        Some(packet)
    }

    /// Hands the next packets to `take`, each with its number in the file: those that are in the buffer as a
    /// whole, with a time, at most `most`, until `take` says false. A packet of time `until` or later is not
    /// handed on but given back.
    ///
    /// This is the way of nearly all packets: a loop of its own, so that what is the same for all of them stays
    /// in registers.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "called, it would take all that `take` holds from memory")]
    pub(super) fn packets_at_hand(
        &mut self,
        until: Timestamp,
        most: u64,
        mut take: impl FnMut(InPlace<'_>, u64) -> bool,
    ) -> Option<Packet> {
        let Self { buffer, container, notes, tally, .. } = self;
        let window = buffer.window();
        let mut rest = window;
        let (pcap, mut pcapng) = match container {
            Container::Pcap(pcap) => (Some(*pcap), None),
            Container::Pcapng(pcapng) => (None, Some(pcapng)),
            Container::Nothing => (None, None),
        };
        let mut number = notes.frames;
        let last = number.saturating_add(most);
        let late = loop {
            if number >= last {
                break None;
            }
            let found = match (&pcap, &mut pcapng) {
                (Some(pcap), _) => pcap.split(rest),
                (None, Some(pcapng)) => pcapng.split(rest),
                (None, None) => None,
            };
            let Some((packet, after)) = found else { break None };
            number += 1;
            tally.count(&packet, number);
            let at = window.len() - rest.len();
            rest = after;
            if packet.time >= until {
                break Some(packet.packet(at));
            }
            if !take(packet, number) {
                break None;
            }
        };
        notes.frames = number;
        let consumed = window.len() - rest.len();
        let start = buffer.consume(consumed);
        late.map(|packet| packet.moved_by(start))
    }

    /// The captured octets of the packet just given.
    #[inline]
    pub(super) fn data(&self, packet: &Packet) -> &[u8] {
        self.buffer.at(packet.place, index(packet.captured))
    }

    /// Number within the file of the packet just given: Wireshark's `frame.number`.
    #[inline]
    pub(super) const fn frame_number(&self) -> u64 {
        self.notes.frames
    }

    /// Writes down what is known of the file, and gives what is left to tell.
    pub(super) fn finish(mut self, path: &Path, summary: &mut FileSummary) -> Remains {
        let failure = self.reading_failure(path);
        summary.compression = self.compression;
        summary.records = self.notes.frames - self.container.frames_without_packet();
        self.tally.describe(summary);
        summary.damage = self.notes.total();
        self.container.describe(summary.records, summary);
        for interface in summary.interfaces.iter().filter(|interface| interface.records > 0) {
            if !summary.links.contains(&interface.link) {
                summary.links.push(interface.link);
            }
        }
        summary.snaplen = summary.interfaces.iter().map(|interface| interface.snaplen).max().unwrap_or(0);
        Remains { notes: self.notes.take(), failure, storage: self.buffer.into_storage() }
    }

    /// Why reading ended early. A compressed stream that stops is damage; it explains the cut record it leaves.
    fn reading_failure(&mut self, path: &Path) -> Option<Error> {
        let failure = self.buffer.take_failure()?;
        let offset = self.buffer.offset();
        self.notes.retract_cut();
        if self.compression != Compression::None && failure.kind() == io::ErrorKind::UnexpectedEof {
            self.notes.push(offset, DamageKind::CompressionCut);
            return None;
        }
        Some(Error::read(path, offset + self.buffer.window().len() as u64, failure))
    }
}

impl Tally {
    const fn new() -> Self {
        let nothing = Occurrence { count: 0, first: None };
        Self { clipped: nothing, unclipped: u32::MAX, untimed: nothing, clock: FileClock::new(), last: 0 }
    }

    #[inline]
    fn count(&mut self, packet: &InPlace<'_>, record: u64) {
        let InPlace { time, captured, original_length, .. } = *packet;
        if captured < original_length & self.unclipped {
            self.first_clipped(Some(time), record);
        }
        self.clipped.count += u64::from(captured < original_length);
        self.clock.observe(time, record);
    }

    /// As [`Self::count`], for a packet that may have no time.
    fn count_any(&mut self, packet: &Packet, record: u64) {
        let clipped = packet.captured < packet.original_length;
        if clipped && self.clipped.first.is_none() {
            self.first_clipped(packet.time, record);
        }
        self.clipped.count += u64::from(clipped);
        match packet.time {
            Some(time) => self.clock.observe(time, record),
            None => self.untimed.note(self.place(None, record)),
        }
    }

    #[cold]
    #[inline(never)]
    fn first_clipped(&mut self, time: Option<Timestamp>, record: u64) {
        self.clipped.first = Some(self.place(time, record));
        self.unclipped = 0;
    }

    fn place(&self, time: Option<Timestamp>, record: u64) -> Place {
        Place { record, time: time.unwrap_or_else(|| self.clock.last_known()), ..Place::default() }
    }

    fn describe(&self, summary: &mut FileSummary) {
        let told = self.clock.clone().finish();
        summary.clipped = self.clipped;
        summary.untimed = self.untimed;
        (summary.first_time, summary.last_time) = told.extremes.unzip();
        summary.first = told.first;
        summary.last = told.last_time.map(|time| Place { record: self.last, time, ..Place::default() });
        summary.clock = told.health;
    }
}

impl Container {
    /// Frames that have a number and no packet.
    const fn frames_without_packet(&self) -> u64 {
        match self {
            Self::Pcapng(pcapng) => pcapng.blocks_numbered,
            Self::Nothing | Self::Pcap(_) => 0,
        }
    }

    fn describe(&mut self, records: u64, summary: &mut FileSummary) {
        match self {
            Self::Nothing => {}
            Self::Pcap(pcap) => {
                summary.format = Some(pcap.format());
                summary.sections = 1;
                summary.interfaces = vec![InterfaceSummary {
                    section: 0,
                    id: 0,
                    name: None,
                    link: pcap.link(),
                    snaplen: pcap.snaplen(),
                    resolution: pcap.resolution(),
                    records,
                    received: None,
                    stopped: [None; 2],
                    interface_drops: None,
                    system_drops: None,
                    packet_drops: None,
                }];
            }
            Self::Pcapng(pcapng) => {
                let described = pcapng.interfaces.finish();
                summary.format = Some(Format::Pcapng);
                summary.interfaces = described.list;
                summary.interfaces_unlisted = described.unlisted;
                summary.dropped = described.dropped;
                summary.sections = pcapng.sections;
                summary.blocks_without_packets = pcapng.blocks_without_packets;
                summary.blocks_numbered = pcapng.blocks_numbered;
                summary.blocks_unknown = pcapng.blocks_unknown;
            }
        }
    }
}

/// A source that counts what is read of it.
pub(super) struct Counted<R> {
    pub(super) inner: R,
    pub(super) count: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.inner.read(out) {
                // Decoders above do not all keep their state over an interruption.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(count) => {
                    self.count.fetch_add(count as u64, Ordering::Relaxed);
                    return Ok(count);
                }
                Err(error) => return Err(error),
            }
        }
    }
}

fn recognise_container(path: &Path, buffer: &mut Buffer, compression: Compression) -> Result<Container> {
    let not_a_capture = |found| Err(Error::not_a_capture(path, found));
    match buffer.window().first_chunk::<4>() {
        Some(&PCAPNG_MAGIC) => Ok(Container::Pcapng(Pcapng::new())),
        Some(&magic) if pcap::is_magic(magic) => {
            buffer.fill(pcap::HEADER);
            let Some(header) = buffer.window().first_chunk() else {
                let found = format!("pcap header cut short after {} octets", buffer.window().len());
                return not_a_capture(found);
            };
            let pcap = Pcap::open(header).map_err(|found| Error::not_a_capture(path, found))?;
            buffer.consume(pcap::HEADER);
            Ok(Container::Pcap(pcap))
        }
        _ => match buffer.take_failure() {
            Some(failure) if compression == Compression::None => Err(Error::read(path, 0, failure)),
            Some(failure) => not_a_capture(format!("{compression}, {failure}")),
            None => not_a_capture(what_is(buffer.window(), compression)),
        },
    }
}

/// Says what a stream that is no capture looks like.
fn what_is(start: &[u8], compression: Compression) -> String {
    let inside = if compression == Compression::None { String::new() } else { format!("{compression} of ") };
    let start = start.get(..start.len().min(16)).unwrap_or_default();
    let is_text = |octet: &u8| octet.is_ascii_graphic() || octet.is_ascii_whitespace();
    if start.is_empty() {
        format!("{inside}empty file")
    } else if recognise(start) != Compression::None {
        format!("{inside}{}", recognise(start))
    } else if start.iter().all(is_text) {
        format!("{inside}text, starts with {:?}", String::from_utf8_lossy(start))
    } else {
        let hex: Vec<String> = start.iter().take(4).map(|octet| format!("{octet:02x}")).collect();
        format!("{inside}data, starts with {}", hex.join(" "))
    }
}
