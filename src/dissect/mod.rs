//! Records to segments: from the link layer to one `Copy` [`Segment`], or a counted reason why not.

mod ethernet;
mod fast;
mod frame;
mod icmp;
mod ip;
mod link;
mod options;
mod ppp;
mod reassembly;
mod skip;
mod tcp;
#[cfg(test)]
mod tests;
mod tunnel;
mod walk;

use std::net::IpAddr;

pub use reassembly::Fragment;
pub use skip::{SkipReason, SkipTally, Skips};

use fast::Placed;
use reassembly::{Outlet, Reassembler};
use walk::Found;

use crate::capture::{LinkType, Record};
use crate::net::FourTuple;
use crate::tcp::{Segment, SeqNumber};
use crate::time::Timestamp;

/// What a record turned out to be.
#[derive(Clone, Copy, Debug)]
pub enum Dissected {
    /// A TCP segment.
    Segment(Segment),
    /// An ICMP or ICMPv6 error about a TCP segment.
    IcmpError(IcmpError),
    /// Something else; counted under its reason.
    Skipped,
}

impl Dissected {
    /// Capture time of the record; the beginning of time for a skipped one.
    #[inline]
    pub fn time(&self) -> Timestamp {
        match self {
            Self::Segment(segment) => segment.time,
            Self::IcmpError(error) => error.time,
            Self::Skipped => Timestamp::MIN,
        }
    }
}

/// An ICMP or ICMPv6 error message that quotes the start of a TCP segment (RFC 792, RFC 4443).
#[derive(Clone, Copy, Debug)]
pub struct IcmpError {
    /// Number of the record over the whole input.
    pub record: u64,
    /// Capture time of the record.
    pub time: Timestamp,
    /// Who sent the error: the host or a router on the way.
    pub reporter: IpAddr,
    /// ICMP or ICMPv6 type.
    pub kind: u8,
    /// ICMP or ICMPv6 code.
    pub code: u8,
    /// True for ICMPv6.
    pub v6: bool,
    /// Four-tuple of the quoted segment.
    pub tuple: FourTuple,
    /// True when the quoted segment's sender is the tuple's low endpoint.
    pub from_low: bool,
    /// Sequence number of the quoted segment.
    pub seq: SeqNumber,
}

/// Reads the options of a SYN that was placed without them.
#[inline(never)]
fn add_options(placed: &mut Dissected, options: &[u8]) {
    if let Dissected::Segment(segment) = placed {
        segment.options = Some(options::syn_options(options));
    }
}

/// Turns records into segments and accounts for every record that is none.
///
/// IP fragments are put together by [`Self::dissect_onto`]. One input may also be dissected in parts: a
/// [`Self::deferring`] dissector for each part takes the fragments aside, and one dissector goes through all
/// segments ([`Self::passes`]) and fragments ([`Self::resume`]) in the order of their records. The segments
/// are the same, and so are the accounts once they are merged.
#[derive(Clone, Debug, Default)]
pub struct Dissector {
    tally: SkipTally,
    reassembler: Reassembler,
    /// Fragments taken aside; `None` in a dissector that puts them together.
    deferred: Option<Vec<Fragment>>,
}

impl Dissector {
    /// A dissector that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// A dissector that takes fragments aside and does not count them: see [`Self::take_fragments`].
    pub fn deferring() -> Self {
        Self { deferred: Some(Vec::new()), ..Self::default() }
    }

    /// What `record` is by itself. Never fails: whatever is not understood is counted in the tally. IP
    /// fragments are not put together here: the first one counts for its packet.
    #[inline]
    pub fn dissect(&mut self, record: &Record<'_>) -> Dissected {
        let Some(found) = self.shortcut(record, Dissected::Segment) else {
            return self.dissect_by_layers(record);
        };
        let mut dissected = found.placed;
        if let Some(options) = found.syn_options {
            add_options(&mut dissected, options);
        }
        dissected
    }

