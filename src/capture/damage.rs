//! What was wrong with the input, and where: data for reports and exit codes, never printed here.

use std::fmt;
use std::path::PathBuf;

use crate::Error;

/// Something the run could not read; it went on with what it could.
#[derive(Debug)]
#[non_exhaustive]
pub enum Problem {
    /// A file is damaged or cut.
    Damaged(Damage),
    /// A file could not be opened, is no capture, or reading it failed midway.
    Unreadable(Error),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(damage) => damage.fmt(f),
            Self::Unreadable(error) => error.fmt(f),
        }
    }
}

/// A damaged place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Index into [`Input::files`](super::Input::files).
    pub file: usize,
    /// That file.
    pub path: PathBuf,
    /// Number within the file, from 1, of the record being read or looked for.
    pub record: u64,
    /// The same over the whole input.
    pub global_record: u64,
    /// Where that record or block starts, in octets of the file (after decompression).
    pub offset: u64,
    /// What is wrong.
    pub kind: DamageKind,
}

/// The kinds of [`Damage`]. Lengths are in octets.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DamageKind {
    /// The length of a pcapng block makes no sense; the rest of the file is lost.
    BlockLength {
        /// What the block says.
        says: u32,
    },
    /// A packet block claims more data than it holds; skipped.
    CapturedBeyondBlock {
        /// The captured length it says.
        says: u32,
        /// The octets it has room for.
        room: u32,
    },
    /// The compressed stream stops early.
    CompressionCut,
    /// The file ends inside a pcapng block.
    CutBlock {
        /// The length the block says.
        says: u32,
        /// What is left of it.
        left: u64,
    },
    /// The file ends inside the header of a record or block.
    CutHeader {
        /// The header's length.
        needs: u32,
        /// What is left of it.
        left: u64,
    },
    /// The file ends inside a pcap record.
    CutRecord {
        /// The captured length the record says.
        says: u32,
        /// What is left of it.
        left: u64,
    },
    /// More places are damaged than are listed.
    More {
        /// How many more.
        count: u64,
    },
    /// A pcapng block of a kind that is read is too large; skipped.
    BlockTooLarge {
        /// The block's type.
        block: u32,
        /// The length the block says.
        says: u32,
    },
    /// The captured length of a pcap record makes no sense; the rest of the file is lost.
    RecordLength {
        /// What the record says.
        says: u32,
    },
    /// A pcapng section has no byte order; the rest of the file is lost.
    SectionByteOrder,
    /// A pcapng section has an unknown version; the rest of the file is lost.
    SectionVersion {
        /// Major version.
        major: u16,
        /// Minor version.
        minor: u16,
    },
    /// A pcapng block is too short for its type; skipped.
    ShortBlock {
        /// The block's type.
        block: u32,
        /// Its length.
        says: u32,
        /// The least a block of this type has.
        needs: u32,
    },
    /// A pcapng section describes more interfaces than are kept; their packets are skipped.
    TooManyInterfaces {
        /// How many are kept.
        kept: u32,
    },
    /// The length behind a pcapng block differs from the one in front, which was believed.
    TrailingLength {
        /// In front.
        leading: u32,
        /// Behind.
        trailing: u32,
    },
    /// A packet or statistics block names an interface that was not described; skipped.
    UnknownInterface {
        /// The interface it names.
        interface: u32,
        /// How many are known.
        known: u32,
    },
    /// The length of a pcapng block is no multiple of four; it was rounded up.
    UnpaddedLength {
        /// What the block says.
        says: u32,
    },
}

impl DamageKind {
    /// True when nothing after this place could be read.
    pub const fn ends_file(&self) -> bool {
        matches!(
            self,
            Self::BlockLength { .. }
                | Self::CompressionCut
                | Self::CutBlock { .. }
                | Self::CutHeader { .. }
                | Self::CutRecord { .. }
                | Self::RecordLength { .. }
                | Self::SectionByteOrder
                | Self::SectionVersion { .. }
        )
    }

    /// True when the file ends too early, as that of a capture that was killed or is still running.
    pub const fn is_cut(&self) -> bool {
        matches!(
            self,
            Self::CompressionCut | Self::CutBlock { .. } | Self::CutHeader { .. } | Self::CutRecord { .. }
        )
    }

