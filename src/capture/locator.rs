//! From a record's number over the whole input to its file and its number there, and back.

mod growth;

pub(crate) use self::growth::{Extent, Growth};
use super::bytes::{push_varint, take_varint};

/// Octets of runs in one block for each file open, and at least.
const OCTETS_PER_FILE: usize = 16;
const LEAST_OCTETS: usize = 128;
/// What half an octet cannot say.
const ESCAPED_SLOT: u8 = 15;
const MOST_IN_HALF: u8 = 15;

/// Where every record delivered so far lies.
///
/// Numbers are kept as *runs*: so many records of one file, then so many of another. A file that is read alone
/// is one run, of 40 octets whatever its length. Files that are read side by side cost one octet a run as long
/// as it has fewer than 16 records of one of 15 files, and about one more for each 128 octets' index: at worst,
/// when every record is of another file than the one before, 1.5 octets a record for two files.
#[derive(Debug, Default)]
pub struct Locator {
    blocks: Vec<Block>,
    /// For each block the files it tells of.
    entries: Vec<Entry>,
    /// For each block its runs but the last: slot in the lower half of an octet, length in the upper, or
    /// [`ESCAPED_SLOT`] and 0, and the number behind.
    runs: Vec<u8>,
    /// The last run of the last block: slot and length.
    last_run: (usize, u64),
    /// Numbers given so far.
    given: u64,
}

#[derive(Clone, Copy, Debug)]
struct Block {
    /// Numbers given before it.
    before: u64,
    /// Where its entries and its runs start.
    entries: usize,
    runs: usize,
}

/// One file of a block.
#[derive(Clone, Copy, Debug)]
struct Entry {
    file: usize,
    /// Numbers of this file given before the block.
    before: u64,
}

impl Locator {
    /// The file of a record delivered, as an index into [`Input::files`](super::Input::files), and the record's
    /// number in that file (Wireshark's `frame.number`).
    pub fn locate(&self, number: u64) -> (usize, u64) {
        let place = self.blocks.partition_point(|block| block.before < number).saturating_sub(1);
        let Some(block) = self.blocks.get(place) else { return (0, number) };
        let entries = self.entries_of(place);
        let mut left = number.saturating_sub(block.before);
        if let [entry] = entries {
            return (entry.file, entry.before + left);
        }
        let mut before: Vec<u64> = entries.iter().map(|entry| entry.before).collect();
        for (slot, length) in self.runs_of(place) {
            let (Some(entry), Some(before)) = (entries.get(slot), before.get_mut(slot)) else { break };
            if left <= length {
                return (entry.file, *before + left);
            }
            left -= length;
            *before += length;
        }
        (0, number)
    }

    /// Numbers given so far, while reading apart from those of the file that is read alone.
    pub(super) const fn given(&self) -> u64 {
        self.given
    }

    /// True when the runs so far should be left to a block of their own.
    pub(super) fn is_full(&self) -> bool {
        self.blocks.last().is_some_and(|block| {
            let files = self.entries.len() - block.entries;
            self.runs.len() - block.runs >= LEAST_OCTETS.max(OCTETS_PER_FILE * files)
        })
    }

    /// What follows is of these files: each with how many of its numbers were given.
    pub(super) fn begin(&mut self, files: impl Iterator<Item = (usize, u64)>) {
        self.close_run();
        let block = Block { before: self.given, entries: self.entries.len(), runs: self.runs.len() };
        self.entries.extend(files.map(|(file, before)| Entry { file, before }));
        let alone = |entries: &[Entry]| match entries {
            [entry] => Some(entry.file),
            _ => None,
        };
        let new = alone(self.entries.get(block.entries..).unwrap_or_default());
        let last = self.blocks.len().checked_sub(1).and_then(|last| {
            alone(self.entries.get(self.blocks.get(last)?.entries..block.entries).unwrap_or_default())
        });
        if new.is_some() && new == last {
            // The same file goes on alone.
            self.entries.truncate(block.entries);
            self.last_run = (0, self.blocks.last().map_or(0, |block| self.given - block.before));
        } else {
            self.blocks.push(block);
            self.last_run = (0, 0);
        }
    }

    /// Gives `count` numbers to the file at `slot` among those that [`Self::begin`] was told.
    pub(super) fn give(&mut self, slot: usize, count: u64) {
        if slot != self.last_run.0 {
            self.close_run();
            self.last_run = (slot, 0);
        }
        self.last_run.1 += count;
        self.given += count;
    }

    /// Adds the records of an input that follows; its files are counted from `files`.
    pub(super) fn join(&mut self, later: Self, files: usize) {
        if later.blocks.is_empty() {
            return;
        }
        self.close_run();
        let (entries, runs, given) = (self.entries.len(), self.runs.len(), self.given);
        self.blocks.extend(later.blocks.into_iter().map(|block| Block {
            before: block.before + given,
            entries: block.entries + entries,
            runs: block.runs + runs,
        }));
        self.entries
            .extend(later.entries.into_iter().map(|entry| Entry { file: entry.file + files, ..entry }));
        self.runs.extend(later.runs);
        self.last_run = later.last_run;
        self.given += later.given;
    }

    /// The number of record `record` of `file`. Of a record that was not delivered, the one it would have had
    /// right behind the last of its file.
    pub(super) fn number_of(&self, file: usize, record: u64) -> u64 {
        let holds = |place: &usize| {
            self.entries_of(*place).iter().any(|entry| entry.file == file && entry.before < record)
        };
        let Some(place) = (0..self.blocks.len()).rev().find(holds) else { return self.given + record };
        let entries = self.entries_of(place);
        let mut number = self.blocks.get(place).map_or(0, |block| block.before);
        let mut wanted =
            record - entries.iter().find(|entry| entry.file == file).map_or(0, |entry| entry.before);
        let mut last = number;
        for (slot, length) in self.runs_of(place) {
            if entries.get(slot).is_some_and(|entry| entry.file == file) {
                if wanted <= length {
                    return number + wanted;
                }
                wanted -= length;
                last = number.saturating_add(length);
            }
            number = number.saturating_add(length);
        }
        last + wanted
    }

