//! The table of live flows: shards by four-tuple, and capture time for all of them.

use super::clock::second_of;
use super::facts::Limits;
use super::finished::Outlet;
use super::shard::{Directions, Left, Moment, Shard, TableStats};
use crate::dissect::{Dissected, IcmpError};
use crate::net::FourTuple;
use crate::tcp::Segment;
use crate::time::Timestamp;

/// Shards of one table. Fixed: which flows leave early, when too many are live, must not depend on how many threads
/// there are.
const SHARDS: usize = 4;
/// Limits below this hold for one shard, which is the table then: a part of them would be reached by chance.
const LEAST_TO_SHARE: u64 = 1 << 16;

/// All live flows of one capture.
///
/// Finished flows come out in the order in which they were finished: by the capture time of that decision, then by
/// first record. Nothing in the output depends on the hash seed, nor on how many threads follow its shards.
#[derive(Debug)]
pub struct Table {
    moment: Moment,
    /// Those of this table's, each with its place among all.
    shards: Vec<(usize, Shard)>,
    /// How many shards there are, in all tables.
    of: usize,
    /// Other tables have the other shards.
    is_part: bool,
}

impl Table {
    /// An empty table.
    pub fn new(limits: Limits) -> Self {
        Self::part(limits, 0, 1)
    }

    /// The part `part` of `parts` of a table: given all of an input, each follows other flows, and together they follow
    /// all. Parts that have nothing to follow are empty.
    ///
    /// Flows of a part are numbered among its own (`stream`); an [`Outlet`] tells when they began.
    pub(crate) fn part(limits: Limits, part: usize, parts: usize) -> Self {
        let of = Self::shards_within(&limits);
        let share = of as u64;
        let limits = Limits {
            max_flows: limits.max_flows / share,
            max_memory: limits.max_memory.map(|octets| octets / share),
            ..limits
        };
        let shards = (0..of).filter(|shard| shard % parts == part).map(|shard| (shard, Shard::new(limits)));
        Self { moment: Moment::default(), shards: shards.collect(), of, is_part: parts > 1 }
    }

    /// What was done so far.
    pub fn stats(&self) -> TableStats {
        self.shards.iter().fold(TableStats::default(), |stats, (_, shard)| stats.joined(shard.stats()))
    }

    /// Flows that are live now.
    pub fn live(&self) -> u64 {
        self.shards.iter().map(|(_, shard)| shard.live()).sum()
    }

    /// The directions that were captured of the flows that are live now.
    pub fn directions(&self) -> Directions {
        self.shards.iter().fold(Directions::default(), |sum, (_, shard)| sum.joined(shard.directions()))
    }

    /// Takes what was dissected, whatever it is; flows that its capture time finishes go to `out`.
    #[inline]
    pub fn observe_any(&mut self, found: &Dissected, out: &mut Outlet<'_>) {
        match found {
            Dissected::Segment(segment) => self.observe(segment, out),
            Dissected::IcmpError(error) => self.observe_icmp(error, out),
            Dissected::Skipped => {}
        }
    }

    /// Takes one segment; flows that its capture time finishes go to `out`.
    #[inline]
    pub fn observe(&mut self, segment: &Segment, out: &mut Outlet<'_>) {
        self.moment.place += 1;
        if let Some(second) = self.moment.clock.tick(segment.time) {
            self.expire(second, out);
        }
        let Some(shard) = shard_of(&mut self.shards, &segment.tuple, self.of) else { return };
        shard.set(&self.moment);
        shard.observe(segment);
        if shard.begun() != self.moment.begun {
            self.moment.begun = shard.begun();
            if self.is_part {
                out.note_begun(self.moment.place);
            }
            // Whatever leaves now has begun before.
            shard.keep_within_limit(out);
        }
    }

    /// Takes an ICMP error about a segment; flows that its capture time finishes go to `out`.
    pub fn observe_icmp(&mut self, error: &IcmpError, out: &mut Outlet<'_>) {
        self.advance(error.time, out);
        let Some(shard) = shard_of(&mut self.shards, &error.tuple, self.of) else { return };
        shard.set(&self.moment);
        shard.observe_icmp(error);
    }

    /// Moves capture time to `now`, unless it is there already; flows that are due by then go to `out`.
    pub fn advance(&mut self, now: Timestamp, out: &mut Outlet<'_>) {
        self.moment.place += 1;
        if let Some(second) = self.moment.clock.advance(now) {
            self.expire(second, out);
        }
    }

    /// How many parts of a table have something to follow, of `most`.
    pub(crate) fn parts(limits: &Limits, most: usize) -> usize {
        Self::shards_within(limits).min(most)
    }

    const fn shards_within(limits: &Limits) -> usize {
        if limits.max_flows < LEAST_TO_SHARE { 1 } else { SHARDS }
    }

    #[cfg(test)]
    pub(super) fn shards_mut(&mut self) -> impl Iterator<Item = &mut Shard> {
        self.shards.iter_mut().map(|(_, shard)| shard)
    }

