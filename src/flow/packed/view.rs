//! A packed flow as it lies there.

use super::fields::pass_flow;
use super::mark::{self, bools};
use super::pass::Source;
use super::{INCARNATION_BITS, RECORD_BITS, WORD};
use crate::flow::event::Event;
use crate::flow::facts::Order;
use crate::flow::live::{Live, Ways};
use crate::flow::tombstone::Tombstone;
use crate::net::{FourTuple, Role, Sides};
use crate::tcp::{Segment, SeqNumber};
use crate::time::Timestamp;

/// A packed flow, and whatever lies behind it.
#[derive(Clone, Copy, Debug)]
pub(in crate::flow) struct Packed<'a> {
    octets: &'a [u8],
    marks: u64,
}

impl<'a> Packed<'a> {
    /// The flow at the front of `octets`; `None` where there is none.
    #[inline]
    pub(in crate::flow) fn new(octets: &'a [u8]) -> Option<Self> {
        let marks = word(octets, 1);
        // Every flow has segments of one side or the other.
        (marks != 0).then_some(Self { octets, marks })
    }

    /// Its octets, all of them.
    pub(in crate::flow) fn octets(&self) -> &'a [u8] {
        self.octets.get(..self.words() * WORD).unwrap_or(self.octets)
    }

    /// Its length.
    pub(in crate::flow) fn words(&self) -> usize {
        self.octets.get(WORD - 1).copied().unwrap_or_default().into()
    }

    /// The number of its first record.
    #[inline]
    pub(in crate::flow) fn id(&self) -> u64 {
        word(self.octets, 0) & ((1 << RECORD_BITS) - 1)
    }

    /// When its last segment came.
    pub(in crate::flow) fn last(&self) -> Timestamp {
        Timestamp::from_nanos(word(self.octets, 2).cast_signed())
    }

    /// When it is due; [`Timestamp::MAX`] for never.
    pub(in crate::flow) fn deadline(&self) -> Timestamp {
        if self.marks & mark::DEADLINE == 0 {
            return mark::due_by(self.marks, self.last());
        }
        Timestamp::from_nanos(word(self.octets, self.deadline_at()).cast_signed())
    }

    /// True when it was reset, or both sides closed.
    pub(in crate::flow) fn is_over(&self) -> bool {
        self.is(mark::RST) || self.is_orderly()
    }

    /// True when nothing came back on its SYN.
    pub(in crate::flow) fn is_unanswered(&self) -> bool {
        self.is(mark::SYN) && !self.is(mark::SEEN.responder)
    }

    /// The directions that were captured of it.
    pub(in crate::flow) fn ways(&self) -> Ways {
        Ways { both: self.is(mark::BOTH_WAYS), one: self.is(mark::ONE_WAY) }
    }

    /// Both endpoints, in the scope of its first segment.
    pub(in crate::flow) fn tuple(&self) -> FourTuple {
        let [ports, a, b, c, d] = [4, 5, 6, 7, 8].map(|at| word(self.octets, at));
        FourTuple::from_raw(if self.is(mark::IPV4) {
            [a >> 32 << 32, 0, a << 32, 0, ports]
        } else {
            [a, b, c, d, ports]
        })
    }

    /// See [`Live::is_between`].
    #[inline]
    pub(in crate::flow) fn is_between(&self, segment: &Segment, in_any_scope: bool) -> bool {
        if !self.tuple().same_endpoints(&segment.tuple) {
            return false;
        }
        let is_initiator = segment.from_low == self.is(mark::INITIATOR_LOW);
        let from = if is_initiator { Role::Initiator } else { Role::Responder };
        let (scopes, scope) = (self.scopes(), segment.tuple.scope());
        if self.is(mark::SEEN[from]) { scopes[from] == scope } else { in_any_scope || scopes[!from] == scope }
    }

    /// See [`Live::scope`].
    pub(in crate::flow) fn scope(&self) -> u32 {
        let Sides { initiator, responder } = self.scopes();
        if self.is(mark::SEEN.initiator) { initiator } else { responder }
    }

    /// The scopes of the initiator and the responder; 0 for one that was not captured.
    fn scopes(&self) -> Sides<u32> {
        if self.is(mark::SCOPES) {
            return halves_of(word(self.octets, self.scopes_at()));
        }
        let scope = FourTuple::scope_of(word(self.octets, 4));
        let of = |seen: u64| if self.is(seen) { scope } else { 0 };
        Sides { initiator: of(mark::SEEN.initiator), responder: of(mark::SEEN.responder) }
    }

    /// What is left of it once it is told.
    pub(in crate::flow) fn tombstone(&self, fingerprint: u64) -> Tombstone {
        let nexts = halves_of(word(self.octets, 3));
        let next = |role: Role| self.is(mark::KNOWN[role]).then_some(SeqNumber(nexts[role]));
        let low = if self.is(mark::INITIATOR_LOW) { Role::Initiator } else { Role::Responder };
        Tombstone::new(
            fingerprint,
            (self.id(), self.incarnation()),
            (self.last(), [next(low), next(!low)]),
            self.is_orderly(),
        )
    }

    /// The flow as it was; its events lie in `room`.
    pub(in crate::flow) fn unpack(&self, room: Vec<Event>) -> Live {
        let tuple = self.tuple();
        let mut live = Live::blank(tuple, room);
        for (place, it) in bools(&mut live).into_iter().enumerate() {
            *it = self.is(1 << place);
        }
        live.first.record = self.id();
        live.incarnation = self.incarnation();
        live.stage.order = if self.is(mark::BY_RECORDS) { Order::Records } else { Order::Times };
        live.deadline = self.deadline();
        let ends = |responds: bool| Some(if responds { Role::Responder } else { Role::Initiator });
        if self.is(mark::TALK) {
            live.burst.talker = ends(self.is(mark::RESPONDER_TALKS));
            live.burst.requester = ends(self.is(mark::RESPONDER_ASKED));
        }
        let (nexts, scopes) = (halves_of(word(self.octets, 3)), self.scopes());
        for role in Role::BOTH {
            live.halves[role].next = SeqNumber(nexts[role]);
            live.halves[role].scope = scopes[role];
        }
        let tail = (self.deadline_at() + usize::from(self.is(mark::DEADLINE))) * WORD;
        let tail = self.octets.get(tail..).unwrap_or_default();
        pass_flow(&mut Source(tail), &mut live, self.last(), self.marks);
        live
    }

    fn incarnation(&self) -> u32 {
        let number = word(self.octets, 0) >> RECORD_BITS & ((1 << INCARNATION_BITS) - 1);
        u32::try_from(number).unwrap_or_default()
    }

    fn is_orderly(&self) -> bool {
        self.is(mark::FIN.initiator) && self.is(mark::FIN.responder)
    }

    /// Where the word of the scopes lies, if there is one.
    fn scopes_at(&self) -> usize {
        if self.is(mark::IPV4) { 6 } else { 9 }
    }

    /// Where the word of the deadline lies, if there is one.
    fn deadline_at(&self) -> usize {
        self.scopes_at() + usize::from(self.is(mark::SCOPES))
    }

    #[inline]
    fn is(&self, mark: u64) -> bool {
        self.marks & mark != 0
    }
}

#[inline]
fn word(octets: &[u8], at: usize) -> u64 {
    let word = octets.get(at * WORD..).and_then(<[u8]>::first_chunk);
    word.map_or(0, |word| u64::from_le_bytes(*word))
}

/// The lower and the upper half of a word.
#[expect(clippy::cast_possible_truncation, reason = "its halves")]
const fn halves_of(word: u64) -> Sides<u32> {
    Sides { initiator: word as u32, responder: (word >> 32) as u32 }
}
