//! Which flows are in use, and which of those that are not wait packed.

use super::Shard;
use crate::flow::clock::second_of;
use crate::flow::live::{NEVER, RETIRED};
use crate::time::Timestamp;

/// Flows in use that need no check: as many lie in the processor's caches.
const LEAST: usize = 1 << 11;
/// Slots that are looked at for each flow that comes into use beyond the allowance.
const LOOKS: usize = 4;

/// Finds flows that nothing came for while others did: the hand of a clock goes around the slots, and what has not
/// moved since it passed last is packed.
#[derive(Debug)]
pub(super) struct Warmth {
    /// The last record of the flow in each slot when the hand passed.
    seen: Vec<u64>,
    hand: usize,
    /// Flows in use that are not checked. Grows where flows are taken back into use soon after they were packed.
    allowance: usize,
}

impl Default for Warmth {
    fn default() -> Self {
        Self { seen: Vec::new(), hand: 0, allowance: LEAST }
    }
}

impl Warmth {
    /// A flow is taken back into use for `record`; the last one before was `last`. Each flow in use had one record or
    /// more meanwhile: if they were few, it should not have been packed.
    fn note_return(&mut self, last: u64, record: u64) {
        if record.saturating_sub(last) < self.allowance as u64 * 4 {
            self.allowance += 1;
        }
    }
}

impl Shard {
    /// Packs some flows that are not in use, where there are many.
    #[inline]
    pub(super) fn cool_down(&mut self) {
        if self.slots.len() - self.free.len() > self.warmth.allowance {
            self.turn_hand();
        }
    }

    fn turn_hand(&mut self) {
        for _ in 0..LOOKS {
            self.warmth.hand += 1;
            if self.warmth.hand >= self.slots.len() {
                self.warmth.hand = 0;
                self.warmth.seen.resize(self.slots.len(), 0);
            }
            let hand = self.warmth.hand;
            let Some(Some(live)) = self.slots.get(hand) else { continue };
            let last = live.last().record;
            let Some(seen) = self.warmth.seen.get_mut(hand) else { continue };
            if std::mem::replace(seen, last) == last
                && let Ok(slot) = u32::try_from(hand)
            {
                self.put_away(slot);
            }
        }
    }

    /// Packs the flow in `slot`, if it is of the kind that can be.
    pub(super) fn put_away(&mut self, slot: u32) -> bool {
        let Some(place) = self.slots.get_mut(slot as usize) else { return false };
        let Some(live) = place else { return false };
        if live.deadline == RETIRED {
            return false;
        }
        let recent = self.recents.get(slot as usize).copied().unwrap_or_default();
        let (tuple, deadline) = (live.tuple, live.deadline);
        let Some(packed) = self.cold.push(live, &recent, self.moment.clock.watermark()) else { return false };
        self.rooms.push(std::mem::take(live.events.list_mut()));
        *place = None;
        self.free.push(slot);
        self.index.replace(self.hash_of(&tuple), slot, packed);
        if deadline < Timestamp::MAX {
            self.expiry.push(second_of(deadline), packed);
        }
        true
    }