    fn explanation(&self) -> String {
        let octets = |count: u32| Grouped(u64::from(count));
        match *self {
            Self::BlockLength { says } => {
                format!("block length makes no sense: {} octets; the rest of the file is lost", octets(says))
            }
            Self::CapturedBeyondBlock { says, room } => format!(
                "record says {} octets, its block has room for {}; skipped",
                octets(says),
                octets(room)
            ),
            Self::CompressionCut => "compressed stream ends early".to_owned(),
            Self::CutBlock { says, left } => {
                format!("block says {} octets, {} left", octets(says), Grouped(left))
            }
            Self::CutHeader { needs, left } => {
                format!("header has {} octets, {} left", octets(needs), Grouped(left))
            }
            Self::CutRecord { says, left } => {
                format!("record says {} octets, {} left", octets(says), Grouped(left))
            }
            Self::More { count } => format!("{} more damaged places", Grouped(count)),
            Self::BlockTooLarge { block, says } => {
                format!("block of type {block:#x} has {} octets, too many; skipped", octets(says))
            }
            Self::RecordLength { says } => {
                format!("record says {} octets; the rest of the file is lost", octets(says))
            }
            Self::SectionByteOrder => "section without byte order; the rest of the file is lost".to_owned(),
            Self::SectionVersion { major, minor } => {
                format!("section of unknown version {major}.{minor}; the rest of the file is lost")
            }
            Self::ShortBlock { block, says, needs } => {
                format!("block of type {block:#x} has {says} octets, fewer than {needs}; skipped")
            }
            Self::TooManyInterfaces { kept } => {
                format!("more than {} interfaces; packets of the others are skipped", octets(kept))
            }
            Self::TrailingLength { leading, trailing } => format!(
                "block length is {} in front and {} behind; took the first",
                octets(leading),
                octets(trailing)
            ),
            Self::UnknownInterface { interface, known } => {
                format!("block names interface {interface}, {known} are known; skipped")
            }
            Self::UnpaddedLength { says } => {
                format!("block length {} is not padded; rounded up", octets(says))
            }
        }
    }
}

/// `incident.pcapng: cut short in record 1 843 at byte 1 204 992 (record says 1 514 octets, 212 left)`.
impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} in record {} at byte {} ({})",
            self.path.display(),
            if self.kind.is_cut() { "cut short" } else { "damaged" },
            Grouped(self.record),
            Grouped(self.offset),
            self.kind.explanation()
        )
    }
}

/// The damage of one file while it is read: a list that cannot grow without bound.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// Frames passed, so that the next note tells of the one behind them.
    pub(super) frames: u64,
    list: Vec<Note>,
    total: u64,
}

/// Damage that does not yet know its file.
#[derive(Debug)]
pub(super) struct Note {
    pub(super) record: u64,
    pub(super) offset: u64,
    pub(super) kind: DamageKind,
}

impl Notes {
    /// Notes listed for one file; a flood is counted.
    const KEPT: u64 = 20;

    #[cold]
    pub(super) fn push(&mut self, offset: u64, kind: DamageKind) {
        self.total += 1;
        // What ended the file is the last note and always worth a line.
        if self.total <= Self::KEPT || kind.ends_file() {
            self.list.push(Note { record: self.frames + 1, offset, kind });
        }
    }

    /// Forgets that the file was cut inside a record, where there is a better explanation.
    pub(super) fn retract_cut(&mut self) {
        if self.list.pop_if(|note| note.kind.is_cut()).is_some() {
            self.total -= 1;
        }
    }

    pub(super) const fn total(&self) -> u64 {
        self.total
    }

    /// All notes, with a last one for those that were only counted.
    pub(super) fn take(&mut self) -> Vec<Note> {
        let unlisted = self.total - self.list.len() as u64;
        let mut list = std::mem::take(&mut self.list);
        if let (1.., Some(&Note { record, offset, .. })) = (unlisted, list.last()) {
            list.push(Note { record, offset, kind: DamageKind::More { count: unlisted } });
        }
        self.total = 0;
        list
    }
}

/// A number with its digits in groups of three.
struct Grouped(u64);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                f.write_str(" ")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_reads_as_people_need_it() {
        let damage = Damage {
            file: 0,
            path: PathBuf::from("incident.pcapng"),
            record: 1843,
            global_record: 1843,
            offset: 1_204_992,
            kind: DamageKind::CutRecord { says: 1514, left: 212 },
        };
        assert_eq!(
            damage.to_string(),
            "incident.pcapng: cut short in record 1 843 at byte 1 204 992 (record says 1 514 octets, 212 left)"
        );
    }

    #[test]
    fn a_flood_is_counted_and_its_end_still_told() {
        let mut notes = Notes::default();
        for _ in 0..1000 {
            notes.push(0, DamageKind::UnpaddedLength { says: 13 });
        }
        notes.push(7, DamageKind::BlockLength { says: 3 });
        let list = notes.take();
        assert_eq!(list.len(), 22);
        assert_eq!(list[20].kind, DamageKind::BlockLength { says: 3 });
        assert_eq!(list[21].kind, DamageKind::More { count: 980 });
    }
}