    /// As [`Self::dissect`], with fragments put together, and the result put behind `found` unless the record is
    /// skipped: the way for many records, because a segment is built where it stays.
    ///
    /// A fragment may give nothing yet, and any record may let go of first fragments that were held: their
    /// segments come before its own, with the numbers and times of their own records. After the last record
    /// comes [`Self::finish`].
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "called, it would take the record from memory")]
    pub fn dissect_onto(&mut self, record: &Record<'_>, found: &mut Vec<Dissected>) {
        // Where there is room already, nothing stands between the octets of the frame and the segment's place.
        if found.len() < found.capacity()
            && let Some(Placed { syn_options, .. }) =
                self.shortcut(record, |segment| found.push(Dissected::Segment(segment)))
        {
            if let (Some(options), Some(placed)) = (syn_options, found.last_mut()) {
                add_options(placed, options);
            }
            if self.reassembler.holds() {
                self.pass_last(found);
            }
            return;
        }
        let Record { number, time, link, interface, original_length, data } = *record;
        self.dissect_with_fragments(data, (number, time), (link, interface), original_length, found);
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "as for `dissect_onto`")]
    fn shortcut<'a, T>(
        &mut self,
        record: &Record<'a>,
        place: impl FnOnce(Segment) -> T,
    ) -> Option<Placed<'a, T>> {
        let found = fast::segment(record, place)?;
        self.tally.count_segment();
        Some(found)
    }

    /// As [`Self::dissect`], without its shortcut for the common frame: slower, with the same answer.
    #[inline(never)]
    pub fn dissect_by_layers(&mut self, record: &Record<'_>) -> Dissected {
        let dissected = walk::walk_alone(record).unwrap_or_else(|reason| {
            self.tally.count_skip(reason, record.number);
            Dissected::Skipped
        });
        match dissected {
            Dissected::Segment(_) => self.tally.count_segment(),
            Dissected::IcmpError(_) => self.tally.count_icmp_error(record.number),
            Dissected::Skipped => {}
        }
        dissected
    }

    /// Lets the last of `found` pass: what it releases goes before it.
    #[cold]
    fn pass_last(&mut self, found: &mut Vec<Dissected>) {
        if let Some(last) = found.pop() {
            self.passes(&last, found);
            found.push(last);
        }
    }

    /// The record comes in parts, as many as registers hold: as a whole it would be written to memory, and before
    /// the shortcut.
    #[cold]
    #[inline(never)]
    fn dissect_with_fragments(
        &mut self,
        data: &[u8],
        (number, time): (u64, Timestamp),
        (link, interface): (LinkType, u16),
        original_length: u32,
        found: &mut Vec<Dissected>,
    ) {
        let record = Record { number, time, link, interface, original_length, data };
        self.settle(number, walk::walk(&record), found);
    }

    /// Puts fragments together as long as one leads to another (a tunnel in fragments may carry a fragment),
    /// and tells what comes of `record`.
    fn settle(&mut self, record: u64, mut result: Result<Found, SkipReason>, found: &mut Vec<Dissected>) {
        let mut since = record;
        while let Ok(Found::Fragment(fragment)) = result {
            if let Some(deferred) = &mut self.deferred {
                return deferred.push(fragment);
            }
            let accepted = self.reassembler.accept(&fragment, &mut Outlet::new(found, &mut self.tally));
            let Some(whole) = accepted else { return };
            since = since.min(whole.since);
            result = walk::walk_whole(whole);
        }
        match result {
            Ok(Found::Segment(segment)) => {
                let mut outlet = Outlet::new(found, &mut self.tally);
                self.reassembler.passes(&segment, since, &mut outlet);
                outlet.tell(segment);
            }
            Ok(Found::IcmpError(error)) => {
                self.tally.count_icmp_error(record);
                found.push(Dissected::IcmpError(error));
            }
            Ok(Found::Fragment(_)) => {}
            Err(reason) => self.tally.count_skip(reason, record),
        }
    }

    /// The fragments that a [`Self::deferring`] dissector took aside since the last call, in the order of
    /// their records. To be called now and then: they are kept until then.
    pub fn take_fragments(&mut self) -> Vec<Fragment> {
        self.deferred.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Goes on with a fragment that was taken aside, as if its record had just been read.
    pub fn resume(&mut self, fragment: Fragment, found: &mut Vec<Dissected>) {
        self.settle(fragment.record(), Ok(Found::Fragment(fragment)), found);
    }

    /// To be called with what was dissected elsewhere, before it goes on: what it releases is put behind `found`.
    /// It itself is neither put there nor counted.
    #[inline]
    pub fn passes(&mut self, next: &Dissected, found: &mut Vec<Dissected>) {
        if let Dissected::Segment(segment) = next
            && self.reassembler.holds()
        {
            self.reassembler.passes(segment, segment.record, &mut Outlet::new(found, &mut self.tally));
        }
    }

    /// To be called after the last record: first fragments that are still held are put behind `found`, and
    /// every fragment of a datagram that did not become whole is counted.
    pub fn finish(&mut self, found: &mut Vec<Dissected>) {
        self.reassembler.finish(&mut Outlet::new(found, &mut self.tally));
    }

    /// What became of all records so far, without fragments whose datagram is not decided yet.
    pub const fn tally(&self) -> &SkipTally {
        &self.tally
    }

    /// The same, for keeps.
    pub fn into_tally(self) -> SkipTally {
        self.tally
    }
}