    /// Takes a flow back into use: the segment or ICMP error in `record` came for it.
    #[cold]
    pub(super) fn wake(&mut self, slot: u32, record: u64) -> Option<u32> {
        let room = self.room();
        let mut live = self.cold.get(slot)?.unpack(room);
        let recent = self.cold.recent(slot);
        self.cold.remove(slot);
        self.warmth.note_return(live.last().record, record);
        live.queued_for = NEVER;
        let (tuple, deadline) = (live.tuple, live.deadline);
        let in_use = self.store(live, recent);
        self.index.replace(self.hash_of(&tuple), slot, in_use);
        if deadline < Timestamp::MAX {
            self.queue(in_use, second_of(deadline));
        }
        Some(in_use)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::flow::{Finished, Judge, Limits, Outlet, Table};
    use crate::net::FourTuple;
    use crate::tcp::{Flags, Segment, SeqNumber, SynOptions};

    /// Segments between a few endpoints, near each other's numbers: most are nonsense, all must be kept.
    fn segments() -> impl Strategy<Value = Vec<Segment>> {
        let flags =
            prop::sample::select(vec![0x02_u8, 0x12, 0x10, 0x10, 0x18, 0x18, 0x11, 0x11, 0x04, 0x14, 0x01]);
        let numbers = (0..5_u32, 0..5_u32, prop::sample::select(vec![0, 0, 1, 100, 70_000_u32]));
        let more = (prop::sample::select(vec![0, 1, 512, u16::MAX]), 0..3_u16, 60..63_u8);
        let step =
            prop::sample::select(vec![0, 1_000, 1_000_000, 90_000_000, 3_000_000_000, 61_000_000_000_i64]);
        prop::collection::vec((0..6_u16, any::<bool>(), flags, numbers, more, step), 1..120).prop_map(
            |drawn| {
                let mut time = 1_700_000_000_000_000_000;
                let segment = |(number, (place, there, flags, (seq, ack, octets), more, step))| {
                    let (window, ip_id, ttl): (u16, u16, u8) = more;
                    time += step;
                    // A trunk whose directions bear different VLANs.
                    let scope = if place == 1 && there { 7 } else { 0 };
                    let (tuple, from_low) = if place < 4 {
                        let ([a, b], ports) = ([[10, 0, 0, 1], [10, 0, 0, 2]], (40_000 + place, 80));
                        if there {
                            FourTuple::v4(a, b, ports, scope)
                        } else {
                            FourTuple::v4(b, a, (ports.1, ports.0), scope)
                        }
                    } else {
                        let (a, b, ports) = ([1; 16], [2; 16], (40_000 + place, 80));
                        if there {
                            FourTuple::v6(a, b, ports, scope)
                        } else {
                            FourTuple::v6(b, a, (ports.1, ports.0), scope)
                        }
                    };
                    let own = if there { 1000 } else { u32::MAX - 50 };
                    let peers = if there { u32::MAX - 50 } else { 1000 };
                    Segment {
                        record: number,
                        time: Timestamp::from_nanos(time),
                        seq: SeqNumber(own).add(seq * 50),
                        ack: if flags & 0x10 == 0 { SeqNumber(0) } else { SeqNumber(peers).add(ack * 50) },
                        flags: Flags(flags),
                        window,
                        octets: if flags & 6 == 0 { octets } else { 0 },
                        ttl,
                        ip_id,
                        options: (flags & 2 != 0)
                            .then(|| SynOptions { window_scale: Some(7), ..SynOptions::default() }),
                        ..Segment::plain((tuple, from_low))
                    }
                };
                (1..).zip(drawn).map(segment).collect()
            },
        )
    }

    /// What is told of `segments`; with `packing`, all flows are packed after each of them.
    fn told(segments: &[Segment], packing: bool) -> Vec<String> {
        let mut table = Table::new(Limits::default());
        let mut finished = Finished::default();
        for segment in segments {
            table.observe(segment, &mut Outlet::gather(&mut finished));
            for shard in table.shards_mut().take_while(|_| packing) {
                for slot in 0..shard.slots.len() {
                    shard.put_away(u32::try_from(slot).unwrap());
                }
            }
        }
        let directions = table.directions();
        table.finish(&mut Outlet::gather(&mut finished));
        let mut told = vec![format!("{directions:?} {:?}", table.stats())];
        let mut judge = Judge::new(Limits::default());
        judge.expect(directions);
        judge.judge(&mut finished, |flow| told.push(format!("{flow:?}")));
        told
    }

    proptest! {
        #[test]
        fn packing_changes_nothing(segments in segments()) {
            prop_assert_eq!(told(&segments, true), told(&segments, false));
        }
    }

    #[test]
    fn flows_that_are_used_by_turns_stay_in_use() {
        let mut table = Table::new(Limits::default());
        table.shards_mut().for_each(|shard| shard.warmth.allowance = 4);
        let mut finished = Finished::default();
        let segment = |record: u64| {
            let port = 10_000 + u16::try_from(record % 500).unwrap();
            let (tuple, from_low) = FourTuple::v4([10, 0, 0, 1], [10, 0, 0, 2], (port, 80), 0);
            Segment {
                record,
                time: Timestamp::from_nanos(i64::try_from(record).unwrap() * 1000),
                seq: SeqNumber(u32::try_from(record).unwrap()),
                ack: SeqNumber(1),
                octets: 1,
                ..Segment::plain((tuple, from_low))
            }
        };
        let mut in_use = |records: std::ops::Range<u64>| {
            for record in records {
                table.observe(&segment(record), &mut Outlet::gather(&mut finished));
            }
            table.shards_mut().map(|shard| shard.slots.len() - shard.free.len()).sum::<usize>()
        };
        assert!(in_use(1..501) < 50, "idle ones are packed");
        assert_eq!(in_use(501..100_000), 500, "the room grows with what is in use");
    }
}
