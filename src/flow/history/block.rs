//! A stretch of a history with its own list of conversations.

use std::collections::VecDeque;
use std::collections::hash_map::Entry as Known;

use super::Entry;
use super::code::{Reader, Writer};
use super::expected::Conversation;
use super::item::{self, Place, mark};
use crate::dissect::{Dissected, Fragment};
use crate::keyed::KeyedMap;
use crate::net::FourTuple;
use crate::time::Timestamp;

/// A block is closed when it holds this many conversations: bounds what is remembered while it is written or read.
const MOST_CONVERSATIONS: usize = 1 << 14;
/// A block is closed when its items take this many octets, so that a history is given back piece by piece.
const MOST_OCTETS: usize = 1 << 18;

/// Items in the order of capture.
#[derive(Debug, Default)]
pub(super) struct Block {
    /// Records before the piece of capture that the block belongs to.
    pub(super) records_before: u64,
    /// Items before this record, counted without those, have this time.
    pub(super) untimed: Option<(u64, Timestamp)>,
    tuples: Vec<FourTuple>,
    items: Vec<u8>,
    /// IP fragments, as they are: the items say where they belong.
    fragments: VecDeque<Fragment>,
    /// Octets that fragments take.
    fragment_octets: usize,
}

/// What the writer and the reader of a block both know after each item.
#[derive(Debug)]
struct State {
    conversations: Vec<Conversation>,
    /// Index of the conversation that the last item belongs to.
    current: usize,
    record: u64,
    time: Timestamp,
}

impl Default for State {
    fn default() -> Self {
        Self { conversations: Vec::new(), current: usize::MAX, record: 0, time: Timestamp::from_nanos(0) }
    }
}

/// Writes one block.
#[derive(Debug, Default)]
pub(super) struct BlockWriter {
    block: Block,
    state: State,
    index: KeyedMap<FourTuple, usize>,
}

impl BlockWriter {
    pub(super) fn is_full(&self) -> bool {
        self.block.tuples.len() >= MOST_CONVERSATIONS
            || self.block.items.len() + self.block.fragment_octets >= MOST_OCTETS
    }

    pub(super) fn finish(mut self) -> Block {
        self.block.items.shrink_to_fit();
        self.block
    }

    /// Octets taken so far.
    pub(super) fn size(&self) -> usize {
        self.block.size()
    }

    pub(super) fn push(&mut self, found: &Dissected) {
        match found {
            Dissected::Segment(segment) => {
                let current = self.conversation(segment.tuple);
                let Some(conversation) = self.state.conversations.get_mut(current) else { return };
                let expected = conversation.expected(segment.from_low);
                conversation.learn(segment);
                let marks = item::marks_of(segment, &expected);
                let marks = marks | if segment.from_low { mark::FROM_LOW } else { 0 };
                self.head(segment.record, segment.time, current, marks);
                item::write_segment(segment, &expected, marks, &mut Writer(&mut self.block.items));
            }
            Dissected::IcmpError(error) => {
                let current = self.conversation(error.tuple);
                let marks = mark::ICMP | if error.from_low { mark::FROM_LOW } else { 0 };
                self.head(error.record, error.time, current, marks);
                item::write_icmp(error, &mut Writer(&mut self.block.items));
            }
            Dissected::Skipped => {}
        }
    }

    pub(super) fn push_fragment(&mut self, fragment: Fragment) {
        self.head(fragment.record(), fragment.time(), self.state.current, mark::FRAGMENT);
        self.block.fragment_octets += size_of::<Fragment>() + fragment.kept();
        self.block.fragments.push_back(fragment);
    }

    /// The conversation of `tuple`, a new one if need be.
    fn conversation(&mut self, tuple: FourTuple) -> usize {
        let state = &mut self.state;
        if state.conversations.get(state.current).is_some_and(|conversation| conversation.tuple == tuple) {
            return state.current;
        }
        match self.index.entry(tuple) {
            Known::Occupied(known) => *known.get(),
            Known::Vacant(vacant) => {
                self.block.tuples.push(tuple);
                state.conversations.push(Conversation::new(tuple));
                *vacant.insert(state.conversations.len() - 1)
            }
        }
    }

    /// Writes what all kinds of items begin with.
    fn head(&mut self, record: u64, time: Timestamp, current: usize, marks: u64) {
        let state = &mut self.state;
        let mut out = Writer(&mut self.block.items);
        let places = [
            (mark::OTHER_TUPLE, current != state.current),
            (mark::RECORD, record != state.record.wrapping_add(1)),
        ];
        let marks = places.into_iter().filter(|(_, set)| *set).fold(marks, |marks, (mark, _)| marks | mark);
        out.number(marks);
        if marks & mark::OTHER_TUPLE != 0 {
            out.number(current as u64);
        }
        if marks & mark::RECORD != 0 {
            out.number(record.wrapping_sub(state.record));
        }
        out.signed(time.nanos().wrapping_sub(state.time.nanos()));
        (state.current, state.record, state.time) = (current, record, time);
    }
}

impl Block {
    pub(super) fn size(&self) -> usize {
        self.items.len() + self.fragment_octets + size_of_val(self.tuples.as_slice())
    }
}

/// Reads one block.
#[derive(Debug, Default)]
pub(super) struct BlockReader {
    block: Block,
    at: usize,
    state: State,
}

impl BlockReader {
    pub(super) fn new(block: Block) -> Self {
        let conversations = block.tuples.iter().copied().map(Conversation::new).collect();
        Self { state: State { conversations, ..State::default() }, block, at: 0 }
    }
}

impl Iterator for BlockReader {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        let rest = self.block.items.get(self.at..)?;
        let mut reader = Reader(rest);
        let marks = reader.number()?;
        let state = &mut self.state;
        if marks & mark::OTHER_TUPLE != 0 {
            state.current = reader.small()?;
        }
        let step = if marks & mark::RECORD == 0 { 1 } else { reader.number()? };
        state.record = state.record.wrapping_add(step);
        state.time = Timestamp::from_nanos(state.time.nanos().wrapping_add(reader.signed()?));
        let record = state.record.wrapping_add(self.block.records_before);
        let untimed = self.block.untimed.filter(|(end, _)| state.record < *end);
        let time = untimed.map_or(state.time, |(_, time)| time);
        let entry = if marks & mark::FRAGMENT == 0 {
            let conversation = state.conversations.get_mut(state.current)?;
            let place =
                Place { record, time, tuple: conversation.tuple, from_low: marks & mark::FROM_LOW != 0 };
            Entry::Found(read(place, marks, conversation, &mut reader)?)
        } else {
            let mut fragment = self.block.fragments.pop_front()?;
            fragment.move_to(record, time);
            Entry::Fragment(fragment)
        };
        self.at += rest.len() - reader.0.len();
        Some(entry)
    }
}

fn read(
    place: Place,
    marks: u64,
    conversation: &mut Conversation,
    reader: &mut Reader<'_>,
) -> Option<Dissected> {
    if marks & mark::ICMP != 0 {
        return item::read_icmp(place, reader).map(Dissected::IcmpError);
    }
    let expected = conversation.expected(place.from_low);
    let segment = item::read_segment(place, &expected, marks, reader)?;
    conversation.learn(&segment);
    Some(Dissected::Segment(segment))
}
