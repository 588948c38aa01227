//! A flow in as few octets as it needs, while it waits.
//!
//! Most flows of a large capture do nothing most of the time: they are idle, or closed and kept for late segments. They
//! wait packed: a head of words that tells what finds them and when they are due, and behind it all else as
//! differences from what was to be expected, a hundred octets or so. What is rare is not packed but stays as it is.

mod events;
mod extras;
mod fields;
mod mark;
mod pass;
mod view;

use self::fields::pass_flow;
use self::mark::marks_of;
use self::pass::Sink;
pub(super) use self::view::Packed;
use super::live::{Live, NONE};
use crate::net::Sides;

/// Flows that kept more events than this wait as they are.
const MOST_EVENTS: u16 = 16;
/// Octets of a word.
pub(super) const WORD: usize = 8;
/// The first word: length in words, incarnation, number of the first record.
const RECORD_BITS: u32 = 40;
const INCARNATION_BITS: u32 = 16;
/// The number among all flows is told in four octets.
const STREAM_BITS: u32 = 32;

/// True when `live` can be packed.
pub(super) fn is_packable(live: &Live) -> bool {
    let Sides { initiator, responder } = &live.halves;
    live.predecessor == NONE
        && !live.has_company()
        && !initiator.is_holed()
        && !responder.is_holed()
        && !live.stage.evicted
        && live.events.len() <= MOST_EVENTS
        && live.events.dropped() == 0
        && live.letters.are_few()
        && live.incarnation >> INCARNATION_BITS == 0
        && live.stream >> STREAM_BITS == 0
        && live.first.record >> RECORD_BITS == 0
}

/// Packs flows, one after the other.
#[derive(Debug, Default)]
pub(super) struct Packer(Sink);

impl Packer {
    /// `live`, which [is packable](is_packable), packed: whole words.
    pub(super) fn pack(&mut self, live: &mut Live) -> &[u8] {
        self.0.clear();
        pack(live, &mut self.0);
        self.0.octets()
    }
}

fn pack(live: &mut Live, out: &mut Sink) {
    let marks = marks_of(live);
    let last = live.last().time;
    let nexts = u64::from(live.halves.initiator.next.0) | u64::from(live.halves.responder.next.0) << 32;
    let mut word = |word: u64| out.put(word, WORD);
    word(live.first.record | u64::from(live.incarnation) << RECORD_BITS);
    word(marks);
    word(last.nanos().cast_unsigned());
    word(nexts);
    let [low, low_rest, high, high_rest, last_word] = live.tuple.raw();
    word(last_word);
    if marks & mark::IPV4 != 0 {
        word(low | high >> 32);
    } else {
        [low, low_rest, high, high_rest].into_iter().for_each(&mut word);
    }
    if marks & mark::SCOPES != 0 {
        word(u64::from(live.halves.initiator.scope) | u64::from(live.halves.responder.scope) << 32);
    }
    if marks & mark::DEADLINE != 0 {
        word(live.deadline.nanos().cast_unsigned());
    }
    pass_flow(out, live, last, marks);
    let words = out.octets().len().div_ceil(WORD);
    out.put(0, words * WORD - out.octets().len());
    if let Some(top) = out.octets_mut().get_mut(WORD - 1) {
        *top = u8::try_from(words).unwrap_or_default();
    }
}
