//! One datagram on the way to be whole.

use super::super::frame::Frame;
use super::super::ip::Packet;
use super::super::walk::{Context, fragment_alone};
use super::super::{Dissected, SkipReason, SkipTally, Skips};
use super::fragment::{Fragment, KEPT, Key, index};
use super::spans::{Scattered, Spans};
use crate::tcp::Segment;
use crate::time::Timestamp;

/// What is known of a datagram of which some fragments came.
#[derive(Clone, Debug)]
pub(super) struct Datagram {
    pub(super) key: Key,
    /// Record and time of the fragment that came first.
    pub(super) since: u64,
    pub(super) begun: Timestamp,
    first: Option<First>,
    /// The start of the datagram, as far as it was captured.
    head: Vec<Option<u8>>,
    seen: Spans,
    /// Octets, once the last fragment came.
    length: Option<u32>,
    /// Fragments besides the first one that wait with it.
    later: Option<Skips>,
}

/// What the first fragment tells.
#[derive(Clone, Debug)]
struct First {
    context: Context,
    protocol: u8,
    alone: Alone,
}

impl First {
    fn of(fragment: &Fragment) -> Self {
        let alone = match fragment_alone(fragment) {
            Ok(Dissected::Segment(segment)) => Alone::Held(segment),
            // An error is told with its whole quote or not at all: none is long enough to need fragments.
            Ok(_) => Alone::Skipped(SkipReason::CutInIcmp),
            Err(reason) => Alone::Skipped(reason),
        };
        Self { context: fragment.context, protocol: fragment.protocol, alone }
    }
}

/// The first fragment by itself.
#[derive(Clone, Debug)]
enum Alone {
    /// A segment, held until its datagram is whole or will not be.
    Held(Segment),
    /// No segment, for this reason.
    Skipped(SkipReason),
    /// A segment that was let go.
    Told,
}

/// A datagram that became whole.
#[derive(Clone, Debug)]
pub(in super::super) struct Whole {
    /// Of the first fragment, with record and time of the one that completed it.
    pub(in super::super) context: Context,
    /// The first of its records.
    pub(in super::super) since: u64,
    pub(super) key: Key,
    protocol: u8,
    head: Vec<u8>,
    length: u32,
}

impl Datagram {
    pub(super) fn begin(fragment: &Fragment) -> Self {
        Self {
            key: fragment.key,
            since: fragment.record(),
            begun: fragment.time(),
            first: None,
            head: Vec::new(),
            seen: Spans::default(),
            length: None,
            later: None,
        }
    }

    /// True when all that the fragment tells was told before.
    pub(super) fn knows(&self, fragment: &Fragment) -> bool {
        let tells_length = !fragment.part.more && self.length.is_none();
        let is_first = fragment.is_first() && self.first.is_none();
        !tells_length && !is_first && self.seen.cover(fragment.part.offset, fragment.end())
    }

    /// True for a first fragment other than the one that came: the identification is used again.
    pub(super) fn contradicts(&self, fragment: &Fragment) -> bool {
        let differs = |(known, octet): (&Option<u8>, &u8)| known.is_some_and(|known| known != *octet);
        fragment.is_first() && self.first.is_some() && self.head.iter().zip(&fragment.octets).any(differs)
    }

    /// Adds what the fragment tells. Octets that came first stay, and so does the length.
    pub(super) fn add(&mut self, fragment: &Fragment) -> Result<(), Scattered> {
        if fragment.is_first() && self.first.is_none() {
            self.first = Some(First::of(fragment));
        }
        if !fragment.part.more {
            self.length.get_or_insert_with(|| fragment.end());
        }
        let start = index(fragment.part.offset).min(KEPT);
        let end = start + fragment.octets.len();
        if self.head.len() < end {
            self.head.resize(end, None);
        }
        for (place, &octet) in self.head.iter_mut().skip(start).zip(&fragment.octets) {
            place.get_or_insert(octet);
        }
        self.seen.add(fragment.part.offset, fragment.end())
    }

    /// Lets a fragment wait for its datagram.
    pub(super) fn wait(&mut self, record: u64) {
        let is_first = self.first.as_ref().is_some_and(|first| first.context.record == record);
        if !is_first {
            self.later.get_or_insert(Skips { count: 0, first_record: record }).count += 1;
        }
    }

    /// The segment of the first fragment, while it is held.
    pub(super) const fn held(&self) -> Option<&Segment> {
        match &self.first {
            Some(First { alone: Alone::Held(segment), .. }) => Some(segment),
            _ => None,
        }
    }

    /// Takes it; from now on it counts as told.
    pub(super) fn let_go(&mut self) -> Option<Segment> {
        let held = self.held().copied()?;
        if let Some(first) = &mut self.first {
            first.alone = Alone::Told;
        }
        Some(held)
    }

    /// True when the first fragment was let go.
    pub(super) const fn is_told(&self) -> bool {
        matches!(&self.first, Some(First { alone: Alone::Told, .. }))
    }

    /// True when its length is known and each of its octets was seen.
    pub(super) fn is_whole(&self) -> bool {
        self.first.is_some() && self.length.is_some_and(|length| self.seen.cover(0, length))
    }

    /// Counts fragments of a datagram that will not be whole; its first one has been let go.
    pub(super) fn count(&self, tally: &mut SkipTally) {
        if let Some(First { alone: Alone::Skipped(reason), context, .. }) = &self.first {
            tally.count_skip(*reason, context.record);
        }
        if let Some(later) = self.later {
            tally.count_skips(SkipReason::IpFragment, later);
        }
    }

    /// Counts fragments other than `completing`, which stands for all.
    pub(super) fn count_joined(&self, completing: u64, tally: &mut SkipTally) {
        if let Some(first) = self.first.as_ref().filter(|first| first.context.record != completing) {
            tally.count_skip(SkipReason::JoinedFragment, first.context.record);
        }
        if let Some(later) = self.later {
            tally.count_skips(SkipReason::JoinedFragment, later);
        }
    }

    /// The datagram, if it is whole.
    pub(super) fn into_whole(self, completing: &Fragment) -> Option<Whole> {
        let (first, length) = self.first.zip(self.length)?;
        let context = first.context.completed(completing.record(), completing.time());
        let mut head: Vec<u8> = self.head.into_iter().map_while(|octet| octet).collect();
        head.truncate(index(length));
        Some(Whole { context, since: self.since, key: self.key, protocol: first.protocol, head, length })
    }
}

impl Whole {
    /// The packet behind its IP header; extension headers may follow.
    pub(in super::super) fn packet(&self) -> Packet<'_> {
        self.key.packet(self.protocol, Frame::new(&self.head, self.length))
    }

    /// True when a fragment with this key tells nothing that the datagram does not hold.
    pub(super) fn knows(&self, fragment: &Fragment) -> bool {
        let same = |(own, octet): (&u8, &u8)| own == octet;
        let held = self.head.get(index(fragment.part.offset)..).unwrap_or_default();
        fragment.end() <= self.length && held.iter().zip(&fragment.octets).all(same)
    }
}