    /// Tells `out` that nothing was finished until now but what it was given.
    pub(crate) fn report_place(&self, out: &mut Outlet<'_>) {
        out.note_place(self.moment.place);
    }

    /// Notes at which records the input broke off: a file was cut short or damaged there. Flows that lived
    /// then, and are judged by what was not seen, cannot be.
    pub fn cut(&mut self, records: impl IntoIterator<Item = u64>) {
        let records: Vec<u64> = records.into_iter().collect();
        self.shards.iter_mut().for_each(|(_, shard)| shard.cut(&records));
    }

    /// Finishes every flow: the input has ended.
    pub fn finish(&mut self, out: &mut Outlet<'_>) {
        self.moment.place += 1;
        self.expire(second_of(self.moment.clock.watermark()).saturating_add(1), out);
        self.moment.place = u64::MAX;
        for (_, shard) in &mut self.shards {
            shard.set(&self.moment);
        }
        let left = self.shards.iter_mut().map(|(_, shard)| (shard.gather_left(), shard));
        let mut left: Vec<(Left, &mut Shard)> = left.collect();
        while let Some((left, shard)) = first_of(&mut left, |(left, shard)| shard.next_left(left)) {
            shard.close_left(left, out);
        }
        out.note_place(u64::MAX);
    }

    /// Finishes all flows whose deadline lies before `second` and has come, in the order of their deadlines.
    #[cold]
    fn expire(&mut self, second: i64, out: &mut Outlet<'_>) {
        for (_, shard) in &mut self.shards {
            shard.set(&self.moment);
            shard.gather_due(second);
        }
        while let Some((_, shard)) = first_of(&mut self.shards, |(_, shard)| shard.next_due()) {
            shard.close_due(out);
        }
    }
}

/// The one whose next thing comes first.
#[inline]
fn first_of<T, K: Ord>(all: &mut [T], next: impl Fn(&T) -> Option<K>) -> Option<&mut T> {
    let place = all.iter().enumerate().filter_map(|(place, one)| Some((next(one)?, place))).min()?.1;
    all.get_mut(place)
}

/// The shard that follows the flows of a four-tuple, unless it is another table's.
#[inline]
fn shard_of<'a>(shards: &'a mut [(usize, Shard)], tuple: &FourTuple, of: usize) -> Option<&'a mut Shard> {
    let place = place_of(tuple, of);
    // All of them, or few.
    match shards.get_mut(place) {
        Some((number, _)) if *number == place => shards.get_mut(place).map(|(_, shard)| shard),
        _ => shards.iter_mut().find(|(number, _)| *number == place).map(|(_, shard)| shard),
    }
}

/// Which shard of `of` a four-tuple belongs to. Not keyed: which flows share limits is the same in every run.
#[inline]
fn place_of(tuple: &FourTuple, of: usize) -> usize {
    let [a, b, c, d, ports] = tuple.words();
    let mixed = (a ^ b.rotate_left(16) ^ c.rotate_left(32) ^ d.rotate_left(48) ^ ports)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 32) as usize & (of - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::{Finished, Judge};
    use crate::tcp::{Flags, SeqNumber};

    /// A connection request, unanswered or not, now and then of a four-tuple that had one before.
    fn segment(record: u64) -> Segment {
        let number = u32::try_from(record / 2).unwrap();
        let (answers, [_, a, b, c]) = (record % 2 == 1 && number % 3 == 0, number.to_be_bytes());
        let (client, server) = ([10, a, b, c], [10, 200, 0, 1]);
        let (tuple, from_low) = if answers {
            FourTuple::v4(server, client, (80, 40_000), 0)
        } else {
            FourTuple::v4(client, server, (40_000, 80), 0)
        };
        Segment {
            record,
            time: Timestamp::from_nanos(i64::try_from(record).unwrap() * 10_000),
            seq: SeqNumber(if answers { 900 } else { 100 }),
            ack: SeqNumber(if answers { 101 } else { 0 }),
            flags: if answers { Flags(Flags::SYN.0 | Flags::ACK.0) } else { Flags::SYN },
            ..Segment::plain((tuple, from_low))
        }
    }

    /// Which flows leave when, and why, however many tables follow them.
    #[test]
    fn limits_do_not_depend_on_parts() {
        let limits = Limits { max_memory: Some(1 << 22), ..Limits::default() };
        let told = |parts: usize| {
            let mut told = Vec::new();
            for part in 0..parts {
                let (mut table, mut finished) = (Table::part(limits, part, parts), Finished::default());
                for record in 1..100_000 {
                    table.observe(&segment(record), &mut Outlet::gather(&mut finished));
                }
                table.finish(&mut Outlet::gather(&mut finished));
                Judge::new(limits)
                    .judge(&mut finished, |flow| told.push((flow.id, flow.evicted, flow.outcome)));
            }
            told.sort_unstable_by_key(|(id, ..)| *id);
            told
        };
        let whole = told(1);
        assert!(whole.iter().filter(|(_, evicted, _)| *evicted).count() > 1000);
        assert_eq!(told(2), whole);
        assert_eq!(told(4), whole);
    }
}
