//! What leaves the table when too many flows are live.

use super::cold::COLD;
use super::{Due, EVENTS, Shard};
use crate::flow::duplicates::Recent;
use crate::flow::event::Event;
use crate::flow::finished::Outlet;
use crate::flow::live::{Live, RETIRED};
use crate::flow::packed::Packed;
use crate::time::Timestamp;

/// This part of all flows leaves at once: looking for those that can be spared best costs a look at each.
const PART: u64 = 8;
/// Octets of a flow in use: its slot, its last segments, and room for some events.
const IN_USE: usize = size_of::<Option<Live>>() + size_of::<Recent>() + EVENTS * size_of::<Event>();

/// How well a flow can be spared; the first ones leave first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    /// It is over, and waits for late segments only.
    Over,
    /// Nobody answered its SYN.
    Unanswered,
    /// All others.
    Open,
}

impl Shard {
    /// Writes flows before their time when more are live than [`Limits::max_flows`](super::Limits::max_flows) and
    /// [`Limits::max_memory`](super::Limits::max_memory) allow: those that are over first, then unanswered SYNs, then
    /// all others; in each group those that were quiet the longest.
    #[inline]
    pub(in crate::flow) fn keep_within_limit(&mut self, out: &mut Outlet<'_>) {
        let most = self.limits.max_flows;
        if self.live > most {
            self.make_room(most, out);
        } else if self.limits.max_memory.is_some_and(|most| self.octets() > most) {
            self.make_room(self.live, out);
        }
    }

    /// Octets that are taken by flows, live ones and those remembered. Counts what is in use, not what was allocated,
    /// so that it is the same in every run.
    fn octets(&self) -> u64 {
        let in_use = self.slots.len() - self.free.len();
        let octets = in_use * IN_USE + self.cold.octets() + self.index.octets() + self.graveyard.octets();
        octets as u64
    }

    #[cold]
    fn make_room(&mut self, most: u64, out: &mut Outlet<'_>) {
        let mut waiting = std::mem::take(&mut self.finished);
        waiting.sort_unstable();
        for (decided, _, slot) in waiting {
            self.close(slot, decided, out);
        }
        let surplus = self.live.saturating_sub(most - most.div_ceil(PART));
        let mut leaving = self.spare(usize::try_from(surplus).unwrap_or(usize::MAX));
        leaving.sort_unstable();
        for (decided, _, slot) in leaving {
            if slot & COLD != 0 {
                let evicted = self.cold.get(slot).is_some_and(|packed| !packed.is_over());
                self.stats.evicted += u64::from(evicted);
                self.bury_packed(slot);
                self.close_packed(slot, (decided, evicted), out);
                continue;
            }
            let Some(Some(live)) = self.slots.get_mut(slot as usize) else { continue };
            live.stage.evicted = Standing::of(live) != Standing::Over;
            self.stats.evicted += u64::from(live.stage.evicted);
            self.unlink(slot);
            self.close(slot, decided, out);
        }
    }

    /// The `count` flows that can be spared best.
    fn spare(&self, count: usize) -> Vec<Due> {
        let in_use = (0..).zip(&self.slots).filter_map(|(slot, live)| Some((slot, live.as_ref()?)));
        let in_use = in_use
            .filter(|(_, live)| live.deadline != RETIRED)
            .map(|(slot, live)| (Standing::of(live), live.last().time, live.first.record, slot));
        let packed = self.index.slots().filter_map(|slot| {
            let packed = self.cold.get(slot)?;
            Some((Standing::of_packed(&packed), packed.last(), packed.id(), slot))
        });
        let mut flows: Vec<(Standing, Timestamp, u64, u32)> = in_use.chain(packed).collect();
        let count = count.min(flows.len());
        if let Some(last) = count.checked_sub(1) {
            flows.select_nth_unstable(last);
        }
        flows
            .into_iter()
            .take(count)
            .map(|(_, _, id, slot)| (self.moment.clock.watermark(), id, slot))
            .collect()
    }
}