    /// Writes the last run down, unless it is all that its block has to say.
    fn close_run(&mut self) {
        let (slot, length) = std::mem::take(&mut self.last_run);
        let alone = self.blocks.last().is_some_and(|block| self.entries.len() - block.entries == 1);
        if length == 0 || alone {
            return;
        }
        let low = u8::try_from(slot).map_or(ESCAPED_SLOT, |slot| slot.min(ESCAPED_SLOT));
        let high = u8::try_from(length).ok().filter(|length| *length <= MOST_IN_HALF).unwrap_or(0);
        self.runs.push(low | high << 4);
        if low == ESCAPED_SLOT {
            push_varint(slot as u64, &mut self.runs);
        }
        if high == 0 {
            push_varint(length, &mut self.runs);
        }
    }

    fn entries_of(&self, place: usize) -> &[Entry] {
        let start = self.blocks.get(place).map_or(0, |block| block.entries);
        let end = self.blocks.get(place + 1).map_or(self.entries.len(), |block| block.entries);
        self.entries.get(start..end).unwrap_or_default()
    }

    /// The runs of a block as slot and length. The last run of all has no end yet.
    fn runs_of(&self, place: usize) -> impl Iterator<Item = (usize, u64)> {
        let start = self.blocks.get(place).map_or(0, |block| block.runs);
        let next = self.blocks.get(place + 1);
        let end = next.map_or(self.runs.len(), |block| block.runs);
        let mut octets = self.runs.get(start..end).unwrap_or_default();
        let is_last = next.is_none();
        let alone = self.entries_of(place).len() == 1;
        let open_end = if is_last || alone { Some((self.last_slot(is_last), u64::MAX)) } else { None };
        std::iter::from_fn(move || take_run(&mut octets)).chain(open_end)
    }

    const fn last_slot(&self, is_last: bool) -> usize {
        if is_last { self.last_run.0 } else { 0 }
    }
}

fn take_run(octets: &mut &[u8]) -> Option<(usize, u64)> {
    let (&first, rest) = octets.split_first()?;
    *octets = rest;
    let (low, high) = (first & 15, first >> 4);
    let slot = if low == ESCAPED_SLOT { usize::try_from(take_varint(octets)?).ok()? } else { low.into() };
    let length = if high == 0 { take_varint(octets)? } else { high.into() };
    Some((slot, length))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn files_read_one_after_the_other_are_one_run_each() {
        let mut locator = Locator::default();
        for (file, records) in [(0, 5), (1, 0), (2, 7)] {
            locator.begin([(file, 0)].into_iter());
            locator.give(0, records);
        }
        assert_eq!([1, 5, 6, 12].map(|number| locator.locate(number)), [(0, 1), (0, 5), (2, 1), (2, 7)]);
        assert_eq!((locator.runs.len(), locator.number_of(2, 7), locator.number_of(0, 6)), (0, 12, 6));
    }

    #[test]
    fn a_file_read_alone_is_located_before_its_end_is_known() {
        let mut locator = Locator::default();
        locator.begin([(4, 10)].into_iter());
        assert_eq!(locator.locate(1_000_000), (4, 1_000_010));
        assert_eq!(locator.number_of(4, 11), 1);
    }

    #[test]
    fn a_short_run_costs_an_octet() {
        let mut locator = Locator::default();
        for turn in 0..1_000_000_usize {
            if turn == 0 || locator.is_full() {
                let given = [turn.div_ceil(2), turn / 2];
                locator.begin((0..2).map(|file| (file, given[file] as u64)));
            }
            locator.give(turn % 2, 1);
        }
        let index = size_of_val(&*locator.blocks) + size_of_val(&*locator.entries);
        assert!(locator.runs.len() + index <= 1_500_000, "{}", locator.runs.len() + index);
        assert_eq!(locator.locate(777_777), (0, 388_889));
        assert_eq!(locator.number_of(1, 400_000), 800_000);
    }

    proptest! {
        #[test]
        fn every_record_is_found_both_ways(
            turns in prop::collection::vec((0..20_usize, 1..20_u64, any::<bool>()), 1..80),
        ) {
            let mut locator = Locator::default();
            let (mut given, mut told) = ([0_u64; 20], Vec::new());
            let (mut copy, mut known) = (Locator::default(), Extent::default());
            for (place, &(file, count, begin)) in turns.iter().enumerate() {
                if begin && place % 16 == 0 || place == 0 || locator.is_full() {
                    locator.begin((0..20).map(|file| (file, given[file])));
                }
                locator.give(file, count);
                told.extend((1..=count).map(|more| (file, given[file] + more)));
                given[file] += count;
                if place % 3 == 0 || place + 1 == turns.len() {
                    locator.grown(&mut known).into_iter().for_each(|growth| copy.grow(growth));
                    prop_assert!(locator.grown(&mut known).is_none());
                    prop_assert_eq!(copy.locate(told.len() as u64), told[told.len() - 1]);
                }
            }
            for (number, &(file, record)) in (1..).zip(&told) {
                prop_assert_eq!(locator.locate(number), (file, record));
                prop_assert_eq!(copy.locate(number), (file, record));
                prop_assert_eq!(locator.number_of(file, record), number);
            }
            prop_assert_eq!(locator.given(), told.len() as u64);
        }
    }
}