impl Standing {
    fn of(live: &Live) -> Self {
        Self::new(live.is_over(), live.stage.syn && !live.halves.responder.seen)
    }

    fn of_packed(packed: &Packed<'_>) -> Self {
        Self::new(packed.is_over(), packed.is_unanswered())
    }

    const fn new(is_over: bool, is_unanswered: bool) -> Self {
        match (is_over, is_unanswered) {
            (true, _) => Self::Over,
            (false, true) => Self::Unanswered,
            (false, false) => Self::Open,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::{Finished, FlowOutcome, Judge, Limits, Table};
    use crate::net::FourTuple;
    use crate::tcp::{Flags, Segment, SeqNumber};

    fn segment(record: u64, client: u16, from_client: bool, flags: Flags) -> Segment {
        let (ports, hosts) = ((client, 80), ([10, 0, 0, 1], [10, 0, 0, 2]));
        let (tuple, from_low) = if from_client {
            FourTuple::v4(hosts.0, hosts.1, ports, 0)
        } else {
            FourTuple::v4(hosts.1, hosts.0, (ports.1, ports.0), 0)
        };
        Segment {
            record,
            time: Timestamp::from_nanos(i64::try_from(record).unwrap()),
            seq: SeqNumber(if from_client { 100 } else { 500 }),
            ack: SeqNumber(if from_client { 0 } else { 101 }),
            flags,
            ..Segment::plain((tuple, from_low))
        }
    }

    #[test]
    fn unanswered_syns_leave_before_connections_and_the_oldest_first() {
        let mut table = Table::new(Limits { max_flows: 16, ..Limits::default() });
        let mut left = Vec::new();
        let mut finished = Finished::default();
        let mut out = Outlet::gather(&mut finished);
        table.observe(&segment(1, 1, true, Flags::SYN), &mut out);
        table.observe(&segment(2, 1, false, Flags(Flags::SYN.0 | Flags::ACK.0)), &mut out);
        for port in 2..=17 {
            table.observe(&segment(u64::from(port) + 1, port, true, Flags::SYN), &mut out);
        }
        Judge::new(Limits::default()).judge(&mut finished, |flow| {
            left.push((flow.initiator.port, flow.outcome, flow.undecided_because));
        });
        let why =
            Some("too many connections were live at once to follow them all (--max-flows, --max-memory)");
        assert_eq!(left, [2, 3, 4].map(|port| (port, FlowOutcome::Undecided, why)));
        assert_eq!((table.live(), table.stats().evicted), (14, 3));
    }

    #[test]
    fn a_flood_keeps_within_the_memory() {
        const MOST: u64 = 1 << 18;
        let mut table = Table::new(Limits { max_memory: Some(MOST), ..Limits::default() });
        let mut finished = Finished::default();
        let mut out = Outlet::gather(&mut finished);
        for port in 1..=20_000 {
            table.observe(&segment(port.into(), port, true, Flags::SYN), &mut out);
            assert!(table.shards_mut().map(|shard| shard.octets()).sum::<u64>() <= MOST);
        }
        assert!(table.live() > 100);
        let evicted = table.stats().evicted;
        table.finish(&mut out);
        assert!(evicted > 15_000 && finished.len() == 20_000, "{evicted}");
    }

    #[test]
    fn a_flood_keeps_within_the_limit_and_every_flow_is_told_once() {
        let mut table = Table::new(Limits { max_flows: 100, ..Limits::default() });
        let mut told = Vec::new();
        let mut finished = Finished::default();
        let mut out = Outlet::gather(&mut finished);
        for port in 1..=5000 {
            table.observe(&segment(port.into(), port, true, Flags::SYN), &mut out);
            assert!(table.live() <= 100);
        }
        table.finish(&mut out);
        Judge::new(Limits::default()).judge(&mut finished, |flow| told.push(flow.initiator.port));
        told.sort_unstable();
        assert_eq!(told, (1..=5000).collect::<Vec<_>>());
    }
}
